/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The journal as bytes: chunks of records of rows. Little endian, everything at multiples of 8 bytes.
 *
 *	chunk 7					chunk 8
 *	[ head | record | record | record | 0 ]	[ head | record | record | 0 ... ]
 *		    |
 *		    [ head | row | row ]		one record is one change, whole or not there
 *
 * A row is the whole of one object, and says which: of several rows of one key the last counts. So nothing of the
 * chunks before a point is needed any more once every live object has been written again behind it; that number of a
 * chunk is its base.
 *
 * A writer that dies at any instruction leaves no half record: the word with length and checksum is stored last.
 * The end is marked beside, so that records that were there and are not any more are missed; and the empty head behind the last
 * record of a chunk says whether there is another chunk, which would be missed as well.
 */
#pragma once

#include <stdint.h>

#define JOURNAL_MAGIC UINT64_C(0x4c4e524a4d4356) /* "VCMJRNL" */
#define JOURNAL_VERSION 1
#define JOURNAL_ALIGN 8u
/* Of a chunk. Longer ones are made where one record needs it. */
#define JOURNAL_CHUNK_MIN (64u << 10)

struct chunk_id {
	uint64_t number; /* chunks count up */
	uint64_t first;  /* sequence number of the first record */
	uint64_t base;   /* when it was made */
	uint64_t len;    /* bytes of the chunk */
	uint32_t version;
	uint32_t crc; /* of what is above */
};

/* Twice what a restore stands on, so that one damage is met with the other copy. The rest may be wrong: a chunk is known without
 * the magic number, and where the last record's consequences are not what `retired` says all that is free is zeroed. */
struct chunk_head {
	uint64_t magic; /* 0: kept ready, never written to */
	struct chunk_id id[2];
	uint64_t end[2];  /* offset of the next record */
	uint64_t base[2]; /* the oldest chunk that is needed */
	uint64_t retired; /* the last record whose consequences (zeroing, freeing) are through */
};

struct record_head {
	uint64_t sequence; /* records count up by one, across chunks */
	uint32_t crc;      /* of sequence, len and rows */
	uint32_t len;      /* bytes, with the head */
};

/* In the head without a length: the journal goes on, in the next chunk with the record of that number. Not a bit away from 0. */
static inline uint64_t record_goes_on(uint64_t sequence)
{
	return ~sequence;
}

enum row_flags {
	ROW_GONE = 1, /* the object is no more; there is no body */
	ROW_PART = 4, /* a session: a part of it was lost */
	ROW_OVER = 2, /* a session: it is being taken back; a reply: nobody will ask for it again */
};

struct row_head {
	uint16_t kind; /* enum row_kind */
	uint16_t flags;
	uint32_t len; /* bytes, with the head */
	uint64_t session;
	uint64_t key; /* handle, id or serial */
};

_Static_assert(sizeof(struct chunk_head) == 128, "the format is for ever");
_Static_assert(sizeof(struct record_head) == 16, "the format is for ever");
_Static_assert(sizeof(struct row_head) == 24, "the format is for ever");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the journal is little endian");
