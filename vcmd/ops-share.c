// SPDX-License-Identifier: BSD-3-Clause
/* Operations that share memory between sessions. */
#include <errno.h>
#include <sys/random.h>
#include <vcm/vcm.h>

#include "graph/grant.h"
#include "graph/plan.h"
#include "graph/user.h"
#include "vcmd/clock.h"
#include "vcmd/find.h"
#include "vcmd/ops.h"

/* A user may be wrong so often at once, and then once in so many ns: guessing 64 bits takes for ever. */
#define WRONG_MAX 64
#define WRONG_NS UINT64_C(10000000)

static int answer_token(struct call *c, const struct token *t)
{
	call_value(c, t->where);
	call_value(c, t->secret);
	return 0;
}

int op_export(struct call *c, const struct op *op)
{
	struct physmem *m = find_physmem(c, op->on);
	const struct grant *g = NULL;
	struct token fresh;
	int r;

	if (!m)
		return -EINVAL;
	if (op->attr & ~(uint32_t)(VCM_SHARE_READ | VCM_SHARE_WRITE))
		return refuse(c->why, -EINVAL, "0x%x are no rights to share memory with", op->attr);
	if (!op->attr)
		return plan_revoke(c->plan, m) < 0 ? -ENOMEM :
						     answer_token(c, &(struct token){ 0 });
	if (getrandom(&fresh, sizeof(fresh), 0) != sizeof(fresh))
		return refuse(c->why, -EIO, "there are no random numbers");
	r = plan_export(c->plan, m, op->attr & VCM_SHARE_WRITE, fresh, &g);
	return r < 0 ? r : answer_token(c, &g->token);
}

static int check_patience(struct call *c)
{
	struct user *u = c->session->user;
	uint64_t now = clock_now_ns(), forgiven = (now - u->wrong_since_ns) / WRONG_NS;

	u->n_wrong_tokens -= forgiven < u->n_wrong_tokens ? forgiven : u->n_wrong_tokens;
	u->wrong_since_ns += forgiven * WRONG_NS;
	if (u->n_wrong_tokens < WRONG_MAX)
		return 0;
	return refuse(c->why, -EAGAIN, "user %u has shown too many wrong tokens: try again later",
		      u->uid);
}

int op_import(struct call *c, const struct op *op)
{
	int r = check_patience(c);

	if (r == 0)
		r = plan_import(c->plan, c->session, op->handle,
				(struct token){ op->addr, op->arg });
	if (r == -EACCES)
		c->session->user->n_wrong_tokens++;
	return r;
}
