// SPDX-License-Identifier: BSD-3-Clause
/* Faults, on their way to a handler and back, and what does not wait for them. */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vcm/inspect.h>

#include "backend/backend.h"
#include "base/log.h"
#include "graph/graph.h"
#include "tests/suite.h"
#include "tests/vcmd/stage.h"
#include "vcmd/broker.h"
#include "vcmd/clock.h"
#include "vcmd/config.h"
#include "vcmd/fault.h"

#define HOLE 0x10800000u /* in REGION, reserved by nobody */
#define FOREVER_MS 600000

static struct world *w;
static struct peer *p;
static struct stage_devices d;

static void setup(unsigned int timeout_ms)
{
	w = world_new(NULL);
	w->config->fault_timeout_ms = timeout_ms;
	p = world_peer(w);
	d = stage_set(p);
}

static struct fault_event next_event(struct peer *of)
{
	struct fault_event e;

	ck_assert(peer_event(of, true, &e));
	return e;
}

START_TEST(a_fault_without_a_handler_terminates)
{
	setup(FOREVER_MS);
	ck_status(CALL(p, SIM_READ, .target = d.a_mm1, .addr = HOLE, .len = 4), -EFAULT);
	ck_status(CALL(p, SIM_WRITE, .target = d.a_mm1, .addr = HOLE, .data = "x", .n_data = 1),
		  -EFAULT);
	ck_assert_uint_eq(faults_count(w->broker->faults), 2);
	ck_assert_int_eq(faults_record(w->broker->faults, 0)->verdict, -ENOENT);
	world_free(w);
}
END_TEST

START_TEST(a_handler_is_told_what_happened)
{
	struct fault_event e;
	uint64_t serial;

	setup(FOREVER_MS);
	ck_ok(CALL(p, HOOK, .target = d.a_mm1, .arg = 1));
	serial = SEND(p, SIM_WRITE, .target = d.a_mm1, .addr = HOLE + 8, .data = "bytes",
		      .n_data = 5);
	e = next_event(p);
	ck_assert_uint_eq(e.device, d.a_mm1);
	ck_assert_uint_eq(e.addr, HOLE + 8);
	ck_assert_uint_eq(e.flags, FAULT_F_WRITE | FAULT_F_STALLED);
	ck_assert_uint_ne(e.fsr, 0);
	ck_ok(CALL(p, FAULT_REPLY, .addr = e.id, .arg = VCM_FAULT_TERMINATE));
	ck_status(peer_wait(p, serial), -EFAULT);
	ck_status(CALL(p, FAULT_REPLY, .addr = e.id, .arg = VCM_FAULT_TERMINATE), -EINVAL);
	world_free(w);
}
END_TEST

/* The handler's own requests get through while the transaction waits. */
START_TEST(a_handler_maps_what_is_missing_and_retries)
{
	struct fault_event e;
	uint64_t serial, addr;

	setup(FOREVER_MS);
	ck_ok(CALL(p, RES_INFO, .on = RES));
	addr = peer_value(p, 1);
	ck_ok(CALL(p, HOOK, .target = d.a_mm1, .arg = 1));
	serial = SEND(p, SIM_WRITE, .target = d.a_mm1, .addr = addr, .data = "late", .n_data = 4);
	e = next_event(p);
	ck_ok(CALL(p, BACK, .on = RES, .target = SPARE));
	ck_ok(CALL(p, FAULT_REPLY, .addr = e.id, .arg = VCM_FAULT_RETRY));
	ck_ok(peer_wait(p, serial));
	ck_ok(CALL(p, SIM_READ, .target = d.a_mm1, .addr = addr, .len = 4));
	ck_assert_mem_eq(p->reply.data, "late", 4);
	ck_assert_int_eq(faults_record(w->broker->faults, 0)->verdict, 1);
	world_free(w);
}
END_TEST

START_TEST(a_retry_without_a_cure_faults_again)
{
	struct fault_event first, again;
	uint64_t serial;

	setup(FOREVER_MS);
	ck_ok(CALL(p, HOOK, .target = d.a_mm1, .arg = 1));
	serial = SEND(p, SIM_READ, .target = d.a_mm1, .addr = HOLE, .len = 4);
	first = next_event(p);
	ck_ok(CALL(p, FAULT_REPLY, .addr = first.id, .arg = VCM_FAULT_RETRY));
	again = next_event(p);
	ck_assert_uint_ne(first.id, again.id);
	ck_ok(CALL(p, FAULT_REPLY, .addr = again.id, .arg = VCM_FAULT_TERMINATE));
	ck_status(peer_wait(p, serial), -EFAULT);
	world_free(w);
}
END_TEST

START_TEST(a_handler_that_fails_is_counted_and_terminates)
{
	struct fault_event e;
	uint64_t serial;

	setup(FOREVER_MS);
	ck_ok(CALL(p, HOOK, .target = d.a_mm1, .arg = 1));
	serial = SEND(p, SIM_READ, .target = d.a_mm1, .addr = HOLE, .len = 4);
	e = next_event(p);
	ck_ok(CALL(p, FAULT_REPLY, .addr = e.id, .arg = 2 + EIO));
	ck_status(peer_wait(p, serial), -EFAULT);
	ck_assert_uint_eq(faults_failed_handlers(w->broker->faults), 1);
	ck_assert_int_eq(faults_record(w->broker->faults, 0)->verdict, -EIO);
	world_free(w);
}
END_TEST

START_TEST(an_answer_that_does_not_come_terminates)
{
	struct fault_event e;
	uint64_t serial;

	setup(1);
	ck_ok(CALL(p, HOOK, .target = d.a_mm1, .arg = 1));
	serial = SEND(p, SIM_READ, .target = d.a_mm1, .addr = HOLE, .len = 4);
	ck_status(peer_wait(p, serial), -EFAULT);
	e = next_event(p);
	ck_status(CALL(p, FAULT_REPLY, .addr = e.id, .arg = VCM_FAULT_RETRY), -EINVAL);
	ck_assert_int_eq(faults_record(w->broker->faults, 0)->verdict, -ETIMEDOUT);
	world_free(w);
}
END_TEST

START_TEST(a_removed_handler_is_not_asked)
{
	setup(FOREVER_MS);
	ck_ok(CALL(p, HOOK, .target = d.a_mm1, .arg = 1));
	ck_ok(CALL(p, HOOK, .target = d.a_mm1, .arg = 1));
	ck_ok(CALL(p, HOOK, .target = d.a_mm1, .arg = 0));
	ck_status(CALL(p, SIM_READ, .target = d.a_mm1, .addr = HOLE, .len = 4), -EFAULT);
	world_free(w);
}
END_TEST

START_TEST(a_handler_of_another_session_is_not_asked)
{
	struct peer *other;
	struct fault_event e;

	setup(FOREVER_MS);
	other = world_peer(w);
	ck_ok(CALL(other, HOOK, .target = d.a_mm1, .arg = 1));
	ck_status(CALL(p, SIM_READ, .target = d.a_mm1, .addr = HOLE, .len = 4), -EFAULT);
	ck_assert(!peer_event(other, false, &e));
	world_free(w);
}
END_TEST

START_TEST(a_fault_is_not_another_sessions_to_answer)
{
	struct peer *other;
	struct fault_event e;
	uint64_t serial;

	setup(FOREVER_MS);
	other = world_peer(w);
	ck_ok(CALL(p, HOOK, .target = d.a_mm1, .arg = 1));
	serial = SEND(p, SIM_READ, .target = d.a_mm1, .addr = HOLE, .len = 4);
	e = next_event(p);
	ck_status(CALL(other, FAULT_REPLY, .addr = e.id, .arg = VCM_FAULT_RETRY), -EINVAL);
	ck_ok(CALL(p, FAULT_REPLY, .addr = e.id, .arg = VCM_FAULT_TERMINATE));
	ck_status(peer_wait(p, serial), -EFAULT);
	world_free(w);
}
END_TEST

START_TEST(a_write_to_what_is_read_only_says_permission)
{
	struct fault_event e;
	uint64_t serial;

	setup(FOREVER_MS);
	ck_ok(CALL(p, RES_SET_ATTR, .on = BACKED, .attr = VCM_READ));
	ck_ok(CALL(p, HOOK, .target = d.a_mm1, .arg = 1));
	serial = SEND(p, SIM_WRITE, .target = d.a_mm1, .addr = REGION_AT + SZ_64K, .data = "x",
		      .n_data = 1);
	e = next_event(p);
	ck_assert_uint_eq(e.flags, FAULT_F_WRITE | FAULT_F_STALLED | FAULT_F_PERMISSION);
	ck_ok(CALL(p, RES_SET_ATTR, .on = BACKED, .attr = VCM_READ | VCM_WRITE));
	ck_ok(CALL(p, FAULT_REPLY, .addr = e.id, .arg = VCM_FAULT_RETRY));
	ck_ok(peer_wait(p, serial));
	world_free(w);
}
END_TEST

START_TEST(a_stalled_device_is_busy_and_others_are_not)
{
	struct fault_event e;
	uint64_t serial;

	setup(FOREVER_MS);
	ck_ok(CALL(p, ACTIVATE, .on = IDLE_AVCM));
	ck_ok(CALL(p, HOOK, .target = d.a_mm1, .arg = 1));
	serial = SEND(p, SIM_READ, .target = d.a_mm1, .addr = HOLE, .len = 4);
	e = next_event(p);
	ck_status(CALL(p, SIM_READ, .target = d.a_mm1, .addr = REGION_AT + SZ_64K, .len = 4),
		  -EBUSY);
	ck_status(CALL(p, SIM_READ, .target = d.mdp0, .addr = HOLE, .len = 4), -EFAULT);
	ck_ok(CALL(p, FAULT_REPLY, .addr = e.id, .arg = VCM_FAULT_TERMINATE));
	ck_status(peer_wait(p, serial), -EFAULT);
	world_free(w);
}
END_TEST

START_TEST(deactivation_terminates_what_waits)
{
	struct fault_event e;
	uint64_t serial;

	setup(FOREVER_MS);
	ck_ok(CALL(p, HOOK, .target = d.a_mm1, .arg = 1));
	serial = SEND(p, SIM_READ, .target = d.a_mm1, .addr = HOLE, .len = 4);
	e = next_event(p);
	ck_ok(CALL(p, DEACTIVATE, .on = AVCM));
	ck_status(peer_wait(p, serial), -EFAULT);
	(void)e;
	world_free(w);
}
END_TEST

/* The verdict on a transaction that deactivation has ended is not for the one that waits now. */
START_TEST(a_late_verdict_does_not_hit_the_next_transaction)
{
	struct fault_event old, now;
	uint64_t first, second;

	setup(FOREVER_MS);
	ck_ok(CALL(p, HOOK, .target = d.a_mm1, .arg = 1));
	first = SEND(p, SIM_READ, .target = d.a_mm1, .addr = HOLE, .len = 4);
	old = next_event(p);
	ck_ok(CALL(p, DEACTIVATE, .on = AVCM));
	ck_status(peer_wait(p, first), -EFAULT);
	ck_ok(CALL(p, ACTIVATE, .on = AVCM));
	second = SEND(p, SIM_READ, .target = d.a_mm1, .addr = HOLE, .len = 4);
	now = next_event(p);
	ck_status(CALL(p, FAULT_REPLY, .addr = old.id, .arg = VCM_FAULT_TERMINATE), -EINVAL);
	ck_status(CALL(p, SIM_READ, .target = d.a_mm1, .addr = HOLE, .len = 4), -EBUSY);
	ck_ok(CALL(p, FAULT_REPLY, .addr = now.id, .arg = VCM_FAULT_TERMINATE));
	ck_status(peer_wait(p, second), -EFAULT);
	world_free(w);
}
END_TEST

START_TEST(a_handler_that_dies_terminates_what_waits_for_it)
{
	struct peer *other;
	uint64_t serial;

	setup(FOREVER_MS);
	other = world_peer(w); /* of the daemon's own user, who may act as any device */
	ck_ok(CALL(p, HOOK, .target = d.a_mm1, .arg = 1));
	serial = SEND(other, SIM_READ, .target = d.a_mm1, .addr = HOLE, .len = 4);
	next_event(p);
	world_kill(w, p);
	ck_status(peer_wait(other, serial), -EFAULT);
	world_settle(w);
	ck_assert_uint_eq(w->broker->graph->n_active, 0);
	world_free(w);
}
END_TEST

START_TEST(a_master_that_dies_while_it_waits_leaves_the_device_usable)
{
	struct peer *other;
	struct fault_event e;

	setup(FOREVER_MS);
	other = world_peer(w);
	ck_ok(CALL(p, HOOK, .target = d.a_mm1, .arg = 1));
	SEND(other, SIM_READ, .target = d.a_mm1, .addr = HOLE, .len = 4);
	e = next_event(p);
	world_kill(w, other);
	world_settle(w);
	ck_ok(CALL(p, FAULT_REPLY, .addr = e.id, .arg = VCM_FAULT_RETRY));
	ck_ok(CALL(p, SIM_READ, .target = d.a_mm1, .addr = REGION_AT + SZ_64K, .len = 4));
	world_free(w);
}
END_TEST

START_TEST(the_session_that_waits_for_itself_may_die)
{
	setup(FOREVER_MS);
	ck_ok(CALL(p, HOOK, .target = d.a_mm1, .arg = 1));
	SEND(p, SIM_READ, .target = d.a_mm1, .addr = HOLE, .len = 4);
	next_event(p);
	world_kill(w, p);
	world_settle(w);
	p = world_peer(w);
	stage_set(p);
	ck_ok(CALL(p, SIM_READ, .target = d.a_mm1, .addr = REGION_AT + SZ_64K, .len = 4));
	world_free(w);
}
END_TEST

START_TEST(goodbye_while_a_device_waits_is_answered)
{
	uint64_t serial;

	setup(FOREVER_MS);
	ck_ok(CALL(p, HOOK, .target = d.a_mm1, .arg = 1));
	serial = SEND(p, SIM_READ, .target = d.a_mm1, .addr = HOLE, .len = 4);
	next_event(p);
	ck_ok(CALL(p, BYE));
	(void)serial;
	world_free(w);
}
END_TEST

START_TEST(the_last_64_faults_are_kept)
{
	setup(FOREVER_MS);
	for (int i = 0; i < 100; i++)
		ck_status(CALL(p, SIM_READ, .target = d.a_mm1, .addr = HOLE + 4 * i, .len = 4),
			  -EFAULT);
	ck_ok(CALL(p, INSPECT, .arg = VCM_TABLE_FAULTS));
	ck_assert_uint_eq(p->reply.n_rows, 64);
	ck_assert_uint_eq(p->reply.rows[0].n[VCM_FAULTS_ADDR], HOLE + 4 * 99);
	ck_assert_uint_eq(p->reply.rows[63].n[VCM_FAULTS_ADDR], HOLE + 4 * 36);
	ck_assert_str_eq(p->reply.rows[0].s[0], "vcodec_a_mm1");
	world_free(w);
}
END_TEST

/* Lines that the broker logs while a device faults n times. */
static unsigned int count_warnings(unsigned int n)
{
	int file = memfd_create("stderr", MFD_CLOEXEC), saved = dup(STDERR_FILENO);
	unsigned int n_lines = 0;
	enum log_level level = log_get_level();
	char c;

	ck_assert_int_ge(file, 0);
	ck_assert_int_ge(dup2(file, STDERR_FILENO), 0);
	log_set_level(LOG_L_WARNING);
	while (n--)
		CALL(p, SIM_READ, .target = d.a_mm1, .addr = HOLE, .len = 4);
	log_set_level(level);
	dup2(saved, STDERR_FILENO);
	close(saved);
	for (off_t at = 0; pread(file, &c, 1, at) == 1; at++)
		n_lines += c == '\n';
	close(file);
	return n_lines;
}

START_TEST(a_device_that_faults_all_the_time_fills_no_log)
{
	uint64_t start = clock_now_ns();
	unsigned int n_lines;

	setup(FOREVER_MS);
	n_lines = count_warnings(500);
	ck_assert_uint_ge(n_lines, 1);
	ck_assert_uint_le(n_lines, 1 + (clock_now_ns() - start) / 1000000000);
	ck_assert_uint_eq(faults_count(w->broker->faults), 500);
	world_free(w);
}
END_TEST

START_TEST(a_walk_that_the_bus_aborts_faults)
{
	setup(FOREVER_MS);
	ck_ok(CALL(p, SIM_FAIL, .target = d.a_mm1, .arg = 3, .len = 1));
	ck_status(CALL(p, SIM_READ, .target = d.a_mm1, .addr = REGION_AT + SZ_64K, .len = 4),
		  -EFAULT);
	ck_ok(CALL(p, SIM_READ, .target = d.a_mm1, .addr = REGION_AT + SZ_64K, .len = 4));
	world_free(w);
}
END_TEST

SUITE_MAIN("fault", a_fault_without_a_handler_terminates, a_handler_is_told_what_happened,
	   a_handler_maps_what_is_missing_and_retries, a_retry_without_a_cure_faults_again,
	   a_handler_that_fails_is_counted_and_terminates, an_answer_that_does_not_come_terminates,
	   a_removed_handler_is_not_asked, a_handler_of_another_session_is_not_asked,
	   a_fault_is_not_another_sessions_to_answer, a_write_to_what_is_read_only_says_permission,
	   a_stalled_device_is_busy_and_others_are_not, deactivation_terminates_what_waits,
	   a_late_verdict_does_not_hit_the_next_transaction,
	   a_handler_that_dies_terminates_what_waits_for_it,
	   a_master_that_dies_while_it_waits_leaves_the_device_usable,
	   the_session_that_waits_for_itself_may_die, goodbye_while_a_device_waits_is_answered,
	   the_last_64_faults_are_kept, a_device_that_faults_all_the_time_fills_no_log,
	   a_walk_that_the_bus_aborts_faults)
