// SPDX-License-Identifier: BSD-3-Clause
#include "vcmctl/graph.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vcm/attr.h>

/* Compares the numbers at the given columns, in their order. */
static int compare(const struct line *a, const struct line *b, const unsigned int *columns,
		   size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t x = a->n[columns[i]], y = b->n[columns[i]];

		if (x != y)
			return x < y ? -1 : 1;
	}
	return 0;
}

/* Defines a comparison for qsort() and bsearch(). */
#define BY(name, ...)                                                                              \
	static int name(const void *a, const void *b)                                              \
	{                                                                                          \
		static const unsigned int columns[] = { __VA_ARGS__ };                             \
                                                                                                   \
		return compare(a, b, columns, sizeof(columns) / sizeof(*columns));                 \
	}

BY(by_device, VCM_DEVICE_NUMBER)
BY(by_session, VCM_SESSION_ID)
BY(by_vcm, VCM_VCM_SESSION, VCM_VCM_HANDLE)
BY(by_bound, VCM_BOUND_SESSION, VCM_BOUND_VCM, VCM_BOUND_START)
BY(by_bound_vcm, VCM_BOUND_SESSION, VCM_BOUND_VCM)
BY(by_res, VCM_RES_SESSION, VCM_RES_VCM, VCM_RES_BOUND, VCM_RES_ADDR)
BY(by_res_vcm, VCM_RES_SESSION, VCM_RES_VCM)
BY(by_res_bound, VCM_RES_SESSION, VCM_RES_VCM, VCM_RES_BOUND)
BY(by_res_memory, VCM_RES_MEMORY)
BY(by_res_memory_all, VCM_RES_MEMORY, VCM_RES_SESSION, VCM_RES_VCM, VCM_RES_ADDR)
BY(by_physmem, VCM_PHYSMEM_MEMORY, VCM_PHYSMEM_SESSION, VCM_PHYSMEM_HANDLE)
BY(by_physmem_memory, VCM_PHYSMEM_MEMORY)
BY(by_assoc, VCM_ASSOC_SESSION, VCM_ASSOC_VCM, VCM_ASSOC_DEVICE)
BY(by_assoc_vcm, VCM_ASSOC_SESSION, VCM_ASSOC_VCM)

typedef int (*compare_fn)(const void *a, const void *b);

static int load_sorted(struct table *t, enum vcm_table_kind which, compare_fn by)
{
	int r = table_load(t, which, 0);

	if (r == 0 && t->n_lines)
		qsort(t->lines, t->n_lines, sizeof(*t->lines), by);
	return r;
}

/* The lines that equal key, in a table that is sorted accordingly. */
static struct lines select_lines(const struct table *t, const struct line *key, compare_fn by)
{
	struct lines found = { NULL, 0 };
	const struct line *end;

	if (t->n_lines)
		found.first = bsearch(key, t->lines, t->n_lines, sizeof(*t->lines), by);
	if (!found.first)
		return found;
	end = t->lines + t->n_lines;
	while (found.first > t->lines && by(found.first - 1, key) == 0)
		found.first--;
	while (found.first + found.n < end && by(found.first + found.n, key) == 0)
		found.n++;
	return found;
}

static int order_by_memory(struct graph *g)
{
	struct table *t = &g->by_memory;

	if (!g->reservations.n_lines)
		return 0;
	t->lines = calloc(g->reservations.n_lines, sizeof(*t->lines));
	if (!t->lines)
		return -ENOMEM;
	for (size_t i = 0; i < g->reservations.n_lines; i++)
		if (g->reservations.lines[i].n[VCM_RES_MEMORY])
			t->lines[t->n_lines++] = g->reservations.lines[i];
	qsort(t->lines, t->n_lines, sizeof(*t->lines), by_res_memory_all);
	return 0;
}

int graph_load(struct graph *g)
{
	int r;

	*g = (struct graph){ .devices = TABLE_NULL };
	r = load_sorted(&g->devices, VCM_TABLE_DEVICES, by_device);
	if (r == 0)
		r = load_sorted(&g->sessions, VCM_TABLE_SESSIONS, by_session);
	if (r == 0)
		r = load_sorted(&g->vcms, VCM_TABLE_VCMS, by_vcm);
	if (r == 0)
		r = load_sorted(&g->bounds, VCM_TABLE_BOUNDS, by_bound);
	if (r == 0)
		r = load_sorted(&g->reservations, VCM_TABLE_RESERVATIONS, by_res);
	if (r == 0)
		r = load_sorted(&g->physmems, VCM_TABLE_PHYSMEMS, by_physmem);
	if (r == 0)
		r = load_sorted(&g->assocs, VCM_TABLE_ASSOCS, by_assoc);
	if (r == 0)
		r = order_by_memory(g);
	return r;
}

void graph_deinit(struct graph *g)
{
	free(g->by_memory.lines);
	table_deinit(&g->assocs);
	table_deinit(&g->physmems);
	table_deinit(&g->reservations);
	table_deinit(&g->bounds);
	table_deinit(&g->vcms);
	table_deinit(&g->sessions);
	table_deinit(&g->devices);
}

const struct line *graph_device(const struct graph *g, uint64_t number)
{
	const struct line key = { .n = { [VCM_DEVICE_NUMBER] = number } };

	return select_lines(&g->devices, &key, by_device).first;
}

const struct line *graph_session(const struct graph *g, uint64_t id)
{
	const struct line key = { .n = { [VCM_SESSION_ID] = id } };

	return select_lines(&g->sessions, &key, by_session).first;
}

const struct line *graph_vcm(const struct graph *g, uint64_t session, uint64_t handle)
{
	const struct line key = { .n = { [VCM_VCM_SESSION] = session, [VCM_VCM_HANDLE] = handle } };

	return select_lines(&g->vcms, &key, by_vcm).first;
}

struct lines graph_vcm_bounds(const struct graph *g, const struct line *vcm)
{
	const struct line key = { .n = { [VCM_BOUND_SESSION] = vcm->n[VCM_VCM_SESSION],
					 [VCM_BOUND_VCM] = vcm->n[VCM_VCM_HANDLE] } };

	return select_lines(&g->bounds, &key, by_bound_vcm);
}

struct lines graph_vcm_reservations(const struct graph *g, const struct line *vcm)
{
	const struct line key = { .n = { [VCM_RES_SESSION] = vcm->n[VCM_VCM_SESSION],
					 [VCM_RES_VCM] = vcm->n[VCM_VCM_HANDLE] } };

	return select_lines(&g->reservations, &key, by_res_vcm);
}

struct lines graph_bound_reservations(const struct graph *g, const struct line *vcm, uint64_t bound)
{
	const struct line key = { .n = { [VCM_RES_SESSION] = vcm->n[VCM_VCM_SESSION],
					 [VCM_RES_VCM] = vcm->n[VCM_VCM_HANDLE],
					 [VCM_RES_BOUND] = bound } };

	return select_lines(&g->reservations, &key, by_res_bound);
}

struct lines graph_vcm_assocs(const struct graph *g, const struct line *vcm)
{
	const struct line key = { .n = { [VCM_ASSOC_SESSION] = vcm->n[VCM_VCM_SESSION],
					 [VCM_ASSOC_VCM] = vcm->n[VCM_VCM_HANDLE] } };

	return select_lines(&g->assocs, &key, by_assoc_vcm);
}

const struct line *graph_next_assoc(const struct graph *g, const struct line *device,
				    const struct line *prev)
{
	const struct table *t = &g->assocs;

	for (size_t i = prev ? (size_t)(prev - t->lines) + 1 : 0; i < t->n_lines; i++)
		if (t->lines[i].n[VCM_ASSOC_DEVICE] == device->n[VCM_DEVICE_NUMBER])
			return &t->lines[i];
	return NULL;
}

const struct line *graph_memory(const struct graph *g, uint64_t memory)
{
	const struct line key = { .n = { [VCM_PHYSMEM_MEMORY] = memory } };

	return select_lines(&g->physmems, &key, by_physmem_memory).first;
}

struct lines graph_memory_handles(const struct graph *g, const struct line *first)
{
	return select_lines(&g->physmems, first, by_physmem_memory);
}

struct lines graph_memory_reservations(const struct graph *g, uint64_t memory)
{
	const struct line key = { .n = { [VCM_RES_MEMORY] = memory } };

	return select_lines(&g->by_memory, &key, by_res_memory);
}

const char *graph_program(char buf[FORMAT_LEN], const struct graph *g, uint64_t session)
{
	const struct line *l = graph_session(g, session);

	if (l)
		snprintf(buf, FORMAT_LEN, "%.64s[%" PRIu64 "]", line_text(l, 0),
			 l->n[VCM_SESSION_PID]);
	else
		snprintf(buf, FORMAT_LEN, "session %" PRIu64, session);
	return buf;
}

const char *graph_vcm_extent(char buf[FORMAT_LEN], const struct line *vcm)
{
	char addr[FORMAT_LEN], size[FORMAT_LEN];

	switch ((enum vcm_type)vcm->n[VCM_VCM_TYPE]) {
	case VCM_EXT_USER:
		return "memory of the process";
	case VCM_EXT_KERNEL:
		return "memory of the broker";
	case VCM_DEVICE:
	case VCM_ONE_TO_ONE:
		break;
	}
	snprintf(buf, FORMAT_LEN, "%.20s + %.20s%s", format_addr(addr, vcm->n[VCM_VCM_START]),
		 format_size(size, vcm->n[VCM_VCM_LEN]),
		 vcm->n[VCM_VCM_TYPE] == VCM_ONE_TO_ONE ? " one-to-one" : "");
	return buf;
}

const char *graph_res_addr(char buf[FORMAT_LEN], const struct line *res)
{
	return res->n[VCM_RES_ADDR] == 1 ? "?" : format_addr(buf, res->n[VCM_RES_ADDR]);
}
