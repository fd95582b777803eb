// SPDX-License-Identifier: BSD-3-Clause
#include "bench/tlb.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <vcm/sim.h>
#include <vcm/smmu.h>
#include <vcm/vcm.h>

#include "base/range.h"
#include "bench/daemon.h"
#include "bench/report.h"
#include "bench/worker.h"

/* 16 MB blocks are what VCM_PHYS_CONT gives of so much; VCM_ALL gives the largest that there are, here one too. */
static const struct {
	const char *name;
	uint32_t attr;
	double misses;
} memories[] = {
	{ "4k", VCM_4KB, 4096 }, { "64k", VCM_64KB, 256 },
	{ "1m", VCM_1MB, 16 },   { "16m", SET_ALIGN_REQ_BYTES(VCM_PHYS_CONT, 12), 1 },
	{ "all", VCM_ALL, 1 },
};

#define N_MEMORIES (sizeof(memories) / sizeof(*memories))

static int begin(void *ctx)
{
	const struct daemon *d = ctx;

	setenv("VCM_SOCKET", d->socket, 1);
	return vcm_sys_init();
}

static int stream(size_t dev, size_t addr, double *out)
{
	static char buf[SZ_64K];
	struct vcm_sim_counters n;
	int r = vcm_sim_stats(dev, NULL, 1);

	for (size_t at = 0; at < SZ_16M && r == 0; at += sizeof(buf))
		r = vcm_sim_read(dev, addr + at, buf, sizeof(buf));
	if (r == 0)
		r = vcm_sim_stats(dev, &n, 0);
	if (r == 0)
		*out = (double)n.tlb_misses;
	return r;
}

static int measure(void *ctx, int what, size_t unused, double *out)
{
	char name[] = "vcodec_a_mm1";
	size_t dev = (size_t)smmu_get_ctx_instance(name);
	struct vcm *vcm = vcm_create(SZ_16M, 4 * SZ_16M);
	struct res *res = vcm ? vcm_reserve(vcm, SZ_16M, VCM_READ) : NULL;
	struct physmem *mem = vcm_phys_alloc(VCM_MEMTYPE_0, SZ_16M, memories[what].attr);
	struct avcm *avcm = vcm ? vcm_assoc(vcm, dev, 0) : NULL;
	int r;

	(void)ctx;
	(void)unused;
	if (!res || !mem || !avcm)
		return -ENOMEM;
	r = vcm_activate(avcm);
	if (r == 0)
		r = vcm_back(res, mem);
	if (r == 0)
		r = stream(dev, vcm_get_dev_addr(res), out);
	vcm_unback(res);
	vcm_deactivate(avcm);
	vcm_deassoc(avcm);
	vcm_unreserve(res);
	vcm_phys_free(mem);
	vcm_free(vcm);
	return r;
}

static int with_entries(struct report *r, unsigned int entries)
{
	struct daemon_plan plan = DAEMON_PLAN;
	struct worker w = WORKER_NULL;
	double out[WORKER_VALUES];
	struct daemon d;
	int ret;

	plan.tlb_entries = entries;
	ret = daemon_start(&d, &plan);
	if (ret < 0)
		return ret;
	ret = worker_start(
		&w, &(struct worker_plan){ .cpu = -1, .begin = begin, .run = measure, .ctx = &d });
	for (size_t i = 0; i < N_MEMORIES && ret == 0; i++) {
		char name[48];

		ret = worker_ask(&w, (int)i, 0, out);
		snprintf(name, sizeof(name), "tlb%u.%s.misses", entries, memories[i].name);
		if (ret == 0)
			report_add(r, name, out[0], "misses", EXACTLY, memories[i].misses,
				   "vcm_sim_read of 16 MB, once; counted by vcm_sim_stats");
	}
	worker_stop(&w);
	daemon_stop(&d);
	return ret;
}

int bench_tlb(struct report *r)
{
	int ret = with_entries(r, 8);

	if (ret == 0)
		ret = with_entries(r, 32);
	return ret == 0 ? with_entries(r, 64) : ret;
}
