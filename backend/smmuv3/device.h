/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The driver's inside, shared by its parts: device.c (reset, enable, stop), queue.c (commands and their errors, event
 * records), stream.c (stream table and descriptors), space.c (tables and their ASIDs), left.c (what an earlier process has
 * left running), fault.c. Nobody outside this folder includes it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "backend/backend.h"
#include "backend/smmuv3/a64.h"
#include "backend/smmuv3/registers.h"
#include "backend/smmuv3/smmuv3.h"

/*
 * A queue in table memory. prod and cons count entries modulo twice the size, as the registers do: equal is empty,
 * apart by the size is full.
 */
struct v3_queue {
	uint64_t *at;
	uint64_t pa;
	size_t len;
	unsigned int log2;
	uint32_t prod, cons;
};

/* A table that is active on this SMMU, with the ASID of its TLB entries. Free when n_contexts is 0. */
struct v3_space {
	struct stale_user user; /* first */
	struct smmuv3 *smmu;
	struct table *table;
	unsigned int n_contexts;
	uint16_t asid;
};

/* The longest block of table memory that a bus gives (memory/tables.h). */
#define V3_BLOCK_MAX SZ_64K

#define V3_WAITING_MAX 16
#define V3_TIMEOUT_US 100000

/*
 * Stalled transactions, by STAG, oldest first; several of one master may wait. Only the first has been reported. Its
 * verdict is final for it alone; the others are retried then, and fault again if nothing has changed.
 */
struct v3_context {
	char *name;
	uint32_t stream;
	bool stall;
	struct v3_space *space; /* NULL: parked */
	unsigned int cd;        /* which of its two descriptors is in use, or was last */
	uint16_t left_asid; /* of the table of an earlier process that it still uses; 0: of none */
	uint16_t waiting[V3_WAITING_MAX];
	unsigned int n_waiting;
	uint64_t forgotten; /* stalls recorded up to this event are over */
	uint64_t former;    /* and what is recorded up to this one is not about what it has now */
};

struct smmuv3 {
	struct backend backend; /* first */
	const struct mmio *io;
	const struct irq *irq;
	int wait_fd;  /* an epoll of the interrupt and of again_fd */
	int again_fd; /* an eventfd: the caller shall come back, interrupt or not */
	struct bus bus;
	char *name;
	uint64_t base;
	uint32_t version;
	unsigned int timeout_us;
	bool coherent, asid16, ats, can_stall, must_stall, two_level;
	unsigned int pa_bits, sid_bits; /* sid_bits: of the stream table */
	bool stopped;                   /* it aborts everything, for good */
	bool lost; /* it was to stop, and does not answer: its masters may reach memory */
	const bool *outlives; /* as the config says */
	bool left;            /* ops->leave was called */

	struct v3_queue cmdq, evtq;
	bool cmd_failed;      /* since the last sync */
	uint32_t overflow;    /* OVACKFLG, where OVFLG has it */
	uint64_t n_events;    /* taken from the queue */
	uint64_t n_strangers; /* of them, of streams that are nobody's */

	uint64_t strtab_pa, *strtab; /* linear: the entries; two-level: L1 descriptors */
	size_t strtab_len;
	uint64_t cds_pa, *cds; /* the parking descriptor, then two for each context */
	size_t cds_len;

	struct v3_context *contexts;
	struct v3_space *spaces; /* one more than contexts: replace has two at a time */
	unsigned int n_contexts;
};

/* --- device.c */

uint32_t v3_read(const struct smmuv3 *s, uint32_t reg);
void v3_write(const struct smmuv3 *s, uint32_t reg, uint32_t value);
void v3_write64(const struct smmuv3 *s, uint32_t reg, uint64_t value);
/* Until the register's bits of mask are value: 0, or -EIO when the hardware takes too long. */
int v3_wait(const struct smmuv3 *s, uint32_t reg, uint32_t mask, uint32_t value);
/* The same by hand. Asked before the last look at the register. */
uint64_t v3_deadline(const struct smmuv3 *s);
bool v3_is_late(uint64_t deadline);
/* What is allocated for len bytes. */
size_t v3_block(size_t len);
/* Zeroed table memory of at least len bytes; *out_len is what it became. 0 or -ENOMEM. */
int v3_alloc(struct smmuv3 *s, size_t len, uint64_t *out_pa, uint64_t **out_at, size_t *out_len);
/* What the hardware is, into s; whether the driver can work with it. */
int v3_identify(struct smmuv3 *s, const struct smmuv3_config *config, struct reason *why);
/* From unknown, to off and aborting. 0 or -EIO. */
int v3_quiesce(struct smmuv3 *s);
/* Queues and stream table stand: enables. */
int v3_enable(struct smmuv3 *s);
/* It runs: queues and caches are emptied meanwhile, and events wait to be enabled: v3_listen(). 0 or -EIO. */
int v3_go_on(struct smmuv3 *s);
int v3_listen(struct smmuv3 *s);
/* The last resort: nothing is translated any more. */
void v3_stop(struct smmuv3 *s, const char *because);

/* --- queue.c */

int v3_queues_init(struct smmuv3 *s, unsigned int log2);
/* Hardware sees it with the next sync. */
void v3_command(struct smmuv3 *s, uint64_t word0, uint64_t word1);
/* Returns when all commands have taken effect: 0; -EIO: one of them was refused, or the queue stands still (then the SMMU
 * is stopped). */
int v3_sync(struct smmuv3 *s);
/* The next event record, out of the queue. */
bool v3_event(struct smmuv3 *s, uint64_t record[4]);
/* Events that hardware has recorded and nobody has taken. */
uint32_t v3_events_pending(struct smmuv3 *s);
/* Looks for global errors and answers them. */
void v3_check_errors(struct smmuv3 *s);

/* --- stream.c */

#define V3_L2_BYTES ((size_t)STE_LEN << STRTAB_SPLIT)

int v3_streams_init(struct smmuv3 *s, struct reason *why);
/* The same over a stream table that is in use: streams that are nobody's are aborted, the others stay as they are. */
int v3_streams_adopt(struct smmuv3 *s, struct reason *why);
/* Until one returns what is not 0, which these return. -EFAULT: an entry leads out of table memory. */
int v3_each_l2(struct smmuv3 *s, int (*fn)(struct smmuv3 *s, uint64_t pa));
int v3_each_stream(struct smmuv3 *s, int (*fn)(struct smmuv3 *s, uint32_t stream, uint64_t *ste));
size_t v3_strtab_bytes(const struct smmuv3 *s);
void v3_streams_deinit(struct smmuv3 *s);
/*
 * Points the context's stream at a table (NULL: parks it) and returns when hardware uses nothing else. One store of 64
 * bits switches, so that there is no moment in between. -EIO: the stream is where it was, or the SMMU is stopped.
 */
int v3_stream_switch(struct smmuv3 *s, struct v3_context *c, struct v3_space *space);

/* --- space.c */

/* The space of a table, with one context more. NULL: every ASID is taken. */
struct v3_space *v3_space_get(struct smmuv3 *s, struct table *t);
/* With the last context the TLB forgets it. No stream uses it for this context any more. */
void v3_space_put(struct v3_space *space);
/* The context does not use any more what an earlier process had given it. */
void v3_left_forget(struct smmuv3 *s, struct v3_context *c);

/* --- left.c */

/* The stream table and the queues that the registers name, into s. 0; -EINVAL, -EFAULT: they are not this driver's. */
int v3_find_left(struct smmuv3 *s);
/* They are s's own from now on. */
void v3_take_left(struct smmuv3 *s);
/* Of the table that an entry leads to; 0: to none. */
uint16_t v3_left_asid(const struct smmuv3 *s, uint64_t ste);

/* --- fault.c */

int v3_fault_next(struct backend *b, struct fault *out);
int v3_fault_resume(struct backend *b, unsigned int context, bool retry);
/* What stalls of the context is terminated, and what was recorded of it waits no more. The context is parked. */
void v3_faults_forget(struct smmuv3 *s, struct v3_context *c);
/* What has been recorded is not about what the context has from now on. */
void v3_faults_part(struct smmuv3 *s, struct v3_context *c);
/* The same as v3_faults_forget() for what has been taken as a fault, while its stream goes on. */
void v3_faults_abort(struct smmuv3 *s, struct v3_context *c);
