/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets that a peer has not taken yet, in order, with duplicates of their fds. It knows no bound: its owner looks at
 * how full it is, and at what that means for the peer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <bsd/sys/queue.h>

struct outbox_packet;

struct outbox {
	STAILQ_HEAD(, outbox_packet) packets;
	size_t n_packets, n_bytes, n_fds;
};

enum outbox_result {
	OUTBOX_SENT = 0,
	OUTBOX_FULL =
		1, /* the socket is, or others have their turn; wait until it can be written */
	OUTBOX_SHORT = 2, /* the kernel is, of memory or of fds in flight: try again in a while */
	OUTBOX_DEAD = 3,  /* nobody reads there any more */
	OUTBOX_IMPOSSIBLE = 4, /* the kernel refuses it, for good */
};

void outbox_init(struct outbox *o);
/* Closes and frees what is queued. */
void outbox_deinit(struct outbox *o);
bool outbox_is_empty(const struct outbox *o);

/* Sends past the queue, which is the caller's to know empty. */
enum outbox_result outbox_send_now(int fd, const void *buf, size_t len, const int *fds,
				   size_t n_fds);
/* 0, or -ENOMEM, also when the fds could not be duplicated. At most FDSET_MAX of them. */
int outbox_push(struct outbox *o, const void *buf, size_t len, const int *fds, size_t n_fds);
/* As many as go, but for a turn's. OUTBOX_SENT: nothing is left. */
enum outbox_result outbox_flush(struct outbox *o, int fd);
