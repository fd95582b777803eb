// SPDX-License-Identifier: BSD-3-Clause
#include "rpmsg/stray.h"

#include "rpmsg/table.h"

bool stray_announced(struct driver *d)
{
	const struct vring *out = &d->rings[RING_OUT];
	struct driver_stray *s = &d->stray;

	s->announced = true;
	s->announced_at = d->rings[RING_IN].used_idx - 1;
	s->used = vring_used(out);
	s->offered = out->published;
	return (uint16_t)(s->used - out->used_idx) > out->n_lent;
}

/* One that has all of our buffers moves by giving one back: to no device more is offered than there are. */
static bool has_all(const struct driver *d)
{
	const struct vring *out = &d->rings[RING_OUT];

	return out->n_lent == out->num &&
	       (uint16_t)(out->avail_idx - d->stray.last[RING_OUT]) == out->num;
}

void stray_doubt(struct driver *d)
{
	struct vring *in = &d->rings[RING_IN], *out = &d->rings[RING_OUT];
	struct driver_stray *s = &d->stray;

	s->seen = in->used_idx;
	s->lives = false;
	s->last[RING_IN] = vring_used(in);
	s->last[RING_OUT] = vring_used(out);
	driver_blank(d);
	vring_show(out, out->avail_idx + !has_all(d));
	driver_nudge(d);
}

/*
 * How many buffers of the ring to us it has taken, in its own count. It has taken all of the other ring. Where both of that
 * are the same, it began with these rings; else with its announcement, if that was its own; else with what was not read.
 */
static uint16_t place(const struct driver *d)
{
	const struct driver_stray *s = &d->stray;
	uint16_t ahead = s->last[RING_OUT] - d->rings[RING_OUT].avail_idx;
	uint16_t taken = s->used - ahead;

	if (ahead == 0)
		return s->last[RING_IN];
	if (s->announced && taken <= s->offered)
		return s->last[RING_IN] - s->announced_at;
	return s->last[RING_IN] - s->seen;
}

static bool has_moved(struct driver *d, enum ring ring)
{
	uint16_t used = vring_used(&d->rings[ring]);
	bool moved = used != d->stray.last[ring];

	d->stray.last[ring] = used;
	d->stray.lives |= moved;
	return moved;
}

enum stray_state stray_settles(struct driver *d)
{
	struct vring *in = &d->rings[RING_IN];
	bool moved = has_moved(d, RING_IN), took = has_moved(d, RING_OUT);
	uint16_t at = place(d);

	if (!d->stray.lives)
		return STRAY_ABSENT;
	if (took)
		return STRAY_MOVES;
	if (!moved && in->avail_idx == at)
		return STRAY_RESTS;
	vring_show(in, at);
	return STRAY_MOVES;
}

/* What it has sent is where it has used it, until the rings say that it is elsewhere. */
bool stray_rejoin(struct driver *d, uint32_t addr, uint32_t *peer)
{
	struct vring *in = &d->rings[RING_IN], *out = &d->rings[RING_OUT];

	if (stray_settles(d) != STRAY_RESTS ||
	    table_status(&d->shared, &d->geometry) != STATUS_NEEDS_RESET)
		return false;
	in->used_idx = d->stray.last[RING_IN];
	*peer = in->avail_idx ? driver_last_peer(d, addr) : RPMSG_ADDR_ANY;
	vring_align(in, in->avail_idx);
	vring_align(out, out->avail_idx);
	d->probed[RING_OUT] = out->avail_idx - 1; /* it has moved */
	return driver_resume(d);
}
