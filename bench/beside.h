/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include <stdbool.h>

struct report;

/* What a node that floods vcmd costs a client of the socket. As bench_node(). */
int bench_beside(struct report *r, bool quick);
