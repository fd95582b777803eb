// SPDX-License-Identifier: BSD-3-Clause
/* The journal: whether it is whole, and what is in it. */
#include <stdio.h>

#include <vcm/manage.h>

#include "vcmctl/broker.h"
#include "vcmctl/cleanup.h"
#include "vcmctl/column.h"
#include "vcmctl/journal.h"

#define MAX_FILES 1024

static const struct column report_columns[] = {
	{ "state", "state", COLUMN_WORD, show_text, 0 },
	{ "what", "what", COLUMN_WORD, show_text, 1 },
	{ NULL, "is_damaged", COLUMN_TRUTH, show_yes, VCM_JOURNAL_IS_DAMAGED },
	{ "in chunk", "chunk", COLUMN_NUMBER, show_count, VCM_JOURNAL_CHUNK },
	{ "at offset", "offset", COLUMN_NUMBER, show_count, VCM_JOURNAL_OFFSET },
	{ "whole records", "records", COLUMN_NUMBER, show_count, VCM_JOURNAL_RECORDS },
	{ "rows in them", "rows", COLUMN_NUMBER, show_count, VCM_JOURNAL_ROWS },
	{ "last record", "last", COLUMN_NUMBER, show_count, VCM_JOURNAL_LAST },
	{ "through up to", "retired", COLUMN_NUMBER, show_count, VCM_JOURNAL_RETIRED },
	{ "lost", "lost_bytes", COLUMN_NUMBER, show_size, VCM_JOURNAL_LOST_BYTES },
	{ "lost records", "lost_records", COLUMN_NUMBER, show_count, VCM_JOURNAL_LOST_RECORDS },
	{ "warnings", "warnings", COLUMN_NUMBER, show_count, VCM_JOURNAL_WARNINGS },
	{ "chunks", "chunks", COLUMN_NUMBER, show_count, VCM_JOURNAL_CHUNKS },
	{ "size", "bytes", COLUMN_NUMBER, show_size, VCM_JOURNAL_BYTES },
};

static const struct column row_columns[] = {
	{ "RECORD", "record", COLUMN_NUMBER, show_count, VCM_JOURNAL_ROW_SEQUENCE },
	{ "SESSION", "session", COLUMN_NUMBER, show_count, VCM_JOURNAL_ROW_SESSION },
	{ "OBJECT", "object", COLUMN_WORD, show_text, 0 },
	{ NULL, "kind", COLUMN_NUMBER, show_count, VCM_JOURNAL_ROW_KIND },
	{ "KEY", "key", COLUMN_NUMBER, show_count, VCM_JOURNAL_ROW_KEY },
	{ "GONE", "is_gone", COLUMN_TRUTH, show_yes, VCM_JOURNAL_ROW_IS_GONE },
	{ "SIZE", "len", COLUMN_NUMBER, show_size, VCM_JOURNAL_ROW_LEN },
};

#define N(columns) (sizeof(columns) / sizeof(*(columns)))

static enum exit_code verify(const struct call *call)
{
	_cleanup_(table_deinit) struct table t = TABLE_NULL;

	if (journal_load_report(&t, call->args) < 0 || !t.n_lines)
		return EXIT_FAILED;
	columns_show_line(report_columns, N(report_columns), t.lines, call);
	return t.lines[0].n[VCM_JOURNAL_IS_DAMAGED] ? EXIT_FAILED : EXIT_OK;
}

static enum exit_code show(const struct call *call)
{
	_cleanup_(table_deinit) struct table t = TABLE_NULL;

	int r = journal_load_rows(&t, call->args);

	if (r < 0)
		return EXIT_FAILED;
	if (r == 0 || t.n_lines)
		columns_show_table(row_columns, N(row_columns), &t, call, "the journal is empty");
	return r > 0 ? EXIT_FAILED : EXIT_OK;
}

const struct command cmd_journal_verify = {
	.name = "journal verify",
	.synopsis = "journal verify [FILE...]",
	.summary = "whether the journal, or one in files, is whole",
	.options = OPTION_JSON,
	.n_args = MAX_FILES,
	.n_optional = MAX_FILES,
	.run = verify,
};

const struct command cmd_journal_show = {
	.name = "journal show",
	.synopsis = "journal show [FILE...]",
	.summary = "what the journal, or one in files, keeps",
	.options = OPTION_JSON,
	.n_args = MAX_FILES,
	.n_optional = MAX_FILES,
	.run = show,
};
