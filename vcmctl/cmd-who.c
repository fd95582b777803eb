// SPDX-License-Identifier: BSD-3-Clause
#include "vcmctl/broker.h"
#include "vcmctl/column.h"

static const struct column columns[] = {
	{ "USER", NULL, COLUMN_WORD, show_user, VCM_WHO_UID },
	{ NULL, "uid", COLUMN_NUMBER, show_count, VCM_WHO_UID },
	{ "PID", "pid", COLUMN_NUMBER, show_count, VCM_WHO_PID },
	{ "PROGRAM", "program", COLUMN_WORD, show_text, 0 },
	{ NULL, "session", COLUMN_NUMBER, show_count, VCM_WHO_SESSION },
	{ "VCM", "vcm", COLUMN_NUMBER, show_count, VCM_WHO_VCM },
	{ "RES", "res", COLUMN_NUMBER, show_count, VCM_WHO_RES },
	{ "ADDRESS", "addr", COLUMN_ADDR, show_addr, VCM_WHO_ADDR },
	{ "SIZE", "len", COLUMN_NUMBER, show_size, VCM_WHO_LEN },
	{ "ACCESS", "access", COLUMN_WORD, show_res_attr, VCM_WHO_ATTR },
	{ NULL, "attr", COLUMN_NUMBER, show_count, VCM_WHO_ATTR },
	{ "DEVICE", "device", COLUMN_WORD, show_text, 1 },
	{ "ACTIVE", "is_active", COLUMN_TRUTH, show_yes, VCM_WHO_IS_ACTIVE },
	{ "MEMORY", "sharing", COLUMN_WORD, show_sharing, VCM_WHO_SHARING, true },
};

static enum exit_code run(const struct call *call)
{
	uint64_t phys;

	if (!parse_number(call->args[0], &phys)) {
		tell_misuse("who: '%s' is no physical address", call->args[0]);
		return EXIT_USAGE;
	}
	return columns_show(columns, sizeof(columns) / sizeof(*columns), VCM_TABLE_WHO, phys, call,
			    "no reservation maps it");
}

const struct command cmd_who = {
	.name = "who",
	.synopsis = "who PHYS",
	.summary = "which reservations map a physical address, and which devices see them",
	.options = OPTION_JSON,
	.n_args = 1,
	.run = run,
};
