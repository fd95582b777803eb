/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A vcmd.conf that has been read: sections, and values that know their line. settings*.c alone know libconfuse, and the
 * grammar. Each value is right by itself; whether they agree with one another is config-load.c's.
 *
 * libconfuse gives its callbacks no context: one file is parsed at a time, by one thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/range.h"
#include "base/reason.h"

struct cfg_t; /* a section; the file itself is one */

#define SETTINGS_ANYBODY UINT64_MAX /* the number of the user or group "*" */
#define SETTINGS_MAX_SOCKET 107     /* bytes of a socket's path */

struct value {
	struct cfg_t *section;
	const char *name; /* of the option */
	unsigned int line;
	uint64_t number; /* numbers, lengths in bytes, modes, levels, sources, booleans, uids, gids */
	struct range range;
	char text[]; /* as it was written */
};

/* text is changed. 0; -EINVAL with "path:line: what is wrong"; -ENOMEM. */
int settings_parse(const char *path, char *text, struct cfg_t **out, struct reason *why);
void settings_free(struct cfg_t *s);

/* The value at i of a list, or at 0 of an option; NULL when there is none. */
const struct value *settings_value(struct cfg_t *s, const char *name, size_t i);
/* Whether it was given, be it as an empty list. */
bool settings_has(struct cfg_t *s, const char *name);
struct cfg_t *settings_section(struct cfg_t *s, const char *name, size_t i);
const char *settings_title(struct cfg_t *s);
/* A range of whole pages, "FIRST+LENGTH". NULL, or what is wrong with it. */
const char *settings_parse_range(const char *text, struct range *out);
/* Where the section begins. */
unsigned int settings_line(struct cfg_t *s);
