/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The floor of a call: a packet of the same size to another process and one back, over the same kind of socket, with
 * blocking calls and nothing in between; or with both sides looking for 50 us before they block.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct echo {
	pid_t pid;
	int fd; /* the asking end */
	size_t request_len, reply_len;
	bool polls;
};

#define ECHO_NULL ((struct echo){ .fd = -1 })

/* The answering process, bound to a CPU. 0, or a negative errno number. */
int echo_start(struct echo *e, int cpu, bool polls, size_t request_len, size_t reply_len);
/* One round trip. 0, or a negative errno number. */
int echo_ask(const struct echo *e);
void echo_stop(struct echo *e);
