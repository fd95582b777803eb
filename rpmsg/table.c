// SPDX-License-Identifier: BSD-3-Clause
#include "rpmsg/table.h"

#include "rpmsg/wire.h"

static uint32_t features(const struct geometry *g)
{
	return g->ns ? VIRTIO_RPMSG_F_NS : 0;
}

static uint32_t da_of(const struct shared *w, uint64_t at)
{
	return (uint32_t)(w->da + at);
}

/* The status goes first: whoever waits for it must not take what is half written. */
void table_write(const struct shared *w, const struct geometry *g)
{
	const uint32_t words[] = { TABLE_VERSION, 1, 0, 0, TABLE_ENTRY,
				   /* the entry */
				   RSC_VDEV, VIRTIO_ID_RPMSG, g->notify_ids[N_RINGS], features(g),
				   0, 0, STATUS_RESET | N_RINGS << 8,
				   /* its rings */
				   da_of(w, g->rings[RING_IN]), g->align, g->num,
				   g->notify_ids[RING_IN], 0, da_of(w, g->rings[RING_OUT]),
				   g->align, g->num, g->notify_ids[RING_OUT], 0 };

	_Static_assert(sizeof(words) == TABLE_LEN, "the table is all of it");
	table_set_status(w, g, STATUS_RESET);
	for (uint32_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		shared_put32(w, g->table + 4ul * i, words[i]);
}

void table_agree(const struct shared *w, const struct geometry *g)
{
	shared_put32(w, g->table + TABLE_AT_GFEATURES, features(g));
}

void table_set_status(const struct shared *w, const struct geometry *g, uint8_t status)
{
	shared_barrier();
	shared_put8(w, g->table + TABLE_AT_STATUS, status);
	shared_barrier();
}

uint8_t table_status(const struct shared *w, const struct geometry *g)
{
	return shared_get8(w, g->table + TABLE_AT_STATUS);
}

bool table_is_ours(const struct shared *w, const struct geometry *g)
{
	return shared_get32(w, g->table) == TABLE_VERSION &&
	       shared_get32(w, g->table + TABLE_ENTRY) == RSC_VDEV &&
	       shared_get32(w, g->table + TABLE_ENTRY + 4) == VIRTIO_ID_RPMSG;
}

bool table_names_rings(const struct shared *w, const struct geometry *g)
{
	uint64_t at = g->table + TABLE_ENTRY + TABLE_AT_RINGS;

	for (int i = 0; i < N_RINGS; i++, at += TABLE_RING_LEN)
		if (shared_get32(w, at) != da_of(w, g->rings[i]) ||
		    shared_get32(w, at + 4) != g->align || shared_get32(w, at + 8) != g->num)
			return false;
	return table_is_ours(w, g);
}
