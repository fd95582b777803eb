// SPDX-License-Identifier: BSD-3-Clause
/*
 * A message bus that sends more than is good, and reads nothing: what is kept of it is bounded, and nobody else notices. The bus is
 * played by a thread, with sd-bus's other half.
 */
#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "graph/graph.h"
#include "tests/suite.h"
#include "tests/vcmd/world.h"
#include "vcmd/broker.h"
#include "vcmd/bus.h"

#define CALLER ":1.7"
#define STRANGER ":1.8"
#define N_CALLS 5000
#define N_PINGS 200
/* More than vcmd/bus.c lets be queued before it stops to read, by what one turn may add. */
#define QUEUE_MAX 128
#define N_SHORT 10
#define N_LONG 3
#define LONG_LEN (HELD_MAX + 1)
#define HELD_MAX (1024 * 1024)

static struct world *w;
static struct bus *bus;
static char dir[32], path[64];

static struct {
	int listener;
	pthread_t thread;
	sd_bus *sd;
	sd_bus_message *question; /* who STRANGER is, unanswered */
	void (*deed)(unsigned int i);
	atomic_uint to_send, n_sent, n_answers, n_refused;
	atomic_bool has_left; /* a caller, without a word */
	atomic_bool has_name, may_read, may_tell, is_over;
} played;

/* --- the bus */

static int reply_empty(sd_bus_message *m)
{
	return sd_bus_reply_method_return(m, NULL) < 0 ? -1 : 1;
}

static int tell(sd_bus_message *m)
{
	return sd_bus_reply_method_return(m, "a{sv}", 2, "UnixUserID", "u", geteuid(), "ProcessID",
					  "u", getpid()) < 0 ?
		       -1 :
		       1;
}

static int on_question(sd_bus_message *m)
{
	const char *name;

	if (sd_bus_message_read(m, "s", &name) < 0)
		return -1;
	if (strcmp(name, STRANGER) != 0)
		return tell(m);
	played.question = sd_bus_message_ref(m);
	return 1;
}

static int on_message(sd_bus_message *m, void *userdata _unused_, sd_bus_error *error _unused_)
{
	const char *member = sd_bus_message_get_member(m);
	int r;

	if (!member) {
		played.n_refused += sd_bus_message_is_method_error(m, NULL) > 0;
		played.n_answers++;
		return 1;
	}
	if (!strcmp(member, "Hello"))
		return sd_bus_reply_method_return(m, "s", ":1.1") < 0 ? -1 : 1;
	if (!strcmp(member, "GetConnectionCredentials"))
		return on_question(m);
	if (!strcmp(member, "NameHasOwner"))
		return sd_bus_reply_method_return(m, "b", !played.has_left) < 0 ? -1 : 1;
	if (strcmp(member, "RequestName") != 0)
		return reply_empty(m);
	r = sd_bus_reply_method_return(m, "u", 1);
	played.has_name = true;
	return r < 0 ? -1 : 1;
}

static void send_from(sd_bus_message *m, const char *sender)
{
	int r = sd_bus_message_set_sender(m, sender);
	uint64_t cookie;

	/* Who does not ask for the cookie wants no answer. */
	if (r >= 0)
		r = sd_bus_send(played.sd, m, &cookie);
	ck_assert_int_ge(r, 0);
	played.n_sent++;
}

static void send_call(const char *sender, const char *interface, const char *member,
		      const char *types, ...)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	va_list args;
	int r = sd_bus_message_new_method_call(played.sd, &m, BUS_NAME, BUS_ROOT, interface,
					       member);

	va_start(args, types);
	if (r >= 0)
		r = sd_bus_message_appendv(m, types, args);
	va_end(args);
	ck_assert_int_ge(r, 0);
	send_from(m, sender);
}

/* sd-bus reads when it has nothing to write: then it is not asked to. */
static void take_turn(void)
{
	bool writes = sd_bus_get_events(played.sd) & POLLOUT;
	struct pollfd fd = { .fd = sd_bus_get_fd(played.sd),
			     .events = (short)((writes ? POLLOUT : 0) |
					       (played.may_read ? POLLIN : 0)) };
	/* What it is told to do next is looked at, too. */
	int r = poll(&fd, 1, 1);

	while (r > 0 && (fd.revents & fd.events) && sd_bus_process(played.sd, NULL) > 0 &&
	       played.may_read)
		;
}

static void call_for_much(unsigned int i)
{
	if (i % 8 == 0)
		send_call(CALLER, BUS_OBJECT_MANAGER, "GetManagedObjects", "");
	else
		send_call(CALLER, BUS_OPERATIONS, "Inspect", "utt", 2, UINT64_C(0), UINT64_C(0));
}

static void send_long_call(void)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	void *bytes = NULL;
	int r = sd_bus_message_new_method_call(played.sd, &m, BUS_NAME, BUS_ROOT, BUS_OPERATIONS,
					       "SimWrite");

	if (r >= 0)
		r = sd_bus_message_append(m, "ut", 2, UINT64_C(0x1000000));
	if (r >= 0)
		r = sd_bus_message_append_array_space(m, 'y', LONG_LEN, &bytes);
	if (r >= 0)
		memset(bytes, 7, LONG_LEN);
	ck_assert_int_ge(r, 0);
	send_from(m, STRANGER);
}

static void call_as_stranger(unsigned int i)
{
	if (i < N_SHORT)
		send_call(STRANGER, BUS_OPERATIONS, "Ping", "");
	else if (i < N_SHORT + N_LONG)
		send_long_call();
	else
		send_call(STRANGER, BUS_OPERATIONS, "CreateVcm", "uth", 1, UINT64_C(0x1000000),
			  STDERR_FILENO);
}

/* As much as goes before it would have to wait. */
static void send_some(void)
{
	uint64_t n_queued = 0;

	sd_bus_get_n_queued_write(played.sd, &n_queued);
	for (; n_queued < 16 && played.n_sent < played.to_send; n_queued++)
		played.deed(played.n_sent);
}

/* sd-bus asks for 8 MB, in which all of a test is lost. */
static void have_small_buffer(int fd)
{
	int len = 64 * 1024;

	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &len, sizeof(len)), 0);
}

static void start_bus(int fd)
{
	sd_id128_t id;

	ck_assert_int_ge(sd_id128_randomize(&id), 0);
	ck_assert_int_ge(sd_bus_new(&played.sd), 0);
	ck_assert_int_ge(sd_bus_set_fd(played.sd, fd, fd), 0);
	ck_assert_int_ge(sd_bus_set_server(played.sd, 1, id), 0);
	ck_assert_int_ge(sd_bus_add_filter(played.sd, NULL, on_message, NULL), 0);
	ck_assert_int_ge(sd_bus_start(played.sd), 0);
	have_small_buffer(fd);
}

static void *be_bus(void *ctx _unused_)
{
	/* cppcheck-suppress nullPointer ; who it is need not be said */
	int fd = accept4(played.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	start_bus(fd);
	while (!played.is_over) {
		send_some();
		if (played.may_tell && played.question) {
			tell(played.question);
			played.question = sd_bus_message_unref(played.question);
		}
		take_turn();
	}
	sd_bus_message_unref(played.question);
	sd_bus_close_unref(played.sd);
	return NULL;
}

/* --- the test's side */

static bool has_name(struct world *of _unused_, void *ctx _unused_)
{
	return played.has_name;
}

static void begin(void (*deed)(unsigned int i))
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char address[80];

	snprintf(dir, sizeof(dir), "/tmp/vcm-bus-flood-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/bus", dir);
	snprintf(address, sizeof(address), "unix:path=%s", path);
	memcpy(addr.sun_path, path, sizeof(path));
	memset(&played, 0, sizeof(played));
	w = world_new(NULL);
	played.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(played.listener, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(listen(played.listener, 1), 0);
	played.may_read = true;
	played.deed = deed;
	ck_assert_int_eq(pthread_create(&played.thread, NULL, be_bus, NULL), 0);
	bus = bus_new(w->broker, address);
	ck_assert_ptr_nonnull(bus);
	world_until(w, has_name, NULL);
	have_small_buffer(bus->fd);
}

static bool all_gone(struct world *of, void *ctx _unused_)
{
	return !bus->sd && RB_EMPTY(&bus->peers) && RB_EMPTY(&of->broker->graph->sessions);
}

static void end(void)
{
	played.is_over = true;
	pthread_join(played.thread, NULL);
	close(played.listener);
	unlink(path);
	rmdir(dir);
	world_until(w, all_gone, NULL);
	ck_assert_uint_eq(bus->n_held_bytes, 0);
	w->broker->on_session = NULL;
	bus = bus_free(bus);
	w = world_free(w);
}

static bool is_behind(struct world *of _unused_, void *ctx _unused_)
{
	return bus_is_behind(bus);
}

static bool all_answered(struct world *of _unused_, void *ctx _unused_)
{
	return played.n_answers == played.to_send;
}

static uint64_t queued(void)
{
	uint64_t n = 0;

	ck_assert_int_ge(sd_bus_get_n_queued_write(bus->sd, &n), 0);
	return n;
}

START_TEST(from_a_bus_that_does_not_read_no_more_is_read_than_can_be_kept)
{
	struct peer *p;
	uint64_t n;

	begin(call_for_much);
	p = world_peer(w);
	played.to_send = 1; /* after which it is known who calls */
	world_until(w, all_answered, NULL);
	played.may_read = false;
	played.to_send = N_CALLS;
	world_until(w, is_behind, NULL);
	n = queued();
	ck_assert_uint_lt(n, QUEUE_MAX);
	for (unsigned int i = 0; i < N_PINGS; i++)
		ck_ok(CALL(p, PING));
	ck_assert_uint_le(queued(), n);
	ck_assert_uint_lt(played.n_sent, N_CALLS);
	/* It is only late. */
	played.may_read = true;
	world_until(w, all_answered, NULL);
	world_kill(w, p);
	end();
}
END_TEST

static bool long_ones_are_refused(struct world *of _unused_, void *ctx _unused_)
{
	return played.n_refused == N_LONG + 1;
}

START_TEST(what_waits_for_the_bus_to_say_who_calls_is_bounded)
{
	begin(call_as_stranger);
	played.to_send = N_SHORT + N_LONG + 1;
	world_until(w, long_ones_are_refused, NULL);
	ck_assert_uint_eq(played.n_answers, N_LONG + 1);
	ck_assert_uint_gt(bus->n_held_bytes, 0);
	ck_assert_uint_lt(bus->n_held_bytes, HELD_MAX);
	played.may_tell = true;
	world_until(w, all_answered, NULL);
	ck_assert_uint_eq(played.n_refused, N_LONG + 1);
	ck_assert_uint_eq(bus->n_held_bytes, 0);
	end();
}
END_TEST

static bool is_missed(struct world *of, void *ctx _unused_)
{
	return RB_EMPTY(&bus->peers) && RB_EMPTY(&of->broker->graph->sessions);
}

/* A bus drops signals to who has too much to read, also that a name has vanished. */
START_TEST(who_has_gone_without_a_word_of_the_bus_is_missed)
{
	begin(call_for_much);
	played.to_send = 2;
	world_until(w, all_answered, NULL);
	ck_assert(!RB_EMPTY(&w->broker->graph->sessions));
	played.has_left = true;
	world_until(w, is_missed, NULL);
	end();
}
END_TEST

SUITE_MAIN("vcmd-bus-flood", from_a_bus_that_does_not_read_no_more_is_read_than_can_be_kept,
	   what_waits_for_the_bus_to_say_who_calls_is_bounded,
	   who_has_gone_without_a_word_of_the_bus_is_missed)
