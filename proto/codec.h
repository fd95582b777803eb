/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What request.c and reply.c share; nobody else includes this.
 */
#pragma once

#include <stddef.h>

#include <protobuf-c/protobuf-c.h>

#include "base/reason.h"
#include "proto/scratch.h"

struct codec {
	ProtobufCAllocator allocator; /* hands out the scratch; frees nothing */
	struct scratch scratch;
};

/* Unpacks into the codec's scratch, which is reset first. NULL when the bytes are no such message, or too much of one. */
void *codec_unpack(struct codec *c, const ProtobufCMessageDescriptor *type, const void *buf,
		   size_t len, struct reason *why);
/* The number of bytes, or -EMSGSIZE. */
long codec_pack(const ProtobufCMessage *m, void *buf, size_t cap);

/* protobuf-c packs from pointers that it could write to, and does not. */
static inline void *unconst(const void *p)
{
	const union {
		const void *in;
		void *out;
	} u = { .in = p };

	return u.out;
}
