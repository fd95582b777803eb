/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The operations: their codes on the wire, what each reads, and how many values it answers.
 *
 *	X(name, code, n_values)	reads: fields of struct op		answers: values
 *
 * Codes are for ever: new ones are added, none is reused.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* clang-format off */
#define OPS(X)                                                                                     \
	/* vcm */                                                                                  \
	X(VCM_CREATE, 1, 1)	/* handle addr len		-> enum vcm_type */                \
	X(VCM_PREBUILT, 2, 1)	/* handle arg=id		-> enum vcm_type */                \
	X(VCM_CLONE, 3, 0)	/* handle on=vcm */                                                \
	X(VCM_FREE, 4, 0)	/* on=vcm */                                                       \
	X(VCM_INFO, 5, 4)	/* on=vcm			-> start len type n_res */         \
	X(VCM_PGTBL, 6, 1)	/* on=vcm			-> pa */                           \
	/* res; in a prebuilt user vcm the client says the address */                              \
	X(RESERVE, 10, 1)	/* handle on=vcm len attr [addr]	-> addr, 1 = not known yet */  \
	X(RESERVE_AT, 11, 1)	/* handle on=vcm len attr arg=memtarget	-> addr */                 \
	X(RESERVE_BOUND, 12, 1) /* handle on=bound len attr	-> addr */                         \
	X(UNRESERVE, 13, 0)	/* on=res */                                                       \
	X(RES_INFO, 14, 5)	/* on=res	-> vcm addr len attr physmem (0 = not backed) */   \
	X(RES_SET_ATTR, 15, 0)	/* on=res attr */                                                  \
	X(RES_NEXT, 16, 1)	/* on=vcm target=res or 0	-> res or 0 */                     \
	X(RES_COPY, 17, 1)	/* on=to addr=to_off target=from arg=from_off len -> bytes */      \
	X(RES_GET, 18, 1)	/* on=vcm addr			-> res that starts there */        \
	X(RES_FIND, 19, 1)	/* on=vcm addr			-> res that contains it */         \
	X(BACK, 20, 0)		/* on=res target=physmem	(+ pieces in a user vcm) */        \
	X(UNBACK, 21, 0)	/* on=res */                                                       \
	X(PIECES, 22, 0)	/* on=res addr=offset		(+ pieces from that offset) */     \
	X(TRANSLATE, 23, 1)	/* on=src vcm target=dst vcm addr -> addr */                       \
	/* physmem */                                                                              \
	X(PHYS_ALLOC, 30, 0)	/* handle arg=memtype len attr */                                  \
	X(PHYS_FREE, 31, 0)	/* on=physmem */                                                   \
	X(PHYS_INFO, 32, 3)	/* on=physmem			-> memtype len attr */             \
	X(PHYS_NEXT, 33, 2)	/* on=physmem addr		-> pa len (0 0 = no more) */       \
	X(PHYS_MAP, 34, 0)	/* handle addr len */                                              \
	X(PHYS_NUM_RES, 35, 1)	/* addr				-> how many */                     \
	X(PHYS_NEXT_RES, 36, 2) /* addr target=res or 0		-> res len (0 0 = no more) */      \
	X(MEMTYPE_CONT, 37, 2)	/* arg=memtype			-> pa len (0 0 = none) */          \
	X(EXPORT, 38, 2)	/* on=physmem attr=rights, 0 = revoke	-> token: first half, second half */ \
	X(IMPORT, 39, 0)	/* handle addr=first half arg=second half of a token */            \
	/* avcm */                                                                                 \
	X(ASSOC, 40, 0)		/* handle on=vcm target=device attr */                             \
	X(DEASSOC, 41, 0)	/* on=avcm */                                                      \
	X(ASSOC_SET_ATTR, 42, 0) /* on=avcm attr */                                                \
	X(ASSOC_INFO, 43, 4)	/* on=avcm			-> vcm device attr active */       \
	X(ACTIVATE, 44, 0)	/* on=avcm attr=flags */                                           \
	X(DEACTIVATE, 45, 0)	/* on=avcm */                                                      \
	/* bound; in a prebuilt user vcm the client says the address */                            \
	X(BOUND_CREATE, 50, 1)	/* handle on=vcm len [addr]	-> start */                        \
	X(BOUND_FREE, 51, 0)	/* on=bound */                                                     \
	X(BOUND_INFO, 52, 3)	/* on=bound			-> vcm start len */                \
	X(BOUND_NEXT, 53, 1)	/* on=vcm target=bound or 0	-> bound or 0 */                   \
	/* device; its number is valid in every session */                                         \
	X(DEV_GET, 60, 2)	/* name				-> device base address */          \
	X(DEV_INFO, 61, 2)	/* target=device		-> base address, hw version */     \
	X(DEV_TO_PHYS, 62, 1)	/* target=device addr		-> pa */                           \
	X(HOOK, 63, 0)		/* target=device arg=1 set, 0 removed */                           \
	X(FAULT_REPLY, 64, 0)	/* addr=fault id arg=verdict (1 retry, 0 terminate, 2 + errno failed) */ \
	X(SIM_READ, 65, 0)	/* target=device addr len	(+ data) */                        \
	X(SIM_WRITE, 66, 0)	/* target=device addr data */                                      \
	X(SIM_FAIL, 67, 0)	/* target=device arg=what len=how often */                         \
	X(SIM_STATS, 68, 5)	/* target=device arg=1 reset after -> hits misses walk-reads faults invalidations */ \
	X(DEV_OPEN, 70, 0)	/* target=device		(+ an fd) */                          \
	/* the rest */                                                                             \
	X(INSPECT, 80, 1)	/* arg=enum vcm_table_kind addr=cursor len=pa for who	-> next cursor, 0 = end (+ rows) */ \
	X(SESSION_KILL, 81, 0)	/* arg=session */                                                  \
	X(MONITOR, 82, 2)	/* addr=since, 0 = now	-> next lost (+ rows); waits until there are some */ \
	X(JOURNAL, 83, 1)	/* arg=0 the report, 1 its rows addr=cursor	-> next cursor, 0 = end (+ rows) */ \
	X(RELOAD, 84, 0)	/* the configuration is read anew: all of it counts, or nothing */  \
	X(WITHDRAW, 85, 0)	/* arg=1: it may be done in part; name: of what. Nothing, and is refused: the serial was not answered before */ \
	X(BYE, 90, 0)		/* everything of the session is taken back before the reply */     \
	X(PING, 91, 0)		/* nothing: the peer lives */
/* clang-format on */

enum op_code {
#define X(name, code, n_values) OP_##name = code,
	OPS(X)
#undef X
};

#define OP_MAX_VALUES 5 /* the most that one operation answers */

/* "reserve" for OP_RESERVE; NULL for a code that is no operation. */
const char *op_name(uint32_t code);
/* How many values the operation answers; 0 for a code that is no operation. */
size_t op_n_values(uint32_t code);
