/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bytes behind a reservation of a prebuilt user vcm, as runs of arenas' fds that the client maps.
 */
#pragma once

struct broker;

/* Fills the answer under way with the pieces that its operations want, as many as fit: the client asks for the rest. */
void pieces_fill(struct broker *b);
