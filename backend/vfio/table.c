// SPDX-License-Identifier: BSD-3-Clause
#include "backend/vfio/table.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>

#include "base/log.h"
#include "base/mem.h"

struct vfio_format {
	struct vfio_memory memory;
	struct reason why; /* what the last map or protect that failed lacked */
	LIST_HEAD(, vfio_table) tables;
	bool left;
};

static int run_cmp(const struct vfio_run *a, const struct vfio_run *b)
{
	return (a->dma.iova > b->dma.iova) - (a->dma.iova < b->dma.iova);
}

RB_GENERATE(vfio_runs, vfio_run, link, run_cmp)

static struct range range_of(const struct vfio_dma *dma)
{
	return (struct range){ dma->iova, dma->iova + (dma->len - 1) };
}

/* The lowest run that meets r. */
static struct vfio_run *first_meeting(struct vfio_table *t, struct range r)
{
	struct vfio_run key = { .dma.iova = r.first }, *run = RB_NFIND(vfio_runs, &t->runs, &key);
	struct vfio_run *before =
		run ? RB_PREV(vfio_runs, &t->runs, run) : RB_MAX(vfio_runs, &t->runs);

	if (before && range_of(&before->dma).last >= r.first)
		return before;
	return run && run->dma.iova <= r.last ? run : NULL;
}

static struct vfio_run *next_meeting(struct vfio_run *run, struct range r)
{
	struct vfio_run *next = RB_NEXT(vfio_runs, &t->runs, run);

	return next && next->dma.iova <= r.last ? next : NULL;
}

const struct vfio_run *vfio_table_find(struct vfio_table *t, uint64_t va)
{
	return first_meeting(t, (struct range){ va, va });
}

static void drop_run(struct vfio_table *t, struct vfio_run *run)
{
	RB_REMOVE(vfio_runs, &t->runs, run);
	t->n_runs--;
	t->len -= run->dma.len;
	mem_free(run);
}

static void drop_runs(struct vfio_table *t, struct range r)
{
	struct vfio_run *run;

	while ((run = first_meeting(t, r)))
		drop_run(t, run);
}

static struct vfio_dma dma_attr(struct map_attr attr)
{
	/* To fetch is to read; the IOMMU does not know one from the other. */
	return (struct vfio_dma){ .read = attr.read || attr.execute || !attr.write,
				  .write = attr.write };
}

/* --- the kernel's part ------------------------------------------------------------------------------------------------ */

static int check_aperture(const struct vfio_container *c, const struct vfio_dma *dma,
			  struct reason *why)
{
	uint64_t smallest = c->info.page_sizes & -c->info.page_sizes;

	if (smallest && !is_aligned(dma->iova | dma->len, smallest))
		return refuse(why, -EINVAL,
			      "the IOMMU of group %u maps blocks of 0x%" PRIx64 " bytes", c->group,
			      smallest);
	for (size_t i = 0; i < c->info.n_apertures; i++)
		if (range_covers(c->info.apertures[i], range_of(dma)))
			return 0;
	if (!c->info.n_apertures)
		return 0;
	return refuse(why, -EINVAL,
		      "the IOMMU of group %u cannot map 0x%" PRIx64 " .. 0x%" PRIx64
		      ": part of it is reserved, or beyond its reach",
		      c->group, dma->iova, range_of(dma).last);
}

static uint64_t entries_left(const struct vfio_container *c)
{
	struct vfio_info info;

	return c->kernel->ops->info(c->kernel->ctx, c->fd, &info) < 0 ? 0 : info.entries_left;
}

/* Which of the kernel's limits was met, and what is left of it. */
static int refuse_map(const struct vfio_container *c, const struct vfio_dma *dma, int err,
		      struct reason *why)
{
	switch (err) {
	case -ENOSPC:
		return refuse(why, err,
			      "group %u has %" PRIu64
			      " kernel mappings left (dma_entry_limit of vfio_iommu_type1)",
			      c->group, entries_left(c));
	case -ENOMEM:
		return refuse(why, err,
			      "the kernel cannot pin 0x%" PRIx64 " bytes for group %u: 0x%" PRIx64
			      " are left (LimitMEMLOCK)",
			      dma->len, c->group, c->kernel->ops->pinnable(c->kernel->ctx));
	default:
		return refuse(why, err,
			      "the kernel does not map 0x%" PRIx64 " for group %u (errno %d)",
			      dma->iova, c->group, -err);
	}
}

/* What the table cannot have is -ENOMEM or -EINVAL to whoever maps; the reason says which limit it was. */
static int container_map(struct vfio_container *c, const struct vfio_dma *dma, struct reason *why)
{
	int r = check_aperture(c, dma, why);

	if (r == 0) {
		r = c->kernel->ops->map(c->kernel->ctx, c->fd, dma);
		if (r < 0)
			refuse_map(c, dma, r, why);
	}
	return r;
}

/* All of [r] that the container has, which may be less than the table says after a protect that failed. */
static int container_unmap(struct vfio_container *c, struct range r)
{
	int64_t n = c->kernel->ops->unmap(c->kernel->ctx, c->fd, r);

	if (n >= 0)
		return 0;
	log_error("vfio: group %u: the kernel does not unmap 0x%" PRIx64 " .. 0x%" PRIx64
		  " (errno %d)",
		  c->group, r.first, r.last, (int)-n);
	return -EIO;
}

static int as_table_error(int r)
{
	return r == -EINVAL ? -EINVAL : -ENOMEM;
}

/* -EIO: it is mapped in some of them, and does not go. */
static int map_everywhere(struct vfio_table *t, const struct vfio_dma *dma)
{
	struct vfio_container *c, *done;

	LIST_FOREACH(c, &t->users, link) {
		int r = container_map(c, dma, &t->format->why);

		if (r == 0)
			continue;
		r = as_table_error(r);
		LIST_FOREACH(done, &t->users, link) {
			if (done == c)
				break;
			if (container_unmap(done, range_of(dma)) < 0)
				r = -EIO;
		}
		return r;
	}
	return 0;
}

static int unmap_everywhere(struct vfio_table *t, struct range r)
{
	struct vfio_container *c;
	int ret = 0;

	LIST_FOREACH(c, &t->users, link)
		if (container_unmap(c, r) < 0)
			ret = -EIO;
	return ret;
}

/* --- the table -------------------------------------------------------------------------------------------------------- */

struct vfio_format *vfio_format_new(const struct vfio_memory *memory)
{
	struct vfio_format *f = mem_new0(struct vfio_format);

	if (!f)
		return NULL;
	f->memory = *memory;
	LIST_INIT(&f->tables);
	return f;
}

static struct table *table_new(void *format_ctx)
{
	struct vfio_table *t = mem_new0(struct vfio_table);

	if (!t)
		return NULL;
	t->format = format_ctx;
	LIST_INSERT_HEAD(&t->format->tables, t, link);
	RB_INIT(&t->runs);
	LIST_INIT(&t->users);
	return (struct table *)(void *)t;
}

static void table_free(struct table *table)
{
	struct vfio_table *t = vfio_table_of(table);

	assert(LIST_EMPTY(&t->users));
	drop_runs(t, (struct range){ 0, UINT64_MAX });
	LIST_REMOVE(t, link);
	mem_free(t);
}

void vfio_format_leave(struct vfio_format *f)
{
	f->left = true;
}

struct vfio_format *vfio_format_free(struct vfio_format *f)
{
	struct vfio_table *t;

	assert(!f || f->left || LIST_EMPTY(&f->tables));
	while (f && (t = LIST_FIRST(&f->tables)))
		table_free((struct table *)(void *)t);
	return mem_free(f);
}

/* As much of it as is one piece of this process' addresses. */
static int add_run(struct vfio_table *t, struct vfio_dma *dma, uint64_t pa)
{
	struct vfio_run *run = mem_new0(struct vfio_run);
	uint64_t len = 0;
	int r = -ENOMEM;

	if (!run)
		return refuse(&t->format->why, r, "the broker is out of memory");
	dma->at = t->format->memory.at(t->format->memory.ctx, pa, dma->len, &len);
	if (!dma->at) {
		mem_free(run);
		return refuse(&t->format->why, -EINVAL,
			      "0x%" PRIx64 " is no memory that the kernel could pin", pa);
	}
	dma->len = len < dma->len ? len : dma->len;
	r = map_everywhere(t, dma);
	if (r < 0 && r != -EIO) {
		mem_free(run);
		return r;
	}
	/* What does not go stays in the list, too: nothing else is mapped there. */
	run->dma = *dma;
	run->pa = pa;
	RB_INSERT(vfio_runs, &t->runs, run);
	t->n_runs++;
	t->len += dma->len;
	return r;
}

/* What a map that has failed had mapped before. */
static int take_back(struct vfio_table *t, struct range done)
{
	if (unmap_everywhere(t, done) < 0)
		return -EIO;
	drop_runs(t, done);
	return 0;
}

static int table_map(struct table *table, uint64_t va, uint64_t pa, uint64_t len,
		     uint64_t sizes _unused_, struct map_attr attr)
{
	struct vfio_table *t = vfio_table_of(table);
	struct range r;
	uint64_t done = 0;

	if (!range_make(va, len, &r) || !is_aligned(va | pa | len, PAGE_LEN) ||
	    r.last >> vfio_table_ops.va_bits)
		return refuse(&t->format->why, -EINVAL, "its addresses are beyond the table");
	if (first_meeting(t, r))
		return refuse(&t->format->why, -EEXIST, "0x%" PRIx64 " is mapped already", va);
	while (done < len) {
		struct vfio_dma dma = dma_attr(attr);
		int ret;

		dma.iova = va + done;
		dma.len = len - done;
		ret = add_run(t, &dma, pa + done);
		if (ret < 0) {
			if (done && take_back(t, (struct range){ va, va + (done - 1) }) < 0)
				ret = -EIO;
			return ret;
		}
		done += dma.len;
	}
	return 0;
}

/* Whether r holds whole runs only. */
static bool is_whole(struct vfio_table *t, struct range r)
{
	const struct vfio_run *first = vfio_table_find(t, r.first),
			      *last = vfio_table_find(t, r.last);

	return (!first || first->dma.iova >= r.first) &&
	       (!last || range_of(&last->dma).last <= r.last);
}

static int table_unmap(struct table *table, uint64_t va, uint64_t len)
{
	struct vfio_table *t = vfio_table_of(table);
	struct range r;

	if (!range_make(va, len, &r) || !is_whole(t, r))
		return -EINVAL;
	if (unmap_everywhere(t, r) < 0)
		return -EIO;
	drop_runs(t, r);
	return 0;
}

/* The old attributes are given back when the new ones cannot be had. */
static int protect_run(struct vfio_table *t, struct vfio_run *run, struct map_attr attr)
{
	struct vfio_dma now = dma_attr(attr);
	int r;

	if (now.read == run->dma.read && now.write == run->dma.write)
		return 0;
	now.iova = run->dma.iova;
	now.len = run->dma.len;
	now.at = run->dma.at;
	if (unmap_everywhere(t, range_of(&now)) < 0)
		return -EIO;
	r = map_everywhere(t, &now);
	if (r == 0)
		run->dma = now;
	else if (map_everywhere(t, &run->dma) < 0)
		log_error("vfio: 0x%" PRIx64 " .. 0x%" PRIx64
			  " cannot be mapped again: devices fault there",
			  now.iova, range_of(&now).last);
	return r;
}

static int table_protect(struct table *table, uint64_t va, uint64_t len, struct map_attr attr)
{
	struct vfio_table *t = vfio_table_of(table);
	struct vfio_run *run;
	struct range r;
	int ret = 0;

	if (!range_make(va, len, &r) || !is_whole(t, r))
		return -EINVAL;
	for (run = first_meeting(t, r); run && ret == 0; run = next_meeting(run, r))
		ret = protect_run(t, run, attr);
	return ret;
}

/* The kernel has forgotten when an unmap returns. */
static void table_update_start(struct table *table _unused_)
{
}

static int table_update_done(struct table *table _unused_)
{
	return 0;
}

static uint64_t table_root(const struct table *table _unused_)
{
	return 0;
}

static uint64_t table_footprint(const struct table *table)
{
	const struct vfio_table *t = (const void *)table;

	return t->n_runs * sizeof(struct vfio_run);
}

static void table_explain(const struct table *table, struct reason *why)
{
	const struct vfio_table *t = (const void *)table;

	reason_write(why, "%s", t->format->why.text);
}

const struct table_ops vfio_table_ops = {
	.name = "vfio",
	.page_sizes = SZ_4K | SZ_64K | SZ_1M | SZ_2M | SZ_16M | (UINT64_C(1) << 30),
	.va_bits = 52,
	.new = table_new,
	.free = table_free,
	.map = table_map,
	.unmap = table_unmap,
	.protect = table_protect,
	.update_start = table_update_start,
	.update_done = table_update_done,
	.root = table_root,
	.footprint = table_footprint,
	.explain = table_explain,
};

/* --- loading and unloading -------------------------------------------------------------------------------------------- */

static int take_over(struct vfio_container *c, const struct vfio_dma *dma, struct reason *why)
{
	int r = c->kernel->ops->take_over(c->kernel->ctx, c->fd, dma);

	if (r == 0)
		return 0;
	/* There is another mapping, or there are several: they go, at the price of a gap. */
	if (r != -ENOENT && container_unmap(c, range_of(dma)) < 0)
		return refuse(why, -EIO,
			      "group %u holds a mapping at 0x%" PRIx64 " that does not go",
			      c->group, dma->iova);
	return container_map(c, dma, why);
}

/* What lies between the runs of the table was somebody's before, and is nobody's now. */
static int sweep(struct vfio_container *c, struct vfio_table *t, struct reason *why)
{
	uint64_t from = 0, end = UINT64_C(1) << vfio_table_ops.va_bits;
	struct vfio_run *run;
	int r = 0;

	RB_FOREACH(run, vfio_runs, &t->runs) {
		if (run->dma.iova > from &&
		    container_unmap(c, (struct range){ from, run->dma.iova - 1 }) < 0)
			r = -EIO;
		from = run->dma.iova + run->dma.len;
	}
	if (from < end && container_unmap(c, (struct range){ from, end - 1 }) < 0)
		r = -EIO;
	return r < 0 ? refuse(why, r, "group %u holds mappings that do not go", c->group) : 0;
}

/*
 * The kernel keeps every mapping meanwhile. It compares addresses and lengths, not memory, nor rights: where these may be
 * others than the table says, and where it hands nothing over, all goes and comes.
 */
static int inherit(struct vfio_container *c, struct reason *why, bool *out_taking)
{
	*out_taking = false;
	if (!c->inherited)
		return 0;
	if (!c->doubtful && c->info.can_take_over) {
		int64_t n = c->kernel->ops->give_up(c->kernel->ctx, c->fd);

		/* -EINVAL: a process that died while it took over has left some given up; the others are mapped anew. */
		*out_taking = n >= 0 || n == -EINVAL;
		if (*out_taking)
			return 0;
	}
	log_notice("vfio: group %u: %s: its mappings are made anew", c->group,
		   c->doubtful ? "the process before this one died while it changed some" :
				 "this kernel does not hand over mappings");
	return vfio_container_clear(c, why);
}

int vfio_container_clear(struct vfio_container *c, struct reason *why)
{
	int64_t n = c->kernel->ops->unmap_all(c->kernel->ctx, c->fd);
	struct range all = { 0, (UINT64_C(1) << vfio_table_ops.va_bits) - 1 };

	if (n == -EINVAL) /* kernels before 5.12 take a range only */
		n = c->kernel->ops->unmap(c->kernel->ctx, c->fd, all);
	if (n < 0)
		return refuse(why, -EIO, "the kernel does not unmap what group %u has (errno %d)",
			      c->group, (int)-n);
	c->inherited = c->doubtful = false;
	return 0;
}

static int check_room(const struct vfio_container *c, const struct vfio_table *t,
		      struct reason *why)
{
	uint64_t left = entries_left(c);

	if (c->inherited || t->n_runs <= left)
		return 0;
	return refuse(why, -ENOSPC,
		      "the vcm is %zu kernel mappings, and group %u has %" PRIu64
		      " left (dma_entry_limit of vfio_iommu_type1)",
		      t->n_runs, c->group, left);
}

static int map_all(struct vfio_container *c, struct vfio_table *t, struct reason *why)
{
	struct vfio_run *run;
	int r = 0;

	RB_FOREACH(run, vfio_runs, &t->runs) {
		r = container_map(c, &run->dma, why);
		if (r < 0)
			break;
	}
	return r;
}

/* What is in the way of the table in a manner that only a clean container mends goes with everything else. */
static int take_all_over(struct vfio_container *c, struct vfio_table *t, struct reason *why)
{
	struct vfio_run *run;
	int r = 0;

	RB_FOREACH(run, vfio_runs, &t->runs) {
		r = take_over(c, &run->dma, why);
		if (r < 0)
			break;
	}
	if (r == 0)
		r = sweep(c, t, why);
	if (r < 0) {
		r = vfio_container_clear(c, why);
		return r < 0 ? r : map_all(c, t, why);
	}
	return 0;
}

int vfio_table_load(struct vfio_container *c, struct vfio_table *t, struct reason *why)
{
	bool taking;
	int r = check_room(c, t, why);

	assert(!c->table);
	if (r == 0)
		r = inherit(c, why, &taking);
	if (r < 0)
		return r;
	r = taking ? take_all_over(c, t, why) : map_all(c, t, why);
	if (r < 0 && vfio_container_clear(c, NULL) == 0)
		return r;
	c->inherited = false;
	vfio_table_keep(c, t);
	return r;
}

void vfio_table_keep(struct vfio_container *c, struct vfio_table *t)
{
	if (c->table)
		LIST_REMOVE(c, link);
	c->table = t;
	LIST_INSERT_HEAD(&t->users, c, link);
}

int vfio_table_unload(struct vfio_container *c, struct reason *why)
{
	int r = vfio_container_clear(c, why);

	if (r < 0)
		return r;
	LIST_REMOVE(c, link);
	c->table = NULL;
	return 0;
}
