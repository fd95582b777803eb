/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The floor of a node's call: a payload of the same size over the same rings to another process and one back, with nothing in
 * between; and the board that both the floor and a node run on.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "remote/rpmsg.h"

/* A CPU's view of a window. */
struct board {
	uint8_t *window;
	size_t len;
	int kick, bell; /* eventfds; -1: it looks all the time */
	struct vcm_port port;
};

#define BOARD_NULL ((struct board){ .kick = -1, .bell = -1 })
#define BOARD_BASE 0x38000000u

/* Fills in the port, whose context b is: it must stay where it is. */
void board_init(struct board *b);

struct ring_echo {
	pid_t pid;
	struct board board;
	struct vcm_rpmsg rpmsg;
	size_t request_len, n_back;
	uint8_t payload[512];
};

/* The answering process, bound to a CPU. The asking end is the caller's. 0, or a negative errno number. */
int ring_echo_start(struct ring_echo *e, int cpu, bool spinning, size_t request_len,
		    size_t reply_len);
/* It has its CPU, or leaves it to whoever else is measured: as it is after the start. */
void ring_echo_rest(const struct ring_echo *e, bool rest);
/* n payloads out, then all of them back. 0, or a negative errno number. */
int ring_echo_ask(struct ring_echo *e, size_t n);
void ring_echo_stop(struct ring_echo *e);
