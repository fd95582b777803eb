/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The log's lines as entries of systemd's journal, with what each is about in fields of its own:
 *
 *	journalctl -u vcmd SESSION=7 DEVICE=mdp_port0 VCM=3 OPERATION=reserve
 */
#pragma once

#include <stdbool.h>

/* True when standard error is the journal's: lines go there from now on. Otherwise nothing changes. */
bool journald_take_log(void);
