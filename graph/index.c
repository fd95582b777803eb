// SPDX-License-Identifier: BSD-3-Clause
#include "graph/index.h"

#include <assert.h>
#include <errno.h>

#include "base/mem.h"
#include "graph/session.h"

/* Level 1 has the pages of 64 KB; each level above has 64 of the level below. */
#define PAGE_BITS 4u
#define SHELF_BITS 6u
#define MAX_SLOTS (1u << SHELF_BITS)

#define MAX_LEVELS 8u

struct shelf {
	uint64_t taken; /* slots with a reservation somewhere below */
	union shelf_slot slots[MAX_SLOTS];
};

/* Level 1. */
struct ledge {
	uint32_t taken;                    /* pages with a reservation */
	uint32_t handles[1u << PAGE_BITS]; /* of those that are taken */
};

static unsigned int n_slots(unsigned int level)
{
	return level == 1 ? 1u << PAGE_BITS : MAX_SLOTS;
}

static size_t shelf_size(unsigned int level)
{
	return level == 1 ? sizeof(struct ledge) : sizeof(struct shelf);
}

/* What a slot of a shelf of that level covers, as bits of an address. */
static unsigned int slot_bits(unsigned int level)
{
	return level == 1 ? PAGE_SHIFT : PAGE_SHIFT + PAGE_BITS + SHELF_BITS * (level - 2);
}

static unsigned int slot_of(unsigned int level, uint64_t addr)
{
	return (unsigned int)(addr >> slot_bits(level)) % n_slots(level);
}

/* Bits of an address inside what the root covers. */
static unsigned int root_bits(const struct res_index *x)
{
	return slot_bits(x->levels + 1);
}

void res_index_init(struct res_index *x, const struct session *session, struct range r,
		    bool shelved)
{
	*x = (struct res_index){ .levels = shelved, .session = session };
	while (shelved && (r.first ^ r.last) >> root_bits(x))
		x->levels++;
	if (shelved)
		x->base = align_down(r.first, UINT64_C(1) << root_bits(x));
}

size_t res_index_entry_size(const struct res_index *x)
{
	return sizeof(struct res) + (x->levels ? 0 : sizeof(*((struct res *)NULL)->by_addr));
}

static bool covers(const struct res_index *x, uint64_t addr)
{
	return (addr ^ x->base) >> root_bits(x) == 0;
}

static bool is_empty(const union shelf_slot *slot, unsigned int level)
{
	return level == 1 ? !slot->ledge->taken : !slot->shelf->taken;
}

static void trim_slot(struct res_index *x, union shelf_slot *slot, unsigned int level)
{
	if (!slot->shelf)
		return;
	for (unsigned int i = 0; level > 1 && i < n_slots(level); i++)
		trim_slot(x, &slot->shelf->slots[i], level - 1);
	if (!is_empty(slot, level))
		return;
	x->footprint -= shelf_size(level);
	slot->shelf = mem_free(slot->shelf);
}

void res_index_trim(struct res_index *x)
{
	if (x->levels)
		trim_slot(x, &x->root, x->levels);
}

void res_index_deinit(struct res_index *x)
{
	res_index_trim(x);
	assert(!x->root.shelf);
}

int res_index_want(struct res_index *x, uint64_t addr)
{
	union shelf_slot *slot = &x->root;

	assert(!x->levels || covers(x, addr));
	for (unsigned int level = x->levels; level > 0; level--) {
		if (!slot->shelf) {
			slot->shelf = mem_zalloc(shelf_size(level));
			if (!slot->shelf)
				return -ENOMEM;
			x->footprint += shelf_size(level);
		}
		__builtin_prefetch(slot->shelf, 1); /* the insert, soon, writes it */
		if (level > 1)
			slot = &slot->shelf->slots[slot_of(level, addr)];
		else
			__builtin_prefetch(&slot->ledge->handles[slot_of(1, addr)], 1);
	}
	return 0;
}

/* A ledge is empty no more, or again: the shelves above it hear of it, as far as it is news to them. */
static void tell_above(struct res_index *x, uint64_t addr, bool taken)
{
	struct shelf *path[MAX_LEVELS + 1];
	const union shelf_slot *slot = &x->root;
	unsigned int level;

	for (level = x->levels; level > 1; level--) {
		path[level] = slot->shelf;
		slot = &slot->shelf->slots[slot_of(level, addr)];
	}
	for (level = 2; level <= x->levels; level++) {
		uint64_t bit = UINT64_C(1) << slot_of(level, addr), was = path[level]->taken;

		path[level]->taken = taken ? was | bit : was & ~bit;
		if (!was == !path[level]->taken)
			break;
	}
}

/* The ledge of a page, which is there: res_index_want() has seen to it. */
static struct ledge *ledge_of(struct res_index *x, uint64_t addr)
{
	const union shelf_slot *slot = &x->root;

	for (unsigned int level = x->levels; level > 1; level--)
		slot = &slot->shelf->slots[slot_of(level, addr)];
	return slot->ledge;
}

void res_index_insert(struct res_index *x, struct res *r)
{
	unsigned int i = slot_of(1, r->addr);
	struct ledge *ledge;

	if (!x->levels) {
		RB_INSERT(res_tree, &x->root.tree, r);
		return;
	}
	r->ledge = ledge = ledge_of(x, r->addr);
	assert(!(ledge->taken >> i & 1));
	if (!ledge->taken)
		tell_above(x, r->addr, true);
	ledge->taken |= UINT32_C(1) << i;
	ledge->handles[i] = r->obj.handle;
}

void res_index_remove(struct res_index *x, struct res *r)
{
	unsigned int i = slot_of(1, r->addr);
	struct ledge *ledge = r->ledge;

	if (!x->levels) {
		RB_REMOVE(res_tree, &x->root.tree, r);
		return;
	}
	assert(ledge->taken >> i & 1 && ledge->handles[i] == r->obj.handle);
	ledge->taken &= ~(UINT32_C(1) << i);
	if (!ledge->taken)
		tell_above(x, r->addr, false);
}

void res_index_near(const struct res_index *x, const struct res *r)
{
	if (!x->levels)
		return;
	__builtin_prefetch(r->ledge, 1);
	__builtin_prefetch(&r->ledge->handles[slot_of(1, r->addr)], 1);
}

/* The reservation in a slot of a ledge that is taken. */
static struct res *res_in(const struct res_index *x, const struct ledge *ledge, unsigned int i)
{
	return (struct res *)session_find(x->session, ledge->handles[i], OBJECT_RES, NULL);
}

static struct res *tree_at(const struct res_tree *tree, uint64_t addr)
{
	struct res *r = RB_ROOT(tree), *found = NULL;

	while (r) {
		if (r->addr == addr)
			found = r;
		r = r->addr < addr ? RB_RIGHT(r, by_addr[0]) : RB_LEFT(r, by_addr[0]);
	}
	return found;
}

struct res *res_index_at(const struct res_index *x, uint64_t addr)
{
	const union shelf_slot *slot = &x->root;
	unsigned int i = slot_of(1, addr);

	if (!x->levels)
		return tree_at(&x->root.tree, addr);
	if (!covers(x, addr) || !is_aligned(addr, PAGE_LEN))
		return NULL;
	for (unsigned int level = x->levels; level > 1 && slot->shelf; level--)
		slot = &slot->shelf->slots[slot_of(level, addr)];
	return slot->ledge && slot->ledge->taken >> i & 1 ? res_in(x, slot->ledge, i) : NULL;
}

static struct res *tree_before(const struct res_tree *tree, uint64_t addr)
{
	struct res *r = RB_ROOT(tree), *found = NULL;

	while (r) {
		if (r->addr <= addr)
			found = r;
		r = r->addr <= addr ? RB_RIGHT(r, by_addr[0]) : RB_LEFT(r, by_addr[0]);
	}
	return found;
}

/* The lowest set bit from `from` on, or the highest up to `to`; MAX_SLOTS when there is none. */
static unsigned int bit_from(uint64_t bits, unsigned int from)
{
	assert(from < MAX_SLOTS);
	bits = bits >> from << from;
	return bits ? (unsigned int)__builtin_ctzll(bits) : MAX_SLOTS;
}

static unsigned int bit_to(uint64_t bits, unsigned int to)
{
	assert(to < MAX_SLOTS);
	bits = bits << (MAX_SLOTS - 1 - to) >> (MAX_SLOTS - 1 - to);
	return bits ? MAX_SLOTS - 1 - (unsigned int)__builtin_clzll(bits) : MAX_SLOTS;
}

static uint64_t taken_of(const union shelf_slot *slot, unsigned int level)
{
	if (!slot->shelf)
		return 0;
	return level == 1 ? slot->ledge->taken : slot->shelf->taken;
}

/* Recursion is as deep as there are levels, and turns back at most once at each. */
static struct res *last_before(const struct res_index *x, const union shelf_slot *slot,
			       unsigned int level, uint64_t addr)
{
	uint64_t taken = taken_of(slot, level);
	unsigned int at = slot_of(level, addr), i = bit_to(taken, at);
	struct res *r = NULL;

	assert(level > 0);
	if (level == 1)
		return i == MAX_SLOTS ? NULL : res_in(x, slot->ledge, i);
	if (i == at) {
		r = last_before(x, &slot->shelf->slots[at], level - 1, addr);
		i = r || !at ? MAX_SLOTS : bit_to(taken, at - 1);
	}
	return i == MAX_SLOTS ? r : last_before(x, &slot->shelf->slots[i], level - 1, UINT64_MAX);
}

struct res *res_index_before(const struct res_index *x, uint64_t addr)
{
	if (!x->levels)
		return tree_before(&x->root.tree, addr);
	if (covers(x, addr))
		return last_before(x, &x->root, x->levels, addr);
	return addr < x->base ? NULL : last_before(x, &x->root, x->levels, UINT64_MAX);
}

static struct res *first_from(const struct res_index *x, const union shelf_slot *slot,
			      unsigned int level, uint64_t addr)
{
	uint64_t taken = taken_of(slot, level);
	unsigned int at = slot_of(level, addr), i = bit_from(taken, at);
	struct res *r = NULL;

	assert(level > 0);
	if (level == 1)
		return i == MAX_SLOTS ? NULL : res_in(x, slot->ledge, i);
	if (i == at) {
		r = first_from(x, &slot->shelf->slots[at], level - 1, addr);
		i = r || at == MAX_SLOTS - 1 ? MAX_SLOTS : bit_from(taken, at + 1);
	}
	return i == MAX_SLOTS ? r : first_from(x, &slot->shelf->slots[i], level - 1, 0);
}

static struct res *tree_first(const struct res_tree *tree)
{
	struct res *r = RB_ROOT(tree);

	while (r && RB_LEFT(r, by_addr[0]))
		r = RB_LEFT(r, by_addr[0]);
	return r;
}

struct res *res_index_next(const struct res_index *x, struct res *r)
{
	if (!x->levels)
		return r ? RB_NEXT(res_tree, NULL, r) : tree_first(&x->root.tree);
	if (!r)
		return first_from(x, &x->root, x->levels, x->base);
	if (!covers(x, r->addr + PAGE_LEN))
		return NULL;
	return first_from(x, &x->root, x->levels, r->addr + PAGE_LEN);
}
