// SPDX-License-Identifier: BSD-3-Clause
/* The functions of the API that are about reservations. */
#include <vcm/vcm.h>

#include "remote/api.h"
#include "remote/error.h"

/* What OP_RES_INFO answers. */
enum { INFO_VCM, INFO_ADDR, INFO_LEN, INFO_ATTR, INFO_PHYSMEM };

static struct res *reserve(struct vcm_op op, size_t len, uint32_t attr)
{
	op.len = len;
	op.attr = attr;
	return vcm_make(&op);
}

struct res *vcm_reserve(struct vcm *vcm_id, size_t len, uint32_t attr)
{
	return reserve((struct vcm_op){ .code = OP_RESERVE, .on = vcm_handle_of(vcm_id) }, len,
		       attr);
}

struct res *vcm_reserve_at(enum memtarget_t memtarget, struct vcm *vcm_id, size_t len,
			   uint32_t attr)
{
	return reserve((struct vcm_op){ .code = OP_RESERVE_AT,
					.on = vcm_handle_of(vcm_id),
					.arg = (unsigned int)memtarget },
		       len, attr);
}

struct res *vcm_reserve_from_bound(struct bound *bound_id, size_t len, uint32_t attr)
{
	return reserve((struct vcm_op){ .code = OP_RESERVE_BOUND, .on = vcm_handle_of(bound_id) },
		       len, attr);
}

struct res *vcm_reserve_bound(struct bound *bound_id, size_t len, uint32_t attr)
{
	return vcm_reserve_from_bound(bound_id, len, attr);
}

int vcm_unreserve(struct res *res_id)
{
	return vcm_undo(&(struct vcm_op){ .code = OP_UNRESERVE, .on = vcm_handle_of(res_id) });
}

int vcm_set_res_attr(struct res *res_id, uint32_t attr)
{
	return vcm_do(&(struct vcm_op){
		.code = OP_RES_SET_ATTR, .on = vcm_handle_of(res_id), .attr = attr });
}

int vcm_back(struct res *res_id, struct physmem *physmem_id)
{
	return vcm_do(&(struct vcm_op){ .code = OP_BACK,
					.on = vcm_handle_of(res_id),
					.target = vcm_handle_of(physmem_id) });
}

int vcm_unback(struct res *res_id)
{
	return vcm_do(&(struct vcm_op){ .code = OP_UNBACK, .on = vcm_handle_of(res_id) });
}

static struct vcm_op info(struct res *res_id)
{
	return (struct vcm_op){ .code = OP_RES_INFO, .on = vcm_handle_of(res_id) };
}

struct vcm *vcm_get_vcm_from_res(struct res *res_id)
{
	struct vcm_op op = info(res_id);

	return vcm_ask_object(&op, INFO_VCM);
}

size_t vcm_get_res_len(struct res *res_id)
{
	struct vcm_op op = info(res_id);

	return vcm_ask_size(&op, INFO_LEN, 0);
}

uint32_t vcm_get_res_attr(struct res *res_id)
{
	struct vcm_op op = info(res_id);

	return (uint32_t)vcm_ask_value(&op, INFO_ATTR, 0);
}

size_t vcm_get_dev_addr(struct res *res_id)
{
	struct vcm_op op = info(res_id);
	size_t addr = vcm_ask_size(&op, INFO_ADDR, 1);

	/* Of a one-to-one reservation it is known once it is backed. */
	if (addr == 1 && vcm_errno() == 0)
		vcm_end(-VCM_ENODATA);
	return addr;
}

struct physmem *vcm_get_physmem_from_res(struct res *res_id)
{
	struct vcm_op op = info(res_id);
	struct physmem *physmem = vcm_ask_object(&op, INFO_PHYSMEM);

	if (!physmem && vcm_errno() == 0)
		vcm_end(-VCM_ENOMEM);
	return physmem;
}

struct res *vcm_get_next_res(struct vcm *vcm_id, struct res *res_id)
{
	struct vcm_op op = { .code = OP_RES_NEXT,
			     .on = vcm_handle_of(vcm_id),
			     .target = vcm_handle_of(res_id) };

	return vcm_ask_object(&op, 0);
}

static struct res *by_addr(uint32_t code, size_t dev_addr, struct vcm *vcm_id)
{
	struct vcm_op op = { .code = code, .on = vcm_handle_of(vcm_id), .addr = dev_addr };

	return vcm_ask_object(&op, 0);
}

struct res *vcm_get_res(size_t dev_addr, struct vcm *vcm_id)
{
	return by_addr(OP_RES_GET, dev_addr, vcm_id);
}

struct res *vcm_find_res(size_t dev_addr, struct vcm *vcm_id)
{
	return by_addr(OP_RES_FIND, dev_addr, vcm_id);
}

size_t vcm_res_copy(struct res *to, size_t to_off, struct res *from, size_t from_off, size_t len)
{
	struct vcm_op op = { .code = OP_RES_COPY,
			     .on = vcm_handle_of(to),
			     .addr = to_off,
			     .target = vcm_handle_of(from),
			     .arg = from_off,
			     .len = len };

	return vcm_ask_size(&op, 0, 0);
}
