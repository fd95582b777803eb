/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Running the broker: for operators' tools. All functions return 0 or a negative errno number; -ENOTCONN without a
 * connection, -EACCES without the right `manage`.
 */
#ifndef VCM_MANAGE_H
#define VCM_MANAGE_H

#include <stdint.h>

#include <vcm/inspect.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Ends a session (VCM_SESSION_ID of VCM_TABLE_SESSIONS) as if its program had died. -ESRCH: there is none. */
int vcm_session_kill(uint64_t session);

/*
 * The broker reads its configuration anew, as on SIGHUP, and uses all of it or nothing of it. A negative errno:
 * vcm_last_error() says what is wrong with it, or which setting cannot change while the broker runs.
 */
int vcm_reload(void);

/* What happens in the broker. Those of sessions are for their users, and with the rest for who has the right `inspect`. */
enum vcm_event_kind {
	VCM_EVENT_SESSION_BEGINS = 1, /* uid pid; text: program */
	VCM_EVENT_SESSION_ENDS,       /* all of it has been taken back; uid pid; text: program */
	VCM_EVENT_VCM_NEW,            /* handle addr len */
	VCM_EVENT_VCM_GONE,
	VCM_EVENT_RES_NEW, /* handle vcm addr len */
	VCM_EVENT_RES_GONE,
	VCM_EVENT_BACKED,
	VCM_EVENT_UNBACKED,
	VCM_EVENT_BOUND_NEW, /* handle vcm addr len */
	VCM_EVENT_BOUND_GONE,
	VCM_EVENT_ASSOC_NEW, /* handle vcm device; text: device */
	VCM_EVENT_ASSOC_GONE,
	VCM_EVENT_ACTIVE,
	VCM_EVENT_INACTIVE,
	VCM_EVENT_PHYSMEM_NEW, /* handle addr (physical, of the first segment) len */
	VCM_EVENT_PHYSMEM_GONE,
	VCM_EVENT_FAULT, /* device addr flags; text: device; session 0: nobody was active on it */
	VCM_EVENT_PRESSURE, /* memtype: memory that was kept ahead is given back */
	VCM_EVENT_RELOAD    /* another configuration is in use */
};

/* The numbers of an event; columns are only ever added at the end. What a kind has not is 0. */
enum vcm_event_column {
	VCM_EVENT_KIND /* enum vcm_event_kind */,
	VCM_EVENT_TIME /* CLOCK_MONOTONIC ns */,
	VCM_EVENT_SESSION,
	VCM_EVENT_HANDLE,
	VCM_EVENT_VCM,
	VCM_EVENT_DEVICE,
	VCM_EVENT_ADDR,
	VCM_EVENT_LEN,
	VCM_EVENT_UID,
	VCM_EVENT_PID,
	VCM_EVENT_FLAGS /* enum vcm_fault_flags */,
	VCM_EVENT_MEMTYPE /* enum memtype_t */,
	VCM_EVENT_N
};

/*
 * Calls fn for each event from now on, until it returns something other than 0, which is what this function returns then.
 * lost, which is 0 as a rule, says how many there were before that came too fast to be kept. A negative errno when the
 * broker does not answer. It waits where others can go on: connect, and call this, in a thread or program of its own.
 */
typedef int (*vcm_event_fn)(void *ctx, const struct vcm_row *event, uint64_t lost);
int vcm_monitor(vcm_event_fn fn, void *ctx);

/*
 * The journal, by which the broker outlives its crashes. One row of its state (texts: "whole" or what it is else, and the
 * damage in words), or all rows that are in it, oldest first (texts: the kind of object). They say of what something is
 * kept, not what.
 */
enum vcm_journal_column {
	VCM_JOURNAL_IS_DAMAGED,
	VCM_JOURNAL_CHUNK /* where: its number */,
	VCM_JOURNAL_OFFSET /* and the offset there */,
	VCM_JOURNAL_RECORDS /* that are whole */,
	VCM_JOURNAL_ROWS /* in them */,
	VCM_JOURNAL_LAST /* sequence number of the last record */,
	VCM_JOURNAL_RETIRED /* of the last one whose consequences are through */,
	VCM_JOURNAL_LOST_BYTES /* behind the damage */,
	VCM_JOURNAL_LOST_RECORDS,
	VCM_JOURNAL_WARNINGS /* damage by which nothing is lost */,
	VCM_JOURNAL_CHUNKS,
	VCM_JOURNAL_BYTES /* of all chunks */,
	VCM_JOURNAL_N
};
enum vcm_journal_row_column {
	VCM_JOURNAL_ROW_SEQUENCE /* of the record */,
	VCM_JOURNAL_ROW_KIND,
	VCM_JOURNAL_ROW_IS_GONE /* the object is no more */,
	VCM_JOURNAL_ROW_SESSION,
	VCM_JOURNAL_ROW_KEY /* handle, id or serial */,
	VCM_JOURNAL_ROW_LEN /* bytes */,
	VCM_JOURNAL_ROW_N
};

/* As vcm_inspect(). This needs the right `inspect`. -ENOENT: the broker keeps no journal. */
int vcm_journal_verify(vcm_row_fn fn, void *ctx);
int vcm_journal_show(vcm_row_fn fn, void *ctx);

#ifdef __cplusplus
}
#endif
#endif
