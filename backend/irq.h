/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An interrupt as a file descriptor: of /dev/uioN, an eventfd, or a timer where there is none to be had.
 */
#pragma once

struct irq {
	int fd; /* readable after the interrupt */
	/* Makes fd unreadable and lets the next interrupt through. Called before the last look at the device, so that
	 * what comes after that look is an interrupt again. */
	void (*ack)(void *ctx);
	void *ctx;
};
