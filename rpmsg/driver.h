/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RPMsg with one remote CPU, in the role that Linux has as virtio driver: it owns all the memory, lays it out, starts the
 * remote and starts it again. No clock, no fd: its owner calls it when there may be something, and is called to kick.
 *
 *	        driver_start()            the node writes 0 or NEEDS_RESET
 *	DOWN ---------------------> UP ------------------------------------> (driver_look() says so)
 *	  ^    table, rings, 1, 3,   |      driver_stop()
 *	  +------ 7, kick -----------+------------------------------------------------> DOWN
 *
 * Whatever the node does costs a bounded amount of work a call, and can neither block us nor make us touch anything but
 * the parts of the window that the geometry names. Received messages are private copies.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpmsg/geometry.h"
#include "rpmsg/vring.h"
#include "rpmsg/shared.h"
#include "rpmsg/wire.h"

struct driver_stats {
	uint64_t n_in, n_out; /* messages, announcements included */
	uint64_t n_dropped;   /* received, with a header or a length that cannot be */
	uint64_t n_kicks;
};

/* What is known of a node that may look at no status: see rpmsg/stray.h. */
struct driver_stray {
	bool took;              /* somebody something of the ring to it, as far as is known */
	bool announced;         /* since the rings were made, and these are of then */
	uint16_t announced_at;  /* the announcement's index on the ring to us */
	uint16_t used, offered; /* of the ring to it */
	bool anew;              /* by one that has started on these rings */
	bool in_place_of;       /* whose predecessor took nothing */
	uint16_t seen;          /* how far what it has sent was read when it was doubted */
	bool lives;
	uint16_t last[N_RINGS]; /* as it had used them when it was last looked at */
};

struct driver {
	struct shared shared;
	struct geometry geometry;
	void (*kick)(void *ctx, enum ring ring); /* must not call back */
	void *ctx;
	struct vring rings[N_RINGS];
	bool up;
	/* Buffers to the node that are ours; and from it, which were read and have not been given back. */
	uint32_t n_free, n_read;
	uint16_t free[GEOMETRY_MAX_NUM], read[GEOMETRY_MAX_NUM];
	uint16_t probed[N_RINGS]; /* how far the node had used them at driver_probe() */
	struct driver_stray stray;
	struct driver_stats stats;
	uint8_t in[GEOMETRY_MAX_BUFFER] __attribute__((aligned(8)));
};

/* What the node has written into the status. */
enum driver_look {
	DRIVER_FINE,
	DRIVER_GONE,        /* 0: the node has torn itself down */
	DRIVER_WANTS_RESET, /* anything else than we wrote: it has failed, or asks to be reset */
};

enum driver_event {
	DRIVER_NOTHING,
	DRIVER_MESSAGE,
	DRIVER_ANNOUNCED, /* the node offers a service */
	DRIVER_WITHDRAWN, /* the node offers it no more */
	DRIVER_DROPPED, /* a message that cannot be: it is counted, and its buffer goes back as every other */
	DRIVER_BROKEN, /* a ring is of no use any more: stop */
};

struct driver_message {
	uint32_t src, dst;
	const void *data; /* of DRIVER_MESSAGE, until the next call */
	size_t len;
	char name[RPMSG_NAME]; /* of an announcement, with a final 0 */
	uint32_t addr;
};

/* geometry has been checked against the memory. Its content's content is not touched before driver_start(). */
void driver_init(struct driver *d, const struct shared *shared, const struct geometry *geometry,
		 void (*kick)(void *ctx, enum ring ring), void *ctx);
/* Only the table is there, with a status of 0: somebody may look for it before we are ready. */
void driver_prepare(const struct driver *d);
/* Rebuilds everything in the window and says that the driver is ready. Nobody else's view of it may be in use. */
void driver_start(struct driver *d);
/*
 * A node that was asked to tear itself down may know of no such thing, and be at work on the rings of a former driver:
 * driver_probe() gives it a message to nobody, whose buffer it gives back if it is there. False: what lies there is no rings
 * of this geometry, and nothing has been written. driver_resume(), later, goes on with these rings if the node has moved:
 * indices go on where they are, and what it has sent meanwhile is lost. False: there is nothing to go on with.
 */
bool driver_probe(struct driver *d);
bool driver_resume(struct driver *d);
/* The end of the node's that the rings remember to have spoken to dst last; RPMSG_ADDR_ANY: none. */
uint32_t driver_last_peer(const struct driver *d, uint32_t dst);
/*
 * From now on nothing is read or written, and the status says so: 0, or, to ask the node to tear itself down, NEEDS_RESET:
 * it answers with 0 (driver_look()).
 */
void driver_stop(struct driver *d, bool ask);
enum driver_look driver_look(const struct driver *d);
/* Kicks, for nothing: a node that looks at no status (rpmsg-lite) takes it for the link being up. */
void driver_knock(struct driver *d);
/* Kicks for the ring to the node. */
void driver_nudge(struct driver *d);
/* Nothing of what was sent is in the buffers to the node any more, and all of them are described, lent or not. */
void driver_blank(struct driver *d);
/* Whether what lies there is a table as we write it: somebody may have been started with it. */
bool driver_is_ours(const struct driver *d);

/* The next message. After the last one of a turn: driver_flush(). */
enum driver_event driver_receive(struct driver *d, struct driver_message *out);
/* Whether driver_receive() would have something to do. */
bool driver_has_work(const struct driver *d);
/* The most bytes that one message carries. */
size_t driver_payload(const struct driver *d);
/*
 * 0; -EAGAIN: the node has all buffers (driver_want_room() makes it tell when it gives one back); -EMSGSIZE; -ENOTCONN.
 * -EPROTO: as DRIVER_BROKEN. Shown to the node at driver_flush().
 */
int driver_send(struct driver *d, uint32_t src, uint32_t dst, const void *data, size_t len);
/* Says that a service is at addr, or that it is not. As driver_send(). Without the name service: 0, and nothing is sent. */
int driver_announce(struct driver *d, const char *name, uint32_t addr, bool gone);
/* Shows the node what was sent, gives back what was received, and kicks where it asked for it. */
void driver_flush(struct driver *d);
/* The node is to kick when it gives a buffer back, or not. True: one has come back meanwhile. */
bool driver_want_room(struct driver *d, bool want);
/* The node is to kick when it has sent something, or not, as it is looked at all the time. True: it is to, and has sent some
 * meanwhile. */
bool driver_set_polled(struct driver *d, bool polled);
