// SPDX-License-Identifier: BSD-3-Clause
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <vcm/sim.h>

#include "vcmctl/broker.h"
#include "vcmctl/cleanup.h"
#include "vcmctl/column.h"

static const struct {
	const char *name;
	enum vcm_sim_failure what;
} kinds[] = {
	{ "activate", VCM_SIM_FAIL_ACTIVATE },
	{ "deactivate", VCM_SIM_FAIL_DEACTIVATE },
	{ "walk", VCM_SIM_FAIL_WALK },
	{ "translate", VCM_SIM_FAIL_TRANSLATE },
};

static bool find_kind(const char *name, enum vcm_sim_failure *out)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(kinds[i].name, name)) {
			*out = kinds[i].what;
			return true;
		}
	tell_misuse("fault inject: '%s' is neither activate, deactivate, walk nor translate", name);
	return false;
}

static bool find_count(const char *text, uint64_t *out)
{
	*out = 1;
	if (!text || (parse_number(text, out) && *out <= UINT_MAX))
		return true;
	tell_misuse("fault inject: '%s' is no number of times", text);
	return false;
}

static void print_json(const struct call *call, uint64_t count)
{
	_cleanup_(json_putp) json_object *j = json_object_new_object();

	json_object_object_add(j, "device", json_object_new_string(call->args[0]));
	json_object_object_add(j, "what", json_object_new_string(call->args[1]));
	json_object_object_add(j, "count", json_object_new_uint64(count));
	json_print(j);
}

static enum exit_code inject(const struct call *call, enum vcm_sim_failure what, uint64_t count)
{
	size_t dev_id;
	int r;

	if (!broker_join() || !broker_find_device(call->args[0], &dev_id))
		return EXIT_FAILED;
	r = vcm_sim_fail_next(dev_id, what, (unsigned int)count);
	if (r < 0) {
		tell_failure(r, "%s does not fail", call->args[0]);
		return EXIT_FAILED;
	}
	if (call->options & OPTION_JSON)
		print_json(call, count);
	return EXIT_OK;
}

static enum exit_code run(const struct call *call)
{
	enum vcm_sim_failure what;
	uint64_t count;

	if (!find_kind(call->args[1], &what) || !find_count(call->args[2], &count))
		return EXIT_USAGE;
	return inject(call, what, count);
}

const struct command cmd_fault_inject = {
	.name = "fault inject",
	.synopsis = "fault inject CTX WHAT [N]",
	.summary = "the next N times (1) simulated hardware fails to WHAT",
	.options = OPTION_JSON,
	.n_args = 3,
	.n_optional = 1,
	.run = run,
};
