// SPDX-License-Identifier: BSD-3-Clause
/*
 * A broker that drives an SMMUv3 ends without a word, and the next one takes it over: a master that looks at its memory at every
 * register write of either sees it, or is aborted where that is said. The hardware is the model of its registers; the broker's
 * windows are a file that the model walks.
 * Mutations that they were seen to catch: the SMMU made quiet at a start that could go on; left running at one that could not;
 * nothing held of the tables before; the tables before let go of before they are out of use.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backend/uio/window.h"
#include "memory/memory.h"
#include "tests/backend/smmuv3-model.h"
#include "tests/backend/tap.h"
#include "tests/suite.h"
#include "tests/vcmd/keeper.h"
#include "tests/vcmd/stage.h"
#include "vcmd/broker.h"
#include "vcmd/config.h"
#include "vcmd/machine-kind.h"

#define RAM_PA UINT64_C(0x70000000)
#define RAM_LEN (8 * SZ_1M)
#define STREAM 8
#define PATTERN 0x5a
#define N_MORE 16  /* contexts, whose descriptors are a page */
#define N_SPREAD 6 /* pages, of which the tables do not fit into 64 KB twice */

static struct keeper *keeper;
static struct world *w;
static struct v3_model *model;
static struct tap tap;
static uint8_t *ram;
static int ram_fd;
static unsigned int n_looks, n_aborted; /* of what the master does meanwhile */
static uint64_t watched;                /* the address that it writes to; 0: it does nothing */
static char text[2048];

/* --- the hardware */

static uint8_t *at(uint64_t pa, size_t len)
{
	return pa >= RAM_PA && pa - RAM_PA <= RAM_LEN - len ? ram + (pa - RAM_PA) : NULL;
}

static int bus_read(void *ctx _unused_, uint64_t pa, void *buf, size_t len)
{
	const uint8_t *from = at(pa, len);

	if (!from)
		return -EFAULT;
	memcpy(buf, from, len);
	return 0;
}

static int bus_write(void *ctx _unused_, uint64_t pa, const void *buf, size_t len)
{
	uint8_t *to = at(pa, len);

	if (!to)
		return -EFAULT;
	memcpy(to, buf, len);
	return 0;
}

int __wrap_machine_open_registers(struct machine *m, const struct config_smmu *c, uint64_t len,
				  struct window **out, struct reason *why);
const struct mmio *__wrap_window_mmio(struct window *of);
const struct irq *__wrap_window_irq(struct window *of);
uint64_t __wrap_window_base(const struct window *of);
bool __wrap_config_pool_has_bus_addresses(const struct config_pool *p);

int __wrap_machine_open_registers(struct machine *m _unused_, const struct config_smmu *c _unused_,
				  uint64_t len _unused_, struct window **out,
				  struct reason *why _unused_)
{
	*out = (struct window *)(void *)model;
	return 0;
}

const struct mmio *__wrap_window_mmio(struct window *of _unused_)
{
	return &tap.io;
}

const struct irq *__wrap_window_irq(struct window *of _unused_)
{
	return v3_model_irq(model);
}

uint64_t __wrap_window_base(const struct window *of _unused_)
{
	return 0x9050000;
}

bool __wrap_config_pool_has_bus_addresses(const struct config_pool *p)
{
	return p->source == SOURCE_WINDOW;
}

/* --- what the master does */

static bool reaches(uint64_t addr, uint8_t byte)
{
	return v3_model_access(model, STREAM, V3_WRITE, addr, &byte, 1) == 0;
}

static void look(void)
{
	if (!watched)
		return;
	n_looks++;
	n_aborted += !reaches(watched, PATTERN);
}

/* --- the broker */

/* nic: the stream of another device; n_more: that many others, which do nothing */
static void write_config(uint64_t tables_len, unsigned int nic, unsigned int n_more)
{
	int n = snprintf(
		text, sizeof(text),
		"stock = 0\nsocket-mode = 0666\naccess { allow-users = {\"*\"} }\n"
		"table-memory { source = window file = \"/proc/%d/fd/%d\" offset = 0\n"
		"	ranges = {\"0x70000000+%lluK\"} }\n"
		"memtype 0 { pool { source = window file = \"/proc/%d/fd/%d\" offset = 1M\n"
		"	ranges = {\"0x70100000+4M\"} } }\n"
		"smmuv3 smmu { base = 0x9050000 registers = mem\n"
		"	context edu { stream = 8 } context nic { stream = %u }\n",
		getpid(), ram_fd, (unsigned long long)(tables_len / 1024), getpid(), ram_fd, nic);

	for (unsigned int i = 0; i < n_more; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n,
			      "	context more%u { stream = %u }\n", i, 16 + i);
	snprintf(text + n, sizeof(text) - (size_t)n, "}\n");
}

static void begin_with(uint64_t tables_len, unsigned int n_more)
{
	static const struct bus_ops ops = { .read = bus_read, .write = bus_write };

	ram_fd = memfd_create("ram", 0);
	ck_assert_int_eq(ftruncate(ram_fd, RAM_LEN), 0);
	ram = mmap(NULL, RAM_LEN, PROT_READ | PROT_WRITE, MAP_SHARED, ram_fd, 0);
	ck_assert(ram != MAP_FAILED);
	model = v3_model_new(&(struct v3_model_config){ 0 }, &(struct bus){ &ops, NULL });
	tap_init(&tap, v3_model_mmio(model));
	tap.look = look;
	watched = 0;
	n_looks = n_aborted = 0;
	write_config(tables_len, 9, n_more);
	keeper = keeper_new(100);
	w = world_new_kept(text, keeper);
}

static void begin(uint64_t tables_len)
{
	begin_with(tables_len, 0);
}

/* One page, in a table of its own. Returns where it is; *out_addr: for the master. */
static uint64_t back(struct peer *p, uint32_t res, uint32_t mem, uint64_t *out_addr)
{
	ck_ok(CALL(p, RESERVE, .handle = res, .on = REGION, .len = SZ_4K,
		   .attr = VCM_READ | VCM_WRITE | VCM_ALIGN_ATTR(21)));
	*out_addr = peer_value(p, 0);
	ck_ok(CALL(p, PHYS_ALLOC, .handle = mem, .arg = VCM_MEMTYPE_0, .len = SZ_4K));
	ck_ok(CALL(p, BACK, .on = res, .target = mem));
	ck_ok(CALL(p, PHYS_NEXT, .on = mem));
	return peer_value(p, 0);
}

/* n pages. Returns where the last is, which the master writes to from now on. */
static uint64_t start_dma(unsigned int n)
{
	struct peer *p = world_peer(w);
	uint64_t pa = 0, addr = 0;

	ck_ok(CALL(p, VCM_CREATE, .handle = REGION, .addr = REGION_AT, .len = 64 * SZ_1M));
	ck_ok(CALL(p, ASSOC, .handle = AVCM, .on = REGION, .target = peer_device(p, "edu")));
	ck_ok(CALL(p, ACTIVATE, .on = AVCM));
	for (unsigned int i = 0; i < n; i++)
		pa = back(p, NEW + 2 * i, NEW + 2 * i + 1, &addr);
	watched = addr + 5;
	ck_assert(reaches(watched, 1));
	ck_assert_uint_eq(*at(pa + 5, 1), 1);
	return pa;
}

/* Nobody is there, and then somebody is. */
static void restart(void)
{
	w = world_crash(w);
	look();
	w = world_new_kept(text, keeper);
	look();
	world_check(w);
	ck_assert_uint_eq(w->broker->restored.n_lost, 0);
}

static void end(void)
{
	watched = 0;
	ck_assert_uint_eq(v3_model_n_bypassed(model), 0);
	w = world_crash(w);
	keeper_free(keeper);
	v3_model_free(model);
	munmap(ram, RAM_LEN);
	close(ram_fd);
}

static void is_written(uint64_t pa)
{
	*at(pa + 5, 1) = 0;
	ck_assert(reaches(watched, PATTERN));
	ck_assert_uint_eq(*at(pa + 5, 1), PATTERN);
}

START_TEST(a_master_notices_nothing_of_a_restart)
{
	uint64_t pa;

	begin(SZ_1M);
	pa = start_dma(2);
	for (unsigned int i = 0; i < 3; i++) {
		restart();
		is_written(pa);
	}
	ck_assert_uint_gt(n_looks, 3 * 10);
	ck_assert_uint_eq(n_aborted, 0);
	end();
}
END_TEST

/* There is no room for what was and what will be: the log says so, and what the master does meanwhile is aborted. */
START_TEST(a_restart_with_too_little_table_memory_has_a_gap_and_no_more)
{
	struct memory_stats stats;
	uint64_t pa;

	begin(SZ_64K);
	pa = start_dma(N_SPREAD);
	memory_get_stats(w->broker->memory, &stats);
	ck_assert_uint_gt(stats.table_bytes, SZ_64K / 2);
	restart();
	is_written(pa);
	ck_assert_uint_gt(n_aborted, 0);
	ck_assert_uint_lt(n_aborted, n_looks);
	for (uint64_t i = 1; i < N_SPREAD; i++)
		ck_assert(reaches(watched - i * SZ_2M, PATTERN));
	end();
}
END_TEST

/* Nothing is left for the descriptors of the next process, which are a page here: it begins anew, at the first try. */
START_TEST(a_restart_without_any_table_memory_begins_anew)
{
	unsigned int n = N_SPREAD;
	struct peer *p;
	uint64_t pa;

	begin_with(SZ_64K, N_MORE);
	pa = start_dma(2);
	p = world_peer(w);
	ck_ok(CALL(p, VCM_CREATE, .handle = REGION, .addr = REGION_AT, .len = 64 * SZ_1M));
	ck_ok(CALL(p, ASSOC, .handle = AVCM, .on = REGION, .target = peer_device(p, "nic")));
	ck_ok(CALL(p, ACTIVATE, .on = AVCM));
	do {
		ck_assert_uint_lt(++n, 32);
		ck_ok(CALL(p, RESERVE, .handle = NEW + 2 * n, .on = REGION, .len = SZ_4K,
			   .attr = VCM_READ | VCM_WRITE | VCM_ALIGN_ATTR(21)));
		ck_ok(CALL(p, PHYS_ALLOC, .handle = NEW + 2 * n + 1, .arg = VCM_MEMTYPE_0,
			   .len = SZ_4K));
	} while (CALL(p, BACK, .on = NEW + 2 * n, .target = NEW + 2 * n + 1) == 0);
	n_looks = n_aborted = 0;
	restart();
	is_written(pa);
	ck_assert_uint_gt(n_aborted, 0);
	ck_assert_uint_lt(n_aborted, n_looks);
	end();
}
END_TEST

/* The process before did not say that all is kept which the SMMU reaches: then it reaches nothing, before anything is given. */
START_TEST(an_smmu_whose_memory_is_not_known_to_be_kept_is_quiet_first)
{
	uint64_t pa;

	begin(SZ_1M);
	pa = start_dma(2);
	w = world_crash(w);
	keeper_replace(keeper, "page-whole-1", -1);
	*at(pa + 5, 1) = 0;
	n_looks = n_aborted = 0;
	w = world_new_kept(text, keeper);
	ck_assert_uint_gt(n_aborted, 0);
	is_written(pa);
	ck_assert_uint_eq(keeper_count(keeper, "page-whole-"), 1);
	end();
}
END_TEST

/* The stream table that is there has no place for a device of the configuration: all begins anew. */
START_TEST(an_smmu_that_cannot_go_on_as_it_is_begins_anew)
{
	uint64_t pa;

	begin(SZ_1M);
	pa = start_dma(2);
	w = world_crash(w);
	write_config(SZ_1M, 900, 0);
	w = world_new_kept(text, keeper);
	ck_assert_uint_gt(n_aborted, 0);
	is_written(pa);
	end();
}
END_TEST

/* A slip of the pen: nobody begins, and the hardware is left alone until it is mended. */
START_TEST(a_mistake_in_the_configuration_stops_no_smmu)
{
	struct reason why = { "" };
	uint64_t pa;

	begin(SZ_1M);
	pa = start_dma(2);
	w = world_crash(w);
	write_config(SZ_1M, 1u << 30, 0);
	world_refused(text, keeper, &why);
	ck_assert_msg(strstr(why.text, "context nic has stream 1073741824"), "%s", why.text);
	is_written(pa);
	write_config(SZ_1M, 9, 0);
	w = world_new_kept(text, keeper);
	is_written(pa);
	ck_assert_uint_eq(n_aborted, 0);
	end();
}
END_TEST

SUITE_MAIN("restore-smmuv3", a_master_notices_nothing_of_a_restart,
	   a_restart_with_too_little_table_memory_has_a_gap_and_no_more,
	   a_restart_without_any_table_memory_begins_anew,
	   an_smmu_whose_memory_is_not_known_to_be_kept_is_quiet_first,
	   an_smmu_that_cannot_go_on_as_it_is_begins_anew,
	   a_mistake_in_the_configuration_stops_no_smmu)
