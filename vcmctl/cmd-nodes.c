// SPDX-License-Identifier: BSD-3-Clause
#include "vcmctl/column.h"

static const char *show_ago_if(char buf[FORMAT_LEN], const struct line *l, unsigned int at)
{
	return l->n[at] ? show_ago(buf, l, at) : "never";
}

static const struct column columns[] = {
	{ "NAME", "name", COLUMN_WORD, show_text, 0 },
	{ "CARRIER", "carrier", COLUMN_WORD, show_text, 1 },
	{ "KICK", "kick", COLUMN_WORD, show_text, 2 },
	{ "STATE", "state", COLUMN_WORD, show_text, 3 },
	{ "EPOCH", "epoch", COLUMN_NUMBER, show_count, VCM_NODE_EPOCH },
	{ "SESSION", "session", COLUMN_NUMBER, show_count_if, VCM_NODE_SESSION },
	{ "RINGS", "descriptors", COLUMN_NUMBER, show_count_if, VCM_NODE_DESCRIPTORS },
	{ "BUFFER", "buffer", COLUMN_NUMBER, show_count, VCM_NODE_BUFFER },
	{ "IN", "in", COLUMN_NUMBER, show_count, VCM_NODE_IN },
	{ "OUT", "out", COLUMN_NUMBER, show_count, VCM_NODE_OUT },
	{ "BYTES IN", "bytes_in", COLUMN_NUMBER, show_size, VCM_NODE_BYTES_IN },
	{ "BYTES OUT", "bytes_out", COLUMN_NUMBER, show_size, VCM_NODE_BYTES_OUT },
	{ "DROPPED", "dropped", COLUMN_NUMBER, show_count, VCM_NODE_DROPPED },
	{ "RESETS", "resets", COLUMN_NUMBER, show_count, VCM_NODE_RESETS },
	{ NULL, "kicks", COLUMN_NUMBER, show_count, VCM_NODE_KICKS },
	{ "HEARD", "heard_ns", COLUMN_NUMBER, show_ago_if, VCM_NODE_HEARD },
};

static enum exit_code run(const struct call *call)
{
	return columns_show(columns, sizeof(columns) / sizeof(*columns), VCM_TABLE_NODES, 0, call,
			    "no nodes");
}

const struct command cmd_nodes = {
	.name = "nodes",
	.synopsis = "nodes",
	.summary = "remote CPUs: how they are reached, and whether they live",
	.options = OPTION_JSON,
	.run = run,
};
