// SPDX-License-Identifier: BSD-3-Clause
#include "vcmctl/column.h"

static const struct column columns[] = {
	{ "MEMTYPE", "memtype", COLUMN_INDEX, show_memtype, VCM_POOL_MEMTYPE },
	{ "FIRST", "first", COLUMN_ADDR, show_addr, VCM_POOL_FIRST },
	{ "LAST", "last", COLUMN_ADDR, show_addr, VCM_POOL_LAST },
	{ "SIZE", "size", COLUMN_NUMBER, show_size, VCM_POOL_SIZE },
	{ "USED", "used", COLUMN_NUMBER, show_size, VCM_POOL_USED },
	{ "MOST", "high_water", COLUMN_NUMBER, show_size, VCM_POOL_HIGH_WATER },
	{ "LARGEST", "largest_free", COLUMN_NUMBER, show_size, VCM_POOL_LARGEST_FREE },
	{ "CONT", "cont_len", COLUMN_NUMBER, show_size, VCM_POOL_CONT_LEN },
	{ NULL, "cont_first", COLUMN_ADDR, show_addr, VCM_POOL_CONT_FIRST },
	{ "ARENAS", "arenas", COLUMN_NUMBER, show_count, VCM_POOL_ARENAS },
	{ NULL, "cached", COLUMN_NUMBER, show_size, VCM_POOL_CACHED },
	{ NULL, "granule", COLUMN_NUMBER, show_size, VCM_POOL_GRANULE },
	{ "FULL", "failed_size", COLUMN_NUMBER, show_count, VCM_POOL_FAILED_SIZE },
	{ "FRAGMENTED", "failed_fragmented", COLUMN_NUMBER, show_count,
	  VCM_POOL_FAILED_FRAGMENTED },
	{ NULL, "quarantined", COLUMN_NUMBER, show_size, VCM_POOL_QUARANTINED },
	{ "SOURCE", "source", COLUMN_WORD, show_text, 0 },
	{ "FLAGS", "flags", COLUMN_WORD, show_text, 1 },
};

static enum exit_code run(const struct call *call)
{
	return columns_show(columns, sizeof(columns) / sizeof(*columns), VCM_TABLE_POOLS, 0, call,
			    "no pools");
}

const struct command cmd_pools = {
	.name = "pools",
	.synopsis = "pools",
	.summary = "physical memory: how much, of which type, how full",
	.options = OPTION_JSON,
	.run = run,
};
