// SPDX-License-Identifier: BSD-3-Clause
#include "vcmctl/column.h"

static const struct column columns[] = {
	{ "ID", "id", COLUMN_NUMBER, show_count, VCM_SESSION_ID },
	{ "USER", NULL, COLUMN_WORD, show_user, VCM_SESSION_UID },
	{ NULL, "uid", COLUMN_NUMBER, show_count, VCM_SESSION_UID },
	{ NULL, "gid", COLUMN_NUMBER, show_count, VCM_SESSION_GID },
	{ "PID", "pid", COLUMN_NUMBER, show_count, VCM_SESSION_PID },
	{ "PROGRAM", "program", COLUMN_WORD, show_text, 0 },
	{ "VCMS", "vcms", COLUMN_NUMBER, show_count, VCM_SESSION_VCMS },
	{ "RESERVED", "reservations", COLUMN_NUMBER, show_count, VCM_SESSION_RESERVATIONS },
	{ "PHYSMEMS", "physmems", COLUMN_NUMBER, show_count, VCM_SESSION_PHYSMEMS },
	{ "ASSOCS", "assocs", COLUMN_NUMBER, show_count, VCM_SESSION_ASSOCS },
	{ "MEMORY", "bytes", COLUMN_NUMBER, show_size, VCM_SESSION_BYTES },
	{ "WAITING", "in_flight", COLUMN_NUMBER, show_count, VCM_SESSION_IN_FLIGHT },
	{ "REQUESTS", "requests", COLUMN_NUMBER, show_count, VCM_SESSION_REQUESTS },
	{ "REFUSED", "refused", COLUMN_NUMBER, show_count, VCM_SESSION_REFUSED },
};

static enum exit_code run(const struct call *call)
{
	return columns_show(columns, sizeof(columns) / sizeof(*columns), VCM_TABLE_SESSIONS, 0,
			    call, "no sessions");
}

const struct command cmd_sessions = {
	.name = "sessions",
	.synopsis = "sessions",
	.summary = "who is connected, and what they own",
	.options = OPTION_JSON,
	.run = run,
};
