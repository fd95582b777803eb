// SPDX-License-Identifier: BSD-3-Clause
/*
 * bench/rooms [--quick]: the figures of single rooms, a "name value" in each line of the output, for bench/bench. A program of its
 * own, because the API of the hardware driver has functions of the same names as that of the client library.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/range.h"
#include "bench/graph.h"
#include "bench/rooms.h"
#include "bench/tables.h"

static void say(const char *name, double value)
{
	printf("%s %.9g\n", name, value);
	fflush(stdout);
}

static void say_graph(size_t many, size_t most)
{
	say("driver", bench_graph_driver_ns(ROOMS_FEW));
	say("few", bench_graph_pair_ns(ROOMS_FEW));
	say("many", bench_graph_pair_ns(many));
	say("most", bench_graph_pair_ns(most));
	say("bytes", bench_graph_bytes_per_res(most));
	say("reverse-few", bench_graph_reverse_ns(ROOMS_FEW));
	say("reverse-many", bench_graph_reverse_ns(many));
	say("packing", bench_graph_packing());
}

static void say_map(const char *name, double (*ratio)(uint64_t block), uint64_t block)
{
	char text[32];

	snprintf(text, sizeof(text), "%s.ratio", name);
	say(text, ratio(block));
	snprintf(text, sizeof(text), "%s.ns", name);
	say(text, bench_map16m_ns());
	snprintf(text, sizeof(text), "%s.stores", name);
	say(text, bench_map16m_stores_ns());
}

int main(int argc, char **argv)
{
	bool quick = argc > 1 && !strcmp(argv[1], "--quick");

	say_graph(quick ? ROOMS_QUICK : ROOMS_MANY, quick ? ROOMS_QUICK : ROOMS_MOST);
	say_map("4k", bench_map16m_ratio, SZ_4K);
	say_map("64k", bench_map16m_ratio, SZ_64K);
	say_map("1m", bench_map16m_ratio, SZ_1M);
	say_map("16m", bench_map16m_ratio, SZ_16M);
	say_map("v3-4k", bench_smmuv3_map16m_ratio, SZ_4K);
	say_map("v3-64k", bench_smmuv3_map16m_ratio, SZ_64K);
	say_map("v3-2m", bench_smmuv3_map16m_ratio, SZ_2M);
	return EXIT_SUCCESS;
}
