/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Running the broker: for operators' tools. All functions return 0 or a negative errno number; -ENOTCONN without a
 * connection, -EACCES without the right `manage`.
 */
#ifndef VCM_MANAGE_H
#define VCM_MANAGE_H

#include <stdint.h>

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

#ifdef __cplusplus
}
#endif
#endif
