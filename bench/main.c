// SPDX-License-Identifier: BSD-3-Clause
#include <stdio.h>
#include "bench/ipc.h"
#include "bench/report.h"
#include <string.h>
int main(int argc, char **argv)
{
	struct report *r = report_new();
	int ret = bench_ipc(r, argc > 1 && !strcmp(argv[1], "--quick"));
	report_print(r);
	if (ret)
		printf("%s\n", strerror(-ret));
	report_write(r, "bench.json");
	report_free(r);
	return 0;
}
