// SPDX-License-Identifier: BSD-3-Clause
#include "rpmsg/stray.h"

#include "rpmsg/table.h"

/* Whether the message received last came in a buffer other than the next: its sender is elsewhere on the ring. */
static bool is_out_of_step(const struct driver *d)
{
	const struct vring *in = &d->rings[RING_IN];
	uint32_t id;

	return vring_recall(in, 1, &id) && id != vring_next(in, 1);
}

bool stray_announced(struct driver *d)
{
	const struct vring *out = &d->rings[RING_OUT];
	struct driver_stray *s = &d->stray;

	s->used = vring_used(out);
	s->offered = out->published;
	s->in_place_of = s->announced && !s->took && is_out_of_step(d);
	s->anew = s->in_place_of || (uint16_t)(s->used - out->used_idx) > out->n_lent;
	s->announced = true;
	s->announced_at = d->rings[RING_IN].used_idx - 1;
	return s->anew;
}

void stray_heard(struct driver *d)
{
	d->stray.took |= vring_used(&d->rings[RING_OUT]) != 0;
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

/* Where in what was not read the last announcement is: it is the first that its sender has sent. */
static bool find_announcement(const struct driver *d, uint16_t *at)
{
	const struct vring *in = &d->rings[RING_IN];
	uint16_t last = d->stray.last[RING_IN], n = last - d->stray.seen;

	for (uint16_t i = 1; i <= n && i <= in->num; i++) {
		uint32_t id;
		uint64_t buffer;

		*at = last - i;
		if (!vring_recall(in, in->used_idx - *at, &id))
			continue;
		buffer = geometry_buffer(&d->geometry, RING_IN, id);
		if (shared_get32(&d->shared, buffer + 4) == RPMSG_NS_ADDR &&
		    shared_get16(&d->shared, buffer + 12) == RPMSG_NS_LEN)
			return true;
	}
	return false;
}

/* Whether it is who has announced itself: then it had taken all, if that was known of it, or else nothing. */
static bool is_announcer(const struct driver_stray *s, uint16_t ahead)
{
	return s->announced && (uint16_t)(s->used - ahead) == (s->anew ? s->offered : 0);
}

/*
 * How many buffers of the ring to us it has taken, in its own count. It has taken all of the other ring. Where both of that
 * are the same, it began with these rings; else with its announcement, if that was its own; else with what was not read.
 */
static uint16_t place(const struct driver *d)
{
	const struct driver_stray *s = &d->stray;
	uint16_t ahead = s->last[RING_OUT] - d->rings[RING_OUT].avail_idx, at;

	if (ahead == 0 && !s->in_place_of)
		return s->last[RING_IN];
	if (find_announcement(d, &at))
		return s->last[RING_IN] - at;
	return s->last[RING_IN] - (is_announcer(s, ahead) ? s->announced_at : s->seen);
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
