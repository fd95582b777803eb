// SPDX-License-Identifier: BSD-3-Clause
#include "graph/plan.h"

#include <assert.h>
#include <errno.h>

#include "base/mem.h"
#include "graph/arena.h"
#include "graph/attr.h"
#include "graph/avcm.h"
#include "graph/bound.h"
#include "graph/grant.h"
#include "graph/graph.h"
#include "graph/physmem.h"
#include "graph/pool.h"
#include "graph/res.h"
#include "graph/vcm.h"

#define ENTRIES_A_US 32

void plan_deinit(struct plan *p)
{
	assert(!p->open);
	mem_free(p->steps);
	mem_free(p->changes);
	*p = PLAN_NULL;
}

void plan_begin(struct plan *p, struct graph *g, struct reason *why)
{
	assert(!p->open);
	p->graph = g;
	p->why = why;
	p->n_steps = 0;
	p->n_changes = 0;
	p->work_before = g->work;
	p->keeping = 0;
	p->op = 0;
	p->open = true;
}

int plan_check_work(const struct plan *p)
{
	if (p->graph->work - p->work_before <= PLAN_WORK_MAX)
		return 0;
	return refuse(
		p->why, -E2BIG,
		"the operations of this request map, clone or look through too much together: "
		"send them in several");
}

static int grow(void **array, size_t *cap, size_t need, size_t size)
{
	size_t n = *cap ? *cap : 16;
	void *bigger;

	if (need <= *cap)
		return 0;
	while (n < need)
		n *= 2;
	bigger = mem_realloc_n(*array, n, size);
	if (!bigger)
		return -ENOMEM;
	*array = bigger;
	*cap = n;
	return 0;
}

int plan_want(struct plan *p, size_t n_changes, size_t n_steps)
{
	if (grow((void **)&p->changes, &p->cap_changes, p->n_changes + n_changes,
		 sizeof(*p->changes)) < 0 ||
	    grow((void **)&p->steps, &p->cap_steps, p->n_steps + n_steps, sizeof(*p->steps)) < 0)
		return refuse(p->why, -ENOMEM, "the broker is out of memory");
	return 0;
}

void plan_change(struct plan *p, enum change_kind kind, void *object, struct physmem *physmem,
		 uint64_t value)
{
	assert(p->n_changes < p->cap_changes);
	p->changes[p->n_changes++] = (struct change){ kind, object, physmem, value };
}

/* A map over addresses that an earlier step of the plan is to unmap: that unmap must come first. */
static void bring_unmaps_forward(struct plan *p, const struct step *map)
{
	for (size_t i = 0; i < p->n_steps; i++) {
		struct step *s = &p->steps[i];

		if (s->kind == STEP_UNMAP && s->table == map->table &&
		    range_meets(s->range, map->range))
			s->late = false;
	}
}

/* An entry of a table takes some 20 ns; a run may be a call of the kernel. */
static uint64_t work_of(const struct step *s)
{
	uint64_t wanted = attr_phys_sizes(s->physmem->attr), largest = SZ_16M;

	while (!(wanted & largest))
		largest /= 2;
	return s->physmem->n_extents + range_len(s->range) / largest / ENTRIES_A_US;
}

void plan_step(struct plan *p, const struct step *step)
{
	assert(p->n_steps < p->cap_steps);
	if (step->kind == STEP_MAP && p->n_unmaps)
		bring_unmaps_forward(p, step);
	p->n_unmaps += step->kind == STEP_UNMAP;
	if (step->kind == STEP_MAP || step->kind == STEP_UNMAP || step->kind == STEP_PROTECT)
		p->graph->work += work_of(step);
	p->steps[p->n_steps] = *step;
	p->steps[p->n_steps++].op = p->op;
}

/* An unusually large plan does not keep its memory for ever. */
static void close_plan(struct plan *p)
{
	struct vcm *v, *next;

	LIST_FOREACH_SAFE(v, &p->grown, grown_link, next)
		vcm_trim(v);
	p->open = false;
	p->n_unmaps = 0;
	if (p->cap_changes > PLAN_KEEP) {
		p->changes = mem_free(p->changes);
		p->cap_changes = 0;
	}
	if (p->cap_steps > PLAN_KEEP) {
		p->steps = mem_free(p->steps);
		p->cap_steps = 0;
	}
}

static void undo(const struct change *c)
{
	switch (c->kind) {
	case CHANGE_VCM_NEW:
		vcm_unlink(c->object);
		vcm_destroy(c->object);
		break;
	case CHANGE_VCM_GONE:
		vcm_link(c->object);
		break;
	case CHANGE_RES_NEW:
		res_unlink(c->object);
		res_yield(c->object);
		res_destroy(c->object);
		break;
	case CHANGE_RES_GONE:
		res_claim(c->object);
		res_link(c->object);
		break;
	case CHANGE_BOUND_NEW:
		bound_unlink(c->object);
		bound_destroy(c->object);
		break;
	case CHANGE_BOUND_GONE:
		bound_link(c->object);
		break;
	case CHANGE_AVCM_NEW:
		avcm_unlink(c->object);
		avcm_destroy(c->object);
		break;
	case CHANGE_AVCM_GONE:
		avcm_link(c->object);
		break;
	case CHANGE_PHYSMEM_NEW:
		physmem_unlink(c->object);
		physmem_release(c->object);
		physmem_destroy(c->object);
		break;
	case CHANGE_PHYSMEM_GONE:
		physmem_unleave(c->object);
		physmem_link(c->object);
		break;
	case CHANGE_PHYSMEM_ORPHANED:
		physmem_unorphan(c->object);
		break;
	case CHANGE_GRANT_NEW:
		grant_unlink(c->object);
		grant_destroy(c->object);
		break;
	case CHANGE_GRANT_GONE:
		grant_link(c->object);
		break;
	case CHANGE_TABLE_NEW:
		vcm_table_unlink(c->object);
		mem_free(c->object);
		break;
	case CHANGE_TABLE_GONE:
		vcm_table_link(c->object);
		break;
	case CHANGE_ARENA_NEW:
		arena_end(c->object);
		break;
	case CHANGE_ARENA_REVIVED:
		arena_keep(c->object);
		break;
	case CHANGE_ARENA_GONE:
		arena_reopen(c->object);
		break;
	case CHANGE_BACKED:
		res_detach(c->object);
		res_move(c->object, c->value);
		break;
	case CHANGE_UNBACKED:
		res_move(c->object, c->value);
		res_attach(c->object, c->physmem);
		break;
	case CHANGE_RES_ATTR:
		res_retype(c->object, (uint32_t)c->value);
		break;
	case CHANGE_AVCM_ATTR:
		avcm_retype(c->object, (uint32_t)c->value);
		break;
	case CHANGE_ACTIVE:
		avcm_set_active(c->object, false);
		break;
	case CHANGE_INACTIVE:
		avcm_set_active(c->object, true);
		break;
	}
}

static void finish_physmem(struct physmem *m)
{
	physmem_unleave(m);
	physmem_release(m);
	physmem_keep_empty(m);
	if (m->root != m)
		physmem_settle_payer(m->root);
	physmem_destroy(m);
}

static void finish(const struct change *c)
{
	switch (c->kind) {
	case CHANGE_VCM_GONE:
		vcm_destroy(c->object);
		break;
	case CHANGE_RES_GONE:
		res_destroy(c->object);
		break;
	case CHANGE_AVCM_GONE:
		avcm_destroy(c->object);
		break;
	case CHANGE_TABLE_GONE:
		mem_free(c->object);
		break;
	case CHANGE_BOUND_GONE:
		bound_destroy(c->object);
		break;
	case CHANGE_PHYSMEM_NEW:
		physmem_settle(c->object);
		break;
	case CHANGE_PHYSMEM_GONE:
		finish_physmem(c->object);
		break;
	case CHANGE_PHYSMEM_ORPHANED:
		physmem_leave_owner(c->object);
		physmem_settle_payer(c->object);
		break;
	case CHANGE_GRANT_GONE:
		grant_destroy(c->object);
		break;
	case CHANGE_ARENA_GONE:
		arena_end(c->object);
		break;
	case CHANGE_VCM_NEW:
	case CHANGE_RES_NEW:
	case CHANGE_BOUND_NEW:
	case CHANGE_AVCM_NEW:
	case CHANGE_TABLE_NEW:
	case CHANGE_GRANT_NEW:
	case CHANGE_ARENA_NEW:
	case CHANGE_ARENA_REVIVED:
	case CHANGE_BACKED:
	case CHANGE_UNBACKED:
	case CHANGE_RES_ATTR:
	case CHANGE_AVCM_ATTR:
	case CHANGE_ACTIVE:
	case CHANGE_INACTIVE:
		break;
	}
}

void plan_commit(struct plan *p)
{
	assert(p->open);
	for (size_t i = 0; i < p->n_changes; i++)
		finish(&p->changes[i]);
	close_plan(p);
}

void plan_abort(struct plan *p)
{
	assert(p->open);
	while (p->n_changes)
		undo(&p->changes[--p->n_changes]);
	close_plan(p);
}
