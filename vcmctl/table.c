// SPDX-License-Identifier: BSD-3-Clause
#include "vcmctl/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void line_deinit(struct line *l)
{
	for (size_t i = 0; i < VCM_ROW_MAX_S; i++)
		free(l->s[i]);
}

static int line_init(struct line *l, const struct vcm_row *row)
{
	unsigned int n_n = row->n_n < VCM_ROW_MAX_N ? row->n_n : VCM_ROW_MAX_N;
	unsigned int n_s = row->n_s < VCM_ROW_MAX_S ? row->n_s : VCM_ROW_MAX_S;

	*l = (struct line){ .n_n = n_n };
	memcpy(l->n, row->n, n_n * sizeof(*l->n));
	for (unsigned int i = 0; i < n_s; i++) {
		l->s[i] = strdup(row->s[i]);
		if (!l->s[i]) {
			line_deinit(l);
			return -ENOMEM;
		}
	}
	return 0;
}

static int table_grow(struct table *t)
{
	size_t room = t->room ? 2 * t->room : 16;
	struct line *lines = reallocarray(t->lines, room, sizeof(*lines));

	if (!lines)
		return -ENOMEM;
	t->lines = lines;
	t->room = room;
	return 0;
}

int table_add(struct table *t, const struct vcm_row *row)
{
	int r;

	r = t->n_lines == t->room ? table_grow(t) : 0;
	if (r == 0)
		r = line_init(&t->lines[t->n_lines], row);
	if (r == 0)
		t->n_lines++;
	return r;
}

static int on_row(void *ctx, const struct vcm_row *row)
{
	return table_add(ctx, row);
}

int table_load(struct table *t, enum vcm_table_kind which, uint64_t arg)
{
	*t = TABLE_NULL;
	return vcm_inspect(which, arg, on_row, t);
}

void table_deinit(struct table *t)
{
	for (size_t i = 0; i < t->n_lines; i++)
		line_deinit(&t->lines[i]);
	free(t->lines);
	*t = TABLE_NULL;
}

const char *line_text(const struct line *l, unsigned int at)
{
	return l->s[at] ? l->s[at] : "";
}
