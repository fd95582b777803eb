// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/simulate.h"

#include <bsd/sys/queue.h>
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/range.h"
#include "graph/avcm.h"
#include "graph/lookup.h"
#include "graph/physmem.h"
#include "graph/vcm.h"
#include "memory/memory.h"
#include "vcmd/broker.h"
#include "vcmd/client.h"
#include "vcmd/machine.h"
#include "vcmd/rights.h"

#define SECRET "it would read secure memory, which needs the right `simulate`"

/* A transaction that may outlive its request. */
struct transaction {
	LIST_ENTRY(transaction) link; /* in the client, once it waits */
	struct client *client;
	struct machine_device *hw;
	const struct device *device;
	uint64_t serial, addr;
	bool write;
	size_t len;
	uint8_t buf[];
};

/* Whose associations are active on the device: acting as it needs one of the session's own, or nobody's. */
static int check_turn(const struct call *c, const struct device *d)
{
	const struct avcm *a;
	bool other = false;

	TAILQ_FOREACH(a, &d->active, device_link) {
		if (a->obj.session == c->session)
			return 0;
		other = true;
	}
	if (!other || rights_simulate(c->client))
		return 0;
	return refuse(c->why, -EACCES,
		      "%s is active for another session: acting as it needs the right `simulate`",
		      d->name);
}

/* A master without an IOMMU reaches what is backed in the session's active one-to-one regions. */
static uint64_t reach(const struct call *c, const struct device *d, uint64_t addr)
{
	const struct avcm *a;

	TAILQ_FOREACH(a, &d->active, device_link) {
		const struct res *r;

		if (a->obj.session != c->session && !rights_simulate(c->client))
			continue;
		r = vcm_res_containing(a->vcm, addr);
		if (r)
			return r->len - (addr - r->addr);
	}
	return 0;
}

static int access_directly(struct call *c, const struct device *d, bool write, uint64_t addr,
			   uint8_t *buf, size_t len)
{
	struct memory *m = c->broker->memory;
	int r = 0;

	while (len && r == 0) {
		uint64_t n = reach(c, d, addr);

		if (!n)
			return refuse(c->why, -EFAULT,
				      "0x%llx is not backed in an active region of %s",
				      (unsigned long long)addr, d->name);
		n = n < len ? n : len;
		r = write ? memory_write(m, addr, buf, n) : memory_read(m, addr, buf, n);
		addr += n;
		buf += n;
		len -= n;
	}
	return r;
}

/* No CPU sees secure memory, so that a client is not told what a device has read of it. */
static bool is_secret(const struct client *c, const struct device *d, uint64_t addr, size_t len)
{
	const struct avcm *a;
	struct res *r;

	if (rights_simulate(c))
		return false;
	TAILQ_FOREACH(a, &d->active, device_link) {
		r = vcm_res_before(a->vcm, addr + (len - 1));
		for (; r && r->addr + (r->len - 1) >= addr; r = vcm_res_before(a->vcm, r->addr - 1))
			if (r->physmem && r->physmem->secure)
				return true;
	}
	return false;
}

static void answer_data(struct answer *a, const struct transaction *t)
{
	if (t->write)
		return;
	memcpy(a->data, t->buf, t->len);
	a->n_data = t->len;
}

static void done(void *ctx, int result)
{
	struct transaction *t = ctx;
	struct client *c = t->client;

	LIST_REMOVE(t, link);
	if (result == 0 && !t->write && is_secret(c, t->device, t->addr, t->len))
		client_reply_short(c, t->serial, -EACCES, SECRET);
	else if (result < 0)
		client_reply_short(c, t->serial, result,
				   "the device's transaction faulted and was terminated");
	else
		client_reply_data(c, t->serial, t->buf, t->write ? 0 : t->len);
	mem_free(t);
	client_unpark(c, false);
}

static int access_through_iommu(struct call *c, struct transaction *t, uint64_t addr)
{
	int r = sim_access(t->hw->sim, t->hw->mid, t->write, addr, t->buf, t->len, done, t);

	if (r == -EINPROGRESS) {
		LIST_INSERT_HEAD(&c->client->transactions, t, link);
		client_park(c->client, false);
		return CALL_PARKED;
	}
	if (r == -EFAULT)
		return refuse(c->why, r, "the transaction at 0x%llx was terminated",
			      (unsigned long long)addr);
	if (r == -EBUSY)
		return refuse(c->why, r, "the device has a transaction waiting");
	return r;
}

int simulate(struct call *c, struct device *d, bool write, const struct op *op)
{
	size_t len = write ? op->n_data : (size_t)op->len;
	struct transaction *t;
	struct range span;
	int r;

	if (d->kind == DEVICE_CPU ||
	    (d->kind == DEVICE_IOMMU && !((struct machine_device *)d->hw)->sim))
		return refuse(c->why, -ENODEV, "%s is not a simulated device", d->name);
	if (!len || op->len > PROTO_MAX_DATA || !range_make(op->addr, len, &span))
		return refuse(c->why, -EINVAL, "a transaction of %llu bytes at 0x%llx",
			      (unsigned long long)len, (unsigned long long)op->addr);
	r = check_turn(c, d);
	if (r == 0 && !write && is_secret(c->client, d, op->addr, len))
		r = refuse(c->why, -EACCES, "%s", SECRET);
	if (r < 0)
		return r;
	t = mem_zalloc(sizeof(*t) + len);
	if (!t)
		return refuse(c->why, -ENOMEM, "the broker is out of memory");
	t->client = c->client;
	t->hw = d->hw;
	t->device = d;
	t->addr = op->addr;
	t->serial = c->serial;
	t->write = write;
	t->len = len;
	if (write)
		memcpy(t->buf, op->data, len);
	r = d->kind == DEVICE_ONE_TO_ONE ? access_directly(c, d, write, op->addr, t->buf, len) :
					   access_through_iommu(c, t, op->addr);
	if (r == 0)
		answer_data(c->answer, t);
	if (r != CALL_PARKED)
		mem_free(t);
	return r;
}

void simulate_abandon(struct client *c)
{
	struct transaction *t;

	while ((t = LIST_FIRST(&c->transactions))) {
		LIST_REMOVE(t, link);
		sim_abandon(t->hw->sim, t->hw->mid);
		client_unpark(c, false);
		mem_free(t);
	}
}
