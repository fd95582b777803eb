/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory at addresses that others know, too: arenas and table memory of such pools lie in it.
 *
 *	window		a part of a file, such as /dev/mem, a map of a UIO device, or a memfd that another CPU sees as well
 *	page		a huge page of the kernel's: a file of its own, and a pin that keeps the page where it is, for a
 *			client that has the file can make a hole in it
 *
 * A device file is mapped as device memory where the processor knows that: strict, it takes aligned words only.
 */
#pragma once

#include <bsd/sys/queue.h>
#include <bsd/sys/tree.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/range.h"
#include "base/reason.h"

struct window {
	RB_ENTRY(window) by_pa;
	struct range pa;
	int fd;
	int read_only_fd; /* -1 until somebody asked */
	int pin_fd;       /* of a page: a pipe with a piece of it; else -1 */
	uint64_t offset;  /* of pa.first in the file */
	uint8_t *at;
	bool strict;
	bool uncached; /* the CPU maps it so: of devices that is known of /dev/mem and of UIO */
	bool page;
	bool given; /* of a page: somebody else has or had its file */
	bool lost;  /* of a page: its file is not at this address any more */
	LIST_HEAD(, memory_unplaced) unplaced; /* free parts that are zeroed for somebody */
};

RB_HEAD(windows, window);

/* Takes what is in it. */
void windows_deinit(struct windows *all);
/* The one that has all of it; NULL. */
struct window *windows_at(struct windows *all, struct range pa);
/* One that has a part of it; NULL. */
struct window *windows_meeting(struct windows *all, struct range pa);

/* Maps it. fd is taken on success. 0, -EEXIST, -ENOMEM, or what mmap() says. */
int windows_add(struct windows *all, struct range pa, int fd, uint64_t offset, struct reason *why);
/* A zeroed huge page, wherever it is. 0; -EPERM: the kernel does not tell where; -ENOMEM, -EMFILE, -ENFILE. */
int windows_add_page(struct windows *all, struct window **out, struct reason *why);
/* The page that an earlier process has left, which counts as given: page_adopt(), or -EEXIST. */
int windows_adopt_page(struct windows *all, uint64_t pa, int fd, int pin_fd, struct reason *why);
/*
 * Puts another file behind a page that was given to somebody, at the same address. 0; -ESTALE: the address is not the
 * file's any more, and cannot be had again.
 */
int window_renew(struct window *w);
/* The fd of the file, which stays the window's, or -1. */
int window_fd(struct window *w, bool writable);
