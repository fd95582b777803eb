/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * CRC32C (Castagnoli), by the processor's own instruction where it has one.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* crc: 0, or what came before. */
uint32_t crc32c(uint32_t crc, const void *buf, size_t len);
/* The same without the instruction. */
uint32_t crc32c_plain(uint32_t crc, const void *buf, size_t len);
