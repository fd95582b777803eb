// SPDX-License-Identifier: BSD-3-Clause
#include "libvcmclient/hook.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>

#include "base/mem.h"
#include "libvcmclient/batch.h"
#include "libvcmclient/error.h"

struct hooked {
	uint32_t device;
	struct hook hook;
	uint64_t number;   /* of the change that brought it */
	size_t n_setting;  /* changes that wait for their answer */
	uint64_t stamp;    /* of the last change that was answered */
	bool is_at_broker; /* by that one */
};

/* A handler that runs, on its thread's stack. */
struct run {
	struct hooks *hooks;
	struct run *next;
	uint32_t device;
	uint64_t number;
};

struct hooks {
	pthread_mutex_t lock;
	pthread_cond_t returned;
	struct hooked *list;
	size_t n, cap;
	uint64_t n_changes;
	struct run *running;
	uint64_t n_runs; /* that have begun */
};

static __thread unsigned int depth;

struct hooks *hooks_new(void)
{
	struct hooks *h = mem_new0(struct hooks);

	if (!h)
		return NULL;
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->returned, NULL);
	return h;
}

struct hooks *hooks_free(struct hooks *h)
{
	if (!h)
		return NULL;
	assert(!h->running);
	pthread_cond_destroy(&h->returned);
	pthread_mutex_destroy(&h->lock);
	mem_free(h->list);
	return mem_free(h);
}

static struct hooked *hooks_find(struct hooks *h, uint32_t device)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->list[i].device == device)
			return &h->list[i];
	return NULL;
}

/* NULL without memory. */
static struct hooked *add(struct hooks *h, uint32_t device)
{
	size_t cap = h->cap ? 2 * h->cap : 8;
	struct hooked *list;

	if (h->n == h->cap) {
		list = mem_realloc_n(h->list, cap, sizeof(*list));
		if (!list)
			return NULL;
		h->list = list;
		h->cap = cap;
	}
	h->list[h->n] = (struct hooked){ .device = device };
	return &h->list[h->n++];
}

static int set_begin(struct hooks *h, uint32_t device, struct hook hook, struct hook_change *out)
{
	struct hooked *entry = hooks_find(h, device);

	if (!entry)
		entry = add(h, device);
	if (!entry)
		return -ENOMEM;
	*out = (struct hook_change){ device, ++h->n_changes, entry->hook };
	entry->hook = hook;
	entry->number = out->number;
	entry->n_setting++;
	return 0;
}

int hooks_set_begin(struct hooks *h, uint32_t device, struct hook hook, struct hook_change *out)
{
	int r;

	assert(hook.handler);
	pthread_mutex_lock(&h->lock);
	r = set_begin(h, device, hook, out);
	pthread_mutex_unlock(&h->lock);
	return r;
}

static void answered(struct hooked *entry, uint64_t stamp, bool is_at_broker)
{
	if (stamp <= entry->stamp)
		return;
	entry->stamp = stamp;
	entry->is_at_broker = is_at_broker;
}

/* While changes wait, what was answered last must be known. */
static void drop_if_gone(struct hooks *h, struct hooked *entry)
{
	if (entry->n_setting == 0 && !entry->is_at_broker)
		*entry = h->list[--h->n];
}

static struct hooked *changed(struct hooks *h, const struct hook_change *change)
{
	struct hooked *entry = hooks_find(h, change->device);

	assert(entry && entry->n_setting > 0);
	entry->n_setting--;
	return entry;
}

void hooks_set_end(struct hooks *h, const struct hook_change *change, uint64_t stamp)
{
	struct hooked *entry;

	pthread_mutex_lock(&h->lock);
	entry = changed(h, change);
	answered(entry, stamp, true);
	drop_if_gone(h, entry);
	pthread_mutex_unlock(&h->lock);
}

void hooks_set_undo(struct hooks *h, const struct hook_change *change)
{
	struct hooked *entry;

	pthread_mutex_lock(&h->lock);
	entry = changed(h, change);
	if (entry->number == change->number)
		entry->hook = change->old;
	drop_if_gone(h, entry);
	pthread_mutex_unlock(&h->lock);
}

void hooks_remove_end(struct hooks *h, uint32_t device, uint64_t stamp)
{
	struct hooked *entry;

	pthread_mutex_lock(&h->lock);
	entry = hooks_find(h, device);
	if (entry) {
		answered(entry, stamp, false);
		drop_if_gone(h, entry);
	}
	pthread_mutex_unlock(&h->lock);
}

bool hooks_is_empty(struct hooks *h)
{
	bool is_empty;

	pthread_mutex_lock(&h->lock);
	is_empty = h->n == 0;
	pthread_mutex_unlock(&h->lock);
	return is_empty;
}

static bool is_running(const struct hooks *h, uint32_t device, uint64_t up_to)
{
	for (const struct run *run = h->running; run; run = run->next)
		if (run->device == device && run->number <= up_to)
			return true;
	return false;
}

void hooks_wait(struct hooks *h, uint32_t device)
{
	uint64_t up_to;

	if (depth)
		return;
	pthread_mutex_lock(&h->lock);
	up_to = h->n_runs;
	while (is_running(h, device, up_to))
		pthread_cond_wait(&h->returned, &h->lock);
	pthread_mutex_unlock(&h->lock);
}

static struct hook begin(struct hooks *h, struct run *run)
{
	struct hook hook = { NULL, NULL };
	const struct hooked *entry;

	pthread_mutex_lock(&h->lock);
	entry = hooks_find(h, run->device);
	if (entry) {
		hook = entry->hook;
		run->number = ++h->n_runs;
		run->next = h->running;
		h->running = run;
	}
	pthread_mutex_unlock(&h->lock);
	return hook;
}

static void end(void *ctx)
{
	struct run *run = ctx, **p;
	struct hooks *h = run->hooks;

	pthread_mutex_lock(&h->lock);
	for (p = &h->running; *p != run; p = &(*p)->next)
		assert(*p);
	*p = run->next;
	pthread_cond_broadcast(&h->returned);
	pthread_mutex_unlock(&h->lock);
}

/* The thread may be in the middle of a batch, of which the handler's calls are no part, and of a call's failure. */
static int call(const struct hook *hook, uint32_t device, struct vcm_fault *fault)
{
	struct batch *batch = batch_park();
	struct reason reason = *error_reason();
	int verdict, saved_errno = errno;

	depth++;
	verdict = hook->handler(device, hook->data, fault);
	depth--;
	batch_unpark(batch);
	*error_reason() = reason;
	errno = saved_errno;
	return verdict;
}

int hooks_run(struct hooks *h, uint32_t device, struct vcm_fault *fault)
{
	struct run run = { .hooks = h, .device = device };
	struct hook hook = begin(h, &run);
	int verdict;

	if (!hook.handler)
		return VCM_FAULT_TERMINATE;
	/* Also when the handler ends its thread. */
	pthread_cleanup_push(end, &run);
	verdict = call(&hook, device, fault);
	pthread_cleanup_pop(1);
	return verdict;
}

unsigned int hooks_depth(void)
{
	return depth;
}
