/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The resource table that the host has written: where the two rings are, and how far host and node are with each other
 * (virtio's status). Only the entry of an RPMsg device is looked at.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "remote/port.h"

enum vcm_status {
	VCM_STATUS_RESET = 0,
	VCM_STATUS_ACK = 1,
	VCM_STATUS_DRIVER = 2,
	VCM_STATUS_DRIVER_OK = 4,
	VCM_STATUS_UP = 7, /* all three */
	VCM_STATUS_NEEDS_RESET = 0x40,
	VCM_STATUS_FAILED = 0x80,
};

/* To the host, from the host. */
enum { VCM_RING_TX, VCM_RING_RX, VCM_N_RINGS };

struct vcm_table_ring {
	uint32_t da, align, num, notify_id;
};

struct vcm_table {
	const struct vcm_port *port;
	volatile uint8_t *vdev; /* the entry; NULL: there is none yet */
	uint8_t status;         /* as it was before the rest was read */
	uint32_t notify_id;
	bool has_ns; /* the host offers the name service, and has agreed on it */
	struct vcm_table_ring rings[VCM_N_RINGS];
};

/*
 * Reads it. at: a multiple of 4. 0; -VCM_EAGAIN: nothing is written there yet; -VCM_EPROTO: it is no such table, or
 * describes rings that cannot be.
 */
int vcm_table_read(struct vcm_table *t, const struct vcm_port *port, void *at, size_t len);
/* Only with an entry. */
uint8_t vcm_table_status(const struct vcm_table *t);
void vcm_table_set_status(const struct vcm_table *t, uint8_t status);
