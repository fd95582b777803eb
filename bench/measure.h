/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Time and its middle values.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

double measure_now_ns(void);
/* CPU time that a process has used, all its threads together; 0 when it has gone. */
double measure_cpu_ns(pid_t pid);
/* Sorts v. 0 of nothing. */
double measure_median(double *v, size_t n);

/* The CPUs that this process may run on, at most n of them; how many there are. */
size_t measure_cpus(int *out, size_t n);
/* Binds a process (0: the caller) to one CPU; -1: to all that there are. 0, or a negative errno number. */
int measure_pin(pid_t pid, int cpu);
