// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/config-build.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "vcmd/config.h"
#include "vcmd/settings.h"

void build_deinit(struct build *b)
{
	mem_free(b->claims);
	mem_free(b->byte_claims);
}

int build_wrong(const struct build *b, unsigned int line, const char *fmt, ...)
{
	char text[REASON_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return refuse(b->why, -EINVAL, "%s:%u: %s", b->path, line, text);
}

int build_no_memory(const struct build *b)
{
	return refuse(b->why, -ENOMEM, "out of memory");
}

void *build_array_add(void *array, size_t *n, size_t size)
{
	void **p = array;
	char *grown = mem_realloc_n(*p, *n + 1, size);

	if (!grown)
		return NULL;
	*p = grown;
	memset(grown + *n * size, 0, size);
	return grown + (*n)++ * size;
}

void build_get_number(struct cfg_t *s, const char *name, uint64_t *out)
{
	const struct value *v = settings_value(s, name, 0);

	if (v)
		*out = v->number;
}

void build_get_uint(struct cfg_t *s, const char *name, unsigned int *out)
{
	const struct value *v = settings_value(s, name, 0);

	if (v)
		*out = (unsigned int)v->number;
}

int build_get_text(const struct build *b, struct cfg_t *s, const char *name, char **out)
{
	const struct value *v = settings_value(s, name, 0);
	char *copy;

	if (!v)
		return 0;
	copy = mem_strdup(v->text);
	if (!copy)
		return build_no_memory(b);
	mem_free(*out);
	*out = copy;
	return 0;
}

/* --- who may */

static int rule_add(const struct build *b, struct config_rule *out, const struct value *v,
		    bool user)
{
	uid_t *uid;
	gid_t *gid;

	if (v->number == SETTINGS_ANYBODY) {
		out->everybody = true;
	} else if (user) {
		uid = BUILD_ADD(out->uids, out->n_uids);
		if (!uid)
			return build_no_memory(b);
		*uid = (uid_t)v->number;
	} else {
		gid = BUILD_ADD(out->gids, out->n_gids);
		if (!gid)
			return build_no_memory(b);
		*gid = (gid_t)v->number;
	}
	return 0;
}

/* Its number is its place in the file. */
static int rule_add_node(const struct build *b, struct config_rule *out, const struct value *v)
{
	struct cfg_t *node;
	uid_t *uid;

	for (uint32_t i = 0; (node = settings_section(b->file, "node", i)); i++) {
		if (strcmp(settings_title(node), v->text) != 0)
			continue;
		uid = BUILD_ADD(out->uids, out->n_uids);
		if (!uid)
			return build_no_memory(b);
		*uid = CONFIG_NODE_UID + i;
		return 0;
	}
	return build_wrong(b, v->line, "%s: there is no node '%s'", v->name, v->text);
}

int build_rule_of(const struct build *b, struct cfg_t *s, const char *users, const char *groups,
		  bool everybody, struct config_rule *out)
{
	const struct value *v;
	int r = 0;

	out->everybody = everybody && !settings_has(s, users) && !settings_has(s, groups);
	for (size_t i = 0; !r && (v = settings_value(s, users, i)); i++)
		r = rule_add(b, out, v, true);
	for (size_t i = 0; !r && (v = settings_value(s, groups, i)); i++)
		r = rule_add(b, out, v, false);
	return r;
}

int build_rule(const struct build *b, struct cfg_t *s, bool everybody, struct config_rule *out)
{
	const struct value *v;
	int r = build_rule_of(b, s, "allow-users", "allow-groups",
			      everybody && !settings_has(s, "allow-nodes"), out);

	for (size_t i = 0; !r && (v = settings_value(s, "allow-nodes", i)); i++)
		r = rule_add_node(b, out, v);
	return r;
}
