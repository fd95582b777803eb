// SPDX-License-Identifier: BSD-3-Clause
#include "bench/rooms.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "bench/daemon.h"
#include "bench/report.h"

#define MAX_FIGURES 32

struct figures {
	char name[MAX_FIGURES][32];
	double value[MAX_FIGURES];
	size_t n;
};

static int read_figures(struct figures *f, bool quick)
{
	char command[PATH_MAX];
	FILE *in;

	snprintf(command, sizeof(command), "exec '%s/bench/rooms'%s", daemon_build_folder(),
		 quick ? " --quick" : "");
	in = popen(command, "re");
	if (!in)
		return -errno;
	while (f->n < MAX_FIGURES && fscanf(in, "%31s %lf", f->name[f->n], &f->value[f->n]) == 2)
		f->n++;
	return pclose(in) == 0 ? 0 : -ECHILD;
}

/* Negative when it was not said. */
static double figure(const struct figures *f, const char *name, const char *part)
{
	char wanted[32];

	snprintf(wanted, sizeof(wanted), "%s%s", name, part);
	for (size_t i = 0; i < f->n; i++)
		if (!strcmp(f->name[i], wanted))
			return f->value[i];
	return -1;
}

static int graph_figures(struct report *r, const struct figures *f)
{
	double few = figure(f, "few", ""), many = figure(f, "many", ""),
	       most = figure(f, "most", "");
	double rev_few = figure(f, "reverse-few", ""), rev_many = figure(f, "reverse-many", "");
	double bytes = figure(f, "bytes", ""), packing = figure(f, "packing", "");

	if (few <= 0 || many <= 0 || most <= 0 || packing < 0 || rev_few <= 0 || rev_many <= 0)
		return -ENOMEM;
	report_add(
		r, "graph.reserve.flatness", most / few, "x", AT_MOST, 4,
		"reserve and unreserve at 1 million live reservations by the same at 1 thousand");
	report_note(
		r,
		"the pair: %.0f, %.0f, %.0f ns at 1 thousand, 100 thousand, 1 million; the loop's own: %.0f ns",
		few, many, most, figure(f, "driver", ""));
	report_plain(
		r, "graph.reverse.flatness", rev_many / rev_few, "x",
		"from a physical address to its reservation, with 100 thousand aliases by the same with 1 thousand; no target");
	report_note(r, "one look-up: %.0f, %.0f ns at 1 thousand, 100 thousand", rev_few, rev_many);
	report_add(
		r, "graph.packing", 100 * packing, "%", AT_LEAST, 75,
		"of 1 GB reserved when the first reserve fails, after random churn; naturally aligned 4K to 16M");
	report_add(r, "graph.bytes_per_res", bytes, "bytes", AT_MOST, 256,
		   "heap of the graph by live reservations");
	return 0;
}

static int map_figures(struct report *r, const struct figures *f)
{
	static const struct {
		const char *name, *figure;
	} maps[] = {
		{ "map16m.4k.ratio", "4k" },           { "map16m.64k.ratio", "64k" },
		{ "map16m.1m.ratio", "1m" },           { "map16m.16m.ratio", "16m" },
		{ "smmuv3.map16m.4k.ratio", "v3-4k" }, { "smmuv3.map16m.64k.ratio", "v3-64k" },
		{ "smmuv3.map16m.2m.ratio", "v3-2m" },
	};

	for (size_t i = 0; i < sizeof(maps) / sizeof(*maps); i++) {
		double ratio = figure(f, maps[i].figure, ".ratio");

		if (ratio <= 0)
			return -ENOMEM;
		report_plain(
			r, maps[i].name, ratio, "x",
			"back and unback of 16 MB in the driver by bare stores of as many descriptors; no target");
		report_note(r, "%.0f ns, bare stores %.0f ns", figure(f, maps[i].figure, ".ns"),
			    figure(f, maps[i].figure, ".stores"));
	}
	return 0;
}

int bench_rooms(struct report *r, bool quick)
{
	struct figures f = { .n = 0 };
	int ret = read_figures(&f, quick);

	if (ret == 0)
		ret = graph_figures(r, &f);
	return ret == 0 ? map_figures(r, &f) : ret;
}
