/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connections that wait at a socket which the service manager holds, when the daemon cannot serve anybody: they are told why. Were
 * they left there, they would start it again at once, and for ever.
 */
#pragma once

/* Closes them all; fd stays the caller's. Returns how many there were. */
unsigned int turn_away(int fd, const char *why);
