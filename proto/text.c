// SPDX-License-Identifier: BSD-3-Clause
#include "proto/text.h"

#include <string.h>

#include "proto/message.h"

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

bool name_is_valid(const char *name)
{
	size_t n = 0;

	for (; name[n]; n++)
		if (n == PROTO_MAX_NAME || (unsigned char)name[n] > 0x7e || is_control(name[n]))
			return false;
	return true;
}

bool text_is_valid(const char *text)
{
	size_t n = 0;

	for (; text[n]; n++)
		if (n == PROTO_MAX_TEXT || is_control(text[n]))
			return false;
	return true;
}

char *text_make_valid(struct scratch *a, const char *text)
{
	size_t len = strnlen(text, PROTO_MAX_TEXT);
	char *copy = scratch_alloc(a, len + 1);

	if (!copy)
		return NULL;
	for (size_t i = 0; i < len; i++)
		copy[i] = is_control(text[i]) ? '?' : text[i];
	copy[len] = '\0';
	return copy;
}
