// SPDX-License-Identifier: BSD-3-Clause
/*
 * The message bus when memory is short: at every allocation of the broker's in turn, a caller is answered or refused, and when it
 * has gone nothing of it is left. The bus is a real one, the caller a process of its own.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "base/mem.h"
#include "graph/graph.h"
#include "tests/crash/bus.h"
#include "tests/suite.h"
#include "tests/vcmd/alien.h"
#include "tests/vcmd/world.h"
#include "vcmd/broker.h"
#include "vcmd/bus-session.h"
#include "vcmd/bus.h"

#define OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"
#define ANSWER_USEC (UINT64_C(60) * 1000000)

static struct world *w;
static struct bus *bus;
static struct crash_bus daemon_of_bus;
static char dir[32];
static char address[80];

/* --- the caller's process */

static sd_bus *own;
static unsigned int n_refused;

static int on_owner(sd_bus_message *m _unused_, void *userdata _unused_,
		    sd_bus_error *error _unused_)
{
	return 0;
}

static void join_bus(void)
{
	if (sd_bus_new(&own) < 0 || sd_bus_set_address(own, address) < 0 ||
	    sd_bus_set_bus_client(own, 1) < 0 || sd_bus_start(own) < 0 ||
	    sd_bus_add_match(own, NULL, "member='NameOwnerChanged',arg0='" BUS_NAME "'", on_owner,
			     NULL) < 0)
		_exit(2);
	while (sd_bus_get_name_creds(own, BUS_NAME, 0, NULL) < 0)
		if (sd_bus_wait(own, 1000000) < 0 || sd_bus_process(own, NULL) < 0)
			_exit(2);
}

/* Answered, or refused: not left without either. */
static void call(const char *interface, const char *member, const char *types, ...)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
	va_list args;

	va_start(args, types);
	if (sd_bus_message_new_method_call(own, &m, BUS_NAME, BUS_ROOT, interface, member) < 0 ||
	    sd_bus_message_appendv(m, types, args) < 0)
		_exit(2);
	va_end(args);
	if (sd_bus_call(own, m, ANSWER_USEC, &error, &reply) >= 0)
		return;
	n_refused++;
	if (sd_bus_error_has_name(&error, SD_BUS_ERROR_TIMEOUT))
		_exit(3);
}

#define OP(...) call(BUS_OPERATIONS, __VA_ARGS__)

static _Noreturn void be_caller(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	join_bus();
	call(BUS_MANAGER, "Subscribe", "");
	call(BUS_MANAGER, "OpenSession", "sb", "caller", 1);
	OP("CreateVcm", "utt", 1, UINT64_C(0x1000000), UINT64_C(0x1000000));
	OP("Associate", "uuuu", 2, 1, 2, 0);
	OP("Activate", "uu", 2, 0);
	OP("Reserve", "uutut", 3, 1, UINT64_C(0x100000), 0x300, UINT64_C(0));
	OP("AllocatePhysmem", "uutu", 4, 1, UINT64_C(0x100000), 0);
	OP("Back", "uu", 3, 4);
	OP("SimWrite", "utay", 2, UINT64_C(0x1000000), 3, 1, 2, 3);
	OP("SimRead", "utt", 2, UINT64_C(0x1000000), UINT64_C(3));
	OP("CreatePrebuilt", "uu", 5, 2);
	OP("Associate", "uuuu", 6, 5, 1, 0);
	OP("Activate", "uu", 6, 0);
	OP("Reserve", "uutut", 7, 5, UINT64_C(0x100000), 0x300, UINT64_C(0x7000000000));
	OP("Back", "uu", 7, 4);
	OP("GetMemory", "ut", 7, UINT64_C(0));
	OP("Batch", "a(sa{sv})", 2, "Ping", 0, "FindDevice", 1, "name", "s", "cpu");
	OP("Once", "uua(sa{sv})", 1, 0, 1, "CreateBound", 3, "handle", "u", 8, "vcm", "u", 1,
	   "length", "t", UINT64_C(0x1000));
	OP("Inspect", "utt", 4, UINT64_C(0), UINT64_C(0));
	call(OBJECT_MANAGER, "GetManagedObjects", "");
	OP("CloseSession", "");
	_exit(n_refused > 0 ? 1 : 0);
}

/* --- the broker's */

static bool setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/vcm-test-bus-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	if (!crash_bus_start(&daemon_of_bus, dir)) {
		rmdir(dir);
		return false;
	}
	snprintf(address, sizeof(address), "unix:path=%s", daemon_of_bus.socket);
	w = world_new(NULL);
	bus = bus_new(w->broker, address);
	ck_assert_ptr_nonnull(bus);
	return true;
}

static void teardown(void)
{
	w->broker->on_session = NULL;
	bus = bus_free(bus);
	world_free(w);
	crash_bus_stop(&daemon_of_bus);
	rmdir(dir);
}

struct caller {
	pid_t pid;
	int status;
};

static bool has_gone(struct world *of, void *ctx)
{
	struct caller *c = ctx;

	if (c->pid && waitpid(c->pid, &c->status, WNOHANG) == c->pid)
		c->pid = 0;
	return !c->pid && RB_EMPTY(&of->broker->graph->sessions) && LIST_EMPTY(&bus->sessions) &&
	       RB_EMPTY(&bus->peers);
}

static struct caller run_caller(void)
{
	struct caller c = { .pid = fork() };

	ck_assert_int_ge(c.pid, 0);
	if (c.pid == 0) {
		/* Also not the broker's own connection, whose end the bus would not see. */
		if (close_range(STDERR_FILENO + 1, ~0u, 0) < 0)
			_exit(2);
		alien_fail_nth(0);
		be_caller();
	}
	world_until(w, has_gone, &c);
	world_check(w);
	ck_assert_uint_eq(world_used(w), 0);
	ck_assert_uint_eq(bus->n_subscribed, 0);
	return c;
}

START_TEST(a_failed_allocation_refuses_a_call_and_leaves_nothing)
{
	if (!setup())
		SUITE_SKIP("there is no dbus-daemon");
	for (size_t n = 1;; n++) {
		struct caller c;

		mem_fail_nth(n);
		c = run_caller();
		if (!mem_fail_fired()) {
			ck_assert_int_eq(c.status, 0);
			break;
		}
		ck_assert_msg(WIFEXITED(c.status) && WEXITSTATUS(c.status) <= 1,
			      "allocation %zu: the caller ends with %#x", n,
			      (unsigned int)c.status);
	}
	teardown();
}
END_TEST

/* Of sd-bus's own: where it cannot go on with the connection, the bus tells everybody. */
START_TEST(a_failed_allocation_of_the_library_is_no_silence)
{
	/* Where malloc() is a sanitizer's or valgrind's, other runs of this try it. */
	if (!alien_watch("libsystemd.so")) {
		ck_assert(SUITE_IS_SANITIZED || getenv("VCM_UNDER_VALGRIND"));
		return;
	}
	if (!setup())
		SUITE_SKIP("there is no dbus-daemon");
	for (size_t n = 1;; n += 1 + n / 64) {
		struct caller c;

		alien_fail_nth(n);
		c = run_caller();
		if (!alien_fail_fired()) {
			ck_assert_int_eq(c.status, 0);
			break;
		}
		ck_assert_msg(WIFEXITED(c.status) && WEXITSTATUS(c.status) <= 1,
			      "its allocation %zu: the caller ends with %#x", n,
			      (unsigned int)c.status);
	}
	teardown();
}
END_TEST

SUITE_MAIN("vcmd-bus", a_failed_allocation_refuses_a_call_and_leaves_nothing,
	   a_failed_allocation_of_the_library_is_no_silence)
