/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The everyday messages, which hold numbers only, read and written by hand: the same bytes as nanopb's, ten times quicker.
 * Whatever is out of the ordinary is nanopb's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "remote/message.h"

#define VCM_QUICK_HEAD 22u /* bytes that the head of a request takes at most */
#define VCM_QUICK_OP 65u   /* and an operation */

/* The serial and the acknowledgement, which begin a request. How many bytes. */
size_t vcm_quick_head(uint8_t *to, uint64_t serial, uint64_t ack);
/* An operation without name and data, as a field of its request. How many bytes. */
size_t vcm_quick_op(uint8_t *to, const struct vcm_op *op);
/* False when it is not such a reply: then nothing is said about it. */
bool vcm_quick_reply(const uint8_t *bytes, size_t len, vcm_wire_Reply *out);
