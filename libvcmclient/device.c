// SPDX-License-Identifier: BSD-3-Clause
#include "libvcmclient/device.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <vcm/smmu.h>
#include <vcm/vcm.h>

#include "base/mem.h"
#include "libvcmclient/call.h"
#include "libvcmclient/error.h"
#include "libvcmclient/packet.h"

/* What the answers of the broker hold. */
enum { DEV_GET_DEVICE };
enum { DEV_INFO_BASE, DEV_INFO_HW_VERSION };

struct device_uses {
	uint32_t device;
	size_t n;
};

void devices_init(struct devices *d)
{
	*d = (struct devices){ .n = 0 };
	pthread_mutex_init(&d->lock, NULL);
}

void devices_deinit(struct devices *d)
{
	d->list = mem_free(d->list);
	d->n = d->cap = 0;
	pthread_mutex_destroy(&d->lock);
}

static struct device_uses *find(struct devices *d, uint32_t device)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->list[i].device == device)
			return &d->list[i];
	return NULL;
}

static int get(struct devices *d, uint32_t device)
{
	struct device_uses *uses = find(d, device), *list;
	size_t cap = d->cap ? 2 * d->cap : 8;

	if (uses) {
		uses->n++;
		return 0;
	}
	if (d->n == d->cap) {
		list = mem_realloc_n(d->list, cap, sizeof(*list));
		if (!list)
			return -ENOMEM;
		d->list = list;
		d->cap = cap;
	}
	d->list[d->n++] = (struct device_uses){ device, 1 };
	return 0;
}

int devices_get(struct devices *d, uint32_t device)
{
	int r;

	pthread_mutex_lock(&d->lock);
	r = get(d, device);
	pthread_mutex_unlock(&d->lock);
	return r;
}

int devices_put(struct devices *d, uint32_t device)
{
	struct device_uses *uses;
	int r = -EINVAL;

	pthread_mutex_lock(&d->lock);
	uses = find(d, device);
	if (uses) {
		if (--uses->n == 0)
			*uses = d->list[--d->n];
		r = 0;
	}
	pthread_mutex_unlock(&d->lock);
	return r;
}

/* --- the API ------------------------------------------------------------------------------------------------------ */

/* What the wire can carry; a name that it cannot is no device's. */
static bool is_name(const char *name)
{
	size_t n = 0;

	if (!name)
		return false;
	for (; n <= PROTO_MAX_NAME && name[n]; n++)
		if (name[n] < ' ' || name[n] > '~')
			return false;
	return n > 0 && n <= PROTO_MAX_NAME;
}

static struct smmu_dev *got(struct call *c)
{
	uint64_t device = call_value(c, DEV_GET_DEVICE, 0);
	int r;

	if (c->err < 0)
		return NULL;
	if (device == 0 || device > UINT32_MAX)
		r = refuse(error_reason(), -EPROTO, "the broker answered with no device");
	else
		r = devices_get(&c->entry.session->devices, (uint32_t)device);
	error_end(r);
	/* A name in the type of a pointer, as the posting wants it. NOLINTNEXTLINE(performance-no-int-to-ptr) */
	return r == 0 ? (struct smmu_dev *)(uintptr_t)device : NULL;
}

struct smmu_dev *smmu_get_ctx_instance(char *ctx_name)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_DEV_GET);

	if (c.err == 0 && !is_name(ctx_name))
		call_fail(&c, refuse(error_reason(), -EINVAL, "this is no name of a device"));
	if (c.err == 0)
		c.op.name = ctx_name;
	call_ask(&c);
	return got(&c);
}

int smmu_free_ctx_instance(struct smmu_dev *dev)
{
	_cleanup_(entry_leave) struct entry entry = entry_begin();
	uintptr_t device = (uintptr_t)dev;

	if (!entry.session)
		return error_status(-ENOTCONN);
	if (device > UINT32_MAX || devices_put(&entry.session->devices, (uint32_t)device) < 0)
		return error_status(refuse(error_reason(), -EINVAL,
					   "%p was not got, or is freed already", (void *)dev));
	return error_status(0);
}

unsigned long smmu_get_base_addr(struct smmu_dev *dev)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_DEV_INFO);

	call_device(&c, (size_t)(uintptr_t)dev);
	call_ask(&c);
	return (unsigned long)call_value(&c, DEV_INFO_BASE, 0);
}

size_t vcm_hw_ver(size_t dev_id)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_DEV_INFO);

	call_device(&c, dev_id);
	call_ask(&c);
	return (size_t)call_value(&c, DEV_INFO_HW_VERSION, 0);
}

int vcm_dev_open(size_t dev_id)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_DEV_OPEN);
	int fd = -1;

	call_device(&c, dev_id);
	if (call_ask(&c) == 0) {
		fd = fdset_take(&c.packet->fds, 0);
		if (fd < 0)
			call_fail(&c, refuse(error_reason(), c.packet->lost_fds ? -EMFILE : -EPROTO,
					     "the device's file has not arrived"));
	}
	return c.err < 0 ? error_status(c.err) : fd;
}

size_t vcm_dev_addr_to_phys_addr(size_t dev_id, size_t dev_addr)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_DEV_TO_PHYS);

	call_device(&c, dev_id);
	c.op.addr = dev_addr;
	call_ask(&c);
	return (size_t)call_value(&c, 0, 0);
}
