/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading a journal: the rows of all records that are provably whole, in the order in which they were written, up to the
 * first damage; and what the damage is, where, and how much is known to be lost by it. What comes behind is not used: what
 * it stands on is not known.
 *
 * It trusts nothing in the bytes, and changes none. The bytes must not change while they are read.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "journal/row.h"

struct journal_chunk {
	const void *at;
	size_t len;
};

enum journal_damage {
	JOURNAL_WHOLE,
	JOURNAL_EMPTY,     /* there is no chunk that was written to */
	JOURNAL_TRUNCATED, /* bytes end before the records do */
	JOURNAL_CORRUPT,
	JOURNAL_NEWER,   /* written by a later release, in a format that we do not know */
	JOURNAL_MISSING, /* a chunk is not there, or is no chunk */
};

struct journal_report {
	enum journal_damage damage;
	uint64_t chunk; /* where: its number, if it says so, and the offset there */
	size_t offset;
	uint64_t n_records, n_rows; /* that are whole, and were read */
	uint64_t last;              /* sequence number of the last of them; 0: none */
	uint64_t retired; /* that of the last one whose consequences are through, as far as it is known */
	uint64_t lost_bytes; /* between the damage and the ends of the chunks, as far as they are known */
	uint64_t lost_records; /* that are known to be lost: from last + 1 on; 0: it cannot be told */
	uint32_t version;      /* JOURNAL_NEWER: the format */
	unsigned int
		n_warnings; /* marks beside the records that are damaged: nothing is lost by it */
	const char *what;   /* the damage in words; never NULL */
};

typedef void (*journal_row_fn)(void *ctx, uint64_t sequence, const struct row_head *row);

/* The chunks come in any order, as many as there are: those that are not needed are passed over. fn NULL: only to verify.
 * The order of `chunks` changes. */
void journal_read(struct journal_chunk *chunks, size_t n, journal_row_fn fn, void *ctx,
		  struct journal_report *out);
/*
 * One record of a chunk, whose rows are given to fn: the one at that offset; 0: the first. Returns where the next one is, if there is
 * one; 0: there is none at `at`; -1: what is there is no record that is whole.
 */
long journal_read_record(const struct journal_chunk *c, size_t at, journal_row_fn fn, void *ctx);
/* "corrupt", "truncated" ... */
const char *journal_damage_name(enum journal_damage damage);
/* Never written to: kept ready, or died over. A head is written before its magic number. */
bool journal_chunk_is_spare(const struct journal_chunk *c);
/* The number of a chunk that says so in a head that is whole; 0. */
uint64_t journal_chunk_number(const struct journal_chunk *c);
