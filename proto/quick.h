/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The everyday messages, read and written by hand: requests whose operations hold numbers only, replies that say yes. They
 * are most of all messages, and cost a tenth of what the generated code takes for them.
 *
 * Only a shortcut: the bytes are those of the schema, and whatever is out of the ordinary (a text, data, a field that is
 * not known, a value outside its bounds, bytes that are no message) is left to the generated code, which also says what is
 * wrong. request.c and the files of reply ask here first; nobody else includes this.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "proto/message.h"
#include "proto/scratch.h"

/* True: *out is the message, in scratch. False: not such a message, *out is undefined. */
bool quick_request_decode(struct scratch *s, const void *buf, size_t len, struct request *out);
bool quick_reply_decode(struct scratch *s, const void *buf, size_t len, struct reply *out);

/* The number of bytes; 0: not such a message, or cap is too small. */
size_t quick_request_encode(const struct request *in, void *buf, size_t cap);
size_t quick_reply_encode(const struct reply *in, void *buf, size_t cap);
