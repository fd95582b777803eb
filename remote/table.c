// SPDX-License-Identifier: BSD-3-Clause
#include "remote/table.h"

#include "remote/barrier.h"
#include "remote/error.h"
#include "remote/shared.h"

#define MAX_ENTRIES 16
#define MAX_NUM 32768u
#define MAX_ALIGN 65536u

/* Of the table, and of an entry. All are 32 bits wide but the status and the number of rings. */
enum { AT_VERSION = 0, AT_NUM = 4, AT_OFFSETS = 16 };
enum {
	AT_TYPE = 0,
	AT_ID = 4,
	AT_NOTIFY_ID = 8,
	AT_DFEATURES = 12,
	AT_GFEATURES = 16,
	AT_STATUS = 24,
	AT_N_RINGS = 25,
	AT_RINGS = 28,
};
enum { RING_DA = 0, RING_ALIGN = 4, RING_NUM = 8, RING_NOTIFY_ID = 12, RING_LEN = 20 };

#define TABLE_VERSION 1
#define TYPE_VDEV 3
#define ID_RPMSG 7
#define F_NS 1u
#define ENTRY_LEN (AT_RINGS + VCM_N_RINGS * RING_LEN)

static void cache(const struct vcm_port *port, enum vcm_cache what, const volatile void *at,
		  size_t len)
{
	if (port->cache)
		port->cache(port->ctx, what, at, len);
}

static bool is_power_of_two(uint32_t v)
{
	return v && (v & (v - 1)) == 0;
}

static bool is_rpmsg(const volatile uint8_t *entry)
{
	return vcm_shared_get32(entry + AT_TYPE) == TYPE_VDEV &&
	       vcm_shared_get32(entry + AT_ID) == ID_RPMSG && entry[AT_N_RINGS] == VCM_N_RINGS;
}

/* The first entry of that kind that lies in the table. */
static volatile uint8_t *find(volatile uint8_t *table, size_t len)
{
	uint32_t num = vcm_shared_get32(table + AT_NUM);

	for (uint32_t i = 0; i < num && i < MAX_ENTRIES && AT_OFFSETS + 4 * (i + 1) <= len; i++) {
		uint32_t offset = vcm_shared_get32(table + AT_OFFSETS + 4 * i);

		if (offset % 4 == 0 && offset <= len && len - offset >= ENTRY_LEN &&
		    is_rpmsg(table + offset))
			return table + offset;
	}
	return NULL;
}

static bool read_ring(const volatile uint8_t *at, struct vcm_table_ring *out)
{
	*out = (struct vcm_table_ring){
		.da = vcm_shared_get32(at + RING_DA),
		.align = vcm_shared_get32(at + RING_ALIGN),
		.num = vcm_shared_get32(at + RING_NUM),
		.notify_id = vcm_shared_get32(at + RING_NOTIFY_ID),
	};
	return is_power_of_two(out->num) && out->num <= MAX_NUM && is_power_of_two(out->align) &&
	       out->align >= 4 && out->align <= MAX_ALIGN;
}

int vcm_table_read(struct vcm_table *t, const struct vcm_port *port, void *at, size_t len)
{
	*t = (struct vcm_table){ .port = port };
	if (len < AT_OFFSETS)
		return -VCM_EPROTO;
	cache(port, VCM_CACHE_INVALIDATE, at, len);
	if (vcm_shared_get32(at) == 0)
		return -VCM_EAGAIN;
	if (vcm_shared_get32(at) != TABLE_VERSION)
		return -VCM_EPROTO;
	t->vdev = find(at, len);
	if (!t->vdev)
		return -VCM_EPROTO;
	/* The host writes it last: what it says is so of all that is read after it. */
	t->status = vcm_table_status(t);
	cache(port, VCM_CACHE_INVALIDATE, t->vdev, ENTRY_LEN);
	t->notify_id = vcm_shared_get32(t->vdev + AT_NOTIFY_ID);
	t->has_ns = vcm_shared_get32(t->vdev + AT_DFEATURES) &
		    vcm_shared_get32(t->vdev + AT_GFEATURES) & F_NS;
	for (int i = 0; i < VCM_N_RINGS; i++)
		if (!read_ring(t->vdev + AT_RINGS + i * RING_LEN, &t->rings[i]))
			return -VCM_EPROTO;
	return 0;
}

uint8_t vcm_table_status(const struct vcm_table *t)
{
	uint8_t status;

	cache(t->port, VCM_CACHE_INVALIDATE, t->vdev + AT_STATUS, 1);
	status = t->vdev[AT_STATUS];
	vcm_barrier_acquire();
	return status;
}

void vcm_table_set_status(const struct vcm_table *t, uint8_t status)
{
	/* The rings are left alone by then, and the host is rung at only then. */
	vcm_barrier_full();
	t->vdev[AT_STATUS] = status;
	cache(t->port, VCM_CACHE_CLEAN, t->vdev + AT_STATUS, 1);
	vcm_barrier_full();
}
