// SPDX-License-Identifier: BSD-3-Clause
#include <stdio.h>

#include "vcmctl/broker.h"
#include "vcmctl/cleanup.h"
#include "vcmctl/column.h"

static const char *show_configuration(char buf[FORMAT_LEN], const struct line *l, unsigned int at)
{
	(void)buf;
	return *line_text(l, at) ? line_text(l, at) : "built in";
}

static const struct column columns[] = {
	{ "version", "version", COLUMN_WORD, show_text, 0 },
	{ "configuration", "configuration", COLUMN_WORD, show_configuration, 1 },
	{ "up for", "uptime_ns", COLUMN_NUMBER, show_duration, VCM_STATUS_UPTIME },
	{ "sessions", "sessions", COLUMN_NUMBER, show_count, VCM_STATUS_SESSIONS },
	{ "objects", "objects", COLUMN_NUMBER, show_count, VCM_STATUS_OBJECTS },
	{ "memory used", "used", COLUMN_NUMBER, show_size, VCM_STATUS_USED },
	{ "page tables", "tables", COLUMN_NUMBER, show_size, VCM_STATUS_TABLES },
	{ "filled ahead", "stock", COLUMN_NUMBER, show_size, VCM_STATUS_STOCK },
	{ "active associations", "active", COLUMN_NUMBER, show_count, VCM_STATUS_ACTIVE },
	{ "requests", "requests", COLUMN_NUMBER, show_count, VCM_STATUS_REQUESTS },
	{ "requests refused", "refused", COLUMN_NUMBER, show_count, VCM_STATUS_REFUSED },
	{ "faults", "faults", COLUMN_NUMBER, show_count, VCM_STATUS_FAULTS },
	{ "handlers failed", "failed_handlers", COLUMN_NUMBER, show_count,
	  VCM_STATUS_FAILED_HANDLERS },
	{ "quarantined", "quarantined", COLUMN_NUMBER, show_size, VCM_STATUS_QUARANTINED },
};

static enum exit_code run(const struct call *call)
{
	_cleanup_(table_deinit) struct table t = TABLE_NULL;
	int r;

	if (!broker_join())
		return EXIT_FAILED;
	r = table_load(&t, VCM_TABLE_STATUS, 0);
	if (r < 0 || !t.n_lines) {
		tell_failure(r, "cannot read the status");
		return EXIT_FAILED;
	}
	columns_show_line(columns, sizeof(columns) / sizeof(*columns), t.lines, call);
	return EXIT_OK;
}

const struct command cmd_status = {
	.name = "status",
	.synopsis = "status",
	.summary = "what the broker holds, and what has happened",
	.options = OPTION_JSON,
	.run = run,
};
