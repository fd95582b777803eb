// SPDX-License-Identifier: BSD-3-Clause
#include "tests/graph/world.h"

static struct world w;
static struct vcm *v;

static void setup(void)
{
	world_init(&w);
	v = a_vcm(&w, ALICE, 0x100000, 64 * MB);
	activate(&w, an_avcm(&w, v, w.ctx_a, 0));
}

START_TEST(a_reservation_is_found_by_its_start_and_by_what_it_contains)
{
	struct res *a, *b;

	setup();
	a = a_res(&w, v, 2 * SZ_4K, 0);
	b = a_res(&w, v, 16 * MB, 0);
	ck_assert_ptr_eq(vcm_res_at(v, a->addr), a);
	ck_assert_ptr_eq(vcm_res_at(v, b->addr), b);
	ck_assert_ptr_null(vcm_res_at(v, a->addr + 1));
	ck_assert_ptr_null(vcm_res_at(v, a->addr + SZ_4K));
	ck_assert_ptr_eq(vcm_res_containing(v, a->addr), a);
	ck_assert_ptr_eq(vcm_res_containing(v, a->addr + 2 * SZ_4K - 1), a);
	ck_assert_ptr_null(vcm_res_containing(v, a->addr + 2 * SZ_4K));
	ck_assert_ptr_eq(vcm_res_containing(v, b->addr + 15 * MB), b);
	ck_assert_ptr_null(vcm_res_containing(v, b->addr + 16 * MB));
	ck_assert_ptr_eq(vcm_res_before(v, b->addr - 1), a);
	ck_assert_ptr_eq(vcm_res_before(v, UINT64_MAX), b);
	ck_assert_ptr_null(vcm_res_before(v, a->addr - 1));
	ck_assert_ptr_null(vcm_res_before(v, 0));
	ck_assert_ptr_null(vcm_res_at(v, UINT64_MAX));
	ck_assert_ptr_null(vcm_res_containing(v, UINT64_MAX));
	ck_assert_ptr_null(vcm_res_containing(v, 0));
	world_deinit(&w);
}
END_TEST

START_TEST(reservations_come_in_the_order_of_their_addresses)
{
	struct res *r = NULL, *next;
	uint64_t last = 0;
	size_t n = 0;

	setup();
	ck_assert_ptr_null(vcm_res_next(v, NULL));
	for (int i = 0; i < 50; i++)
		a_res(&w, v, i % 5 ? SZ_4K : SZ_1M, 0);
	while ((next = vcm_res_next(v, r))) {
		ck_assert(!r || next->addr > last);
		last = next->addr;
		r = next;
		n++;
	}
	ck_assert_uint_eq(n, 50);
	world_deinit(&w);
}
END_TEST

START_TEST(an_address_is_walked_to_its_memory)
{
	struct physmem *m;
	struct res *r;

	setup();
	r = a_res(&w, v, SZ_64K, 0);
	ck_assert_uint_eq(res_to_pa(r, r->addr), 0);
	m = a_physmem(&w, ALICE, MEM0, SZ_64K, 0);
	back(&w, r, m);
	ck_assert_uint_eq(res_to_pa(r, r->addr), m->extents[0].pa.first);
	ck_assert_uint_eq(res_to_pa(r, r->addr + 0x1234), m->extents[0].pa.first + 0x1234);
	ck_assert_uint_eq(res_to_pa(r, r->addr + SZ_64K), 0);
	ck_assert_uint_eq(res_to_pa(r, r->addr - 1), 0);
	world_deinit(&w);
}
END_TEST

START_TEST(a_translation_is_the_lowest_address)
{
	struct physmem *m, *alias;
	struct vcm *other;
	struct res *a, *b, *c;
	uint64_t addr, pa;

	setup();
	other = a_vcm(&w, ALICE, 0x80000000, MB);
	a = a_res(&w, v, 2 * SZ_4K, 0);
	b = a_res(&w, v, SZ_4K, 0);
	c = a_res(&w, v, 2 * SZ_4K, 0);
	m = a_physmem(&w, ALICE, MEM0, 2 * SZ_4K, 0);
	pa = m->extents[0].pa.first;
	alias = an_alias(&w, ALICE, pa + SZ_4K, SZ_4K);
	ck_assert_int_eq(vcm_addr_of_pa(w.g, v, pa, &addr), -ENOENT);
	back(&w, c, m);
	ck_assert_int_eq(vcm_addr_of_pa(w.g, v, pa + SZ_4K + 5, &addr), 0);
	ck_assert_uint_eq(addr, c->addr + SZ_4K + 5);
	back(&w, b, alias);
	ck_assert_int_eq(vcm_addr_of_pa(w.g, v, pa + SZ_4K + 5, &addr), 0);
	ck_assert_uint_eq(addr, b->addr + 5); /* through the alias */
	ck_assert_int_eq(vcm_addr_of_pa(w.g, v, pa + 5, &addr), 0);
	ck_assert_uint_eq(addr, c->addr + 5); /* which has not that page */
	back(&w, a, m);
	ck_assert_int_eq(vcm_addr_of_pa(w.g, v, pa + SZ_4K + 5, &addr), 0);
	ck_assert_uint_eq(addr, a->addr + SZ_4K + 5);
	ck_assert_int_eq(vcm_addr_of_pa(w.g, other, pa, &addr), -ENOENT);
	ck_assert_int_eq(vcm_addr_of_pa(w.g, v, 0, &addr), -ENOENT);
	ck_assert_int_eq(vcm_addr_of_pa(w.g, v, UINT64_MAX, &addr), -ENOENT);
	world_deinit(&w);
}
END_TEST

START_TEST(one_to_one_reservations_overlap_and_are_found)
{
	struct physmem *m, *alias;
	struct res *whole, *part;
	struct vcm *one;
	uint64_t pa;

	setup();
	one = a_vcm(&w, ALICE, 0x40000000, 64 * MB);
	activate(&w, an_avcm(&w, one, w.dma0, 0));
	m = a_physmem(&w, ALICE, MEM0, SZ_64K, VCM_PHYS_CONT);
	pa = m->extents[0].pa.first;
	alias = an_alias(&w, ALICE, pa + SZ_4K, SZ_4K);
	part = a_res(&w, one, SZ_4K, 0);
	whole = a_res(&w, one, SZ_64K, 0);
	back(&w, part, alias);
	back(&w, whole, m);
	ck_assert_ptr_eq(vcm_res_containing(one, pa), whole);
	ck_assert_ptr_eq(vcm_res_containing(one, pa + SZ_4K), whole); /* of several, the lowest */
	ck_assert_ptr_eq(vcm_res_at(one, pa + SZ_4K), part);
	ck_assert_ptr_eq(vcm_res_containing(one, pa + SZ_64K - 1), whole);
	ck_assert_ptr_null(vcm_res_containing(one, pa + SZ_64K));
	OK(&w, plan_res_unback(&w.p, whole));
	ck_assert_ptr_null(vcm_res_containing(one, pa));
	ck_assert_ptr_eq(vcm_res_containing(one, pa + SZ_4K), part);
	world_deinit(&w);
}
END_TEST

START_TEST(who_maps_an_address_is_told_once_each)
{
	struct physmem *m, *alias, *window;
	struct res *r[4], *found = NULL;
	struct vcm *of_bob;
	uint64_t pa;
	unsigned int seen = 0;

	setup();
	of_bob = a_vcm(&w, BOB, 0x100000, MB);
	activate(&w, an_avcm(&w, of_bob, w.ctx_b, 0));
	for (int i = 0; i < 3; i++)
		r[i] = a_res(&w, v, i == 2 ? SZ_4K : 2 * SZ_4K, 0);
	m = a_physmem(&w, ALICE, MEM0, 2 * SZ_4K, 0);
	pa = m->extents[0].pa.first;
	alias = an_alias(&w, ALICE, pa, SZ_4K);
	ck_assert_ptr_null(graph_next_res_of_pa(w.g, NULL, pa, NULL));
	back(&w, r[0], m);
	back(&w, r[1], m);
	back(&w, r[2], alias);
	while ((found = graph_next_res_of_pa(w.g, w.s[ALICE], pa, found)))
		for (int i = 0; i < 3; i++)
			seen |= (found == r[i]) << i;
	ck_assert_uint_eq(seen, 7);
	ck_assert_uint_eq(graph_count_res_of_pa(w.g, NULL, pa), 3);
	ck_assert_uint_eq(graph_count_res_of_pa(w.g, NULL, pa + SZ_4K), 2);
	ck_assert_uint_eq(graph_count_res_of_pa(w.g, w.s[BOB], pa), 0);
	ck_assert_uint_eq(graph_count_res_of_pa(w.g, NULL, pa + 2 * SZ_4K), 0);
	ck_assert_uint_eq(graph_count_res_of_pa(w.g, NULL, 0), 0);
	ck_assert_ptr_eq(graph_physmem_of_pa(w.g, pa + SZ_4K), m);
	ck_assert_ptr_null(graph_physmem_of_pa(w.g, pa + 2 * SZ_4K));
	/* What is asked to go on from does not map that address, nor does the one after it. */
	back(&w, a_res(&w, v, SZ_4K, 0), alias);
	ck_assert_ptr_null(graph_next_res_of_pa(w.g, NULL, pa + SZ_4K, r[2]));
	r[3] = a_res(&w, v, SZ_4K, 0);
	ck_assert_ptr_null(graph_next_res_of_pa(w.g, NULL, pa, r[3]));
	/* A window is mapped by many sessions; one's own are told, or all. */
	window = an_alias(&w, ALICE, WINDOW, SZ_4K);
	back(&w, r[3], window);
	window = an_alias(&w, BOB, WINDOW, SZ_64K);
	back(&w, a_res(&w, of_bob, SZ_64K, 0), window);
	ck_assert_uint_eq(graph_count_res_of_pa(w.g, NULL, WINDOW), 2);
	ck_assert_uint_eq(graph_count_res_of_pa(w.g, w.s[ALICE], WINDOW), 1);
	ck_assert_uint_eq(graph_count_res_of_pa(w.g, w.s[BOB], WINDOW + SZ_4K), 1);
	ck_assert_uint_eq(graph_count_res_of_pa(w.g, w.s[ALICE], WINDOW + SZ_4K), 0);
	world_deinit(&w);
}
END_TEST

#define N_MANY 600

/* Aliases of all lengths at all places, of two sessions, come and go; at each page those are told that are over it. */
START_TEST(of_many_aliases_those_over_a_page_are_told)
{
	struct physmem *alias[N_MANY] = { NULL };
	struct range part[N_MANY];
	struct physmem *root;
	uint64_t rng = 88172645463325252;

	setup();
	root = graph_physmem_of_pa(w.g, WINDOW);
	for (int turn = 0; turn < 3 * N_MANY; turn++) {
		int i = turn % N_MANY;

		rng ^= rng << 13, rng ^= rng >> 7, rng ^= rng << 17;
		if (alias[i]) {
			OK(&w, plan_physmem_free(&w.p, alias[i]));
			alias[i] = NULL;
		}
		if (turn > 2 * N_MANY && rng % 3 == 0)
			continue;
		part[i].first = (rng >> 8) % 256 * SZ_4K;
		part[i].last = part[i].first +
			       SZ_4K * (1 + (rng >> 16) % (256 - part[i].first / SZ_4K)) - 1;
		alias[i] = an_alias(&w, i % 3 ? ALICE : BOB, WINDOW + part[i].first,
				    range_len(part[i]));
		if (turn % 97 == 0)
			aliases_check(root);
	}
	for (uint64_t page = 0; page < 256; page++) {
		size_t expect[2] = { 0 }, n[2] = { 0 }, n_all = 0;
		const struct physmem *m = NULL;

		for (int i = 0; i < N_MANY; i++)
			expect[i % 3 == 0] += alias[i] && range_has(part[i], page * SZ_4K);
		while ((m = alias_over(root, w.s[ALICE], page * SZ_4K, m)))
			n[0]++;
		while ((m = alias_over(root, w.s[BOB], page * SZ_4K, m)))
			n[1]++;
		while ((m = alias_over(root, NULL, page * SZ_4K, m)))
			n_all++;
		ck_assert_uint_eq(n[0], expect[0]);
		ck_assert_uint_eq(n[1], expect[1]);
		ck_assert_uint_eq(n_all, expect[0] + expect[1]);
	}
	world_deinit(&w);
}
END_TEST

START_TEST(devices_are_found_by_name_and_number)
{
	struct device *d;

	setup();
	ck_assert_ptr_eq(device_by_name(w.g, "ctx_b"), w.ctx_b);
	ck_assert_ptr_eq(device_by_number(w.g, w.dma1->number), w.dma1);
	ck_assert_ptr_null(device_by_name(w.g, "ctx"));
	ck_assert_ptr_null(device_by_number(w.g, 0));
	ck_assert_ptr_null(device_by_number(w.g, 7));
	ck_assert_int_eq(device_new(w.g, &(struct device_config){ .name = "cpu" }, &d), -EEXIST);
	for (size_t n = 1; n < 3; n++) {
		mem_fail_nth(n);
		ck_assert_int_eq(device_new(w.g, &(struct device_config){ .name = "new" }, &d),
				 -ENOMEM);
		ck_assert_int_eq(mem_fail_fired(), 1);
	}
	ck_assert_ptr_null(device_by_name(w.g, "new"));
	world_deinit(&w);
}
END_TEST

SUITE_MAIN("lookup", a_reservation_is_found_by_its_start_and_by_what_it_contains,
	   reservations_come_in_the_order_of_their_addresses, an_address_is_walked_to_its_memory,
	   a_translation_is_the_lowest_address, one_to_one_reservations_overlap_and_are_found,
	   who_maps_an_address_is_told_once_each, of_many_aliases_those_over_a_page_are_told,
	   devices_are_found_by_name_and_number)
