// SPDX-License-Identifier: BSD-3-Clause
/* The functions of the API that are about vcms, their beginning and end. */
#include <vcm/vcm.h>

#include "remote/api.h"
#include "remote/error.h"

#define PAGE_LEN 4096u

/* What OP_VCM_INFO answers. */
enum { INFO_START, INFO_LEN, INFO_TYPE, INFO_N_RES };

int vcm_sys_init(void)
{
	struct vcm_node *n = vcm_node_used();

	return vcm_end(n ? vcm_node_attach(n) : -VCM_ENOTCONN);
}

int vcm_sys_destroy(void)
{
	struct vcm_node *n = vcm_node_used();

	return vcm_end(n ? vcm_node_detach(n) : -VCM_ENOTCONN);
}

struct vcm *vcm_create(size_t start_addr, size_t len)
{
	struct vcm_op op = { .code = OP_VCM_CREATE, .addr = start_addr, .len = len };

	return vcm_make(&op);
}

struct vcm *vcm_create_from_prebuilt(size_t ext_vcm_id)
{
	struct vcm_op op = { .code = OP_VCM_PREBUILT, .arg = ext_vcm_id };

	if (ext_vcm_id != VCM_PREBUILT_USER)
		return vcm_make(&op);
	vcm_end(-VCM_EINVAL);
	return NULL;
}

struct vcm *vcm_from_prebuilt(size_t ext_vcm_id)
{
	return vcm_create_from_prebuilt(ext_vcm_id);
}

struct vcm *vcm_clone(struct vcm *vcm_id)
{
	struct vcm_op op = { .code = OP_VCM_CLONE, .on = vcm_handle_of(vcm_id) };

	return vcm_make(&op);
}

int vcm_free(struct vcm *vcm_id)
{
	return vcm_undo(&(struct vcm_op){ .code = OP_VCM_FREE, .on = vcm_handle_of(vcm_id) });
}

static struct vcm_op info(struct vcm *vcm_id)
{
	return (struct vcm_op){ .code = OP_VCM_INFO, .on = vcm_handle_of(vcm_id) };
}

size_t vcm_get_start_addr(struct vcm *vcm_id)
{
	struct vcm_op op = info(vcm_id);

	return vcm_ask_size(&op, INFO_START, 1);
}

size_t vcm_get_len(struct vcm *vcm_id)
{
	struct vcm_op op = info(vcm_id);

	return vcm_ask_size(&op, INFO_LEN, 0);
}

size_t vcm_get_num_res(struct vcm *vcm_id)
{
	struct vcm_op op = info(vcm_id);

	return vcm_ask_size(&op, INFO_N_RES, 0);
}

size_t vcm_get_pgtbl_pa(struct vcm *vcm_id)
{
	struct vcm_op op = { .code = OP_VCM_PGTBL, .on = vcm_handle_of(vcm_id) };

	return vcm_ask_size(&op, 0, 0);
}

size_t vcm_translate(size_t src_dev_id, struct vcm *src_vcm_id, struct vcm *dst_vcm_id)
{
	struct vcm_op op = { .code = OP_TRANSLATE,
			     .on = vcm_handle_of(src_vcm_id),
			     .target = vcm_handle_of(dst_vcm_id),
			     .addr = src_dev_id };

	return vcm_ask_size(&op, 0, 1);
}

size_t vcm_get_min_page_size(void)
{
	vcm_end(0);
	return PAGE_LEN;
}

size_t vcm_min(void)
{
	return vcm_get_min_page_size();
}
