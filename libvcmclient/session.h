/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The process's session with the broker, and the way into it: every function of the API enters, and leaves at its end. A
 * session lives until the last call has left it.
 *
 * After a fork the child has none; what it inherits stays untouched, since locks may be held by threads that it has not.
 */
#pragma once

#include <stdint.h>

#include "base/reason.h"
#include "libvcmclient/arena.h"
#include "libvcmclient/connection.h"
#include "libvcmclient/device.h"
#include "libvcmclient/event.h"
#include "libvcmclient/handle.h"
#include "libvcmclient/resume.h"

struct session {
	unsigned int n_refs; /* with the lock of session.c */
	struct connection *connection;
	struct handles *handles;
	struct arenas arenas;
	struct events *events;
	struct devices devices;
	struct resume resume;
	uint32_t max_ops;  /* operations in a request */
	uint32_t max_data; /* bytes of data in an operation or a reply */
};

struct session *session_ref(struct session *s);
/* Returns NULL; NULL is fine. The last one frees. */
struct session *session_unref(struct session *s);
CLEANUP_DEFINE(struct session *, session_unref)

/*
 * A thread inside the library. While it is there it cannot be cancelled: others may wait for what it reads.
 *
 *	_cleanup_(entry_leave) struct entry entry = entry_begin();
 */
struct entry {
	struct session *session; /* NULL: there is none, the reason says so */
	int cancel_state;        /* of before; ENTRY_UNGUARDED: untouched */
};

#define ENTRY_UNGUARDED (-1)

struct entry entry_begin(void);
/* The same for what only looks and collects: as long as it makes no call at which a thread can be cancelled. */
struct entry entry_begin_unguarded(void);
/* From here on it cannot be cancelled. */
void entry_guard(struct entry *entry);
/* Keeps errno. */
void entry_leave(struct entry *entry);
