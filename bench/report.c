// SPDX-License-Identifier: BSD-3-Clause
#include "bench/report.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "base/mem.h"

#define MAX_RESULTS 128

enum kind {
	KIND_TARGET,
	KIND_PLAIN,
	KIND_NOTE,
};

struct line {
	enum kind kind;
	char text[160]; /* the name, or the note */
	double value, target;
	const char *unit, *against;
	enum target sense;
};

struct report {
	struct line lines[MAX_RESULTS];
	size_t n, n_printed;
};

struct report *report_new(void)
{
	return mem_new0(struct report);
}

struct report *report_free(struct report *r)
{
	return mem_free(r);
}

static struct line *add(struct report *r, const struct line *line)
{
	if (r->n == MAX_RESULTS)
		return NULL;
	r->lines[r->n] = *line;
	return &r->lines[r->n++];
}

void report_add(struct report *r, const char *name, double value, const char *unit,
		enum target sense, double target, const char *against)
{
	struct line line = { .kind = KIND_TARGET,
			     .value = value,
			     .target = target,
			     .unit = unit,
			     .against = against,
			     .sense = sense };

	snprintf(line.text, sizeof(line.text), "%s", name);
	add(r, &line);
}

void report_plain(struct report *r, const char *name, double value, const char *unit,
		  const char *against)
{
	struct line line = { .kind = KIND_PLAIN, .value = value, .unit = unit, .against = against };

	snprintf(line.text, sizeof(line.text), "%s", name);
	add(r, &line);
}

void report_note(struct report *r, const char *fmt, ...)
{
	struct line *line = add(r, &(struct line){ .kind = KIND_NOTE });
	va_list ap;

	if (!line)
		return;
	va_start(ap, fmt);
	vsnprintf(line->text, sizeof(line->text), fmt, ap);
	va_end(ap);
}

/* --- the table */

static bool is_met(const struct line *l)
{
	switch (l->sense) {
	case AT_MOST:
		return l->value <= l->target;
	case AT_LEAST:
		return l->value >= l->target;
	case EXACTLY:
		return l->value == l->target;
	}
	return false;
}

static const char *sign_of(enum target sense)
{
	switch (sense) {
	case AT_MOST:
		return "<=";
	case AT_LEAST:
		return ">=";
	case EXACTLY:
		return "=";
	}
	return "";
}

/* Enough digits to see what matters. */
static void number(char *out, size_t len, double v)
{
	double size = fabs(v);

	if (isnan(v))
		snprintf(out, len, "-");
	else if (size >= 1000 || v == floor(v))
		snprintf(out, len, "%.0f", v);
	else
		snprintf(out, len, size >= 100 ? "%.0f" : size >= 10 ? "%.1f" : "%.2f", v);
}

static void print_line(const struct line *l)
{
	char value[32], target[32] = "", sense[40] = "";

	if (l->kind == KIND_NOTE) {
		printf("    %s\n", l->text);
		return;
	}
	number(value, sizeof(value), l->value);
	if (l->kind == KIND_TARGET) {
		number(target, sizeof(target), l->target);
		snprintf(sense, sizeof(sense), "%s %s", sign_of(l->sense), target);
	}
	printf("%-24s %10s %-8s %-12s %s\n", l->text, value, l->unit, sense,
	       l->kind == KIND_PLAIN ? "" :
	       is_met(l)             ? "ok" :
				       "MISSED");
}

void report_print(struct report *r)
{
	if (r->n_printed == 0)
		printf("%-24s %10s %-8s %-12s %s\n", "name", "value", "unit", "target", "");
	for (; r->n_printed < r->n; r->n_printed++)
		print_line(&r->lines[r->n_printed]);
	fflush(stdout);
}

unsigned int report_missed(const struct report *r)
{
	unsigned int n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += r->lines[i].kind == KIND_TARGET && !is_met(&r->lines[i]);
	return n;
}

/* --- the file */

static struct json_object *json_of(const struct line *l)
{
	struct json_object *o = json_object_new_object();
	char target[32], reference[256];

	snprintf(reference, sizeof(reference), "%s", l->against);
	if (l->kind == KIND_TARGET) {
		number(target, sizeof(target), l->target);
		snprintf(reference, sizeof(reference), "%s %s; %s", sign_of(l->sense), target,
			 l->against);
	}
	json_object_object_add(o, "name", json_object_new_string(l->text));
	json_object_object_add(o, "value",
			       isnan(l->value) ? NULL : json_object_new_double(l->value));
	json_object_object_add(o, "unit", json_object_new_string(l->unit));
	json_object_object_add(o, "reference", json_object_new_string(reference));
	return o;
}

int report_write(const struct report *r, const char *path)
{
	struct json_object *all = json_object_new_object();
	struct json_object *results = json_object_new_array();
	int ret;

	json_object_object_add(all, "results", results);
	for (size_t i = 0; i < r->n; i++)
		if (r->lines[i].kind != KIND_NOTE)
			json_object_array_add(results, json_of(&r->lines[i]));
	ret = json_object_to_file_ext(path, all, JSON_C_TO_STRING_PRETTY);
	json_object_put(all);
	return ret < 0 ? -EIO : 0;
}
