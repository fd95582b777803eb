/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The mapping graph as the broker's tables describe it, in an order that can be drawn:
 *
 *	device <-- assoc --> vcm --> (bound -->) reservation --> memory
 *
 * The tables are read one after the other, so an edge may lead to something that is gone, or not yet there: look-ups
 * return NULL then.
 */
#pragma once

#include <stdbool.h>

#include "vcmctl/format.h"
#include "vcmctl/table.h"

struct graph {
	struct table devices;      /* by number */
	struct table sessions;     /* by id */
	struct table vcms;         /* by session and handle */
	struct table bounds;       /* by session, vcm and start */
	struct table reservations; /* by session, vcm, bound and address */
	struct table physmems;     /* by memory: one line for each handle of it */
	struct table assocs;       /* by session, vcm and device */
	struct table
		by_memory; /* the backed reservations again, by memory; the lines borrow their texts */
};

/* Lines of one table that lie together. */
struct lines {
	const struct line *first;
	size_t n;
};

/* 0, or a negative errno; the graph is to be deinitialised in any case, and so are zeroes. */
int graph_load(struct graph *g);
void graph_deinit(struct graph *g);

const struct line *graph_device(const struct graph *g, uint64_t number);
const struct line *graph_session(const struct graph *g, uint64_t id);
const struct line *graph_vcm(const struct graph *g, uint64_t session, uint64_t handle);
struct lines graph_vcm_bounds(const struct graph *g, const struct line *vcm);
/* Those outside bounds come first. */
struct lines graph_vcm_reservations(const struct graph *g, const struct line *vcm);
/* bound is a handle, 0 for those outside bounds. */
struct lines graph_bound_reservations(const struct graph *g, const struct line *vcm,
				      uint64_t bound);
struct lines graph_vcm_assocs(const struct graph *g, const struct line *vcm);
/* The device's association after prev, or its first one for NULL; NULL at the end. */
const struct line *graph_next_assoc(const struct graph *g, const struct line *device,
				    const struct line *prev);
/* The first handle of that memory. */
const struct line *graph_memory(const struct graph *g, uint64_t memory);
/* All handles of one memory; first is the first physmem of it. */
struct lines graph_memory_handles(const struct graph *g, const struct line *first);
struct lines graph_memory_reservations(const struct graph *g, uint64_t memory);

/* "three-way[4711]" */
const char *graph_program(char buf[FORMAT_LEN], const struct graph *g, uint64_t session);
/* "0x00001000 + 256M", "memory of the process", "0x40000000 + 2M one-to-one" */
const char *graph_vcm_extent(char buf[FORMAT_LEN], const struct line *vcm);
/* Its address; "?" while that is not known. */
const char *graph_res_addr(char buf[FORMAT_LEN], const struct line *res);

/* The pictures, on standard output. */
void graph_print_text(const struct graph *g);
void graph_print_dot(const struct graph *g);
void graph_print_json(const struct graph *g);
