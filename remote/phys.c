// SPDX-License-Identifier: BSD-3-Clause
/* The functions of the API that are about physical memory. */
#include <vcm/vcm.h>

#include "remote/api.h"

struct physmem *vcm_phys_alloc(enum memtype_t memtype, size_t len, uint32_t attr)
{
	struct vcm_op op = {
		.code = OP_PHYS_ALLOC, .arg = (unsigned int)memtype, .len = len, .attr = attr
	};

	return vcm_make(&op);
}

int vcm_phys_free(struct physmem *physmem_id)
{
	return vcm_undo(&(struct vcm_op){ .code = OP_PHYS_FREE, .on = vcm_handle_of(physmem_id) });
}

enum memtype_t vcm_get_memtype_of_physalloc(struct physmem *physmem_id)
{
	struct vcm_op op = { .code = OP_PHYS_INFO, .on = vcm_handle_of(physmem_id) };

	return (enum memtype_t)vcm_ask_value(&op, 0, VCM_INVALID);
}

struct physmem *vcm_map_phys_addr(size_t phys, size_t len)
{
	struct vcm_op op = { .code = OP_PHYS_MAP, .addr = phys, .len = len };

	return vcm_make(&op);
}

/* The second answer, for a caller who wants it. False when one of the two cannot be had. */
static bool take_len(const struct vcm_pending *p, size_t *out)
{
	size_t len = vcm_size_of(p->values[1], 0);

	if (vcm_errno())
		return false;
	if (out)
		*out = len;
	return true;
}

size_t vcm_get_next_phys_addr(struct physmem *physmem_id, size_t phys, size_t *len)
{
	struct vcm_op op = { .code = OP_PHYS_NEXT, .on = vcm_handle_of(physmem_id), .addr = phys };
	struct vcm_pending p;

	return vcm_ask(&op, &p, 2) && take_len(&p, len) ? vcm_size_of(p.values[0], 0) : 0;
}

size_t vcm_get_phys_num_res(size_t phys)
{
	return vcm_ask_size(&(struct vcm_op){ .code = OP_PHYS_NUM_RES, .addr = phys }, 0, 0);
}

struct res *vcm_get_next_phys_res(size_t phys, struct res *res_id, size_t *len)
{
	struct vcm_op op = { .code = OP_PHYS_NEXT_RES,
			     .target = vcm_handle_of(res_id),
			     .addr = phys };
	struct vcm_pending p;

	return vcm_ask(&op, &p, 2) && take_len(&p, len) ? vcm_object_of(p.values[0]) : NULL;
}

static size_t memtype_cont(enum memtype_t memtype, uint32_t i)
{
	return vcm_ask_size(
		&(struct vcm_op){ .code = OP_MEMTYPE_CONT, .arg = (unsigned int)memtype }, i, 0);
}

size_t vcm_get_cont_memtype_pa(enum memtype_t memtype)
{
	return memtype_cont(memtype, 0);
}

size_t vcm_get_cont_memtype_len(enum memtype_t memtype)
{
	return memtype_cont(memtype, 1);
}
