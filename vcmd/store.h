/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fd store: fds that outlive this process. Whoever listens on $NOTIFY_SOCKET keeps as many as $FDSTORE says (systemd 254
 * sets it where the unit has FileDescriptorStoreMax=; for an older one the unit does), and hands them to the next process by
 * name ($LISTEN_FDS, $LISTEN_FDNAMES).
 *
 *	arena-N, journal-N	the broker's own
 *	anything else		others', by a prefix of their own
 *
 * Overflow is silent at the keeper's end, so that it is counted here. What is put is safe when a barrier that was started
 * after it has come back.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"

struct loop;
struct store;
struct store_barrier;

#define STORE_NAME_MAX 63
#define STORE_ARENA "arena-"
#define STORE_JOURNAL "journal-"

/* persist false, or no keeper: nothing is kept. NULL without memory. */
struct store *store_new(struct loop *loop, bool persist);
/* What the keeper has handed over; fd is taken on success. 0, -ENOMEM. */
int store_give(struct store *s, const char *name, int fd);
/* All that $LISTEN_FDS names, but for sockets that listen, which are the listener's. 0, -ENOMEM. */
int store_take_handed(struct store *s);
/* What was handed over and nobody took is closed, and stays kept. Returns NULL; NULL is fine. */
struct store *store_free(struct store *s);
/* Whether the process was started with what another has left, which is lost if it is not started again. */
bool store_is_handed(void);
/* Whether anybody keeps what is put. */
bool store_is_kept(const struct store *s);
size_t store_count(const struct store *s);
size_t store_limit(const struct store *s);

/* An fd that was handed over, of prefix and a number ("arena-7"), which is the caller's; -1 when there is none. It stays kept. */
int store_take(struct store *s, const char *prefix, uint64_t number);
/* The name of one that nobody has taken, which starts with prefix; NULL. Valid until something is taken. */
const char *store_left(const struct store *s, const char *prefix);
/* The highest number that was handed over with the prefix; 0. */
uint64_t store_highest(const struct store *s, const char *prefix);
/* The number behind the prefix of a name; 0. */
uint64_t store_number(const char *name, const char *prefix);
/* Those that nobody has taken and that start with the prefix are closed and removed. Returns how many. */
size_t store_drop(struct store *s, const char *prefix);

/* Keeps a duplicate. 0 (also when nothing is kept); -ENOSPC the store is full, but for what the journal may need; a negative
 * errno. */
int store_put(struct store *s, const char *prefix, uint64_t number, int fd, struct reason *why);
void store_remove(struct store *s, const char *prefix, uint64_t number);
/*
 * Nothing is kept from now on, and nothing of what was handed over either: the keeper gives up all of it, and has done so. What
 * is held here stays. Returns how many files that were; a negative errno: the keeper may have some still.
 */
int store_forget(struct store *s, int timeout_ms);

/*
 * fn is called from the loop when everything that was put before is safe. NULL: nothing is kept, and all is as safe as it
 * will be; or no barrier can be made, *out_err says why (0: the former).
 */
struct store_barrier *store_barrier_start(struct store *s, void (*fn)(void *ctx), void *ctx,
					  int *out_err);
/* Also before it has come back: then fn is not called. Returns NULL; NULL is fine. */
struct store_barrier *store_barrier_free(struct store_barrier *b);
/* Waits, without the loop. 0, -ETIMEDOUT. */
int store_sync(struct store *s, int timeout_ms);
