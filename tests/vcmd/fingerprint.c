// SPDX-License-Identifier: BSD-3-Clause
#include "tests/vcmd/fingerprint.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vcm/inspect.h>

#include "backend/backend.h"
#include "graph/graph.h"
#include "memory/memory.h"
#include "tests/vcmd/world.h"
#include "vcmd/broker.h"
#include "vcmd/machine.h"

/* A table, and the columns that say what is, not what has been. */
static const struct {
	enum vcm_table_kind table;
	uint32_t columns;
} tables[] = {
	{ VCM_TABLE_STATUS, 1u << VCM_STATUS_USED | 1u << VCM_STATUS_TABLES |
				    1u << VCM_STATUS_QUARANTINED | 1u << VCM_STATUS_ACTIVE },
	{ VCM_TABLE_DEVICES, 1u << VCM_DEVICE_NUMBER | 1u << VCM_DEVICE_ACTIVE },
	{ VCM_TABLE_POOLS, 1u << VCM_POOL_MEMTYPE | 1u << VCM_POOL_USED |
				   1u << VCM_POOL_LARGEST_FREE | 1u << VCM_POOL_ARENAS |
				   1u << VCM_POOL_CACHED | 1u << VCM_POOL_QUARANTINED },
	{ VCM_TABLE_SESSIONS, 1u << VCM_SESSION_VCMS | 1u << VCM_SESSION_RESERVATIONS |
				      1u << VCM_SESSION_PHYSMEMS | 1u << VCM_SESSION_ASSOCS |
				      1u << VCM_SESSION_BYTES },
	{ VCM_TABLE_VCMS, 0x3f },
	{ VCM_TABLE_RESERVATIONS, 0x17f },
	{ VCM_TABLE_PHYSMEMS, 0x1fb },
	{ VCM_TABLE_ASSOCS, 0x3f },
	{ VCM_TABLE_BOUNDS, 0x1f },
};

static void print_table(FILE *f, struct peer *p, enum vcm_table_kind table, uint32_t columns)
{
	uint64_t cursor = 0;

	do {
		ck_ok(CALL(p, INSPECT, .arg = table, .addr = cursor));
		for (size_t i = 0; i < p->reply.n_rows; i++) {
			const struct row *row = &p->reply.rows[i];

			fprintf(f, "table %d:", (int)table);
			for (unsigned int n = 0; n < row->n_n; n++)
				if (columns & 1u << n)
					fprintf(f, " %" PRIx64, row->n[n]);
			fprintf(f, "\n");
		}
		cursor = peer_value(p, 0);
	} while (cursor);
}

/* Runs of pages that a device reaches, where tests put their regions. */
static void print_translations(FILE *f, const struct device *d)
{
	const struct machine_device *hw = d->hw;

	if (!hw->backend)
		return;
	for (uint64_t base = 0x10000000; base < 0x40000000; base += 0x10000000)
		for (uint64_t at = base; at < base + 2 * SZ_1M; at += SZ_4K) {
			uint64_t pa;

			if (hw->backend->ops->translate(hw->backend, hw->context, at, &pa) == 0)
				fprintf(f, "%s: %" PRIx64 " -> %" PRIx64 "\n", d->name, at, pa);
		}
}

static void print_bytes(FILE *f, struct world *w)
{
	struct extent *e;

	RB_FOREACH(e, extent_tree, &w->broker->graph->extents) {
		uint8_t b[8] = { 0 };

		if (!e->arena)
			continue;
		ck_assert_int_eq(memory_read(w->broker->memory, e->pa.first, b, sizeof(b)), 0);
		fprintf(f, "bytes at %" PRIx64 ":", e->pa.first);
		for (size_t i = 0; i < sizeof(b); i++)
			fprintf(f, " %02x", b[i]);
		fprintf(f, "\n");
	}
}

/* The arenas of the graph are those of memory. */
static void check_arenas(const struct world *w)
{
	struct memory_stats stats;
	const struct pool *pool;
	uint64_t n = 0;

	memory_get_stats(w->broker->memory, &stats);
	TAILQ_FOREACH(pool, &w->broker->graph->pools, link)
		n += pool->n_arenas;
	ck_assert_uint_eq(stats.n_arenas, n);
}

static void check_charges(const struct world *w)
{
	struct memory_stats stats;
	struct user *u;
	uint64_t n = 0;

	memory_get_stats(w->broker->memory, &stats);
	RB_FOREACH(u, user_tree, &w->broker->graph->users)
		n += u->table_bytes;
	ck_assert_uint_le(n, stats.table_bytes);
}

char *fingerprint(struct world *w, struct peer *p)
{
	const struct device *d;
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	ck_assert(f != NULL);
	world_check(w);
	check_arenas(w);
	check_charges(w);
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		print_table(f, p, tables[i].table, tables[i].columns);
	TAILQ_FOREACH(d, &w->broker->graph->devices, link)
		print_translations(f, d);
	print_bytes(f, w);
	fclose(f);
	return text;
}

void ck_same_fingerprint(const char *what, const char *before, const char *after)
{
	while (*before && *before == *after) {
		size_t a = strcspn(before, "\n"), b = strcspn(after, "\n");

		if (a != b || strncmp(before, after, a) != 0)
			break;
		before += a + (before[a] != 0);
		after += b + (after[b] != 0);
	}
	ck_assert_msg(!*before && !*after, "%s:\n\tbefore \"%.*s\"\n\tafter  \"%.*s\"", what,
		      (int)strcspn(before, "\n"), before, (int)strcspn(after, "\n"), after);
}
