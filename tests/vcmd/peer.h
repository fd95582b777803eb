/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client made of nothing but a socket and the codec, so that tests can say what no client library would.
 *
 *	peer_hello(p);
 *	if (CALL(p, RESERVE, .handle = 2, .on = 1, .len = SZ_4K) == 0)
 *		addr = peer_value(p, 0);
 *
 * What a reply points to is valid until the next call on the peer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/fdset.h"
#include "base/reason.h"
#include "proto/message.h"

/* Returns when the fd is ready for POLLIN or POLLOUT, or has hung up. */
typedef void (*peer_wait_fn)(void *ctx, int fd, short what);

struct packet;

struct peer {
	int fd, events;
	peer_wait_fn wait;
	void *ctx;
	struct codec *codec;
	uint64_t serial; /* of the last request */
	bool acks;       /* says with each request that all before has been answered */
	uint64_t session;
	uint8_t token[PROTO_TOKEN_LEN];
	struct packet *stash; /* replies that came while another was awaited */
	struct reply reply;   /* the last one that was awaited */
	struct fdset fds;     /* that came with it */
	bool gone;
	uint8_t buf[PROTO_MAX_MESSAGE];
};

/* Takes fd. wait NULL: poll(). */
struct peer *peer_new(int fd, peer_wait_fn wait, void *ctx);
/* Closes. Returns NULL; NULL is fine. */
struct peer *peer_free(struct peer *p);
CLEANUP_DEFINE(struct peer *, peer_free)

/* The status; 0: p->session and p->events are set. */
int peer_hello(struct peer *p);
/* The same, to go on with the session of `from` after its serial `answered`: the status. p goes on from that serial. */
int peer_resume(struct peer *p, const struct peer *from, uint64_t answered);
/* The serial of the request; 0: the peer has gone. */
uint64_t peer_send(struct peer *p, const struct op *ops, size_t n_ops);
/* The status of the reply to that request, which is in p->reply; -EPIPE when the peer has gone. */
int peer_wait(struct peer *p, uint64_t serial);
int peer_call(struct peer *p, const struct op *ops, size_t n_ops);
/* The next event; false when there is none, and wait says not to wait, or the peer has gone. */
bool peer_event(struct peer *p, bool wait, struct fault_event *out);
/* Any bytes at all. */
bool peer_send_raw(struct peer *p, const void *buf, size_t len);
/* Waits for the end of the connection. */
void peer_wait_gone(struct peer *p);

#define CALL(p, what, ...) peer_call((p), &(const struct op){ .code = OP_##what, __VA_ARGS__ }, 1)
#define SEND(p, what, ...) peer_send((p), &(const struct op){ .code = OP_##what, __VA_ARGS__ }, 1)
#define BATCH(p, ops) peer_call((p), (ops), sizeof(ops) / sizeof(*(ops)))

static inline uint64_t peer_value(const struct peer *p, size_t i)
{
	return i < p->reply.n_values ? p->reply.values[i] : UINT64_MAX;
}
