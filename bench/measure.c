// SPDX-License-Identifier: BSD-3-Clause
#include "bench/measure.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

static double ns_of(const struct timespec *t)
{
	return (double)t->tv_sec * 1e9 + (double)t->tv_nsec;
}

double measure_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return ns_of(&t);
}

double measure_cpu_ns(pid_t pid)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) < 0)
		return 0;
	return ns_of(&t);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double measure_median(double *v, size_t n)
{
	if (n == 0)
		return 0;
	qsort(v, n, sizeof(*v), by_value);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static cpu_set_t *all_cpus(void)
{
	static cpu_set_t set;

	/* Of the first call: nobody is bound yet. */
	if (CPU_COUNT(&set) == 0 && sched_getaffinity(0, sizeof(set), &set) < 0)
		CPU_SET(0, &set);
	return &set;
}

size_t measure_cpus(int *out, size_t n)
{
	const cpu_set_t *set = all_cpus();
	size_t found = 0;

	for (int cpu = 0; cpu < CPU_SETSIZE && found < n; cpu++)
		if (CPU_ISSET(cpu, set))
			out[found++] = cpu;
	return found;
}

int measure_pin(pid_t pid, int cpu)
{
	cpu_set_t one;

	if (cpu < 0)
		return sched_setaffinity(pid, sizeof(cpu_set_t), all_cpus()) < 0 ? -errno : 0;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return sched_setaffinity(pid, sizeof(one), &one) < 0 ? -errno : 0;
}
