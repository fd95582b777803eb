/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How often a line is logged that a peer can cause at will: LOG_LIMIT_BURST times at once, then once every
 * LOG_LIMIT_EVERY_NS. What goes unsaid is counted, and said with the next line. All zero is one that has said nothing yet.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define LOG_LIMIT_BURST 10
#define LOG_LIMIT_EVERY_NS UINT64_C(10000000000)

struct log_limit {
	uint64_t full_ns; /* when a whole burst may be said again */
	uint64_t n_unsaid;
};

/* The end of a line: how many before it went unsaid, or empty. */
struct log_unsaid {
	char text[56];
};

/* Whether the line is to be logged at now_ns, which never goes back. out is only set when it is. */
bool log_limit_allows(struct log_limit *l, uint64_t now_ns, struct log_unsaid *out);
