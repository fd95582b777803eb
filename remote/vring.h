/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One split virtqueue, in the device's role: the host lends buffers, and gets them back used.
 *
 *	 host ---> avail ---> take ---> (ours) ---> put ---> used ---> host
 *
 * What the host has written is checked before it is used; how far both are is remembered here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "remote/port.h"
#include "remote/table.h"

struct vcm_vring {
	const struct vcm_port *port;
	volatile uint8_t *desc, *avail, *used;
	uint32_t notify_id;
	uint16_t num;
	uint16_t taken, given; /* of avail, into used: free running */
	bool writable;         /* the buffers are for us to write */
};

struct vcm_buffer {
	void *at;
	uint32_t len;
	uint16_t id;
};

enum vcm_vring_result {
	VCM_VRING_EMPTY,
	VCM_VRING_TAKEN,
	VCM_VRING_BROKEN, /* what the host has written cannot be: the ring is of no use any more */
};

/* A ring that the host has just made. quiet: the host need not ring. 0, or -VCM_EFAULT: it is not in shared memory. */
int vcm_vring_init(struct vcm_vring *v, const struct vcm_port *port,
		   const struct vcm_table_ring *ring, bool writable, bool quiet);
/* The next buffer, which stays the next one until vcm_vring_take(). */
enum vcm_vring_result vcm_vring_peek(const struct vcm_vring *v, struct vcm_buffer *out);
enum vcm_vring_result vcm_vring_take(struct vcm_vring *v, struct vcm_buffer *out);
/* Gives a buffer back, with len bytes in it. */
void vcm_vring_put(struct vcm_vring *v, uint16_t id, uint32_t len);
/* Rings at the host, unless it does not want to be rung at. */
void vcm_vring_kick(const struct vcm_vring *v);
