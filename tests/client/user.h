/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the suites about the process's own address space share: both ends of making a reservation, memory to map, and what the
 * kernel says about an address.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/client/peer.h"

struct res;

/* An address of the wire in this process. */
void *user_at(uint64_t addr);
/* Memory whose every page says where it is: "a0", "a1"... */
int user_arena_fd(char letter, size_t n_pages);
/* Answers with pieces and fds. */
void user_answer_pieces(struct peer *p, const struct piece *pieces, size_t n, const int *fds,
			size_t n_fds);

/* The library's end: a prebuilt vcm, handle 1, and a reservation in it, handle 2. */
struct res *user_reserve(size_t len, uint32_t attr);
/* The broker's end of it: the address that the library has chosen. And of the physmem, handle 3. */
uint64_t user_serve_reserve(struct peer *p);
void user_serve_physmem(struct peer *p);

bool user_is_mapped(const void *p);
bool user_is_readable(const void *p);
bool user_is_writable(const void *p);
