// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/broker.h"

#include "base/mem.h"
#include "graph/graph.h"
#include "memory/memory.h"
#include "proto/message.h"
#include "vcmd/call.h"
#include "vcmd/client.h"
#include "vcmd/clock.h"
#include "vcmd/config.h"
#include "vcmd/fault.h"
#include "vcmd/journal.h"
#include "vcmd/loop.h"
#include "vcmd/machine.h"
#include "vcmd/monitor.h"
#include "vcmd/nodes.h"
#include "vcmd/restore.h"
#include "vcmd/store.h"

static bool do_chores(void *ctx)
{
	struct broker *b = ctx;

	return memory_idle(b->memory);
}

/* The parts that need no hardware. */
static bool make_parts(struct broker *b)
{
	b->graph = graph_new(b->config->kernel_window);
	b->memory = memory_new(&b->config->memory);
	b->codec = codec_new();
	b->encoder = codec_new();
	b->answer = mem_new0(struct answer);
	b->out = mem_zalloc(PROTO_MAX_MESSAGE);
	b->chores = loop_idle_new(b->loop, do_chores, b);
	return b->graph && b->memory && b->codec && b->encoder && b->answer && b->out &&
	       b->chores && pendings_init(b) == 0;
}

/* With a keeper of fds, what changes is written down. Without one, files of devices and windows that were left and that nobody
 * wants are closed, so that what devices did through them ends. */
static bool keep(struct broker *b, struct reason *why)
{
	if (b->store && store_is_kept(b->store))
		return restore(b, &b->restored, why) == 0;
	if (machine_settle(b->machine, why) < 0)
		return false;
	if (b->store) {
		store_drop(b->store, "vfio-");
		store_drop(b->store, "window-");
	}
	return true;
}

struct broker *broker_new(struct loop *loop, struct config *config, struct store *store,
			  struct reason *why)
{
	struct broker *b = mem_new0(struct broker);

	if (!b) {
		refuse(why, 0, "no memory for the broker");
		return NULL;
	}
	b->loop = loop;
	b->config = config_ref(config);
	b->store = store;
	b->plan = PLAN_NULL;
	b->started_ns = clock_now_ns();
	TAILQ_INIT(&b->clients);
	TAILQ_INIT(&b->strangers);
	refuse(why, 0, "no memory for the broker");
	if (!make_parts(b))
		return broker_free(b);
	b->nodes = nodes_new(b, why); /* before the pools in their windows */
	if (!b->nodes)
		return broker_free(b);
	b->machine = machine_new(b, why);
	if (!b->machine)
		return broker_free(b);
	b->monitor = monitor_new(b);
	if (!b->monitor) {
		refuse(why, 0, "no memory for the monitor");
		return broker_free(b);
	}
	b->faults = faults_new(b);
	if (!b->faults) {
		refuse(why, 0, "no memory to watch for faults");
		return broker_free(b);
	}
	if (!keep(b, why))
		return broker_free(b);
	loop_idle_kick(b->chores);
	return b;
}

struct broker *broker_free(struct broker *b)
{
	struct client *c, *next;

	if (!b)
		return NULL;
	/* What the store keeps is for the broker that follows. */
	b->leaving = b->store && store_is_kept(b->store);
	if (b->leaving) {
		b->journal = journal_free(b->journal);
		if (b->machine)
			machine_leave(b->machine);
	}
	TAILQ_FOREACH_SAFE(c, &b->clients, entry, next)
		client_finish(c);
	nodes_free(b->nodes);
	b->journal = journal_free(b->journal);
	monitor_free(b->monitor);
	faults_free(b->faults);
	machine_free(b->machine);
	graph_free(b->graph);
	if (b->memory && b->leaving)
		memory_leave(b->memory);
	memory_free(b->memory);
	codec_free(b->codec);
	codec_free(b->encoder);
	loop_idle_free(b->chores);
	pendings_deinit(b);
	plan_deinit(&b->plan);
	config_free(b->config);
	mem_free(b->answer);
	mem_free(b->out);
	return mem_free(b);
}

void broker_changed(struct broker *b)
{
	if (b->changed)
		b->changed(b->changed_ctx);
}

void broker_accept(struct broker *b, int fd)
{
	client_accept(b, fd);
}
