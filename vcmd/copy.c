// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/copy.h"

#include <bsd/sys/queue.h>
#include <errno.h>

#include "base/mem.h"
#include "base/range.h"
#include "graph/lookup.h"
#include "graph/physmem.h"
#include "graph/res.h"
#include "graph/session.h"
#include "memory/memory.h"
#include "vcmd/broker.h"
#include "vcmd/client.h"
#include "vcmd/loop.h"

/* A slice takes some 0.1 ms at 10 GiB/s. */
#define SLICE SZ_1M

struct copy {
	LIST_ENTRY(copy) link;
	struct client *client;
	struct loop_idle *idle;
	uint64_t serial;
	uint32_t to, from;
	uint64_t to_off, from_off, len, done;
	bool backwards; /* the ranges share memory, and the target lies above */
};

static const struct res *find(const struct copy *cp, uint32_t handle)
{
	return (const struct res *)session_find(cp->client->session, handle, OBJECT_RES, NULL);
}

/* The largest run from offset on that is contiguous in memory, at most max bytes, upwards. */
static uint64_t run_at(const struct res *r, uint64_t offset, uint64_t max, uint64_t *out_pa)
{
	const struct extent *e = physmem_extent_at(r->physmem, offset);
	uint64_t left = range_len(e->pa) - (offset - e->offset);

	*out_pa = e->pa.first + (offset - e->offset);
	return left < max ? left : max;
}

/* The same downwards: the run ends before offset. */
static uint64_t run_below(const struct res *r, uint64_t offset, uint64_t max, uint64_t *out_pa)
{
	const struct extent *e = physmem_extent_at(r->physmem, offset - 1);
	uint64_t left = offset - e->offset, n = left < max ? left : max;

	*out_pa = e->pa.first + (left - n);
	return n;
}

/* Copies what both sides have in one run. 0 when nothing can be copied any more. */
static uint64_t copy_run(struct copy *cp, const struct res *to, const struct res *from,
			 uint64_t max)
{
	uint64_t left = cp->len - cp->done, to_pa, from_pa, n = left < max ? left : max;

	if (cp->backwards) {
		n = run_below(to, cp->to_off + left, n, &to_pa);
		n = run_below(from, cp->from_off + left, n, &from_pa);
		run_below(to, cp->to_off + left, n, &to_pa);
	} else {
		n = run_at(to, cp->to_off + cp->done, n, &to_pa);
		n = run_at(from, cp->from_off + cp->done, n, &from_pa);
	}
	if (memory_copy(cp->client->broker->memory, to_pa, from_pa, n) < 0)
		return 0;
	cp->done += n;
	return n;
}

/* What has been checked at the start, of what the handle names by now. */
static bool is_fit(const struct res *r, uint64_t offset, uint64_t len)
{
	return r && r->physmem && !r->physmem->secure && r->physmem->extents[0].arena &&
	       offset + len <= r->len;
}

/* True when there is more to do. */
static bool copy_slice(struct copy *cp)
{
	uint64_t budget = SLICE, n;

	while (budget && cp->done < cp->len) {
		const struct res *to = find(cp, cp->to), *from = find(cp, cp->from);

		if (!is_fit(to, cp->to_off, cp->len) || !to->physmem->writable ||
		    !is_fit(from, cp->from_off, cp->len))
			return false;
		n = copy_run(cp, to, from, budget);
		if (!n)
			return false;
		budget -= n;
	}
	return cp->done < cp->len;
}

static void copy_free(struct copy *cp)
{
	loop_idle_free(cp->idle);
	mem_free(cp);
}

static bool copy_idle(void *ctx)
{
	struct copy *cp = ctx;
	struct client *c = cp->client;

	if (copy_slice(cp))
		return true;
	client_reply_value(c, cp->serial, cp->done);
	LIST_REMOVE(cp, link);
	copy_free(cp);
	client_unpark(c, true);
	return false;
}

static int check(const struct call *c, const struct res *r, uint64_t offset, uint64_t len)
{
	struct range span;

	if (!range_make(offset, len, &span) || span.last >= r->len)
		return refuse(c->why, -EINVAL,
			      "0x%llx bytes from 0x%llx go beyond reservation %u of 0x%llx",
			      (unsigned long long)len, (unsigned long long)offset, r->obj.handle,
			      (unsigned long long)r->len);
	if (!r->physmem)
		return refuse(c->why, -ENOMEM, "reservation %u is not backed", r->obj.handle);
	if (r->physmem->secure)
		return refuse(c->why, -EACCES,
			      "reservation %u is backed by secure memory: nobody copies it",
			      r->obj.handle);
	if (!r->physmem->extents[0].arena)
		return refuse(c->why, -EINVAL,
			      "reservation %u is a window: the broker has no bytes of it",
			      r->obj.handle);
	return 0;
}

/* Where an offset of a reservation lies in the memory that its physmem, or what that is an alias of, is. */
static uint64_t place_in_root(const struct res *r, uint64_t offset)
{
	uint64_t place = 0;

	physmem_offset_of(r->physmem->root, res_to_pa(r, r->addr + offset), &place);
	return place;
}

int copy_start(struct call *c, const struct res *to, uint64_t to_off, const struct res *from,
	       uint64_t from_off, uint64_t len)
{
	struct copy *cp;
	int r;

	if (!len) {
		call_value(c, 0);
		return 0;
	}
	r = check(c, to, to_off, len);
	if (r == 0)
		r = check(c, from, from_off, len);
	if (r == 0 && !to->physmem->writable)
		r = refuse(c->why, -EACCES,
			   "reservation %u is backed by memory that was imported to be read",
			   to->obj.handle);
	if (r < 0)
		return r;
	if (client_keeps(c->client, c->serial) == REPLIES_KEEP_ALL &&
	    to->physmem->root == from->physmem->root)
		return refuse(c->why, -EINVAL,
			      "a copy within one memory cannot be asked again: it has no ticket");
	if (c->serial <= c->client->sent_before && to->physmem->root == from->physmem->root)
		return refuse(
			c->why, -ECONNRESET,
			"the copy was under way when the connection ended, and may be done in part: within one memory it is not done again");
	cp = mem_new0(struct copy);
	if (!cp)
		return refuse(c->why, -ENOMEM, "the broker is out of memory");
	cp->client = c->client;
	cp->serial = c->serial;
	cp->to = to->obj.handle;
	cp->from = from->obj.handle;
	cp->to_off = to_off;
	cp->from_off = from_off;
	cp->len = len;
	cp->backwards = to->physmem->root == from->physmem->root &&
			place_in_root(to, to_off) > place_in_root(from, from_off);
	if (!copy_slice(cp)) {
		call_value(c, cp->done);
		copy_free(cp);
		return 0;
	}
	cp->idle = loop_idle_new(c->broker->loop, copy_idle, cp);
	if (!cp->idle) {
		copy_free(cp);
		return refuse(c->why, -ENOMEM, "the broker is out of memory");
	}
	LIST_INSERT_HEAD(&c->client->copies, cp, link);
	client_park(c->client, true);
	loop_idle_kick(cp->idle);
	return CALL_PARKED;
}

void copy_abandon(struct client *c)
{
	struct copy *cp;

	while ((cp = LIST_FIRST(&c->copies))) {
		LIST_REMOVE(cp, link);
		copy_free(cp);
		client_unpark(c, true);
	}
}
