/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A file of memory as the broker holds it: open, mapped, and filled up to a point.
 *
 *	fd   0            2M           4M        5M
 *	     |--- huge ---|--- huge ---|-- 4K ---|        len = 5M, huge_len = 4M
 *	     |<-------- filled -------->                  at = a multiple of 2M in the broker's addresses
 *
 * Where the kernel refuses a huge page, small ones do. Filling and closing can be done in steps, each about 0.2 ms. That is
 * what the kernel takes to zero a huge page of 2 MB or 512 KB of small pages, and to take back 2 MB of small pages or 64 MB
 * of huge ones (measured).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memory/memory.h"

struct piece {
	int fd;
	int read_only_fd; /* -1 until somebody asked */
	uint8_t *at;
	uint64_t len;      /* bytes; becomes less while it is closed in steps */
	uint64_t filled;   /* bytes from the start whose pages are there */
	uint64_t huge_len; /* of them in huge pages */
	enum memory_source source;
	bool strict;           /* device memory: aligned words only */
	struct window *window; /* whose bytes they are: a piece of a window has no file of its own */
	bool left;             /* its bytes are somebody else's from now on */
};

#define PIECE_NULL ((struct piece){ .fd = -1, .read_only_fd = -1 })

/*
 * A mapped piece of len bytes (whole pages), nothing filled yet, or, of SOURCE_HUGETLB, everything.
 * 0; -ENOMEM, -EMFILE, -ENFILE; -EINVAL: len is nothing for huge pages.
 */
int piece_init(struct piece *out, enum memory_source source, uint64_t len);
/*
 * A file of somebody's as a piece, filled; fd is the piece's on success. 0; -EINVAL: not a sealed file of memory of that
 * length; -ENOMEM.
 */
int piece_adopt(struct piece *out, int fd, uint64_t len);
/* Gives the bytes back to the kernel, even when a client still has the file open. */
void piece_deinit(struct piece *p);

/* Fills the rest. 0; -ENOMEM, which may leave it filled further. */
int piece_fill(struct piece *p);
/* One step of it: the same, and *out_more tells whether there is more to do. */
int piece_fill_step(struct piece *p, bool *out_more);

/* Whether piece_deinit() is longer than a step. */
bool piece_is_long(const struct piece *p);
/* Gives some of it back, from the end, and makes len less. */
void piece_shrink_step(struct piece *p);

/* The read-only fd, which stays the piece's, or -errno. */
int piece_read_only(struct piece *p);
