// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/config-text.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define MAX_DEPTH 8 /* the grammar needs 3, and a list */

struct scan {
	const char *path;
	struct reason *why;
	char *at;
	unsigned int line;
	unsigned int opened[MAX_DEPTH]; /* lines of the braces that are open */
	unsigned int depth;
};

static int wrong(const struct scan *s, unsigned int line, const char *what)
{
	return refuse(s->why, -EINVAL, "%s:%u: %s", s->path, line, what);
}

/* Blanks up to, not including, the end of the line. */
static void skip_line(struct scan *s)
{
	while (*s->at && *s->at != '\n')
		*s->at++ = ' ';
}

static int skip_comment(struct scan *s)
{
	unsigned int line = s->line;

	memset(s->at, ' ', 2);
	s->at += 2;
	while (*s->at && strncmp(s->at, "*/", 2) != 0) {
		if (*s->at == '\n')
			s->line++;
		else
			*s->at = ' ';
		s->at++;
	}
	if (!*s->at)
		return wrong(s, line, "this comment does not end");
	memset(s->at, ' ', 2);
	s->at += 2;
	return 0;
}

static int skip_string(struct scan *s)
{
	char quote = *s->at++;

	while (*s->at != quote) {
		if (!strncmp(s->at, "${", 2))
			return wrong(s, s->line, "${...} has no meaning here");
		if (*s->at == '\\' && s->at[1])
			s->at++;
		if (!*s->at || *s->at == '\n')
			return wrong(s, s->line, "this string does not end on its line");
		s->at++;
	}
	s->at++;
	return 0;
}

static int open_brace(struct scan *s)
{
	if (s->depth == MAX_DEPTH)
		return wrong(s, s->line, "sections do not nest that deep");
	s->opened[s->depth++] = s->line;
	s->at++;
	return 0;
}

static int close_brace(struct scan *s)
{
	if (!s->depth)
		return wrong(s, s->line, "this brace closes nothing");
	s->depth--;
	s->at++;
	return 0;
}

static int step(struct scan *s)
{
	if (!strncmp(s->at, "/*", 2))
		return skip_comment(s);
	if (!strncmp(s->at, "//", 2) || *s->at == '#') {
		skip_line(s);
		return 0;
	}
	if (!strncmp(s->at, "${", 2))
		return wrong(s, s->line, "${...} has no meaning here");
	if (*s->at == '"' || *s->at == '\'')
		return skip_string(s);
	if (*s->at == '{')
		return open_brace(s);
	if (*s->at == '}')
		return close_brace(s);
	if (*s->at == '\n')
		s->line++;
	else if (iscntrl((unsigned char)*s->at) && !isspace((unsigned char)*s->at))
		return wrong(s, s->line, "a control character");
	s->at++;
	return 0;
}

int config_text_clean(const char *path, char *text, struct reason *why)
{
	struct scan s = { .path = path, .why = why, .at = text, .line = 1 };

	while (*s.at) {
		int r = step(&s);

		if (r < 0)
			return r;
	}
	return s.depth ? wrong(&s, s.opened[s.depth - 1], "this brace is never closed") : 0;
}
