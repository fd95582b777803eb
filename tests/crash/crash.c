// SPDX-License-Identifier: BSD-3-Clause
/*
 * The daemon is killed again and again, at random moments, and now and then a client with it, while clients use all that it
 * has. After each time everybody goes on, and checks all that it has; in the end nothing is left.
 *
 *	crash						a few rounds with the daemon of $VCM_BUILDDIR
 *	crash --vcmd build/vcmd/vcmd --rounds 50	with a daemon and a keeper of fds of its own
 *	crash --unit vcmd.service --rounds 500		with a system's, whose configuration has what --print-config prints
 *	crash ... --how restart				not killed, but struck otherwise (tests/crash/victim.h)
 */
#include "tests/crash/crash.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <vcm/inspect.h>
#include <vcm/vcm.h>

#include "tests/crash/victim.h"

#define PATIENCE_MS 120000 /* for one round, on a machine that has other things to do */
#define CALM_MAX_MS 300    /* before the next blow */
#define FDS_SPARE 4        /* what a daemon may have more at the end: files it has opened since */
#define KEPT_SPARE 3       /* chunks of the journal, where they are not told from others */
#define IS_CALLER(i) ((i) % 4 == 1) /* over the bus, where there is one */

static struct {
	unsigned int rounds, clients, seed;
	struct victim_options victim;
} options = { .rounds = 5, .clients = 20 };

static struct crash_shared *shared;
static pid_t pids[CRASH_CLIENTS_MAX]; /* 0: it has died */
static unsigned int n_born; /* a client that takes the place of a dead one has contexts of its own */
static unsigned int random_state;

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* --- the clients */

static void bear_client(void)
{
	const char *bus = victim_bus();
	unsigned int i = n_born++;

	pids[i] = victim_fork();
	if (pids[i] == 0 && bus && IS_CALLER(i))
		crash_caller(shared, i, options.seed + i, *bus ? bus : NULL);
	if (pids[i] == 0)
		crash_client(shared, i, options.seed + i);
	if (pids[i] < 0)
		err(EXIT_FAILURE, "fork");
}

static void begin_clients(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		err(EXIT_FAILURE, "mmap");
	shared->news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (unsigned int i = 0; i < options.clients; i++)
		bear_client();
}

/* Now and then somebody dies with the daemon, or just before: its session waits for nobody. */
static void kill_a_client(void)
{
	unsigned int i = (unsigned int)rand_r(&random_state) % CRASH_CLIENTS_MAX;

	if (!pids[i] || n_born == CRASH_CLIENTS_MAX)
		return;
	kill(pids[i], SIGKILL);
	waitpid(pids[i], NULL, 0);
	pids[i] = 0;
	bear_client();
}

/* What a client is that has ended before its time. */
static void check_alive(void)
{
	for (unsigned int i = 0; i < n_born; i++) {
		int status;

		if (pids[i] && waitpid(pids[i], &status, WNOHANG) == pids[i])
			errx(EXIT_FAILURE, "client %u has ended with status %#x", i,
			     (unsigned int)status);
	}
}

static bool have_all_checked(unsigned int round)
{
	for (unsigned int i = 0; i < n_born; i++)
		if (pids[i] && atomic_load(&shared->checked[i]) < round)
			return false;
	return true;
}

static void await_checks(unsigned int round)
{
	struct pollfd fd = { .fd = shared->news_fd, .events = POLLIN };
	int64_t start = now_ms();
	eventfd_t n;

	while (!have_all_checked(round)) {
		check_alive();
		if (now_ms() - start > PATIENCE_MS)
			errx(EXIT_FAILURE, "round %u: not everybody goes on", round);
		if (poll(&fd, 1, 1000) > 0)
			eventfd_read(shared->news_fd, &n);
	}
}

static void end_clients(void)
{
	atomic_store(&shared->is_over, true);
	for (unsigned int i = 0; i < n_born; i++) {
		int status = 0;

		if (pids[i])
			waitpid(pids[i], &status, 0);
		if (status != 0)
			errx(EXIT_FAILURE, "client %u has ended with status %#x", i,
			     (unsigned int)status);
	}
}

/* --- what is left */

static int take_status(void *ctx, const struct vcm_row *row)
{
	memcpy(ctx, row->n, sizeof(row->n));
	return 0;
}

/* The sessions of the dead have until their grace is over. */
static void check_nothing_is_left(void)
{
	struct vcm_row status = { .n_n = 0 };
	int64_t start = now_ms();

	if (vcm_sys_init() != 0)
		errx(EXIT_FAILURE, "the end: %s", vcm_last_error());
	for (;;) {
		if (vcm_inspect(VCM_TABLE_STATUS, 0, take_status, status.n) != 0)
			errx(EXIT_FAILURE, "the end: %s", vcm_last_error());
		if (status.n[VCM_STATUS_SESSIONS] == 1)
			break;
		if (now_ms() - start > PATIENCE_MS)
			errx(EXIT_FAILURE, "%llu sessions are left",
			     (unsigned long long)status.n[VCM_STATUS_SESSIONS]);
		poll(NULL, 0, 100);
	}
	if (status.n[VCM_STATUS_OBJECTS] || status.n[VCM_STATUS_ACTIVE] ||
	    status.n[VCM_STATUS_USED] || status.n[VCM_STATUS_QUARANTINED])
		errx(EXIT_FAILURE, "%llu objects, %llu active, %llu bytes are left",
		     (unsigned long long)status.n[VCM_STATUS_OBJECTS],
		     (unsigned long long)status.n[VCM_STATUS_ACTIVE],
		     (unsigned long long)status.n[VCM_STATUS_USED]);
	vcm_sys_destroy();
}

static void check_fds(const struct victim_fds *before)
{
	struct victim_fds now = victim_count_fds();

	if (now.open > before->open + FDS_SPARE || now.kept > before->kept + KEPT_SPARE)
		errx(EXIT_FAILURE, "%u fds and %u that are kept where there were %u and %u",
		     now.open, now.kept, before->open, before->kept);
}

/* --- the test */

static void report(int64_t slowest_ms)
{
	unsigned long long n_ops = 0, n_transactions = 0;

	for (unsigned int i = 0; i < n_born; i++) {
		n_ops += atomic_load(&shared->n_ops[i]);
		n_transactions += atomic_load(&shared->n_transactions[i]);
	}
	printf("%u rounds (%s), %u clients (every fourth %s) and %u that died: %llu operations, %llu transactions; all had checked all after %lld ms at most\n",
	       options.rounds, victim_hows[options.victim.how], options.clients,
	       victim_bus() ? "over a bus" : "as the others: no bus", n_born - options.clients,
	       n_ops, n_transactions, (long long)slowest_ms);
}

static void run(void)
{
	struct victim_fds before = victim_count_fds();
	int64_t slowest_ms = 0;

	begin_clients();
	await_checks(0);
	for (unsigned int round = 1; round <= options.rounds; round++) {
		int64_t start;

		poll(NULL, 0, rand_r(&random_state) % CALM_MAX_MS); /* any moment */
		start = now_ms();
		kill_a_client();
		victim_strike(round);
		kill_a_client();
		atomic_store(&shared->round, round);
		await_checks(round);
		slowest_ms = now_ms() - start > slowest_ms ? now_ms() - start : slowest_ms;
	}
	end_clients();
	check_nothing_is_left();
	check_fds(&before);
	victim_end();
	report(slowest_ms);
}

static void take_built(void)
{
	static char path[4096];
	const char *build = getenv("VCM_BUILDDIR");

	snprintf(path, sizeof(path), "%s/vcmd/vcmd", build ? build : ".");
	options.victim.vcmd = path;
	if (getenv("VCM_UNDER_VALGRIND")) {
		options.rounds = 2;
		options.clients = 2;
	}
}

static _Noreturn void usage(void)
{
	fputs("usage: crash [--vcmd FILE [--next FILE] | --unit NAME [--prepare COMMAND] | --print-config]\n"
	      "             [--how kill|abort|restart|upgrade|hang] [--rounds N] [--clients N] [--seed N]\n",
	      stderr);
	exit(2);
}

static unsigned int number(const char *text, unsigned int max)
{
	char *end;
	unsigned long v = strtoul(text, &end, 0);

	if (*end || end == text || v == 0 || v > max)
		usage();
	return (unsigned int)v;
}

static enum victim_how how_of(const char *text)
{
	for (unsigned int i = 0; i < N_VICTIM_HOWS; i++)
		if (!strcmp(text, victim_hows[i]))
			return (enum victim_how)i;
	usage();
}

static bool add_up(const struct victim_options *v)
{
	if (v->unit)
		return !v->vcmd && !v->next && (v->how != VICTIM_UPGRADE || v->prepare);
	return !v->prepare && v->how != VICTIM_HANG &&
	       (v->how == VICTIM_UPGRADE) == (v->next != NULL);
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "rounds", required_argument, NULL, 'r' },
		{ "clients", required_argument, NULL, 'c' },
		{ "seed", required_argument, NULL, 's' },
		{ "vcmd", required_argument, NULL, 'v' },
		{ "next", required_argument, NULL, 'n' },
		{ "unit", required_argument, NULL, 'u' },
		{ "prepare", required_argument, NULL, 'b' },
		{ "how", required_argument, NULL, 'h' },
		{ "print-config", no_argument, NULL, 'p' },
		{ NULL, 0, NULL, 0 },
	};
	bool prints = false;
	int c;

	options.seed = (unsigned int)time(NULL);
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'r':
			options.rounds = number(optarg, 1000000);
			break;
		case 'c':
			options.clients = number(optarg, CRASH_CLIENTS_MAX);
			break;
		case 's':
			options.seed = number(optarg, UINT32_MAX);
			break;
		case 'v':
			options.victim.vcmd = optarg;
			break;
		case 'n':
			options.victim.next = optarg;
			break;
		case 'u':
			options.victim.unit = optarg;
			break;
		case 'b':
			options.victim.prepare = optarg;
			break;
		case 'h':
			options.victim.how = how_of(optarg);
			break;
		case 'p':
			prints = true;
			break;
		default:
			usage();
		}
	}
	if (optind < argc || !add_up(&options.victim))
		usage();
	if (prints) {
		victim_print_config(stdout);
		return 0;
	}
	if (!options.victim.vcmd && !options.victim.unit)
		take_built();
	printf("seed %u\n", options.seed);
	fflush(stdout);
	random_state = options.seed;
	victim_begin(&options.victim);
	run();
	return 0;
}
