/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The texts of messages. Nothing that a peer sends may steer the terminal of the person who reads it.
 */
#pragma once

#include <stdbool.h>

#include "proto/scratch.h"

/* At most PROTO_MAX_NAME printable ASCII characters. */
bool name_is_valid(const char *name);
/* At most PROTO_MAX_TEXT bytes without control characters; bytes above 0x7f (UTF-8) pass. */
bool text_is_valid(const char *text);
/* A valid copy in the scratch; NULL when that is full. */
char *text_make_valid(struct scratch *a, const char *text);
