// SPDX-License-Identifier: BSD-3-Clause
/* The functions of the API that are about reservations. */
#include <vcm/vcm.h>

#include <errno.h>

#include "base/range.h"
#include "libvcmclient/call.h"
#include "libvcmclient/error.h"
#include "libvcmclient/mapping.h"

/* What OP_RES_INFO answers. */
enum { RES_INFO_VCM, RES_INFO_ADDR, RES_INFO_LEN, RES_INFO_ATTR, RES_INFO_PHYSMEM };

static struct res *reserve(struct call *c, size_t len, uint32_t attr)
{
	c->op.len = len;
	c->op.attr = attr;
	if (c->on.is_user)
		call_takes_space(c, len, attr);
	else if (c->on.mapping)
		call_takes_part(c, len, attr);
	call_creates(c, HANDLE_RES, false);
	call_do(c);
	return call_made(c);
}

struct res *vcm_reserve(struct vcm *vcm_id, size_t len, uint32_t attr)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_RESERVE);

	call_on(&c, HANDLE_VCM, vcm_id);
	return reserve(&c, len, attr);
}

struct res *vcm_reserve_at(enum memtarget_t memtarget, struct vcm *vcm_id, size_t len,
			   uint32_t attr)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_RESERVE_AT);

	call_on(&c, HANDLE_VCM, vcm_id);
	c.op.arg = (unsigned int)memtarget;
	return reserve(&c, len, attr);
}

struct res *vcm_reserve_from_bound(struct bound *bound_id, size_t len, uint32_t attr)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_RESERVE_BOUND);

	call_on(&c, HANDLE_BOUND, bound_id);
	return reserve(&c, len, attr);
}

struct res *vcm_reserve_bound(struct bound *bound_id, size_t len, uint32_t attr)
{
	return vcm_reserve_from_bound(bound_id, len, attr);
}

int vcm_unreserve(struct res *res_id)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_UNRESERVE);

	call_on(&c, HANDLE_RES, res_id);
	call_affects(&c, EFFECT_CLOSE);
	call_frees(&c);
	return call_do(&c);
}

int vcm_set_res_attr(struct res *res_id, uint32_t attr)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_RES_SET_ATTR);

	call_on(&c, HANDLE_RES, res_id);
	call_affects(&c, EFFECT_PROTECT);
	c.op.attr = attr;
	return call_do(&c);
}

int vcm_back(struct res *res_id, struct physmem *physmem_id)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_BACK);

	call_on(&c, HANDLE_RES, res_id);
	call_target(&c, HANDLE_PHYSMEM, physmem_id);
	call_affects(&c, EFFECT_SHOW);
	return call_do(&c);
}

int vcm_unback(struct res *res_id)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_UNBACK);

	call_on(&c, HANDLE_RES, res_id);
	call_affects(&c, EFFECT_HIDE);
	return call_do(&c);
}

static struct call res_info(struct res *res_id)
{
	struct call c = call_begin(OP_RES_INFO);

	call_on(&c, HANDLE_RES, res_id);
	call_ask(&c);
	return c;
}

struct vcm *vcm_get_vcm_from_res(struct res *res_id)
{
	_cleanup_(call_deinit) struct call c = res_info(res_id);

	return call_object(&c, HANDLE_VCM, RES_INFO_VCM);
}

size_t vcm_get_res_len(struct res *res_id)
{
	_cleanup_(call_deinit) struct call c = res_info(res_id);

	return (size_t)call_value(&c, RES_INFO_LEN, 0);
}

uint32_t vcm_get_res_attr(struct res *res_id)
{
	_cleanup_(call_deinit) struct call c = res_info(res_id);

	return (uint32_t)call_value(&c, RES_INFO_ATTR, 0);
}

/* In the process's own address space it is known here, and nobody needs to be asked. */
static size_t own_addr(const struct call *c)
{
	return c->err == 0 && c->on.mapping && !c->on.is_pending ?
		       (size_t)mapping_addr(c->on.mapping) :
		       0;
}

size_t vcm_get_dev_addr(struct res *res_id)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_RES_INFO);
	size_t addr;

	call_on(&c, HANDLE_RES, res_id);
	addr = own_addr(&c);
	if (addr) {
		error_end(0);
		return addr;
	}
	call_ask(&c);
	if (c.err == 0 && c.packet->reply.values[RES_INFO_ADDR] == 1)
		call_fail(
			&c,
			refuse(error_reason(), -ENODATA,
			       "the address of a one-to-one reservation is known once it is backed"));
	return (size_t)call_value(&c, RES_INFO_ADDR, 1);
}

struct physmem *vcm_get_physmem_from_res(struct res *res_id)
{
	_cleanup_(call_deinit) struct call c = res_info(res_id);

	if (c.err == 0 && c.packet->reply.values[RES_INFO_PHYSMEM] == 0)
		call_fail(&c, refuse(error_reason(), -ENOMEM, "the reservation is not backed"));
	return call_object(&c, HANDLE_PHYSMEM, RES_INFO_PHYSMEM);
}

struct res *vcm_get_next_res(struct vcm *vcm_id, struct res *res_id)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_RES_NEXT);

	call_on(&c, HANDLE_VCM, vcm_id);
	call_target_if(&c, HANDLE_RES, res_id);
	call_ask(&c);
	return call_object(&c, HANDLE_RES, 0);
}

static struct res *res_by_addr(uint32_t code, size_t dev_addr, struct vcm *vcm_id)
{
	_cleanup_(call_deinit) struct call c = call_begin(code);

	call_on(&c, HANDLE_VCM, vcm_id);
	c.op.addr = dev_addr;
	call_ask(&c);
	return call_object(&c, HANDLE_RES, 0);
}

struct res *vcm_get_res(size_t dev_addr, struct vcm *vcm_id)
{
	return res_by_addr(OP_RES_GET, dev_addr, vcm_id);
}

struct res *vcm_find_res(size_t dev_addr, struct vcm *vcm_id)
{
	return res_by_addr(OP_RES_FIND, dev_addr, vcm_id);
}

size_t vcm_res_copy(struct res *to, size_t to_off, struct res *from, size_t from_off, size_t len)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_RES_COPY);

	call_on(&c, HANDLE_RES, to);
	call_target(&c, HANDLE_RES, from);
	c.op.addr = to_off;
	c.op.arg = from_off;
	c.op.len = len;
	call_ask(&c);
	return (size_t)call_value(&c, 0, 0);
}
