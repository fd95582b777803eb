/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel's VFIO type 1 in small: containers that keep its rules, and devices that do DMA through them when they are
 * bus masters. What it refuses and with which error was seen on Linux 6.1.
 *
 * And a machine around it: memory of two arenas that are apart in this process, a container a group, a device or two in
 * each, and a backend over all of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/vfio/kernel.h"
#include "backend/vfio/table.h"
#include "backend/vfio/vfio.h"

#define MODEL_MAPPINGS 64
#define MODEL_GROUPS 2
#define MODEL_DEVICES 3

struct model_mapping {
	struct vfio_dma dma;
	bool given_up;
};

struct model_container {
	int fd;
	struct model_mapping mappings[MODEL_MAPPINGS];
	size_t n;
};

struct model_device {
	int fd;
	size_t group;
	bool bus_master;
	unsigned int n_faults;
};

enum model_call { MODEL_MAP, MODEL_UNMAP, MODEL_BUS_MASTER, MODEL_CALLS };

struct vfio_model {
	struct vfio_kernel kernel;
	struct model_container containers[MODEL_GROUPS];
	struct model_device devices[MODEL_DEVICES];
	size_t entries;     /* that a container can hold */
	uint64_t pin_limit; /* bytes that may be pinned */
	bool can_take_over;
	bool ranges_only; /* a kernel before 5.12 */
	unsigned int fail_in
		[MODEL_CALLS]; /* 1: the next call of that kind fails with -EIO, as does every one after it */
	unsigned int fails_once[MODEL_CALLS]; /* 1: the next call of that kind does, and no other */
	unsigned int n_calls[MODEL_CALLS];
	uint64_t page_sizes;
	size_t n_apertures;  /* that it tells of: older kernels tell of none */
	unsigned int n_gaps; /* mappings of a live bus master that went away */
};

void model_init(struct vfio_model *m);
void model_deinit(struct vfio_model *m);

size_t model_count(const struct vfio_model *m, size_t group);
uint64_t model_pinned(const struct vfio_model *m);
/* The mapping that starts there; NULL. */
const struct model_mapping *model_find(const struct vfio_model *m, size_t group, uint64_t iova);
/* The device reads or writes, byte by byte; false, and a fault is counted, at the first that is not mapped for it. A device
 * that is no bus master does nothing, and nobody hears of it. */
bool model_dma(struct vfio_model *m, size_t device, uint64_t iova, bool write, void *buf,
	       size_t len);

/* --- the machine; device 0 is alone in group 0, devices 1 and 2 are in group 1 --- */

#define MODEL_PA_A UINT64_C(0x40000000) /* 1 MB */
#define MODEL_PA_B UINT64_C(0x40100000) /* 1 MB more, which is elsewhere in this process */
#define MODEL_ARENA_LEN SZ_1M

struct vfio_machine {
	struct vfio_model model;
	struct vfio_format *format;
	struct backend *backend;
	uint8_t *arenas[2];
	bool doubtful;              /* what is inherited */
	bool same_rid;              /* device 2 has that of device 0, in another segment */
	struct vfio_faults *faults; /* of the next backend; that owns it */
};

extern const struct map_attr model_rw, model_ro;

/* inherited: the containers hold what a process before this one has mapped. */
void machine_init(struct vfio_machine *m);
void machine_start(struct vfio_machine *m, bool inherited);
/* The backend and its files go, as with the process that had them; what the model holds stays. */
void machine_crash(struct vfio_machine *m);
void machine_deinit(struct vfio_machine *m);
/* The bytes at pa. */
uint8_t *machine_at(const struct vfio_machine *m, uint64_t pa);

struct table *machine_table(struct vfio_machine *m);
int machine_map(struct table *t, uint64_t va, uint64_t pa, uint64_t len, struct map_attr attr);
int machine_activate(struct vfio_machine *m, unsigned int device, struct table *t,
		     struct reason *why);
int machine_deactivate(struct vfio_machine *m, unsigned int device, struct reason *why);
