// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/service.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "base/log.h"
#include "base/mem.h"
#include "graph/graph.h"
#include "vcmd/broker.h"
#include "vcmd/clock.h"
#include "vcmd/loop.h"

#define STATUS_LEN 256
/* At most one status line in so long. */
#define STATUS_EVERY_MS 1000
#define BYTES_PER_KB 1024
#define US_PER_MS 1000
#define NS_PER_US 1000

struct service {
	struct broker *broker;
	char *where;
	struct loop_timer *ping, *tell;
	uint64_t ping_ms; /* 0: nobody watches */
	bool telling;     /* `tell` runs: what changes meanwhile is in the next line */
	char told[STATUS_LEN];
};

static uint64_t used_bytes(const struct graph *g)
{
	const struct pool *p;
	uint64_t n = 0;

	TAILQ_FOREACH(p, &g->pools, link)
		n += p->used;
	return n;
}

static void write_status(const struct service *s, char out[STATUS_LEN])
{
	const struct graph *g = s->broker->graph;
	uint64_t n_sessions = s->broker->n_clients;

	snprintf(out, STATUS_LEN,
		 "%" PRIu64 " session%s, %" PRIu64 " objects, %" PRIu64 " KB of memory, %" PRIu64
		 " active; listening on %s",
		 n_sessions, n_sessions == 1 ? "" : "s", g->n_objects, used_bytes(g) / BYTES_PER_KB,
		 g->n_active, s->where);
}

static void tell_status(struct service *s)
{
	char text[STATUS_LEN];

	write_status(s, text);
	if (!strcmp(text, s->told))
		return;
	memcpy(s->told, text, sizeof(text));
	sd_notifyf(0, "STATUS=%s", text);
}

static void on_tell(void *ctx)
{
	struct service *s = ctx;

	s->telling = false;
	tell_status(s);
}

/* Comes with every request: the timer is left alone while it runs. */
static void on_changed(void *ctx)
{
	struct service *s = ctx;

	if (s->telling)
		return;
	s->telling = true;
	loop_timer_set(s->tell, STATUS_EVERY_MS);
}

/* From the loop's own timer: a loop that does not turn is silent, and is ended for it. */
static void on_ping(void *ctx)
{
	struct service *s = ctx;

	sd_notify(0, "WATCHDOG=1");
	loop_timer_set(s->ping, s->ping_ms);
}

static int watch(struct service *s, struct reason *why)
{
	uint64_t usec = 0;
	int r = sd_watchdog_enabled(0, &usec);

	if (r < 0)
		return refuse(why, r, "WATCHDOG_USEC is not understood: %s", strerror(-r));
	if (r == 0)
		return 0;
	s->ping_ms = usec / US_PER_MS / 3;
	if (!s->ping_ms)
		s->ping_ms = 1;
	return 0;
}

CLEANUP_DEFINE(struct service *, service_free)

struct service *service_new(struct loop *loop, struct broker *b, const char *where,
			    struct reason *why)
{
	_cleanup_(service_freep) struct service *s = mem_new0(struct service);

	refuse(why, 0, "out of memory");
	if (!s)
		return NULL;
	s->broker = b;
	s->where = mem_strdup(where);
	s->ping = loop_timer_new(loop, on_ping, s);
	s->tell = loop_timer_new(loop, on_tell, s);
	if (!s->where || !s->ping || !s->tell || watch(s, why) < 0)
		return NULL;
	b->changed = on_changed;
	b->changed_ctx = s;
	return STEAL_PTR(s);
}

struct service *service_free(struct service *s)
{
	if (!s)
		return NULL;
	if (s->broker->changed_ctx == s)
		s->broker->changed = NULL;
	loop_timer_free(s->ping);
	loop_timer_free(s->tell);
	mem_free(s->where);
	return mem_free(s);
}

void service_ready(struct service *s)
{
	write_status(s, s->told);
	sd_notifyf(0, "READY=1\nSTATUS=%s", s->told);
	if (s->ping_ms)
		on_ping(s);
}

void service_reloading(struct service *s _unused_)
{
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64 "\nSTATUS=Reloading",
		   clock_now_ns() / NS_PER_US);
}

void service_stopping(struct service *s)
{
	s->broker->changed = NULL; /* the last line is that it stops */
	sd_notify(0, "STOPPING=1\nSTATUS=Taking everything back");
}
