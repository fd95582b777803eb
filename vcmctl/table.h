/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A table of the broker's, copied: rows as <vcm/inspect.h> describes them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <vcm/inspect.h>

struct line {
	uint64_t n[VCM_ROW_MAX_N]; /* 0 where the broker sent none */
	char *s[VCM_ROW_MAX_S];    /* NULL where the broker sent none */
	unsigned int n_n;
};

struct table {
	struct line *lines;
	size_t n_lines, room;
};

#define TABLE_NULL ((struct table){ .n_lines = 0 })

/* 0, or a negative errno; the table is to be deinitialised in any case. */
int table_load(struct table *t, enum vcm_table_kind which, uint64_t arg);
/* A copy of the row. 0, -ENOMEM. */
int table_add(struct table *t, const struct vcm_row *row);
void table_deinit(struct table *t);

/* "" where the broker sent none. */
const char *line_text(const struct line *l, unsigned int at);
