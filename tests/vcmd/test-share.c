// SPDX-License-Identifier: BSD-3-Clause
/* Sharing between sessions and users, as the daemon does it. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vcm/vcm.h>

#include "tests/suite.h"
#include "tests/vcmd/stage.h"
#include "vcmd/broker.h"

#define RW (VCM_SHARE_READ | VCM_SHARE_WRITE)

static struct world *w;
static struct peer *alice, *bob;

static void begin(void)
{
	w = world_new(NULL);
	alice = world_peer_as(w, world_can_be_others() ? ALICE : geteuid());
	bob = world_peer_as(w, world_can_be_others() ? BOB : geteuid());
}

static void end(void)
{
	w = world_free(w);
}

/* A region of the process's own addresses, with one reservation that the physmem NEW backs. */
static int back_for_cpu(struct peer *p, uint32_t attr)
{
	const struct op ops[] = {
		{ .code = OP_VCM_PREBUILT, .handle = USER, .arg = VCM_PREBUILT_USER },
		{ .code = OP_ASSOC,
		  .handle = USER_AVCM,
		  .on = USER,
		  .target = peer_device(p, "cpu") },
		{ .code = OP_ACTIVATE, .on = USER_AVCM },
		{ .code = OP_RESERVE,
		  .handle = USER_RES,
		  .on = USER,
		  .len = SZ_64K,
		  .addr = USER_AT,
		  .attr = attr },
		{ .code = OP_BACK, .on = USER_RES, .target = NEW },
	};

	return BATCH(p, ops);
}

struct shown {
	uint64_t where, secret;
};

static struct shown export(struct peer *p, uint32_t attr, uint32_t rights)
{
	const struct op ops[] = {
		{ .code = OP_PHYS_ALLOC,
		  .handle = NEW,
		  .arg = VCM_MEMTYPE_0,
		  .len = SZ_64K,
		  .attr = attr },
		{ .code = OP_EXPORT, .on = NEW, .attr = rights },
	};

	ck_ok(BATCH(p, ops));
	return (struct shown){ peer_value(p, 0), peer_value(p, 1) };
}

#define IMPORT(p, h, t) CALL(p, IMPORT, .handle = (h), .addr = (t).where, .arg = (t).secret)

/* What the user can do with the fd of the last reply, in a process of its own. */
static int opens_to_write(uid_t uid, int fd)
{
	pid_t pid = fork();
	char path[40];
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		int again;
		void *at;

		if (setgid(uid) < 0 || setuid(uid) < 0)
			_exit(9);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		at = mmap(NULL, SZ_64K, PROT_WRITE, MAP_SHARED, fd, 0);
		again = open(path, O_RDWR | O_CLOEXEC);
		/* cppcheck-suppress [memleak, resourceLeak] ; it ends here */
		_exit(at != MAP_FAILED || again >= 0 ? 1 : 0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

START_TEST(another_user_reads_through_an_fd_that_only_reads)
{
	struct shown t;
	int fd;

	if (!world_can_be_others())
		SUITE_SKIP("needs root, to be two users");
	begin();
	t = export(alice, VCM_COHERENT, VCM_SHARE_READ);
	ck_ok(IMPORT(bob, NEW, t));
	ck_status(back_for_cpu(bob, 0), -EACCES);
	ck_ok(back_for_cpu(bob, VCM_READ));
	ck_assert_uint_eq(bob->reply.n_pieces, 1);
	fd = fdset_take(&bob->fds, 0);
	ck_assert_int_eq(opens_to_write(BOB, fd), 0);
	close(fd);
	end();
}
END_TEST

START_TEST(another_user_s_device_without_an_iommu_does_not_reach_what_is_read)
{
	uint64_t pa;
	struct shown t;

	if (!world_can_be_others())
		SUITE_SKIP("needs root, to be two users");
	begin();
	t = export(alice, VCM_COHERENT | VCM_PHYS_CONT, VCM_SHARE_READ);
	ck_ok(IMPORT(bob, NEW, t));
	ck_ok(CALL(bob, PHYS_NEXT, .on = NEW));
	pa = peer_value(bob, 0);
	ck_ok(CALL(bob, VCM_CREATE, .handle = ONE, .addr = pa, .len = SZ_64K));
	ck_ok(CALL(bob, ASSOC, .handle = ONE_AVCM, .on = ONE, .target = peer_device(bob, "dma0")));
	ck_ok(CALL(bob, ACTIVATE, .on = ONE_AVCM));
	ck_ok(CALL(bob, RESERVE, .handle = ONE_RES, .on = ONE, .len = SZ_64K, .attr = VCM_READ));
	ck_status(CALL(bob, BACK, .on = ONE_RES, .target = NEW), -EACCES);
	ck_assert_ptr_nonnull(strstr(bob->reply.reason, "imported to be read"));
	ck_status(CALL(bob, SIM_WRITE, .target = peer_device(bob, "dma0"), .addr = pa, .len = 4,
		       .data = "abc", .n_data = 4),
		  -EFAULT);
	end();
}
END_TEST

START_TEST(who_may_write_after_reading_is_given_another_fd)
{
	struct shown t, again;

	begin();
	t = export(alice, VCM_COHERENT, VCM_SHARE_READ);
	ck_ok(CALL(alice, EXPORT, .on = NEW, .attr = RW));
	again = (struct shown){ peer_value(alice, 0), peer_value(alice, 1) };
	ck_ok(IMPORT(bob, NEW, t));
	ck_ok(back_for_cpu(bob, VCM_READ));
	ck_assert_uint_eq(bob->reply.pieces[0].fd, 1);
	ck_ok(CALL(bob, UNBACK, .on = USER_RES));
	ck_ok(IMPORT(bob, NEW + 1, again));
	ck_ok(CALL(bob, BACK, .on = USER_RES, .target = NEW + 1));
	ck_assert_uint_eq(bob->reply.pieces[0].fd, 1);
	ck_ok(CALL(bob, UNBACK, .on = USER_RES));
	ck_ok(CALL(bob, BACK, .on = USER_RES, .target = NEW)); /* what writes reads */
	ck_assert_uint_eq(bob->reply.pieces[0].fd, 0);
	end();
}
END_TEST

START_TEST(another_user_gets_nothing_that_was_not_meant_for_it)
{
	struct shown t;

	if (!world_can_be_others())
		SUITE_SKIP("needs root, to be two users");
	begin();
	t = export(alice, 0, RW);
	ck_status(IMPORT(bob, NEW, t), -EACCES);
	ck_assert_ptr_nonnull(strstr(bob->reply.reason, "VCM_COHERENT"));
	end();
}
END_TEST

START_TEST(guesses_are_counted_by_user_and_forgiven)
{
	struct peer *too;
	struct shown t;
	int n = 0;

	if (!world_can_be_others())
		SUITE_SKIP("needs root, to be two users");
	begin();
	t = export(alice, VCM_COHERENT, RW);
	while (IMPORT(bob, NEW, ((struct shown){ t.where, t.secret ^ 1 })) == -EACCES)
		ck_assert_int_lt(++n, 100000);
	ck_assert_int_eq(bob->reply.status, -EAGAIN);
	too = world_peer_as(w, BOB);
	while (IMPORT(too, NEW, t) != 0) /* also with the right one, until time has passed */
		ck_assert_int_eq(too->reply.status, -EAGAIN);
	ck_ok(IMPORT(alice, NEW + 1, t));
	end();
}
END_TEST

START_TEST(a_failure_at_any_stage_leaves_nothing)
{
	struct shown t;

	begin();
	t = export(alice, VCM_COHERENT, RW);
	for (enum stage s = STAGE_AUTHORISE; s <= STAGE_JOURNAL; s++) {
		w->broker->fail_stage = s;
		ck_status(IMPORT(bob, NEW, t), -ENOMEM);
		w->broker->fail_stage = s;
		ck_status(CALL(alice, EXPORT, .on = NEW, .attr = VCM_SHARE_READ), -ENOMEM);
		w->broker->fail_stage = s;
		ck_status(CALL(alice, EXPORT, .on = NEW), -ENOMEM);
		w->broker->fail_stage = s;
		ck_status(CALL(alice, PHYS_FREE, .on = NEW), -ENOMEM);
		world_check(w);
	}
	ck_ok(IMPORT(bob, NEW, t));
	ck_ok(CALL(alice, PHYS_FREE, .on = NEW));
	for (enum stage s = STAGE_AUTHORISE; s <= STAGE_JOURNAL; s++) {
		w->broker->fail_stage = s;
		ck_status(CALL(bob, PHYS_FREE, .on = NEW), -ENOMEM);
		world_check(w);
	}
	ck_ok(CALL(bob, PHYS_FREE, .on = NEW));
	ck_assert_uint_eq(world_used(w), 0);
	end();
}
END_TEST

/* Each of two dies, in either order, while its device and its process have the memory mapped. */
static void live_and_die(struct peer **first, struct peer **second)
{
	struct shown t = export(alice, VCM_COHERENT, RW);

	ck_ok(IMPORT(bob, NEW, t));
	ck_ok(back_for_cpu(alice, 0));
	ck_ok(back_for_cpu(bob, 0));
	*first = world_kill(w, *first);
	world_settle(w);
	world_check(w);
	ck_assert_uint_eq(world_used(w), SZ_64K);
	ck_ok(CALL(*second, UNBACK, .on = USER_RES));
	ck_ok(CALL(*second, BACK, .on = USER_RES, .target = NEW));
	*second = world_kill(w, *second);
	world_settle(w);
	ck_assert_uint_eq(world_used(w), 0);
}

START_TEST(the_exporter_dies_first)
{
	begin();
	live_and_die(&alice, &bob);
	end();
}
END_TEST

START_TEST(the_importer_dies_first)
{
	begin();
	live_and_die(&bob, &alice);
	end();
}
END_TEST

START_TEST(a_device_reads_what_another_session_has_written)
{
	struct shown t;
	uint32_t device, mine;

	begin();
	mine = stage_set(alice).a_mm1;
	ck_ok(CALL(alice, EXPORT, .on = MEM, .attr = RW));
	t = (struct shown){ peer_value(alice, 0), peer_value(alice, 1) };
	bob = world_kill(w, bob);
	bob = world_peer_as(w, world_can_be_others() ? ALICE : geteuid());
	device = peer_device(bob, "vcodec_b_mm2");
	ck_ok(IMPORT(bob, NEW, t));
	ck_ok(CALL(bob, VCM_CREATE, .handle = 1, .addr = REGION_AT, .len = SZ_1M));
	ck_ok(CALL(bob, ASSOC, .handle = 2, .on = 1, .target = device));
	ck_ok(CALL(bob, ACTIVATE, .on = 2));
	ck_ok(CALL(bob, RESERVE, .handle = 3, .on = 1, .len = SZ_64K));
	ck_ok(CALL(bob, BACK, .on = 3, .target = NEW));
	ck_ok(CALL(alice, RES_INFO, .on = BACKED));
	ck_ok(CALL(alice, SIM_WRITE, .target = mine, .addr = peer_value(alice, 1), .data = "seen",
		   .n_data = 4));
	ck_ok(CALL(bob, RES_INFO, .on = 3));
	ck_ok(CALL(bob, SIM_READ, .target = device, .addr = peer_value(bob, 1), .len = 4));
	ck_assert_mem_eq(bob->reply.data, "seen", 4);
	end();
}
END_TEST

SUITE_MAIN("vcmd-share", another_user_reads_through_an_fd_that_only_reads,
	   another_user_s_device_without_an_iommu_does_not_reach_what_is_read,
	   who_may_write_after_reading_is_given_another_fd,
	   another_user_gets_nothing_that_was_not_meant_for_it,
	   guesses_are_counted_by_user_and_forgiven, a_failure_at_any_stage_leaves_nothing,
	   the_exporter_dies_first, the_importer_dies_first,
	   a_device_reads_what_another_session_has_written)
