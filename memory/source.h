/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the kernel takes the bytes from: files of a fixed length, sealed so that nobody can change it.
 */
#pragma once

#include <stdint.h>

#include "memory/memory.h"

/* What errno says, as one of the errors of memory_arena_new(): -EMFILE, -ENFILE, or else -ENOMEM. */
int source_error(int err);

/*
 * The caller's fd of a new sealed file of len bytes (whole pages), or -ENOMEM, -EMFILE, -ENFILE.
 * SOURCE_MEMFD: a file without pages, all holes. SOURCE_HUGETLB: with all its pages, so that no fault can want for one;
 * -EINVAL unless len is a multiple of 2 MB.
 * Its mode lets only the broker's own user open it again, so that who holds a read-only fd stays a reader.
 */
int source_open(enum memory_source source, uint64_t len);

/* Whether fd is such a file of len bytes, and of which source: 0 or -EINVAL. */
int source_check(int fd, uint64_t len, enum memory_source *out);

/* The caller's read-only fd of the same file, or -errno: it takes /proc. */
int source_open_read_only(int fd);

/* Makes the pages of [at, at + len) be there. 0, or an error of source_open(). */
int source_allocate(int fd, uint64_t at, uint64_t len);
/* Takes the pages of [at, at + len) away, from everybody who has mapped them. */
void source_punch(int fd, uint64_t at, uint64_t len);
