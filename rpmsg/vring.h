/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One split virtqueue, in the driver's role. The ring is what we tell the device, never what we remember: indices, and
 * which buffers it has, are kept here, and what it answers is checked against that.
 *
 *	      post             the device             take
 *	 ours ----> avail ----> uses it ----> used ----> ours
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "rpmsg/geometry.h"
#include "rpmsg/shared.h"

struct vring {
	const struct shared *shared;
	uint64_t desc, avail, used; /* offsets in the window */
	uint32_t num;
	uint16_t avail_idx, used_idx; /* free running, as on the ring */
	uint16_t published;           /* avail_idx as the device was told */
	uint16_t n_lent;              /* descriptors that the device has */
	bool quiet;                   /* as the device was told */
	bool lent[GEOMETRY_MAX_NUM];
};

enum vring_result {
	VRING_EMPTY, /* the device has used nothing more */
	VRING_TAKEN,
	VRING_BROKEN, /* it returned what it did not have: the ring is of no use any more */
};

/* Zeroes the ring but for its descriptors, each of which is to be described next. window is borrowed. */
void vring_init(struct vring *v, const struct shared *shared, const struct geometry *g,
		enum ring ring);
/* Writes descriptor id, and the slot of the same number names it: it is there for a device that is ahead of us. Not lent. */
void vring_describe(struct vring *v, uint32_t id, uint64_t da, uint32_t len, bool writable);
/*
 * Goes on with a ring that a driver of the same geometry has left, whose device is at work and knows nothing of it. What the
 * device has used is ours again, unread; the rest that it was lent is lent, as long as devices use in order. False: it cannot be one.
 */
bool vring_resume(struct vring *v, const struct shared *shared, const struct geometry *g,
		  enum ring ring);
/* Whether what the ring says of a descriptor is what vring_post() writes. max: of its length. */
bool vring_says(const struct vring *v, uint32_t id, uint64_t da, uint32_t max, bool writable);
/* Lends descriptor id, which must be ours: it is written anew. da: the device's address of the buffer. */
void vring_post(struct vring *v, uint32_t id, uint64_t da, uint32_t len, bool writable);
/* Shows the device what was posted. Whether there was anything: then, behind shared_barrier(), vring_wants_kick(). */
bool vring_publish(struct vring *v);
/* Whether the device wants to be told. */
bool vring_wants_kick(const struct vring *v);
/* The next one that the device has used. len is what it says, unchecked. */
enum vring_result vring_take(struct vring *v, uint32_t *id, uint32_t *len);
/* What vring_take() will read comes here. Which one that is if the device uses them in order. */
uint32_t vring_await(const struct vring *v);
/* What vring_post() will write comes here. */
void vring_await_post(const struct vring *v, uint32_t id);
/* What the device used n before the next one, if it says something that can be. */
bool vring_recall(const struct vring *v, uint16_t n, uint32_t *id);
/* Which one was to be used n before the next, by a device that uses them in order; until it is lent again. */
uint32_t vring_next(const struct vring *v, uint16_t n);
/* How far the device says to have used. */
uint16_t vring_used(const struct vring *v);
/* Tells the device another index than the one that we are at: it takes what lies in the slots until it is there. */
void vring_show(struct vring *v, uint16_t avail_idx);
/* A device that has taken all up to idx, and is at rest, is in step with us from there: nothing is lent. */
void vring_align(struct vring *v, uint16_t idx);
/* Whether the device has used another one. */
bool vring_has_used(const struct vring *v);
/* Asks the device to be told, or not, of what it has used. */
void vring_set_quiet(struct vring *v, bool quiet);
