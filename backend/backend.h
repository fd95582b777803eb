/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One IOMMU as the broker sees it: a table of operations in the image of the posting's smmu_* functions.
 *
 *	backend  --- has --->  contexts (0 .. n_contexts - 1), each the view of one bus master, known by name
 *	table                  a page table of one format; any number of contexts of that format may be active on it
 *
 * A table belongs to a format, not to a backend: two SMMUs of one format share the tables of a vcm. What a table's
 * map and unmap change becomes visible to every context that is active on it, in whatever backend, at update_done.
 *
 * Nothing here blocks. Faults arrive as a readable fd.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/range.h"
#include "base/reason.h"

struct backend;
struct table;

/* What may be done through a mapping, as the hardware will enforce it. */
struct map_attr {
	bool read, write, execute;
	bool user; /* unprivileged access too; otherwise privileged only */
	bool shareable;
	bool secure;
	uint8_t cache; /* 0 to 9, the values of VCM_CACHE_POLICY in <vcm/attr.h> */
};

struct backend_caps {
	uint64_t page_sizes;  /* bit n set: blocks of 2^n bytes */
	unsigned int va_bits; /* addresses are below 2^va_bits */
	unsigned int pa_bits;
	unsigned int n_contexts; /* named by the configuration */
	unsigned int n_banks;    /* hardware contexts: how many can be active at once */
	bool split;              /* a low and a high table on one context */
	bool stall;              /* a faulting transaction can wait for a verdict */
	bool atomic_switch;      /* one table is replaced by another without a gap */
	bool simulated;          /* sim_* below work */
};

/* Where a table sits on a context. */
enum half {
	HALF_LOW,
	HALF_HIGH,
};

struct fault {
	unsigned int context;
	uint64_t addr; /* device address, page exact at least */
	uint64_t len;  /* bytes of the transaction, 0 unknown */
	bool write, execute, privileged;
	bool stalled;    /* waits for fault_resume() */
	bool permission; /* mapped, but not for this access */
	bool former; /* of what was active on the context before, of nothing, or nobody knows of what */
	uint32_t fsr, fsynr0, fsynr1;
};

/* Page-table formats. One object a format, shared by its backends. */
struct table_ops {
	const char *name; /* "armv7s" */
	uint64_t page_sizes;
	unsigned int va_bits;

	/* NULL without memory. The table is empty: every address faults. */
	struct table *(*new)(void *format_ctx);
	/* No context is active on it. Entries left in it are dropped. */
	void (*free)(struct table *t);
	/*
	 * Maps va -> pa, len bytes, all multiples of 4 KB, with the fewest blocks among sizes (a subset of page_sizes as a
	 * mask; 4 KB pages only where sizes has them, as an address that is not aligned to the smallest size is -EINVAL).
	 * 0; -EEXIST when part of it is mapped; -ENOMEM; -EINVAL beyond va_bits: then nothing has changed. -EIO: neither is it
	 * mapped, nor is the memory out of reach, for ever.
	 */
	int (*map)(struct table *t, uint64_t va, uint64_t pa, uint64_t len, uint64_t sizes,
		   struct map_attr attr);
	/*
	 * Removes [va, va + len), splitting a block that is only partly inside.
	 * Cannot fail where it needs no split: exactly what one map call mapped, or a union of such.
	 * Otherwise -ENOMEM, and nothing has changed. What is not mapped is passed over.
	 */
	int (*unmap)(struct table *t, uint64_t va, uint64_t len);
	/* New attributes for what is mapped in the range. Cannot fail on the extent of whole map calls. */
	int (*protect)(struct table *t, uint64_t va, uint64_t len, struct map_attr attr);
	/* Around any number of the three above. update_done invalidates what became stale on every active context and
	 * returns when no walk or cached entry can use it any more: 0; -EIO: hardware may go on using what was taken away,
	 * for ever. */
	void (*update_start)(struct table *t);
	int (*update_done)(struct table *t);
	/* Physical address of the root. */
	uint64_t (*root)(const struct table *t);
	/* Bytes of table memory in use. */
	uint64_t (*footprint)(const struct table *t);
	/* Why the last map or protect failed, where a format knows more than its error says; NULL: it does not. */
	void (*explain)(const struct table *t, struct reason *why);
};

struct backend_ops {
	const char *name; /* "smmu" */

	void (*caps)(struct backend *b, struct backend_caps *out);
	/* The index of the context, or -ENOENT. */
	int (*context_by_name)(struct backend *b, const char *name);
	uint64_t (*base_addr)(struct backend *b);
	uint32_t (*hw_version)(struct backend *b);

	/*
	 * Activates t on a context. split is TTBCR.N (0: one table for all addresses, half low). A second table may be active
	 * in the other half with the same split.
	 * 0; -EBUSY that half is taken; -ENODEV no hardware bank is free; -EIO the hardware refused. why says more.
	 */
	int (*activate)(struct backend *b, unsigned int context, struct table *t, enum half half,
			unsigned int split, struct reason *why);
	/* From then on the context's traffic faults and terminates. 0; -ENOENT not active; -EIO. */
	int (*deactivate)(struct backend *b, unsigned int context, enum half half,
			  struct reason *why);
	/* new_t in place of what is active in that half; on failure the old one is still active. */
	int (*replace)(struct backend *b, unsigned int context, struct table *new_t, enum half half,
		       unsigned int split, struct reason *why);
	/* What the context's walker makes of va for an unprivileged read, without side effects: 0; -EFAULT; -ENOENT when the
	 * context is not active. */
	int (*translate)(struct backend *b, unsigned int context, uint64_t va, uint64_t *out_pa);

	/* Readable when fault_next() has something. */
	int (*fault_fd)(struct backend *b);
	/* 1 and *out; 0 when there is none. A stalled fault is reported once and waits. */
	int (*fault_next)(struct backend *b, struct fault *out);
	/* Retries (true) or terminates the stalled transaction of a context. 0, or -ENOENT when none is stalled. */
	int (*fault_resume)(struct backend *b, unsigned int context, bool retry);

	/* What only some have (NULL: not this one). The addresses that a context can be given, ascending; none: all that the
	 * format has. */
	const struct range *(*reach)(struct backend *b, unsigned int context, size_t *out_n);
	/* The file that drives the bus master itself; it stays the backend's. */
	int (*device_fd)(struct backend *b, unsigned int context);
	/* Everything that a process before this one had active, and that is to be active again, is: what else it has left in
	 * hardware goes. 0, -EIO. */
	int (*settle)(struct backend *b, struct reason *why);
	/* Another process follows: free() leaves hardware as it is, and tables may be left. */
	void (*leave)(struct backend *b);

	void (*free)(struct backend *b);
};

/* Implementations embed it first. */
struct backend {
	const struct backend_ops *ops;
	const struct table_ops
		*format; /* backends with the same pointer and format_ctx share tables */
	void *format_ctx;
};
