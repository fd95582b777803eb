/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A node that looks at no status, as rpmsg-lite: it is never told that rings are made anew, nor says that it has started. It
 * takes buffers until its own index is the one that it is shown, and counts what it has used where the rings say how much
 * that was. So one that starts on rings that were in use
 *
 *	ring to it	takes what lies in the slots, over and over, until it is where we are: used jumps, and is from now
 *			on as far from what was offered as it was at the start: that distance tells one life from another
 *	ring to us	begins at 0, and goes on in the midst of what was used before
 *
 * That distance is none where the predecessor has taken nothing at all: two that announce themselves before anybody has are
 * two lives, too, if the second does it out of step.
 *
 *	   UP --stray_doubt()--> doubted --it does not move--> driver_start()
 *	                            |
 *	                            +--it moves: stray_settles(), until it rests--> stray_rejoin()
 *
 * One that is not there any more finds new rings when it comes. One that moves gets its rings where it is itself.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "rpmsg/driver.h"

enum stray_state {
	STRAY_ABSENT, /* it has not moved since it was doubted */
	STRAY_MOVES,
	STRAY_RESTS, /* since the last call */
};

/* The message received last was an announcement, and its buffer has not gone back. True: whoever has sent it began on the rings
 * of a predecessor. */
bool stray_announced(struct driver *d);
/* It was anything else. To be told until d->stray.took. */
void stray_heard(struct driver *d);
/* After driver_stop(): nothing that was sent can be received any more, and a message to nobody shows whether somebody is
 * there. */
void stray_doubt(struct driver *d);
/* Moves, and is given nothing to send with where it is: then it rests. Until it has rested for some time, over and over. */
enum stray_state stray_settles(struct driver *d);
/* The rings go on where it is, as driver_resume() says. False: there is nothing to go on with. *peer: as
 * driver_last_peer() of addr, of this life of the node's. */
bool stray_rejoin(struct driver *d, uint32_t addr, uint32_t *peer);
