// SPDX-License-Identifier: BSD-3-Clause
#include "rpmsg/vring.h"

#include <assert.h>

#include "rpmsg/wire.h"

#define AT_IDX 2
#define AT_AVAIL 4
#define AVAIL_LEN 2
#define AT_USED 4
#define USED_LEN 8

static void find(struct vring *v, const struct shared *shared, const struct geometry *g,
		 enum ring ring)
{
	uint64_t at = g->rings[ring];

	*v = (struct vring){
		.shared = shared,
		.desc = at,
		.avail = at + (uint64_t)DESC_LEN * g->num,
		.used = at + geometry_used_at(g),
		.num = g->num,
	};
}

void vring_init(struct vring *v, const struct shared *shared, const struct geometry *g,
		enum ring ring)
{
	find(v, shared, g, ring);
	shared_zero(shared, v->avail, geometry_ring_len(g) - (v->avail - v->desc));
}

bool vring_resume(struct vring *v, const struct shared *shared, const struct geometry *g,
		  enum ring ring)
{
	uint16_t n;

	find(v, shared, g, ring);
	v->used_idx = vring_used(v);
	v->avail_idx = v->published = shared_get16(shared, v->avail + AT_IDX);
	v->quiet = shared_get16(shared, v->avail) & RING_F_QUIET;
	n = v->avail_idx - v->used_idx;
	if (n > v->num)
		return false;
	for (; v->n_lent < n; v->n_lent++) {
		uint16_t slot = (v->used_idx + v->n_lent) & (v->num - 1);
		uint16_t id = shared_get16(shared, v->avail + AT_AVAIL + AVAIL_LEN * slot);

		if (id >= v->num || v->lent[id])
			return false;
		v->lent[id] = true;
	}
	return true;
}

bool vring_says(const struct vring *v, uint32_t id, uint64_t da, uint32_t max, bool writable)
{
	uint64_t at = v->desc + (uint64_t)DESC_LEN * id;

	return shared_get32(v->shared, at) == (uint32_t)da &&
	       shared_get32(v->shared, at + 4) == (uint32_t)(da >> 32) &&
	       shared_get32(v->shared, at + 8) <= max &&
	       shared_get16(v->shared, at + 12) == (writable ? DESC_F_WRITE : 0);
}

static void write_desc(const struct vring *v, uint32_t id, uint64_t da, uint32_t len, bool writable)
{
	uint64_t at = v->desc + (uint64_t)DESC_LEN * id;

	shared_put64(v->shared, at, da);
	shared_put32(v->shared, at + 8, len);
	shared_put16(v->shared, at + 12, writable ? DESC_F_WRITE : 0);
	shared_put16(v->shared, at + 14, 0);
}

void vring_post(struct vring *v, uint32_t id, uint64_t da, uint32_t len, bool writable)
{
	uint16_t slot = v->avail_idx++ & (v->num - 1);

	assert(id < v->num && !v->lent[id]);
	write_desc(v, id, da, len, writable);
	shared_put16(v->shared, v->avail + AT_AVAIL + AVAIL_LEN * slot, (uint16_t)id);
	v->lent[id] = true;
	v->n_lent++;
}

void vring_describe(struct vring *v, uint32_t id, uint64_t da, uint32_t len, bool writable)
{
	assert(id < v->num);
	write_desc(v, id, da, len, writable);
	shared_put16(v->shared, v->avail + AT_AVAIL + AVAIL_LEN * id, (uint16_t)id);
}

bool vring_publish(struct vring *v)
{
	if (v->published == v->avail_idx)
		return false;
	shared_release16(v->shared, v->avail + AT_IDX, v->avail_idx);
	v->published = v->avail_idx;
	return true;
}

bool vring_wants_kick(const struct vring *v)
{
	return !(shared_get16(v->shared, v->used) & RING_F_QUIET);
}

uint32_t vring_next(const struct vring *v, uint16_t n)
{
	uint16_t slot = (uint16_t)(v->used_idx - n) & (v->num - 1);

	return shared_get16(v->shared, v->avail + AT_AVAIL + AVAIL_LEN * slot);
}

uint16_t vring_used(const struct vring *v)
{
	return shared_acquire16(v->shared, v->used + AT_IDX);
}

void vring_show(struct vring *v, uint16_t avail_idx)
{
	v->avail_idx = v->published = avail_idx;
	shared_release16(v->shared, v->avail + AT_IDX, avail_idx);
}

/* One that counts by itself is at idx already. */
void vring_align(struct vring *v, uint16_t idx)
{
	vring_show(v, idx);
	v->used_idx = idx;
	if (vring_used(v) != idx)
		shared_release16(v->shared, v->used + AT_IDX, idx);
}

bool vring_has_used(const struct vring *v)
{
	return shared_get16(v->shared, v->used + AT_IDX) != v->used_idx;
}

uint32_t vring_await(const struct vring *v)
{
	uint64_t slot = v->used_idx & (v->num - 1);

	shared_await(v->shared, v->used + AT_USED + USED_LEN * slot);
	return vring_next(v, 0) & (v->num - 1);
}

void vring_await_post(const struct vring *v, uint32_t id)
{
	uint64_t slot = v->avail_idx & (v->num - 1);

	shared_await_ours(v->shared, v->desc + (uint64_t)DESC_LEN * id);
	shared_await_ours(v->shared, v->avail + AT_AVAIL + AVAIL_LEN * slot);
	shared_await_ours(v->shared, v->avail + AT_IDX);
}

enum vring_result vring_take(struct vring *v, uint32_t *id, uint32_t *len)
{
	uint16_t n = vring_used(v) - v->used_idx;
	uint64_t at = v->used + AT_USED + USED_LEN * (v->used_idx & (v->num - 1));

	if (n == 0)
		return VRING_EMPTY;
	if (n > v->n_lent)
		return VRING_BROKEN;
	*id = shared_get32(v->shared, at);
	*len = shared_get32(v->shared, at + 4);
	if (*id >= v->num || !v->lent[*id])
		return VRING_BROKEN;
	v->lent[*id] = false;
	v->n_lent--;
	v->used_idx++;
	return VRING_TAKEN;
}

bool vring_recall(const struct vring *v, uint16_t n, uint32_t *id)
{
	uint16_t slot = (uint16_t)(v->used_idx - n) & (v->num - 1);

	*id = shared_get32(v->shared, v->used + AT_USED + USED_LEN * slot);
	return *id < v->num;
}

/* The line is the device's to read, over and over: it is not written without need. */
void vring_set_quiet(struct vring *v, bool quiet)
{
	if (quiet == v->quiet)
		return;
	v->quiet = quiet;
	shared_put16(v->shared, v->avail, quiet ? RING_F_QUIET : 0);
	shared_barrier();
}
