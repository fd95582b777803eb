/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The operations of the model test: each picks something to do, does it to the graph, compares the answer with the model's,
 * and follows in the model. It returns what the graph did, or NOTHING.
 */
#pragma once

#include "tests/graph/model.h"

#define NOTHING 1000 /* there was nothing to do it to */

/* A call of the graph, now and then with an allocation that fails. */
#define CALL(m, call) (arm(m), disarm((m), (call)))
void arm(struct model *m);
int disarm(struct model *m, int r);
/* The call has returned r; the model says expect. Returns r. */
int judge(const struct model *m, int r, int expect);

/* Any that lives, and one that is free: an index, or -1. */
#define PICK(m, array, n)                                                                          \
	__extension__({                                                                            \
		int _i = (int)rnd_below((m), (n)), _k = 0;                                         \
		while (_k < (n) && !(m)->array[_i].live)                                           \
			_i = (_i + 1) % (n), _k++;                                                 \
		_k < (n) ? _i : -1;                                                                \
	})
#define FREE_SLOT(m, array, n)                                                                     \
	__extension__({                                                                            \
		int _i = 0;                                                                        \
		while (_i < (n) && (m)->array[_i].live)                                            \
			_i++;                                                                      \
		_i < (n) ? _i : -1;                                                                \
	})

#define ONE_OF(m, of) one_of((m), (of), sizeof(of) / sizeof(*(of)))
uint64_t one_of(struct model *m, const uint64_t *of, size_t n);
/* A handle for a new object, now and then a bad one. */
uint32_t pick_handle(struct model *m, int s, bool *out_good);
/* Whether it was imported to be read, and attr is of a reservation that is written. */
bool is_too_much(const struct m_phys *p, uint32_t attr);
/* The reservations of a vcm, by address and handle. Returns how many. */
size_t sorted_res(const struct model *m, int v, int *out);

int op_vcm_create(struct model *m);
int op_vcm_prebuilt(struct model *m);
int op_vcm_free(struct model *m);
int op_vcm_clone(struct model *m);
int op_reserve(struct model *m);
int op_reserve_at(struct model *m);
int op_reserve_bound(struct model *m);
int op_unreserve(struct model *m);
int op_set_res_attr(struct model *m);
int op_bound_create(struct model *m);
int op_bound_free(struct model *m);
int op_assoc(struct model *m);
int op_deassoc(struct model *m);
int op_set_assoc_attr(struct model *m);
int op_activate(struct model *m);
int op_deactivate(struct model *m);
int op_alloc(struct model *m);
int op_phys_free(struct model *m);
int op_alias(struct model *m);
int op_export(struct model *m);
int op_revoke(struct model *m);
int op_import(struct model *m);
int op_back(struct model *m);
int op_unback(struct model *m);
int op_evict(struct model *m);
int op_ask(struct model *m);
