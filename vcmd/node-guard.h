/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The driver of rings that lie in a file, which somebody may cut at any moment: each call is as in rpmsg/driver.h, but false
 * when the memory was not there. It stays lost, and nothing is touched, until node_guard_start().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpmsg/driver.h"
#include "rpmsg/stray.h"

/* Whether somebody may be at work on the rings who knows of no reset. */
enum node_stay {
	NODE_STAY_NO,
	NODE_STAY_FORMER,  /* on those of our former life */
	NODE_STAY_DOUBTED, /* on those that we have stopped */
};

struct node_guard {
	struct driver driver; /* its counts may be read; what touches memory goes through here */
	const char *name;     /* of the node: borrowed */
	bool lost;
	unsigned int looks; /* for which there is time in one node_guard_next() */
	enum node_stay stay;
	/* Once, when it gets lost. */
	void (*on_lost)(void *ctx);
	void *ctx;
};

bool node_guard_prepare(struct node_guard *g);
/* Both find out whether somebody stays: the first one with rings that it finds, the second behind node_guard_stop(). */
bool node_guard_probe(struct node_guard *g);
bool node_guard_doubt(struct node_guard *g);
/* Whether nobody stays, or who does is at rest. */
bool node_guard_settles(struct node_guard *g);
/* polled: the node need not kick. True: somebody stays, and goes on; *peer is its end of the service at addr, if known. */
bool node_guard_start(struct node_guard *g, bool polled, uint32_t addr, uint32_t *peer);
bool node_guard_stop(struct node_guard *g, bool ask);
/* An announcement was received. True: it was of one that nobody knew to have started. */
bool node_guard_announced(struct node_guard *g);
bool node_guard_look(struct node_guard *g, enum driver_look *out);
/* Whether a node may be at work there: one that we started in a former life. */
bool node_guard_find(struct node_guard *g, bool *out);
/* The status; the next message, if it is wanted; and when there is none, what was sent so far is shown. */
bool node_guard_next(struct node_guard *g, bool wanted, enum driver_look *look,
		     enum driver_event *event, struct driver_message *out);
/* *r: what the driver says. show: as node_guard_flush(), unless the node has sent more, whose answers go with this one: then
 * node_guard_next() does it behind them. */
bool node_guard_send(struct node_guard *g, uint32_t src, uint32_t dst, const void *data, size_t len,
		     bool show, int *r);
bool node_guard_announce(struct node_guard *g, const char *name, uint32_t addr, int *r);
bool node_guard_flush(struct node_guard *g);
/* *has_come: something has, meanwhile. */
bool node_guard_set_polled(struct node_guard *g, bool polled, bool *has_come);
/* *has_come: there is room meanwhile. */
bool node_guard_want_room(struct node_guard *g, bool want, bool *has_come);
