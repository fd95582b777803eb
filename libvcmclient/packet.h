/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One message of the broker's: its bytes, its fds, and what it was decoded to. The same room is used to encode a request.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/fdset.h"
#include "base/reason.h"
#include "proto/message.h"

struct packet {
	struct packet *next; /* its owner's */
	struct codec *codec;
	struct reply reply; /* borrows from codec and bytes */
	struct fdset fds;
	bool lost_fds; /* this process had no room for all fds that came */
	uint8_t bytes[PROTO_MAX_MESSAGE];
};

/* NULL without memory. */
struct packet *packet_new(void);
/* Returns NULL; NULL is fine. */
struct packet *packet_free(struct packet *packet);
CLEANUP_DEFINE(struct packet *, packet_free)

/* A request to bytes: 0 and its length; -EMSGSIZE when it would be longer than max; -ENOMEM. */
int packet_encode(struct packet *packet, const struct request *request, size_t max, size_t *out_len,
		  struct reason *why);
/* Sends them; flags: of send(). 0, or what send() says. */
int packet_send(const struct packet *packet, int fd, size_t len, int flags);
/*
 * Receives one message and decodes it. flags: of recvmsg().
 * 0; -EAGAIN as recvmsg(); -ECONNRESET at the end; -EPROTO when it is no message of the broker's; -ENOMEM; or what
 * recvmsg() says.
 */
int packet_receive(struct packet *packet, int fd, int flags, struct reason *why);
