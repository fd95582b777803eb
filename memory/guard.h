/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Access to memory that somebody else may take the pages out of: SIGBUS becomes -EFAULT.
 *
 * Only the fault of the guarded code itself is caught. Every other SIGBUS goes to the handler that was there before, and
 * where there was none, the process dies of it as it should.
 */
#pragma once

/* Installs the handler, counted. 0 or -errno. */
int guard_install(void);
/* Puts back what was there before, unless somebody has replaced ours since. */
void guard_remove(void);

/*
 * Runs body(arg): 0, or -EFAULT when it met a SIGBUS, which left it where it was: body must own nothing. Not nested.
 */
int guard_run(void (*body)(void *arg), void *arg);
