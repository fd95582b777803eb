// SPDX-License-Identifier: BSD-3-Clause
/* Sharing: grants, imports, who pays, and memory whose owner has gone. */
#include "tests/graph/world.h"

static struct world w;

static const struct token first = { 0x1111, 0xaaaa }, second = { 0x2222, 0xbbbb },
			  nobodys = { 0x3333, 0xcccc };

static const struct grant *grant(struct physmem *m, bool writable, struct token token)
{
	const struct grant *g = NULL;

	OK(&w, plan_export(&w.p, m, writable, token, &g));
	return g;
}

static struct physmem *import(unsigned int s, struct token token)
{
	uint32_t handle = next_handle(w.s[s]);

	OK(&w, plan_import(&w.p, w.s[s], handle, token));
	return physmem_named(&w, s, handle);
}

static struct res *active_res(unsigned int s, struct device *d, uint64_t len, uint32_t attr)
{
	struct vcm *v = a_vcm(&w, s, 0x100000, 4 * MB);

	activate(&w, an_avcm(&w, v, d, 0));
	return a_res(&w, v, len, attr);
}

START_TEST(a_token_makes_the_same_memory_of_another_user)
{
	struct physmem *m, *theirs;
	uint64_t offset;

	world_init(&w);
	m = a_physmem(&w, ALICE, MEM0, 2 * SZ_4K, VCM_COHERENT);
	grant(m, true, first);
	theirs = import(BOB, first);
	ck_assert_uint_eq(theirs->extents[0].pa.first, m->extents[0].pa.first);
	ck_assert_uint_eq(theirs->len, m->len);
	ck_assert_uint_eq(theirs->memtype, MEM0);
	ck_assert(theirs->writable && theirs->root == m);
	ck_assert(physmem_offset_of(theirs, m->extents[0].pa.first + SZ_4K, &offset));
	ck_assert_uint_eq(offset, SZ_4K);
	PLANS(&w, "", plan_physmem_free(&w.p, theirs));
	world_deinit(&w);
}
END_TEST

START_TEST(a_wrong_token_gives_nothing)
{
	struct token half = { first.where, second.secret };
	struct physmem *m;

	world_init(&w);
	m = a_physmem(&w, ALICE, MEM0, SZ_4K, VCM_COHERENT);
	grant(m, true, first);
	REFUSED(&w, -EACCES, "the token gives no right", plan_import(&w.p, w.s[BOB], 1, nobodys));
	REFUSED(&w, -EACCES, "the token gives no right", plan_import(&w.p, w.s[BOB], 1, half));
	REFUSED(&w, -EINVAL, "needs a handle", plan_import(&w.p, w.s[BOB], 0, first));
	world_deinit(&w);
}
END_TEST

START_TEST(the_same_rights_are_the_same_token)
{
	const struct grant *g;
	struct physmem *m;

	world_init(&w);
	m = a_physmem(&w, ALICE, MEM0, SZ_4K, 0);
	g = grant(m, true, first);
	ck_assert_ptr_eq(grant(m, true, second), g);
	ck_assert_ptr_ne(grant(m, false, second), g);
	ck_assert_uint_eq(w.alice->objects, 16 + 1 + 2); /* handles, physmem, grants */
	world_deinit(&w);
}
END_TEST

START_TEST(a_token_ends_with_its_physmem_or_when_it_is_revoked)
{
	struct physmem *m, *theirs;

	world_init(&w);
	m = a_physmem(&w, ALICE, MEM0, SZ_4K, VCM_COHERENT);
	grant(m, true, first);
	theirs = import(BOB, first);
	OK(&w, plan_revoke(&w.p, m));
	REFUSED(&w, -EACCES, "the token gives no right", plan_import(&w.p, w.s[BOB], 9, first));
	grant(m, true, first);
	grant(theirs, false, second);
	OK(&w, plan_physmem_free(&w.p, m));
	REFUSED(&w, -EACCES, "the token gives no right", plan_import(&w.p, w.s[BOB], 9, first));
	import(ALICE_TOO, second); /* what was imported can be given on */
	world_deinit(&w);
}
END_TEST

START_TEST(users_share_only_what_was_meant_to_be_shared_and_whole)
{
	struct physmem *private, *coherent, *part;

	world_init(&w);
	private = a_physmem(&w, ALICE, MEM0, SZ_4K, 0);
	coherent = a_physmem(&w, ALICE, MEM0, 2 * SZ_4K, VCM_COHERENT);
	part = an_alias(&w, ALICE, coherent->extents[0].pa.first + SZ_4K, SZ_4K);
	grant(private, true, first);
	grant(part, true, second);
	REFUSED(&w, -EACCES, "was not allocated VCM_COHERENT",
		plan_import(&w.p, w.s[BOB], 1, first));
	REFUSED(&w, -EACCES, "a part of another user's memory",
		plan_import(&w.p, w.s[BOB], 1, second));
	ck_assert_uint_eq(import(ALICE_TOO, first)->len, SZ_4K);
	ck_assert_uint_eq(import(ALICE_TOO, second)->extents[0].pa.first,
			  coherent->extents[0].pa.first + SZ_4K);
	world_deinit(&w);
}
END_TEST

START_TEST(a_window_is_not_exported)
{
	const struct grant *g;
	struct physmem *m;

	world_init(&w);
	m = an_alias(&w, ALICE, WINDOW, SZ_4K);
	REFUSED(&w, -EINVAL, "is a window", plan_export(&w.p, m, false, first, &g));
	world_deinit(&w);
}
END_TEST

START_TEST(what_is_imported_to_be_read_backs_nothing_that_is_written)
{
	struct physmem *m, *theirs;
	struct res *rw, *ro;
	const struct grant *g;

	world_init(&w);
	m = a_physmem(&w, ALICE, MEM0, SZ_4K, VCM_COHERENT);
	grant(m, false, first);
	theirs = import(BOB, first);
	rw = active_res(BOB, w.ctx_a, SZ_4K, 0);
	REFUSED(&w, -EACCES, "was imported to be read", plan_res_back(&w.p, rw, theirs));
	ro = active_res(BOB, w.ctx_b, SZ_4K, VCM_READ);
	OK(&w, plan_res_back(&w.p, ro, theirs));
	REFUSED(&w, -EACCES, "was imported to be read",
		plan_res_set_attr(&w.p, ro, VCM_READ | VCM_WRITE));
	REFUSED(&w, -EACCES, "was imported to be read",
		plan_export(&w.p, theirs, true, second, &g));
	grant(theirs, false, second);
	ck_assert(!import(ALICE_TOO, second)->writable);
	world_deinit(&w);
}
END_TEST

/* A device without an IOMMU writes what it reaches. */
START_TEST(what_is_read_is_not_for_a_one_to_one_region)
{
	struct physmem *m, *theirs;
	struct vcm *v;
	struct res *r;

	world_init(&w);
	m = a_physmem(&w, ALICE, MEM0, SZ_64K, VCM_COHERENT | VCM_PHYS_CONT);
	grant(m, false, first);
	theirs = import(BOB, first);
	v = a_vcm(&w, BOB, m->extents[0].pa.first, SZ_64K);
	ck_assert_int_eq(v->type, VCM_ONE_TO_ONE);
	activate(&w, an_avcm(&w, v, w.dma0, 0));
	r = a_res(&w, v, SZ_64K, VCM_READ);
	REFUSED(&w, -EACCES, "was imported to be read", plan_res_back(&w.p, r, theirs));
	grant(m, true, second);
	theirs = import(BOB, second);
	OK(&w, plan_res_back(&w.p, r, theirs));
	world_deinit(&w);
}
END_TEST

START_TEST(an_alias_of_what_is_read_is_read)
{
	struct physmem *m, *alias;

	world_init(&w);
	m = a_physmem(&w, ALICE, MEM0, 2 * SZ_4K, VCM_COHERENT);
	grant(m, false, first);
	import(BOB, first);
	alias = an_alias(&w, BOB, m->extents[0].pa.first, SZ_4K);
	ck_assert(!alias->writable);
	grant(m, true, second);
	import(BOB, second);
	alias = an_alias(&w, BOB, m->extents[0].pa.first, SZ_4K);
	ck_assert(alias->writable);
	world_deinit(&w);
}
END_TEST

START_TEST(all_mappings_have_one_cache_policy_whosever_they_are)
{
	struct physmem *m, *theirs;
	struct res *cached, *plain, *mine;

	world_init(&w);
	m = a_physmem(&w, ALICE, MEM0, SZ_4K, VCM_COHERENT);
	grant(m, true, first);
	theirs = import(BOB, first);
	mine = active_res(ALICE, w.ctx_a, SZ_4K, VCM_WB_WA);
	back(&w, mine, m);
	plain = active_res(BOB, w.ctx_b, SZ_4K, VCM_NOTCACHED);
	REFUSED(&w, -EINVAL, "another session maps the memory", plan_res_back(&w.p, plain, theirs));
	cached = active_res(BOB, w.wide, SZ_4K, VCM_WB_WA);
	back(&w, cached, theirs);
	REFUSED(&w, -EBUSY, "has 2 mappings", plan_res_set_attr(&w.p, mine, VCM_NOTCACHED));
	world_deinit(&w);
}
END_TEST

START_TEST(memory_lives_until_the_last_user)
{
	struct physmem *m, *theirs;
	struct res *r;

	world_init(&w);
	m = a_physmem(&w, ALICE, MEM0, SZ_64K, VCM_COHERENT);
	grant(m, true, first);
	theirs = import(BOB, first);
	r = active_res(BOB, w.ctx_a, SZ_64K, 0);
	back(&w, r, theirs);
	PLANS(&w, "", plan_physmem_free(&w.p, m));
	OK(&w, plan_physmem_free(&w.p, m));
	ck_assert_uint_eq(w.s[ALICE]->bytes, 0);
	ck_assert_uint_eq(res_to_pa(r, r->addr), theirs->extents[0].pa.first);
	OK(&w, plan_res_unback(&w.p, r));
	PLANS(&w, "ARENA_FREE~ 0x44000000+0x10000", plan_physmem_free(&w.p, theirs));
	OK(&w, plan_physmem_free(&w.p, theirs));
	ck_assert_uint_eq(w.pool[MEM0]->used + w.pool[MEM0]->n_arenas, 0);
	world_deinit(&w);
}
END_TEST

START_TEST(the_exporter_ends_before_the_importer_and_the_other_way_round)
{
	struct physmem *m;

	world_init(&w);
	m = a_physmem(&w, ALICE, MEM0, SZ_64K, VCM_COHERENT);
	grant(m, true, first);
	import(BOB, first);
	world_end_session(&w, ALICE);
	ck_assert_uint_eq(w.pool[MEM0]->used, SZ_64K);
	world_end_session(&w, BOB);
	ck_assert_uint_eq(w.pool[MEM0]->used, 0);
	m = a_physmem(&w, ALICE_TOO, MEM0, SZ_64K, VCM_COHERENT);
	ck_assert(m->aliases.n == 0);
	world_deinit(&w);
}
END_TEST

START_TEST(everybody_pays_for_what_it_has)
{
	struct physmem *m, *theirs, *ours;

	world_init(&w);
	m = a_physmem(&w, ALICE, MEM0, SZ_64K, VCM_COHERENT);
	grant(m, true, first);
	ours = import(ALICE_TOO, first);
	ck_assert_uint_eq(w.alice->bytes, SZ_64K);
	theirs = import(BOB, first);
	ck_assert_uint_eq(w.bob->bytes, SZ_64K);
	OK(&w, plan_physmem_free(&w.p, m));
	ck_assert_uint_eq(w.alice->bytes, SZ_64K); /* another session of hers has it */
	grant(theirs, true, second);
	OK(&w, plan_physmem_free(&w.p, ours));
	ck_assert_uint_eq(w.alice->bytes, 0);
	ours = import(ALICE_TOO, second); /* from now on as anybody else */
	ck_assert_uint_eq(w.alice->bytes, SZ_64K);
	OK(&w, plan_physmem_free(&w.p, theirs));
	ck_assert_uint_eq(w.bob->bytes, 0);
	OK(&w, plan_physmem_free(&w.p, ours));
	ck_assert_uint_eq(w.alice->bytes, 0);
	world_deinit(&w);
}
END_TEST

START_TEST(an_import_is_refused_that_cannot_be_paid_for)
{
	struct physmem *m;

	world_init(&w);
	m = a_physmem(&w, ALICE, MEM0, SZ_64K, VCM_COHERENT);
	grant(m, true, first);
	w.bob->limits.bytes = SZ_64K - 1;
	REFUSED(&w, -EDQUOT, "bytes of arenas", plan_import(&w.p, w.s[BOB], 1, first));
	w.bob->limits.bytes = SZ_64K;
	import(BOB, first);
	REFUSED(&w, -EDQUOT, "bytes of arenas",
		plan_physmem_map(&w.p, w.s[BOB], 2, m->extents[0].pa.first, SZ_4K));
	w.bob->limits.objects = w.bob->objects;
	REFUSED(&w, -EDQUOT, "objects", plan_import(&w.p, w.s[BOB], 2, first));
	world_deinit(&w);
}
END_TEST

START_TEST(a_memory_has_so_many_imports_and_no_more)
{
	struct physmem *m;

	world_init(&w);
	m = a_physmem(&w, ALICE, MEM0, SZ_4K, VCM_COHERENT);
	grant(m, true, first);
	world_begin(&w);
	for (uint32_t i = 1; i <= IMPORTS_MAX; i++)
		ck_assert_int_eq(plan_import(&w.p, w.s[ALICE_TOO], i, first), 0);
	world_finish(&w, 0);
	REFUSED(&w, -EDQUOT, "1024 imports",
		plan_import(&w.p, w.s[ALICE_TOO], IMPORTS_MAX + 1, first));
	world_deinit(&w);
}
END_TEST

START_TEST(a_batch_may_share_and_let_go)
{
	const struct grant *g;
	struct physmem *m = NULL;

	world_init(&w);
	world_begin(&w);
	ck_assert_int_eq(plan_physmem_alloc(&w.p, w.s[ALICE], 1, MEM0, SZ_4K, 0, &m), 0);
	ck_assert_int_eq(plan_export(&w.p, m, true, first, &g), 0);
	ck_assert_int_eq(plan_import(&w.p, w.s[ALICE_TOO], 1, first), 0);
	ck_assert_int_eq(plan_physmem_free(&w.p, m), 0);
	ck_assert_int_eq(plan_import(&w.p, w.s[ALICE_TOO], 2, first), -EACCES);
	ck_assert_int_eq(world_finish(&w, -EACCES), -EACCES);
	ck_assert_uint_eq(w.alice->objects, 2 * 16);
	world_begin(&w);
	ck_assert_int_eq(plan_physmem_alloc(&w.p, w.s[ALICE], 1, MEM0, SZ_4K, 0, &m), 0);
	ck_assert_int_eq(plan_export(&w.p, m, true, first, &g), 0);
	ck_assert_int_eq(plan_import(&w.p, w.s[ALICE_TOO], 1, first), 0);
	ck_assert_int_eq(plan_physmem_free(&w.p, m), 0);
	ck_assert_int_eq(plan_physmem_free(&w.p, physmem_named(&w, ALICE_TOO, 1)), 0);
	world_finish(&w, 0);
	ck_assert_uint_eq(w.pool[MEM0]->used, 0);
	world_deinit(&w);
}
END_TEST

START_TEST(scattered_memory_is_shared_as_it_is)
{
	struct physmem *holes[8], *m, *theirs;
	struct range mine, shown;
	uint64_t offset;

	world_init(&w);
	for (size_t i = 0; i < 8; i++)
		holes[i] = a_physmem(&w, ALICE, MEM2, 4 * MB, VCM_COHERENT);
	for (size_t i = 0; i < 8; i += 2)
		OK(&w, plan_physmem_free(&w.p, holes[i]));
	m = a_physmem(&w, ALICE, MEM2, 12 * MB, VCM_COHERENT);
	ck_assert_uint_gt(m->n_extents, 1);
	grant(m, false, first);
	theirs = import(BOB, first);
	for (mine = shown = (struct range){ 0 }; physmem_next_segment(m, mine.first, &mine);) {
		ck_assert(physmem_next_segment(theirs, shown.first, &shown));
		ck_assert(shown.first == mine.first && shown.last == mine.last);
		ck_assert(physmem_offset_of(theirs, shown.last, &offset));
	}
	ck_assert(!physmem_next_segment(theirs, shown.first, &shown));
	OK(&w, plan_physmem_free(&w.p, m));
	ck_assert(physmem_offset_of(theirs, shown.first, &offset));
	world_deinit(&w);
}
END_TEST

START_TEST(without_memory_nothing_has_happened)
{
	const struct grant *g;
	struct physmem *m;

	world_init(&w);
	m = a_physmem(&w, ALICE, MEM0, SZ_4K, VCM_COHERENT);
	STARVED(&w, plan_export(&w.p, m, true, first, &g));
	STARVED(&w, plan_import(&w.p, w.s[BOB], 1, first));
	STARVED(&w, plan_revoke(&w.p, m));
	STARVED(&w, plan_physmem_free(&w.p, m));
	STARVED(&w, plan_physmem_free(&w.p, physmem_named(&w, BOB, 1)));
	world_deinit(&w);
}
END_TEST

SUITE_MAIN("graph-grant", a_token_makes_the_same_memory_of_another_user,
	   a_wrong_token_gives_nothing, the_same_rights_are_the_same_token,
	   a_token_ends_with_its_physmem_or_when_it_is_revoked,
	   users_share_only_what_was_meant_to_be_shared_and_whole, a_window_is_not_exported,
	   what_is_imported_to_be_read_backs_nothing_that_is_written,
	   an_alias_of_what_is_read_is_read, what_is_read_is_not_for_a_one_to_one_region,
	   all_mappings_have_one_cache_policy_whosever_they_are, memory_lives_until_the_last_user,
	   the_exporter_ends_before_the_importer_and_the_other_way_round,
	   everybody_pays_for_what_it_has, an_import_is_refused_that_cannot_be_paid_for,
	   a_memory_has_so_many_imports_and_no_more, a_batch_may_share_and_let_go,
	   scattered_memory_is_shared_as_it_is, without_memory_nothing_has_happened)
