/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bytes behind a reservation of a prebuilt user vcm, as runs of arenas' fds that the client maps.
 */
#pragma once

#include "base/reason.h"

struct broker;
struct client;
struct physmem;

/* Whether the client may have an fd that shows the memory: it must show nobody else's. 0, or -EACCES with the reason. */
int pieces_check(const struct client *c, const struct physmem *m, struct reason *why);
/* Fills the answer under way with the pieces that its operations want, as many as fit: the client asks for the rest. */
void pieces_fill(struct broker *b);
