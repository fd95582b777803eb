/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For containers whose look-up macros know no const, though they change nothing.
 */
#pragma once

#include <stdint.h>

#define UNCONST(type, p) ((type *)(uintptr_t)(p))
