/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files behind memory/memory.h share.
 */
#pragma once

#include "memory/arena.h"
#include "memory/memory.h"
#include "memory/stock.h"
#include "memory/tables.h"
#include "memory/window.h"

struct memory {
	struct arenas arenas;
	struct stock stock;
	struct windows windows;
	struct tables tables; /* the own; those of hardware are chained to it */
	uint64_t n_fallbacks;
	bool guarded, huge_short; /* huge_short: already warned */
};

/* Gives up what helps somebody who is refused memory or fds: false when there is nothing. */
bool room_relieve(struct memory *m, enum memory_source source, int err);
/* 0; -ENOMEM, -EINVAL: others will do, which has been said; -EMFILE, -ENFILE. */
int room_take_huge(struct memory *m, struct arena *a);
/* A piece of the window that has all of the arena, not zeroed yet. 0, -EFAULT. */
int room_place_in_window(struct memory *m, struct arena *a, enum memory_source source);
/* 0; -EEXIST: an arena, or table memory, is there, or has the id. */
int room_refuse_in_use(struct memory *m, uint32_t id, struct range pa, struct reason *why);
/* What has failed an arena, in words. Returns err. */
int room_refuse_short(struct reason *why, const struct arena *a, int err);
/* Takes the arena, whose address and id are free. */
void room_link(struct memory *m, struct arena *a);

/* Somebody is given that part of the window: who was zeroing it has to begin again. */
void unplaced_spoil(struct window *w, struct range pa);
