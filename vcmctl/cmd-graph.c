// SPDX-License-Identifier: BSD-3-Clause
#include "vcmctl/broker.h"
#include "vcmctl/cleanup.h"
#include "vcmctl/command.h"
#include "vcmctl/graph.h"

static enum exit_code run(const struct call *call)
{
	_cleanup_(graph_deinit) struct graph g = { .devices = TABLE_NULL };
	int r;

	if (call->options & OPTION_DOT && call->options & OPTION_JSON) {
		tell_misuse("graph: --dot or --json, not both");
		return EXIT_USAGE;
	}
	if (!broker_join())
		return EXIT_FAILED;
	r = graph_load(&g);
	if (r < 0) {
		tell_failure(r, "cannot read the graph");
		return EXIT_FAILED;
	}
	if (call->options & OPTION_DOT)
		graph_print_dot(&g);
	else if (call->options & OPTION_JSON)
		graph_print_json(&g);
	else
		graph_print_text(&g);
	return EXIT_OK;
}

const struct command cmd_graph = {
	.name = "graph",
	.synopsis = "graph",
	.summary = "devices, regions, reservations and memory, and what maps what",
	.options = OPTION_JSON | OPTION_DOT,
	.run = run,
};
