/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A model of an SMMUv3 for the suites of its driver, written from the architecture and not from the driver: numbers are
 * literal here. It is as unkind as the architecture allows.
 *
 *	registers	read and written 32 bits at a time; CR0ACK, GBPA, IRQ_CTRLACK follow; EVTQ_PROD and CONS on page 1
 *	commands	consumed from memory when PROD is written; a wrong one stops the queue with CERROR and GERROR
 *	caches		of STEs with their descriptors (by stream), of translations (by ASID and address), and of the
 *			addresses of last-level tables: all of them are kept, and used, until a command names them
 *	contiguous	a group of sixteen is cached page by page, or whole, turn about
 *	conflicts	two cached translations of different size for one address are F_TLB_CONFLICT
 *	events		written to memory; a full queue toggles OVFLG, or (the way of QEMU) raises a global error
 *	off		SMMUEN = 0 lets traffic through untranslated, unless GBPA.ABORT is set: tests see it
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend/bus.h"
#include "backend/irq.h"
#include "backend/mmio.h"

enum {
	V3_STALL_BOTH = 0,
	V3_STALL_NEVER = 1,
	V3_STALL_FORCED = 2,
};

struct v3_model_config {
	unsigned int sid_bits, queue_bits; /* 0: 16 and 8 */
	unsigned int stall_model;
	unsigned int oas; /* as IDR5 has it; 0: 5, 48 bits */
	bool asid8, linear_only, incoherent, bbm_needed, error_when_full, ats;
};

/* How a transaction comes. */
enum {
	V3_WRITE = 1,
	V3_PRIVILEGED = 2,
	V3_INSTRUCTION = 4,
	V3_TRANSLATED = 8, /* so it says: by ATS */
};

struct v3_model;

/* Aborts when it cannot. bus must outlive it. */
struct v3_model *v3_model_new(const struct v3_model_config *config, const struct bus *bus);
void v3_model_free(struct v3_model *m);
const struct mmio *v3_model_mmio(struct v3_model *m);
const struct irq *v3_model_irq(struct v3_model *m);

/*
 * A transaction of at most 8 bytes within a page. 0; -EFAULT: aborted; -EINPROGRESS: it stalls, and v3_model_result() is
 * the same until it is resumed. buf must live until then.
 */
int v3_model_access(struct v3_model *m, uint32_t stream, unsigned int how, uint64_t va, void *buf,
		    size_t len);
/* Of the last transaction of the stream that stalled. */
int v3_model_result(struct v3_model *m, uint32_t stream);
unsigned int v3_model_n_stalled(const struct v3_model *m);
/* MAIR byte and SH of the last translation. */
unsigned int v3_model_mair(const struct v3_model *m);
unsigned int v3_model_sh(const struct v3_model *m);
/* Transactions that went through untranslated, ever. */
unsigned int v3_model_n_bypassed(const struct v3_model *m);

/* An event record as some stream's transaction would cause it. */
void v3_model_record(struct v3_model *m, const uint64_t record[4]);

/* Commands by opcode, consumed so far. */
unsigned int v3_model_n_commands(const struct v3_model *m, unsigned int opcode);

/* Broken hardware: the next `count` occasions. */
enum v3_failure {
	V3_FAIL_ILLEGAL, /* a command is refused: those with the opcode of v3_model_refuse() only */
	V3_FAIL_ATC_SYNC,    /* a SYNC ends with CERROR_ATC_INV_SYNC, and can be tried again */
	V3_FAIL_FETCH,       /* the fetch of a command is aborted */
	V3_FAIL_HANG,        /* a write of CMDQ_PROD starts nothing */
	V3_FAIL_ENABLE,      /* CR0 is not acknowledged */
	V3_FAIL_GBPA,        /* GBPA.UPDATE stays */
	V3_FAIL_EVENT_WRITE, /* an event record cannot be written: a global error */
	V3_FAILURES,
};
void v3_model_fail(struct v3_model *m, enum v3_failure what, unsigned int count);
void v3_model_refuse(struct v3_model *m, unsigned int opcode, unsigned int count);
/* Raises bits of GERROR that are not raised. */
void v3_model_raise(struct v3_model *m, uint32_t error);
