/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes protobuf by hand: what our own encoder would never send.
 */
#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/message.h"

/* The numbers of the fields, from vcm.proto. */
enum {
	OP_F_CODE = 1,
	OP_F_HANDLE,
	OP_F_ON,
	OP_F_TARGET,
	OP_F_ADDR,
	OP_F_LEN,
	OP_F_ATTR,
	OP_F_ARG,
	OP_F_NAME,
	OP_F_DATA
};
enum { HELLO_F_VERSION = 1, HELLO_F_FEATURES, HELLO_F_NAME, HELLO_F_SESSION, HELLO_F_TOKEN };
enum { REQUEST_F_SERIAL = 1, REQUEST_F_ACK, REQUEST_F_OPS, REQUEST_F_HELLO };
enum { WELCOME_F_TOKEN = 7 };
enum { PIECE_F_OP = 1, PIECE_F_ARENA, PIECE_F_OFFSET, PIECE_F_LEN, PIECE_F_FD };
enum { ROW_F_N = 1, ROW_F_S };
enum {
	REPLY_F_SERIAL = 1,
	REPLY_F_STATUS,
	REPLY_F_FAILED,
	REPLY_F_REASON,
	REPLY_F_VALUES,
	REPLY_F_PIECES,
	REPLY_F_DATA,
	REPLY_F_ROWS,
	REPLY_F_WELCOME,
	REPLY_F_FAULT
};

struct wire {
	size_t len;
	uint8_t buf[2 * PROTO_MAX_MESSAGE];
};

static inline void wire_raw(struct wire *w, uint64_t v)
{
	for (; v > 0x7f; v >>= 7)
		w->buf[w->len++] = (uint8_t)(v | 0x80);
	w->buf[w->len++] = (uint8_t)v;
}

static inline void wire_int(struct wire *w, unsigned int field, uint64_t v)
{
	wire_raw(w, field << 3);
	wire_raw(w, v);
}

static inline void wire_bytes(struct wire *w, unsigned int field, const void *p, size_t len)
{
	wire_raw(w, field << 3 | 2);
	wire_raw(w, len);
	if (len)
		memcpy(w->buf + w->len, p, len);
	w->len += len;
}

static inline void wire_text(struct wire *w, unsigned int field, const char *text)
{
	wire_bytes(w, field, text, strlen(text));
}

static inline void wire_message(struct wire *w, unsigned int field, const struct wire *m)
{
	wire_bytes(w, field, m->buf, m->len);
}
