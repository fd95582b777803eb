/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A broker in the test's own process, and a node of it that runs while the broker's loop does: packets of peers travel
 * over the node's rings.
 */
#pragma once

#include "tests/rpmsg/relay.h"
#include "tests/vcmd/world.h"

#define SCENE_DA 0x38000000
#define SCENE_LEN (1024 * 1024)
#define SCENE_AT UINT64_C(0x100000) /* where scene_use_everything() has its region */

struct keeper;
struct loop_fd;
struct loop_timer;

struct scene {
	struct world *world;
	struct relay relay;
	struct loop_timer *pump;
	struct loop_fd *bell; /* that vcmd rings, or NULL */
	char folder[32], window[64], socket[64];
	bool frozen;           /* the node hangs */
	struct keeper *keeper; /* of the broker's fds, or NULL: set before scene_prepare() */
	char text[4096];       /* the configuration */
};

extern struct scene scene;

/*
 * The broker alone. options: of the section of node `dsp`; further: more sections. `@` in both is the scene's folder, in
 * which `window` and `socket` are what scene.window and scene.socket say. There are a memtype 0, a context `video` and a
 * master `dma0`.
 */
void scene_prepare(const char *options, const char *further);
/* The format, with the folder for each `@`. */
void scene_fill_in(char *out, size_t len, const char *format, const char *folder);
/* The node, whose relay has been opened. */
void scene_start(void);
/* All of it, with the window in a file: both sides look. */
void scene_open(const char *options);
/* All of it, with a node that has come by the socket: both sides are rung. */
void scene_open_rung(const char *options);
/* The broker dies with its local peers, and another one starts; the node goes on. */
void scene_restart(void);
/* Asserts that nothing is left of anybody. */
void scene_close(void);

/* A peer on the node: before hello, and after. */
struct peer *scene_connect(void);
struct peer *scene_peer(void);
void scene_until_none_left(void);
void scene_until_attached(void);

/* A region, active on a device, with memory that is written and read through it. Handles 1 to 4. */
void scene_use_everything(struct peer *p);
