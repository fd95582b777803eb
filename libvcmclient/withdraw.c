// SPDX-License-Identifier: BSD-3-Clause
#include "libvcmclient/withdraw.h"

bool withdraw_may(const struct request *r)
{
	return r->n_ops > 0 && r->ops[0].code != OP_MONITOR;
}

/* What happens beside the graph, of which no journal knows. Such an operation comes alone. */
static bool is_beside_the_graph(uint32_t code)
{
	switch (code) {
	case OP_RES_COPY:
	case OP_HOOK:
	case OP_FAULT_REPLY:
	case OP_SIM_READ:
	case OP_SIM_WRITE:
	case OP_SIM_FAIL:
	case OP_SIM_STATS:
	case OP_SESSION_KILL:
	case OP_RELOAD:
	case OP_BYE:
		return true;
	default:
		return false;
	}
}

void withdraw_make(struct request *r, struct op *op)
{
	const char *name = op_name(r->ops[0].code);

	*op = (struct op){ .code = OP_WITHDRAW,
			   .arg = is_beside_the_graph(r->ops[0].code),
			   .name = name ? name : "" };
	r->ops = op;
	r->n_ops = 1;
}
