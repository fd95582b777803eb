// SPDX-License-Identifier: BSD-3-Clause
#include "tests/graph/world.h"

const struct limits world_limits = { .bytes = GB,
				     .objects = 1 << 20,
				     .sessions = 64,
				     .table_bytes = GB,
				     .arenas = 1 << 16 };

const struct format world_narrow = { .name = "short",
				     .page_sizes = 0x1111000,
				     .va_bits = 32,
				     .split = true };
const struct format world_wide = { .name = "wide", .page_sizes = 0x40201000, .va_bits = 48 };

static struct pool *add_pool(struct world *w, uint32_t memtype, uint64_t first, uint64_t len,
			     uint64_t cont_len, bool secure)
{
	struct range r = { first, first + (len - 1) };
	struct pool *pool = pool_new(w->g, &(struct pool_config){ .memtype = memtype,
								  .ranges = &r,
								  .n_ranges = 1,
								  .cont_len = cont_len,
								  .secure = secure });

	ck_assert_ptr_nonnull(pool);
	return pool;
}

static struct device *add_device(struct world *w, const char *name, enum device_kind kind,
				 const struct format *format)
{
	struct device *d;

	ck_assert_int_eq(
		device_new(w->g,
			   &(struct device_config){ .name = name, .kind = kind, .format = format },
			   &d),
		0);
	return d;
}

static void init_graph(struct world *w)
{
	*w = (struct world){ 0 };
	w->g = graph_new((struct range){ KERNEL, KERNEL + GB - 1 });
	ck_assert_ptr_nonnull(w->g);
}

void world_init(struct world *w)
{
	init_graph(w);
	w->pool[MEM0] = add_pool(w, MEM0, 0x40000000, 256 * MB, 64 * MB, false);
	w->pool[MEM1] = add_pool(w, MEM1, 0x60000000, 64 * MB, 16 * MB, false);
	w->pool[MEM2] = add_pool(w, MEM2, 0x70000000, 32 * MB, 0, false);
	w->pool[MEM_SECURE] = add_pool(w, MEM_SECURE, 0x80000000, 4 * MB, 0, true);
	ck_assert_int_eq(graph_add_window(w->g, (struct range){ WINDOW, WINDOW + MB - 1 }), 0);
	w->cpu = add_device(w, "cpu", DEVICE_CPU, NULL);
	w->dma0 = add_device(w, "dma0", DEVICE_ONE_TO_ONE, NULL);
	w->dma1 = add_device(w, "dma1", DEVICE_ONE_TO_ONE, NULL);
	w->ctx_a = add_device(w, "ctx_a", DEVICE_IOMMU, &world_narrow);
	w->ctx_b = add_device(w, "ctx_b", DEVICE_IOMMU, &world_narrow);
	w->wide = add_device(w, "wide", DEVICE_IOMMU, &world_wide);
	w->alice = user_get(w->g, 1000, &world_limits);
	w->bob = user_get(w->g, 1001, &world_limits);
	ck_assert_int_eq(session_new(w->g, w->alice, &w->s[ALICE], &w->why), 0);
	ck_assert_int_eq(session_new(w->g, w->alice, &w->s[ALICE_TOO], &w->why), 0);
	ck_assert_int_eq(session_new(w->g, w->bob, &w->s[BOB], &w->why), 0);
	graph_check(w->g);
}

void world_init_pool(struct world *w, const struct pool_config *config)
{
	init_graph(w);
	w->pool[config->memtype] = pool_new(w->g, config);
	ck_assert_ptr_nonnull(w->pool[config->memtype]);
	w->alice = user_get(w->g, 1000, &world_limits);
	ck_assert_int_eq(session_new(w->g, w->alice, &w->s[ALICE], &w->why), 0);
	graph_check(w->g);
}

void world_end_session(struct world *w, unsigned int which)
{
	int r;

	do {
		world_begin(w);
		r = plan_reclaim(&w->p, w->s[which], 1000);
		ck_assert_int_ge(r, 0);
		plan_commit(&w->p);
		graph_check(w->g);
	} while (r == 1);
	w->s[which] = session_free(w->s[which]);
}

void world_deinit(struct world *w)
{
	struct user *u;

	for (unsigned int i = 0; i < N_SESSIONS; i++)
		if (w->s[i])
			world_end_session(w, i);
	RB_FOREACH(u, user_tree, &w->g->users) {
		OK(w, plan_evict_user(&w->p, u));
		ck_assert_uint_eq(u->objects, 0);
		ck_assert_uint_eq(u->cached_bytes, 0);
	}
	ck_assert_uint_eq(w->g->n_objects, 0);
	ck_assert_uint_eq(w->g->n_active, 0);
	plan_deinit(&w->p);
	w->g = graph_free(w->g);
}

static void dump_object(FILE *f, const struct object *o)
{
	const struct physmem *m = (const struct physmem *)o;
	const struct bound *b = (const struct bound *)o;
	const struct avcm *a = (const struct avcm *)o;
	const struct vcm *v = (const struct vcm *)o;
	const struct res *r = (const struct res *)o;
	const struct vcm_table *t;

	fprintf(f, " %x %s weight %u:", o->handle, object_kind_name(o->kind), o->weight);
	switch ((enum object_kind)o->kind) {
	case OBJECT_VCM:
		fprintf(f, " type %d %lx-%lx res %zu avcms %u active %u", (int)v->type,
			v->range.first, v->range.last, v->n_res, v->n_avcms, v->n_active);
		if (v->space)
			fprintf(f, " used %lx largest %lx", space_used(v->space),
				space_largest(v->space, SZ_4K));
		TAILQ_FOREACH(t, &v->tables, link)
			fprintf(f, " table %s %u", t->format->name, t->n_avcms);
		break;
	case OBJECT_RES:
		fprintf(f, " vcm %x bound %x %lx+%lx attr %x physmem %x", r->vcm->obj.handle,
			r->bound ? r->bound->obj.handle : 0, r->addr, r->len, r->attr,
			r->physmem ? r->physmem->obj.handle : 0);
		break;
	case OBJECT_BOUND:
		fprintf(f, " vcm %x %lx-%lx res %lu used %lx", b->vcm->obj.handle, b->range.first,
			b->range.last, b->n_res, space_used(b->space));
		break;
	case OBJECT_AVCM:
		fprintf(f, " vcm %x %s attr %x active %d", a->vcm->obj.handle, a->device->name,
			a->attr, a->active);
		break;
	case OBJECT_PHYSMEM:
		fprintf(f, " id %lu len %lx attr %x backings %zu mappings %zu cache %d", m->id,
			m->len, m->attr, m->n_backings, m->n_mappings,
			m->n_mappings ? m->cache : -1);
		fprintf(f, " imports %zu paid %lx %s%s", m->aliases.n_imports, m->paid,
			m->writable ? "" : "read-only ", m->is_import ? "import " : "");
		for (int i = 0; i < 2; i++)
			if (m->grants[i])
				fprintf(f, " grant %d %lx", i, m->grants[i]->token.where);
		for (size_t i = 0; i < m->n_extents; i++)
			fprintf(f, " %lx-%lx", m->extents[i].pa.first, m->extents[i].pa.last);
		break;
	case N_OBJECT_KINDS:
		break;
	}
	fputc('\n', f);
}

static void dump_handles(FILE *f, const struct handles *h)
{
	for (uint32_t i = 0; i < h->limit; i++)
		if (handles_get(h, i))
			dump_object(f, handles_get(h, i));
}

static void dump_pool(FILE *f, const struct pool *pool)
{
	const struct arena *a;

	fprintf(f, "pool %u used %lx high %lx cached %lx arenas %lu free %lx largest %lx %lx\n",
		pool->memtype, pool->used, pool->high_water, pool->cached_bytes, pool->n_arenas,
		pool_free_bytes(pool), pool_largest(pool, SZ_4K), pool_largest_free(pool));
	TAILQ_FOREACH(a, &pool->arenas, link)
		fprintf(f, " arena %u user %u %lx-%lx used %lx room %lx %s%s%s%s%s\n", a->id,
			a->user->uid, a->range.first, a->range.last, a->used,
			a->space ? space_largest(a->space, SZ_4K) : 0, a->sole ? "sole " : "",
			a->cached ? "cached " : "", a->contiguous ? "contiguous " : "",
			a->disowned ? "disowned " : "", a->quarantined ? "quarantined" : "");
}

char *world_dump(struct world *w)
{
	struct extent *e;
	const struct pool *pool;
	struct session *s;
	struct user *u;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	ck_assert_ptr_nonnull(f);
	RB_FOREACH(s, session_tree, &w->g->sessions) {
		fprintf(f, "session %lu bytes %lx active %lu\n", s->id, s->bytes, s->n_active);
		dump_handles(f, &s->client);
		dump_handles(f, &s->broker);
	}
	RB_FOREACH(u, user_tree, &w->g->users)
		fprintf(f, "user %u bytes %lx cached %lx sessions %lu\n", u->uid, u->bytes,
			u->cached_bytes, u->n_sessions);
	TAILQ_FOREACH(pool, &w->g->pools, link)
		dump_pool(f, pool);
	RB_FOREACH(e, extent_tree, &w->g->extents)
		fprintf(f, "extent %lx-%lx%s\n", e->pa.first, e->pa.last,
			e->physmem->orphaned ? " orphan" : "");
	fprintf(f, "kernel %lx active %lu\n", space_used(w->g->kernel), w->g->n_active);
	fclose(f);
	return text;
}

static const char *const step_names[] = {
	[STEP_ARENA_NEW] = "ARENA_NEW",
	[STEP_ARENA_FREE] = "ARENA_FREE",
	[STEP_ZERO] = "ZERO",
	[STEP_TABLE_NEW] = "TABLE_NEW",
	[STEP_TABLE_FREE] = "TABLE_FREE",
	[STEP_MAP] = "MAP",
	[STEP_UNMAP] = "UNMAP",
	[STEP_PROTECT] = "PROTECT",
	[STEP_ACTIVATE] = "ACTIVATE",
	[STEP_DEACTIVATE] = "DEACTIVATE",
	[STEP_REPLACE] = "REPLACE",
};

static void print_step(FILE *f, const struct step *s)
{
	fprintf(f, "%s%s", step_names[s->kind], s->late ? "~" : "");
	switch (s->kind) {
	case STEP_ARENA_NEW:
	case STEP_ARENA_FREE:
		fprintf(f, " %#lx+%#lx", s->arena->range.first, range_len(s->arena->range));
		break;
	case STEP_ZERO:
		fprintf(f, " %#lx+%#lx", s->range.first, range_len(s->range));
		break;
	case STEP_TABLE_NEW:
	case STEP_TABLE_FREE:
		fprintf(f, " %s", s->table->format->name);
		break;
	case STEP_MAP:
	case STEP_UNMAP:
		fprintf(f, " %s %u=%u %#lx+%#lx attr %#x", s->table->format->name,
			s->res->obj.handle, s->physmem->obj.handle, s->range.first,
			range_len(s->range), s->attr);
		break;
	case STEP_PROTECT:
		fprintf(f, " %s %u attr %#x was %#x", s->table->format->name, s->res->obj.handle,
			s->attr, s->old_attr);
		break;
	case STEP_ACTIVATE:
	case STEP_DEACTIVATE:
		fprintf(f, " %u", s->avcm->obj.handle);
		break;
	case STEP_REPLACE:
		fprintf(f, " %u by %u", s->old_avcm->obj.handle, s->avcm->obj.handle);
		break;
	}
}

const char *world_steps(struct world *w)
{
	static char text[8192];
	FILE *f = fmemopen(text, sizeof(text), "w");

	ck_assert_ptr_nonnull(f);
	text[0] = 0;
	for (size_t i = 0; i < w->p.n_steps; i++) {
		fputs(i ? "; " : "", f);
		print_step(f, &w->p.steps[i]);
	}
	fclose(f);
	return text;
}

void world_begin(struct world *w)
{
	w->why.text[0] = 0;
	plan_begin(&w->p, w->g, &w->why);
}

int world_finish(struct world *w, int r)
{
	if (r == 0)
		plan_commit(&w->p);
	else
		plan_abort(&w->p);
	graph_check(w->g);
	return r;
}

void world_undo(struct world *w, char *before)
{
	char *after;

	plan_abort(&w->p);
	graph_check(w->g);
	after = world_dump(w);
	ck_assert_str_eq(before, after);
	free(before);
	free(after);
}

void world_expect_refusal(struct world *w, char *before, int r, int code, const char *word)
{
	ck_assert_msg(r == code, "%d, not %d: %s", r, code, w->why.text);
	ck_assert_msg(strstr(w->why.text, word), "\"%s\" does not say \"%s\"", w->why.text, word);
	world_undo(w, before);
}

bool world_starve(struct world *w, char *before, int r, size_t nth)
{
	if (mem_fail_fired()) {
		ck_assert_msg(r == -ENOMEM, "%d when allocation %zu fails: %s", r, nth,
			      w->why.text);
		ck_assert_msg(strstr(w->why.text, "out of memory"), "%s", w->why.text);
		world_undo(w, before);
		return true;
	}
	ck_assert_msg(r == 0, "%d: %s", r, w->why.text);
	free(before);
	world_finish(w, r);
	return false;
}

uint32_t next_handle(const struct session *s)
{
	return s->client.limit ? s->client.limit : 1;
}

static struct object *named(struct world *w, unsigned int s, uint32_t handle, enum object_kind kind)
{
	struct object *o = session_find(w->s[s], handle, kind, &w->why);

	ck_assert_msg(o != NULL, "%s", w->why.text);
	return o;
}

struct vcm *vcm_named(struct world *w, unsigned int s, uint32_t handle)
{
	return (struct vcm *)named(w, s, handle, OBJECT_VCM);
}

struct physmem *physmem_named(struct world *w, unsigned int s, uint32_t handle)
{
	return (struct physmem *)named(w, s, handle, OBJECT_PHYSMEM);
}

struct avcm *avcm_named(struct world *w, unsigned int s, uint32_t handle)
{
	return (struct avcm *)named(w, s, handle, OBJECT_AVCM);
}

struct vcm *a_vcm(struct world *w, unsigned int s, uint64_t start, uint64_t len)
{
	struct vcm *v = NULL;

	OK(w, plan_vcm_create(&w->p, w->s[s], next_handle(w->s[s]), start, len, &v));
	return v;
}

struct vcm *a_prebuilt(struct world *w, unsigned int s, uint64_t id)
{
	struct vcm *v = NULL;

	OK(w, plan_vcm_prebuilt(&w->p, w->s[s], next_handle(w->s[s]), id, &v));
	return v;
}

void activate(struct world *w, struct avcm *a)
{
	OK(w, plan_avcm_activate(&w->p, a, 0));
}

struct avcm *an_avcm(struct world *w, struct vcm *v, struct device *d, uint32_t attr)
{
	uint32_t handle = next_handle(v->obj.session);

	OK(w, plan_avcm_assoc(&w->p, v, handle, d, attr));
	return (struct avcm *)session_find(v->obj.session, handle, OBJECT_AVCM, NULL);
}

struct res *a_res_at(struct world *w, struct vcm *v, uint64_t addr, uint64_t len, uint32_t attr)
{
	struct res *r = NULL;

	OK(w, plan_res_reserve(&w->p, v, next_handle(v->obj.session), len, attr, addr, &r));
	return r;
}

struct res *a_res(struct world *w, struct vcm *v, uint64_t len, uint32_t attr)
{
	return a_res_at(w, v, 0, len, attr);
}

void many_res(struct world *w, struct vcm *v, uint32_t first, size_t n)
{
	struct res *r;

	world_begin(w);
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(plan_res_reserve(&w->p, v, first + (uint32_t)i, SZ_4K, 0, 0, &r) == 0,
			      "%s", w->why.text);
	world_finish(w, 0);
}

struct bound *a_bound(struct world *w, struct vcm *v, uint64_t len)
{
	struct bound *b = NULL;

	OK(w, plan_bound_create(&w->p, v, next_handle(v->obj.session), len, 0, &b));
	return b;
}

struct physmem *a_physmem(struct world *w, unsigned int s, uint32_t memtype, uint64_t len,
			  uint32_t attr)
{
	struct physmem *m = NULL;

	OK(w, plan_physmem_alloc(&w->p, w->s[s], next_handle(w->s[s]), memtype, len, attr, &m));
	return m;
}

struct physmem *an_alias(struct world *w, unsigned int s, uint64_t pa, uint64_t len)
{
	uint32_t handle = next_handle(w->s[s]);

	OK(w, plan_physmem_map(&w->p, w->s[s], handle, pa, len));
	return physmem_named(w, s, handle);
}

void back(struct world *w, struct res *r, struct physmem *m)
{
	OK(w, plan_res_back(&w->p, r, m));
}
