// SPDX-License-Identifier: BSD-3-Clause
/* The functions of the API that are about physical memory. */
#include <vcm/vcm.h>

#include "libvcmclient/call.h"

/* What the broker answers. */
enum { PHYS_INFO_MEMTYPE, PHYS_INFO_LEN, PHYS_INFO_ATTR };
enum { PHYS_NEXT_PA, PHYS_NEXT_LEN };
enum { PHYS_NEXT_RES_RES, PHYS_NEXT_RES_LEN };
enum { MEMTYPE_CONT_PA, MEMTYPE_CONT_LEN };

struct physmem *vcm_phys_alloc(enum memtype_t memtype, size_t len, uint32_t attr)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_PHYS_ALLOC);

	c.op.arg = (unsigned int)memtype;
	c.op.len = len;
	c.op.attr = attr;
	call_creates(&c, HANDLE_PHYSMEM, false);
	call_do(&c);
	return call_made(&c);
}

int vcm_phys_free(struct physmem *physmem_id)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_PHYS_FREE);

	call_on(&c, HANDLE_PHYSMEM, physmem_id);
	call_frees(&c);
	c.step.effect = EFFECT_TRIM;
	return call_do(&c);
}

enum memtype_t vcm_get_memtype_of_physalloc(struct physmem *physmem_id)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_PHYS_INFO);

	call_on(&c, HANDLE_PHYSMEM, physmem_id);
	call_ask(&c);
	return (enum memtype_t)call_value(&c, PHYS_INFO_MEMTYPE, VCM_INVALID);
}

struct physmem *vcm_map_phys_addr(size_t phys, size_t len)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_PHYS_MAP);

	c.op.addr = phys;
	c.op.len = len;
	call_creates(&c, HANDLE_PHYSMEM, false);
	call_do(&c);
	return call_made(&c);
}

/* The second value of an answer that was good, for a caller who wants it. */
static void second_value(const struct call *c, size_t *out)
{
	if (c->err == 0 && out)
		*out = (size_t)c->packet->reply.values[1];
}

size_t vcm_get_next_phys_addr(struct physmem *physmem_id, size_t phys, size_t *len)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_PHYS_NEXT);

	call_on(&c, HANDLE_PHYSMEM, physmem_id);
	c.op.addr = phys;
	call_ask(&c);
	second_value(&c, len);
	return (size_t)call_value(&c, PHYS_NEXT_PA, 0);
}

size_t vcm_get_phys_num_res(size_t phys)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_PHYS_NUM_RES);

	c.op.addr = phys;
	call_ask(&c);
	return (size_t)call_value(&c, 0, 0);
}

struct res *vcm_get_next_phys_res(size_t phys, struct res *res_id, size_t *len)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_PHYS_NEXT_RES);

	call_target_if(&c, HANDLE_RES, res_id);
	c.op.addr = phys;
	call_ask(&c);
	second_value(&c, len);
	return call_object(&c, HANDLE_RES, PHYS_NEXT_RES_RES);
}

static uint64_t memtype_cont(enum memtype_t memtype, size_t i)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_MEMTYPE_CONT);

	c.op.arg = (unsigned int)memtype;
	call_ask(&c);
	return call_value(&c, i, 0);
}

size_t vcm_get_cont_memtype_pa(enum memtype_t memtype)
{
	return (size_t)memtype_cont(memtype, MEMTYPE_CONT_PA);
}

size_t vcm_get_cont_memtype_len(enum memtype_t memtype)
{
	return (size_t)memtype_cont(memtype, MEMTYPE_CONT_LEN);
}
