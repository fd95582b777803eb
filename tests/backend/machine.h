/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A machine for tests: table memory and RAM at physical addresses, one simulated SMMU on its bus, and the driver for it.
 *
 *	0x10000000  tables (8 MB)	the bus's table_alloc gives from here; no master is ever told to go there
 *	0x40000000  RAM (32 MB)		what transactions read and write
 *
 * Everything else is no memory: the bus refuses it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/backend.h"
#include "backend/bus.h"
#include "backend/sim/sim.h"
#include "backend/smmu/smmu.h"
#include "tests/backend/tap.h"

#define TABLES_PA UINT64_C(0x10000000)
#define TABLES_LEN UINT64_C(0x800000)
#define RAM_PA UINT64_C(0x40000000)
#define RAM_LEN UINT64_C(0x2000000)

#define MACHINE_CONTEXTS 6
#define MACHINE_BANKS 4 /* three of them for contexts */

/* Blocks that were freed, by size, to be given again. */
struct machine_free {
	uint64_t pa;
	struct machine_free *next;
};

struct machine {
	uint8_t *tables, *ram;
	uint64_t tables_used;          /* bump pointer */
	struct machine_free *freed[8]; /* by log2(len) - 10 */
	size_t tables_live;            /* allocated and not freed */
	size_t table_fails_at;         /* the nth table allocation from now fails; 0: none */
	bool (*on_free)(void *ctx);    /* asked when table memory comes back; NULL: nobody */
	void *on_free_ctx;
	uint8_t held[TABLES_LEN / 1024]; /* 1: what an earlier driver has left; 2: and is taken */
	struct bus bus;
	struct sim *sim;
	struct tap tap; /* between the two */
	struct v7s *format;
	struct backend *smmu; /* contexts "ctx0".. with MIDs 0.. */
};

/* Without an SMMU: only the bus. Aborts when it cannot. */
void machine_init_bus(struct machine *m);
/* entries and ways of the TLB. */
void machine_init(struct machine *m, unsigned int entries, unsigned int ways);
/* The two halves of it: hardware, then the driver (smmu_new()'s result). */
void machine_init_hardware(struct machine *m, unsigned int entries, unsigned int ways);
int machine_init_driver(struct machine *m);
/* Of a driver that has left: all table memory that is not held is filled with nonsense, and what was free is forgotten; then,
 * what is held and nobody has taken. */
void machine_spoil_rest(struct machine *m);
void machine_let_go(struct machine *m);
/* Asserts that no table memory is left. */
void machine_deinit(struct machine *m);

/* The view of physical memory that a person with a debugger has. */
uint32_t machine_word(struct machine *m, uint64_t pa);
void machine_poke(struct machine *m, uint64_t pa, uint32_t word);

/* A transaction that must end at once: its result. */
int machine_read(struct machine *m, unsigned int mid, uint64_t addr, void *buf, size_t len);
int machine_write(struct machine *m, unsigned int mid, uint64_t addr, const void *buf, size_t len);

/* An update of one table. */
int machine_map(struct table *t, uint64_t va, uint64_t pa, uint64_t len, uint64_t sizes,
		struct map_attr attr);
int machine_unmap(struct table *t, uint64_t va, uint64_t len);
int machine_protect(struct table *t, uint64_t va, uint64_t len, struct map_attr attr);

#define MAP_RW ((struct map_attr){ .read = true, .write = true, .user = true, .cache = 1 })
#define MAP_RO ((struct map_attr){ .read = true, .user = true, .cache = 1 })
#define ALL_SIZES (SZ_4K | SZ_64K | SZ_1M | SZ_16M)
