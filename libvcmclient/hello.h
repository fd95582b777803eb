/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a session begins: the socket, and the exchange of Hello and Welcome.
 */
#pragma once

#include "base/reason.h"

struct session;

/*
 * Connects to $VCM_SOCKET, else /run/vcm/vcmd.sock, and fills in the session's connection, handles, events and limits. $VCM_POLL=0
 * switches polling off.
 * 0, or a negative errno number: then what is there of them is the session's to free.
 */
int hello_connect(struct session *s, struct reason *why);
