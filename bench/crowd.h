/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ten thousand sessions, a thousand of which do not read what they are answered: what they cost the daemon, and everybody else:
 * crowd.latency.ratio, crowd.bytes_per_session, crowd.bytes_per_slow_reader.
 */
#pragma once

#include <stdbool.h>

struct report;

/* 0, or a negative errno number. */
int bench_crowd(struct report *r, bool quick);
