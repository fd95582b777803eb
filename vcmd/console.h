/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The log on standard error, where that is a pipe, a terminal or a socket whose reader may stand still: what it does not take
 * at once is lost, counted, and said with the next line that it takes.
 */
#pragma once

#include <stdbool.h>

/* Lines go to standard error without waiting, from now on. What others do with its file description stays theirs: its flags are
 * not changed. False: it is a file, or nothing, which nobody waits for; then nothing changes. */
bool console_take_log(void);
