/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host of a node, in the same thread: vcmd's driver side of RPMsg, and answers that the test gives. It takes its turn
 * whenever the node waits; when it has nothing to say either, the wait gives up.
 *
 *	host_open(&h, NULL, answer);		the node's library is at h.rpmsg and h.node; the host is up
 *	vcm_node_attach(&h.node);		`answer` is asked for each request but the hello
 *	host_close(&h);
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/message.h"
#include "remote/node.h"
#include "remote/rpmsg.h"
#include "rpmsg/assembly.h"
#include "rpmsg/driver.h"

#define HOST_WINDOW 0x20000u
#define HOST_DA 0x38000000u
#define HOST_ADDR 1024u

struct host;

struct host_message {
	struct host_message *next;
	size_t len;
	uint8_t bytes[];
};

struct host {
	uint8_t *window;
	struct geometry geometry;
	struct driver driver;
	struct vcm_port port;
	struct vcm_rpmsg rpmsg;
	struct vcm_node node;
	struct vcm_link link;      /* of host_link() */
	struct host_message *sent; /* in that stack, on their way to the host */
	unsigned int n_sent, cap;
	struct codec *requests; /* apart: a request is still read while replies are written */
	struct codec *replies;
	void (*answer)(struct host *h, const struct request *request);
	void *ctx;                   /* the test's */
	struct host_message *outbox; /* payloads that wait for a buffer */
	uint32_t node_addr;          /* 0: not announced */
	uint32_t number;             /* of the last message to the node */
	unsigned int n_requests, n_hellos, n_node_kicks, n_waits, n_cleans, n_invalidates;
	bool is_silent; /* receives, and does nothing of itself */
	bool is_deaf;   /* does not even look */
	bool has_hello_refused;
	struct assembly in;
	uint8_t in_bytes[PROTO_MAX_MESSAGE];
};

/* geometry NULL: the default. The host is up, the node has not looked yet. */
void host_open(struct host *h, const struct geometry *geometry,
	       void (*answer)(struct host *h, const struct request *request));
void host_close(struct host *h);
/* A stack that the node has already: the two functions of its adapter, with room for `cap` payloads. After host_open(). */
void host_link(struct host *h, unsigned int cap);
/* Up again with new rings, as after a death of vcmd; and what the node asks for by itself happens in host_turn(). */
void host_start(struct host *h);
/* Takes what has come, sends what is to be sent. Whether anything happened. */
bool host_turn(struct host *h);

/* Sends a reply or an event. */
void host_reply(struct host *h, const struct reply *reply);
void host_values(struct host *h, uint64_t serial, size_t n, const uint64_t *values);
void host_refuse(struct host *h, uint64_t serial, int status, uint32_t failed, const char *reason);
/* Any payload at all. */
void host_payload(struct host *h, const void *payload, size_t len);
/* A message of any bytes, in fragments. */
void host_bytes(struct host *h, const void *bytes, size_t len);
/* An answer: each operation's address plus one, plus two..., as often as the table says. */
void host_oblige(struct host *host, const struct request *r);
/* An event: a fault of a device, at 0x1000 times its id. */
void host_fault(struct host *host, uint64_t id, uint32_t device);
