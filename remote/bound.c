// SPDX-License-Identifier: BSD-3-Clause
/* The functions of the API that are about bounds. Reserving from one is in res.c. */
#include <vcm/vcm.h>

#include "remote/api.h"

/* What OP_BOUND_INFO answers. */
enum { INFO_VCM, INFO_START, INFO_LEN };

struct bound *vcm_create_bound(struct vcm *vcm_id, size_t len)
{
	struct vcm_op op = { .code = OP_BOUND_CREATE, .on = vcm_handle_of(vcm_id), .len = len };

	return vcm_make(&op);
}

int vcm_free_bound(struct bound *bound_id)
{
	return vcm_undo(&(struct vcm_op){ .code = OP_BOUND_FREE, .on = vcm_handle_of(bound_id) });
}

static size_t info(struct bound *bound_id, uint32_t i, size_t error_value)
{
	return vcm_ask_size(&(struct vcm_op){ .code = OP_BOUND_INFO,
					      .on = vcm_handle_of(bound_id) },
			    i, error_value);
}

size_t vcm_get_bound_start_addr(struct bound *bound_id)
{
	return info(bound_id, INFO_START, 1);
}

size_t vcm_get_bound_len(struct bound *bound_id)
{
	return info(bound_id, INFO_LEN, 0);
}

struct bound *vcm_get_next_bound(struct vcm *vcm_id, struct bound *bound_id)
{
	struct vcm_op op = { .code = OP_BOUND_NEXT,
			     .on = vcm_handle_of(vcm_id),
			     .target = vcm_handle_of(bound_id) };

	return vcm_ask_object(&op, 0);
}
