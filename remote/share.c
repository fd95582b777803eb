// SPDX-License-Identifier: BSD-3-Clause
/* The functions of the API that share memory. A node has no descriptors: tokens are bytes, and travel in memory. */
#include <vcm/vcm.h>

#include "remote/api.h"
#include "remote/error.h"

#define HALF 8u

static void put_half(unsigned char *at, uint64_t half)
{
	for (unsigned int i = 0; i < HALF; i++)
		at[i] = (unsigned char)(half >> 8 * i);
}

static uint64_t get_half(const unsigned char *at)
{
	uint64_t half = 0;

	for (unsigned int i = 0; i < HALF; i++)
		half |= (uint64_t)at[i] << 8 * i;
	return half;
}

int vcm_export(struct physmem *physmem_id, uint32_t rights, struct vcm_token *token)
{
	struct vcm_op op = { .code = OP_EXPORT, .on = vcm_handle_of(physmem_id), .attr = rights };
	struct vcm_pending p;

	if (rights && !token)
		return vcm_end(-VCM_EINVAL);
	if (!vcm_ask(&op, &p, 2))
		return -vcm_errno();
	if (token) {
		put_half(token->bytes, p.values[0]);
		put_half(token->bytes + HALF, p.values[1]);
	}
	return 0;
}

struct physmem *vcm_import(const struct vcm_token *token)
{
	struct vcm_op op = { .code = OP_IMPORT };

	if (!token) {
		vcm_end(-VCM_EINVAL);
		return NULL;
	}
	op.addr = get_half(token->bytes);
	op.arg = get_half(token->bytes + HALF);
	return vcm_make(&op);
}
