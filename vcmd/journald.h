/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The log's lines as entries of systemd's journal, with what each is about in fields of its own:
 *
 *	journalctl -u vcmd SESSION=7 DEVICE=mdp_port0 VCM=3 OPERATION=reserve
 */
#pragma once

#include <stdbool.h>

/* Lines go to the journal whose socket that is, from now on. Those that it does not take at once are lost, counted, and the next
 * line says how many. False: there is no socket to send from. */
bool journald_open(const char *path);
/* True when standard error is the journal's: lines go there from now on. Otherwise nothing changes. */
bool journald_take_log(void);
