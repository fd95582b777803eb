// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/reload.h"

#include <stdbool.h>

#include "graph/graph.h"
#include "vcmd/broker.h"
#include "vcmd/client.h"
#include "vcmd/config-change.h"
#include "vcmd/config.h"
#include "vcmd/loop.h"
#include "vcmd/machine.h"
#include "vcmd/monitor.h"
#include "vcmd/nodes.h"

/* What users who are known may have is what the configuration says now; what they have stays. Who has not said hello yet is
 * still to come. */
static void set_limits(struct broker *b)
{
	struct client *c;
	struct user *u;

	RB_FOREACH(u, user_tree, &b->graph->users)
		u->limits = client_limits_for(config_limits_of(b->config, u->uid), u->uid);
	TAILQ_FOREACH(c, &b->clients, entry)
		if (c->state == CLIENT_NEW)
			c->limits = *config_limits_of(b->config, c->uid);
	nodes_set_limits(b->nodes, b->config);
}

int reload(struct broker *b, struct config *to, struct reason *why)
{
	struct config *from = b->config;
	int r = config_check_change(from, to, why);

	if (r == 0)
		r = machine_extend(b->machine, to, why);
	if (r < 0)
		return r;
	/* Nothing can fail any more. */
	machine_use(b->machine, to);
	b->config = config_ref(to);
	set_limits(b);
	loop_set_poll(b->loop, to->poll_us);
	monitor_reload(b->monitor);
	config_free(from);
	broker_changed(b);
	return 0;
}
