/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The library's own thread: it waits for an fd to become readable, and calls.
 */
#pragma once

struct reader;
struct session;

/* Deals with all that is there: negative when there is an end to it. */
typedef int (*reader_fn)(void *ctx);

/*
 * Starts it, with all signals blocked. It keeps a reference to the session, in which ctx lives.
 * 0; -ENOMEM; or what making a thread or an eventfd says.
 */
int reader_start(struct session *session, int fd, reader_fn fn, void *ctx, struct reader **out);
/* Ends it, and waits until it has ended; called by itself, it ends when fn returns. NULL is fine. Returns NULL. */
struct reader *reader_stop(struct reader *reader);
/* In a forked child, which has no such thread: closes the child's copy of what ends it. NULL is fine. */
void reader_forked(struct reader *reader);
