/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RPMsg with the host, in the device's role, with one endpoint: for those who have no stack. No interrupts, no memory but
 * this structure.
 *
 *	        the host is ready (status 7)
 *	DOWN ----------------------------------> UP
 *	  ^     new rings, and announces          | the status is another, or a ring is broken
 *	  +---------------------------------------+ says 0, rings, and tells its owner
 *
 * Rings that an earlier life of this CPU has used are of no use to this one: with `restart` it asks for new ones first.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "remote/link.h"
#include "remote/port.h"
#include "remote/table.h"
#include "remote/vring.h"

#define VCM_RPMSG_ADDR 1024u /* our endpoint's, and the host's where nobody says another */
#define VCM_RPMSG_NAME_LEN 32

struct vcm_rpmsg_setup {
	const struct vcm_port *port;
	void *table; /* where the host writes the resource table */
	size_t table_len;
	bool polled; /* the host need not ring: vcm_port.wait does not wait for it */
	bool restart; /* ask for new rings at start. Not where the host starts this CPU after making them (remoteproc) */
	const char *name; /* of the endpoint, announced: "vcm" */
	/* A payload that came, in shared memory; and the link has gone down, or come up, or leads elsewhere. May not call back. */
	void (*receive)(void *ctx, const volatile void *payload, size_t len);
	void (*reset)(void *ctx, bool is_up);
	void *ctx;
};

struct vcm_rpmsg {
	struct vcm_rpmsg_setup setup;
	struct vcm_link link; /* for vcm_node_init() */
	struct vcm_table table;
	struct vcm_vring tx, rx;
	bool is_up;
	bool wants_restart;
	uint32_t epoch;     /* how often it has come up */
	uint32_t host_addr; /* of the endpoint's other end */
	uint32_t n_dropped; /* payloads for nobody, or too short to be any */
};

/* setup is copied; what it points to is not. */
void vcm_rpmsg_init(struct vcm_rpmsg *r, const struct vcm_rpmsg_setup *setup);
/* Goes up or down, and delivers what has come. Never waits. How many things happened. */
uint32_t vcm_rpmsg_poll(struct vcm_rpmsg *r);
/* One payload to the host. 0; -VCM_EAGAIN: no buffer; -VCM_ENOTCONN: it is down; -VCM_EMSGSIZE. */
int vcm_rpmsg_send(struct vcm_rpmsg *r, const void *payload, size_t len);
/* Goes down, of our own accord: the host makes new rings. */
void vcm_rpmsg_restart(struct vcm_rpmsg *r);
