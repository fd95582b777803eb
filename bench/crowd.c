// SPDX-License-Identifier: BSD-3-Clause
#include "bench/crowd.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <vcm/inspect.h>
#include <vcm/vcm.h>

#include "base/cleanup.h"
#include "base/range.h"
#include "bench/daemon.h"
#include "bench/measure.h"
#include "bench/report.h"
#include "bench/worker.h"
#include "proto/message.h"

#define SESSIONS 10400
#define SESSIONS_QUICK 500
#define N_CROWDS 4                  /* processes that they are spread over */
#define SLOW_EACH (1000 / N_CROWDS) /* of each that read slowly, if there are twice as many */
#define FDS_OTHER 200
#define N_SAMPLES 4000
#define FLOOD 4096 /* requests, more than is ever queued for one session */
#define FULL_MS 10 /* who is not read from for so long has filled everything */
/* What the daemon may hold for a session that does not read, with what the heap makes of it. */
#define SLOW_MAX (320.0 * 1024)
#define MAX_ROUNDS 9

/* --- sessions of nothing but a socket, in a worker ------------------------------------------------------------------ */

enum { JOIN, FLOOD_ALL };

struct member {
	int fd, events;
	uint64_t serial;
};

struct crowd {
	const struct daemon *daemon;
	struct codec *codec;
	struct member *members;
	size_t n, n_slow;
	uint8_t buf[PROTO_MAX_MESSAGE];
};

static long encode(struct crowd *c, struct member *m, bool is_hello)
{
	const struct op op = { .code = OP_INSPECT, .arg = VCM_TABLE_DEVICES, .name = "" };
	struct request req = { .serial = ++m->serial, .is_hello = is_hello };

	if (is_hello) {
		req.hello.version = PROTO_VERSION;
		req.hello.name = "crowd";
	} else {
		req.ops = &op;
		req.n_ops = 1;
	}
	return request_encode(c->codec, &req, c->buf, sizeof(c->buf));
}

/* The fd of the event channel, which has to stay open. */
static int hear_welcome(struct crowd *c, struct member *m)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { c->buf, sizeof(c->buf) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(m->fd, &msg, MSG_CMSG_CLOEXEC);
	const struct cmsghdr *head = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;

	if (!head || head->cmsg_type != SCM_RIGHTS)
		return -EPROTO;
	memcpy(&m->events, CMSG_DATA(head), sizeof(m->events));
	return 0;
}

static int join(struct crowd *c, struct member *m)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	long n;

	memcpy(addr.sun_path, c->daemon->socket, strlen(c->daemon->socket) + 1);
	m->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (m->fd < 0 || connect(m->fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	n = encode(c, m, true);
	if (n < 0 || send(m->fd, c->buf, (size_t)n, MSG_NOSIGNAL) != n)
		return -EPIPE;
	return hear_welcome(c, m);
}

static int join_all(struct crowd *c, size_t n)
{
	int r = 0;

	c->members = calloc(n, sizeof(*c->members));
	if (!c->members)
		return -ENOMEM;
	for (c->n = 0; c->n < n && r == 0; c->n++)
		r = join(c, &c->members[c->n]);
	return r;
}

/* Asks until nothing more is taken: the answers are the broker's to keep. */
static void flood(struct crowd *c, struct member *m)
{
	struct pollfd fd = { .fd = m->fd, .events = POLLOUT };

	for (int i = 0; i < FLOOD; i++) {
		long n = encode(c, m, false);

		if (n >= 0 && send(m->fd, c->buf, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
			continue;
		m->serial--;
		if (poll(&fd, 1, FULL_MS) <= 0)
			return;
	}
}

/* A thousand times a second one of them reads one answer, and asks one thing more. */
static void *dawdle(void *arg)
{
	const struct timespec ms = { .tv_nsec = 1000000 };
	struct crowd *c = arg;

	for (size_t i = 0;; i = (i + 1) % c->n_slow) {
		struct member *m = &c->members[i];
		long n;

		nanosleep(&ms, NULL);
		if (recv(m->fd, c->buf, sizeof(c->buf), MSG_DONTWAIT) <= 0)
			continue;
		n = encode(c, m, false);
		if (n < 0 || send(m->fd, c->buf, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			m->serial--;
	}
	return NULL;
}

static size_t slow_of(size_t n)
{
	return n / 2 < SLOW_EACH ? n / 2 : SLOW_EACH;
}

static int flood_all(struct crowd *c)
{
	pthread_t thread;

	c->n_slow = slow_of(c->n);
	for (size_t i = 0; i < c->n_slow; i++)
		flood(c, &c->members[i]);
	return c->n_slow ? -pthread_create(&thread, NULL, dawdle, c) : 0;
}

static int crowd_begin(void *ctx)
{
	struct crowd *c = ctx;

	c->codec = codec_new();
	return c->codec ? 0 : -ENOMEM;
}

static int crowd_run(void *ctx, int what, size_t n, double *out)
{
	(void)out;
	return what == JOIN ? join_all(ctx, n) : flood_all(ctx);
}

/* --- somebody else --------------------------------------------------------------------------------------------------- */

struct other {
	const struct daemon *daemon;
	struct vcm *vcm;
};

static int other_begin(void *ctx)
{
	struct other *o = ctx;

	setenv("VCM_SOCKET", o->daemon->socket, 1);
	setenv("VCM_POLL", "0", 1);
	if (vcm_sys_init() < 0)
		return -ECONNREFUSED;
	o->vcm = vcm_create(0x10000000, 0x10000000);
	return o->vcm ? 0 : -ENOMEM;
}

/* The median of a synchronous reserve and unreserve. */
static int other_run(void *ctx, int what, size_t n, double *out)
{
	static double samples[N_SAMPLES];
	const struct other *o = ctx;

	(void)what;
	for (size_t i = 0; i < n; i++) {
		double start = measure_now_ns();
		struct res *res = vcm_reserve(o->vcm, SZ_4K, 0);

		if (!res || vcm_unreserve(res) < 0)
			return -EIO;
		samples[i] = (measure_now_ns() - start) / 2;
	}
	out[0] = measure_median(samples, n);
	out[1] = samples[n * 99 / 100]; /* sorted by now */
	return 0;
}

/* --- the measurement -------------------------------------------------------------------------------------------------- */

/* Bytes of memory that the daemon has of its own. */
static double rss_of(pid_t pid)
{
	char path[64], line[256];
	unsigned long kb = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "RssAnon: %lu kB", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return (double)kb * 1024;
}

/* Two fds a session in the daemon: as many sessions as it can have. */
static size_t n_sessions(bool quick)
{
	struct rlimit files = { .rlim_max = 4 * SESSIONS };
	size_t wanted = quick ? SESSIONS_QUICK : SESSIONS, n;

	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0 && getrlimit(RLIMIT_NOFILE, &files) < 0)
		return 0;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	n = files.rlim_max > FDS_OTHER ? (files.rlim_max - FDS_OTHER) / 2 : 0;
	return n < wanted ? n : wanted;
}

struct scene {
	struct daemon daemon;
	struct worker crowds[N_CROWDS], other;
	size_t n; /* sessions in each crowd */
	struct crowd crowd;
	struct other who;
};

struct figures {
	double median, tail, rss;
};

static int look(struct scene *s, size_t n, struct figures *out)
{
	double medians[MAX_ROUNDS], tails[MAX_ROUNDS], values[WORKER_VALUES];
	size_t rounds = n < N_SAMPLES ? 1 : MAX_ROUNDS;
	int r = 0;

	for (size_t i = 0; i < rounds && r == 0; i++) {
		r = worker_ask(&s->other, 0, n, values);
		medians[i] = values[0];
		tails[i] = values[1];
	}
	if (r < 0)
		return r;
	*out = (struct figures){ measure_median(medians, rounds), measure_median(tails, rounds),
				 rss_of(s->daemon.pid) };
	return 0;
}

static int tell_crowds(struct scene *s, int what)
{
	int r = 0;

	for (size_t i = 0; i < N_CROWDS && r == 0; i++)
		r = worker_ask(&s->crowds[i], what, s->n, NULL);
	return r;
}

/* The crowd has a CPU of its own, where there are two: what it takes is the daemon's time, and not the caller's. And where the
 * scheduler would have put the two, alone and beside others, makes no difference. */
static int begin(struct scene *s)
{
	struct daemon_plan plan = DAEMON_PLAN;
	int r, cpus[2] = { -1, -1 };
	size_t n = measure_cpus(cpus, 2);

	plan.cpu = n ? cpus[n - 1] : -1;
	r = daemon_start(&s->daemon, &plan);
	s->crowd.daemon = s->who.daemon = &s->daemon;
	for (size_t i = 0; i < N_CROWDS && r == 0; i++)
		r = worker_start(&s->crowds[i], &(struct worker_plan){ .cpu = cpus[0],
								       .begin = crowd_begin,
								       .run = crowd_run,
								       .ctx = &s->crowd });
	if (r == 0)
		r = worker_start(&s->other, &(struct worker_plan){ .cpu = plan.cpu,
								   .begin = other_begin,
								   .run = other_run,
								   .ctx = &s->who });
	return r;
}

static void end(struct scene *s)
{
	/* A worker has the ends of those before it, too. */
	worker_stop(&s->other);
	for (size_t i = N_CROWDS; i-- > 0;)
		worker_stop(&s->crowds[i]);
	daemon_stop(&s->daemon);
}

/* The daemon may not have the fds. */
static void tell_limit(struct report *r, const struct scene *s)
{
	struct rlimit files;

	if (s->n >= SESSIONS / N_CROWDS || getrlimit(RLIMIT_NOFILE, &files) < 0)
		return;
	report_note(r, "no more of %d: two fds each, and this machine lets a process have %llu",
		    SESSIONS, (unsigned long long)files.rlim_max);
}

static void tell(struct report *r, const struct scene *s, const struct figures *alone,
		 const struct figures *among, const struct figures *flooded, bool quick)
{
	double n = (double)(s->n * N_CROWDS), n_slow = (double)(slow_of(s->n) * N_CROWDS);

	report_add(r, "crowd.latency.ratio", flooded->median / alone->median, "x", AT_MOST, 2,
		   "a synchronous call of an idle daemon's only client");
	report_note(
		r,
		"%.0f sessions, %.0f of them slow readers: %.0f ns; all reading %.0f, alone %.0f",
		n, n_slow, flooded->median, among->median, alone->median);
	if (!quick)
		tell_limit(r, s);
	report_note(r, "99 of 100 calls within %.0f ns, beside the same who read %.0f, alone %.0f",
		    flooded->tail, among->tail, alone->tail);
	report_plain(r, "crowd.bytes_per_session", (among->rss - alone->rss) / n, "bytes",
		     "the daemon's memory for a session that has nothing");
	report_add(r, "crowd.bytes_per_slow_reader", (flooded->rss - among->rss) / n_slow, "bytes",
		   AT_MOST, SLOW_MAX, "what may be queued for a session that does not read");
}

int bench_crowd(struct report *r, bool quick)
{
	static struct scene s;
	struct figures alone, among, flooded;
	size_t samples = quick ? 100 : N_SAMPLES;
	int ret;

	s = (struct scene){ .other = WORKER_NULL, .n = n_sessions(quick) / N_CROWDS };
	for (size_t i = 0; i < N_CROWDS; i++)
		s.crowds[i] = WORKER_NULL;
	ret = begin(&s);
	if (ret == 0)
		ret = look(&s, samples, &alone);
	if (ret == 0)
		ret = tell_crowds(&s, JOIN);
	if (ret == 0)
		ret = look(&s, samples, &among);
	if (ret == 0)
		ret = tell_crowds(&s, FLOOD_ALL);
	if (ret == 0)
		ret = look(&s, samples, &flooded);
	if (ret == 0)
		tell(r, &s, &alone, &among, &flooded, quick);
	end(&s);
	return ret;
}
