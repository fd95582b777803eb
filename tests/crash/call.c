// SPDX-License-Identifier: BSD-3-Clause
#include "tests/crash/call.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROOT "/org/vcmd/Vcm1"
#define RESTARTS "org.vcmd.Vcm1.Error.ECONNRESET"
#define MANAGER CALL_NAME ".Manager"

struct call_session me;
_Thread_local char call_refused[64];

static bool has_owner;
static uint64_t session;
static uint8_t token[16];

void call_fail(const char *what, int line)
{
	fprintf(stderr, "caller %u, line %d: %s: %s\n", me.number, line, what, call_refused);
	_exit(1);
}

enum call_result call_result(int r, const sd_bus_error *error)
{
	static const char *const gone[] = {
		SD_BUS_ERROR_NO_REPLY,          SD_BUS_ERROR_SERVICE_UNKNOWN,
		SD_BUS_ERROR_NAME_HAS_NO_OWNER, SD_BUS_ERROR_UNKNOWN_METHOD,
		SD_BUS_ERROR_UNKNOWN_OBJECT,    RESTARTS,
	};

	if (r >= 0)
		return CALL_DONE;
	for (size_t i = 0; i < sizeof(gone) / sizeof(*gone); i++)
		if (sd_bus_error_has_name(error, gone[i]))
			return CALL_GONE;
	return CALL_REFUSED;
}

void call_note(const sd_bus_error *error)
{
	const char *name = error->name ? error->name : "";

	if (!strncmp(name, CALL_NAME ".Error.", strlen(CALL_NAME ".Error.")))
		name += strlen(CALL_NAME ".Error.");
	snprintf(call_refused, sizeof(call_refused), "%s", name);
}

/* The message is consumed. */
enum call_result call_try(sd_bus *on, sd_bus_message *m, sd_bus_message **out)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	int r;

	sd_bus_message_set_auto_start(m, 0);
	r = sd_bus_call(on, m, CALL_USEC, &error, out);
	sd_bus_message_unref(m);
	call_note(&error);
	return call_result(r, &error);
}

sd_bus_message *call_new(sd_bus *on, const char *at, const char *interface, const char *member)
{
	sd_bus_message *m = NULL;

	MUST(sd_bus_message_new_method_call(on, &m, CALL_NAME, at, interface, member) >= 0);
	return m;
}

/* --- a broker that comes and goes */

static int on_owner(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	const char *name, *old, *new;

	(void)userdata;
	(void)error;
	MUST(sd_bus_message_read(m, "sss", &name, &old, &new) >= 0);
	has_owner = *new;
	return 0;
}

static void await_owner(void)
{
	int r;

	for (;;) {
		while ((r = sd_bus_process(me.bus, NULL)) > 0)
			;
		MUST(r >= 0);
		if (has_owner)
			return;
		MUST(sd_bus_wait(me.bus, UINT64_MAX) >= 0);
	}
}

static void take_session(sd_bus_message *reply)
{
	const void *bytes;
	const char *at;
	size_t n;

	MUST(sd_bus_message_read(reply, "to", &session, &at) >= 0);
	MUST(sd_bus_message_read_array(reply, 'y', &bytes, &n) >= 0 && n == sizeof(token));
	snprintf(me.path, sizeof(me.path), "%s", at);
	memcpy(token, bytes, n);
}

static sd_bus_message *session_call(void)
{
	sd_bus_message *m =
		call_new(me.bus, ROOT, MANAGER, session ? "ResumeSession" : "OpenSession");

	if (!session) {
		MUST(sd_bus_message_append(m, "sb", "caller", 1) >= 0);
		return m;
	}
	MUST(sd_bus_message_append(m, "t", session) >= 0);
	MUST(sd_bus_message_append_array(m, 'y', token, sizeof(token)) >= 0);
	MUST(sd_bus_message_append(m, "b", 1) >= 0);
	return m;
}

/* The session, of whichever broker there is: a new one, or the one that there was. */
void call_have_session(void)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	enum call_result how = CALL_GONE;

	while (how == CALL_GONE) {
		await_owner();
		how = call_try(me.bus, session_call(), &reply);
		/* Gone, and nobody has said so yet. */
		if (how == CALL_GONE)
			MUST(sd_bus_wait(me.bus, 10000) >= 0);
	}
	MUST(how == CALL_DONE);
	take_session(reply);
	me.n_lives++;
}

/* NULL when it is refused. It is asked again of the next broker when this one goes: for what may be done twice. */
sd_bus_message *call_ask(const char *member, const char *types, ...)
{
	sd_bus_message *m, *reply = NULL;
	enum call_result how;
	va_list args;

	for (;;) {
		m = call_new(me.bus, me.path, CALL_OPERATIONS, member);
		va_start(args, types);
		MUST(sd_bus_message_appendv(m, types, args) >= 0);
		va_end(args);
		how = call_try(me.bus, m, &reply);
		if (how != CALL_GONE)
			return how == CALL_DONE ? reply : NULL;
		call_have_session();
	}
}

/* --- what is done once */

static void append_step(sd_bus_message *m, const struct call_step *s)
{
	MUST(sd_bus_message_open_container(m, 'r', "sa{sv}") >= 0);
	MUST(sd_bus_message_append(m, "s", s->method) >= 0);
	MUST(sd_bus_message_open_container(m, 'a', "{sv}") >= 0);
	for (const struct call_argument *a = s->args; a->type; a++)
		MUST((a->type == 't' ? sd_bus_message_append(m, "{sv}", a->name, "t", a->v) :
				       sd_bus_message_append(m, "{sv}", a->name,
							     (const char[]){ a->type, 0 },
							     (uint32_t)a->v)) >= 0);
	MUST(sd_bus_message_close_container(m) >= 0);
	MUST(sd_bus_message_close_container(m) >= 0);
}

static sd_bus_message *once_call(const struct call_step *steps, size_t n)
{
	sd_bus_message *m = call_new(me.bus, me.path, CALL_OPERATIONS, "Once");

	MUST(sd_bus_message_append(m, "uu", me.ticket, me.ticket - 1) >= 0);
	MUST(sd_bus_message_open_container(m, 'a', "(sa{sv})") >= 0);
	for (size_t i = 0; i < n; i++)
		append_step(m, &steps[i]);
	MUST(sd_bus_message_close_container(m) >= 0);
	return m;
}

/* The values called `address` of each step; 0 where there is none. */
static void take_addresses(sd_bus_message *reply, uint64_t *out, size_t n)
{
	const char *name;

	MUST(sd_bus_message_enter_container(reply, 'a', "a{sv}") > 0);
	for (size_t i = 0; i < n; i++) {
		out[i] = 0;
		MUST(sd_bus_message_enter_container(reply, 'a', "{sv}") > 0);
		while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
			MUST(sd_bus_message_read(reply, "s", &name) >= 0);
			if (!strcmp(name, "address"))
				MUST(sd_bus_message_read(reply, "v", "t", &out[i]) >= 0);
			else
				MUST(sd_bus_message_skip(reply, "v") >= 0);
			MUST(sd_bus_message_exit_container(reply) >= 0);
		}
		MUST(sd_bus_message_exit_container(reply) >= 0);
	}
}

/* All of them or none, whoever carries them out. */
bool call_once(const struct call_step *steps, size_t n, uint64_t *out_addresses)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	enum call_result how;

	me.ticket++;
	while ((how = call_try(me.bus, once_call(steps, n), &reply)) == CALL_GONE)
		call_have_session();
	if (how == CALL_DONE && out_addresses)
		take_addresses(reply, out_addresses, n);
	return how == CALL_DONE;
}

sd_bus *call_join(void)
{
	sd_bus *sd = NULL;

	MUST((me.address ? sd_bus_new(&sd) : sd_bus_open_system(&sd)) >= 0);
	if (me.address) {
		MUST(sd_bus_set_address(sd, me.address) >= 0);
		MUST(sd_bus_set_bus_client(sd, 1) >= 0);
		MUST(sd_bus_start(sd) >= 0);
	}
	return sd;
}

void call_begin(void)
{
	me.bus = call_join();
	MUST(sd_bus_add_match(me.bus, NULL,
			      "type='signal',sender='org.freedesktop.DBus',"
			      "member='NameOwnerChanged',arg0='" CALL_NAME "'",
			      on_owner, NULL) >= 0);
	has_owner = sd_bus_get_name_creds(me.bus, CALL_NAME, 0, NULL) >= 0;
}
