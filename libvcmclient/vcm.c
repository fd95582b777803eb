// SPDX-License-Identifier: BSD-3-Clause
/* The functions of the API that are about vcms. */
#include <vcm/vcm.h>

#include "base/range.h"
#include "libvcmclient/call.h"
#include "libvcmclient/error.h"

/* What OP_VCM_INFO answers. */
enum { VCM_INFO_START, VCM_INFO_LEN, VCM_INFO_TYPE, VCM_INFO_N_RES };

struct vcm *vcm_create(size_t start_addr, size_t len)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_VCM_CREATE);

	c.op.addr = start_addr;
	c.op.len = len;
	call_creates(&c, HANDLE_VCM, false);
	call_do(&c);
	return call_made(&c);
}

struct vcm *vcm_create_from_prebuilt(size_t ext_vcm_id)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_VCM_PREBUILT);

	c.op.arg = ext_vcm_id;
	call_creates(&c, HANDLE_VCM, ext_vcm_id == VCM_PREBUILT_USER);
	call_do(&c);
	return call_made(&c);
}

struct vcm *vcm_from_prebuilt(size_t ext_vcm_id)
{
	return vcm_create_from_prebuilt(ext_vcm_id);
}

struct vcm *vcm_clone(struct vcm *vcm_id)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_VCM_CLONE);

	call_on(&c, HANDLE_VCM, vcm_id);
	call_creates(&c, HANDLE_VCM, false);
	call_do(&c);
	return call_made(&c);
}

int vcm_free(struct vcm *vcm_id)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_VCM_FREE);

	call_on(&c, HANDLE_VCM, vcm_id);
	call_frees(&c);
	return call_do(&c);
}

static uint64_t vcm_info(struct vcm *vcm_id, size_t i, uint64_t error_value)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_VCM_INFO);

	call_on(&c, HANDLE_VCM, vcm_id);
	call_ask(&c);
	return call_value(&c, i, error_value);
}

size_t vcm_get_start_addr(struct vcm *vcm_id)
{
	return (size_t)vcm_info(vcm_id, VCM_INFO_START, 1);
}

size_t vcm_get_len(struct vcm *vcm_id)
{
	return (size_t)vcm_info(vcm_id, VCM_INFO_LEN, 0);
}

size_t vcm_get_num_res(struct vcm *vcm_id)
{
	return (size_t)vcm_info(vcm_id, VCM_INFO_N_RES, 0);
}

size_t vcm_get_pgtbl_pa(struct vcm *vcm_id)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_VCM_PGTBL);

	call_on(&c, HANDLE_VCM, vcm_id);
	call_ask(&c);
	return (size_t)call_value(&c, 0, 0);
}

size_t vcm_translate(size_t src_dev_id, struct vcm *src_vcm_id, struct vcm *dst_vcm_id)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_TRANSLATE);

	call_on(&c, HANDLE_VCM, src_vcm_id);
	call_target(&c, HANDLE_VCM, dst_vcm_id);
	c.op.addr = src_dev_id;
	call_ask(&c);
	return (size_t)call_value(&c, 0, 1);
}

size_t vcm_get_min_page_size(void)
{
	error_end(0);
	return PAGE_LEN;
}

size_t vcm_min(void)
{
	return vcm_get_min_page_size();
}
