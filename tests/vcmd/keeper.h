/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A keeper of fds that speaks the protocol of systemd's fd store, in a thread of a test, or of the bench: what a broker puts
 * is kept by name, barriers are answered, and the next broker is given everything. What it cannot do ends the process.
 *
 *	$NOTIFY_SOCKET, $FDSTORE	are set by keeper_new()
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct keeper;
struct store;

/* limit: what $FDSTORE says. */
struct keeper *keeper_new(size_t limit);
/* Closes what it has. Returns NULL; NULL is fine. */
struct keeper *keeper_free(struct keeper *k);
/* Fds whose names start so. What has been sent is waited for. */
size_t keeper_count(struct keeper *k, const char *prefix);
/* An fd of that name, which stays the keeper's; -1. */
int keeper_fd(struct keeper *k, const char *name);
/* The nth of a prefix, in no certain order; false when there are not so many. The name is valid until something is sent. */
bool keeper_nth(struct keeper *k, const char *prefix, size_t n, const char **out_name, int *out_fd);
/* fd is the keeper's from now on. */
void keeper_put(struct keeper *k, const char *name, int fd);
/* Puts another in its place; fd is duplicated. -1: it is lost. */
void keeper_replace(struct keeper *k, const char *name, int fd);
/* Barriers wait from now on, or are answered again, those that wait too. */
void keeper_hold(struct keeper *k, bool hold);
/* keeper-store.c: puts duplicates of all into the store of the next broker, in no certain order. */
void keeper_hand_over(struct keeper *k, struct store *s);
