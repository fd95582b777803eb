// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/fault.h"

#include <bsd/sys/queue.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backend/backend.h"
#include "base/log.h"
#include "base/mem.h"
#include "graph/avcm.h"
#include "graph/graph.h"
#include "graph/vcm.h"
#include "proto/message.h"
#include "vcmd/broker.h"
#include "vcmd/client.h"
#include "vcmd/clock.h"
#include "vcmd/config.h"
#include "vcmd/loop.h"
#include "vcmd/machine.h"
#include "vcmd/monitor.h"

#define WARN_EVERY_NS UINT64_C(1000000000)

/* A fault that waits for its handler, oldest first: all have the same time to answer. */
struct waiting {
	TAILQ_ENTRY(waiting) link;
	struct client *client;
	struct device *device;
	uint64_t id, time_ns, deadline_ns;
	struct fault_record *record;
	struct fault fault;
};

struct faults {
	struct broker *broker;
	TAILQ_HEAD(, waiting) waiting;
	struct loop_timer *timer;
	uint64_t first_id; /* ids are not those of a broker before: a late verdict of then is for nothing of now */
	uint64_t n_faults, n_failed_handlers;
	struct fault_record history[FAULT_HISTORY];
};

static void resume(struct device *d, bool retry)
{
	const struct machine_device *hw = d->hw;

	hw->backend->ops->fault_resume(hw->backend, hw->context, retry);
}

static void arm(struct faults *f)
{
	const struct waiting *first = TAILQ_FIRST(&f->waiting);
	uint64_t now = clock_now_ns();

	if (!first)
		loop_timer_clear(f->timer);
	else
		loop_timer_set(f->timer, first->deadline_ns > now ?
						 (first->deadline_ns - now + 999999) / 1000000 :
						 0);
}

/* The record may have been overwritten by later faults: then it is another's. */
static void note(const struct faults *f, const struct waiting *w, int32_t verdict)
{
	if (f->first_id + f->n_faults - w->id < FAULT_HISTORY)
		w->record->verdict = verdict;
}

static void settle(struct faults *f, struct waiting *w, int32_t verdict)
{
	struct device *d = w->device;

	note(f, w, verdict);
	TAILQ_REMOVE(&f->waiting, w, link);
	mem_free(w);
	resume(d, verdict == 1);
}

/* Of a handler; a client can have it fail at will. */
static void complain(const struct waiting *w, const char *what)
{
	struct machine_device *hw = w->device->hw;
	struct log_unsaid unsaid;

	if (log_limit_allows(&hw->handler_said, clock_now_ns(), &unsaid))
		log_about(LOG_L_WARNING,
			  LOG_ABOUT(.session = w->client->session->id, .device = w->device->name),
			  "%s: the handler of session %llu %s: terminated%s", w->device->name,
			  (unsigned long long)w->client->session->id, what, unsaid.text);
}

static void expire(void *ctx)
{
	struct faults *f = ctx;
	struct waiting *w;
	uint64_t now = clock_now_ns();

	while ((w = TAILQ_FIRST(&f->waiting)) && w->deadline_ns <= now) {
		complain(w, "has not answered in time");
		settle(f, w, -ETIMEDOUT);
	}
	arm(f);
}

/* The association that the device was translating with: of two halves, the one that holds the address. */
static struct avcm *culprit(const struct device *d, uint64_t addr)
{
	struct avcm *a;

	TAILQ_FOREACH(a, &d->active, device_link) {
		uint64_t border = UINT64_C(1) << (32 - a->half.split);

		if (!a->half.split || a->half.high == (addr >= border))
			return a;
	}
	return NULL;
}

static uint32_t flags_of(const struct fault *fault)
{
	return (fault->write ? FAULT_F_WRITE : 0u) | (fault->execute ? FAULT_F_EXECUTE : 0u) |
	       (fault->privileged ? FAULT_F_PRIVILEGED : 0u) |
	       (fault->permission ? FAULT_F_PERMISSION : 0u) |
	       (fault->stalled ? FAULT_F_STALLED : 0u);
}

static struct fault_record *record(struct faults *f, const struct device *d, const struct avcm *a,
				   const struct fault *fault)
{
	struct fault_record *r = &f->history[f->n_faults++ % FAULT_HISTORY];

	((struct machine_device *)d->hw)->n_faults++;
	*r = (struct fault_record){ .time_ns = clock_now_ns(),
				    .session = a ? a->obj.session->id : 0,
				    .addr = fault->addr,
				    .device = d->number,
				    .flags = flags_of(fault),
				    .verdict = -ENOENT };
	return r;
}

static void tell(struct client *c, uint64_t id, const struct fault_record *r,
		 const struct fault *fault)
{
	struct fault_event event = { .id = id,
				     .device = r->device,
				     .addr = fault->addr,
				     .len = fault->len,
				     .flags = r->flags,
				     .context = fault->context,
				     .fsr = fault->fsr,
				     .fsynr0 = fault->fsynr0,
				     .fsynr1 = fault->fsynr1,
				     .time_ns = r->time_ns };

	client_event(c, &event);
}

/*
 * A context stalls on one transaction at a time: one that it was said to stall on before has been terminated by its
 * deactivation, and a late verdict on it is not for the next.
 */
static void forget_former(struct faults *f, const struct device *d)
{
	struct waiting *w, *next;

	TAILQ_FOREACH_SAFE(w, &f->waiting, link, next) {
		if (w->device != d)
			continue;
		note(f, w, -ECANCELED);
		TAILQ_REMOVE(&f->waiting, w, link);
		mem_free(w);
	}
}

static void wait_for(struct faults *f, struct client *c, struct device *d, struct fault_record *r,
		     const struct fault *fault)
{
	struct waiting *w = mem_new0(struct waiting);

	if (!w) {
		log_about(LOG_L_WARNING, LOG_ABOUT(.session = c->session->id, .device = d->name),
			  "%s: no memory to wait for a handler: terminated", d->name);
		resume(d, false);
		return;
	}
	w->client = c;
	w->device = d;
	w->id = f->first_id + f->n_faults;
	w->record = r;
	w->time_ns = r->time_ns;
	w->fault = *fault;
	w->deadline_ns = r->time_ns + (uint64_t)f->broker->config->fault_timeout_ms * 1000000u;
	TAILQ_INSERT_TAIL(&f->waiting, w, link);
	if (w == TAILQ_FIRST(&f->waiting))
		arm(f);
	tell(c, w->id, r, fault);
}

/* A device that faults all the time says so once a second. */
static void warn(const struct device *d, const struct fault *fault, const struct fault_record *r)
{
	char whose[64] = "nothing is active on it", unsaid[64] = "";
	struct machine_device *hw = d->hw;

	if (hw->warned_ns && r->time_ns - hw->warned_ns < WARN_EVERY_NS) {
		hw->n_unsaid++;
		return;
	}
	if (hw->n_unsaid)
		snprintf(unsaid, sizeof(unsaid), "; %llu more before it went unsaid",
			 (unsigned long long)hw->n_unsaid);
	hw->warned_ns = r->time_ns;
	hw->n_unsaid = 0;

	if (r->session)
		snprintf(whose, sizeof(whose), "session %llu has no handler",
			 (unsigned long long)r->session);
	log_about(LOG_L_WARNING, LOG_ABOUT(.session = r->session, .device = d->name),
		  "%s: %s%s of 0x%llx %s, and %s: terminated%s", d->name,
		  fault->privileged ? "privileged " : "",
		  fault->write   ? "write" :
		  fault->execute ? "fetch" :
				   "read",
		  (unsigned long long)fault->addr,
		  fault->permission ? "is not permitted" : "is not mapped", whose, unsaid);
}

static void take(void *ctx, struct backend *backend, const struct fault *fault)
{
	struct faults *f = ctx;
	struct device *d = machine_device_of(f->broker->machine, backend, fault->context);
	const struct avcm *a = d && !fault->former ? culprit(d, fault->addr) : NULL;
	struct client *c = a ? client_of(a->obj.session) : NULL;
	struct fault_record *r;

	if (!d) {
		backend->ops->fault_resume(backend, fault->context, false);
		return;
	}
	r = record(f, d, a, fault);
	monitor_fault(f->broker->monitor, r, d);
	if (fault->stalled)
		forget_former(f, d);
	if (c && (c->state == CLIENT_LIVE || c->state == CLIENT_WAITING) &&
	    client_has_hook(c, d->number)) {
		if (fault->stalled)
			wait_for(f, c, d, r, fault);
		else
			tell(c, f->first_id + f->n_faults, r, fault);
		return;
	}
	warn(d, fault, r);
	if (fault->stalled)
		resume(d, false);
}

struct faults *faults_new(struct broker *b)
{
	struct faults *f = mem_new0(struct faults);

	if (!f)
		return NULL;
	f->broker = b;
	f->first_id = clock_now_ns();
	TAILQ_INIT(&f->waiting);
	f->timer = loop_timer_new(b->loop, expire, f);
	if (!f->timer || machine_watch_faults(b->machine, take, f) < 0)
		return faults_free(f);
	return f;
}

struct faults *faults_free(struct faults *f)
{
	struct waiting *w;

	if (!f)
		return NULL;
	while ((w = TAILQ_FIRST(&f->waiting)))
		settle(f, w, -ECANCELED);
	loop_timer_free(f->timer);
	return mem_free(f);
}

int faults_answer(struct faults *f, struct client *c, uint64_t id, uint64_t verdict,
		  struct reason *why)
{
	struct waiting *w;
	char how[96];

	TAILQ_FOREACH(w, &f->waiting, link)
		if (w->id == id && w->client == c)
			break;
	if (!w)
		return refuse(why, -EINVAL, "fault %llu does not wait for this session",
			      (unsigned long long)id);
	if (verdict > 1) {
		f->n_failed_handlers++;
		snprintf(how, sizeof(how), "failed (%s)", strerror((int)((verdict - 2) & 0xfff)));
		complain(w, how);
		settle(f, w, -(int32_t)((verdict - 2) & 0xfff));
	} else {
		settle(f, w, (int32_t)verdict);
	}
	arm(f);
	return 0;
}

void faults_move(struct faults *f, const struct client *from, struct client *to)
{
	struct waiting *w;

	TAILQ_FOREACH(w, &f->waiting, link)
		if (w->client == from)
			w->client = to;
}

void faults_tell_again(struct faults *f, struct client *c)
{
	struct waiting *w;

	TAILQ_FOREACH(w, &f->waiting, link) {
		/* Its own record may have been overwritten. */
		const struct fault_record r = { .time_ns = w->time_ns,
						.device = w->device->number,
						.flags = flags_of(&w->fault) };

		if (w->client == c)
			tell(c, w->id, &r, &w->fault);
	}
}

void faults_abandon(struct faults *f, struct client *c)
{
	struct waiting *w, *next;

	TAILQ_FOREACH_SAFE(w, &f->waiting, link, next)
		if (w->client == c)
			settle(f, w, -ECANCELED);
	arm(f);
}

const struct fault_record *faults_record(const struct faults *f, size_t i)
{
	if (i >= FAULT_HISTORY || i >= f->n_faults)
		return NULL;
	return &f->history[(f->n_faults - 1 - i) % FAULT_HISTORY];
}

uint64_t faults_count(const struct faults *f)
{
	return f->n_faults;
}

uint64_t faults_failed_handlers(const struct faults *f)
{
	return f->n_failed_handlers;
}
