/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a session begins: the socket, and the exchange of Hello and Welcome.
 */
#pragma once

#include "base/reason.h"
#include "proto/message.h"

struct session;

/*
 * Connects to $VCM_SOCKET, else /run/vcm/vcmd.sock, and fills in the session's connection, handles, events and limits. $VCM_POLL=0
 * switches polling off.
 * 0, or a negative errno number: then what is there of them is the session's to free.
 */
int hello_connect(struct session *s, struct reason *why);

/* A socket that is connected to path; flags: of socket(). A negative errno number otherwise. */
int hello_socket(const char *path, int flags, struct reason *why);
/* What the program calls itself, as far as a message can say it. */
void hello_program_name(char out[PROTO_MAX_NAME + 1]);
