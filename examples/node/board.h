/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The machine: a PC without a system, whose shared memory is the BAR of an ivshmem device. With interrupts (ivshmem-doorbell)
 * it sleeps until the host rings; without (ivshmem-plain) it looks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "remote/port.h"

struct board {
	uint8_t *window;
	size_t len;
	bool has_doorbell;
	const char *arguments; /* of the kernel's command line */
	struct vcm_port port;  /* addresses are from BOARD_BASE on */
};

/* What the host calls the first byte of the window: the `base` of the node in vcmd.conf. */
#define BOARD_BASE 0x38000000u

/* The example's own: what it returns is QEMU's exit status, twice and one. */
int guest_main(struct board *b);

void board_print(const char *text);
void board_print_hex(const void *bytes, size_t len);
void board_print_number(uint32_t v);
/* Whether a word is among the arguments. */
bool board_has_argument(const struct board *b, const char *word);
