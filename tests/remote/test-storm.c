// SPDX-License-Identifier: BSD-3-Clause
/*
 * Two nodes, ten local clients and a simulated device share buffers at random, and are killed at random, as vcmd is. A model
 * knows what every buffer holds and who has it; what anybody reads must be that, and in the end nothing is left. vcmd's fds
 * are kept: local clients do not notice its death, and a node starts anew.
 *
 * $VCM_STORM_SECONDS, 3 by default; $VCM_STORM_SEED to see a storm again.
 */
#include "tests/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "base/cleanup.h"
#include "tests/crash/keeper.h"
#include "tests/remote/storm.h"
#include "tests/vcmd/daemon.h"

#define N_NODES 2
#define N_WORKERS 12
#define N_BUFFERS (N_WORKERS * STORM_SLOTS)
#define KILLS_IN 40    /* a worker is killed in one of so many steps */
#define STRIKES_IN 400 /* the same of vcmd */

struct buffer {
	unsigned int n_holders;
	unsigned int window; /* of which node: that node can see it */
	uint64_t value;
	bool is_torn; /* whoever was to write it was killed */
};

struct worker {
	pid_t pid;
	int fd;
	struct buffer *slots[STORM_SLOTS]; /* NULL: free */
};

static struct storm {
	struct daemon daemon; /* its socket; the rest is the keeper's */
	struct keeper *keeper;
	char folder[64];
	struct worker workers[N_WORKERS]; /* the nodes first */
	struct buffer buffers[N_BUFFERS];
	uint64_t random, last_value;
	unsigned int n_steps, n_kills, n_strikes;
} storm;

static uint32_t below(uint32_t n)
{
	storm.random = storm.random * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(storm.random >> 33) % n;
}

/* --- workers ------------------------------------------------------------------------------------------------------ */

static uint64_t base_of(unsigned int node)
{
	return 0x38000000 + 0x1000000 * (uint64_t)node;
}

static void become_worker(unsigned int i, int fd)
{
	const char *build = getenv("VCM_BUILDDIR");
	char program[4096], server[128], base[32];

	/* Which may be its number already, and may be the suite's: no assertion from here on. */
	if (fd == STORM_FD ? fcntl(fd, F_SETFD, 0) < 0 : dup2(fd, STORM_FD) < 0)
		_exit(126);
	closefrom(STORM_FD + 1);
	setenv("VCM_SOCKET", storm.daemon.socket, 1);
	snprintf(program, sizeof(program), "%s/tests/remote/storm-%s", build ? build : ".",
		 i < N_NODES ? "node" : "client");
	snprintf(server, sizeof(server), "%s/node%u", storm.folder, i);
	snprintf(base, sizeof(base), "%#llx", (unsigned long long)base_of(i));
	if (i < N_NODES)
		execl(program, program, server, base, (char *)NULL);
	else
		execl(program, program, (char *)NULL);
	_exit(127);
}

static struct storm_answer hear(const struct worker *w)
{
	struct storm_answer a;

	ck_assert_msg(recv(w->fd, &a, sizeof(a), 0) == sizeof(a), "worker %d has ended",
		      (int)(w - storm.workers));
	return a;
}

static void start_worker(unsigned int i)
{
	struct worker *w = &storm.workers[i];
	int pair[2];

	ck_assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	w->pid = keeper_fork(storm.keeper);
	ck_assert(w->pid >= 0);
	if (!w->pid)
		become_worker(i, pair[1]);
	close(pair[1]);
	w->fd = pair[0];
	ck_assert_int_eq(hear(w).status, 0);
}

static void tell(const struct worker *w, const struct storm_order *o)
{
	ck_assert(send(w->fd, o, sizeof(*o), MSG_NOSIGNAL) == sizeof(*o));
}

static struct storm_answer ask(const struct worker *w, const struct storm_order *o)
{
	struct storm_answer a;

	tell(w, o);
	a = hear(w);
	ck_assert_msg(a.status == 0, "worker %d: order %d: %s", (int)(w - storm.workers),
		      (int)o->op, strerror(-a.status));
	return a;
}

static bool is_node(const struct worker *w)
{
	return w - storm.workers < N_NODES;
}

/* --- the model ---------------------------------------------------------------------------------------------------- */

static void release(struct worker *w, uint32_t slot)
{
	w->slots[slot]->n_holders--;
	w->slots[slot] = NULL;
}

static void hold(struct worker *w, uint32_t slot, struct buffer *b)
{
	b->n_holders++;
	w->slots[slot] = b;
}

static struct buffer *new_buffer(unsigned int window)
{
	struct buffer *b = storm.buffers;

	while (b->n_holders)
		b++;
	*b = (struct buffer){ .window = window };
	return b;
}

/* --- what happens ------------------------------------------------------------------------------------------------- */

static void make(struct worker *w, uint32_t slot)
{
	unsigned int window = is_node(w) ? (unsigned int)(w - storm.workers) : below(N_NODES);

	ask(w, &(struct storm_order){ .op = STORM_ALLOC, .slot = slot, .value = window });
	hold(w, slot, new_buffer(window));
}

static bool holds(const struct worker *w, const struct buffer *b)
{
	for (uint32_t s = 0; s < STORM_SLOTS; s++)
		if (w->slots[s] == b)
			return true;
	return false;
}

/* A node can have what is in its own window; and nobody has a buffer twice, which would be an alias. */
static void share(struct worker *from, uint32_t slot, struct worker *to, uint32_t free_slot)
{
	struct buffer *b = from->slots[slot];
	struct storm_answer a;

	if (holds(to, b) || (is_node(to) && b->window != (unsigned int)(to - storm.workers)))
		return;
	a = ask(from, &(struct storm_order){ .op = STORM_EXPORT, .slot = slot });
	ask(to, &(struct storm_order){ .op = STORM_IMPORT, .slot = free_slot, .token = a.token });
	hold(to, free_slot, b);
}

static void write_one(struct worker *w, uint32_t slot, enum storm_op op)
{
	struct buffer *b = w->slots[slot];

	b->value = ++storm.last_value;
	b->is_torn = false;
	ask(w, &(struct storm_order){ .op = op, .slot = slot, .value = b->value });
}

static void read_one(struct worker *w, uint32_t slot, enum storm_op op)
{
	const struct buffer *b = w->slots[slot];

	if (!b->is_torn)
		ck_assert_uint_eq(ask(w, &(struct storm_order){ .op = op, .slot = slot }).value,
				  b->value);
}

/* In the middle of something, as often as not. */
static void kill_one(unsigned int i)
{
	struct worker *w = &storm.workers[i];
	uint32_t slot = below(STORM_SLOTS);

	if (w->slots[slot] && below(2)) {
		w->slots[slot]->is_torn = true;
		tell(w, &(struct storm_order){
				.op = STORM_WRITE, .slot = slot, .value = ++storm.last_value });
	}
	kill(w->pid, SIGKILL);
	ck_assert(waitpid(w->pid, NULL, 0) == w->pid);
	close(w->fd);
	for (uint32_t s = 0; s < STORM_SLOTS; s++)
		if (w->slots[s])
			release(w, s);
	start_worker(i);
	storm.n_kills++;
}

static void start_anew(struct worker *w)
{
	for (uint32_t s = 0; s < STORM_SLOTS; s++)
		if (w->slots[s])
			release(w, s);
	ask(w, &(struct storm_order){ .op = STORM_ATTACH });
}

/* A local client's call is on its way, as often as not: it is answered, once, by whoever is there then. */
static void strike(void)
{
	unsigned int i = N_NODES + below(N_WORKERS - N_NODES), window = below(N_NODES);
	struct worker *w = &storm.workers[i];
	uint32_t slot = below(STORM_SLOTS);
	bool asks = !w->slots[slot];

	if (asks)
		tell(w, &(struct storm_order){ .op = STORM_ALLOC, .slot = slot, .value = window });
	keeper_kill(storm.keeper);
	keeper_start(storm.keeper);
	if (asks) {
		ck_assert_int_eq(hear(w).status, 0);
		hold(w, slot, new_buffer(window));
	}
	for (i = 0; i < N_NODES; i++)
		start_anew(&storm.workers[i]);
	storm.n_strikes++;
}

static void use(struct worker *w, uint32_t slot)
{
	struct worker *other = &storm.workers[below(N_WORKERS)];
	uint32_t other_slot = below(STORM_SLOTS);

	switch (below(8)) {
	case 0:
		ask(w, &(struct storm_order){ .op = STORM_FREE, .slot = slot });
		release(w, slot);
		break;
	case 1:
	case 2:
		if (!other->slots[other_slot])
			share(w, slot, other, other_slot);
		break;
	case 3:
	case 4:
		write_one(w, slot, STORM_WRITE);
		break;
	case 5:
		write_one(w, slot, STORM_DEVICE_WRITE);
		break;
	case 6:
		read_one(w, slot, STORM_DEVICE_READ);
		break;
	default:
		read_one(w, slot, STORM_READ);
		break;
	}
}

static void step(void)
{
	unsigned int i = below(N_WORKERS);
	struct worker *w = &storm.workers[i];
	uint32_t slot = below(STORM_SLOTS);

	storm.n_steps++;
	if (below(STRIKES_IN) == 0)
		strike();
	else if (below(KILLS_IN) == 0)
		kill_one(i);
	else if (w->slots[slot])
		use(w, slot);
	else
		make(w, slot);
}

/* --- the storm ---------------------------------------------------------------------------------------------------- */

static void write_config(char *out, size_t cap)
{
	size_t n = (size_t)snprintf(out, cap,
				    "memtype 0 { pool { ranges = {\"0x40000000+64M\"} } }\n"
				    "smmu smmu0 { base = 0x07300000\n"
				    "context " STORM_DEVICE " { mid = 0 } }\n"
				    "access { allow-users = {\"*\"} }\n");

	for (unsigned int i = 0; i < N_NODES; i++)
		n += (size_t)snprintf(out + n, cap - n,
				      "memtype %u { pool { source = window node = node%u\n"
				      "granule = 4K ranges = {\"%#llx+1M\"} } }\n"
				      "node node%u { file = \"%s/window%u\" length = 2M\n"
				      "base = %#llx socket = \"%s/node%u\" }\n",
				      i + 1, i, (unsigned long long)base_of(i) + 0x100000, i,
				      storm.folder, i, (unsigned long long)base_of(i), storm.folder,
				      i);
}

static void begin(void)
{
	const char *seed = getenv("VCM_STORM_SEED"), *build = getenv("VCM_BUILDDIR");
	char config[2048], program[4096];

	storm.random = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
	printf("VCM_STORM_SEED=%llu\n", (unsigned long long)storm.random);
	snprintf(storm.folder, sizeof(storm.folder), "/tmp/vcm-storm-XXXXXX");
	ck_assert(mkdtemp(storm.folder) != NULL);
	write_config(config, sizeof(config));
	snprintf(program, sizeof(program), "%s/vcmd/vcmd", build ? build : ".");
	snprintf(storm.daemon.socket, sizeof(storm.daemon.socket), "%s/sock", storm.folder);
	storm.keeper = keeper_new(program, storm.folder, config);
	keeper_start(storm.keeper);
	keeper_await_ready(storm.keeper);
	for (unsigned int i = 0; i < N_WORKERS; i++)
		start_worker(i);
}

static void read_all(void)
{
	for (unsigned int i = 0; i < N_WORKERS; i++)
		for (uint32_t slot = 0; slot < STORM_SLOTS; slot++)
			if (storm.workers[i].slots[slot])
				read_one(&storm.workers[i], slot, STORM_READ);
}

/* Half of them give back what they have; the others just end. */
static void end(void)
{
	struct peer *p = daemon_peer(&storm.daemon);
	char path[128];
	int status;

	for (unsigned int i = 0; i < N_WORKERS; i++) {
		struct worker *w = &storm.workers[i];

		for (uint32_t slot = 0; slot < STORM_SLOTS && i % 2; slot++)
			if (w->slots[slot])
				ask(w, &(struct storm_order){ .op = STORM_FREE, .slot = slot });
		close(w->fd);
		ck_assert(waitpid(w->pid, &status, 0) == w->pid);
		ck_assert_int_eq(status, 0);
	}
	peer_await_nothing(p);
	peer_free(p);
	ck_assert_int_eq(keeper_stop(storm.keeper), 0);
	storm.keeper = keeper_free(storm.keeper);
	for (unsigned int i = 0; i < N_NODES; i++) {
		snprintf(path, sizeof(path), "%s/window%u", storm.folder, i);
		unlink(path);
	}
	rmdir(storm.folder);
}

START_TEST(everybody_reads_what_was_written_last_whoever_dies)
{
	const char *text = getenv("VCM_STORM_SECONDS");
	time_t until;

	begin();
	until = time(NULL) + (text ? atoi(text) : 3);
	while (time(NULL) < until)
		step();
	read_all();
	printf("%u steps, %u kills, and %u of vcmd\n", storm.n_steps, storm.n_kills,
	       storm.n_strikes);
	end();
}
END_TEST

/* As long as it is told to. */
int main(void)
{
	const TTest *const cases[] = { everybody_reads_what_was_written_last_whoever_dies, NULL };
	const char *text = getenv("VCM_STORM_SECONDS");
	char times[32];

	if (text) {
		snprintf(times, sizeof(times), "%d", 2 + atoi(text) / SUITE_TIMEOUT);
		setenv("CK_TIMEOUT_MULTIPLIER", times, 0);
	}
	return suite_run("remote/storm", cases);
}
