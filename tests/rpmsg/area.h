/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A window between guard pages, with its driver: an access outside dies.
 */
#pragma once

#include "rpmsg/driver.h"
#include "tests/rpmsg/firmware.h"

#define AREA_LEN (1024 * 1024)
#define AREA_DA 0x38000000

struct area {
	uint8_t *base;
	struct driver driver;
	struct firmware firmware;
	unsigned int kicks[N_RINGS]; /* that the driver gave */
};

void area_open(struct area *a, const struct geometry *g);
void area_close(struct area *a);
/* Starts both sides. */
void area_start(struct area *a);
