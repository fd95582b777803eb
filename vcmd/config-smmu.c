// SPDX-License-Identifier: BSD-3-Clause
/*
 * The IOMMUs of a configuration that are driven by their registers.
 */
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "base/range.h"
#include "proto/message.h"
#include "vcmd/config-build.h"
#include "vcmd/config.h"
#include "vcmd/settings.h"

#define SMMU_LEN SZ_1M /* of registers */
#define SMMUV3_LEN (2 * SZ_64K)

/* --- contexts */

/* The number that the transactions of its master carry; NULL and what is wrong. */
static const struct value *mid_of(const struct build *b, struct cfg_t *s)
{
	const struct value *mid = settings_value(s, "mid", 0);

	if (!mid)
		build_wrong(b, settings_line(s), "the context has no mid");
	return mid;
}

static const struct value *stream_of(const struct build *b, struct cfg_t *s)
{
	const struct value *stream = settings_value(s, "stream", 0),
			   *pci = settings_value(s, "pci", 0),
			   *stall = settings_value(s, "stall", 0);

	if (stream && pci) {
		build_wrong(b, pci->line, "the context has a stream and a pci address");
		return NULL;
	}
	if (!stream && !pci)
		build_wrong(b, settings_line(s), "the context has neither stream nor pci");
	if (pci && stall && stall->number) {
		build_wrong(b, stall->line, "a PCI function cannot stall");
		return NULL;
	}
	return stream ? stream : pci;
}

static int build_context(struct build *b, struct cfg_t *s, struct config_smmu *smmu)
{
	const struct value *mid = smmu->v3 ? stream_of(b, s) : mid_of(b, s), *stall;
	struct config_context *context;
	_cleanup_(mem_freep) char *name = NULL;
	int r;

	if (!mid)
		return -EINVAL;
	for (size_t i = 0; i < smmu->n_contexts; i++)
		if (smmu->contexts[i].mid == mid->number)
			return build_wrong(b, mid->line, "%s %s is that of context '%s' already",
					   mid->name, mid->text, smmu->contexts[i].name);
	r = build_device_name(b, s, &name);
	if (r < 0)
		return r;
	context = BUILD_ADD(smmu->contexts, smmu->n_contexts);
	if (!context)
		return build_no_memory(b);
	context->name = STEAL_PTR(name);
	context->mid = (unsigned int)mid->number;
	stall = smmu->v3 ? settings_value(s, "stall", 0) : NULL;
	context->stall = stall && stall->number;
	return build_rule(b, s, true, &context->allow);
}

/* --- registers */

/* Options that mean something for other kinds of registers only. */
static int check_registers(const struct build *b, struct cfg_t *s, const struct config_smmu *smmu)
{
	static const struct {
		const char *option, *kind;
		unsigned int kinds; /* that it is for, as bits */
	} for_kinds[] = {
		{ "device", "uio and vfio", 1U << REGISTERS_UIO | 1U << REGISTERS_VFIO },
		{ "region", "uio and vfio", 1U << REGISTERS_UIO | 1U << REGISTERS_VFIO },
		{ "poll-interval", "mem", 1U << REGISTERS_MEM },
		{ "banks", "model", 1U << REGISTERS_MODEL },
		{ "tlb-entries", "model", 1U << REGISTERS_MODEL },
		{ "tlb-ways", "model", 1U << REGISTERS_MODEL },
	};

	for (size_t i = 0; i < sizeof(for_kinds) / sizeof(*for_kinds); i++) {
		bool has = !smmu->v3 || for_kinds[i].kinds != 1U << REGISTERS_MODEL;
		const struct value *v = has ? settings_value(s, for_kinds[i].option, 0) : NULL;

		if (v && !(for_kinds[i].kinds & 1U << smmu->registers))
			return build_wrong(b, v->line, "%s is for registers = %s only",
					   for_kinds[i].option, for_kinds[i].kind);
	}
	if (for_kinds[0].kinds & 1U << smmu->registers && !smmu->device)
		return build_wrong(b, settings_line(s), "the %s device is not named: device = ...",
				   smmu->registers == REGISTERS_UIO ? "UIO" : "VFIO");
	return 0;
}

/* Where they are; a UIO device knows it by itself. */
static int claim_registers(struct build *b, struct cfg_t *s, struct config_smmu *smmu)
{
	const struct value *base = settings_value(s, "base", 0);
	struct range registers;

	if (!base && smmu->registers == REGISTERS_UIO)
		return 0;
	if (!base)
		return build_wrong(b, settings_line(s),
				   "the SMMU has no base, the physical address of its registers");
	if (!range_make(base->number, smmu->v3 ? SMMUV3_LEN : SMMU_LEN, &registers))
		return build_wrong(b, base->line, "base: no room for registers at %s", base->text);
	smmu->base = base->number;
	return build_claim(b, registers, base->line, "SMMU's registers", NULL);
}

/* Two drivers of one SMMU would take it away from each other. */
static int check_alone(struct build *b, struct cfg_t *s, const struct config_smmu *smmu)
{
	for (const struct config_smmu *other = b->c->smmus; other != smmu; other++)
		if (smmu->device && other->device && smmu->registers == other->registers &&
		    smmu->region == other->region && !strcmp(smmu->device, other->device))
			return build_wrong(b, settings_line(s),
					   "region %u of device '%.64s' is SMMU '%s' already",
					   smmu->region, smmu->device, other->name);
	return 0;
}

static int build_registers(struct build *b, struct cfg_t *s, struct config_smmu *smmu)
{
	const struct value *kind = settings_value(s, "registers", 0);
	int r;

	smmu->registers = kind ? (enum config_registers)kind->number : REGISTERS_MODEL;
	if (smmu->v3 && smmu->registers == REGISTERS_MODEL)
		return build_wrong(b, kind ? kind->line : settings_line(s),
				   "an SMMUv3 is real: its registers are uio, mem or vfio");
	smmu->poll_ms = 10;
	build_get_uint(s, "region", &smmu->region);
	build_get_uint(s, "poll-interval", &smmu->poll_ms);
	r = build_get_text(b, s, "device", &smmu->device);
	if (!r)
		r = check_registers(b, s, smmu);
	if (!r)
		r = check_alone(b, s, smmu);
	return r ? r : claim_registers(b, s, smmu);
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

/* --- the whole */

static int begin(struct build *b, struct cfg_t *s, bool v3, struct config_smmu **out)
{
	struct config_smmu *smmu;

	if (!build_is_name(settings_title(s)))
		return build_wrong(b, settings_line(s),
				   "'%.64s' is not a name: 1 to %d letters, digits, and _ - . :",
				   settings_title(s), PROTO_MAX_NAME);
	for (size_t i = 0; i < b->c->n_smmus; i++)
		if (!strcmp(b->c->smmus[i].name, settings_title(s)))
			return build_wrong(b, settings_line(s), "there is another SMMU named '%s'",
					   settings_title(s));
	smmu = BUILD_ADD(b->c->smmus, b->c->n_smmus);
	if (!smmu)
		return build_no_memory(b);
	smmu->v3 = v3;
	smmu->name = mem_strdup(settings_title(s));
	if (!smmu->name)
		return build_no_memory(b);
	*out = smmu;
	return build_registers(b, s, smmu);
}

static int build_contexts(struct build *b, struct cfg_t *s, struct config_smmu *smmu)
{
	struct cfg_t *context;
	int r = 0;

	for (size_t i = 0; !r && (context = settings_section(s, "context", i)); i++)
		r = build_context(b, context, smmu);
	return r;
}

int build_smmu(struct build *b, struct cfg_t *s)
{
	struct config_smmu *smmu = NULL;
	int r = begin(b, s, false, &smmu);

	if (r < 0 || !smmu)
		return r;
	smmu->n_banks = 8;
	smmu->tlb_entries = 64;
	smmu->tlb_ways = 4;
	build_get_uint(s, "banks", &smmu->n_banks);
	r = build_tlb(b, s, smmu);
	return r ? r : build_contexts(b, s, smmu);
}

int build_smmuv3(struct build *b, struct cfg_t *s)
{
	struct config_smmu *smmu = NULL;
	int r = begin(b, s, true, &smmu);

	return r == 0 && smmu ? build_contexts(b, s, smmu) : r;
}
