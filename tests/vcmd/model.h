/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A naive model of what a broker has: arrays, and loops over them. It knows the rules of the specification and nothing of
 * how the broker keeps them. Where the broker may choose (addresses, memory), it checks the choice instead.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/message.h"

#define MODEL_SESSIONS 4
#define MODEL_HANDLES 96 /* of the client's half */
#define MODEL_CLONED 64  /* of the broker's */
#define MODEL_THINGS (MODEL_HANDLES + MODEL_CLONED)
#define MODEL_MAX_LEN (256 * 1024)
#define MODEL_SEGMENTS 64

/* The devices of the built-in configuration. */
enum { DEV_CPU = 1, DEV_A, DEV_B, DEV_C, DEV_D, DEV_E, DEV_DMA };

enum kind { NOTHING, A_VCM, A_RES, A_BOUND, AN_AVCM, A_MEM };

struct thing {
	enum kind kind;
	uint32_t vcm; /* of a res, bound, avcm */
	/* vcm: its addresses; res, bound: theirs; mem: len */
	uint64_t addr, len;
	int type; /* of a vcm */
	uint32_t attr;
	uint32_t mem, bound; /* of a res; 0: none */
	uint32_t device;     /* of an avcm */
	bool active;
	uint32_t memtype, root; /* of a mem: root is its own handle, or of what it is an alias of */
	uint64_t offset;        /* of an alias in its root */
	int shadow;             /* of a mem: whose bytes */
	size_t n_segments;      /* 0: not known yet */
	uint64_t pa[MODEL_SEGMENTS], seg_len[MODEL_SEGMENTS];
};

struct model_session {
	uint32_t uid;
	bool simulates; /* has that right */
	struct thing things[MODEL_THINGS];
};

struct model {
	struct model_session sessions[MODEL_SESSIONS];
};

extern struct model model, model_saved;

uint32_t model_handle(size_t index);
struct thing *model_get(struct model_session *s, uint32_t handle, enum kind kind);

/* What the operation will answer. 0: it has happened in the model, but for what only the broker knows. */
int model_apply(struct model_session *s, const struct op *op);
/* What the broker chose for it; asserts that it may. */
void model_fill(struct model_session *s, const struct op *op, const uint64_t *values);
/* The bytes at an offset of a physmem. */
uint8_t *model_bytes(struct model_session *s, const struct thing *mem, uint64_t offset);
uint64_t model_pa(const struct thing *mem, uint64_t offset);
struct thing *model_res_at(struct model_session *s, uint32_t vcm, uint64_t addr);
/* Where a transaction of one byte goes: NULL with the status. */
uint8_t *model_transact(struct model_session *s, uint32_t device, uint64_t addr, bool write,
			int *out_status);
/* Everything of a session goes. */
void model_drop(struct model_session *s);
