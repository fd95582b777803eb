// SPDX-License-Identifier: BSD-3-Clause
#include "vcmctl/bytes.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PER_LINE 16

void bytes_deinit(struct bytes *b)
{
	free(b->p);
	*b = BYTES_NULL;
}

int bytes_alloc(struct bytes *b, size_t len)
{
	b->p = calloc(1, len + !len);
	if (!b->p)
		return -ENOMEM;
	b->len = len;
	return 0;
}

/* -1 when it is no hexadecimal digit. */
static int digit(char c)
{
	if (!isxdigit((unsigned char)c))
		return -1;
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

int bytes_from_hex(struct bytes *b, const char *text)
{
	int high, low;

	if (bytes_alloc(b, strlen(text) / 2))
		return -ENOMEM;
	b->len = 0;
	for (const char *p = text; *p; p++) {
		if (strchr(" \t\n:-", *p))
			continue;
		high = digit(*p++);
		low = digit(*p);
		if (high < 0 || low < 0)
			return -EINVAL;
		b->p[b->len++] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

int bytes_from_text(struct bytes *b, const char *text)
{
	if (bytes_alloc(b, strlen(text)))
		return -ENOMEM;
	memcpy(b->p, text, b->len);
	return 0;
}

int bytes_from_input(struct bytes *b)
{
	if (bytes_alloc(b, BYTES_MAX + 1))
		return -ENOMEM;
	b->len = fread(b->p, 1, b->len, stdin);
	if (ferror(stdin))
		return -EIO;
	return b->len > BYTES_MAX ? -EFBIG : 0;
}

int bytes_to_hex(struct bytes *b, const struct bytes *from)
{
	if (bytes_alloc(b, 2 * from->len + 1))
		return -ENOMEM;
	for (size_t i = 0; i < from->len; i++)
		snprintf((char *)b->p + 2 * i, 3, "%02x", from->p[i]);
	return 0;
}

static void print_line(uint64_t addr, const uint8_t *bytes, size_t n)
{
	printf("%08" PRIx64, addr);
	for (size_t i = 0; i < PER_LINE; i++) {
		fputs(i % (PER_LINE / 2) ? " " : "  ", stdout);
		if (i < n)
			printf("%02x", bytes[i]);
		else
			fputs("  ", stdout);
	}
	fputs("  |", stdout);
	for (size_t i = 0; i < n; i++)
		putchar(bytes[i] >= ' ' && bytes[i] <= '~' ? bytes[i] : '.');
	puts("|");
}

void bytes_dump(const struct bytes *b, uint64_t addr)
{
	for (size_t at = 0; at < b->len; at += PER_LINE)
		print_line(addr + at, b->p + at, b->len - at < PER_LINE ? b->len - at : PER_LINE);
}
