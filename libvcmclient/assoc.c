// SPDX-License-Identifier: BSD-3-Clause
/* The functions of the API that are about associations of vcms with devices. */
#include <vcm/vcm.h>

#include "libvcmclient/call.h"

/* What OP_ASSOC_INFO answers. */
enum { ASSOC_INFO_VCM, ASSOC_INFO_DEVICE, ASSOC_INFO_ATTR, ASSOC_INFO_IS_ACTIVE };

struct avcm *vcm_assoc(struct vcm *vcm_id, size_t dev_id, uint32_t attr)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_ASSOC);

	call_on(&c, HANDLE_VCM, vcm_id);
	call_device(&c, dev_id);
	c.op.attr = attr;
	call_creates(&c, HANDLE_AVCM, false);
	call_do(&c);
	return call_made(&c);
}

int vcm_deassoc(struct avcm *avcm_id)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_DEASSOC);

	call_on(&c, HANDLE_AVCM, avcm_id);
	call_frees(&c);
	return call_do(&c);
}

static int change(uint32_t code, struct avcm *avcm_id, uint32_t attr)
{
	_cleanup_(call_deinit) struct call c = call_begin(code);

	call_on(&c, HANDLE_AVCM, avcm_id);
	c.op.attr = attr;
	return call_do(&c);
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

static uint64_t assoc_info(struct avcm *avcm_id, size_t i, int *out_err)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_ASSOC_INFO);

	call_on(&c, HANDLE_AVCM, avcm_id);
	*out_err = call_ask(&c);
	return call_value(&c, i, 0);
}

uint32_t vcm_get_assoc_attr(struct avcm *avcm_id)
{
	int r;

	return (uint32_t)assoc_info(avcm_id, ASSOC_INFO_ATTR, &r);
}

int vcm_is_active(struct avcm *avcm_id)
{
	int r;
	bool is_active = assoc_info(avcm_id, ASSOC_INFO_IS_ACTIVE, &r);

	return r < 0 ? r : is_active;
}
