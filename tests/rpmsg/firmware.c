// SPDX-License-Identifier: BSD-3-Clause
#include "tests/rpmsg/firmware.h"

#include <string.h>

#define STATUS (20 + 24)
#define DRIVER_OK 4

static uint32_t word(const struct firmware *f, size_t at)
{
	return __atomic_load_n((uint32_t *)(f->base + at), __ATOMIC_SEQ_CST);
}

volatile uint8_t *firmware_status(const struct firmware *f)
{
	return f->base + STATUS;
}

static void take_ring(struct firmware *f, size_t at, struct firmware_ring *r)
{
	uint32_t align = word(f, at + 4);
	uint8_t *base = f->base + (word(f, at) - f->da);
	size_t used;

	r->num = word(f, at + 8);
	used = 16ul * r->num + 2 * (3 + r->num);
	r->desc = base;
	r->avail = (uint16_t *)(base + 16ul * r->num);
	r->used = (uint16_t *)(base + (used + align - 1) / align * align);
	r->next_avail = 0;
	r->next_used = __atomic_load_n(&r->used[1], __ATOMIC_SEQ_CST);
}

bool firmware_attach(struct firmware *f, void *base, uint64_t len, uint64_t da)
{
	f->base = base;
	f->len = len;
	f->da = da;
	if (!(*firmware_status(f) & DRIVER_OK))
		return false;
	if (word(f, 0) != 1 || word(f, 4) != 1 || word(f, 16) != 20 || word(f, 20) != 3 ||
	    word(f, 24) != 7 || f->base[45] != 2)
		return false;
	f->ns = word(f, 32) & word(f, 36) & 1;
	take_ring(f, 48, &f->tx);
	take_ring(f, 68, &f->rx);
	f->ids[0] = word(f, 60);
	f->ids[1] = word(f, 80);
	return true;
}

void firmware_start_blindly(struct firmware *f)
{
	f->counts_in_memory = true;
	f->tx.next_avail = f->rx.next_avail = 0;
}

/* The buffer of the next descriptor that the driver has lent, or NULL. */
static uint8_t *next_buffer(struct firmware *f, struct firmware_ring *r, uint16_t *id,
			    uint32_t *len)
{
	uint64_t da;

	if (__atomic_load_n(&r->avail[1], __ATOMIC_SEQ_CST) == r->next_avail)
		return NULL;
	*id = r->avail[2 + r->next_avail % r->num];
	r->next_avail++;
	memcpy(&da, r->desc + 16ul * *id, 8);
	memcpy(len, r->desc + 16ul * *id + 8, 4);
	return f->base + (da - f->da);
}

static void give_back(struct firmware *f, struct firmware_ring *r, uint16_t id, uint32_t len,
		      uint32_t notify_id)
{
	uint32_t elem[2] = { id, len };

	if (f->counts_in_memory)
		r->next_used = __atomic_load_n(&r->used[1], __ATOMIC_SEQ_CST);
	memcpy((uint8_t *)r->used + 4 + 8ul * (r->next_used % r->num), elem, sizeof(elem));
	__atomic_store_n(&r->used[1], ++r->next_used, __ATOMIC_SEQ_CST);
	if (f->kick && !(__atomic_load_n(&r->avail[0], __ATOMIC_SEQ_CST) & 1))
		f->kick(f->ctx, notify_id);
}

bool firmware_send(struct firmware *f, uint32_t src, uint32_t dst, const void *data, size_t len)
{
	uint16_t len16 = (uint16_t)len, id;
	uint32_t cap;
	uint8_t *buf = next_buffer(f, &f->tx, &id, &cap);

	if (!buf)
		return false;
	memset(buf, 0, 16);
	memcpy(buf, &src, 4);
	memcpy(buf + 4, &dst, 4);
	memcpy(buf + 12, &len16, 2);
	if (len)
		memcpy(buf + 16, data, len);
	give_back(f, &f->tx, id, cap, f->ids[0]);
	return true;
}

bool firmware_announce(struct firmware *f, const char *name, uint32_t addr, bool gone)
{
	uint8_t body[40] = { 0 };
	uint32_t flags = gone;

	for (size_t i = 0; i < 32 && name[i]; i++)
		body[i] = (uint8_t)name[i];
	memcpy(body + 32, &addr, 4);
	memcpy(body + 36, &flags, 4);
	return firmware_send(f, addr, 53, body, sizeof(body));
}

bool firmware_receive(struct firmware *f, struct firmware_message *out)
{
	uint32_t len;
	uint16_t id, len16;
	uint8_t *buf = next_buffer(f, &f->rx, &id, &len);

	if (!buf)
		return false;
	memcpy(&out->src, buf, 4);
	memcpy(&out->dst, buf + 4, 4);
	memcpy(&len16, buf + 12, 2);
	out->len = len16;
	memcpy(out->data, buf + 16, len16);
	memset(buf + 8, 0xa5, 4); /* as OpenAMP does: it counts there who holds the buffer */
	give_back(f, &f->rx, id, 16 + len16, f->ids[1]);
	return true;
}
