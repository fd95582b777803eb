// SPDX-License-Identifier: BSD-3-Clause
#include <stdio.h>

#include <vcm/manage.h>

#include "vcmctl/broker.h"
#include "vcmctl/cleanup.h"
#include "vcmctl/column.h"

static void print_json(void)
{
	_cleanup_(json_putp) json_object *j = json_object_new_object();

	json_object_object_add(j, "reloaded", json_object_new_boolean(1));
	json_print(j);
}

static enum exit_code run(const struct call *call)
{
	int r;

	if (!broker_join())
		return EXIT_FAILED;
	r = vcm_reload();
	if (r < 0) {
		tell_failure(r, "not reloaded, nothing has changed");
		return EXIT_FAILED;
	}
	if (call->options & OPTION_JSON)
		print_json();
	return EXIT_OK;
}

const struct command cmd_reload = {
	.name = "reload",
	.synopsis = "reload",
	.summary = "have the broker read its configuration anew",
	.options = OPTION_JSON,
	.run = run,
};
