// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <stdio.h>

#include <vcm/vcm.h>

#include "vcmctl/column.h"

static const char *show_access(char buf[FORMAT_LEN], const struct line *l, unsigned int at)
{
	uint64_t flags = l->n[at];
	const char *what = flags & VCM_FAULT_F_WRITE ? "write" : "read";

	snprintf(buf, FORMAT_LEN, "%s%s", flags & VCM_FAULT_F_PRIVILEGED ? "privileged " : "",
		 flags & VCM_FAULT_F_EXECUTE ? "execute" : what);
	return buf;
}

static const char *show_why(char buf[FORMAT_LEN], const struct line *l, unsigned int at)
{
	(void)buf;
	return l->n[at] & VCM_FAULT_F_PERMISSION ? "not allowed" : "not mapped";
}

/* What became of the transaction: a verdict of the handler's, or the error that stands for there being none. */
static const char *show_outcome(char buf[FORMAT_LEN], const struct line *l, unsigned int at)
{
	(void)buf;
	switch ((int64_t)l->n[at]) {
	case VCM_FAULT_RETRY:
		return "retried";
	case VCM_FAULT_TERMINATE:
		return "terminated";
	case -ENOENT:
		return "terminated, no handler";
	case -ETIMEDOUT:
		return "terminated, no answer in time";
	default:
		return "terminated, handler failed";
	}
}

static const struct column columns[] = {
	{ "AGO", "time_ns", COLUMN_NUMBER, show_ago, VCM_FAULTS_TIME },
	{ "DEVICE", "device", COLUMN_WORD, show_text, 0 },
	{ NULL, "device_number", COLUMN_NUMBER, show_count, VCM_FAULTS_DEVICE },
	{ "SESSION", "session", COLUMN_NUMBER, show_count, VCM_FAULTS_SESSION },
	{ "ADDRESS", "addr", COLUMN_ADDR, show_addr, VCM_FAULTS_ADDR },
	{ "ACCESS", "access", COLUMN_WORD, show_access, VCM_FAULTS_FLAGS },
	{ "WHY", NULL, COLUMN_WORD, show_why, VCM_FAULTS_FLAGS },
	{ NULL, "flags", COLUMN_NUMBER, show_count, VCM_FAULTS_FLAGS },
	{ "OUTCOME", "outcome", COLUMN_WORD, show_outcome, VCM_FAULTS_VERDICT },
};

static enum exit_code run(const struct call *call)
{
	return columns_show(columns, sizeof(columns) / sizeof(*columns), VCM_TABLE_FAULTS, 0, call,
			    "no faults");
}

const struct command cmd_fault_list = {
	.name = "fault list",
	.synopsis = "fault list",
	.summary = "the same as faults",
	.options = OPTION_JSON,
	.run = run,
};

const struct command cmd_faults = {
	.name = "faults",
	.synopsis = "faults",
	.summary = "the last faults of devices, newest first",
	.options = OPTION_JSON,
	.run = run,
};
