// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/ops.h"

static const struct op_row rows[] = {
	[OP_VCM_CREATE] = { RIGHT_NONE, false, op_vcm_create },
	[OP_VCM_PREBUILT] = { RIGHT_PREBUILT, false, op_vcm_prebuilt },
	[OP_VCM_CLONE] = { RIGHT_NONE, false, op_vcm_clone },
	[OP_VCM_FREE] = { RIGHT_NONE, false, op_vcm_free },
	[OP_VCM_INFO] = { RIGHT_NONE, false, op_vcm_info },
	[OP_VCM_PGTBL] = { RIGHT_NONE, false, op_vcm_pgtbl },
	[OP_RESERVE] = { RIGHT_NONE, false, op_reserve },
	[OP_RESERVE_AT] = { RIGHT_NONE, false, op_reserve_at },
	[OP_RESERVE_BOUND] = { RIGHT_NONE, false, op_reserve_bound },
	[OP_UNRESERVE] = { RIGHT_NONE, false, op_unreserve },
	[OP_RES_INFO] = { RIGHT_NONE, false, op_res_info },
	[OP_RES_SET_ATTR] = { RIGHT_NONE, false, op_res_set_attr },
	[OP_RES_NEXT] = { RIGHT_NONE, false, op_res_next },
	[OP_RES_COPY] = { RIGHT_NONE, true, op_res_copy },
	[OP_RES_GET] = { RIGHT_NONE, false, op_res_get },
	[OP_RES_FIND] = { RIGHT_NONE, false, op_res_find },
	[OP_BACK] = { RIGHT_NONE, false, op_back },
	[OP_UNBACK] = { RIGHT_NONE, false, op_unback },
	[OP_PIECES] = { RIGHT_NONE, true, op_pieces },
	[OP_TRANSLATE] = { RIGHT_NONE, false, op_translate },
	[OP_PHYS_ALLOC] = { RIGHT_MEMTYPE, false, op_phys_alloc },
	[OP_PHYS_FREE] = { RIGHT_NONE, false, op_phys_free },
	[OP_PHYS_INFO] = { RIGHT_NONE, false, op_phys_info },
	[OP_PHYS_NEXT] = { RIGHT_NONE, false, op_phys_next },
	[OP_PHYS_MAP] = { RIGHT_WINDOW, false, op_phys_map },
	[OP_PHYS_NUM_RES] = { RIGHT_NONE, false, op_phys_num_res },
	[OP_PHYS_NEXT_RES] = { RIGHT_NONE, false, op_phys_next_res },
	[OP_MEMTYPE_CONT] = { RIGHT_NONE, false, op_memtype_cont },
	[OP_EXPORT] = { RIGHT_NONE, false, op_export },
	[OP_IMPORT] = { RIGHT_NONE, false, op_import },
	[OP_ASSOC] = { RIGHT_DEVICE, false, op_assoc },
	[OP_DEASSOC] = { RIGHT_NONE, false, op_deassoc },
	[OP_ASSOC_SET_ATTR] = { RIGHT_NONE, false, op_assoc_set_attr },
	[OP_ASSOC_INFO] = { RIGHT_NONE, false, op_assoc_info },
	[OP_ACTIVATE] = { RIGHT_NONE, false, op_activate },
	[OP_DEACTIVATE] = { RIGHT_NONE, false, op_deactivate },
	[OP_BOUND_CREATE] = { RIGHT_NONE, false, op_bound_create },
	[OP_BOUND_FREE] = { RIGHT_NONE, false, op_bound_free },
	[OP_BOUND_INFO] = { RIGHT_NONE, false, op_bound_info },
	[OP_BOUND_NEXT] = { RIGHT_NONE, false, op_bound_next },
	[OP_DEV_GET] = { RIGHT_NONE, false, op_dev_get },
	[OP_DEV_INFO] = { RIGHT_NONE, false, op_dev_info },
	[OP_DEV_TO_PHYS] = { RIGHT_DEVICE, false, op_dev_to_phys },
	[OP_HOOK] = { RIGHT_DEVICE, true, op_hook },
	[OP_FAULT_REPLY] = { RIGHT_NONE, true, op_fault_reply },
	[OP_SIM_READ] = { RIGHT_DEVICE, true, op_sim_read },
	[OP_SIM_WRITE] = { RIGHT_DEVICE, true, op_sim_write },
	[OP_SIM_FAIL] = { RIGHT_SIMULATE, true, op_sim_fail },
	[OP_SIM_STATS] = { RIGHT_DEVICE, true, op_sim_stats },
	[OP_INSPECT] = { RIGHT_TABLE, true, op_inspect },
	[OP_BYE] = { RIGHT_NONE, true, op_bye },
	[OP_PING] = { RIGHT_NONE, false, op_ping },
};

const struct op_row *op_row(uint32_t code)
{
	if (code >= sizeof(rows) / sizeof(*rows) || !rows[code].plan)
		return NULL;
	return &rows[code];
}
