/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The system calls that the daemon may make, for good: a list of what it needs, whoever starts it. It may start threads but
 * no program; sockets are Unix sockets.
 *
 * Another call ends the process with SIGSYS's line in the log, "system call N is not allowed": that is either a bug in the
 * list, which the tests find since every daemon of theirs runs under it, or somebody who is not us. Calls that are newer
 * than the list answer ENOSYS, as on an older kernel, so that a newer libc falls back.
 */
#pragma once

#include "base/reason.h"

/* Before there are threads. 0, or a negative errno with the reason. Does nothing in a build without seccomp: one with
 * sanitizers, say, whose runtime needs more. */
int seccomp_confine(struct reason *why);
