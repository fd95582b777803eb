// SPDX-License-Identifier: BSD-3-Clause
/*
 * Huge pages whose physical addresses are known, over the end of the broker. They need root, and two pages of 2 MB that are free
 * or that the kernel can make.
 * Mutations that they were seen to catch: files not put into the store; the old ones kept of a page that was renewed; a page with
 * a hole taken for what it was; what is lost not let go.
 */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/range.h"
#include "graph/graph.h"
#include "memory/memory.h"
#include "tests/hugepages.h"
#include "tests/suite.h"
#include "tests/vcmd/keeper.h"
#include "tests/vcmd/stage.h"
#include "vcmd/broker.h"
#include "vcmd/client.h"
#include "vcmd/resume.h"

#define N_PAGES 2
static const char text[] =
	"stock = 0\ntables = \"0x300000000000+16M\"\nsocket-mode = 0666\naccess { allow-users = {\"*\"} }\n"
	"memtype 0 { pool { source = pagemap length = 4M } }\n";

static struct keeper *keeper;
static struct world *w;

static bool can_have(unsigned int n)
{
	struct memory *m =
		memory_new(&(struct memory_config){ .tables = { 0x300000000000, 0x300000ffffff } });
	struct range pa;
	bool can = true;

	while (n-- && can)
		can = memory_page_add(m, &pa, NULL) == 0;
	memory_free(m);
	return can;
}

static bool begin(void)
{
	if (!can_have(N_PAGES))
		return false;
	keeper = keeper_new(100);
	w = world_new_kept(text, keeper);
	return true;
}

static uint64_t take_page(struct peer *p)
{
	ck_ok(CALL(p, PHYS_ALLOC, .handle = MEM, .arg = VCM_MEMTYPE_0, .len = SZ_2M,
		   .attr = VCM_PHYS_CONT));
	ck_ok(CALL(p, PHYS_NEXT, .on = MEM));
	return peer_value(p, 0);
}

static void restart(void)
{
	w = world_crash(w);
	w = world_new_kept(text, keeper);
	world_check(w);
}

static bool nobody_waits(struct world *world, void *ctx _unused_)
{
	return world->broker->n_clients == 0;
}

static void end_sessions(void)
{
	struct client *c;

	w->config->grace_ms = 0;
	TAILQ_FOREACH(c, &w->broker->clients, entry)
		resume_wait(c);
	world_until(w, nobody_waits, NULL);
}

static void end(void)
{
	w = world_crash(w);
	keeper_free(keeper);
}

static const char *name_of(uint64_t pa)
{
	static char name[64];

	snprintf(name, sizeof(name), "page-1-%llu", (unsigned long long)(pa / SZ_2M));
	return name;
}

static uint64_t blocks_of(int fd)
{
	struct stat st;

	ck_assert_int_eq(fstat(fd, &st), 0);
	return (uint64_t)st.st_blocks;
}

START_TEST(a_page_is_where_it_was_with_what_is_in_it)
{
	uint8_t byte = 7;
	uint64_t pa;

	if (!begin())
		SUITE_SKIP("no hugetlb pages whose address is told can be had");
	pa = take_page(world_peer(w));
	ck_assert_int_eq(memory_write(w->broker->memory, pa + 12345, &byte, 1), 0);
	ck_assert_uint_eq(keeper_count(keeper, "page-1-"), N_PAGES);
	ck_assert_uint_eq(keeper_count(keeper, "page-pin-"), N_PAGES);
	for (unsigned int i = 0; i < 2; i++) {
		restart();
		ck_assert_uint_eq(w->broker->restored.n_lost, 0);
		byte = 0;
		ck_assert_int_eq(memory_read(w->broker->memory, pa + 12345, &byte, 1), 0);
		ck_assert_uint_eq(byte, 7);
		ck_assert_uint_eq(keeper_count(keeper, "page-"), 2 * N_PAGES);
	}
	end();
}
END_TEST

/* Somebody may have the file that was left: the page's next user gets another, and the keeper has that. */
START_TEST(a_page_that_is_given_back_is_kept_by_its_new_files)
{
	_cleanup_(fd_closep) int old = -1;
	uint64_t pa;
	uint8_t byte = 9;

	if (!begin())
		SUITE_SKIP("no hugetlb pages whose address is told can be had");
	pa = take_page(world_peer(w));
	restart();
	old = dup(keeper_fd(keeper, name_of(pa)));
	end_sessions();
	ck_assert_uint_eq(keeper_count(keeper, "page-"), 2 * N_PAGES);
	ck_assert_uint_eq(blocks_of(old), 0);
	ck_assert_uint_gt(blocks_of(keeper_fd(keeper, name_of(pa))), 0);
	take_page(world_peer(w));
	ck_assert_int_eq(memory_write(w->broker->memory, pa, &byte, 1), 0);
	restart();
	ck_assert_uint_eq(w->broker->restored.n_lost, 0);
	ck_assert_int_eq(memory_read(w->broker->memory, pa, &byte, 1), 0);
	ck_assert_uint_eq(byte, 9);
	end();
}
END_TEST

START_TEST(a_page_with_a_hole_is_lost_and_let_go)
{
	uint64_t pa;

	if (!begin())
		SUITE_SKIP("no hugetlb pages whose address is told can be had");
	pa = take_page(world_peer(w));
	w = world_crash(w);
	ck_assert_int_eq(fallocate(keeper_fd(keeper, name_of(pa)),
				   FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, SZ_2M),
			 0);
	/* Its pin holds it meanwhile: so there must be another for the pool. */
	if (!can_have(1)) {
		keeper_free(keeper);
		SUITE_SKIP("no third hugetlb page can be had");
	}
	w = world_new_kept(text, keeper);
	ck_assert_uint_ge(w->broker->restored.n_lost, 1);
	ck_assert_int_lt(keeper_fd(keeper, name_of(pa)), 0);
	ck_assert_uint_eq(keeper_count(keeper, "page-"), 2 * N_PAGES);
	end();
}
END_TEST

int main(void)
{
	const TTest *const cases[] = {
		a_page_is_where_it_was_with_what_is_in_it,
		a_page_that_is_given_back_is_kept_by_its_new_files,
		a_page_with_a_hole_is_lost_and_let_go,
		NULL,
	};
	unsigned long n_before = hugepages_begin();
	int r;

	hugepages_set(n_before + N_PAGES + 1);
	r = suite_run("restore-pages", cases);
	hugepages_set(n_before);
	return r;
}
