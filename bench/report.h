/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What was measured: a table for people, bench.json for programs.
 */
#pragma once

#include <stdbool.h>

struct report;

enum target {
	AT_MOST,
	AT_LEAST,
	EXACTLY,
};

struct report *report_new(void);
struct report *report_free(struct report *r);

/* unit, and against (what it was measured against), are literals or outlive the report; name is copied. */
void report_add(struct report *r, const char *name, double value, const char *unit,
		enum target sense, double target, const char *against);
/* The same without a target: NAN says that it was asked for and could not be measured. */
void report_plain(struct report *r, const char *name, double value, const char *unit,
		  const char *against);
/* A line of the table below the result before: how it came about. Not in the file. */
void report_note(struct report *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Prints what has come since the last call. */
void report_print(struct report *r);
/* How many results missed their target. */
unsigned int report_missed(const struct report *r);
/* 0, or a negative errno number. */
int report_write(const struct report *r, const char *path);
