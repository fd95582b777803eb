/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A page table that the kernel keeps: here it is a list of runs, each one mapping of the kernel's, and the containers that
 * have them all.
 *
 *	va    0x100000      0x110000      0x111000
 *	      |--- run -----|--- run -----|		one map call each: neighbours in it are merged, as far as they
 *	at    0x7f..200000  0x7f..731000  		are neighbours in this process
 *
 * Of what one map call mapped nothing is ever unmapped in part: the kernel splits no mapping. A run that the kernel refuses
 * to unmap stays in the list for ever, so that nothing is mapped there again, and its memory must not be used again.
 *
 * New attributes of a run (protect) are an unmap and a map, as the kernel changes none: for a moment the device faults.
 */
#pragma once

#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/backend.h"
#include "backend/vfio/kernel.h"
#include "backend/vfio/vfio.h"

struct vfio_run {
	RB_ENTRY(vfio_run) link;
	struct vfio_dma dma;
	uint64_t pa;
};

RB_HEAD(vfio_runs, vfio_run);
RB_PROTOTYPE(vfio_runs, vfio_run, link, run_cmp)

/* A group's address space. Mappings are made and taken back in it while it has a table. */
struct vfio_container {
	LIST_ENTRY(vfio_container) link; /* in the table */
	const struct vfio_kernel *kernel;
	int fd;
	unsigned int group;
	struct vfio_info info;
	struct vfio_table *table;
	bool inherited; /* may hold mappings that were made before this process */
	bool doubtful;  /* of which it is not known what they map */
};

LIST_HEAD(vfio_container_list, vfio_container);

struct vfio_table {
	LIST_ENTRY(vfio_table) link; /* in the format */
	struct vfio_format *format;
	struct vfio_runs runs;
	size_t n_runs;
	uint64_t len; /* bytes of them */
	struct vfio_container_list users;
};

extern const struct table_ops vfio_table_ops;

/* Its tables are freed with it. */
void vfio_format_leave(struct vfio_format *format);

static inline struct vfio_table *vfio_table_of(struct table *t)
{
	return (struct vfio_table *)(void *)t;
}

/* The run that holds va; NULL. */
const struct vfio_run *vfio_table_find(struct vfio_table *t, uint64_t va);
/*
 * All of the table becomes visible through the container, which has no table. What it holds from before this process
 * stays without a gap where it is the same, and goes where the table does not have it.
 * 0; -ENOSPC, -ENOMEM, -EIO with the limit and what is left of it: then nothing of the table is there, or, if the kernel does
 * not even unmap what came of it, c->table says so.
 */
int vfio_table_load(struct vfio_container *c, struct vfio_table *t, struct reason *why);
/* The table is the container's, whatever of it is mapped. */
void vfio_table_keep(struct vfio_container *c, struct vfio_table *t);
/* Nothing is visible through the container any more. 0; -EIO: some of it is, and the table stays its. */
int vfio_table_unload(struct vfio_container *c, struct reason *why);
/* What it holds from before this process goes. 0, -EIO. */
int vfio_container_clear(struct vfio_container *c, struct reason *why);
