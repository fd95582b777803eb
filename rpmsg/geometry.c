// SPDX-License-Identifier: BSD-3-Clause
#include "rpmsg/geometry.h"

#include <errno.h>

#include "base/range.h"
#include "rpmsg/wire.h"

#define MAX_OFFSET UINT32_MAX /* the table names 32-bit addresses */
#define MAX_ALIGN 4096
#define MIN_ALIGN 16

void geometry_default(struct geometry *g)
{
	*g = (struct geometry){
		.rings = { 0x1000, 0x5000 },
		.buffers = 0x10000,
		.num = 16,
		.align = 4096,
		.buffer_len = 512,
		.notify_ids = { 0, 1, 2 },
		.ns = true,
	};
}

uint32_t geometry_used_at(const struct geometry *g)
{
	uint32_t end = DESC_LEN * g->num + 2 * (3 + g->num);

	return (end + g->align - 1) & ~(g->align - 1);
}

uint32_t geometry_ring_len(const struct geometry *g)
{
	return geometry_used_at(g) + 2 * 3 + 8 * g->num;
}

uint64_t geometry_buffer(const struct geometry *g, enum ring ring, uint32_t id)
{
	return g->buffers + ((uint64_t)ring * g->num + id) * g->buffer_len;
}

uint64_t geometry_end(const struct geometry *g)
{
	uint64_t end = geometry_buffer(g, N_RINGS, 0);

	for (int i = 0; i < N_RINGS; i++)
		if (g->rings[i] + geometry_ring_len(g) > end)
			end = g->rings[i] + geometry_ring_len(g);
	return g->table + TABLE_LEN > end ? g->table + TABLE_LEN : end;
}

static bool is_power(uint32_t v, uint32_t min, uint32_t max)
{
	return v >= min && v <= max && (v & (v - 1)) == 0;
}

static int check_numbers(const struct geometry *g, struct reason *why)
{
	if (!is_power(g->num, 1, GEOMETRY_MAX_NUM))
		return refuse(why, -EINVAL, "%u descriptors are no power of two up to %d", g->num,
			      GEOMETRY_MAX_NUM);
	if (!is_power(g->align, MIN_ALIGN, MAX_ALIGN))
		return refuse(why, -EINVAL, "an alignment of %u is no power of two from %d to %d",
			      g->align, MIN_ALIGN, MAX_ALIGN);
	if (g->buffer_len < GEOMETRY_MIN_BUFFER || g->buffer_len > GEOMETRY_MAX_BUFFER ||
	    g->buffer_len % 8)
		return refuse(why, -EINVAL,
			      "buffers of %u bytes are no multiple of 8 from %d to %d",
			      g->buffer_len, GEOMETRY_MIN_BUFFER, GEOMETRY_MAX_BUFFER);
	return 0;
}

/* The parts, table first. False: an address is out of reach. */
static bool parts_of(const struct geometry *g, struct range parts[static N_RINGS + 2])
{
	uint64_t starts[] = { g->table, g->rings[RING_IN], g->rings[RING_OUT], g->buffers };
	uint64_t lens[] = { TABLE_LEN, geometry_ring_len(g), geometry_ring_len(g),
			    2 * (uint64_t)g->num * g->buffer_len };

	for (int i = 0; i < N_RINGS + 2; i++)
		if (starts[i] > MAX_OFFSET || !range_make(starts[i], lens[i], &parts[i]))
			return false;
	return true;
}

static int check_parts(const struct range parts[static N_RINGS + 2], uint64_t window_len,
		       struct reason *why)
{
	static const char *const names[] = { "the resource table", "ring 0", "ring 1",
					     "the buffers" };

	for (int i = 0; i < N_RINGS + 2; i++) {
		if (parts[i].last >= window_len)
			return refuse(why, -EINVAL, "%s ends at 0x%llx, behind the window",
				      names[i], (unsigned long long)parts[i].last);
		for (int k = 0; k < i; k++)
			if (range_meets(parts[i], parts[k]))
				return refuse(why, -EINVAL, "%s lies in %s", names[i], names[k]);
	}
	return 0;
}

int geometry_check(const struct geometry *g, uint64_t window_len, uint64_t da, struct reason *why)
{
	struct range parts[N_RINGS + 2];
	int r = check_numbers(g, why);

	if (r < 0)
		return r;
	if (!parts_of(g, parts) || da > MAX_OFFSET || geometry_end(g) > MAX_OFFSET - da)
		return refuse(why, -EINVAL, "a resource table names addresses below 4 GB only");
	if (!is_aligned(g->table, 8) || !is_aligned(g->buffers, 8))
		return refuse(why, -EINVAL, "the table and the buffers begin at multiples of 8");
	for (int i = 0; i < N_RINGS; i++)
		if (!is_aligned(g->rings[i], g->align) || !is_aligned(da, g->align))
			return refuse(why, -EINVAL,
				      "ring %d does not begin at a multiple of its alignment", i);
	return check_parts(parts, window_len, why);
}
