// SPDX-License-Identifier: BSD-3-Clause
#include "rpmsg/driver.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "rpmsg/table.h"

#define READY (STATUS_ACK | STATUS_DRIVER | STATUS_DRIVER_OK)

struct header {
	uint32_t src, dst, reserved;
	uint16_t len, flags;
};

_Static_assert(sizeof(struct header) == RPMSG_HEADER, "as on the wire");

static uint64_t da_of(const struct driver *d, enum ring ring, uint32_t id)
{
	return d->shared.da + geometry_buffer(&d->geometry, ring, id);
}

void driver_init(struct driver *d, const struct shared *shared, const struct geometry *geometry,
		 void (*kick)(void *ctx, enum ring ring), void *ctx)
{
	*d = (struct driver){ .shared = *shared, .geometry = *geometry, .kick = kick, .ctx = ctx };
}

static void lend_for_input(struct driver *d, uint32_t id)
{
	vring_post(&d->rings[RING_IN], id, da_of(d, RING_IN, id), d->geometry.buffer_len, true);
}

static void own_all_output(struct driver *d)
{
	d->n_read = 0;
	d->n_free = d->geometry.num;
	for (uint32_t i = 0; i < d->n_free; i++)
		d->free[i] =
			(uint16_t)(d->n_free - 1 - i); /* from the last: the first is sent first */
}

/* The header as the two words that it is: nothing is read again that has just been put together. */
static void write_message(const struct driver *d, uint64_t at, uint32_t src, uint32_t dst,
			  const void *data, size_t len)
{
	shared_put64(&d->shared, at, src | (uint64_t)dst << 32);
	shared_put64(&d->shared, at + 8, (uint64_t)len << 32);
	shared_write(&d->shared, at + RPMSG_HEADER, data, len);
}

/* Who takes more than it is sent, as its index is of other rings, finds messages to nobody there. */
void driver_blank(struct driver *d)
{
	for (uint32_t i = 0; i < d->geometry.num; i++) {
		write_message(d, geometry_buffer(&d->geometry, RING_OUT, i), RPMSG_ADDR_ANY,
			      RPMSG_ADDR_ANY, NULL, 0);
		vring_describe(&d->rings[RING_OUT], i, da_of(d, RING_OUT, i), RPMSG_HEADER, false);
	}
}

static void kick(struct driver *d, enum ring ring)
{
	d->stats.n_kicks++;
	d->kick(d->ctx, ring);
}

void driver_prepare(const struct driver *d)
{
	table_write(&d->shared, &d->geometry);
}

void driver_knock(struct driver *d)
{
	kick(d, RING_IN);
}

void driver_nudge(struct driver *d)
{
	kick(d, RING_OUT);
}

/* As Linux does it: what is on the rings first, then each step of the status. */
void driver_start(struct driver *d)
{
	table_set_status(&d->shared, &d->geometry, STATUS_RESET);
	for (int i = 0; i < N_RINGS; i++)
		vring_init(&d->rings[i], &d->shared, &d->geometry, i);
	driver_blank(d);
	d->stray = (struct driver_stray){ .announced = false };
	vring_set_quiet(&d->rings[RING_OUT], true);
	own_all_output(d);
	table_write(&d->shared, &d->geometry);
	table_set_status(&d->shared, &d->geometry, STATUS_ACK);
	table_set_status(&d->shared, &d->geometry, STATUS_ACK | STATUS_DRIVER);
	table_agree(&d->shared, &d->geometry);
	for (uint32_t i = 0; i < d->geometry.num; i++)
		lend_for_input(d, i);
	vring_publish(&d->rings[RING_IN]);
	table_set_status(&d->shared, &d->geometry, READY);
	d->up = true;
	driver_knock(d);
}

/* There is a free buffer. */
static void post_message(struct driver *d, uint32_t src, uint32_t dst, const void *data, size_t len)
{
	uint32_t id = d->free[--d->n_free];

	write_message(d, geometry_buffer(&d->geometry, RING_OUT, id), src, dst, data, len);
	vring_post(&d->rings[RING_OUT], id, da_of(d, RING_OUT, id), RPMSG_HEADER + (uint32_t)len,
		   false);
}

/* All of ours: what the node has is as it was, and nobody else has written it. */
static bool rings_fit(const struct driver *d)
{
	for (uint32_t i = 0; i < d->geometry.num; i++) {
		uint32_t len = d->geometry.buffer_len;

		if (!vring_says(&d->rings[RING_IN], i, da_of(d, RING_IN, i), len, true))
			return false;
		if (d->rings[RING_OUT].lent[i] &&
		    !vring_says(&d->rings[RING_OUT], i, da_of(d, RING_OUT, i), len, false))
			return false;
	}
	return true;
}

/* The rings as they lie there. */
static bool adopt(struct driver *d)
{
	if (!table_names_rings(&d->shared, &d->geometry))
		return false;
	for (int i = 0; i < N_RINGS; i++)
		if (!vring_resume(&d->rings[i], &d->shared, &d->geometry, i))
			return false;
	d->n_free = d->n_read = 0;
	for (uint32_t i = d->geometry.num; i-- > 0;)
		if (!d->rings[RING_OUT].lent[i])
			d->free[d->n_free++] = (uint16_t)i;
	return rings_fit(d);
}

bool driver_probe(struct driver *d)
{
	if (!adopt(d))
		return false;
	for (int i = 0; i < N_RINGS; i++)
		d->probed[i] = d->rings[i].used_idx;
	if (d->n_free) {
		post_message(d, RPMSG_ADDR_ANY, RPMSG_ADDR_ANY, NULL, 0);
		vring_publish(&d->rings[RING_OUT]);
	}
	kick(d, RING_OUT);
	return true;
}

bool driver_resume(struct driver *d)
{
	if (!adopt(d) || (d->rings[RING_IN].used_idx == d->probed[RING_IN] &&
			  d->rings[RING_OUT].used_idx == d->probed[RING_OUT]))
		return false;
	for (uint32_t i = 0; i < d->geometry.num; i++)
		if (!d->rings[RING_IN].lent[i])
			lend_for_input(d, i);
	d->stray = (struct driver_stray){ .took = d->rings[RING_OUT].used_idx != 0 };
	vring_set_quiet(&d->rings[RING_OUT], true);
	vring_publish(&d->rings[RING_IN]);
	table_set_status(&d->shared, &d->geometry, READY);
	d->up = true;
	driver_knock(d);
	return true;
}

uint32_t driver_last_peer(const struct driver *d, uint32_t dst)
{
	for (uint16_t i = 1; i <= d->geometry.num; i++) {
		struct header h;
		uint32_t id;

		if (!vring_recall(&d->rings[RING_IN], i, &id))
			continue;
		shared_read(&d->shared, geometry_buffer(&d->geometry, RING_IN, id), &h, sizeof(h));
		if (le32toh(h.dst) == dst || le32toh(h.dst) == RPMSG_NS_ADDR)
			return le32toh(h.src);
	}
	return RPMSG_ADDR_ANY;
}

void driver_stop(struct driver *d, bool ask)
{
	d->up = false;
	table_set_status(&d->shared, &d->geometry, ask ? STATUS_NEEDS_RESET : STATUS_RESET);
	kick(d, RING_IN);
}

enum driver_look driver_look(const struct driver *d)
{
	uint8_t status = table_status(&d->shared, &d->geometry);

	if (status == STATUS_RESET)
		return DRIVER_GONE;
	return d->up && status == READY ? DRIVER_FINE : DRIVER_WANTS_RESET;
}

bool driver_is_ours(const struct driver *d)
{
	return table_is_ours(&d->shared, &d->geometry);
}

size_t driver_payload(const struct driver *d)
{
	return d->geometry.buffer_len - RPMSG_HEADER;
}

/* --- in */

/* The other CPU has all of it, and each line takes long to come: so it is asked for before it is needed. */
static void await_work(const struct driver *d)
{
	uint32_t id = vring_await(&d->rings[RING_IN]);

	shared_await(&d->shared, geometry_buffer(&d->geometry, RING_IN, id));
	vring_await_post(&d->rings[RING_IN], id);
	if (!d->n_free)
		return;
	id = d->free[d->n_free - 1];
	shared_await_ours(&d->shared, geometry_buffer(&d->geometry, RING_OUT, id));
	vring_await_post(&d->rings[RING_OUT], id);
}

static enum driver_event read_announcement(const struct driver *d, struct driver_message *out)
{
	uint32_t flags;

	if (!d->geometry.ns || out->len != RPMSG_NS_LEN)
		return DRIVER_DROPPED;
	memcpy(out->name, out->data, RPMSG_NAME);
	out->name[RPMSG_NAME - 1] = 0;
	memcpy(&out->addr, (const uint8_t *)out->data + RPMSG_NAME, 4);
	memcpy(&flags, (const uint8_t *)out->data + RPMSG_NAME + 4, 4);
	out->addr = le32toh(out->addr);
	return le32toh(flags) & RPMSG_NS_DESTROY ? DRIVER_WITHDRAWN : DRIVER_ANNOUNCED;
}

/* What is in d->in is ours alone. used: bytes that the node says it has written. */
static enum driver_event read_message(const struct driver *d, uint32_t used,
				      struct driver_message *out)
{
	const struct header *h = (const struct header *)d->in;

	*out = (struct driver_message){
		.src = le32toh(h->src),
		.dst = le32toh(h->dst),
		.data = d->in + RPMSG_HEADER,
		.len = le16toh(h->len),
	};
	if (out->len > used - RPMSG_HEADER)
		return DRIVER_DROPPED;
	return out->dst == RPMSG_NS_ADDR ? read_announcement(d, out) : DRIVER_MESSAGE;
}

/* The header says how much there is to copy, the copied header says it again, and only that counts. */
static enum driver_event copy_in(struct driver *d, uint32_t id, uint32_t used,
				 struct driver_message *out)
{
	uint64_t at = geometry_buffer(&d->geometry, RING_IN, id);
	uint32_t len;

	if (used < RPMSG_HEADER || used > d->geometry.buffer_len)
		return DRIVER_DROPPED;
	len = RPMSG_HEADER + shared_get16(&d->shared, at + 12);
	shared_read(&d->shared, at, d->in, len < used ? len : used);
	return read_message(d, len < used ? len : used, out);
}

enum driver_event driver_receive(struct driver *d, struct driver_message *out)
{
	enum driver_event event;
	uint32_t id, used;

	if (!d->up)
		return DRIVER_NOTHING;
	switch (vring_take(&d->rings[RING_IN], &id, &used)) {
	case VRING_EMPTY:
		return DRIVER_NOTHING;
	case VRING_BROKEN:
		return DRIVER_BROKEN;
	case VRING_TAKEN:
		break;
	}
	event = copy_in(d, id, used, out);
	d->read[d->n_read++] = (uint16_t)id;
	if (event == DRIVER_DROPPED)
		d->stats.n_dropped++;
	else
		d->stats.n_in++;
	return event;
}

bool driver_has_work(const struct driver *d)
{
	if (!d->up || !vring_has_used(&d->rings[RING_IN]))
		return false;
	await_work(d);
	return true;
}

/* --- out */

/* At most what we have lent: the node cannot keep us here. */
static int take_back(struct driver *d)
{
	uint32_t id, used;

	for (;;) {
		switch (vring_take(&d->rings[RING_OUT], &id, &used)) {
		case VRING_EMPTY:
			return 0;
		case VRING_BROKEN:
			return -EPROTO;
		case VRING_TAKEN:
			d->free[d->n_free++] = (uint16_t)id;
			break;
		}
	}
}

int driver_send(struct driver *d, uint32_t src, uint32_t dst, const void *data, size_t len)
{
	int r;

	if (!d->up)
		return -ENOTCONN;
	if (len > driver_payload(d))
		return -EMSGSIZE;
	r = d->n_free ? 0 : take_back(d);
	if (r < 0)
		return r;
	if (!d->n_free)
		return -EAGAIN;
	post_message(d, src, dst, data, len);
	d->stats.n_out++;
	return 0;
}

int driver_announce(struct driver *d, const char *name, uint32_t addr, bool gone)
{
	struct {
		char name[RPMSG_NAME];
		uint32_t addr, flags;
	} body = { .addr = htole32(addr), .flags = htole32(gone ? RPMSG_NS_DESTROY : 0) };
	size_t len = strlen(name);

	_Static_assert(sizeof(body) == RPMSG_NS_LEN, "as on the wire");
	assert(len < RPMSG_NAME);
	if (!d->geometry.ns)
		return 0;
	memcpy(body.name, name, len); /* zeroes follow */
	return driver_send(d, addr, RPMSG_NS_ADDR, &body, sizeof(body));
}

static bool give_back(struct driver *d)
{
	for (uint32_t i = 0; i < d->n_read; i++)
		lend_for_input(d, d->read[i]);
	d->n_read = 0;
	return vring_publish(&d->rings[RING_IN]);
}

/* What the node waits for comes first. */
void driver_flush(struct driver *d)
{
	bool out = d->up && vring_publish(&d->rings[RING_OUT]);
	bool in = d->up && give_back(d);

	if (!out && !in)
		return;
	shared_barrier();
	if (out && vring_wants_kick(&d->rings[RING_OUT]))
		kick(d, RING_OUT);
	if (in && vring_wants_kick(&d->rings[RING_IN]))
		kick(d, RING_IN);
}

bool driver_want_room(struct driver *d, bool want)
{
	vring_set_quiet(&d->rings[RING_OUT], !want);
	return want && vring_has_used(&d->rings[RING_OUT]);
}

bool driver_set_polled(struct driver *d, bool polled)
{
	vring_set_quiet(&d->rings[RING_IN], polled);
	return !polled && vring_has_used(&d->rings[RING_IN]);
}
