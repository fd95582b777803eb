// SPDX-License-Identifier: BSD-3-Clause
/*
 * Two users who do their worst: neither ever sees a byte of the other, and what dies leaves nothing.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <vcm/attr.h>
#include <vcm/inspect.h>

#include "base/range.h"
#include "tests/suite.h"
#include "tests/vcmd/daemon.h"
#include "tests/vcmd/world.h"

#define CONFIG                                                                                     \
	"stock = 0\nsocket-mode = 0666\naccess { allow-users = {\"*\"} }\nfault-timeout = 600000\n"

#define MAX_FDS 4096
#define MAX_BUFFERS 24
#define USER_BASE UINT64_C(0x600000000000)

#define must(x)                                                                                    \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			fprintf(stderr, "%s:%d: uid %u: %s\n", __FILE__, __LINE__, getuid(), #x);  \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

/* --- a user -------------------------------------------------------------------------------------------------------- */

/*
 * A child that is content. It becomes another program, in which nobody looks for leaks: what the fork copied of the
 * parent's memory, and nothing of the child's points to, is none.
 */
static _Noreturn void leave(void)
{
	execl("/bin/true", "true", NULL);
	_exit(1);
}

struct user {
	struct peer *p;
	unsigned int seed;
	uint8_t own, other; /* what each writes */
	int fds[MAX_FDS];   /* of every arena it was ever given */
	uint32_t arenas[MAX_FDS];
	size_t n_fds;
	bool live[MAX_BUFFERS];
};

enum {
	SPACE = 1,
	SPACE_AVCM,
	FIRST_BUFFER
}; /* a buffer has two handles: its physmem, its reservation */

static unsigned int pick(struct user *u, unsigned int n)
{
	return (unsigned int)rand_r(&u->seed) % n;
}

static uint64_t len_of(int fd)
{
	struct stat st;

	must(fstat(fd, &st) == 0);
	return (uint64_t)st.st_size;
}

static bool has_byte(const uint8_t *at, uint64_t len, uint8_t byte)
{
	return memchr(at, byte, len) != NULL;
}

/* All that an fd shows, however it is looked at. */
static void scan(const struct user *u, int fd)
{
	uint64_t len = len_of(fd);
	char path[64];
	int again _cleanup_(fd_closep) = -1;
	uint8_t *at;

	if (!len)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDWR | O_CLOEXEC);
	at = mmap(NULL, len, PROT_READ, MAP_SHARED, again >= 0 ? again : fd, 0);
	must(at != MAP_FAILED);
	must(!has_byte(at, len, u->other));
	must(munmap(at, len) == 0);
}

/* Everything that the arena has, not only the piece that it was given for. */
static void scribble(const struct user *u, int fd)
{
	uint64_t len = len_of(fd);
	uint8_t *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	must(at != MAP_FAILED);
	must(!has_byte(at, len, u->other));
	memset(at, u->own, len);
	must(munmap(at, len) == 0);
}

static int fd_of_arena(const struct user *u, uint32_t arena)
{
	for (size_t i = u->n_fds; i-- > 0;)
		if (u->arenas[i] == arena)
			return u->fds[i];
	must(!"a piece of an arena whose fd has not been given");
	return -1;
}

static void take_pieces(struct user *u)
{
	for (size_t i = 0; i < u->p->reply.n_pieces; i++) {
		const struct piece *piece = &u->p->reply.pieces[i];
		int fd;

		if (piece->fd) {
			must(u->n_fds < MAX_FDS);
			u->arenas[u->n_fds] = piece->arena;
			u->fds[u->n_fds++] = fdset_take(&u->p->fds, piece->fd - 1);
		}
		fd = fd_of_arena(u, piece->arena);
		must(piece->offset + piece->len <= len_of(fd));
	}
}

static void make_buffer(struct user *u, unsigned int i)
{
	static const uint64_t lens[] = { SZ_4K,          SZ_4K, 3 * SZ_4K, SZ_64K,
					 SZ_64K + SZ_4K, SZ_1M, SZ_2M,     5 * SZ_1M };
	static const uint32_t attrs[] = { 0, 0, VCM_PHYS_CONT, VCM_COHERENT, VCM_4KB };
	uint64_t len = lens[pick(u, sizeof(lens) / sizeof(*lens))];
	const struct op ops[] = {
		{ .code = OP_PHYS_ALLOC,
		  .handle = FIRST_BUFFER + 2 * i,
		  .arg = 1 + pick(u, 3),
		  .len = len,
		  .attr = attrs[pick(u, 5)] },
		{ .code = OP_RESERVE,
		  .handle = FIRST_BUFFER + 2 * i + 1,
		  .on = SPACE,
		  .len = len,
		  .addr = USER_BASE + i * SZ_16M },
		{ .code = OP_BACK, .on = FIRST_BUFFER + 2 * i + 1, .target = FIRST_BUFFER + 2 * i },
	};
	uint64_t done = 0;

	if (BATCH(u->p, ops) != 0) {
		must(u->p->reply.status == -ENOMEM || u->p->reply.status == -EINVAL);
		return;
	}
	u->live[i] = true;
	take_pieces(u);
	for (;;) {
		for (size_t k = 0; k < u->p->reply.n_pieces; k++)
			done += u->p->reply.pieces[k].len;
		if (done >= len)
			break;
		must(CALL(u->p, PIECES, .on = FIRST_BUFFER + 2 * i + 1, .addr = done) == 0);
		must(u->p->reply.n_pieces > 0);
		take_pieces(u);
	}
	must(done == len);
	scribble(u, u->fds[u->n_fds - 1]);
}

static void drop_buffer(struct user *u, unsigned int i)
{
	const struct op ops[] = {
		{ .code = OP_UNBACK, .on = FIRST_BUFFER + 2 * i + 1 },
		{ .code = OP_UNRESERVE, .on = FIRST_BUFFER + 2 * i + 1 },
		{ .code = OP_PHYS_FREE, .on = FIRST_BUFFER + 2 * i },
	};

	must(BATCH(u->p, ops) == 0);
	u->live[i] = false;
}

/* The broker's word on which addresses may be named. */
static void try_all_addresses(struct user *u)
{
	for (uint64_t pa = 0x40000000; pa < 0x44000000; pa += SZ_64K) {
		if (CALL(u->p, PHYS_MAP, .handle = 100, .addr = pa, .len = SZ_4K) != 0)
			continue;
		must(CALL(u->p, RESERVE, .handle = 101, .on = SPACE, .len = SZ_4K,
			  .addr = USER_BASE + SZ_16M * MAX_BUFFERS) == 0);
		must(CALL(u->p, BACK, .on = 101, .target = 100) == 0);
		take_pieces(u);
		scan(u, fd_of_arena(u, u->p->reply.pieces[0].arena));
		must(CALL(u->p, UNBACK, .on = 101) == 0);
		must(CALL(u->p, UNRESERVE, .on = 101) == 0);
		must(CALL(u->p, PHYS_FREE, .on = 100) == 0);
	}
}

static void user_begin(struct user *u, const struct daemon *d, uid_t uid)
{
	become(uid);
	*u = (struct user){ .seed = uid,
			    .own = uid == ALICE ? 0xa1 : 0xb2,
			    .other = uid == ALICE ? 0xb2 : 0xa1 };
	u->p = daemon_peer(d);
	must(CALL(u->p, VCM_PREBUILT, .handle = SPACE, .arg = VCM_PREBUILT_USER) == 0);
	must(CALL(u->p, ASSOC, .handle = SPACE_AVCM, .on = SPACE,
		  .target = peer_device(u->p, "cpu")) == 0);
	must(CALL(u->p, ACTIVATE, .on = SPACE_AVCM) == 0);
}

static unsigned int rounds(unsigned int n)
{
	return suite_scaled(n, 4, 20);
}

/* Keeps every fd that it was ever given, and looks through all of them at the end. */
static void churn(const struct daemon *d, uid_t uid, int done, int go)
{
	static struct user u;
	char c;

	user_begin(&u, d, uid);
	for (unsigned int n = rounds(400); n; n--) {
		unsigned int i = pick(&u, MAX_BUFFERS);

		if (u.live[i])
			drop_buffer(&u, i);
		else
			make_buffer(&u, i);
		if (u.n_fds)
			scan(&u, u.fds[pick(&u, (unsigned int)u.n_fds)]);
	}
	try_all_addresses(&u);
	for (unsigned int round = 0; round < 2; round++) {
		must(write(done, "", 1) == 1);
		must(read(go, &c, 1) == 1); /* the other has written its last byte, or died */
		for (size_t i = 0; i < u.n_fds; i++)
			scan(&u, u.fds[i]);
		if (round == 0)
			u.p = peer_free(u.p); /* what was ours may be the other's now */
	}
	leave();
}

static void ck_exits(pid_t pid)
{
	int status;

	ck_assert(waitpid(pid, &status, 0) == pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a user ended with 0x%x",
		      status);
}

START_TEST(no_user_sees_a_byte_of_another)
{
	static const uid_t uids[] = { ALICE, BOB };
	struct daemon d;
	struct peer *p;
	int done[2], go[2];
	pid_t pids[2];
	char c;

	if (!world_can_be_others())
		SUITE_SKIP("needs root, to be two users");
	daemon_start(&d, CONFIG);
	p = daemon_peer(&d);
	ck_assert(pipe(done) == 0 && pipe(go) == 0);
	for (int i = 0; i < 2; i++) {
		pids[i] = fork();
		if (!pids[i])
			churn(&d, uids[i], done[1], go[0]);
	}
	close(done[1]);
	for (int round = 0; round < 2; round++) {
		ck_assert(read(done[0], &c, 1) == 1 && read(done[0], &c, 1) == 1);
		ck_assert(write(go[1], "ab", 2) == 2);
	}
	ck_exits(pids[0]);
	ck_exits(pids[1]);
	peer_await_nothing(p);
	peer_free(p);
	daemon_stop(&d);
}
END_TEST

/* --- a client that breaks its own memory ---------------------------------------------------------------------------- */

static void vandalise(const struct daemon *d, int done, int go)
{
	static struct user u;
	char c;

	user_begin(&u, d, ALICE);
	while (u.n_fds < 4)
		for (unsigned int i = 0; i < MAX_BUFFERS; i++)
			if (!u.live[i])
				make_buffer(&u, i);
	for (size_t i = 0; i < u.n_fds; i++) {
		int fd = u.fds[i];
		off_t len = (off_t)len_of(fd);

		must(ftruncate(fd, 0) < 0 && errno == EPERM);
		must(ftruncate(fd, len + 4096) < 0 && errno == EPERM);
		must(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) < 0);
		must(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) < 0);
		fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, len);
		fallocate(fd, 0, 0, len + SZ_1M);
		fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK | O_ASYNC);
		lseek(fd, 12345, SEEK_SET);
		flock(fd, LOCK_EX);
	}
	for (unsigned int i = 0; i < MAX_BUFFERS; i++) {
		if (u.live[i])
			drop_buffer(&u, i);
		make_buffer(&u, i);
	}
	u.p = peer_free(u.p);
	must(write(done, "", 1) == 1);
	must(read(go, &c, 1) == 1);
	for (size_t i = 0; i < u.n_fds; i++)
		scan(&u, u.fds[i]);
	leave();
}

static void live_on(const struct daemon *d)
{
	static struct user u;

	user_begin(&u, d, BOB);
	for (unsigned int i = 0; i < MAX_BUFFERS; i++)
		make_buffer(&u, i);
	must(CALL(u.p, RES_COPY, .on = FIRST_BUFFER + 1, .target = FIRST_BUFFER + 1,
		  .len = SZ_4K) == 0 ||
	     !u.live[0]);
	for (unsigned int i = 0; i < MAX_BUFFERS; i++)
		if (u.live[i])
			drop_buffer(&u, i);
	must(CALL(u.p, BYE) == 0);
	leave();
}

START_TEST(a_client_that_breaks_its_memory_hurts_only_itself)
{
	struct daemon d;
	struct peer *p;
	int done[2], go[2];
	pid_t alice, bob;
	char c;

	if (!world_can_be_others())
		SUITE_SKIP("needs root, to be two users");
	daemon_start(&d, CONFIG);
	p = daemon_peer(&d);
	ck_assert(pipe(done) == 0 && pipe(go) == 0);
	alice = fork();
	if (!alice)
		vandalise(&d, done[1], go[0]);
	close(done[1]);
	ck_assert(read(done[0], &c, 1) == 1);
	peer_await_nothing(p);
	bob = fork();
	if (!bob)
		live_on(&d);
	ck_exits(bob);
	ck_assert(write(go[1], "", 1) == 1);
	ck_exits(alice);
	peer_await_nothing(p);
	peer_free(p);
	daemon_stop(&d);
}
END_TEST

/* --- clients that die ------------------------------------------------------------------------------------------------ */

static const char *const devices[] = { "vcodec_a_mm1", "vcodec_a_stream", "vcodec_b_mm2",
				       "mdp_port0", "mdp_port1" };

#define COPIED (2 * SZ_1M)

/* Says after each request that it has been sent, or answered: somebody kills it. Every other one never reads an answer. */
static void live_dangerously(const struct daemon *d, unsigned int seed, int told)
{
	struct peer *p = daemon_peer(d);
	uint32_t device = peer_device(p, devices[seed % 5]);
	const struct op setup[] = {
		{ .code = OP_VCM_CREATE, .handle = 1, .addr = 0x10000000, .len = 64 * SZ_1M },
		{ .code = OP_ASSOC, .handle = 2, .on = 1, .target = device },
		{ .code = OP_ACTIVATE, .on = 2 },
		{ .code = OP_PHYS_ALLOC, .handle = 3, .arg = 1, .len = COPIED },
		{ .code = OP_RESERVE, .handle = 4, .on = 1, .len = COPIED },
		{ .code = OP_BACK, .on = 4, .target = 3 },
		{ .code = OP_PHYS_ALLOC, .handle = 5, .arg = 2, .len = COPIED },
		{ .code = OP_RESERVE, .handle = 6, .on = 1, .len = COPIED },
		{ .code = OP_BACK, .on = 6, .target = 5 },
		{ .code = OP_HOOK, .target = device, .arg = 1 },
		{ .code = OP_VCM_PREBUILT, .handle = 7, .arg = VCM_PREBUILT_USER },
		{ .code = OP_VCM_CLONE, .handle = 8, .on = 1 },
	};
	const size_t n_setup = sizeof(setup) / sizeof(*setup);

	for (uint32_t n = 0; n < 64; n++) {
		struct op op = { .code = OP_RES_COPY,
				 .on = 4,
				 .target = 6,
				 .len = n % 27 == 14 ? COPIED : SZ_4K };
		uint64_t serial;

		if (n < n_setup)
			op = setup[n];
		else if (n % 3 == 0) /* stalls for good */
			op = (struct op){
				.code = OP_SIM_READ, .target = device, .addr = 0x13000000, .len = 64
			};
		else if (n % 3 == 1)
			op = (struct op){ .code = OP_RESERVE, .handle = n, .on = 1, .len = SZ_4K };
		serial = peer_send(p, &op, 1);
		if (seed % 4 < 2 && op.code != OP_SIM_READ)
			peer_wait(p, serial);
		if (write(told, "", 1) != 1)
			leave();
	}
	pause();
	leave();
}

struct victim {
	pid_t pid;
	int told;
};

static struct victim spawn(const struct daemon *d, unsigned int seed)
{
	struct victim v;
	int told[2];

	ck_assert(pipe2(told, O_CLOEXEC) == 0);
	v.told = told[0];
	v.pid = fork();
	if (!v.pid) {
		if (world_can_be_others())
			become(seed & 1 ? ALICE : BOB);
		live_dangerously(d, seed, told[1]);
	}
	close(told[1]);
	return v;
}

/* After so many requests. */
static void slay(struct victim *v, unsigned int n)
{
	int status;
	char c;

	for (; n; n--)
		ck_assert(read(v->told, &c, 1) == 1);
	ck_assert(kill(v->pid, SIGKILL) == 0);
	ck_assert(waitpid(v->pid, &status, 0) == v->pid);
	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
		      "a client ended with 0x%x", status);
	close(v->told);
}

/* Those that the broker keeps for the peer's user, as long as he is there, too. */
static size_t count_arenas(struct peer *p)
{
	uint64_t cursor = 0;
	size_t n = 0;

	do {
		ck_ok(CALL(p, INSPECT, .arg = VCM_TABLE_POOLS, .addr = cursor));
		for (size_t i = 0; i < p->reply.n_rows; i++)
			n += p->reply.rows[i].n[VCM_POOL_ARENAS];
		cursor = peer_value(p, 0);
	} while (cursor);
	return n;
}

#define AT_ONCE 6

START_TEST(a_thousand_clients_killed_leave_nothing)
{
	struct victim victims[AT_ONCE];
	unsigned int seed = 1, n = rounds(1000);
	struct daemon d;
	struct peer *p;
	size_t n_fds;

	daemon_start(&d, CONFIG);
	p = daemon_peer(&d);
	n_fds = daemon_count_fds(&d) - count_arenas(p);
	for (unsigned int i = 0; i < n + AT_ONCE; i++) {
		struct victim *v = &victims[i % AT_ONCE];

		if (i >= AT_ONCE)
			slay(v, (unsigned int)rand_r(&seed) % 40);
		if (i < n)
			*v = spawn(&d, i);
	}
	peer_await_nothing(p);
	ck_assert_uint_eq(daemon_count_fds(&d) - count_arenas(p), n_fds);
	ck_assert_uint_gt(peer_status(p, VCM_STATUS_REQUESTS), 10 * n);
	ck_assert_uint_gt(peer_status(p, VCM_STATUS_FAULTS),
			  n / 20); /* many died while a device waited for them */
	peer_free(p);
	daemon_stop(&d);
}
END_TEST

SUITE_MAIN("isolation", no_user_sees_a_byte_of_another,
	   a_client_that_breaks_its_memory_hurts_only_itself,
	   a_thousand_clients_killed_leave_nothing)
