// SPDX-License-Identifier: BSD-3-Clause
/*
 * bench [--quick] [PART...]: measures, prints a table, and writes bench.json into the current folder.
 *
 * What is compared runs in the same run, turn and turn about; the figures are medians of rounds. --quick: just enough to have
 * a number under each name. The parts: ipc graph state tlb buffer crowd node; all of them without any, and
 * only then the file is written.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "bench/buffer.h"
#include "bench/crowd.h"
#include "bench/ipc.h"
#include "bench/node.h"
#include "bench/report.h"
#include "bench/rooms.h"
#include "bench/state.h"
#include "bench/tlb.h"

CLEANUP_DEFINE(struct report *, report_free)

static int tlb(struct report *r, bool quick _unused_)
{
	return bench_tlb(r);
}

static const struct part {
	const char *name;
	int (*fn)(struct report *r, bool quick);
} parts[] = {
	{ "ipc", bench_ipc },   { "graph", bench_rooms },   { "state", bench_state },
	{ "tlb", tlb },         { "buffer", bench_buffer }, { "crowd", bench_crowd },
	{ "node", bench_node },
};

#define N_PARTS (sizeof(parts) / sizeof(*parts))

static bool is_wanted(const struct part *p, int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (!strcmp(argv[i], p->name))
			return true;
	return argc == 0;
}

static int run(struct report *r, const struct part *p, bool quick)
{
	int ret = p->fn(r, quick);

	report_print(r);
	if (ret < 0)
		fprintf(stderr, "bench: %s: %s\n", p->name, strerror(-ret));
	return ret;
}

static int write_file(const struct report *r)
{
	int ret = report_write(r, "bench.json");

	if (ret < 0)
		fprintf(stderr, "bench: bench.json: %s\n", strerror(-ret));
	return ret;
}

int main(int argc, char **argv)
{
	_cleanup_(report_freep) struct report *r = report_new();
	bool quick = argc > 1 && !strcmp(argv[1], "--quick"), failed = !r;

	argc -= 1 + quick;
	argv += 1 + quick;
	for (size_t i = 0; i < N_PARTS && r; i++)
		if (is_wanted(&parts[i], argc, argv))
			failed |= run(r, &parts[i], quick) < 0;
	if (failed)
		return EXIT_FAILURE;
	if (report_missed(r) && !quick)
		printf("%u missed\n", report_missed(r));
	return argc == 0 && write_file(r) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
