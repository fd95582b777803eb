// SPDX-License-Identifier: BSD-3-Clause
#include "tests/remote/host.h"

#include <stdlib.h>
#include <string.h>

#include "base/reason.h"
#include "remote/error.h"
#include "rpmsg/table.h"
#include "tests/suite.h"

/* --- the node's board --------------------------------------------------------------------------------------------- */

static void kick(void *ctx, uint32_t notify_id _unused_)
{
	((struct host *)ctx)->n_node_kicks++;
}

static int wait(void *ctx)
{
	struct host *h = ctx;

	h->n_waits++;
	return host_turn(h) ? 0 : -VCM_ETIMEDOUT;
}

static void cache(void *ctx, enum vcm_cache what, const volatile void *at, size_t len)
{
	struct host *h = ctx;
	const volatile uint8_t *from = at;

	ck_assert(from >= h->window && from + len <= h->window + HOST_WINDOW);
	what == VCM_CACHE_CLEAN ? h->n_cleans++ : h->n_invalidates++;
}

static void *address(void *ctx, uint64_t da, size_t len)
{
	struct host *h = ctx;

	if (da < HOST_DA || da - HOST_DA > HOST_WINDOW || len > HOST_WINDOW - (da - HOST_DA))
		return NULL;
	return h->window + (da - HOST_DA);
}

/* --- the host ----------------------------------------------------------------------------------------------------- */

static void kicked(void *ctx _unused_, enum ring ring _unused_)
{
}

void host_start(struct host *h)
{
	while (h->outbox) {
		struct host_message *m = h->outbox;

		h->outbox = m->next;
		free(m);
	}
	h->node_addr = h->number = 0;
	assembly_init(&h->in, h->in_bytes, sizeof(h->in_bytes));
	driver_start(&h->driver);
}

void host_open(struct host *h, const struct geometry *geometry,
	       void (*answer)(struct host *h, const struct request *request))
{
	struct shared shared = { .len = HOST_WINDOW, .da = HOST_DA };
	struct reason why;

	*h = (struct host){ .answer = answer, .requests = codec_new(), .replies = codec_new() };
	h->window = aligned_alloc(4096, HOST_WINDOW);
	ck_assert(h->window && h->requests && h->replies);
	memset(h->window, 0, HOST_WINDOW);
	geometry_default(&h->geometry);
	if (geometry)
		h->geometry = *geometry;
	ck_assert_int_eq(geometry_check(&h->geometry, HOST_WINDOW, HOST_DA, &why), 0);
	shared.base = h->window;
	driver_init(&h->driver, &shared, &h->geometry, kicked, h);
	h->port = (struct vcm_port){
		.kick = kick, .wait = wait, .cache = cache, .address = address, .ctx = h
	};
	vcm_rpmsg_init(&h->rpmsg, &(struct vcm_rpmsg_setup){
					  .port = &h->port,
					  .table = h->window + h->geometry.table,
					  .table_len = TABLE_LEN,
					  .name = "vcm",
					  .receive = vcm_node_receive,
					  .reset = vcm_node_reset,
					  .ctx = &h->node,
				  });
	vcm_node_init(&h->node, &h->rpmsg.link, "test");
	host_start(h);
}

void host_close(struct host *h)
{
	driver_stop(&h->driver, false);
	while (h->outbox) {
		struct host_message *m = h->outbox;

		h->outbox = m->next;
		free(m);
	}
	codec_free(h->requests);
	codec_free(h->replies);
	free(h->window);
}

static void push(struct host_message **end, const void *payload, size_t len)
{
	struct host_message *m = malloc(sizeof(*m) + len);

	ck_assert_ptr_nonnull(m);
	m->next = NULL;
	m->len = len;
	memcpy(m->bytes, payload, len);
	while (*end)
		end = &(*end)->next;
	*end = m;
}

void host_payload(struct host *h, const void *payload, size_t len)
{
	push(&h->outbox, payload, len);
}

void host_bytes(struct host *h, const void *bytes, size_t len)
{
	size_t payload = driver_payload(&h->driver), n = fragment_count(len, payload);
	uint8_t fragment[GEOMETRY_MAX_BUFFER];

	ck_assert_uint_gt(n, 0);
	h->number++;
	for (size_t i = 0; i < n; i++)
		host_payload(h, fragment,
			     fragment_write(fragment, payload, h->number, bytes, len, (uint16_t)i));
}

void host_reply(struct host *h, const struct reply *reply)
{
	static uint8_t bytes[PROTO_MAX_MESSAGE];
	long len = reply_encode(h->replies, reply, bytes, sizeof(bytes));

	ck_assert_int_gt(len, 0);
	host_bytes(h, bytes, (size_t)len);
}

void host_values(struct host *h, uint64_t serial, size_t n, const uint64_t *values)
{
	host_reply(h, &(struct reply){ .serial = serial, .values = values, .n_values = n });
}

void host_refuse(struct host *h, uint64_t serial, int status, uint32_t failed, const char *reason)
{
	host_reply(h, &(struct reply){ .serial = serial,
				       .status = status,
				       .failed = failed,
				       .reason = reason });
}

static void welcome(struct host *h, const struct request *request)
{
	const struct welcome w = {
		.version = PROTO_VERSION, .max_message = 1024, .max_ops = 1024, .session = 7
	};

	h->n_hellos++;
	if (h->has_hello_refused)
		host_refuse(h, request->serial, -VCM_EACCES, 0, "not you");
	else
		host_reply(h, &(struct reply){ .serial = request->serial, .welcome = &w });
}

static void take_fragment(struct host *h, const void *payload, size_t len)
{
	struct request request;
	struct reason why = { "" };
	enum assembly_result r = assembly_take(&h->in, payload, len, &why);

	if (r == ASSEMBLY_AGAIN) {
		assembly_init(&h->in, h->in_bytes, sizeof(h->in_bytes));
		h->number = 0;
		r = assembly_take(&h->in, payload, len, &why);
	}
	ck_assert_msg(r != ASSEMBLY_WRONG, "%s", why.text);
	if (r == ASSEMBLY_MORE)
		return;
	ck_assert_msg(request_decode(h->requests, h->in.data, h->in.len, &request, &why) == 0, "%s",
		      why.text);
	if (request.is_hello) {
		welcome(h, &request);
		return;
	}
	h->n_requests++;
	h->answer(h, &request);
}

static bool take_one(struct host *h)
{
	struct driver_message m;

	switch (driver_receive(&h->driver, &m)) {
	case DRIVER_NOTHING:
		return false;
	case DRIVER_ANNOUNCED:
		ck_assert_str_eq(m.name, "vcm");
		h->node_addr = m.addr;
		return true;
	case DRIVER_MESSAGE:
		ck_assert_uint_eq(m.dst, HOST_ADDR);
		h->node_addr = m.src;
		take_fragment(h, m.data, m.len);
		return true;
	case DRIVER_WITHDRAWN:
	case DRIVER_DROPPED:
	case DRIVER_BROKEN:
		break;
	}
	ck_abort_msg("the node wrote what cannot be");
	return false;
}

static bool send_one(struct host *h)
{
	struct host_message *m = h->outbox;

	if (!m || !h->node_addr ||
	    driver_send(&h->driver, HOST_ADDR, h->node_addr, m->bytes, m->len) < 0)
		return false;
	h->outbox = m->next;
	free(m);
	return true;
}

/* --- a stack of the node's own ------------------------------------------------------------------------------------ */

static struct host_message *shift(struct host_message **list)
{
	struct host_message *m = *list;

	if (m)
		*list = m->next;
	return m;
}

static int link_send(void *ctx, const void *payload, size_t len)
{
	struct host *h = ctx;

	if (h->n_sent == h->cap)
		return -VCM_EAGAIN;
	push(&h->sent, payload, len);
	h->n_sent++;
	return 0;
}

/* What came is delivered from where it lies; the host has its turn when the node waits. */
static int link_run(void *ctx, int wait)
{
	struct host *h = ctx;
	struct host_message *m = shift(&h->outbox);

	if (m) {
		vcm_node_receive(&h->node, m->bytes, m->len);
		free(m);
		return 0;
	}
	if (!wait)
		return 0;
	m = shift(&h->sent);
	if (!m)
		return -VCM_ETIMEDOUT;
	h->n_sent--;
	take_fragment(h, m->bytes, m->len);
	free(m);
	return 0;
}

void host_link(struct host *h, unsigned int cap)
{
	h->cap = cap;
	h->link = (struct vcm_link){ link_send, link_run, h, driver_payload(&h->driver) };
	vcm_node_init(&h->node, &h->link, "test");
	vcm_node_reset(&h->node, true);
}

/* --- turns -------------------------------------------------------------------------------------------------------- */

bool host_turn(struct host *h)
{
	bool any = false;

	if (h->is_deaf)
		return false;
	if (driver_look(&h->driver) != DRIVER_FINE) {
		driver_stop(&h->driver, false);
		host_start(h);
		return true;
	}
	while (!h->is_silent && take_one(h))
		any = true;
	while (send_one(h))
		any = true;
	driver_flush(&h->driver);
	return any;
}

void host_oblige(struct host *host, const struct request *r)
{
	uint64_t values[VCM_MESSAGE_OPS * OP_MAX_VALUES];
	size_t n = 0;

	for (size_t i = 0; i < r->n_ops; i++)
		for (size_t k = 0; k < op_n_values(r->ops[i].code); k++)
			values[n++] = r->ops[i].addr + 1 + k;
	host_values(host, r->serial, n, values);
}

void host_fault(struct host *host, uint64_t id, uint32_t device)
{
	const struct fault_event f = { .id = id, .device = device, .addr = 0x1000 * id, .len = 4 };

	host_reply(host, &(struct reply){ .fault = &f });
}
