/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kinds of IOMMUs are built with. Included by machine.c and machine-*.c only.
 *
 * A kind reads its sections of the configuration, and adds backends and the devices behind them. The vcms' tables are of
 * a format, one for each pair of (backend->format, backend->format_ctx) that backends have: it comes with the first.
 */
#pragma once

#include "backend/backend.h"
#include "backend/bus.h"
#include "backend/vfio/open.h"
#include "base/reason.h"
#include "vcmd/machine-pages.h"
#include "vcmd/machine.h"

struct config;
struct config_smmu;
struct window;

/*
 * At start: all are quiet, then there is memory, then all add what they have.
 */
struct machine_kind {
	/* Before anything has memory: hardware that a former life has left running is made quiet, unless this one can go on with
	 * it. NULL: there is none. */
	int (*quiet)(struct machine *m, struct reason *why);
	/* Backends and devices. */
	int (*add)(struct machine *m, struct reason *why);
	/* Those of a configuration that the machine has not, to a machine in service. NULL: there are none. */
	int (*extend)(struct machine *m, const struct config *to, struct reason *why);
};

extern const struct machine_kind machine_smmu, machine_smmuv3, machine_vfio;

/* An IOMMU, as machine_add_backend() takes it. */
struct machine_backend {
	struct backend *backend; /* freed through its ops, with the machine; also on failure */
	struct sim *sim;         /* NULL unless it is simulated */
	const char *name;        /* lives as long as the machine */
	uint64_t base;
	bool physical; /* it reaches memory by the addresses in its tables: these must be the bus's */
};

struct broker *machine_broker(const struct machine *m);
const struct config *machine_config(const struct machine *m);
/* Where simulated hardware sees memory and its tables; and where real hardware does: its tables are the bus's. */
const struct bus *machine_bus(const struct machine *m);
const struct bus *machine_real_bus(const struct machine *m);

/* machine-memory.c: windows, pools and table memory of the configuration. 0, -ENOMEM, or why there are none. */
int machine_add_memory(struct machine *m, struct reason *why);
/* Pools of a configuration that the machine has not. What was added before a failure is the caller's to take back. */
int machine_add_pools(struct machine *m, const struct config *to, struct reason *why);
/* Whether some table memory of real hardware is mapped without the CPU's caches. */
bool machine_tables_are_uncached(const struct machine *m);
void machine_note_uncached_tables(struct machine *m);

/* machine-pages.h */
struct machine_pages *machine_pages(struct machine *m);

/* A broker before this one has left its books: what hardware does is wanted, or will be ended by machine_settle(). */
bool machine_is_resumed(const struct machine *m);
/* Of what it has left, whatever physical IOMMUs of the machine have not been told to do again ends, and table memory that was
 * held for it is free. 0, -EIO. */
int machine_settle_physical(struct machine *m, struct reason *why);

/* What machine-smmuv3.c knows of its hardware between quiet and add. */
void **machine_smmuv3s(struct machine *m);

/* machine-vfio.c: files of VFIO that outlive the broker. */
struct vfio_given machine_vfio_given(struct machine *m);
void machine_vfio_keep(const struct machine *m, enum vfio_file file, uint64_t number, int fd);

/* machine-registers.c: len bytes of registers, kept with the machine. 0, or why they cannot be reached. */
int machine_open_registers(struct machine *m, const struct config_smmu *c, uint64_t len,
			   struct window **out, struct reason *why);

/* thing is freed with the machine, after whatever is kept or added later; at once when this fails. 0, -ENOMEM. */
int machine_keep(struct machine *m, void *thing, void (*free)(void *thing), struct reason *why);

/* Zeroed, and freed with the machine. NULL without memory. */
void *machine_keep_new(struct machine *m, size_t len, struct reason *why);

struct machine_unit;
/* 0, -ENOMEM. */
int machine_add_backend(struct machine *m, const struct machine_backend *b,
			struct machine_unit **out, struct reason *why);
/* A device of the graph, behind the backend's context of that name. 0; -EINVAL, -ENOENT, -ENOMEM. */
int machine_add_context(struct machine_unit *u, const char *name, unsigned int mid,
			const struct config_rule *allow, struct reason *why);
/* The same, with more of struct machine_device: its mid, allow, open, about, and smmu if that is not NULL. */
int machine_add_device(struct machine_unit *u, const char *name, const struct machine_device *of,
		       struct reason *why);
