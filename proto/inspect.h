/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What OP_INSPECT answers: the columns of a row of each kind, n[] numbers and s[] texts. Columns are only added.
 */
#pragma once

enum inspect_kind {
	INSPECT_STATUS = 1,   /* n: uptime_s sessions objects used_bytes table_bytes requests refused faults failed_handlers
				    quarantined_bytes; s: version, config */
	INSPECT_DEVICES = 2,  /* n: number kind(0 cpu 1 one-to-one 2 iommu) contexts_active va_bits page_sizes base hw_version
				    caps(1 split 2 stall 4 atomic switch 8 simulated) faults; s: name, backend, smmu */
	INSPECT_POOLS = 3,    /* n: memtype(1..) first last used high_water largest_free arenas cached granule
				    failed_size failed_fragmented cont_first cont_len; s: source, flags */
	INSPECT_SESSIONS = 4, /* n: session uid gid pid vcms reservations physmems assocs bytes inflight requests refused;
				    s: name */
	INSPECT_WHO = 5,      /* cursor: the physical address. n: session uid pid vcm res addr len attr device(0 none) active;
				    s: program, device */
	INSPECT_VCMS = 6,     /* n: session vcm type start len n_res table_pa; s: - */
	INSPECT_RES = 7,      /* n: session vcm res addr(1 unknown) len attr physmem(0 none) physmem_id bound */
	INSPECT_PHYSMEMS = 8, /* n: session physmem physmem_id memtype len attr first_pa segments mappings alias_of */
	INSPECT_ASSOCS = 9,   /* n: session avcm vcm device attr active; s: device */
	INSPECT_FAULTS = 10,  /* n: time_ns device session addr flags verdict; s: device. The last 64 */
};
