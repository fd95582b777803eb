/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bytes that a device reads or writes, and how people read and write them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define BYTES_MAX (16u << 20) /* of one command, which has all of them in memory */

struct bytes {
	uint8_t *p;
	size_t len;
};

#define BYTES_NULL ((struct bytes){ .len = 0 })

void bytes_deinit(struct bytes *b);

/* All fill b, which is BYTES_NULL before: 0, or a negative errno. Zeroed: */
int bytes_alloc(struct bytes *b, size_t len);
/* "de ad:BE-ef"; -EINVAL when it is not of that kind. */
int bytes_from_hex(struct bytes *b, const char *text);
int bytes_from_text(struct bytes *b, const char *text);
/* All of standard input; -EFBIG above BYTES_MAX. */
int bytes_from_input(struct bytes *b);
/* The bytes of "deadbeef", with its final 0. */
int bytes_to_hex(struct bytes *b, const struct bytes *from);

/* Lines of 16 bytes, in the manner of hexdump -C, the addresses from addr on. */
void bytes_dump(const struct bytes *b, uint64_t addr);
