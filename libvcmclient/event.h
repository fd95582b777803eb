/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The channel on which the broker sends faults, and who reads it: a thread of the library's, or the program's loop and every
 * call that waits.
 *
 * A fault is read, its handler is run, and the verdict goes back as a request like any other.
 */
#pragma once

#include <stdint.h>

#include <vcm/vcm.h>

#include "base/cleanup.h"
#include "base/reason.h"
#include "libvcmclient/hook.h"

struct events;
struct session;

/* Takes fd on success; session is borrowed, and has its connection. NULL without memory. */
struct events *events_new(struct session *session, int fd);
/* Returns NULL; NULL is fine. */
struct events *events_free(struct events *e);

/* The mode that the process is in from now on; e may be NULL. 0; -EINVAL for an unknown one; -EAGAIN without a thread. */
int events_set_mode(struct events *e, enum vcm_event_mode mode, struct reason *why);

/* Sets or (handler NULL) removes the hook of a device, here and at the broker. 0, or why not: then the old one stands. */
int events_hook(struct events *e, uint32_t device, struct hook hook, struct reason *why);

/* For VCM_EVENT_LOOP, otherwise -EINVAL: the fd to poll, the same for good; and vcm_dispatch(). */
int events_fd(struct events *e, struct reason *why);
int events_dispatch(struct events *e, int timeout_ms, struct reason *why);

/* The session is one that outlives its broker: the end of the channel is noticed, whoever is to notice. 0, or why not. */
int events_watch(struct events *e, struct reason *why);
/* A new channel, in the place of the one that has ended: fd is taken on success. 0, -EMFILE. */
int events_replace(struct events *e, int fd, struct reason *why);

/* Faults are not dealt with any more: returns when the thread has ended, unless it is the caller. */
void events_stop(struct events *e);
/* In a forked child: closes the child's copies of the fds. */
void events_forked(struct events *e);
