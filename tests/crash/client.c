// SPDX-License-Identifier: BSD-3-Clause
/*
 * One client: a thread that does everything a client can do, one at a time, and a thread that lets a device write and read all
 * the time. Neither knows whether there is a broker; no call may fail that would not fail without its restarts.
 */
#include "tests/crash/crash.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <vcm/sim.h>
#include <vcm/smmu.h>
#include <vcm/vcm.h>

#include "base/range.h"
#include "tests/crash/bytes.h"

#define N_BUFFERS 12

static const uint32_t attrs[] = { 0, 0, VCM_PHYS_CONT, VCM_COHERENT, VCM_4KB };

struct buffer {
	struct physmem *mem; /* NULL: there is none */
	struct res *res, *cpu_res;
	size_t len, addr;
	uint64_t *at;
	uint64_t seed; /* of its bytes */
};

static struct crash_shared *shared;
static unsigned int which, random_state;
static size_t device, engine;
static struct vcm *vcm, *user, *engine_vcm;
static struct buffer buffers[N_BUFFERS], engine_buffer;
static struct res *hole;
static struct physmem *filling;
static size_t hole_addr;

static _Noreturn void fail(const char *what, int line)
{
	fprintf(stderr, "client %u, line %d: %s: %s (%s)\n", which, line, what, vcm_last_error(),
		strerror(errno));
	_exit(1);
}

#define MUST(fact)                                                                                 \
	do {                                                                                       \
		if (!(fact))                                                                       \
			fail(#fact, __LINE__);                                                     \
	} while (0)
#define MADE(call)                                                                                 \
	__extension__({                                                                            \
		__typeof__(call) made_ = (call);                                                   \
                                                                                                   \
		MUST(made_);                                                                       \
		made_;                                                                             \
	})

static unsigned int pick(unsigned int n)
{
	return crash_pick(&random_state, n);
}

/* --- bytes */

static void write_bytes(struct buffer *b)
{
	b->seed = crash_fill(&random_state, b->at, b->len);
}

static void check_bytes(const struct buffer *b)
{
	MUST(crash_is_filled(b->at, b->len, b->seed));
}

/* What the device sees at one place. */
static void check_device(const struct buffer *b)
{
	size_t offset = crash_offset(&random_state, b->len);
	uint64_t seen[CHUNK / sizeof(uint64_t)];

	MUST(vcm_sim_read(device, b->addr + offset, seen, sizeof(seen)) == 0);
	MUST(memcmp(seen, (const char *)b->at + offset, sizeof(seen)) == 0);
}

/* --- what a client does */

static void *pointer(size_t addr)
{
	return (void *)addr; /* NOLINT(performance-no-int-to-ptr) */
}

static void find_out(struct buffer *b)
{
	b->addr = vcm_get_dev_addr(b->res);
	MUST(errno == 0);
	b->at = pointer(vcm_get_dev_addr(b->cpu_res));
	MUST(errno == 0);
}

static void make(struct buffer *b, struct vcm *v)
{
	b->mem = MADE(vcm_phys_alloc(VCM_MEMTYPE_0, b->len, attrs[pick(5)]));
	b->res = MADE(vcm_reserve(v, b->len, 0));
	b->cpu_res = MADE(vcm_reserve(user, b->len, 0));
	MUST(vcm_back(b->res, b->mem) == 0);
	MUST(vcm_back(b->cpu_res, b->mem) == 0);
}

static void make_buffer(struct buffer *b)
{
	bool in_a_batch = pick(2);

	b->len = crash_len(&random_state);
	if (in_a_batch)
		MUST(vcm_batch_begin() == 0);
	make(b, vcm);
	if (in_a_batch)
		MUST(vcm_batch_commit(NULL) == 0);
	find_out(b);
	write_bytes(b);
}

static void drop_buffer(struct buffer *b)
{
	bool in_a_batch = pick(2);

	check_bytes(b);
	if (in_a_batch)
		MUST(vcm_batch_begin() == 0);
	MUST(vcm_unback(b->res) == 0);
	MUST(vcm_unback(b->cpu_res) == 0);
	MUST(vcm_unreserve(b->res) == 0);
	MUST(vcm_unreserve(b->cpu_res) == 0);
	MUST(vcm_phys_free(b->mem) == 0);
	if (in_a_batch)
		MUST(vcm_batch_commit(NULL) == 0);
	b->mem = NULL;
}

static struct buffer *any_buffer(void)
{
	struct buffer *b = &buffers[pick(N_BUFFERS)];

	return b->mem ? b : NULL;
}

static void change_buffer(void)
{
	struct buffer *b = &buffers[pick(N_BUFFERS)];

	if (b->mem)
		drop_buffer(b);
	else
		make_buffer(b);
}

/* A batch of which the last operation is wrong leaves nothing, whoever carries it out. */
static void fail_a_batch(void)
{
	struct physmem *m;
	struct res *r;
	size_t failed = 0;

	MUST(vcm_batch_begin() == 0);
	m = MADE(vcm_phys_alloc(VCM_MEMTYPE_0, SZ_64K, 0));
	r = MADE(vcm_reserve(vcm, SZ_4K, 0));
	MUST(vcm_back(r, m) == 0);
	MUST(vcm_batch_commit(&failed) == -EINVAL);
	MUST(failed == 2);
}

static void device_writes(void)
{
	struct buffer *b = any_buffer();
	size_t offset;

	if (!b)
		return;
	offset = crash_offset(&random_state, b->len);
	MUST(vcm_sim_write(device, b->addr + offset, (const char *)b->at + offset, CHUNK) == 0);
	check_device(b);
}

static void copy_buffers(void)
{
	struct buffer *a = any_buffer(), *b = any_buffer();

	if (!a || !b || a == b || a->len != b->len)
		return;
	MUST(vcm_res_copy(a->res, 0, b->cpu_res, 0, a->len) == a->len);
	a->seed = b->seed;
	check_bytes(a);
}

static void change_access(void)
{
	struct buffer *b = any_buffer();

	if (!b)
		return;
	MUST(vcm_set_res_attr(b->res, VCM_READ) == 0);
	MUST(vcm_get_res_attr(b->res) == VCM_READ);
	check_device(b);
	MUST(vcm_set_res_attr(b->res, 0) == 0);
}

/* Also what is freed by handles of the broker's. */
static void clone_and_forget(void)
{
	size_t n = vcm_get_num_res(vcm), n_seen = 0;
	struct vcm *clone = MADE(vcm_clone(vcm));
	struct res *r;

	while ((r = vcm_get_next_res(clone, NULL))) {
		if (vcm_get_physmem_from_res(r))
			MUST(vcm_unback(r) == 0);
		MUST(vcm_unreserve(r) == 0);
		n_seen++;
	}
	MUST(errno == 0 && n_seen == n);
	MUST(vcm_free(clone) == 0);
}

static void share_with_itself(void)
{
	struct buffer *b = any_buffer();
	struct physmem *import;
	struct vcm_token token;

	if (!b)
		return;
	MUST(vcm_export(b->mem, VCM_SHARE_READ, &token) == 0);
	import = MADE(vcm_import(&token));
	MUST(vcm_get_next_phys_addr(import, 0, NULL) == vcm_get_next_phys_addr(b->mem, 0, NULL));
	MUST(vcm_phys_free(import) == 0);
	MUST(vcm_export(b->mem, 0, NULL) == 0);
}

/* Nothing is there until the handler puts it there. It may be asked twice, when the first answer was lost with the broker. */
static int fill_hole(size_t dev_id, void *data, void *fault_data)
{
	const struct vcm_fault *f = fault_data;
	int r;

	(void)data;
	if (dev_id != device || f->dev_addr < hole_addr || f->dev_addr - hole_addr >= HOLE_LEN) {
		fprintf(stderr, "client %u: a device faulted at %#zx of a live mapping\n", which,
			f->dev_addr);
		_exit(1);
	}
	r = vcm_back(hole, filling);
	MUST(r == 0 || r == -EBUSY);
	return VCM_FAULT_RETRY;
}

static void fault(void)
{
	char byte;

	MUST(vcm_sim_read(device, hole_addr + pick(HOLE_LEN), &byte, 1) == 0);
	MUST(vcm_get_physmem_from_res(hole) == filling);
	MUST(vcm_unback(hole) == 0);
}

/* --- what there should be */

static void check_buffer(const struct buffer *b)
{
	size_t pa = vcm_get_next_phys_addr(b->mem, 0, NULL);

	check_bytes(b);
	check_device(b);
	MUST(vcm_get_physmem_from_res(b->res) == b->mem);
	MUST(vcm_get_res(b->addr, vcm) == b->res);
	MUST(vcm_get_res_len(b->res) == b->len && vcm_get_res_attr(b->res) == 0);
	MUST(vcm_translate(b->addr, vcm, user) == (size_t)b->at);
	MUST(vcm_get_phys_num_res(pa) == 2);
	MUST(vcm_dev_addr_to_phys_addr(device, b->addr) == pa);
}

static size_t count_walking(struct vcm *v)
{
	struct res *r = NULL;
	size_t n = 0;

	while ((r = vcm_get_next_res(v, r)))
		n++;
	MUST(errno == 0);
	return n;
}

static void check_all(void)
{
	unsigned int round = atomic_load(&shared->round);
	size_t n = 0;

	for (size_t i = 0; i < N_BUFFERS; i++)
		if (buffers[i].mem) {
			check_buffer(&buffers[i]);
			n++;
		}
	MUST(vcm_get_num_res(vcm) == n + 1);
	MUST(count_walking(vcm) == n + 1);
	MUST(count_walking(user) == n + 1);
	MUST(!vcm_get_physmem_from_res(hole) && errno == ENOMEM);
	atomic_store(&shared->checked[which], round);
	eventfd_write(shared->news_fd, 1);
}

static void do_something(void)
{
	static void (*const all[])(void) = {
		change_buffer, change_buffer,    change_buffer,     change_buffer, device_writes,
		device_writes, copy_buffers,     change_access,     fault,         fault,
		fail_a_batch,  clone_and_forget, share_with_itself,
	};

	all[pick(sizeof(all) / sizeof(*all))]();
	atomic_fetch_add(&shared->n_ops[which], 1);
}

/* --- the device that never rests */

static void *transact(void *arg)
{
	static uint64_t out[CHUNK / sizeof(uint64_t)], in[CHUNK / sizeof(uint64_t)];
	uint64_t n = 0;

	while (!atomic_load(&shared->is_over)) {
		size_t offset = crash_engine(out, n++);

		MUST(vcm_sim_write(engine, engine_buffer.addr + offset, out, CHUNK) == 0);
		MUST(vcm_sim_read(engine, engine_buffer.addr + offset, in, CHUNK) == 0);
		MUST(memcmp(in, out, CHUNK) == 0);
		MUST(memcmp((char *)engine_buffer.at + offset, out, CHUNK) == 0);
		atomic_fetch_add(&shared->n_transactions[which], 1);
	}
	return arg;
}

/* --- a life */

static size_t device_named(char *name)
{
	return (size_t)MADE(smmu_get_ctx_instance(name));
}

static struct vcm *on(struct vcm *v, size_t dev_id)
{
	struct avcm *a;

	MUST(v);
	a = MADE(vcm_assoc(v, dev_id, 0));

	MUST(vcm_activate(a) == 0);
	return v;
}

static void begin(void)
{
	char name[32];

	/* Who begins must find a broker: that is said, and tried again. */
	while (vcm_sys_init() != 0) {
		MUST(errno == ECONNREFUSED || errno == ECONNRESET || errno == ENOENT);
		poll(NULL, 0, 10);
	}
	snprintf(name, sizeof(name), CRASH_CONTEXT, which);
	device = device_named(name);
	snprintf(name, sizeof(name), CRASH_ENGINE, which);
	engine = device_named(name);
	vcm = on(vcm_create(SZ_16M, 8 * SZ_16M), device);
	engine_vcm = on(vcm_create(SZ_16M, SZ_16M), engine);
	user = on(vcm_create_from_prebuilt(VCM_PREBUILT_USER), device_named((char[]){ "cpu" }));
	engine_buffer.len = ENGINE_LEN;
	make(&engine_buffer, engine_vcm);
	find_out(&engine_buffer);
	hole = MADE(vcm_reserve(vcm, HOLE_LEN, 0));
	hole_addr = vcm_get_dev_addr(hole);
	filling = MADE(vcm_phys_alloc(VCM_MEMTYPE_0, HOLE_LEN, 0));
	MUST(vcm_hook(device, fill_hole, NULL) == 0);
	MUST(vcm_hook(engine, fill_hole, NULL) == 0);
}

/* Half of it by hand, the rest is the broker's to take back. */
static void end(void)
{
	for (size_t i = 0; i < N_BUFFERS; i += 2)
		if (buffers[i].mem)
			drop_buffer(&buffers[i]);
	MUST(vcm_sys_destroy() == 0);
}

void crash_client(struct crash_shared *with, unsigned int number, unsigned int seed)
{
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	shared = with;
	which = number;
	random_state = seed;
	begin();
	MUST(pthread_create(&thread, NULL, transact, NULL) == 0);
	for (unsigned int n = 0; !atomic_load(&shared->is_over); n++) {
		if (n % CHECK_EVERY == 0)
			check_all();
		do_something();
	}
	MUST(pthread_join(thread, NULL) == 0);
	check_all();
	end();
	_exit(0);
}
