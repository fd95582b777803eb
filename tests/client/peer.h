/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The other end, played by a test: it listens where the library looks, says welcome, and answers what the test says, when the
 * test says it. A script runs in a thread of its own, since the library's calls wait.
 *
 *	static void script(struct peer *p)
 *	{
 *		peer_expect(p, OP_VCM_CREATE);
 *		peer_answer(p, 1, (uint64_t[]){ VCM_DEVICE });
 *	}
 *	...
 *	peer_start(&p, script);		vcm_sys_init() has succeeded when it returns
 *	v = vcm_create(0, SZ_16M);
 *	peer_join(&p);			the script has returned; the connection stays
 *	peer_stop(&p);			waits for vcm_sys_destroy(), or hangs up
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "proto/message.h"

struct peer;
typedef void (*peer_script)(struct peer *p);

struct peer {
	char dir[64], path[80];
	int listen_fd, fd, event_fd;
	struct codec *in, *out;
	struct request request; /* the last one received */
	uint8_t bytes[PROTO_MAX_MESSAGE];
	struct welcome welcome;
	pthread_t thread;
	peer_script script;
	void *ctx; /* the script's */
};

/* Listens; sets $VCM_SOCKET; nobody has connected yet. */
void peer_open(struct peer *p);
/* In the script's thread: accepts, and plays hello and welcome. */
void peer_welcome(struct peer *p);
/* The broker has gone: both sockets are closed. It listens still. */
void peer_hang_up(struct peer *p);
/* It stops to listen, and begins again. */
void peer_leave(struct peer *p);
void peer_listen(struct peer *p);
/* It has come back: accepts, and takes the hello of the session that there is, which is in p->request. */
void peer_accept_again(struct peer *p);
/* And says welcome to it. */
void peer_resume(struct peer *p);
/* Runs the script in a thread, without a connection. */
void peer_play(struct peer *p, peer_script script);
/* All of the above: the library is connected, and the script runs. */
void peer_start(struct peer *p, peer_script script);
void peer_join(struct peer *p);
/* Hangs up, ends the session if the test has not, and removes what peer_open() made. */
void peer_close(struct peer *p);

/* The next request, which must be this operation alone (peer_receive(): any). */
void peer_receive(struct peer *p);
const struct op *peer_expect(struct peer *p, uint32_t code);
/* Answers it (or another one) with values; with anything; with a failure. */
void peer_answer(struct peer *p, size_t n_values, const uint64_t *values);
void peer_send(struct peer *p, const struct reply *reply, const int *fds, size_t n_fds);
void peer_refuse(struct peer *p, int status, const char *reason);
/* Plays OP_BYE: the library is in vcm_sys_destroy(). */
void peer_goodbye(struct peer *p);
/* Sends an event. */
void peer_fault(struct peer *p, const struct fault_event *fault);
/* Bytes that are no message. */
void peer_send_garbage(struct peer *p);
