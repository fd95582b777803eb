/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A huge page of 2 MB whose physical address is known: a sealed hugetlb memfd of one page, mapped, and pinned.
 *
 * The address is what /proc/self/pagemap says, to root only (Linux, Documentation/admin-guide/mm/pagemap.rst). The kernel
 * does not move a huge page that somebody holds beside its mappings (folio_expected_refs() of its mm/migrate.c), and does not
 * give it to anybody else: the pin is a piece of the page in a pipe (vmsplice()), which also outlasts a hole that a client makes
 * in the file. File and pipe hold the page for whoever has them: it outlives a process where somebody keeps both.
 */
#pragma once

#include <stdint.h>

#include "base/reason.h"

struct page {
	uint64_t pa;
	uint8_t *at;
	int fd, pin_fd;
};

#define PAGE_NULL ((struct page){ .fd = -1, .pin_fd = -1 })

/* 0; -EPERM: the kernel does not tell the address; -ENOMEM (no huge page is left), -EMFILE, -ENFILE. */
int page_init(struct page *out, struct reason *why);
void page_deinit(struct page *p);
/*
 * The page that an earlier process has left: its file and its pin (-1: it comes anew) are the page's on success. 0; -ESTALE:
 * another page is there, or none; then the pin, if there is one, still holds what is at pa. -EINVAL, -ENOMEM.
 */
int page_adopt(struct page *out, uint64_t pa, int fd, int pin_fd, struct reason *why);
/* Another file at the same address, and nothing of the old one's bytes. 0; -ESTALE: it could not be had; then the page is
 * what it was. The kernel gives the page that came back last, unless somebody is faster. */
int page_renew(struct page *p);
