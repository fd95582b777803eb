/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The messages as plain values, and their way to and from bytes. proto/vcm.proto says what they mean.
 *
 * A codec owns the buffers that decoded values borrow from: what a decode call returns is valid until the next call on
 * the same codec, encoding included. One codec is used by one thread at a time. Only codec_new() allocates: a codec holds
 * CODEC_MEMORY of address space, of which it touches what the largest message so far needed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"
#include "proto/op.h"

#define PROTO_VERSION 1
#define PROTO_MAX_MESSAGE 65536 /* bytes; what a default socket buffer takes several of */
#define PROTO_MAX_OPS 1024      /* in a request */
#define PROTO_MAX_DATA 32768    /* bytes of data in a message */
#define PROTO_MAX_NAME 63       /* bytes */
#define PROTO_MAX_PIECES 1024   /* in a reply */
#define PROTO_MAX_ROWS 256      /* in a reply */
#define PROTO_MAX_VALUES (PROTO_MAX_OPS * OP_MAX_VALUES) /* in a reply */
#define PROTO_MAX_UNSEEN                                                                           \
	8192 /* values of answers that a client has not read, and PROTO_ANSWER_HEAD for each answer */
#define PROTO_ANSWER_HEAD 2
#define PROTO_MAX_TEXT 255 /* bytes of a reason or of a text in a row */
#define PROTO_TOKEN_LEN 16
#define PROTO_HANDLE_MAX 0x7fffffffu /* the client's half; the broker's own handles are above */

struct op {
	uint32_t code; /* enum op_code; unknown codes pass decode, the pipeline answers -ENOSYS */
	uint32_t handle, on, target;
	uint64_t addr, len;
	uint32_t attr;
	uint64_t arg;
	const char *name; /* never NULL; at most PROTO_MAX_NAME bytes, printable */
	const void *data;
	size_t n_data;
};

struct hello {
	uint32_t version;
	uint64_t features;
	const char *name;
	uint64_t session; /* to be resumed, with its token; 0: a new one */
	uint8_t token[PROTO_TOKEN_LEN];
	uint64_t sent; /* the last serial that was sent before */
};

struct request {
	uint64_t serial, ack; /* ack < serial */
	bool is_hello;        /* then hello is set and there are no ops; otherwise at least one */
	struct hello hello;
	const struct op *ops;
	size_t n_ops;
};

struct welcome {
	uint32_t version;
	uint64_t features;
	uint32_t max_message, max_ops, max_data;
	uint64_t session;
	uint8_t token[PROTO_TOKEN_LEN];
	uint32_t grace; /* ms */
};

struct piece {
	uint32_t op, arena;
	uint64_t offset, len;
	uint32_t fd; /* 1 + index among the packet's fds; 0: given before */
};

#define ROW_MAX_N 16
#define ROW_MAX_S 4

struct row {
	uint64_t n[ROW_MAX_N];
	const char *s[ROW_MAX_S];
	uint8_t n_n, n_s;
};

enum fault_flags {
	FAULT_F_WRITE = 1,
	FAULT_F_EXECUTE = 2,
	FAULT_F_PRIVILEGED = 4,
	FAULT_F_PERMISSION = 8,
	FAULT_F_STALLED = 16,
};

struct fault_event {
	uint64_t id;
	uint32_t device;
	uint64_t addr, len;
	uint32_t flags, context, fsr, fsynr0, fsynr1;
	uint64_t time_ns;
};

struct reply {
	uint64_t serial; /* 0: an event: then fault is set, or status says why the session ends */
	int32_t status;
	uint32_t failed;
	const char *reason; /* never NULL after decode; may be NULL for encode */
	const uint64_t *values;
	size_t n_values;
	const struct piece *pieces;
	size_t n_pieces;
	const void *data;
	size_t n_data;
	const struct row *rows;
	size_t n_rows;
	const struct welcome *welcome;   /* or NULL */
	const struct fault_event *fault; /* or NULL */
};

struct codec;

struct codec *codec_new(void);
struct codec *codec_free(struct codec *c);

/*
 * Decoding: 0; -EPROTO when the bytes are no such message, or a value is outside its bounds, or more than CODEC_MEMORY would
 * be needed to hold it (why says which). No well-formed message within the limits above needs that much.
 * Encoding: the number of bytes, or -EMSGSIZE when they do not fit in cap or a length or count is above its limit. A text
 * for people (a reason, a text in a row) is made to fit instead: cut at PROTO_MAX_TEXT, control characters become '?'.
 */
#define CODEC_MEMORY (1u << 20) /* bytes */

int request_decode(struct codec *c, const void *buf, size_t len, struct request *out,
		   struct reason *why);
int reply_decode(struct codec *c, const void *buf, size_t len, struct reply *out,
		 struct reason *why);
long request_encode(struct codec *c, const struct request *in, void *buf, size_t cap);
long reply_encode(struct codec *c, const struct reply *in, void *buf, size_t cap);
