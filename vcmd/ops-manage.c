// SPDX-License-Identifier: BSD-3-Clause
/* Operations of who runs the broker. */
#include <errno.h>

#include "graph/session.h"
#include "vcmd/broker.h"
#include "vcmd/client.h"
#include "vcmd/monitor.h"
#include "vcmd/ops.h"

static struct client *find_client(const struct broker *b, uint64_t session)
{
	struct client *c;

	TAILQ_FOREACH(c, &b->clients, entry)
		if (c->session && c->session->id == session)
			return c;
	return NULL;
}

int op_session_kill(struct call *c, const struct op *op)
{
	struct client *victim = find_client(c->broker, op->arg);

	if (!victim)
		return refuse(c->why, -ESRCH, "there is no session %llu",
			      (unsigned long long)op->arg);
	client_kill(victim, c->client);
	return 0;
}

int op_monitor(struct call *c, const struct op *op)
{
	return monitor_ask(c->broker->monitor, c, op->addr);
}

int op_reload(struct call *c, const struct op *op _unused_)
{
	const struct broker *b = c->broker;

	if (!b->reload)
		return refuse(c->why, -EOPNOTSUPP, "this broker has no configuration to reload");
	return b->reload(b->reload_ctx, c->why);
}
