/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The messages of proto/vcm.proto on a node: what nanopb makes of them, in plain values. A request is written operation by
 * operation, so that a batch takes no more room than its bytes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/op.h"
#include "remote/fragment.h"
#include "remote/vcm.pb.h"

#define VCM_PROTO_VERSION 1u
#define VCM_MESSAGE_OPS 16u   /* operations in a request */
#define VCM_MESSAGE_DATA 256u /* bytes of data, either way */
#define VCM_MESSAGE_NAME 63u  /* bytes of a device's name */
#ifndef VCM_MESSAGE_CAP
#define VCM_MESSAGE_CAP 1024u /* bytes of a message, either way: at least 640 */
#endif

struct vcm_op {
	uint32_t code; /* enum op_code */
	uint32_t handle, on, target;
	uint64_t addr, len;
	uint32_t attr;
	uint64_t arg;
	const char *name; /* NULL: none */
	const void *data;
	size_t n_data;
};

/* A message to be sent. Room for a fragment's header is before its bytes. */
struct vcm_request {
	size_t len;
	uint32_t n_ops;
	uint8_t room[VCM_FRAGMENT_HEADER];
	uint8_t bytes[VCM_MESSAGE_CAP];
};

/* The bytes of an operation on their way, and of a reply: never both at a time. */
union vcm_scratch {
	vcm_wire_Op op;
	vcm_wire_Reply reply;
	vcm_wire_Request request;
};

/* ack < serial. */
void vcm_request_begin(struct vcm_request *r, uint64_t serial, uint64_t ack);
/* 0, or -VCM_E2BIG: the name is too long. */
int vcm_request_hello(struct vcm_request *r, union vcm_scratch *s, uint64_t serial,
		      const char *name);
/* -VCM_E2BIG: also one operation too many. -VCM_EINVAL: name or data is too long. After a failure it is as before. */
int vcm_request_add(struct vcm_request *r, union vcm_scratch *s, const struct vcm_op *op);
/* Into s->reply. 0, or -VCM_EPROTO: it is none, or larger than what we ask for can be. */
int vcm_reply_decode(union vcm_scratch *s, const uint8_t *bytes, size_t len);
