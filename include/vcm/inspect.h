/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the broker knows, as tables: for operators' tools. A caller sees its own user's rows; all rows with the right
 * `inspect`.
 */
#ifndef VCM_INSPECT_H
#define VCM_INSPECT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The tables. VCM_TABLE_WHO takes a physical address as its argument, the others take 0. */
enum vcm_table_kind {
	VCM_TABLE_STATUS = 1,
	VCM_TABLE_DEVICES,
	VCM_TABLE_POOLS,
	VCM_TABLE_SESSIONS,
	VCM_TABLE_WHO,
	VCM_TABLE_VCMS,
	VCM_TABLE_RESERVATIONS,
	VCM_TABLE_PHYSMEMS,
	VCM_TABLE_ASSOCS,
	VCM_TABLE_BOUNDS,
	VCM_TABLE_FAULTS,
	VCM_TABLE_NODES
};

/*
 * The numbers of a row, by table; columns are only ever added at the end. Sizes are bytes, times CLOCK_MONOTONIC ns.
 * A handle is a session's name for an object; (session, handle) is unique.
 */
enum vcm_status_column { /* one row; texts: version, configuration */
			 VCM_STATUS_UPTIME,
			 VCM_STATUS_SESSIONS,
			 VCM_STATUS_OBJECTS,
			 VCM_STATUS_USED,
			 VCM_STATUS_TABLES,
			 VCM_STATUS_REQUESTS,
			 VCM_STATUS_REFUSED,
			 VCM_STATUS_FAULTS,
			 VCM_STATUS_FAILED_HANDLERS,
			 VCM_STATUS_QUARANTINED,
			 VCM_STATUS_ACTIVE,
			 VCM_STATUS_STOCK,
			 VCM_STATUS_N
};
enum vcm_device_column { /* texts: name, backend, smmu, "ADDRESS DRIVER RESERVED..." of a VFIO device */
			 VCM_DEVICE_NUMBER,
			 VCM_DEVICE_KIND /* enum vcm_device_kind */,
			 VCM_DEVICE_ACTIVE /* associations */,
			 VCM_DEVICE_VA_BITS,
			 VCM_DEVICE_PAGE_SIZES /* bit n: 2^n */,
			 VCM_DEVICE_BASE,
			 VCM_DEVICE_HW_VERSION,
			 VCM_DEVICE_CAPS /* enum vcm_device_cap */,
			 VCM_DEVICE_FAULTS,
			 VCM_DEVICE_GROUP /* of a VFIO device */,
			 VCM_DEVICE_MAPPINGS_LEFT /* kernel mappings that its group can still take */,
			 VCM_DEVICE_N
};
enum vcm_pool_column { /* texts: source, flags */
		       VCM_POOL_MEMTYPE /* enum memtype_t */,
		       VCM_POOL_FIRST,
		       VCM_POOL_LAST,
		       VCM_POOL_USED,
		       VCM_POOL_HIGH_WATER,
		       VCM_POOL_LARGEST_FREE,
		       VCM_POOL_ARENAS,
		       VCM_POOL_CACHED,
		       VCM_POOL_GRANULE,
		       VCM_POOL_FAILED_SIZE,
		       VCM_POOL_FAILED_FRAGMENTED,
		       VCM_POOL_CONT_FIRST,
		       VCM_POOL_CONT_LEN,
		       VCM_POOL_QUARANTINED,
		       VCM_POOL_SIZE,
		       VCM_POOL_N
};
enum vcm_session_column { /* texts: program */
			  VCM_SESSION_ID,
			  VCM_SESSION_UID,
			  VCM_SESSION_GID,
			  VCM_SESSION_PID,
			  VCM_SESSION_VCMS,
			  VCM_SESSION_RESERVATIONS,
			  VCM_SESSION_PHYSMEMS,
			  VCM_SESSION_ASSOCS,
			  VCM_SESSION_BYTES,
			  VCM_SESSION_IN_FLIGHT,
			  VCM_SESSION_REQUESTS,
			  VCM_SESSION_REFUSED,
			  VCM_SESSION_N
};
enum vcm_who_column { /* one row a reservation and association; texts: program, device ("" without one) */
		      VCM_WHO_SESSION,
		      VCM_WHO_UID,
		      VCM_WHO_PID,
		      VCM_WHO_VCM,
		      VCM_WHO_RES,
		      VCM_WHO_ADDR,
		      VCM_WHO_LEN,
		      VCM_WHO_ATTR,
		      VCM_WHO_DEVICE,
		      VCM_WHO_IS_ACTIVE,
		      VCM_WHO_SHARING /* bits of enum vcm_sharing, of the physmem behind it */,
		      VCM_WHO_N
};
enum vcm_vcm_column { /* no texts */
		      VCM_VCM_SESSION,
		      VCM_VCM_HANDLE,
		      VCM_VCM_TYPE,
		      VCM_VCM_START,
		      VCM_VCM_LEN,
		      VCM_VCM_RESERVATIONS,
		      VCM_VCM_TABLE,
		      VCM_VCM_N
};
enum vcm_res_column { /* no texts */
		      VCM_RES_SESSION,
		      VCM_RES_VCM,
		      VCM_RES_HANDLE,
		      VCM_RES_ADDR /* 1: not known yet */,
		      VCM_RES_LEN,
		      VCM_RES_ATTR,
		      VCM_RES_PHYSMEM /* 0: not backed */,
		      VCM_RES_MEMORY /* system-wide number of the memory */,
		      VCM_RES_BOUND,
		      VCM_RES_N
};
enum vcm_physmem_column { /* no texts */
			  VCM_PHYSMEM_SESSION,
			  VCM_PHYSMEM_HANDLE,
			  VCM_PHYSMEM_MEMORY /* as VCM_RES_MEMORY */,
			  VCM_PHYSMEM_MEMTYPE,
			  VCM_PHYSMEM_LEN,
			  VCM_PHYSMEM_ATTR,
			  VCM_PHYSMEM_FIRST,
			  VCM_PHYSMEM_SEGMENTS,
			  VCM_PHYSMEM_MAPPINGS,
			  VCM_PHYSMEM_SHARING /* bits of enum vcm_sharing */,
			  VCM_PHYSMEM_N
};
enum vcm_assoc_column { /* texts: device */
			VCM_ASSOC_SESSION,
			VCM_ASSOC_HANDLE,
			VCM_ASSOC_VCM,
			VCM_ASSOC_DEVICE,
			VCM_ASSOC_ATTR,
			VCM_ASSOC_IS_ACTIVE,
			VCM_ASSOC_N
};
enum vcm_bound_column { /* no texts */
			VCM_BOUND_SESSION,
			VCM_BOUND_HANDLE,
			VCM_BOUND_VCM,
			VCM_BOUND_START,
			VCM_BOUND_LEN,
			VCM_BOUND_N
};
enum vcm_fault_column { /* the last 64, newest first; texts: device */
			VCM_FAULTS_TIME,
			VCM_FAULTS_DEVICE,
			VCM_FAULTS_SESSION,
			VCM_FAULTS_ADDR,
			VCM_FAULTS_FLAGS,
			VCM_FAULTS_VERDICT,
			VCM_FAULTS_N
};

enum vcm_node_column { /* texts: name, carrier ("rings", "rpmsg"), kick ("eventfd", "uio", "poll"), state */
		       VCM_NODE_EPOCH /* how often its rings were made, or its endpoint */,
		       VCM_NODE_SESSION /* 0: it has none, or it is not for the caller to see */,
		       VCM_NODE_DESCRIPTORS /* of each ring; 0: the rings are the kernel's */,
		       VCM_NODE_BUFFER /* bytes, header included */,
		       VCM_NODE_IN /* fragments of messages */,
		       VCM_NODE_OUT,
		       VCM_NODE_BYTES_IN,
		       VCM_NODE_BYTES_OUT,
		       VCM_NODE_DROPPED /* payloads that cannot be */,
		       VCM_NODE_RESETS /* that the broker has asked for */,
		       VCM_NODE_KICKS /* of the node */,
		       VCM_NODE_HEARD /* when something came last, to some ms; 0: never */,
		       VCM_NODE_N
};

enum vcm_device_kind { VCM_KIND_CPU, VCM_KIND_ONE_TO_ONE, VCM_KIND_IOMMU };
enum vcm_device_cap {
	VCM_CAP_SPLIT = 1,
	VCM_CAP_STALL = 2,
	VCM_CAP_ATOMIC_SWITCH = 4,
	VCM_CAP_SIMULATED = 8
};

/* How a physmem is shared (vcm_export(), vcm_import()). */
enum vcm_sharing {
	VCM_SHARING_EXPORTED = 1 /* a token stands for it */,
	VCM_SHARING_EXPORTED_WRITABLE = 2 /* one that allows to write */,
	VCM_SHARING_IMPORTED = 4,
	VCM_SHARING_READ_ONLY = 8 /* an import that may not be written */,
	VCM_SHARING_ORPHANED = 16 /* who allocated the memory has let go of it: imports keep it */
};

#define VCM_ROW_MAX_N 16
#define VCM_ROW_MAX_S 4

/* A row. The texts are valid during the call that receives it. */
struct vcm_row {
	uint64_t n[VCM_ROW_MAX_N];
	const char *s[VCM_ROW_MAX_S];
	unsigned int n_n, n_s;
};

/* Called for each row; a value other than 0 ends the walk and is what vcm_inspect() returns. */
typedef int (*vcm_row_fn)(void *ctx, const struct vcm_row *row);

/*
 * Walks a table. Rows come in pages: objects that come and go meanwhile may be seen or not, none is seen twice.
 * 0; -EACCES without the right for it; -ENOTCONN; -EINVAL for an unknown table.
 */
int vcm_inspect(enum vcm_table_kind table, uint64_t arg, vcm_row_fn fn, void *ctx);

#ifdef __cplusplus
}
#endif
#endif
