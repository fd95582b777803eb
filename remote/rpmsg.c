// SPDX-License-Identifier: BSD-3-Clause
#include "remote/rpmsg.h"

#include "remote/error.h"
#include "remote/shared.h"

#define HEADER 16u
#define NS_ADDR 53u
#define NS_LEN 40u
#define NS_AT_ADDR 32
#define NS_AT_FLAGS 36
#define NS_DESTROY 1u
/* Of one call: a host that sends without end does not keep us here. */
#define MAX_TURN 64u

struct header {
	uint32_t src, dst;
	uint16_t len;
};

static void cache(const struct vcm_rpmsg *r, enum vcm_cache what, const volatile void *at,
		  size_t len)
{
	if (r->setup.port->cache)
		r->setup.port->cache(r->setup.port->ctx, what, at, len);
}

/* --- sending ------------------------------------------------------------------------------------------------------ */

static int send_to(struct vcm_rpmsg *r, uint32_t dst, const void *payload, size_t len)
{
	struct vcm_buffer b;
	enum vcm_vring_result got = vcm_vring_peek(&r->tx, &b);

	if (got == VCM_VRING_EMPTY)
		return -VCM_EAGAIN;
	if (got == VCM_VRING_BROKEN || b.len < HEADER) {
		vcm_rpmsg_restart(r);
		return -VCM_ENOTCONN;
	}
	if (len > b.len - HEADER || len > UINT16_MAX)
		return -VCM_EMSGSIZE;
	r->tx.taken++;
	vcm_shared_put32(b.at, VCM_RPMSG_ADDR);
	vcm_shared_put32((uint8_t *)b.at + 4, dst);
	vcm_shared_put32((uint8_t *)b.at + 8, 0);
	vcm_shared_put32((uint8_t *)b.at + 12, (uint32_t)len);
	vcm_shared_write((uint8_t *)b.at + HEADER, payload, len);
	cache(r, VCM_CACHE_CLEAN, b.at, HEADER + len);
	vcm_vring_put(&r->tx, b.id, (uint32_t)(HEADER + len));
	vcm_vring_kick(&r->tx);
	return 0;
}

int vcm_rpmsg_send(struct vcm_rpmsg *r, const void *payload, size_t len)
{
	return r->is_up ? send_to(r, r->host_addr, payload, len) : -VCM_ENOTCONN;
}

static void announce(struct vcm_rpmsg *r)
{
	uint8_t message[NS_LEN] = { 0 };
	const char *name = r->setup.name;

	for (size_t i = 0; i < VCM_RPMSG_NAME_LEN - 1 && name[i]; i++)
		message[i] = (uint8_t)name[i];
	message[NS_AT_ADDR] = VCM_RPMSG_ADDR & 0xff;
	message[NS_AT_ADDR + 1] = VCM_RPMSG_ADDR >> 8;
	(void)send_to(r, NS_ADDR, message, sizeof(message));
}

/* --- receiving ---------------------------------------------------------------------------------------------------- */

/* What was sent to where it is not has not been heard. */
static void move_host(struct vcm_rpmsg *r, uint32_t addr)
{
	if (r->host_addr == addr)
		return;
	r->host_addr = addr;
	r->setup.reset(r->setup.ctx, true);
}

/* The host announces where its end is, if it has a name service too. */
static bool take_announcement(struct vcm_rpmsg *r, const volatile uint8_t *at, size_t len)
{
	const char *name = r->setup.name;
	size_t i = 0;

	if (len != NS_LEN || vcm_shared_get32(at + NS_AT_FLAGS) & NS_DESTROY)
		return false;
	while (i < VCM_RPMSG_NAME_LEN - 1 && name[i] && at[i] == (uint8_t)name[i])
		i++;
	if (name[i] || at[i])
		return false;
	move_host(r, vcm_shared_get32(at + NS_AT_ADDR));
	return true;
}

static bool take_message(struct vcm_rpmsg *r, const struct vcm_buffer *b)
{
	const volatile uint8_t *at = b->at;
	struct header h;

	if (b->len < HEADER)
		return false;
	cache(r, VCM_CACHE_INVALIDATE, at, b->len);
	h.src = vcm_shared_get32(at);
	h.dst = vcm_shared_get32(at + 4);
	h.len = vcm_shared_get16(at + 12);
	if (h.len > b->len - HEADER)
		return false;
	if (h.dst == NS_ADDR)
		return take_announcement(r, at + HEADER, h.len);
	if (h.dst != VCM_RPMSG_ADDR)
		return false;
	move_host(r, h.src);
	r->setup.receive(r->setup.ctx, at + HEADER, h.len);
	return true;
}

static uint32_t take_all(struct vcm_rpmsg *r)
{
	enum vcm_vring_result got = VCM_VRING_EMPTY;
	struct vcm_buffer b;
	uint32_t n = 0;

	while (n < MAX_TURN && (got = vcm_vring_take(&r->rx, &b)) == VCM_VRING_TAKEN) {
		if (!take_message(r, &b))
			r->n_dropped++;
		vcm_vring_put(&r->rx, b.id, b.len);
		n++;
	}
	if (n)
		vcm_vring_kick(&r->rx);
	if (got == VCM_VRING_BROKEN)
		vcm_rpmsg_restart(r);
	return n;
}

/* --- up and down -------------------------------------------------------------------------------------------------- */

static void go_down(struct vcm_rpmsg *r, uint8_t status)
{
	bool was_up = r->is_up;

	r->is_up = false;
	if (status != VCM_STATUS_RESET)
		vcm_table_set_status(&r->table, VCM_STATUS_RESET);
	r->setup.port->kick(r->setup.port->ctx, r->table.notify_id);
	if (was_up)
		r->setup.reset(r->setup.ctx, false);
}

void vcm_rpmsg_restart(struct vcm_rpmsg *r)
{
	if (r->is_up)
		go_down(r, VCM_STATUS_UP);
}

/* What the first buffer carries, all of them do: a host has one length for all. */
static bool learn_payload(struct vcm_rpmsg *r)
{
	struct vcm_buffer b;

	if (vcm_vring_peek(&r->tx, &b) != VCM_VRING_TAKEN || b.len <= HEADER)
		return false;
	r->link.payload = b.len - HEADER < UINT16_MAX ? b.len - HEADER : UINT16_MAX;
	return true;
}

static bool open_rings(struct vcm_rpmsg *r)
{
	const struct vcm_port *port = r->setup.port;

	return vcm_vring_init(&r->tx, port, &r->table.rings[VCM_RING_TX], true, r->setup.polled) ==
		       0 &&
	       vcm_vring_init(&r->rx, port, &r->table.rings[VCM_RING_RX], false, r->setup.polled) ==
		       0 &&
	       learn_payload(r);
}

/* The rings are there. A host may say more of itself than we know. */
static bool is_ready(uint8_t status)
{
	return (status & VCM_STATUS_DRIVER_OK) &&
	       !(status & (VCM_STATUS_NEEDS_RESET | VCM_STATUS_FAILED));
}

/* Rings that cannot be are the host's to make anew: it sees that the status is not its own any more. */
static uint32_t go_up(struct vcm_rpmsg *r)
{
	if (!open_rings(r)) {
		go_down(r, VCM_STATUS_UP);
		return 0;
	}
	r->is_up = true;
	r->epoch++;
	r->host_addr = VCM_RPMSG_ADDR;
	if (r->table.has_ns)
		announce(r);
	/* A host that has broken the rings meanwhile is making new ones. */
	if (r->is_up)
		r->setup.reset(r->setup.ctx, true);
	return 1;
}

static uint32_t look_for_host(struct vcm_rpmsg *r)
{
	uint8_t status;

	if (vcm_table_read(&r->table, r->setup.port, r->setup.table, r->setup.table_len) < 0)
		return 0;
	/* Where it is another by now, the host has written the table meanwhile, and rings when it is through. */
	status = r->table.status;
	if (vcm_table_status(&r->table) != status)
		return 0;
	if (r->wants_restart) {
		r->wants_restart = false;
		if (status & VCM_STATUS_DRIVER_OK)
			go_down(r, status);
		return 0;
	}
	/* A host that asks for a reset while we are down waits for the answer all the same. */
	if (status & (VCM_STATUS_NEEDS_RESET | VCM_STATUS_FAILED))
		go_down(r, status);
	return is_ready(status) ? go_up(r) : 0;
}

uint32_t vcm_rpmsg_poll(struct vcm_rpmsg *r)
{
	uint8_t status;

	if (!r->is_up)
		return look_for_host(r);
	status = vcm_table_status(&r->table);
	if (is_ready(status))
		return take_all(r);
	go_down(r, status);
	return 1;
}

/* --- as a link ---------------------------------------------------------------------------------------------------- */

static int link_send(void *ctx, const void *payload, size_t len)
{
	return vcm_rpmsg_send(ctx, payload, len);
}

static int link_run(void *ctx, int wait)
{
	struct vcm_rpmsg *r = ctx;

	if (vcm_rpmsg_poll(r) || !wait)
		return 0;
	return r->setup.port->wait(r->setup.port->ctx);
}

void vcm_rpmsg_init(struct vcm_rpmsg *r, const struct vcm_rpmsg_setup *setup)
{
	*r = (struct vcm_rpmsg){
		.setup = *setup,
		.link = { .send = link_send, .run = link_run, .ctx = r },
		.wants_restart = setup->restart,
	};
}
