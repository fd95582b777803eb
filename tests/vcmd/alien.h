/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory that a library of others allocates for itself, as mem_fail_nth() has it for ours: the program's own malloc() stands before
 * the C library's, and looks who calls it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* library: the beginning of its file's name. False: it is not here, or somebody else (a sanitizer, valgrind) has malloc(). */
bool alien_watch(const char *library);
/* The nth allocation of the library from now (1 = the next) fails, once. 0 switches it off. */
void alien_fail_nth(size_t n);
/* Whether the failure that was asked for has come, and switches it off. */
bool alien_fail_fired(void);
