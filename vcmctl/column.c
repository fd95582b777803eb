// SPDX-License-Identifier: BSD-3-Clause
#include "vcmctl/column.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <vcm/attr.h>

#include "vcmctl/broker.h"
#include "vcmctl/cleanup.h"

#define NS_PER_S UINT64_C(1000000000)
#define GAP 2 /* blanks between columns */

const char *show_count(char buf[FORMAT_LEN], const struct line *l, unsigned int at)
{
	snprintf(buf, FORMAT_LEN, "%" PRIu64, l->n[at]);
	return buf;
}

const char *show_size(char buf[FORMAT_LEN], const struct line *l, unsigned int at)
{
	return format_size(buf, l->n[at]);
}

const char *show_addr(char buf[FORMAT_LEN], const struct line *l, unsigned int at)
{
	return format_addr(buf, l->n[at]);
}

const char *show_addr_if(char buf[FORMAT_LEN], const struct line *l, unsigned int at)
{
	return l->n[at] ? show_addr(buf, l, at) : "";
}

const char *show_count_if(char buf[FORMAT_LEN], const struct line *l, unsigned int at)
{
	return l->n[at] ? show_count(buf, l, at) : "";
}

const char *show_text(char buf[FORMAT_LEN], const struct line *l, unsigned int at)
{
	(void)buf;
	return line_text(l, at);
}

const char *show_yes(char buf[FORMAT_LEN], const struct line *l, unsigned int at)
{
	(void)buf;
	return l->n[at] ? "yes" : "no";
}

const char *show_user(char buf[FORMAT_LEN], const struct line *l, unsigned int at)
{
	return format_user(buf, l->n[at]);
}

const char *show_duration(char buf[FORMAT_LEN], const struct line *l, unsigned int at)
{
	return format_duration(buf, l->n[at]);
}

const char *show_ago(char buf[FORMAT_LEN], const struct line *l, unsigned int at)
{
	struct timespec now;
	uint64_t ns;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ns = (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
	return format_duration(buf, ns > l->n[at] ? ns - l->n[at] : 0);
}

const char *show_memtype(char buf[FORMAT_LEN], const struct line *l, unsigned int at)
{
	if (l->n[at] == VCM_INVALID)
		return "window";
	snprintf(buf, FORMAT_LEN, "%" PRIu64, l->n[at] - VCM_MEMTYPE_0);
	return buf;
}

const char *show_res_attr(char buf[FORMAT_LEN], const struct line *l, unsigned int at)
{
	return format_res_attr(buf, l->n[at]);
}

const char *show_sharing(char buf[FORMAT_LEN], const struct line *l, unsigned int at)
{
	return format_sharing(buf, l->n[at]);
}

/* What the broker does not tell is nothing. */
static const char *said(char buf[FORMAT_LEN], const struct column *c, const struct line *l)
{
	return c->show == show_text || c->at < l->n_n ? c->show(buf, l, c->at) : "";
}

/* Nothing shows as a dash, so that columns can be counted. */
static const char *cell(char buf[FORMAT_LEN], const struct column *c, const struct line *l)
{
	const char *text = said(buf, c, l);

	return *text ? text : "-";
}

static int column_width(const struct column *c, const struct table *t)
{
	size_t width = strlen(c->title);
	char buf[FORMAT_LEN];

	for (size_t i = 0; i < t->n_lines; i++) {
		size_t len = strlen(cell(buf, c, &t->lines[i]));

		width = len > width ? len : width;
	}
	return (int)width;
}

/* Blanks come before a cell only, so that no line ends with one. */
static void print_cell(const struct column *c, const char *text, int width, int *pad)
{
	int rest = width - (int)strlen(text);

	if (c->kind == COLUMN_NUMBER || c->kind == COLUMN_INDEX) {
		printf("%*s%s", *pad + rest, "", text);
		*pad = GAP;
	} else {
		printf("%*s%s", *pad, "", text);
		*pad = rest + GAP;
	}
}

static bool is_shown(const struct column *c, const struct table *t)
{
	char buf[FORMAT_LEN];
	bool any = !c->is_sparse;

	for (size_t i = 0; i < t->n_lines && !any; i++)
		any = *said(buf, c, &t->lines[i]);
	return c->title && any;
}

#define MAX_COLUMNS (VCM_ROW_MAX_N + VCM_ROW_MAX_S)

void columns_print(const struct column *columns, size_t n, const struct table *t, const char *none)
{
	int widths[MAX_COLUMNS], pad = 0;
	char buf[FORMAT_LEN];

	if (!t->n_lines) {
		puts(none);
		return;
	}
	for (size_t c = 0; c < n; c++) {
		widths[c] = is_shown(&columns[c], t) ? column_width(&columns[c], t) : -1;
		if (widths[c] < 0)
			continue;
		print_cell(&columns[c], columns[c].title, widths[c], &pad);
	}
	putchar('\n');
	for (size_t i = 0; i < t->n_lines; i++) {
		pad = 0;
		for (size_t c = 0; c < n; c++)
			if (widths[c] >= 0)
				print_cell(&columns[c], cell(buf, &columns[c], &t->lines[i]),
					   widths[c], &pad);
		putchar('\n');
	}
}

void columns_print_list(const struct column *columns, size_t n, const struct line *l)
{
	char buf[FORMAT_LEN];
	int width = 0;

	for (size_t c = 0; c < n; c++)
		if (columns[c].title && (int)strlen(columns[c].title) > width)
			width = (int)strlen(columns[c].title);
	for (size_t c = 0; c < n; c++)
		if (columns[c].title)
			printf("%-*s  %s\n", width, columns[c].title, cell(buf, &columns[c], l));
}

static json_object *cell_to_json(const struct column *c, const struct line *l)
{
	char buf[FORMAT_LEN];

	if (c->show != show_text && c->at >= l->n_n)
		return NULL; /* null: a broker that does not tell */
	switch (c->kind) {
	case COLUMN_NUMBER:
	case COLUMN_ADDR:
		return json_object_new_uint64(l->n[c->at]);
	case COLUMN_INDEX:
		return l->n[c->at] ? json_object_new_int64((int64_t)l->n[c->at] - 1) : NULL;
	case COLUMN_TRUTH:
		return json_object_new_boolean(l->n[c->at] != 0);
	case COLUMN_WORD:
		return json_object_new_string(c->show(buf, l, c->at));
	}
	return NULL;
}

json_object *columns_to_json(const struct column *columns, size_t n, const struct line *l)
{
	json_object *j = json_object_new_object();

	for (size_t c = 0; c < n; c++)
		if (columns[c].key)
			json_object_object_add(j, columns[c].key, cell_to_json(&columns[c], l));
	return j;
}

void json_print(json_object *j)
{
	puts(json_object_to_json_string_ext(j, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
						       JSON_C_TO_STRING_NOSLASHESCAPE));
}

static void print_json(const struct column *columns, size_t n, const struct table *t)
{
	_cleanup_(json_putp) json_object *list = json_object_new_array();

	for (size_t i = 0; i < t->n_lines; i++)
		json_object_array_add(list, columns_to_json(columns, n, &t->lines[i]));
	json_print(list);
}

void columns_show_line(const struct column *columns, size_t n, const struct line *l,
		       const struct call *call)
{
	_cleanup_(json_putp) json_object *j = NULL;

	if (!(call->options & OPTION_JSON)) {
		columns_print_list(columns, n, l);
		return;
	}
	j = columns_to_json(columns, n, l);
	json_print(j);
}

void columns_show_table(const struct column *columns, size_t n, const struct table *t,
			const struct call *call, const char *none)
{
	if (call->options & OPTION_JSON)
		print_json(columns, n, t);
	else
		columns_print(columns, n, t, none);
}

enum exit_code columns_show(const struct column *columns, size_t n, enum vcm_table_kind which,
			    uint64_t arg, const struct call *call, const char *none)
{
	_cleanup_(table_deinit) struct table t = TABLE_NULL;
	int r;

	if (!broker_join())
		return EXIT_FAILED;
	r = table_load(&t, which, arg);
	if (r < 0) {
		tell_failure(r, "cannot read the table");
		return EXIT_FAILED;
	}
	columns_show_table(columns, n, &t, call, none);
	return EXIT_OK;
}
