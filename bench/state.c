// SPDX-License-Identifier: BSD-3-Clause
#include "bench/state.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "bench/daemon.h"
#include "bench/report.h"

static int add(struct report *r, FILE *in, const char *name)
{
	double restore, read, insert, bytes;
	size_t n;

	if (fscanf(in, "%zu restore %lf read %lf insert %lf bytes %lf\n", &n, &restore, &read,
		   &insert, &bytes) != 5 ||
	    read + insert <= 0)
		return -EPROTO;
	report_add(
		r, name, restore / (read + insert), "x", AT_MOST, 10,
		"restoring that many reservations by reading their journal's bytes and inserting them in an empty graph");
	report_note(r, "%zu: restored in %.2f ms; read %.2f ms (%.0f bytes), inserted %.2f ms", n,
		    restore / 1e6, read / 1e6, bytes, insert / 1e6);
	return 0;
}

int bench_state(struct report *r, bool quick)
{
	static const char *const names[] = { "restore.1k.ratio", "restore.10k.ratio",
					     "restore.100k.ratio" };
	char command[PATH_MAX];
	FILE *in;
	int ret = 0;

	snprintf(command, sizeof(command), "exec '%s/bench/state' %s 2>/dev/null",
		 daemon_build_folder(), quick ? "1000 1000 1000" : "1000 10000 100000");
	in = popen(command, "re");
	if (!in)
		return -errno;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && ret == 0; i++)
		ret = add(r, in, names[i]);
	return pclose(in) == 0 ? ret : -ECHILD;
}
