// SPDX-License-Identifier: BSD-3-Clause
#include <inttypes.h>
#include <stdio.h>

#include <vcm/manage.h>

#include "vcmctl/broker.h"
#include "vcmctl/cleanup.h"
#include "vcmctl/column.h"

static void print_json(uint64_t session)
{
	_cleanup_(json_putp) json_object *j = json_object_new_object();

	json_object_object_add(j, "session", json_object_new_uint64(session));
	json_print(j);
}

static enum exit_code run(const struct call *call)
{
	uint64_t session;
	int r;

	if (!parse_number(call->args[0], &session)) {
		tell_misuse("session kill: '%s' is no number of a session", call->args[0]);
		return EXIT_USAGE;
	}
	if (!broker_join())
		return EXIT_FAILED;
	r = vcm_session_kill(session);
	if (r < 0) {
		tell_failure(r, "session %" PRIu64 " is not ended", session);
		return EXIT_FAILED;
	}
	if (call->options & OPTION_JSON)
		print_json(session);
	return EXIT_OK;
}

const struct command cmd_session_kill = {
	.name = "session kill",
	.synopsis = "session kill ID",
	.summary = "end a session as if its program had died",
	.options = OPTION_JSON,
	.n_args = 1,
	.run = run,
};
