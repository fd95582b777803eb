/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The operations' table: what each needs and who plans it. Handlers check the rules of the graph; rights are the
 * pipeline's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "vcmd/call.h"
#include "vcmd/rights.h"

struct op_row {
	enum right right;
	bool alone; /* the only operation of its request: it may wait, or its answer is long */
	/* 0; CALL_PARKED; GRAPH_E_PRESSURE; a negative errno with call->why. */
	int (*plan)(struct call *c, const struct op *op);
};

/* NULL for a code that is no operation. */
const struct op_row *op_row(uint32_t code);

/* ops-vcm.c */
int op_vcm_create(struct call *c, const struct op *op);
int op_vcm_prebuilt(struct call *c, const struct op *op);
int op_vcm_clone(struct call *c, const struct op *op);
int op_vcm_free(struct call *c, const struct op *op);
int op_vcm_info(struct call *c, const struct op *op);
int op_vcm_pgtbl(struct call *c, const struct op *op);
int op_bound_create(struct call *c, const struct op *op);
int op_bound_free(struct call *c, const struct op *op);
int op_bound_info(struct call *c, const struct op *op);
int op_bound_next(struct call *c, const struct op *op);
/* ops-res.c */
int op_reserve(struct call *c, const struct op *op);
int op_reserve_at(struct call *c, const struct op *op);
int op_reserve_bound(struct call *c, const struct op *op);
int op_unreserve(struct call *c, const struct op *op);
int op_res_info(struct call *c, const struct op *op);
int op_res_set_attr(struct call *c, const struct op *op);
int op_res_next(struct call *c, const struct op *op);
int op_res_copy(struct call *c, const struct op *op);
int op_res_get(struct call *c, const struct op *op);
int op_res_find(struct call *c, const struct op *op);
int op_back(struct call *c, const struct op *op);
int op_unback(struct call *c, const struct op *op);
int op_pieces(struct call *c, const struct op *op);
int op_translate(struct call *c, const struct op *op);
/* ops-physmem.c */
int op_phys_alloc(struct call *c, const struct op *op);
int op_phys_free(struct call *c, const struct op *op);
int op_phys_info(struct call *c, const struct op *op);
int op_phys_next(struct call *c, const struct op *op);
int op_phys_map(struct call *c, const struct op *op);
int op_phys_num_res(struct call *c, const struct op *op);
int op_phys_next_res(struct call *c, const struct op *op);
int op_memtype_cont(struct call *c, const struct op *op);
/* ops-share.c */
int op_export(struct call *c, const struct op *op);
int op_import(struct call *c, const struct op *op);
/* ops-avcm.c */
int op_assoc(struct call *c, const struct op *op);
int op_deassoc(struct call *c, const struct op *op);
int op_assoc_set_attr(struct call *c, const struct op *op);
int op_assoc_info(struct call *c, const struct op *op);
int op_activate(struct call *c, const struct op *op);
int op_deactivate(struct call *c, const struct op *op);
/* ops-device.c */
int op_dev_get(struct call *c, const struct op *op);
int op_dev_info(struct call *c, const struct op *op);
int op_dev_to_phys(struct call *c, const struct op *op);
int op_hook(struct call *c, const struct op *op);
int op_fault_reply(struct call *c, const struct op *op);
int op_dev_open(struct call *c, const struct op *op);
/* ops-sim.c */
int op_sim_read(struct call *c, const struct op *op);
int op_sim_write(struct call *c, const struct op *op);
int op_sim_fail(struct call *c, const struct op *op);
int op_sim_stats(struct call *c, const struct op *op);
/* ops-journal.c */
int op_journal(struct call *c, const struct op *op);
/* ops-manage.c */
int op_session_kill(struct call *c, const struct op *op);
int op_monitor(struct call *c, const struct op *op);
int op_reload(struct call *c, const struct op *op);
int op_withdraw(struct call *c, const struct op *op);
/* inspect.c, client.c */
int op_inspect(struct call *c, const struct op *op);
int op_bye(struct call *c, const struct op *op);
int op_ping(struct call *c, const struct op *op);
