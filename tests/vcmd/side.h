/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A link on a loop of its own, with the peer's end as a plain socket: what the suites of vcmd/link.c are played on.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "proto/message.h"
#include "vcmd/link.h"

struct loop;
struct loop_timer;

/* A link, its loop, and the peer's end of it. */
struct side {
	struct loop *loop;
	struct link *link;
	struct loop_timer *timer;
	int peer;
	int n_packets, n_gone;
	size_t n_bytes;
	const char *why;
	unsigned char last[64];
	int reply_n; /* replies to each packet */
	size_t reply_len;
	int n_send_failed;
	bool pause, free_in_packet, free_in_gone, stop_at_packet;
};

extern const struct link_handler side_handler;
extern unsigned char side_zeroes[PROTO_MAX_MESSAGE];

void side_init(struct side *s);
void side_deinit(struct side *s);
/* Lets the loop do what there is to do, until nothing happens any more. */
void side_settle(struct side *s);
/* Asserts that the link ends now, for that reason, and once. */
void side_expect_gone(struct side *s, const char *why);
/* What the peer sends, with its own socket as so many fds. */
void side_send(const struct side *s, const char *text);
void side_send_fds(const struct side *s, const char *text, size_t n_fds);
/* Packets that the peer can read now; the length of the last. */
int side_drain(int fd, ssize_t *last);
/* Of this process. */
size_t side_count_fds(void);
