// SPDX-License-Identifier: BSD-3-Clause
/* Which memory an allocation gets. */
#include "tests/graph/world.h"

static struct world w;

static uint64_t pa_of(const struct physmem *m)
{
	return m->extents[0].pa.first;
}

/* A graph of one pool: [first, first + len), with that granule. */
static void one_pool(uint64_t len, uint64_t cont_len, uint64_t granule)
{
	struct range r = { 0x40000000, 0x40000000 + (len - 1) };

	world_init_pool(&w, &(struct pool_config){ .memtype = MEM0,
						   .ranges = &r,
						   .n_ranges = 1,
						   .cont_len = cont_len,
						   .granule = granule });
}

static void drop(struct physmem *m)
{
	OK(&w, plan_physmem_free(&w.p, m));
	OK(&w, plan_evict(&w.p, MEM0));
}

START_TEST(an_allocation_is_refused)
{
	static const struct {
		uint32_t memtype;
		uint64_t len;
		uint32_t attr;
		int code;
		const char *word;
	} bad[] = {
		{ MEM0, 0, 0, -EINVAL, "length 0x0" },
		{ MEM0, 4097, 0, -EINVAL, "length 0x1001" },
		{ MEM0, SZ_4K, VCM_64KB, -EINVAL, "block size 0x10000" },
		{ MEM0, SZ_4K, 1u << 11, -EINVAL, "bits 0x800" },
		{ 0, SZ_4K, 0, -EINVAL, "no memory for memtype_t 0" },
		{ 5, SZ_4K, 0, -EINVAL, "no memory for memtype_t 5" },
		{ UINT32_MAX, SZ_4K, 0, -EINVAL, "no memory for" },
		{ MEM0, SZ_4K, VCM_ALIGNMENT_MASK, -EINVAL, "memtype 0 has no address" },
		{ MEM2, 33 * MB, 0, -ENOMEM, "memtype 2 has 0x2000000 bytes left, 0x2100000" },
		{ MEM0, 2 * GB, 0, -EDQUOT, "user 1000" },
		{ MEM0, -SZ_4K, 0, -EDQUOT, "user 1000" },
	};
	struct physmem *m;

	world_init(&w);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		REFUSED(&w, bad[i].code, bad[i].word,
			plan_physmem_alloc(&w.p, w.s[ALICE], 1, bad[i].memtype, bad[i].len,
					   bad[i].attr, &m));
	REFUSED(&w, -EINVAL, "needs a handle",
		plan_physmem_alloc(&w.p, w.s[ALICE], 0, MEM0, SZ_4K, 0, &m));
	world_deinit(&w);
}
END_TEST

START_TEST(small_physmems_share_a_granule_of_their_user)
{
	struct physmem *a, *b, *c;

	world_init(&w);
	PLANS(&w, "ARENA_NEW 0x44000000+0x200000",
	      plan_physmem_alloc(&w.p, w.s[ALICE], 1, MEM0, SZ_4K, 0, &a));
	a = a_physmem(&w, ALICE, MEM0, SZ_4K, 0);
	PLANS(&w, "", plan_physmem_alloc(&w.p, w.s[ALICE], 9, MEM0, SZ_1M, 0, &b));
	b = a_physmem(&w, ALICE_TOO, MEM0, SZ_4K, 0);
	ck_assert_ptr_eq(a->extents[0].arena, b->extents[0].arena);
	c = a_physmem(&w, BOB, MEM0, SZ_4K, 0);
	ck_assert_ptr_ne(a->extents[0].arena, c->extents[0].arena);
	ck_assert_ptr_eq(c->extents[0].arena->user, w.bob);
	world_deinit(&w);
}
END_TEST

START_TEST(large_physmems_have_an_arena_of_their_own_length)
{
	struct physmem *m;

	world_init(&w);
	PLANS(&w, "ARENA_NEW 0x44000000+0x201000",
	      plan_physmem_alloc(&w.p, w.s[ALICE], 1, MEM0, SZ_2M + SZ_4K, 0, &m));
	m = a_physmem(&w, ALICE, MEM0, SZ_2M, 0);
	ck_assert(m->extents[0].arena->sole);
	m = a_physmem(&w, ALICE, MEM0, SZ_2M - SZ_4K, 0);
	ck_assert(!m->extents[0].arena->sole);
	world_deinit(&w);
}
END_TEST

START_TEST(coherent_memory_is_alone_in_its_arena)
{
	struct physmem *plain, *shared;

	world_init(&w);
	plain = a_physmem(&w, ALICE, MEM0, SZ_4K, 0);
	shared = a_physmem(&w, ALICE, MEM0, SZ_4K, VCM_COHERENT);
	ck_assert(shared->extents[0].arena->sole);
	ck_assert_uint_eq(range_len(shared->extents[0].arena->range), SZ_4K);
	ck_assert_ptr_ne(plain->extents[0].arena, shared->extents[0].arena);
	PLANS(&w, "ARENA_FREE~ 0x44200000+0x1000", plan_physmem_free(&w.p, shared));
	world_deinit(&w);
}
END_TEST

START_TEST(sixteen_users_of_a_page_leave_a_small_pool_room)
{
	struct session *s[16];
	struct user *u;
	struct physmem *m;
	int r;

	world_init(&w);
	for (uint32_t i = 0; i < 16; i++) {
		u = user_get(w.g, 3000 + i, &world_limits);
		ck_assert_int_eq(session_new(w.g, u, &s[i], NULL), 0);
		OK(&w, plan_physmem_alloc(&w.p, s[i], 1, MEM2, SZ_4K, 0, &m));
		ck_assert_uint_eq(u->bytes, 256 * 1024);
	}
	ck_assert_uint_eq(w.pool[MEM2]->n_arenas, 16);
	ck_assert_uint_eq(w.pool[MEM2]->used, SZ_64K);
	ck_assert_uint_eq(pool_free_bytes(w.pool[MEM2]), 28 * MB);
	a_physmem(&w, ALICE, MEM2, 16 * MB, 0);
	for (int i = 0; i < 16; i++) {
		world_begin(&w);
		r = plan_reclaim(&w.p, s[i], 100);
		world_finish(&w, r);
		session_free(s[i]);
	}
	world_deinit(&w);
}
END_TEST

START_TEST(the_contiguous_region_is_for_those_who_ask)
{
	const struct range cont = { 0x40000000, 0x43ffffff };
	unsigned int n_inside = 0;
	struct physmem *m;

	world_init(&w);
	m = a_physmem(&w, ALICE, MEM0, SZ_4K, 0);
	ck_assert(!range_covers(cont, m->extents[0].pa));
	m = a_physmem(&w, ALICE, MEM0, SZ_4K, VCM_PHYS_CONT);
	ck_assert(range_covers(cont, m->extents[0].pa));
	m = a_physmem(&w, ALICE, MEM0, 16 * MB, 0);
	ck_assert(!range_covers(cont, m->extents[0].pa));
	m = a_physmem(&w, ALICE, MEM0, 16 * MB, VCM_PHYS_CONT);
	ck_assert(range_covers(cont, m->extents[0].pa));
	m = a_physmem(&w, ALICE, MEM0, 128 * MB, VCM_PHYS_CONT); /* as there is no room */
	ck_assert(!range_covers(cont, m->extents[0].pa));
	ck_assert_uint_eq(m->n_extents, 1);
	m = a_physmem(&w, ALICE, MEM0, 90 * MB, 0); /* as there is no other room */
	ck_assert_uint_gt(m->n_extents, 1);
	for (size_t i = 0; i < m->n_extents; i++)
		n_inside += range_covers(cont, m->extents[i].pa);
	ck_assert_uint_gt(n_inside, 0);
	world_deinit(&w);
}
END_TEST

START_TEST(small_physmems_share_granules_inside_the_contiguous_region_too)
{
	one_pool(8 * MB, 8 * MB, SZ_1M); /* there is nothing else */
	for (int i = 0; i < 100; i++)
		a_physmem(&w, ALICE, MEM0, SZ_4K, 0);
	ck_assert_uint_eq(w.pool[MEM0]->n_arenas, 1);
	for (int i = 0; i < 100; i++)
		a_physmem(&w, ALICE, MEM0, SZ_4K, VCM_PHYS_CONT);
	ck_assert_uint_eq(w.pool[MEM0]->n_arenas, 2);
	world_deinit(&w);
}
END_TEST

START_TEST(one_run_is_one_chunk_at_the_largest_alignment)
{
	static const struct {
		uint64_t len, align;
		uint32_t attr;
	} cases[] = {
		{ 16 * MB, 16 * MB, VCM_ALL },
		{ 16 * MB, 16 * MB, 0 },
		{ 16 * MB + SZ_4K, 16 * MB, VCM_ALL },
		{ 5 * MB, SZ_1M, VCM_ALL },
		{ SZ_64K, SZ_64K, VCM_ALL },
		{ 15 * SZ_4K, SZ_4K, VCM_ALL },
		{ 16 * MB, SZ_1M, VCM_1MB },
		{ 16 * MB, SZ_64K, VCM_64KB },
		{ 16 * MB, SZ_4K, VCM_4KB },
		{ SZ_1M + SZ_64K, SZ_1M, VCM_1MB | VCM_64KB },
		{ SZ_4K, 32 * MB, SET_ALIGN_REQ_BYTES(0, 13UL) },
		{ SZ_4K, 8 * MB, SET_ALIGN_REQ_BYTES(VCM_PHYS_CONT, 11UL) },
	};
	struct physmem *m;

	world_init(&w);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		m = a_physmem(&w, ALICE, MEM0, cases[i].len, cases[i].attr);
		ck_assert_uint_eq(m->n_extents, 1);
		ck_assert_uint_eq(pa_of(m) % cases[i].align, 0);
		ck_assert_uint_eq(range_len(m->extents[0].pa), cases[i].len);
	}
	world_deinit(&w);
}
END_TEST

/* Of 64 MB in arenas of 1 MB each, those whose bit is set in keep stay. */
static void comb(uint64_t keep)
{
	struct physmem *m[64];

	one_pool(64 * MB, 0, SZ_64K);
	for (int i = 0; i < 64; i++)
		m[i] = a_physmem(&w, ALICE, MEM0, SZ_1M, 0);
	for (int i = 0; i < 64; i++)
		if (!(keep >> i & 1))
			drop(m[(pa_of(m[i]) - 0x40000000) / SZ_1M]);
}

START_TEST(scattered_memory_is_made_of_the_largest_blocks)
{
	struct physmem *m;

	/* Free: the megabytes 3, 16 to 32, and 52 to 55. */
	comb(0xff0ffffe0000fff7);
	m = a_physmem(&w, ALICE, MEM0, 21 * MB, VCM_ALL);
	ck_assert_uint_eq(m->n_extents, 3);
	ck_assert_uint_eq(range_len(m->extents[0].pa), 16 * MB);
	ck_assert_uint_eq(pa_of(m) % SZ_16M, 0);
	ck_assert_uint_eq(m->extents[1].offset, 16 * MB);
	ck_assert_uint_eq(range_len(m->extents[1].pa), 4 * MB);
	ck_assert_uint_eq(m->len, 21 * MB);
	world_deinit(&w);
}
END_TEST

START_TEST(blocks_keep_their_alignment_when_memory_is_scattered)
{
	struct physmem *m, *odd[8];

	one_pool(8 * MB, 0, SZ_64K);
	for (int i = 0; i < 8; i++)
		odd[i] = a_physmem(&w, ALICE, MEM0, SZ_1M - SZ_64K, 0);
	for (int i = 0; i < 8; i++)
		drop(odd[i]);
	a_physmem(&w, ALICE, MEM0, SZ_64K, SET_ALIGN_REQ_BYTES(0, 9UL)); /* 0 MB is broken */
	m = a_physmem(&w, ALICE, MEM0, 7 * MB, VCM_1MB);
	for (size_t i = 0; i < m->n_extents; i++) {
		ck_assert_uint_eq(m->extents[i].pa.first % SZ_1M, 0);
		ck_assert_uint_eq(range_len(m->extents[i].pa) % SZ_1M, 0);
	}
	REFUSED(&w, -ENOMEM, "memtype 0",
		plan_physmem_alloc(&w.p, w.s[ALICE], 90, MEM0, SZ_1M, VCM_1MB, &m));
	world_deinit(&w);
}
END_TEST

START_TEST(want_of_size_and_fragmentation_are_told_apart_and_counted)
{
	struct physmem *m;

	comb(0xaaaaaaaaaaaaaaaa); /* each second one is free */
	REFUSED(&w, -ENOMEM, "memtype 0 has 0x2000000 bytes left, 0x2100000 are wanted",
		plan_physmem_alloc(&w.p, w.s[ALICE], 90, MEM0, 33 * MB, 0, &m));
	ck_assert_uint_eq(w.pool[MEM0]->n_failed_size, 1);
	REFUSED(&w, -ENOMEM, "is fragmented: its largest free run is 0x100000",
		plan_physmem_alloc(&w.p, w.s[ALICE], 90, MEM0, 2 * MB, VCM_PHYS_CONT, &m));
	ck_assert_uint_eq(w.pool[MEM0]->n_failed_fragmented, 1);
	m = a_physmem(&w, ALICE, MEM0, 32 * MB, 0);
	ck_assert_uint_eq(m->n_extents, 32);
	ck_assert_uint_eq(w.pool[MEM0]->used, w.pool[MEM0]->len);
	ck_assert_uint_eq(w.pool[MEM0]->high_water, w.pool[MEM0]->len);
	REFUSED(&w, -ENOMEM, "has 0x0 bytes left",
		plan_physmem_alloc(&w.p, w.s[ALICE], 90, MEM0, SZ_4K, 0, &m));
	world_deinit(&w);
}
END_TEST

START_TEST(extents_weigh_on_the_quota_of_objects)
{
	uint64_t before;

	comb(0xaaaaaaaaaaaaaaaa);
	before = w.alice->objects;
	a_physmem(&w, ALICE, MEM0, 32 * MB, 0);
	ck_assert_uint_eq(w.alice->objects, before + 1 + 32 / 3);
	world_deinit(&w);
}
END_TEST

START_TEST(where_no_granule_is_left_an_arena_is_as_long_as_needed)
{
	struct physmem *m;

	one_pool(SZ_1M + 3 * SZ_4K, 0, SZ_1M);
	m = a_physmem(&w, ALICE, MEM0, SZ_1M, 0);
	PLANS(&w, "ARENA_NEW 0x40100000+0x2000",
	      plan_physmem_alloc(&w.p, w.s[ALICE], 9, MEM0, 2 * SZ_4K, 0, &m));
	m = a_physmem(&w, ALICE, MEM0, 3 * SZ_4K, 0);
	ck_assert_uint_eq(w.pool[MEM0]->used, w.pool[MEM0]->len);
	world_deinit(&w);
}
END_TEST

START_TEST(a_kept_arena_serves_its_user_again_and_nobody_else)
{
	struct physmem *m;
	uint64_t pa;

	world_init(&w);
	m = a_physmem(&w, ALICE, MEM0, SZ_4K, 0);
	pa = pa_of(m);
	PLANS(&w, "ZERO~ 0x44000000+0x1000", plan_physmem_free(&w.p, m));
	OK(&w, plan_physmem_free(&w.p, m));
	ck_assert_uint_eq(w.alice->bytes, 0);
	ck_assert_uint_eq(w.alice->cached_bytes, SZ_2M);
	PLANS(&w, "ARENA_NEW 0x44200000+0x200000",
	      plan_physmem_alloc(&w.p, w.s[BOB], 9, MEM0, SZ_4K, 0, &m));
	PLANS(&w, "", plan_physmem_alloc(&w.p, w.s[ALICE], 9, MEM0, SZ_4K, 0, &m));
	m = a_physmem(&w, ALICE_TOO, MEM0, SZ_4K, 0);
	ck_assert_uint_eq(pa_of(m), pa);
	ck_assert_uint_eq(w.alice->cached_bytes, 0);
	/* One of its own length is kept for just that length. */
	m = a_physmem(&w, ALICE, MEM0, SZ_2M, 0);
	OK(&w, plan_physmem_free(&w.p, m));
	PLANS(&w, "", plan_physmem_alloc(&w.p, w.s[ALICE], 9, MEM0, SZ_2M, 0, &m));
	world_deinit(&w);
}
END_TEST

START_TEST(what_is_kept_is_short_and_not_much)
{
	struct physmem *m[40];

	world_init(&w);
	m[0] = a_physmem(&w, ALICE, MEM0, SZ_2M + SZ_4K, 0);
	PLANS(&w, "ARENA_FREE~ 0x44000000+0x201000", plan_physmem_free(&w.p, m[0]));
	OK(&w, plan_physmem_free(&w.p, m[0]));
	for (int i = 0; i < 40; i++)
		m[i] = a_physmem(&w, ALICE, MEM0, SZ_2M, 0);
	for (int i = 0; i < 40; i++)
		OK(&w, plan_physmem_free(&w.p, m[i]));
	ck_assert_uint_eq(w.alice->cached_bytes, ARENA_CACHE_MAX);
	ck_assert_uint_eq(w.pool[MEM0]->n_arenas, ARENA_CACHE_MAX / SZ_2M);
	for (int i = 0; i < 40; i++)
		m[i] = a_physmem(&w, ALICE, MEM0, SZ_2M, 0);
	world_begin(&w); /* in one plan too */
	for (int i = 0; i < 40; i++)
		ck_assert_int_eq(plan_physmem_free(&w.p, m[i]), 0);
	world_finish(&w, 0);
	ck_assert_uint_eq(w.alice->cached_bytes, ARENA_CACHE_MAX);
	world_deinit(&w);
}
END_TEST

START_TEST(kept_arenas_are_given_up_under_pressure)
{
	struct physmem *m;

	world_init(&w);
	m = a_physmem(&w, ALICE, MEM2, SZ_64K, 0);
	OK(&w, plan_physmem_free(&w.p, m));
	ck_assert_uint_eq(w.pool[MEM2]->cached_bytes, 256 * 1024);
	ck_assert_int_eq(DO(&w, plan_physmem_alloc(&w.p, w.s[BOB], 1, MEM2, 32 * MB, 0, &m)),
			 GRAPH_E_PRESSURE);
	/* What would not fit even then gives nothing up. */
	REFUSED(&w, -ENOMEM, "memtype 2 has 0x2000000 bytes left",
		plan_physmem_alloc(&w.p, w.s[BOB], 1, MEM2, 32 * MB + SZ_4K, 0, &m));
	PLANS(&w, "ARENA_FREE~ 0x70000000+0x40000", plan_evict(&w.p, MEM2));
	PLANS(&w, "", plan_evict(&w.p, MEM0));
	PLANS(&w, "", plan_evict_user(&w.p, w.bob));
	PLANS(&w, "ARENA_FREE~ 0x70000000+0x40000", plan_evict_user(&w.p, w.alice));
	world_begin(&w);
	ck_assert_int_eq(plan_evict(&w.p, MEM2), 0);
	ck_assert_int_eq(plan_evict_user(&w.p, w.alice), 0); /* once is enough */
	ck_assert_str_eq(world_steps(&w), "ARENA_FREE~ 0x70000000+0x40000");
	world_finish(&w, 0);
	m = a_physmem(&w, BOB, MEM2, 32 * MB, 0);
	ck_assert_uint_eq(m->n_extents, 1);
	world_deinit(&w);
}
END_TEST

START_TEST(a_quarantined_arena_is_nobodys_any_more)
{
	struct physmem *m, *other;
	struct arena *a;

	world_init(&w);
	m = a_physmem(&w, ALICE, MEM0, SZ_4K, 0);
	other = a_physmem(&w, ALICE, MEM0, SZ_4K, 0);
	a = m->extents[0].arena;
	arena_quarantine(a);
	arena_quarantine(a); /* once is enough */
	graph_check(w.g);
	ck_assert_uint_eq(w.pool[MEM0]->quarantined, SZ_2M);
	PLANS(&w, "", plan_physmem_free(&w.p, m));
	OK(&w, plan_physmem_free(&w.p, m));
	OK(&w, plan_physmem_free(&w.p, other));
	ck_assert_uint_eq(a->used, 0);
	ck_assert_uint_eq(w.alice->bytes, SZ_2M); /* its user pays for it */
	PLANS(&w, "", plan_evict_user(&w.p, w.alice));
	m = a_physmem(&w, ALICE, MEM0, SZ_4K, 0);
	ck_assert_ptr_ne(m->extents[0].arena, a);
	world_deinit(&w);
}
END_TEST

START_TEST(an_arena_quarantined_while_a_plan_ends_it_stays)
{
	struct physmem *m;
	struct arena *a;

	world_init(&w);
	m = a_physmem(&w, ALICE, MEM0, 16 * MB, 0);
	a = m->extents[0].arena;
	world_begin(&w);
	ck_assert_int_eq(plan_physmem_free(&w.p, m), 0);
	ck_assert(a->closing);
	arena_quarantine(a);
	world_finish(&w, 0);
	ck_assert_uint_eq(w.pool[MEM0]->quarantined, 16 * MB);
	ck_assert_uint_eq(w.pool[MEM0]->n_arenas, 1);
	/* A new one, in a plan that is taken back; and a kept one. */
	world_begin(&w);
	ck_assert_int_eq(plan_physmem_alloc(&w.p, w.s[ALICE], 9, MEM0, 16 * MB, 0, &m), 0);
	arena_quarantine(m->extents[0].arena);
	world_finish(&w, -EIO);
	ck_assert_uint_eq(w.pool[MEM0]->quarantined, 32 * MB);
	m = a_physmem(&w, ALICE, MEM0, SZ_4K, 0);
	a = m->extents[0].arena;
	OK(&w, plan_physmem_free(&w.p, m));
	arena_quarantine(a);
	graph_check(w.g);
	ck_assert_uint_eq(w.alice->cached_bytes, 0);
	world_begin(&w); /* revived by a plan that is taken back */
	world_finish(&w, -EIO);
	ck_assert_uint_eq(w.pool[MEM0]->n_arenas, 3);
	world_deinit(&w);
}
END_TEST

START_TEST(a_pool_of_several_ranges_uses_them_all)
{
	const struct range ranges[] = { { 0x40000000, 0x400fffff }, { 0x50000000, 0x502fffff } };
	struct physmem *m;

	world_init_pool(
		&w, &(struct pool_config){
			    .memtype = MEM0, .ranges = ranges, .n_ranges = 2, .cont_len = SZ_64K });
	ck_assert_uint_eq(w.pool[MEM0]->len, 4 * MB);
	ck_assert_uint_eq(pool_largest(w.pool[MEM0], SZ_4K), 3 * MB);
	m = a_physmem(&w, ALICE, MEM0, 3 * MB, 0);
	ck_assert_uint_eq(pa_of(m), 0x50000000);
	ck_assert_uint_eq(pool_largest_free(w.pool[MEM0]), MB);
	m = a_physmem(&w, ALICE, MEM0, MB, 0);
	ck_assert_uint_eq(pa_of(m), 0x40000000);
	ck_assert_uint_eq(pool_free_bytes(w.pool[MEM0]), 0);
	world_deinit(&w);
}
END_TEST

START_TEST(pools_of_one_memtype_are_one_memory)
{
	struct range more = { 0xa0000000, 0xa0ffffff };
	struct physmem *m;

	one_pool(MB, 0, SZ_64K);
	ck_assert_ptr_nonnull(pool_new(
		w.g, &(struct pool_config){ .memtype = MEM0, .ranges = &more, .n_ranges = 1 }));
	m = a_physmem(&w, ALICE, MEM0, 17 * MB, VCM_ALL);
	ck_assert_uint_eq(m->n_extents, 2);
	REFUSED(&w, -ENOMEM, "memtype 0 has 0x0 bytes left",
		plan_physmem_alloc(&w.p, w.s[ALICE], 9, MEM0, SZ_4K, 0, &m));
	world_deinit(&w);
}
END_TEST

START_TEST(every_allocation_fails_in_turn)
{
	struct physmem *m;

	world_init(&w);
	STARVED(&w, plan_physmem_alloc(&w.p, w.s[ALICE], 1, MEM0, SZ_4K, 0, &m));
	STARVED(&w, plan_physmem_alloc(&w.p, w.s[ALICE], 2, MEM0, SZ_4K, 0, &m));
	STARVED(&w, plan_physmem_alloc(&w.p, w.s[ALICE], 3, MEM0, 16 * MB, VCM_PHYS_CONT, &m));
	STARVED(&w, plan_physmem_alloc(&w.p, w.s[ALICE], 4, MEM0, SZ_4K, VCM_COHERENT, &m));
	STARVED(&w, plan_physmem_free(&w.p, m));
	STARVED(&w, plan_physmem_free(&w.p, physmem_named(&w, ALICE, 1)));
	STARVED(&w, plan_physmem_free(&w.p, physmem_named(&w, ALICE, 2)));
	STARVED(&w, plan_physmem_alloc(&w.p, w.s[ALICE], 5, MEM0, SZ_4K, 0, &m)); /* revives */
	STARVED(&w, plan_physmem_free(&w.p, m));
	STARVED(&w, plan_evict(&w.p, MEM0));
	world_deinit(&w);
	comb(0xaaaaaaaaaaaaaaaa);
	STARVED(&w, plan_physmem_alloc(&w.p, w.s[ALICE], 90, MEM0, 20 * MB, 0, &m));
	STARVED(&w, plan_physmem_free(&w.p, m));
	world_deinit(&w);
}
END_TEST

START_TEST(a_pool_without_memory_is_none)
{
	struct range r = { 0xa0000000, 0xa0ffffff };
	struct pool *pool;
	size_t n = 0;

	world_init(&w);
	do {
		mem_fail_nth(++n);
		pool = pool_new(w.g,
				&(struct pool_config){ .memtype = 9, .ranges = &r, .n_ranges = 1 });
	} while (mem_fail_fired() && !pool);
	ck_assert_ptr_nonnull(pool);
	ck_assert_uint_gt(n, 3);
	graph_check(w.g);
	world_deinit(&w);
}
END_TEST

SUITE_MAIN("alloc", an_allocation_is_refused, small_physmems_share_a_granule_of_their_user,
	   large_physmems_have_an_arena_of_their_own_length, coherent_memory_is_alone_in_its_arena,
	   sixteen_users_of_a_page_leave_a_small_pool_room,
	   the_contiguous_region_is_for_those_who_ask,
	   small_physmems_share_granules_inside_the_contiguous_region_too,
	   one_run_is_one_chunk_at_the_largest_alignment,
	   scattered_memory_is_made_of_the_largest_blocks,
	   blocks_keep_their_alignment_when_memory_is_scattered,
	   want_of_size_and_fragmentation_are_told_apart_and_counted,
	   extents_weigh_on_the_quota_of_objects,
	   where_no_granule_is_left_an_arena_is_as_long_as_needed,
	   a_kept_arena_serves_its_user_again_and_nobody_else, what_is_kept_is_short_and_not_much,
	   kept_arenas_are_given_up_under_pressure, a_quarantined_arena_is_nobodys_any_more,
	   an_arena_quarantined_while_a_plan_ends_it_stays, a_pool_of_several_ranges_uses_them_all,
	   pools_of_one_memtype_are_one_memory, every_allocation_fails_in_turn,
	   a_pool_without_memory_is_none)
