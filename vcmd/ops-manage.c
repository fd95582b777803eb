// SPDX-License-Identifier: BSD-3-Clause
/* Operations of who runs the broker. */
#include <errno.h>

#include "base/log.h"
#include "graph/session.h"
#include "vcmd/broker.h"
#include "vcmd/client.h"
#include "vcmd/clock.h"
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

/*
 * Had it been carried out, its serial would have been answered before it came here: what changes the graph is in the journal. Of what
 * happens beside it nobody knows.
 */
int op_withdraw(struct call *c, const struct op *op)
{
	struct log_unsaid unsaid;

	if (log_limit_allows(&c->broker->complaints, clock_coarse_ns(), &unsaid))
		log_about(
			LOG_L_WARNING, LOG_ABOUT(.session = c->client->session->id),
			"session %llu (%s, pid %d, uid %u) asks no more for what the broker has ended over: %s%s",
			(unsigned long long)c->client->session->id, c->client->name,
			(int)c->client->pid, c->client->uid, op->name, unsaid.text);
	if (op->arg)
		return refuse(
			c->why, -ECONNRESET,
			"the broker has ended each time that it was asked: it may be done in part");
	return refuse(c->why, -ECANCELED,
		      "the broker has ended each time that it was asked: it is not done");
}
