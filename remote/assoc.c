// SPDX-License-Identifier: BSD-3-Clause
/* The functions of the API that are about associations of vcms with devices. */
#include <vcm/vcm.h>

#include "remote/api.h"

/* What OP_ASSOC_INFO answers. */
enum { INFO_VCM, INFO_DEVICE, INFO_ATTR, INFO_IS_ACTIVE };

struct avcm *vcm_assoc(struct vcm *vcm_id, size_t dev_id, uint32_t attr)
{
	struct vcm_op op = { .code = OP_ASSOC,
			     .on = vcm_handle_of(vcm_id),
			     .target = dev_id > UINT32_MAX ? 0 : (uint32_t)dev_id,
			     .attr = attr };

	return vcm_make(&op);
}

int vcm_deassoc(struct avcm *avcm_id)
{
	return vcm_undo(&(struct vcm_op){ .code = OP_DEASSOC, .on = vcm_handle_of(avcm_id) });
}

static int change(uint32_t code, struct avcm *avcm_id, uint32_t attr)
{
	return vcm_do(&(struct vcm_op){ .code = code, .on = vcm_handle_of(avcm_id), .attr = attr });
}

int vcm_set_assoc_attr(struct avcm *avcm_id, uint32_t attr)
{
	return change(OP_ASSOC_SET_ATTR, avcm_id, attr);
}

int vcm_activate(struct avcm *avcm_id)
{
	return change(OP_ACTIVATE, avcm_id, 0);
}

int vcm_activate_ex(struct avcm *avcm_id, uint32_t flags)
{
	return change(OP_ACTIVATE, avcm_id, flags);
}

int vcm_deactivate(struct avcm *avcm_id)
{
	return change(OP_DEACTIVATE, avcm_id, 0);
}

static uint64_t info(struct avcm *avcm_id, uint32_t i)
{
	return vcm_ask_value(
		&(struct vcm_op){ .code = OP_ASSOC_INFO, .on = vcm_handle_of(avcm_id) }, i, 0);
}

uint32_t vcm_get_assoc_attr(struct avcm *avcm_id)
{
	return (uint32_t)info(avcm_id, INFO_ATTR);
}

int vcm_is_active(struct avcm *avcm_id)
{
	bool is_active = info(avcm_id, INFO_IS_ACTIVE);

	return vcm_errno() ? -vcm_errno() : is_active;
}
