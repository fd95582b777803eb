// SPDX-License-Identifier: BSD-3-Clause
/* The functions of the API that are about bounds. Reserving from one is in res.c. */
#include <vcm/vcm.h>

#include "libvcmclient/call.h"

/* What OP_BOUND_INFO answers. */
enum { BOUND_INFO_VCM, BOUND_INFO_START, BOUND_INFO_LEN };

struct bound *vcm_create_bound(struct vcm *vcm_id, size_t len)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_BOUND_CREATE);

	call_on(&c, HANDLE_VCM, vcm_id);
	c.op.len = len;
	if (c.on.is_user)
		call_takes_space(&c, len, 0);
	call_creates(&c, HANDLE_BOUND, false);
	call_do(&c);
	return call_made(&c);
}

int vcm_free_bound(struct bound *bound_id)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_BOUND_FREE);

	call_on(&c, HANDLE_BOUND, bound_id);
	call_affects(&c, EFFECT_CLOSE);
	call_frees(&c);
	return call_do(&c);
}

static uint64_t bound_info(struct bound *bound_id, size_t i, uint64_t error_value)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_BOUND_INFO);

	call_on(&c, HANDLE_BOUND, bound_id);
	call_ask(&c);
	return call_value(&c, i, error_value);
}

size_t vcm_get_bound_start_addr(struct bound *bound_id)
{
	return (size_t)bound_info(bound_id, BOUND_INFO_START, 1);
}

size_t vcm_get_bound_len(struct bound *bound_id)
{
	return (size_t)bound_info(bound_id, BOUND_INFO_LEN, 0);
}

struct bound *vcm_get_next_bound(struct vcm *vcm_id, struct bound *bound_id)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_BOUND_NEXT);

	call_on(&c, HANDLE_VCM, vcm_id);
	call_target_if(&c, HANDLE_BOUND, bound_id);
	call_ask(&c);
	return call_object(&c, HANDLE_BOUND, 0);
}
