// SPDX-License-Identifier: BSD-3-Clause
/* The driver as a backend of the broker: contexts by number. */
#include "backend/smmuv3/smmuv3.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "backend/smmuv3/a64-descriptor.h"
#include "backend/smmuv3/device.h"
#include "backend/smmuv3/registers.h"
#include "base/cleanup.h"
#include "base/mem.h"

static struct smmuv3 *self(struct backend *b)
{
	return (struct smmuv3 *)(void *)b;
}

static bool any_stalls(const struct smmuv3 *s)
{
	bool any = s->must_stall;

	for (unsigned int i = 0; i < s->n_contexts; i++)
		any |= s->can_stall && s->contexts[i].stall;
	return any;
}

static void v3_caps(struct backend *b, struct backend_caps *out)
{
	const struct smmuv3 *s = self(b);

	*out = (struct backend_caps){
		.page_sizes = a64_ops.page_sizes,
		.va_bits = a64_ops.va_bits,
		.pa_bits = a64_pa_bits(b->format_ctx),
		.n_contexts = s->n_contexts,
		.n_banks = s->n_contexts,
		.stall = any_stalls(s),
		.atomic_switch = true,
	};
}

static int v3_context_by_name(struct backend *b, const char *name)
{
	for (unsigned int i = 0; i < self(b)->n_contexts; i++) {
		if (strcmp(self(b)->contexts[i].name, name) == 0)
			return (int)i;
	}
	return -ENOENT;
}

static uint64_t v3_base_addr(struct backend *b)
{
	return self(b)->base;
}

static uint32_t v3_hw_version(struct backend *b)
{
	return self(b)->version;
}

/* --- activation ----------------------------------------------------------------------------------------------------------- */

/* The context that a call is about, or NULL and what the call returns. */
static struct v3_context *context_for(struct smmuv3 *s, unsigned int context, enum half half,
				      unsigned int split, int *out_r, struct reason *why)
{
	if (context >= s->n_contexts)
		*out_r = refuse(why, -EINVAL, "%s has no context %u", s->name, context);
	else if (half != HALF_LOW || split)
		*out_r = refuse(why, -EINVAL, "%s: an SMMUv3 has no split address space",
				s->contexts[context].name);
	else
		return &s->contexts[context];
	return NULL;
}

static int refuse_broken(const struct smmuv3 *s, const struct v3_context *c, struct reason *why)
{
	return refuse(why, -EIO, "%s: the hardware (%s) did not take its new stream table entry%s",
		      c->name, s->name, s->stopped ? ", and is stopped" : "");
}

/* What c has is given up when it has t. */
static int switch_to(struct smmuv3 *s, struct v3_context *c, struct table *t, struct reason *why)
{
	struct v3_space *old = c->space, *space = v3_space_get(s, t);

	if (!space)
		return refuse(why, -ENODEV, "%s: all address space ids of %s are in use", c->name,
			      s->name);
	if (v3_stream_switch(s, c, space)) {
		v3_space_put(space);
		return refuse_broken(s, c, why);
	}
	v3_faults_abort(s, c);
	v3_faults_part(s, c);
	if (old)
		v3_space_put(old);
	return 0;
}

static int v3_activate(struct backend *b, unsigned int context, struct table *t, enum half half,
		       unsigned int split, struct reason *why)
{
	int r = 0;
	struct v3_context *c = context_for(self(b), context, half, split, &r, why);

	if (!c)
		return r;
	if (c->space)
		return refuse(why, -EBUSY, "%s is active already", c->name);
	return switch_to(self(b), c, t, why);
}

static int v3_replace(struct backend *b, unsigned int context, struct table *new_t, enum half half,
		      unsigned int split, struct reason *why)
{
	int r = 0;
	struct v3_context *c = context_for(self(b), context, half, split, &r, why);

	if (!c)
		return r;
	if (!c->space)
		return refuse(why, -ENOENT, "%s is not active", c->name);
	return switch_to(self(b), c, new_t, why);
}

static int v3_deactivate(struct backend *b, unsigned int context, enum half half,
			 struct reason *why)
{
	int r = 0;
	struct v3_context *c = context_for(self(b), context, HALF_LOW, 0, &r, why);
	struct v3_space *space = c ? c->space : NULL;

	if (!c)
		return r;
	if (!space || half != HALF_LOW)
		return refuse(why, -ENOENT, "%s is not active", c->name);
	if (v3_stream_switch(self(b), c, NULL))
		return refuse_broken(self(b), c, why);
	v3_faults_forget(self(b), c);
	v3_faults_part(self(b), c);
	v3_space_put(space);
	return 0;
}

/* There is no register that translates (ATOS is an option that is rare): this reads the table that the walker reads. */
static int v3_translate(struct backend *b, unsigned int context, uint64_t va, uint64_t *out_pa)
{
	const struct smmuv3 *s = self(b);
	uint64_t pa, size, d;

	if (context >= s->n_contexts || !s->contexts[context].space)
		return -ENOENT;
	if (a64_lookup(s->contexts[context].space->table, va, &pa, &size, &d) ||
	    !a64_allows_read(d))
		return -EFAULT;
	*out_pa = pa | (va & (size - 1));
	return 0;
}

static int v3_fault_fd(struct backend *b)
{
	return self(b)->wait_fd;
}

/* --- life ----------------------------------------------------------------------------------------------------------------- */

static void free_queue(const struct smmuv3 *s, const struct v3_queue *q)
{
	if (q->at)
		s->bus.ops->table_free(s->bus.ctx, q->pa, q->len);
}

static void detach_all(struct smmuv3 *s)
{
	for (unsigned int i = 0; s->spaces && i <= s->n_contexts; i++) {
		if (s->spaces[i].n_contexts)
			a64_detach(s->spaces[i].table, &s->spaces[i].user);
	}
}

/* Hardware that does not answer may still read its tables: then they are nobody's for ever. */
static void release(struct smmuv3 *s, bool quiet)
{
	if (quiet) {
		v3_streams_deinit(s);
		free_queue(s, &s->cmdq);
		free_queue(s, &s->evtq);
	}
	for (unsigned int i = 0; s->contexts && i < s->n_contexts; i++)
		mem_free(s->contexts[i].name);
	fd_closep(&s->wait_fd);
	fd_closep(&s->again_fd);
	mem_free(s->contexts);
	mem_free(s->spaces);
	mem_free(s->name);
	mem_free(s);
}

/* What nobody has activated again reaches nothing any more. */
static int v3_settle(struct backend *b, struct reason *why)
{
	struct smmuv3 *s = self(b);

	for (unsigned int i = 0; i < s->n_contexts; i++) {
		struct v3_context *c = &s->contexts[i];

		if (c->left_asid && v3_stream_switch(s, c, NULL))
			return refuse_broken(s, c, why);
	}
	return 0;
}

static void v3_leave(struct backend *b)
{
	self(b)->left = true;
	a64_leave(b->format_ctx);
}

static void v3_free(struct backend *b)
{
	struct smmuv3 *s = self(b);

	if (!s)
		return;
	if (s->left && s->outlives && *s->outlives) {
		detach_all(s);
		release(s, false);
		return;
	}
	for (unsigned int i = 0; i < s->n_contexts; i++) {
		if (s->contexts[i].space)
			v3_deactivate(b, i, HALF_LOW, NULL);
	}
	detach_all(s);
	release(s, !v3_quiesce(s));
}

static const struct backend_ops smmuv3_ops = {
	.name = "smmuv3",
	.caps = v3_caps,
	.context_by_name = v3_context_by_name,
	.base_addr = v3_base_addr,
	.hw_version = v3_hw_version,
	.activate = v3_activate,
	.deactivate = v3_deactivate,
	.replace = v3_replace,
	.translate = v3_translate,
	.fault_fd = v3_fault_fd,
	.fault_next = v3_fault_next,
	.fault_resume = v3_fault_resume,
	.settle = v3_settle,
	.leave = v3_leave,
	.free = v3_free,
};

static int copy_config(struct smmuv3 *s, const struct smmuv3_config *config, struct a64 *format)
{
	s->backend = (struct backend){ &smmuv3_ops, &a64_ops, format };
	s->io = config->io;
	s->irq = config->irq;
	s->bus = *config->bus;
	s->base = config->base;
	s->outlives = config->outlives;
	s->timeout_us = config->timeout_us ? config->timeout_us : V3_TIMEOUT_US;
	s->name = mem_strdup(config->name);
	s->contexts = mem_zalloc_n((size_t)config->n_contexts + 1, sizeof(*s->contexts));
	s->spaces = mem_zalloc_n((size_t)config->n_contexts + 1, sizeof(*s->spaces));
	if (!s->name || !s->contexts || !s->spaces)
		return -ENOMEM;
	for (unsigned int i = 0; i < config->n_contexts; i++) {
		s->contexts[i].stream = config->contexts[i].stream;
		s->contexts[i].stall = config->contexts[i].stall;
		s->contexts[i].name = mem_strdup(config->contexts[i].name);
		s->n_contexts++;
		if (!s->contexts[i].name)
			return -ENOMEM;
	}
	return 0;
}

static int watch(const struct smmuv3 *s, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return epoll_ctl(s->wait_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int open_fds(struct smmuv3 *s)
{
	int r;

	s->again_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->wait_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->again_fd < 0 || s->wait_fd < 0)
		return -errno;
	r = watch(s, s->again_fd);
	return r ? r : watch(s, s->irq->fd);
}

static int begin(struct smmuv3 *s, const struct smmuv3_config *config, struct reason *why)
{
	int r;

	if (v3_quiesce(s))
		return refuse(why, -EIO, "%s cannot be switched off", s->name);
	r = v3_queues_init(s, config->queue_log2);
	if (r)
		return refuse(why, r,
			      r == -EIO ? "%s: its queues are too short" : "%s: no table memory",
			      s->name);
	r = v3_streams_init(s, why);
	if (r)
		return r;
	return v3_enable(s) ? refuse(why, -EIO, "%s cannot be enabled", s->name) : 0;
}

static int adopt(struct smmuv3 *s, struct reason *why)
{
	int r = v3_find_left(s);

	if (r) { /* what it has is not ours to free */
		s->strtab = NULL;
		s->cmdq.at = s->evtq.at = NULL;
		return refuse(why, r, "%s has changed since it was looked at", s->name);
	}
	v3_take_left(s);
	if (v3_go_on(s))
		return refuse(why, -EIO, "%s does not go on", s->name);
	r = v3_streams_adopt(s, why);
	if (r)
		return r;
	return v3_listen(s) ? refuse(why, -EIO, "%s does not tell of faults", s->name) : 0;
}

static int bring_up(struct smmuv3 *s, const struct smmuv3_config *config, struct reason *why)
{
	int r = v3_identify(s, config, why);

	if (r)
		return r;
	r = open_fds(s);
	if (r)
		return refuse(why, r, "%s: its interrupt cannot be waited for", s->name);
	return config->adopt ? adopt(s, why) : begin(s, config, why);
}

int smmuv3_new(const struct smmuv3_config *config, struct a64 *format, struct backend **out,
	       struct reason *why)
{
	struct smmuv3 *s;
	int r;

	if (!config->name || !config->io || !config->irq || !config->bus || !format)
		return refuse(
			why, -EINVAL,
			"an SMMUv3 needs a name, registers, an interrupt, memory and a format");
	if (config->queue_log2 > 19)
		return refuse(why, -EINVAL, "%s: queues of 2^%u entries", config->name,
			      config->queue_log2);
	s = mem_new0(struct smmuv3);
	if (!s)
		return refuse(why, -ENOMEM, "no memory");
	s->wait_fd = s->again_fd = -1;
	r = copy_config(s, config, format);
	if (r)
		refuse(why, r, "no memory");
	else
		r = bring_up(s, config, why);
	if (r) {
		/* Only after v3_identify() is it known to be one, and its registers are written. */
		release(s, !s->cmdq.at || !v3_quiesce(s));
		return r;
	}
	*out = &s->backend;
	return 0;
}
