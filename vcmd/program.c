// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/program.h"

#include <assert.h>
#include <errno.h>
#include <vcm/attr.h>

#include "base/log.h"
#include "base/mem.h"
#include "graph/arena.h"
#include "graph/attr.h"
#include "graph/avcm.h"
#include "graph/physmem.h"
#include "graph/pool.h"
#include "graph/res.h"
#include "graph/user.h"
#include "graph/session.h"
#include "graph/vcm.h"
#include "memory/memory.h"
#include "vcmd/broker.h"
#include "vcmd/config.h"
#include "vcmd/journal.h"
#include "vcmd/loop.h"
#include "vcmd/machine.h"
#include "vcmd/mark.h"
#include "vcmd/pending.h"
#include "vcmd/store.h"

/* What the specification calls -1: the hardware did not do what it was told. */
#define HARDWARE_FAILURE (-1)

static const struct table_ops *ops_of(const struct vcm_table *t)
{
	return ((const struct backend *)t->format->hw)->format;
}

static struct user *user_of(const struct vcm_table *t)
{
	return t->vcm->obj.session->user;
}

static void begin_update(struct vcm_table *t)
{
	if (t->updating)
		return;
	ops_of(t)->update_start(t->hw);
	t->updating = true;
}

/*
 * The user is charged for table memory as it is taken, since what the backend took is known only afterwards; what an unmap
 * leaves is known when the update is done.
 */
static int charge(struct vcm_table *t, struct reason *why)
{
	uint64_t now = t->hw ? ops_of(t)->footprint(t->hw) : 0;
	struct user *u = user_of(t);

	u->table_bytes += now - t->charged;
	t->charged = now;
	if (why && u->table_bytes > u->limits.table_bytes)
		return refuse(why, -EDQUOT,
			      "user %u would have 0x%llx bytes of page tables and may have 0x%llx",
			      u->uid, (unsigned long long)u->table_bytes,
			      (unsigned long long)u->limits.table_bytes);
	return 0;
}

static void quarantine(struct broker *b, const struct step *s);

/* Hardware that forgets nothing: what the steps have unmapped, or mapped in vain, may be in use for ever. */
static void quarantine_of(struct broker *b, const struct plan *p, const struct vcm_table *t)
{
	for (size_t i = 0; i < p->n_steps; i++)
		if (p->steps[i].table == t &&
		    (p->steps[i].kind == STEP_UNMAP || p->steps[i].kind == STEP_MAP))
			quarantine(b, &p->steps[i]);
}

/* Every table that the steps have touched: from here on nothing stale is reachable through it. */
static void end_updates(struct broker *b, struct plan *p)
{
	for (size_t i = 0; i < p->n_steps; i++) {
		struct vcm_table *t = p->steps[i].table;

		if (!t || !t->updating)
			continue;
		t->updating = false;
		if (ops_of(t)->update_done(t->hw) < 0)
			quarantine_of(b, p, t);
		charge(t, NULL);
	}
}

static struct map_attr map_attr(const struct broker *b, const struct vcm_table *t, uint32_t attr,
				const struct physmem *m)
{
	uint32_t access = attr_res_access(attr);
	struct map_attr of = { .read = access & VCM_READ,
			       .write = access & VCM_WRITE,
			       .execute = access & VCM_EXECUTE,
			       .user = access & VCM_USER,
			       .secure = access & VCM_SECURE,
			       .shareable = m->attr & VCM_COHERENT,
			       .cache = attr_res_cache(attr) };

	if (t->format->physical && m->n_extents)
		machine_agree(b->machine, m->extents[0].pa.first, &of);
	return of;
}

/* The blocks that the memory was asked for in; smaller ones where the format has none of these, or the device addresses are
 * not aligned to them. */
static uint64_t sizes_for(const struct vcm_table *t, const struct physmem *m, uint64_t va,
			  const struct extent *e)
{
	uint64_t wanted = attr_phys_sizes(m->attr), sizes = wanted & t->format->page_sizes,
		 smallest = wanted & -wanted;

	if (!sizes || !is_aligned(va | e->pa.first | range_len(e->pa), smallest))
		sizes |= t->format->page_sizes & (smallest - 1);
	return sizes;
}

/* An address that the broker has made up is some other memory's to hardware: it must not reach it. */
static int check_physical(const struct step *s, struct reason *why)
{
	for (size_t i = 0; s->table->format->physical && i < s->physmem->n_extents; i++) {
		const struct arena *a = s->physmem->extents[i].arena;

		if (a && !config_pool_has_bus_addresses(a->pool->hw))
			return refuse(why, -EINVAL,
				      "memory of memtype %u has no address that a device could "
				      "reach: the source of its pool is neither pagemap nor a "
				      "window on memory of the machine's",
				      a->pool->memtype - 1);
	}
	return 0;
}

/* Where the format knows more than that it has no memory, its words are the client's. */
static int refuse_map(const struct step *s, int r, struct reason *why)
{
	const struct table_ops *ops = ops_of(s->table);
	struct reason said = { "" };

	if (ops->explain)
		ops->explain(s->table->hw, &said);
	return refuse(why, r == -EINVAL ? r : -ENOMEM,
		      "reservation %u at 0x%llx cannot be mapped: %.160s", s->res->obj.handle,
		      (unsigned long long)s->range.first,
		      said.text[0] ? said.text :
		      r == -EINVAL ? "its addresses are beyond the table" :
				     "table memory is exhausted");
}

/* The memory may be reached through what is left of a mapping that was to go. */
static int unmap_again(struct broker *b, const struct step *s, uint64_t len)
{
	int r = ops_of(s->table)->unmap(s->table->hw, s->range.first, len);

	if (r < 0)
		quarantine(b, s);
	return r;
}

static int map(struct broker *b, const struct step *s, struct reason *why)
{
	struct vcm_table *t = s->table;
	const struct table_ops *ops = ops_of(t);
	struct map_attr attr = map_attr(b, t, s->attr, s->physmem);
	int r = check_physical(s, why);

	if (r < 0)
		return r;
	begin_update(t);
	for (size_t i = 0; i < s->physmem->n_extents && r == 0; i++) {
		const struct extent *e = &s->physmem->extents[i];
		uint64_t va = s->range.first + e->offset;

		r = ops->map(t->hw, va, e->pa.first, range_len(e->pa),
			     sizes_for(t, s->physmem, va, e), attr);
		if (r == -EIO)
			quarantine(b, s);
		if (r < 0 && i > 0)
			unmap_again(b, s, e->offset);
	}
	if (r < 0)
		return refuse_map(s, r, why);
	r = charge(t, why);
	if (r < 0)
		unmap_again(b, s, range_len(s->range));
	return r;
}

static int unmap(const struct step *s)
{
	begin_update(s->table);
	return ops_of(s->table)->unmap(s->table->hw, s->range.first, range_len(s->range));
}

static void quarantine_arena(struct broker *b, struct arena *a)
{
	arena_quarantine(a);
	b->n_quarantined += range_len(a->range);
	journal_arena(b->journal, a);
}

/* Some device may still reach this memory: it stays out of use for ever, and is counted. */
static void quarantine(struct broker *b, const struct step *s)
{
	const struct physmem *root = s->physmem->root;

	const struct object *vcm = &s->table->vcm->obj;

	log_about(LOG_L_ERROR, LOG_ABOUT(.session = vcm->session->id, .vcm = vcm->handle),
		  "vcm %u: 0x%llx cannot be unmapped: 0x%llx bytes of memory are quarantined",
		  vcm->handle, (unsigned long long)s->range.first, (unsigned long long)root->len);
	for (size_t i = 0; i < root->n_extents; i++) {
		struct arena *a = root->extents[i].arena;

		if (a && !a->quarantined) {
			quarantine_arena(b, a);
		}
	}
}

static int protect(const struct broker *b, const struct step *s, uint32_t attr)
{
	begin_update(s->table);
	return ops_of(s->table)->protect(s->table->hw, s->range.first, range_len(s->range),
					 map_attr(b, s->table, attr, s->physmem));
}

static int hardware(int r)
{
	return r == -EIO ? HARDWARE_FAILURE : r;
}

static enum half half_of(const struct avcm *a)
{
	return a->half.high ? HALF_HIGH : HALF_LOW;
}

static int activate(const struct avcm *a, struct reason *why)
{
	const struct machine_device *hw = a->device->hw;

	return hardware(hw->backend->ops->activate(hw->backend, hw->context, a->table->hw,
						   half_of(a), a->half.split, why));
}

static int deactivate(const struct avcm *a, struct reason *why)
{
	const struct machine_device *hw = a->device->hw;

	return hardware(hw->backend->ops->deactivate(hw->backend, hw->context, half_of(a), why));
}

static int replace(const struct avcm *with, struct reason *why)
{
	const struct machine_device *hw = with->device->hw;

	return hardware(hw->backend->ops->replace(hw->backend, hw->context, with->table->hw,
						  half_of(with), with->half.split, why));
}

static int new_table(struct vcm_table *t, struct reason *why)
{
	const struct backend *backend = t->format->hw;
	int r;

	t->hw = backend->format->new (backend->format_ctx);
	if (!t->hw)
		return refuse(why, -ENOMEM, "table memory is exhausted");
	r = charge(t, why);
	if (r < 0) {
		backend->format->free(t->hw);
		t->hw = NULL;
		charge(t, NULL);
	}
	return r;
}

static void free_table(struct vcm_table *t)
{
	if (t->updating)
		ops_of(t)->update_done(t->hw);
	t->updating = false;
	ops_of(t)->free(t->hw);
	t->hw = NULL;
	charge(t, NULL);
}

static void end_arena(struct broker *b, struct arena *a)
{
	int r = memory_arena_free(b->memory, a->id);

	machine_arena_ended(b->machine, a, r);
	/* A huge page that a client has made a hole in, or kept the kernel from giving back: its user goes on paying. */
	if (r < 0) {
		log_warning("0x%llx bytes at 0x%llx are lost: their user has kept the page",
			    (unsigned long long)range_len(a->range),
			    (unsigned long long)a->range.first);
		quarantine_arena(b, a);
	}
	if (a->stored)
		store_remove(b->store, STORE_ARENA, a->stored);
}

/* Memory that waits for such an arena. */
static int place_ahead(struct broker *b, struct arena *a, struct ahead *ahead, struct reason *why)
{
	int r = memory_arena_place(b->memory, a->id, a->range, ahead->memory, why);

	if (r < 0) {
		memory_unplaced_free(b->memory, ahead->memory);
		if (ahead->stored)
			store_remove(b->store, STORE_ARENA, ahead->stored);
	} else {
		a->stored = ahead->stored;
	}
	mem_free(ahead);
	return r < 0 ? -ENOMEM : 0;
}

/* What the system is short of is the broker's to know; the client is told that there is no memory, and why. */
static int new_arena(struct broker *b, struct arena *a, struct reason *why)
{
	const struct config_pool *pool = a->pool->hw;
	struct ahead *ahead = pending_take(b, a);

	loop_idle_kick(b->chores);
	if (ahead)
		return place_ahead(b, a, ahead, why);
	return memory_arena_new(b->memory, a->id, a->range, pool->source, why) < 0 ? -ENOMEM : 0;
}

/* What earlier steps have unmapped gives back its part of a table with the end of the update only. */
static int map_with_all_there_is(struct broker *b, struct plan *p, const struct step *s,
				 struct reason *why)
{
	int r = map(b, s, why);

	if (r != -ENOMEM)
		return r;
	end_updates(b, p);
	return map(b, s, why);
}

static int run_step(struct broker *b, struct plan *p, const struct step *s, struct reason *why)
{
	switch (s->kind) {
	case STEP_ARENA_NEW:
		return new_arena(b, s->arena, why);
	case STEP_TABLE_NEW:
		return new_table(s->table, why);
	case STEP_MAP:
		return map_with_all_there_is(b, p, s, why);
	case STEP_UNMAP:
		return unmap(s);
	case STEP_PROTECT:
		return protect(b, s, s->attr);
	case STEP_ACTIVATE:
		return activate(s->avcm, why);
	case STEP_DEACTIVATE:
		return deactivate(s->avcm, why);
	case STEP_REPLACE:
		return replace(s->avcm, why);
	case STEP_ARENA_FREE:
	case STEP_ZERO:
	case STEP_TABLE_FREE:
		break;
	}
	assert(!"a late step");
	return -EINVAL;
}

/* The inverse of a step; it takes back what there was room for, and so cannot fail but in hardware. */
static void undo_step(struct broker *b, struct plan *p, const struct step *s)
{
	int r = 0;

	switch (s->kind) {
	case STEP_ARENA_NEW:
		if (!s->arena->quarantined)
			end_arena(b, s->arena);
		break;
	case STEP_TABLE_NEW:
		free_table(s->table);
		break;
	case STEP_MAP:
		r = unmap(s);
		if (r < 0)
			quarantine(b, s);
		break;
	case STEP_UNMAP:
		r = map_with_all_there_is(b, p, s, NULL);
		break;
	case STEP_PROTECT:
		r = protect(b, s, s->old_attr);
		break;
	case STEP_ACTIVATE:
		r = deactivate(s->avcm, NULL);
		break;
	case STEP_DEACTIVATE:
		r = activate(s->avcm, NULL);
		break;
	case STEP_REPLACE:
		r = replace(s->old_avcm, NULL);
		break;
	case STEP_ARENA_FREE:
	case STEP_ZERO:
	case STEP_TABLE_FREE:
		break;
	}
	if (r < 0) {
		mark_stick(machine_mark(b->machine));
		log_error("a failed request could not be taken back on the hardware (%d)", r);
	}
}

static bool is_new(const struct step *s)
{
	return s->kind == STEP_ARENA_NEW || s->kind == STEP_TABLE_NEW;
}

/* What is new ends last: a device may have found it meanwhile, and keep what it found until it is told. */
static void undo_first(struct broker *b, struct plan *p, size_t n)
{
	for (size_t i = n; i-- > 0;)
		if (!p->steps[i].late && !is_new(&p->steps[i]))
			undo_step(b, p, &p->steps[i]);
	end_updates(b, p);
	for (size_t i = n; i-- > 0;)
		if (is_new(&p->steps[i]))
			undo_step(b, p, &p->steps[i]);
	mark_clear(machine_mark(b->machine));
}

static bool is_of_real_hardware(const struct step *s)
{
	struct backend_caps caps = { .simulated = true };
	struct backend *backend = NULL;

	if (s->table)
		backend = s->table->format->hw;
	else if (s->avcm)
		backend = ((struct machine_device *)s->avcm->device->hw)->backend;
	if (backend)
		backend->ops->caps(backend, &caps);
	return !caps.simulated;
}

/*
 * The broker ends, another one follows: memory stays as it is, and hardware goes on. What is simulated ends with the
 * process, and is taken apart.
 */
static bool is_left(const struct broker *b, const struct step *s)
{
	if (!b->leaving)
		return false;
	return s->kind == STEP_ARENA_FREE || s->kind == STEP_ZERO || is_of_real_hardware(s);
}

/* Before the first that a device may see: a request that changes nothing for them leaves no doubt when we die in it. */
static void mark_if_real(struct broker *b, const struct step *s)
{
	if (is_of_real_hardware(s))
		mark_set(machine_mark(b->machine));
}

int program_run(struct broker *b, struct plan *p, struct reason *why)
{
	for (size_t i = 0; i < p->n_steps; i++)
		mark_if_real(b, &p->steps[i]);
	for (size_t i = 0; i < p->n_steps; i++) {
		int r = p->steps[i].late || is_left(b, &p->steps[i]) ?
				0 :
				run_step(b, p, &p->steps[i], why);

		if (r < 0) {
			p->op = p->steps[i].op;
			/* Of several runs some may have their new rights. */
			undo_first(b, p, p->steps[i].kind == STEP_PROTECT ? i + 1 : i);
			return r;
		}
	}
	/* With late steps to come, devices are told once for all, in program_retire(). */
	return 0;
}

void program_undo(struct broker *b, struct plan *p)
{
	undo_first(b, p, p->n_steps);
}

static void free_late(struct broker *b, const struct step *s)
{
	switch (s->kind) {
	case STEP_ARENA_FREE:
		if (s->arena->quarantined) /* an unmap of this very plan has failed */
			break;
		end_arena(b, s->arena);
		loop_idle_kick(b->chores);
		break;
	case STEP_TABLE_FREE:
		free_table(s->table);
		break;
	case STEP_ZERO:
		/* Bytes that cannot be reached cannot be zeroed: then nobody gets them. */
		if (memory_zero(b->memory, s->range.first, range_len(s->range)) < 0) {
			log_error(
				"0x%llx bytes at 0x%llx cannot be zeroed: their arena is quarantined",
				(unsigned long long)range_len(s->range),
				(unsigned long long)s->range.first);
			quarantine_arena(b, s->arena);
		}
		break;
	case STEP_ARENA_NEW:
	case STEP_TABLE_NEW:
	case STEP_MAP:
	case STEP_UNMAP:
	case STEP_PROTECT:
	case STEP_ACTIVATE:
	case STEP_DEACTIVATE:
	case STEP_REPLACE:
		break;
	}
}

void program_retire(struct broker *b, struct plan *p)
{
	for (size_t i = 0; i < p->n_steps; i++) {
		const struct step *s = &p->steps[i];

		if (s->late && s->kind == STEP_UNMAP && !is_left(b, s) && unmap(s) < 0)
			quarantine(b, s);
	}
	end_updates(b, p);
	for (size_t i = 0; i < p->n_steps; i++)
		if (p->steps[i].late && !is_left(b, &p->steps[i]))
			free_late(b, &p->steps[i]);
	mark_clear(machine_mark(b->machine));
}
