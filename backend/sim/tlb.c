// SPDX-License-Identifier: BSD-3-Clause
#include "backend/sim/tlb.h"

#include <errno.h>
#include <stddef.h>

#include "base/mem.h"

int tlb_init(struct tlb *tlb, unsigned int entries, unsigned int ways)
{
	tlb->entries = mem_zalloc_n(entries, sizeof(*tlb->entries));
	if (!tlb->entries)
		return -ENOMEM;
	tlb->n_sets = entries / ways;
	tlb->n_ways = ways;
	return 0;
}

void tlb_deinit(struct tlb *tlb)
{
	tlb->entries = mem_free(tlb->entries);
}

static struct tlb_entry *set_of(struct tlb *tlb, uint32_t va, unsigned int shift)
{
	return tlb->entries + (size_t)((va >> shift) & (tlb->n_sets - 1)) * tlb->n_ways;
}

static bool covers(const struct translation *t, uint32_t va)
{
	return (t->va ^ va) >> t->shift == 0;
}

static bool answers(const struct tlb_entry *e, uint8_t vmid, uint8_t asid, uint32_t va)
{
	return e->valid && covers(&e->t, va) && e->vmid == vmid && (e->t.global || e->asid == asid);
}

const struct translation *tlb_find(struct tlb *tlb, uint8_t vmid, uint8_t asid, uint32_t va,
				   bool *out_many)
{
	struct tlb_entry *found = NULL;

	*out_many = false;
	for (unsigned int shift = 12; shift <= 24; shift += 4) {
		struct tlb_entry *set = set_of(tlb, va, shift);

		for (unsigned int way = 0; way < tlb->n_ways; way++) {
			if (set[way].t.shift != shift || !answers(&set[way], vmid, asid, va))
				continue;
			if (found)
				*out_many = true;
			found = &set[way];
		}
	}
	if (!found)
		return NULL;
	found->used = ++tlb->clock;
	return &found->t;
}

void tlb_insert(struct tlb *tlb, uint8_t vmid, uint8_t asid, const struct translation *t)
{
	struct tlb_entry *set = set_of(tlb, t->va, t->shift), *victim = set;

	for (unsigned int way = 0; way < tlb->n_ways; way++) {
		if (!set[way].valid) {
			victim = &set[way];
			break;
		}
		if (set[way].used < victim->used)
			victim = &set[way];
	}
	*victim = (struct tlb_entry){
		.valid = true, .vmid = vmid, .asid = asid, .used = ++tlb->clock, .t = *t
	};
}

static bool matches(const struct tlb_entry *e, const struct tlb_match *m)
{
	if (m->by_vmid && e->vmid != m->vmid)
		return false;
	if (m->by_va && !covers(&e->t, m->va))
		return false;
	if (m->by_asid && e->t.global)
		return !m->keep_global;
	return !m->by_asid || e->asid == m->asid;
}

void tlb_invalidate(struct tlb *tlb, const struct tlb_match *match)
{
	size_t n = (size_t)tlb->n_sets * tlb->n_ways;

	for (size_t i = 0; i < n; i++) {
		if (tlb->entries[i].valid && matches(&tlb->entries[i], match))
			tlb->entries[i].valid = false;
	}
}
