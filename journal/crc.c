// SPDX-License-Identifier: BSD-3-Clause
#include "journal/crc.h"

#include <stdbool.h>
#include <string.h>
#ifdef __aarch64__
#include <arm_acle.h>
#include <sys/auxv.h>
#endif

#define POLYNOMIAL 0x82f63b78u /* reflected */

/* A nibble at a time: sixteen words need no table that is made at run time. */
static uint32_t step(uint32_t crc)
{
	static const uint32_t table[16] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
		0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
		0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};

	return crc >> 4 ^ table[crc & 15];
}

uint32_t crc32c_plain(uint32_t crc, const void *buf, size_t len)
{
	const uint8_t *p = buf;

	for (crc = ~crc; len > 0; len--, p++)
		crc = step(step(crc ^ *p));
	return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const uint8_t *p,
								 size_t len)
{
	uint64_t sum = (uint32_t)~crc, word;

	for (; len >= sizeof(word); len -= sizeof(word), p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		sum = __builtin_ia32_crc32di(sum, word);
	}
	for (; len > 0; len--, p++)
		sum = __builtin_ia32_crc32qi((uint32_t)sum, *p);
	return ~(uint32_t)sum;
}

static bool has_instruction(void)
{
	return __builtin_cpu_supports("sse4.2");
}
#elif defined(__aarch64__)
__attribute__((target("+crc"))) static uint32_t by_instruction(uint32_t crc, const uint8_t *p,
							       size_t len)
{
	uint64_t word;

	for (crc = ~crc; len >= sizeof(word); len -= sizeof(word), p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		crc = __crc32cd(crc, word);
	}
	for (; len > 0; len--, p++)
		crc = __crc32cb(crc, *p);
	return ~crc;
}

static bool has_instruction(void)
{
	return getauxval(AT_HWCAP) & 1u << 7; /* HWCAP_CRC32 */
}
#else
static uint32_t by_instruction(uint32_t crc, const uint8_t *p, size_t len)
{
	return crc32c_plain(crc, p, len);
}

static bool has_instruction(void)
{
	return false;
}
#endif

uint32_t crc32c(uint32_t crc, const void *buf, size_t len)
{
	return has_instruction() ? by_instruction(crc, buf, len) : crc32c_plain(crc, buf, len);
}
