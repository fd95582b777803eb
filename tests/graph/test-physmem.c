// SPDX-License-Identifier: BSD-3-Clause
/* Freeing memory, aliases of it, windows, and its segments. */
#include "tests/graph/world.h"

static struct world w;

static uint64_t pa_of(const struct physmem *m)
{
	return m->extents[0].pa.first;
}

START_TEST(memory_in_use_is_not_freed)
{
	struct physmem *m, *alias;
	struct vcm *v;
	struct res *r;

	world_init(&w);
	v = a_vcm(&w, ALICE, 0x100000, MB);
	activate(&w, an_avcm(&w, v, w.ctx_a, 0));
	r = a_res(&w, v, SZ_4K, 0);
	m = a_physmem(&w, ALICE, MEM0, SZ_4K, 0);
	back(&w, r, m);
	REFUSED(&w, -EBUSY, "physmem 4 backs 1 reservations, the first of them 3",
		plan_physmem_free(&w.p, m));
	OK(&w, plan_res_unback(&w.p, r));
	alias = an_alias(&w, ALICE, pa_of(m), SZ_4K);
	REFUSED(&w, -EBUSY, "physmem 4 is the memory of alias 5", plan_physmem_free(&w.p, m));
	back(&w, r, alias);
	REFUSED(&w, -EBUSY, "physmem 5 backs 1", plan_physmem_free(&w.p, alias));
	OK(&w, plan_res_unback(&w.p, r));
	PLANS(&w, "", plan_physmem_free(&w.p, alias)); /* it has no memory of its own */
	OK(&w, plan_physmem_free(&w.p, alias));
	OK(&w, plan_physmem_free(&w.p, m));
	ck_assert_uint_eq(w.s[ALICE]->bytes, 0);
	world_deinit(&w);
}
END_TEST

START_TEST(freed_memory_is_zeroed_or_its_arena_ends)
{
	struct physmem *a, *b, *large;

	world_init(&w);
	a = a_physmem(&w, ALICE, MEM0, SZ_4K, 0);
	b = a_physmem(&w, ALICE, MEM0, 2 * SZ_4K, 0);
	large = a_physmem(&w, ALICE, MEM1, 4 * MB, 0);
	PLANS(&w, "ZERO~ 0x44000000+0x1000", plan_physmem_free(&w.p, a));
	PLANS(&w, "ARENA_FREE~ 0x61000000+0x400000", plan_physmem_free(&w.p, large));
	OK(&w, plan_physmem_free(&w.p, a));
	PLANS(&w, "ZERO~ 0x44001000+0x2000", plan_physmem_free(&w.p, b));
	OK(&w, plan_physmem_free(&w.p, b));
	OK(&w, plan_physmem_free(&w.p, large));
	ck_assert_uint_eq(w.pool[MEM1]->n_arenas, 0);
	ck_assert_uint_eq(w.pool[MEM1]->used, 0);
	ck_assert_uint_eq(w.pool[MEM1]->high_water, 4 * MB);
	world_deinit(&w);
}
END_TEST

START_TEST(the_high_water_mark_counts_what_was_committed)
{
	struct physmem *m;

	world_init(&w);
	world_begin(&w);
	ck_assert_int_eq(plan_physmem_alloc(&w.p, w.s[ALICE], 1, MEM2, 8 * MB, 0, &m), 0);
	world_finish(&w, -EIO);
	ck_assert_uint_eq(w.pool[MEM2]->high_water, 0);
	m = a_physmem(&w, ALICE, MEM2, 4 * MB, 0);
	OK(&w, plan_physmem_free(&w.p, m));
	a_physmem(&w, ALICE, MEM2, SZ_4K, 0);
	ck_assert_uint_eq(w.pool[MEM2]->high_water, 4 * MB);
	ck_assert_uint_eq(w.pool[MEM2]->used, SZ_4K);
	world_deinit(&w);
}
END_TEST

START_TEST(an_alias_is_part_of_one_physmem)
{
	struct physmem *m, *alias, *of_alias;

	world_init(&w);
	m = a_physmem(&w, ALICE, MEM1, SZ_64K, VCM_PHYS_CONT);
	alias = an_alias(&w, ALICE, pa_of(m) + SZ_4K, 4 * SZ_4K);
	ck_assert_ptr_eq(alias->root, m);
	ck_assert_uint_eq(alias->len, 4 * SZ_4K);
	ck_assert_uint_eq(alias->memtype, MEM1);
	ck_assert_uint_eq(w.s[ALICE]->bytes, SZ_64K); /* it is counted once */
	of_alias = an_alias(&w, ALICE, pa_of(m) + 2 * SZ_4K, SZ_4K);
	ck_assert_ptr_eq(of_alias->root, m);
	world_deinit(&w);
}
END_TEST

START_TEST(a_memory_has_so_many_aliases)
{
	struct physmem *m;

	world_init(&w);
	m = a_physmem(&w, ALICE, MEM1, SZ_4K, 0);
	world_begin(&w);
	for (uint32_t i = 0; i < ALIASES_MAX; i++)
		ck_assert_int_eq(plan_physmem_map(&w.p, w.s[ALICE], 100 + i, pa_of(m), SZ_4K), 0);
	world_finish(&w, 0);
	REFUSED(&w, -EDQUOT, "65536 aliases",
		plan_physmem_map(&w.p, w.s[ALICE], 100 + ALIASES_MAX, pa_of(m), SZ_4K));
	OK(&w, plan_physmem_free(&w.p, physmem_named(&w, ALICE, 100)));
	OK(&w, plan_physmem_map(&w.p, w.s[ALICE], 100 + ALIASES_MAX, pa_of(m), SZ_4K));
	world_deinit(&w);
}
END_TEST

START_TEST(an_alias_is_refused)
{
	struct physmem *m, *bobs;

	world_init(&w);
	m = a_physmem(&w, ALICE, MEM0, SZ_64K, VCM_COHERENT);
	bobs = a_physmem(&w, BOB, MEM0, SZ_64K, 0);
	const struct {
		uint64_t pa, len;
		const char *word;
	} bad[] = {
		{ pa_of(m), 0, "not whole pages" },
		{ pa_of(m), 4097, "not whole pages" },
		{ pa_of(m) + 1, SZ_4K, "not whole pages" },
		{ UINT64_MAX - 0xfff, SZ_64K, "not whole pages" },
		{ 0, SZ_4K, "in no physmem" },
		{ 0x48000000, SZ_4K, "in no physmem" },
		{ pa_of(bobs), SZ_4K, "in no physmem of this session" },
		{ pa_of(m), SZ_64K + SZ_4K, "beyond the segment" },
		{ pa_of(m) + SZ_64K - SZ_4K, 2 * SZ_4K, "beyond the segment" },
		{ WINDOW - SZ_4K, SZ_4K, "in no physmem" },
		{ WINDOW + MB, SZ_4K, "in no physmem" },
		{ WINDOW + MB - SZ_4K, 2 * SZ_4K, "beyond the segment" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		REFUSED(&w, -EINVAL, bad[i].word,
			plan_physmem_map(&w.p, w.s[ALICE], 9, bad[i].pa, bad[i].len));
	REFUSED(&w, -EINVAL, "in no physmem of this session",
		plan_physmem_map(&w.p, w.s[ALICE_TOO], 9, pa_of(m), SZ_4K));
	REFUSED(&w, -EINVAL, "handle 1", plan_physmem_map(&w.p, w.s[ALICE], 1, pa_of(m), SZ_4K));
	world_deinit(&w);
}
END_TEST

START_TEST(a_window_is_named_without_a_physmem)
{
	struct physmem *a, *b;

	world_init(&w);
	OK(&w, plan_physmem_map(&w.p, w.s[ALICE], 1, WINDOW + SZ_4K, SZ_64K));
	OK(&w, plan_physmem_map(&w.p, w.s[BOB], 1, WINDOW, MB));
	a = physmem_named(&w, ALICE, 1);
	b = physmem_named(&w, BOB, 1);
	ck_assert_uint_eq(a->memtype, 0);
	ck_assert_ptr_eq(a->root, b->root);
	ck_assert_uint_eq(w.s[ALICE]->bytes, 0);
	PLANS(&w, "", plan_physmem_free(&w.p, a));
	a = a_physmem(&w, ALICE, MEM0, SZ_4K, 0);
	OK(&w, plan_physmem_map(&w.p, w.s[ALICE], 3, pa_of(a), SZ_4K));
	ck_assert_int_eq(graph_add_window(w.g, (struct range){ WINDOW, WINDOW }), -EEXIST);
	ck_assert_int_eq(graph_add_window(w.g, (struct range){ 0x7ffff000, 0x80000fff }), -EEXIST);
	for (size_t n = 1; n < 3; n++) {
		mem_fail_nth(n);
		ck_assert_int_eq(graph_add_window(w.g, (struct range){ 0x91000000, 0x91000fff }),
				 -ENOMEM);
		ck_assert_int_eq(mem_fail_fired(), 1);
	}
	graph_check(w.g);
	world_deinit(&w);
}
END_TEST

START_TEST(windows_have_one_cache_policy_over_all_users)
{
	struct vcm *v, *of_bob;
	struct physmem *m;
	struct res *r;

	world_init(&w);
	v = a_vcm(&w, ALICE, 0x100000, MB);
	of_bob = a_vcm(&w, BOB, 0x100000, MB);
	activate(&w, an_avcm(&w, v, w.ctx_a, 0));
	activate(&w, an_avcm(&w, of_bob, w.ctx_b, 0));
	back(&w, a_res(&w, v, SZ_4K, VCM_NOTCACHED), an_alias(&w, ALICE, WINDOW, SZ_4K));
	r = a_res(&w, of_bob, SZ_4K, VCM_WB_WA);
	m = an_alias(&w, BOB, WINDOW, SZ_4K);
	REFUSED(&w, -EINVAL, "policy 0", plan_res_back(&w.p, r, m));
	world_deinit(&w);
}
END_TEST

/* The segments, as "first+len first+len ...". */
static const char *segments(const struct physmem *m)
{
	static char text[512];
	struct range r;
	uint64_t after = 0;
	size_t n = 0;

	text[0] = 0;
	while (physmem_next_segment(m, after, &r)) {
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%#lx+%#lx", n ? " " : "",
				      r.first, range_len(r));
		after = r.first;
	}
	return text;
}

START_TEST(segments_are_extents_or_blocks)
{
	struct physmem *m;
	struct range r;

	world_init(&w);
	m = a_physmem(&w, ALICE, MEM0, 3 * SZ_4K, VCM_ALL);
	ck_assert_str_eq(segments(m), "0x44000000+0x3000");
	m = a_physmem(&w, ALICE, MEM0, 3 * SZ_4K, VCM_4KB);
	ck_assert_str_eq(segments(m), "0x44003000+0x1000 0x44004000+0x1000 0x44005000+0x1000");
	ck_assert(physmem_next_segment(m, 0x44003fff, &r)); /* any address of the one before */
	ck_assert_uint_eq(r.first, 0x44004000);
	ck_assert(!physmem_next_segment(m, 0x44005000, &r));
	ck_assert(!physmem_next_segment(m, 0x44006000, &r)); /* not in it */
	ck_assert(!physmem_next_segment(m, 0x44000000, &r));
	m = a_physmem(&w, ALICE, MEM0, SZ_1M + SZ_64K, VCM_1MB | VCM_64KB);
	ck_assert_str_eq(segments(m), "0x44200000+0x100000 0x44300000+0x10000");
	m = an_alias(&w, ALICE, 0x44004000, 2 * SZ_4K); /* of blocks of 4 KB, and contiguous */
	ck_assert_str_eq(segments(m), "0x44004000+0x2000");
	m = an_alias(&w, ALICE, 0x44201000, SZ_64K);
	ck_assert_str_eq(segments(m), "0x44201000+0x10000");
	m = a_physmem(&w, ALICE, MEM1, 2 * SZ_64K, VCM_PHYS_CONT | VCM_64KB);
	ck_assert_str_eq(segments(m), "0x60000000+0x20000");
	m = a_physmem(&w, ALICE, MEM1, SZ_64K + 2 * SZ_4K, VCM_4KB | VCM_64KB);
	ck_assert_str_eq(segments(m), "0x61000000+0x10000 0x61010000+0x1000 0x61011000+0x1000");
	world_deinit(&w);
}
END_TEST

START_TEST(offsets_and_addresses_agree_in_scattered_memory)
{
	struct range pool = { 0x40000000, 0x403fffff };
	struct physmem *m[4], *scattered;
	uint64_t offset, at = 0;

	world_init_pool(
		&w, &(struct pool_config){
			    .memtype = MEM0, .ranges = &pool, .n_ranges = 1, .granule = SZ_64K });
	for (int i = 0; i < 4; i++)
		m[i] = a_physmem(&w, ALICE, MEM0, MB, 0);
	OK(&w, plan_physmem_free(&w.p, m[1]));
	OK(&w, plan_physmem_free(&w.p, m[3]));
	OK(&w, plan_evict(&w.p, MEM0));
	scattered = a_physmem(&w, ALICE, MEM0, 2 * MB, 0);
	ck_assert_uint_eq(scattered->n_extents, 2);
	ck_assert(!physmem_is_contiguous(scattered));
	for (size_t i = 0; i < 2; i++) {
		const struct extent *e = &scattered->extents[i];

		ck_assert_ptr_eq(physmem_extent_at(scattered, at), e);
		ck_assert_ptr_eq(physmem_extent_at(scattered, at + MB - 1), e);
		ck_assert(physmem_offset_of(scattered, e->pa.first + 5, &offset));
		ck_assert_uint_eq(offset, at + 5);
		ck_assert(physmem_offset_of(scattered, e->pa.last, &offset));
		ck_assert_uint_eq(offset, at + MB - 1);
		at += MB;
	}
	ck_assert(!physmem_offset_of(scattered, m[0]->extents[0].pa.first, &offset));
	ck_assert(!physmem_offset_of(scattered, 0, &offset));
	world_deinit(&w);
}
END_TEST

START_TEST(every_allocation_fails_in_turn)
{
	struct physmem *m;

	world_init(&w);
	m = a_physmem(&w, ALICE, MEM0, SZ_64K, 0);
	STARVED(&w, plan_physmem_map(&w.p, w.s[ALICE], 5, pa_of(m), SZ_4K));
	STARVED(&w, plan_physmem_map(&w.p, w.s[BOB], 5, WINDOW, SZ_4K));
	STARVED(&w, plan_physmem_free(&w.p, physmem_named(&w, ALICE, 5)));
	world_deinit(&w);
}
END_TEST

SUITE_MAIN("physmem", memory_in_use_is_not_freed, freed_memory_is_zeroed_or_its_arena_ends,
	   the_high_water_mark_counts_what_was_committed, an_alias_is_part_of_one_physmem,
	   a_memory_has_so_many_aliases, an_alias_is_refused, a_window_is_named_without_a_physmem,
	   windows_have_one_cache_policy_over_all_users, segments_are_extents_or_blocks,
	   offsets_and_addresses_agree_in_scattered_memory, every_allocation_fails_in_turn)
