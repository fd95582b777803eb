// SPDX-License-Identifier: BSD-3-Clause
#include "proto/codec.h"

#include <assert.h>
#include <errno.h>

#include "base/cleanup.h"
#include "base/mem.h"

static_assert(alignof(uint64_t) <= SCRATCH_ALIGN && alignof(void *) <= SCRATCH_ALIGN,
	      "the scratch holds messages");
static_assert(PROTO_MAX_DATA < PROTO_MAX_MESSAGE, "data fits in a message");
static_assert(PROTO_MAX_TEXT >= REASON_MAX - 1, "a reason is never cut");
static_assert(PROTO_HANDLE_MAX == INT32_MAX, "a client's handles are half of all");

static void *alloc_of_scratch(void *data, size_t len)
{
	return scratch_alloc(data, len);
}

static void free_of_scratch(_unused_ void *data, _unused_ void *p)
{
}

struct codec *codec_new(void)
{
	struct codec *c = mem_new0(struct codec);

	if (c)
		c->allocator =
			(ProtobufCAllocator){ alloc_of_scratch, free_of_scratch, &c->scratch };
	return c;
}

struct codec *codec_free(struct codec *c)
{
	if (!c)
		return NULL;
	scratch_deinit(&c->scratch);
	return mem_free(c);
}

void *codec_unpack(struct codec *c, const ProtobufCMessageDescriptor *type, const void *buf,
		   size_t len, struct reason *why)
{
	ProtobufCMessage *m;

	scratch_reset(&c->scratch);
	if (len > PROTO_MAX_MESSAGE) {
		refuse(why, 0, "message of %zu bytes: at most %d are allowed", len,
		       PROTO_MAX_MESSAGE);
		return NULL;
	}
	m = protobuf_c_message_unpack(type, &c->allocator, len, buf);
	if (!m && c->scratch.is_full)
		refuse(why, 0, "message of %zu bytes unfolds to more than %u", len, CODEC_MEMORY);
	else if (!m)
		refuse(why, 0, "message of %zu bytes is no well-formed %s", len, type->short_name);
	return m;
}

long codec_pack(const ProtobufCMessage *m, void *buf, size_t cap)
{
	size_t len = protobuf_c_message_get_packed_size(m);

	if (len > cap || len > PROTO_MAX_MESSAGE)
		return -EMSGSIZE;
	return (long)protobuf_c_message_pack(m, buf);
}
