/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A table as people or programs read it, from one description of its columns.
 */
#pragma once

#include <stddef.h>

#include <json-c/json.h>

#include "vcmctl/command.h"
#include "vcmctl/format.h"
#include "vcmctl/table.h"

/* What a cell says; into buf, or a text that outlives the line. */
typedef const char *(*show_fn)(char buf[FORMAT_LEN], const struct line *l, unsigned int at);

enum column_kind {
	COLUMN_NUMBER, /* right aligned; JSON: the number itself */
	COLUMN_INDEX, /* right aligned; JSON: the number less 1: the broker counts from 1, people from 0 */
	COLUMN_WORD,  /* left aligned; JSON: what show says */
	COLUMN_TRUTH, /* left aligned; JSON: true or false */
	COLUMN_ADDR,  /* left aligned; JSON: the number itself */
};

struct column {
	const char *title; /* NULL: in JSON only */
	const char *key;   /* of JSON; NULL: for people only */
	enum column_kind kind;
	show_fn show;
	unsigned int at; /* index into the line's numbers, or texts for show_text */
	bool is_sparse;  /* for people only where a line has something in it */
};

const char *show_count(char buf[FORMAT_LEN], const struct line *l, unsigned int at);
const char *show_size(char buf[FORMAT_LEN], const struct line *l, unsigned int at);
const char *show_addr(char buf[FORMAT_LEN], const struct line *l, unsigned int at);
/* Nothing where it is 0. */
const char *show_addr_if(char buf[FORMAT_LEN], const struct line *l, unsigned int at);
const char *show_count_if(char buf[FORMAT_LEN], const struct line *l, unsigned int at);
const char *show_text(char buf[FORMAT_LEN], const struct line *l, unsigned int at);
const char *show_yes(char buf[FORMAT_LEN], const struct line *l, unsigned int at);
const char *show_user(char buf[FORMAT_LEN], const struct line *l, unsigned int at);
const char *show_duration(char buf[FORMAT_LEN], const struct line *l, unsigned int at);
/* How long ago a time was. */
const char *show_ago(char buf[FORMAT_LEN], const struct line *l, unsigned int at);
const char *show_memtype(char buf[FORMAT_LEN], const struct line *l, unsigned int at);
const char *show_res_attr(char buf[FORMAT_LEN], const struct line *l, unsigned int at);
const char *show_sharing(char buf[FORMAT_LEN], const struct line *l, unsigned int at);

/* A table with a line of titles; `none` is printed when there are no lines. */
void columns_print(const struct column *columns, size_t n, const struct table *t, const char *none);
/* One line of a table, a line of output each column. */
void columns_print_list(const struct column *columns, size_t n, const struct line *l);
/* An object; the caller owns it. */
json_object *columns_to_json(const struct column *columns, size_t n, const struct line *l);
void json_print(json_object *j);

/* One line as a list or an object, as the options say. */
void columns_show_line(const struct column *columns, size_t n, const struct line *l,
		       const struct call *call);
/* A table as such or as an array, as the options say. */
void columns_show_table(const struct column *columns, size_t n, const struct table *t,
			const struct call *call, const char *none);
/* The whole of a command that shows one table. */
enum exit_code columns_show(const struct column *columns, size_t n, enum vcm_table_kind which,
			    uint64_t arg, const struct call *call, const char *none);
