/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a client may: the rules of the configuration, asked in one place.
 */
#pragma once

#include <stdbool.h>

#include "base/reason.h"
#include "proto/message.h"

struct broker;
struct client;
struct config_pool;
struct transport_peer;

/* The right that an operation needs; its table row names it. */
enum right {
	RIGHT_NONE,
	RIGHT_DEVICE,      /* the device in op->target */
	RIGHT_DEVICE_FILE, /* the file of it */
	RIGHT_MEMTYPE,     /* the memtype in op->arg */
	RIGHT_PREBUILT, /* the prebuilt vcm in op->arg: the broker's own address space needs the right `kernel` */
	RIGHT_WINDOW,   /* the window that holds op->addr, if one does */
	RIGHT_INSPECT,  /* see what is others' */
	RIGHT_MANAGE,   /* end others' sessions, reload */
	RIGHT_SIMULATE, /* break simulated hardware */
	RIGHT_TABLE,    /* the table in op->arg: who maps what needs the right `inspect` */
};

/*
 * Whether the peer may begin: `access` names it. A session that has begun goes on whatever the rule comes to say, so who has
 * one is not asked again.
 */
bool rights_access(const struct broker *b, const struct transport_peer *peer);
/* One of client->granted. */
static inline unsigned int rights_bit(enum right right)
{
	return 1u << right;
}

/* 0, or -EACCES with the reason. */
int rights_check(const struct client *c, enum right right, const struct op *op, struct reason *why);
bool rights_inspect(const struct client *c);
bool rights_simulate(const struct client *c);
/* Whether it may map memory of a window. */
bool rights_map(const struct client *c, const struct config_pool *pool);
