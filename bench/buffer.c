// SPDX-License-Identifier: BSD-3-Clause
#include "bench/buffer.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <vcm/smmu.h>
#include <vcm/vcm.h>

#include "base/cleanup.h"
#include "base/range.h"
#include "bench/daemon.h"
#include "bench/measure.h"
#include "bench/report.h"
#include "bench/worker.h"
#include "tests/vcmd/keeper.h"

#define MAX_SAMPLES 512
#define MAX_ROUNDS 32
#define KEPT_MAX 16384
#define START_MS 300 /* the daemon fills its stock */
#define PAUSE_MS 20  /* and fills it again, before each round */
#define OTHER_USER 61001
#define ONE_USER 61002

enum what {
	BROKER, /* n buffers of the broker's -> median ns until touched, and of giving back */
	MEMFD,
};

struct client {
	const struct daemon *daemon;
	size_t len, attr;
	struct vcm *vcm;
};

struct buffer {
	uint8_t *at;
	int fd;          /* of a memfd */
	struct res *res; /* of the broker */
	struct physmem *mem;
};

static double samples[2][MAX_SAMPLES];

/* --- in the worker ------------------------------------------------------------------------------------------------ */

static int begin(void *ctx)
{
	struct client *c = ctx;
	struct avcm *avcm;
	char cpu[] = "cpu";

	setenv("VCM_SOCKET", c->daemon->socket, 1);
	if (vcm_sys_init() < 0)
		return -ECONNREFUSED;
	c->vcm = vcm_create_from_prebuilt(VCM_PREBUILT_USER);
	avcm = c->vcm ? vcm_assoc(c->vcm, (size_t)smmu_get_ctx_instance(cpu), 0) : NULL;
	return avcm ? vcm_activate(avcm) : -ENOMEM;
}

static int broker_get(const struct client *c, struct buffer *b)
{
	size_t addr;
	int r = vcm_batch_begin();

	if (r < 0)
		return r;
	b->res = vcm_reserve(c->vcm, c->len, VCM_READ | VCM_WRITE);
	b->mem = vcm_phys_alloc(VCM_MEMTYPE_0, c->len, c->attr);
	vcm_back(b->res, b->mem);
	r = vcm_batch_commit(NULL);
	if (r < 0)
		return r;
	addr = vcm_get_dev_addr(b->res);
	memcpy(&b->at, &addr, sizeof(addr));
	return 0;
}

static int broker_put(const struct client *c, struct buffer *b)
{
	int r = vcm_batch_begin();

	(void)c;
	if (r < 0)
		return r;
	vcm_unback(b->res);
	vcm_phys_free(b->mem);
	vcm_unreserve(b->res);
	return vcm_batch_commit(NULL);
}

static int memfd_get(const struct client *c, struct buffer *b)
{
	b->fd = memfd_create("bench", MFD_CLOEXEC);
	if (b->fd < 0 || ftruncate(b->fd, (off_t)c->len) < 0)
		return -errno;
	b->at = mmap(NULL, c->len, PROT_READ | PROT_WRITE, MAP_SHARED, b->fd, 0);
	return b->at == MAP_FAILED ? -errno : 0;
}

static int memfd_put(const struct client *c, struct buffer *b)
{
	munmap(b->at, c->len);
	close(b->fd);
	return 0;
}

/* Every page is read and written. True: it was zeroed. */
static bool touch(uint8_t *at, size_t len)
{
	uint8_t seen = 0;

	for (size_t i = 0; i < len; i += PAGE_LEN) {
		volatile uint8_t *byte = at + i;

		seen |= *byte;
		*byte = 1;
	}
	return seen == 0;
}

static int one(const struct client *c, enum what what, double *out_get, double *out_put)
{
	struct buffer b = { .fd = -1 };
	double start = measure_now_ns();
	int r = what == BROKER ? broker_get(c, &b) : memfd_get(c, &b);

	if (r == 0 && (!b.at || !touch(b.at, c->len)))
		r = -EIO;
	*out_get = measure_now_ns() - start;
	if (r != 0)
		return r;
	memset(b.at, 0xa5, c->len);
	start = measure_now_ns();
	r = what == BROKER ? broker_put(c, &b) : memfd_put(c, &b);
	*out_put = measure_now_ns() - start;
	return r;
}

static int run(void *ctx, int what, size_t n, double *out)
{
	const struct client *c = ctx;
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = one(c, (enum what)what, &samples[0][i], &samples[1][i]);
	out[0] = measure_median(samples[0], n);
	out[1] = measure_median(samples[1], n);
	return r;
}

/* --- outside ------------------------------------------------------------------------------------------------------ */

struct figures {
	double gain[MAX_ROUNDS], get[2][MAX_ROUNDS], put[2][MAX_ROUNDS];
	size_t n;
};

static void pause_ms(long ms)
{
	const struct timespec t = { .tv_nsec = ms * 1000000 };

	nanosleep(&t, NULL);
}

/* One round; other: who asks for as much, and gives it back, just before. */
static int round_of(struct worker *w, struct worker *other, size_t n, struct figures *f)
{
	double memfd[WORKER_VALUES] = { 0 }, broker[WORKER_VALUES] = { 0 };
	int r;

	pause_ms(PAUSE_MS);
	r = worker_ask(w, MEMFD, n, memfd);
	if (r == 0 && other)
		r = worker_ask(other, BROKER, n, broker);
	if (r == 0)
		r = worker_ask(w, BROKER, n, broker);
	if (r < 0)
		return r;
	f->gain[f->n] = memfd[0] / broker[0];
	for (int i = 0; i < 2; i++) {
		f->get[i][f->n] = i ? memfd[0] : broker[0];
		f->put[i][f->n] = i ? memfd[1] : broker[1];
	}
	f->n++;
	return 0;
}

struct subject {
	const char *name;
	size_t len, attr;
	double target;
	size_t n;         /* in a round */
	bool is_one_core; /* both processes on one: the daemon has nothing to do meanwhile */
	bool is_fresh;
	const char *against;
};

static int start(struct worker *w, const struct daemon *d, const struct subject *s, int cpu,
		 uid_t uid)
{
	struct client c = { .daemon = d, .len = s->len, .attr = s->attr };

	return worker_start(
		w, &(struct worker_plan){
			   .cpu = cpu, .uid = uid, .begin = begin, .run = run, .ctx = &c });
}

static int any_cpu(void)
{
	int cpus[2];
	size_t n = measure_cpus(cpus, 2);

	return n ? cpus[n - 1] : -1;
}

static void report_subject(struct report *r, const struct subject *s, struct figures *f)
{
	report_add(r, s->name, measure_median(f->gain, f->n), "x", AT_LEAST, s->target, s->against);
	report_note(r,
		    "broker %.1f us, memfd %.1f us; to give it back: broker %.1f us, memfd %.1f us",
		    measure_median(f->get[0], f->n) / 1e3, measure_median(f->get[1], f->n) / 1e3,
		    measure_median(f->put[0], f->n) / 1e3, measure_median(f->put[1], f->n) / 1e3);
}

static int measure(struct report *r, const struct subject *s, bool quick)
{
	struct worker one = WORKER_NULL, other = WORKER_NULL;
	struct daemon_plan plan = DAEMON_PLAN;
	struct figures f = { .n = 0 };
	struct daemon d;
	int ret, cpu = s->is_one_core ? any_cpu() : -1;

	if (s->is_fresh && geteuid() != 0) {
		report_plain(r, s->name, NAN, "x", "not measured: it takes two users, and so root");
		return 0;
	}
	plan.cpu = cpu;
	ret = daemon_start(&d, &plan);
	if (ret == 0)
		ret = start(&one, &d, s, cpu, s->is_fresh ? ONE_USER : 0);
	if (ret == 0 && s->is_fresh)
		ret = start(&other, &d, s, cpu, OTHER_USER);
	pause_ms(START_MS);
	for (int i = 0; i < (quick ? 3 : MAX_ROUNDS) && ret == 0; i++)
		ret = round_of(&one, s->is_fresh ? &other : NULL, s->n, &f);
	if (ret == 0)
		report_subject(r, s, &f);
	worker_stop(&other);
	worker_stop(&one);
	daemon_stop(&d);
	return ret;
}

/* --- what it costs that memory outlives the broker --------------------------------------------------------------------- */

/* A daemon and a client of it. */
struct kept {
	struct daemon daemon;
	struct worker worker;
};

#define KEPT_NULL ((struct kept){ .daemon = DAEMON_NULL, .worker = WORKER_NULL })

static int kept_start(struct kept *k, const struct subject *s, bool is_kept)
{
	struct daemon_plan plan = DAEMON_PLAN;
	int r;

	plan.kept = is_kept;
	r = daemon_start(&k->daemon, &plan);
	return r < 0 ? r : start(&k->worker, &k->daemon, s, -1, 0);
}

static void kept_stop(struct kept *k)
{
	worker_stop(&k->worker);
	daemon_stop(&k->daemon);
}

/* Turn and turn about; each round after a moment in which both daemons can get ready. */
static int measure_kept(struct report *r, const struct subject *s, bool quick)
{
	double ratio[MAX_ROUNDS], us[2][MAX_ROUNDS] = { { 0 } }, values[WORKER_VALUES] = { 0 };
	struct kept both[2] = { KEPT_NULL, KEPT_NULL };
	struct keeper *keeper = keeper_new(KEPT_MAX);
	size_t n = quick ? 3 : MAX_ROUNDS;
	int ret = kept_start(&both[0], s, false);

	if (ret == 0)
		ret = kept_start(&both[1], s, true);
	pause_ms(START_MS);
	for (size_t i = 0; i < 2 * n && ret == 0; i++) {
		if (i % 2 == 0)
			pause_ms(PAUSE_MS);
		ret = worker_ask(&both[i % 2].worker, BROKER, s->n, values);
		us[i % 2][i / 2] = values[0] / 1e3;
	}
	kept_stop(&both[1]);
	kept_stop(&both[0]);
	keeper_free(keeper);
	if (ret < 0)
		return ret;
	for (size_t i = 0; i < n; i++)
		ratio[i] = us[1][i] / us[0][i];
	report_add(r, s->name, measure_median(ratio, n), "x", AT_MOST, s->target, s->against);
	report_note(r, "kept %.1f us, not kept %.1f us", measure_median(us[1], n),
		    measure_median(us[0], n));
	return 0;
}

int bench_buffer(struct report *r, bool quick)
{
	static const struct subject subjects[] = {
		{ "buffer.64k.gain", SZ_64K, VCM_ALL, 1.8, 128, true, false,
		  "request to touched, zeroed pointer by own memfd+ftruncate+mmap+touch; recycled, one core" },
		{ "buffer.1m.gain", SZ_1M, VCM_ALL, 8, 32, true, false,
		  "the same; recycled, one core" },
		{ "buffer.16m.gain", SZ_16M, VCM_ALL, 20, 1, false, false,
		  "the same; recycled, any core" },
		{ "buffer.16m_fresh.gain", SZ_16M, VCM_ALL, 10, 1, false, true,
		  "the same; the memory was another user's just before, any core" },
	};
	static const struct subject kept[] = {
		{ "buffer.64k_shared.kept.ratio", SZ_64K, VCM_ALL | VCM_COHERENT, 2, 4, false,
		  false, "the same request, for memory of its own that ends with the daemon" },
		{ "buffer.16m.kept.ratio", SZ_16M, VCM_ALL, 2, 1, false, false, "the same" },
	};
	int ret = 0;

	for (size_t i = 0; i < sizeof(subjects) / sizeof(*subjects) && ret == 0; i++)
		ret = measure(r, &subjects[i], quick);
	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept) && ret == 0; i++)
		ret = measure_kept(r, &kept[i], quick);
	return ret;
}
