/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a session can name: every object starts with this.
 *
 *	object_admit()	room for its handle, and the quota	object_leave()
 *	object_name()	its handle finds it			object_unname()
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/reason.h"

struct session;

enum object_kind {
	OBJECT_VCM,
	OBJECT_RES,
	OBJECT_BOUND,
	OBJECT_AVCM,
	OBJECT_PHYSMEM,
	N_OBJECT_KINDS,
};

struct object {
	struct session *session;
	uint32_t handle;
	uint32_t kind : 4;    /* enum object_kind */
	uint32_t roomed : 1;  /* it lives beside its handle (graph/handle.h) */
	uint32_t weight : 27; /* what the user's quota counts it for */
};

/* "vcm", "reservation", "bound", "association", "physmem". */
const char *object_kind_name(enum object_kind kind);

/*
 * handle HANDLE_BROKER: the broker picks one. Afterwards object_name() cannot fail.
 * 0; -EINVAL (no handle, in use, beyond the gap); -EDQUOT; -ENOMEM.
 */
int object_admit(struct object *o, struct session *s, uint32_t handle, enum object_kind kind,
		 uint64_t weight, struct reason *why);
void object_leave(struct object *o);
/*
 * For an object that object_admit() has filled in elsewhere, len bytes, zeroed, but for *o itself: beside its handle where
 * that is long enough and free, else of their own. NULL without memory.
 */
void *object_settle(const struct object *o, size_t len);
/* Frees them. */
void object_unsettle(struct object *o);
void object_name(struct object *o);
void object_unname(struct object *o);
