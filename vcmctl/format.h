/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbers as people read and write them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FORMAT_LEN 96 /* bytes; no text of this module is longer */

/* Exact: 4K, 1.5M, 2052K, 256M, 100. */
const char *format_size(char buf[FORMAT_LEN], uint64_t bytes);
/* "of memtype 0", "of a window"; memtype is VCM_MEMTYPE_0 ... or VCM_INVALID. */
const char *format_kind(char buf[FORMAT_LEN], uint64_t memtype);
/* 0x00100000; at least eight digits, so that addresses line up. */
const char *format_addr(char buf[FORMAT_LEN], uint64_t addr);
/* 0.25s, 12s, 4:05, 2:04:05, 3d 2:04:05 */
const char *format_duration(char buf[FORMAT_LEN], uint64_t ns);
/* What a reservation's attributes allow: "rw", "r x", "rw privileged wb-wa". */
const char *format_res_attr(char buf[FORMAT_LEN], uint64_t attr);
/* What a physical allocation's attributes ask for: "all", "4K 64K contiguous". */
const char *format_phys_attr(char buf[FORMAT_LEN], uint64_t attr);
/* The sizes whose bits are set: "4K 64K 1M 16M". */
/* "exported read-only", "imported, orphaned"; nothing for what is not shared. */
const char *format_sharing(char buf[FORMAT_LEN], uint64_t bits);
const char *format_page_sizes(char buf[FORMAT_LEN], uint64_t bits);
/* The user's name, or the number. */
const char *format_user(char buf[FORMAT_LEN], uint64_t uid);

/* Decimal, 0x hexadecimal, with or without K, M, G. False when it is no such number. */
bool parse_number(const char *text, uint64_t *out);
