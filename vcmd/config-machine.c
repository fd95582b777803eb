// SPDX-License-Identifier: BSD-3-Clause
/*
 * The machine of a configuration: memory, and the devices that reach it. Pools are config-pool.c's, IOMMUs
 * config-smmu.c's.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "proto/message.h"
#include "vcmd/config-build.h"
#include "vcmd/config.h"
#include "vcmd/settings.h"

#define MAX_MEMTYPE 31

/* What there is when a file says nothing of memtypes, SMMUs, masters and windows. */
static const char builtin_machine[] =
	"memtype 0 { pool { ranges = {\"0x40000000+256M\"} contiguous = 64M } }\n"
	"memtype 1 { pool { ranges = {\"0x60000000+64M\"} contiguous = 16M } }\n"
	"memtype 2 { pool { ranges = {\"0x70000000+32M\"} } }\n"
	"smmu smmu0 {\n"
	"	base = 0x07300000\n"
	"	context vcodec_a_mm1 { mid = 0 }\n"
	"	context vcodec_a_stream { mid = 1 }\n"
	"	context vcodec_b_mm2 { mid = 2 }\n"
	"}\n"
	"smmu smmu1 {\n"
	"	base = 0x07500000\n"
	"	context mdp_port0 { mid = 0 }\n"
	"	context mdp_port1 { mid = 1 }\n"
	"}\n"
	"master dma0 {}\n";

/* --- names */

bool build_is_name(const char *name)
{
	size_t len = strlen(name);

	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("_-.:", *p))
			return false;
	return len > 0 && len <= PROTO_MAX_NAME;
}

static bool is_taken(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->n_masters; i++)
		if (c->masters[i].name && !strcmp(c->masters[i].name, name))
			return true;
	for (size_t i = 0; i < c->n_smmus; i++)
		for (size_t j = 0; j < c->smmus[i].n_contexts; j++)
			if (c->smmus[i].contexts[j].name &&
			    !strcmp(c->smmus[i].contexts[j].name, name))
				return true;
	for (size_t i = 0; i < c->n_vfios; i++)
		if (c->vfios[i].name && !strcmp(c->vfios[i].name, name))
			return true;
	return !strcmp(name, "cpu");
}

int build_device_name(const struct build *b, struct cfg_t *s, char **out)
{
	const char *name = settings_title(s);
	unsigned int line = settings_line(s);

	if (!build_is_name(name))
		return build_wrong(b, line,
				   "'%.64s' is not a name: 1 to %d letters, digits, and _ - . :",
				   name, PROTO_MAX_NAME);
	if (is_taken(b->c, name))
		return build_wrong(b, line, "there is another device named '%s'", name);
	*out = mem_strdup(name);
	return *out ? 0 : build_no_memory(b);
}

/* --- memory */

static int build_memtype(struct build *b, struct cfg_t *s)
{
	const char *title = settings_title(s);
	struct cfg_t *pool;
	char *end;
	unsigned long memtype = strtoul(title, &end, 10);
	int r = 0;

	/* One spelling a number, so that the same one twice is the same title twice. */
	if (!isdigit((unsigned char)title[0]) || *end || (title[0] == '0' && title[1]) ||
	    memtype > MAX_MEMTYPE)
		return build_wrong(b, settings_line(s),
				   "memtype '%.64s' is not a number from 0 to %d", title,
				   MAX_MEMTYPE);
	if (!settings_section(s, "pool", 0))
		return build_wrong(b, settings_line(s), "memtype %lu has no pool", memtype);
	for (size_t i = 0; !r && (pool = settings_section(s, "pool", i)); i++)
		r = build_pool(b, pool, (unsigned int)memtype);
	return r;
}

static int build_window(struct build *b, struct cfg_t *s)
{
	/* Its title is a range; it is read as the option of that kind is. */
	struct config_window *w = BUILD_ADD(b->c->windows, b->c->n_windows);
	const char *wrong_how;
	int r;

	if (!w)
		return build_no_memory(b);
	wrong_how = settings_parse_range(settings_title(s), &w->range);
	if (wrong_how)
		return build_wrong(b, settings_line(s), "window '%.64s' %s", settings_title(s),
				   wrong_how);
	r = build_claim(b, w->range, settings_line(s), "window", NULL);
	return r < 0 ? r : build_rule(b, s, false, &w->allow);
}

/* --- devices */

static int build_master(struct build *b, struct cfg_t *s)
{
	struct config_master *master = BUILD_ADD(b->c->masters, b->c->n_masters);
	int r;

	if (!master)
		return build_no_memory(b);
	r = build_device_name(b, s, &master->name);
	return r < 0 ? r : build_rule(b, s, true, &master->allow);
}

static const struct {
	const char *section;
	int (*build)(struct build *b, struct cfg_t *s);
} machine[] = {
	{ "memtype", build_memtype }, { "window", build_window }, { "smmu", build_smmu },
	{ "smmuv3", build_smmuv3 },   { "vfio", build_vfio },     { "master", build_master },
};

#define N_MACHINE (sizeof(machine) / sizeof(*machine))

static int build_devices(struct build *b, struct cfg_t *file)
{
	struct cfg_t *s;
	int r = 0;

	for (size_t i = 0; i < N_MACHINE; i++)
		for (size_t j = 0; !r && (s = settings_section(file, machine[i].section, j)); j++)
			r = machine[i].build(b, s);
	return r;
}

static bool has_machine(struct cfg_t *file)
{
	for (size_t i = 0; i < N_MACHINE; i++)
		if (settings_section(file, machine[i].section, 0))
			return true;
	return false;
}

CLEANUP_DEFINE(struct cfg_t *, settings_free)

static int build_builtin_machine(struct build *b)
{
	_cleanup_(settings_freep) struct cfg_t *file = NULL;
	_cleanup_(mem_freep) char *text = mem_strdup(builtin_machine);
	int r;

	if (!text)
		return build_no_memory(b);
	r = settings_parse("built in", text, &file, b->why);
	return r < 0 ? r : build_devices(b, file);
}

int build_machine(struct build *b, struct cfg_t *file)
{
	int r = build_table_memory(b, file);

	return r < 0 ? r : has_machine(file) ? build_devices(b, file) : build_builtin_machine(b);
}
