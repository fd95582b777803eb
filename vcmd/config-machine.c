// SPDX-License-Identifier: BSD-3-Clause
/*
 * The machine of a configuration: memory, and the devices that reach it.
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
#define SMMU_LEN SZ_1M /* of its registers */

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

static bool is_name(const char *name)
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
	return !strcmp(name, "cpu");
}

/* A device's name, which every other device's differs from. */
static int take_name(const struct build *b, struct cfg_t *s, char **out)
{
	const char *name = settings_title(s);
	unsigned int line = settings_line(s);

	if (!is_name(name))
		return build_wrong(b, line,
				   "'%.64s' is not a name: 1 to %d letters, digits, and _ - . :",
				   name, PROTO_MAX_NAME);
	if (is_taken(b->c, name))
		return build_wrong(b, line, "there is another device named '%s'", name);
	*out = mem_strdup(name);
	return *out ? 0 : build_no_memory(b);
}

/* --- memory */

static int build_ranges(struct build *b, struct cfg_t *s, struct config_pool *pool)
{
	const struct value *v;
	int r;

	for (size_t i = 0; (v = settings_value(s, "ranges", i)); i++) {
		struct range *range = BUILD_ADD(pool->ranges, pool->n_ranges);

		if (!range)
			return build_no_memory(b);
		*range = v->range;
		r = build_claim(b, v->range, v->line, "pool");
		if (r < 0)
			return r;
		if (pool->granule && (!is_aligned(range->first, pool->granule) ||
				      !is_aligned(range->last + 1, pool->granule)))
			return build_wrong(b, v->line, "%s is not made of granules of 0x%llx bytes",
					   v->text, (unsigned long long)pool->granule);
	}
	return pool->n_ranges ? 0 : build_wrong(b, settings_line(s), "this pool has no ranges");
}

static int build_contiguous(const struct build *b, struct cfg_t *s, const struct config_pool *pool)
{
	const struct value *v = settings_value(s, "contiguous", 0);

	if (v && v->number > range_len(pool->ranges[0]))
		return build_wrong(
			b, v->line,
			"the contiguous region (%s) does not fit into the pool's first range",
			v->text);
	return 0;
}

/* Memory of a memtype is secure or it is not: an allocation may come from any of its pools. */
static int build_secure(const struct build *b, struct cfg_t *s, const struct config_pool *pool)
{
	const struct value *v = settings_value(s, "secure", 0);

	for (size_t i = 0; i < b->c->n_pools; i++)
		if (b->c->pools[i].memtype == pool->memtype &&
		    b->c->pools[i].secure != pool->secure)
			return build_wrong(
				b, v ? v->line : settings_line(s),
				"memtype %u has a pool that is secure and one that is not",
				pool->memtype);
	return 0;
}

static int build_pool(struct build *b, struct cfg_t *s, unsigned int memtype)
{
	struct config_pool *pool = BUILD_ADD(b->c->pools, b->c->n_pools);
	const struct value *granule = settings_value(s, "granule", 0), *v;
	int r;

	if (!pool)
		return build_no_memory(b);
	pool->memtype = memtype;
	if (granule && (granule->number & (granule->number - 1)))
		return build_wrong(b, granule->line, "granule: %s is not a power of two",
				   granule->text);
	build_get_number(s, "granule", &pool->granule);
	build_get_number(s, "contiguous", &pool->cont_len);
	v = settings_value(s, "source", 0);
	pool->source = v ? (enum memory_source)v->number : SOURCE_MEMFD;
	v = settings_value(s, "secure", 0);
	pool->secure = v && v->number;
	r = build_secure(b, s, pool);
	if (!r)
		r = build_rule(b, s, true, &pool->allow);
	if (!r)
		r = build_ranges(b, s, pool);
	return r ? r : build_contiguous(b, s, pool);
}

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
	r = build_claim(b, w->range, settings_line(s), "window");
	return r < 0 ? r : build_rule(b, s, false, &w->allow);
}

/* --- devices */

static int build_context(struct build *b, struct cfg_t *s, struct config_smmu *smmu)
{
	const struct value *mid = settings_value(s, "mid", 0);
	struct config_context *context;
	_cleanup_(mem_freep) char *name = NULL;
	int r;

	if (!mid)
		return build_wrong(b, settings_line(s), "the context has no mid");
	for (size_t i = 0; i < smmu->n_contexts; i++)
		if (smmu->contexts[i].mid == mid->number)
			return build_wrong(b, mid->line, "mid %s is that of context '%s' already",
					   mid->text, smmu->contexts[i].name);
	r = take_name(b, s, &name);
	if (r < 0)
		return r;
	context = BUILD_ADD(smmu->contexts, smmu->n_contexts);
	if (!context)
		return build_no_memory(b);
	context->name = STEAL_PTR(name);
	context->mid = (unsigned int)mid->number;
	return build_rule(b, s, true, &context->allow);
}

static int build_tlb(const struct build *b, struct cfg_t *s, struct config_smmu *smmu)
{
	const struct value *entries = settings_value(s, "tlb-entries", 0),
			   *ways = settings_value(s, "tlb-ways", 0);

	build_get_uint(s, "tlb-entries", &smmu->tlb_entries);
	if (smmu->tlb_entries & (smmu->tlb_entries - 1))
		return build_wrong(b, entries->line, "tlb-entries: %s is not a power of two",
				   entries->text);
	if (!ways) {
		if (smmu->tlb_ways > smmu->tlb_entries)
			smmu->tlb_ways = smmu->tlb_entries;
		return 0;
	}
	smmu->tlb_ways = (unsigned int)ways->number;
	if (smmu->tlb_entries % smmu->tlb_ways)
		return build_wrong(b, ways->line, "tlb-ways: %s does not divide the %u entries",
				   ways->text, smmu->tlb_entries);
	return 0;
}

static int build_registers(struct build *b, struct cfg_t *s, struct config_smmu *smmu)
{
	const struct value *base = settings_value(s, "base", 0);
	struct range registers;

	if (!base)
		return build_wrong(b, settings_line(s),
				   "the SMMU has no base, the physical address of its registers");
	if (!range_make(base->number, SMMU_LEN, &registers))
		return build_wrong(b, base->line, "base: no room for registers at %s", base->text);
	smmu->base = base->number;
	return build_claim(b, registers, base->line, "SMMU's registers");
}

static int build_smmu(struct build *b, struct cfg_t *s)
{
	struct config_smmu *smmu;
	struct cfg_t *context;
	int r;

	if (!is_name(settings_title(s)))
		return build_wrong(b, settings_line(s),
				   "'%.64s' is not a name: 1 to %d letters, digits, and _ - . :",
				   settings_title(s), PROTO_MAX_NAME);
	smmu = BUILD_ADD(b->c->smmus, b->c->n_smmus);
	if (!smmu)
		return build_no_memory(b);
	smmu->n_banks = 8;
	smmu->tlb_entries = 64;
	smmu->tlb_ways = 4;
	smmu->name = mem_strdup(settings_title(s));
	if (!smmu->name)
		return build_no_memory(b);
	build_get_uint(s, "banks", &smmu->n_banks);
	r = build_registers(b, s, smmu);
	if (!r)
		r = build_tlb(b, s, smmu);
	for (size_t i = 0; !r && (context = settings_section(s, "context", i)); i++)
		r = build_context(b, context, smmu);
	return r;
}

static int build_master(struct build *b, struct cfg_t *s)
{
	struct config_master *master = BUILD_ADD(b->c->masters, b->c->n_masters);
	int r;

	if (!master)
		return build_no_memory(b);
	r = take_name(b, s, &master->name);
	return r < 0 ? r : build_rule(b, s, true, &master->allow);
}

static const struct {
	const char *section;
	int (*build)(struct build *b, struct cfg_t *s);
} machine[] = {
	{ "memtype", build_memtype },
	{ "window", build_window },
	{ "smmu", build_smmu },
	{ "master", build_master },
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
	return has_machine(file) ? build_devices(b, file) : build_builtin_machine(b);
}
