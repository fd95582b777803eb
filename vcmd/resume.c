// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/resume.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/log.h"
#include "graph/graph.h"
#include "proto/message.h"
#include "vcmd/broker.h"
#include "vcmd/client.h"
#include "vcmd/config.h"
#include "vcmd/copy.h"
#include "vcmd/fault.h"
#include "vcmd/loop.h"
#include "vcmd/monitor.h"
#include "vcmd/pending.h"
#include "vcmd/simulate.h"

static void grace_is_over(void *ctx)
{
	struct client *c = ctx;

	if (c->over)
		log_info("session %llu (%s, pid %d, uid %u) was being taken back: that goes on",
			 (unsigned long long)c->session->id, c->name, (int)c->pid, c->uid);
	else
		log_warning(
			"session %llu (%s, pid %d, uid %u) was not resumed within %u ms: it ends",
			(unsigned long long)c->session->id, c->name, (int)c->pid, c->uid,
			c->broker->config->grace_ms);
	client_end(c); /* c may be gone */
}

int resume_wait(struct client *c)
{
	c->state = CLIENT_WAITING;
	if (!c->grace)
		c->grace = loop_timer_new(c->broker->loop, grace_is_over, c);
	if (!c->grace)
		return -ENOMEM;
	loop_timer_set(c->grace, c->over ? 0 : c->broker->config->grace_ms);
	return 0;
}

/* Takes as long for a wrong token as for the right one. */
static bool is_token(const struct client *c, const uint8_t *token)
{
	volatile uint8_t differs = 0;

	for (size_t i = 0; i < sizeof(c->token); i++)
		differs |= c->token[i] ^ token[i];
	return !differs;
}

static struct client *find(const struct client *c, const struct hello *hello)
{
	struct session key = { .id = hello->session };
	const struct session *s = RB_FIND(session_tree, &c->broker->graph->sessions, &key);
	struct client *old = s ? client_of(s) : NULL;

	if (!old || old == c || old->over ||
	    (old->state != CLIENT_WAITING && old->state != CLIENT_LIVE))
		return NULL;
	return is_token(old, hello->token) && old->uid == c->uid ? old : NULL;
}

struct client *resume_find(const struct client *c, const struct hello *hello, struct reason *why)
{
	struct client *old = find(c, hello);

	if (!old)
		refuse(why, 0,
		       "session %llu cannot be resumed: it has ended, or this broker never knew it",
		       (unsigned long long)hello->session);
	if (!old || !old->incomplete)
		return old;
	/* Its client would go on with what is not there: better it knows. */
	refuse(why, 0,
	       "session %llu cannot be resumed: the journal was damaged, and a part of it is lost",
	       (unsigned long long)hello->session);
	client_end(old);
	return NULL;
}

static void move_hooks(struct client *c, struct client *old)
{
	struct hook *h;

	while ((h = LIST_FIRST(&old->hooks))) {
		LIST_REMOVE(h, link);
		LIST_INSERT_HEAD(&c->hooks, h, link);
	}
}

/* What the old client waited for will be asked for again. */
static void move(struct client *c, struct client *old)
{
	simulate_abandon(old);
	copy_abandon(old);
	pending_abandon(old);
	monitor_abandon(old->broker->monitor, old);
	move_hooks(c, old);
	c->session = old->session;
	c->session->hw = c;
	c->replies = old->replies;
	c->last_changed = old->last_changed;
	c->n_requests += old->n_requests;
	c->n_refused += old->n_refused;
	memcpy(c->token, old->token, sizeof(c->token));
	old->session = NULL;
	old->replies = (struct replies){ 0 };
	faults_move(c->broker->faults, old, c);
}

void resume_take(struct client *c, struct client *old, const struct hello *hello)
{
	move(c, old);
	client_discard(old);
	c->sent_before = hello->sent;
	log_info("session %llu (%s, pid %d, uid %u) goes on", (unsigned long long)c->session->id,
		 c->name, (int)c->pid, c->uid);
}
