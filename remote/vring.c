// SPDX-License-Identifier: BSD-3-Clause
#include "remote/vring.h"

#include "remote/barrier.h"
#include "remote/error.h"
#include "remote/shared.h"

#define DESC_LEN 16u
#define DESC_F_NEXT 1u
#define DESC_F_WRITE 2u
#define DESC_F_INDIRECT 4u
#define F_QUIET 1u /* avail: do not ring at the host; used: do not ring at us */
#define AT_FLAGS 0
#define AT_IDX 2
#define AT_RING 4
#define USED_LEN 8u
#define DESC_ALIGN 16u

static void cache(const struct vcm_vring *v, enum vcm_cache what, const volatile void *at,
		  size_t len)
{
	if (v->port->cache)
		v->port->cache(v->port->ctx, what, at, len);
}

int vcm_vring_init(struct vcm_vring *v, const struct vcm_port *port,
		   const struct vcm_table_ring *ring, bool writable, bool quiet)
{
	size_t desc = (size_t)DESC_LEN * ring->num;
	/* Flags, index and the event index, which nobody uses. */
	size_t avail = AT_RING + 2 * ((size_t)ring->num + 1);
	size_t used = (desc + avail + ring->align - 1) & ~((size_t)ring->align - 1);
	uint8_t *base = port->address(port->ctx, ring->da,
				      used + AT_RING + (size_t)USED_LEN * ring->num + 2);

	if (!base || (uintptr_t)base % DESC_ALIGN)
		return -VCM_EFAULT;
	*v = (struct vcm_vring){ .port = port,
				 .desc = base,
				 .avail = base + desc,
				 .used = base + used,
				 .notify_id = ring->notify_id,
				 .num = (uint16_t)ring->num,
				 .writable = writable };
	vcm_shared_put16(v->used + AT_FLAGS, quiet ? F_QUIET : 0);
	cache(v, VCM_CACHE_CLEAN, v->used + AT_FLAGS, 2);
	return 0;
}

/* The id of the next buffer; whether there is one. */
static enum vcm_vring_result next(const struct vcm_vring *v, uint16_t *out_id)
{
	const volatile uint8_t *slot = v->avail + AT_RING + (size_t)2 * (v->taken & (v->num - 1));
	uint16_t n;

	cache(v, VCM_CACHE_INVALIDATE, v->avail + AT_IDX, 2);
	n = (uint16_t)(vcm_shared_get16(v->avail + AT_IDX) - v->taken);
	if (n == 0)
		return VCM_VRING_EMPTY;
	if (n > v->num)
		return VCM_VRING_BROKEN;
	/* What it lent was written before the index. */
	vcm_barrier_acquire();
	cache(v, VCM_CACHE_INVALIDATE, slot, 2);
	*out_id = vcm_shared_get16(slot);
	return *out_id < v->num ? VCM_VRING_TAKEN : VCM_VRING_BROKEN;
}

enum vcm_vring_result vcm_vring_peek(const struct vcm_vring *v, struct vcm_buffer *out)
{
	enum vcm_vring_result r = next(v, &out->id);
	const volatile uint8_t *desc;
	uint16_t flags;

	if (r != VCM_VRING_TAKEN)
		return r;
	desc = v->desc + (size_t)DESC_LEN * out->id;
	cache(v, VCM_CACHE_INVALIDATE, desc, DESC_LEN);
	out->len = vcm_shared_get32(desc + 8);
	flags = vcm_shared_get16(desc + 12);
	if (flags & (DESC_F_NEXT | DESC_F_INDIRECT) || !(flags & DESC_F_WRITE) == v->writable)
		return VCM_VRING_BROKEN;
	out->at = v->port->address(v->port->ctx, vcm_shared_get64(desc), out->len);
	return out->at && (uintptr_t)out->at % 4 == 0 ? VCM_VRING_TAKEN : VCM_VRING_BROKEN;
}

enum vcm_vring_result vcm_vring_take(struct vcm_vring *v, struct vcm_buffer *out)
{
	enum vcm_vring_result r = vcm_vring_peek(v, out);

	if (r == VCM_VRING_TAKEN)
		v->taken++;
	return r;
}

void vcm_vring_put(struct vcm_vring *v, uint16_t id, uint32_t len)
{
	volatile uint8_t *slot = v->used + AT_RING + (size_t)USED_LEN * (v->given & (v->num - 1));

	vcm_shared_put32(slot, id);
	vcm_shared_put32(slot + 4, len);
	cache(v, VCM_CACHE_CLEAN, slot, USED_LEN);
	/* The buffer and its entry are seen before the index. */
	vcm_barrier_release();
	vcm_shared_put16(v->used + AT_IDX, ++v->given);
	cache(v, VCM_CACHE_CLEAN, v->used + AT_IDX, 2);
}

void vcm_vring_kick(const struct vcm_vring *v)
{
	/* A host that goes to sleep clears the flag, then looks at the index; we do it the other way round. */
	vcm_barrier_full();
	cache(v, VCM_CACHE_INVALIDATE, v->avail + AT_FLAGS, 2);
	if (!(vcm_shared_get16(v->avail + AT_FLAGS) & F_QUIET))
		v->port->kick(v->port->ctx, v->notify_id);
}
