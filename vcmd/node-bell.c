// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/node-bell.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/barrier.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/range.h"
#include "vcmd/config.h"
#include "vcmd/ivshmem.h"
#include "vcmd/loop.h"

struct node_bell {
	const struct config_node *config;
	const struct node_bell_handler *handler;
	void *ctx;
	struct ivshmem *ivshmem; /* NULL without a socket */
	int uio;                 /* -1: none */
	struct loop_fd *watch;
	void *doorbell; /* a page of registers, or NULL */
};

/* --- an interrupt */

static void enable_interrupt(const struct node_bell *b)
{
	const int32_t on = 1;

	/* A driver that has no switch for it never switched it off. */
	if (write(b->uio, &on, sizeof(on)) < 0 && errno != EIO && errno != ENOSYS &&
	    errno != EINVAL && errno != EBADF)
		log_warning("node %s: its interrupt cannot be enabled: %s", b->config->name,
			    strerror(errno));
}

static void on_interrupt(void *ctx, unsigned int what _unused_)
{
	struct node_bell *b = ctx;
	int32_t count;
	ssize_t n = read(b->uio, &count, sizeof(count));

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		log_error("node %s: %s gives no more interrupts: it is polled", b->config->name,
			  b->config->uio);
		b->watch = loop_unwatch(b->watch);
		fd_closep(&b->uio);
	} else {
		enable_interrupt(b);
	}
	b->handler->rung(b->ctx);
}

static int open_uio(struct node_bell *b, struct loop *loop, struct reason *why)
{
	b->uio = open(b->config->uio, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (b->uio < 0)
		return refuse(why, -errno, "node %s: %s: %s", b->config->name, b->config->uio,
			      strerror(errno));
	b->watch = loop_watch(loop, b->uio, LOOP_READ, false, on_interrupt, b);
	if (!b->watch)
		return refuse(why, -ENOMEM, "node %s: %s gives no interrupts", b->config->name,
			      b->config->uio);
	enable_interrupt(b);
	return 0;
}

static int open_doorbell(struct node_bell *b, struct reason *why)
{
	const struct config_node *c = b->config;
	_cleanup_(fd_closep) int fd = open(c->doorbell, O_RDWR | O_SYNC | O_CLOEXEC | O_NOCTTY);
	off_t at = (off_t)c->doorbell_map * (off_t)sysconf(_SC_PAGESIZE);
	void *page = fd < 0 ? MAP_FAILED :
			      mmap(NULL, PAGE_LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, at);

	if (page == MAP_FAILED)
		return refuse(why, -errno, "node %s: %s: %s", c->name, c->doorbell,
			      strerror(errno));
	b->doorbell = page;
	return 0;
}

/* --- a socket */

static void on_joined(void *ctx)
{
	struct node_bell *b = ctx;

	b->handler->joined(b->ctx);
}

static void on_left(void *ctx)
{
	struct node_bell *b = ctx;

	b->handler->left(b->ctx);
}

static void on_rung(void *ctx)
{
	struct node_bell *b = ctx;

	b->handler->rung(b->ctx);
}

static const struct ivshmem_handler ivshmem_handler = {
	.joined = on_joined,
	.left = on_left,
	.rung = on_rung,
};

static int open_socket(struct node_bell *b, struct loop *loop, int memory_fd, struct reason *why)
{
	const struct ivshmem_config config = { .path = b->config->socket,
					       .memory_fd = memory_fd,
					       .n_vectors = b->config->vectors };

	return ivshmem_new(loop, &config, &ivshmem_handler, b, &b->ivshmem, why);
}

/* --- */

void node_bell_ring(struct node_bell *b, unsigned int vector)
{
	if (b->ivshmem)
		ivshmem_ring(b->ivshmem, vector);
	if (!b->doorbell)
		return;
	barrier_before_write();
	*(volatile uint32_t *)((char *)b->doorbell + b->config->doorbell_offset) =
		b->config->doorbell_value;
}

bool node_bell_works(const struct node_bell *b)
{
	switch (b->config->kick) {
	case KICK_EVENTFD:
		return ivshmem_has_peer(b->ivshmem);
	case KICK_UIO:
		return b->uio >= 0;
	case KICK_POLL:
		return false;
	}
	return false;
}

CLEANUP_DEFINE(struct node_bell *, node_bell_free)

int node_bell_new(struct loop *loop, const struct config_node *config, int memory_fd,
		  const struct node_bell_handler *handler, void *ctx, struct node_bell **out,
		  struct reason *why)
{
	_cleanup_(node_bell_freep) struct node_bell *b = mem_new0(struct node_bell);
	int r = 0;

	if (!b)
		return refuse(why, -ENOMEM, "out of memory");
	b->config = config;
	b->handler = handler;
	b->ctx = ctx;
	b->uio = -1;
	if (config->kick == KICK_UIO)
		r = open_uio(b, loop, why);
	if (!r && config->doorbell)
		r = open_doorbell(b, why);
	if (!r && config->socket)
		r = open_socket(b, loop, memory_fd, why);
	if (r < 0)
		return r;
	*out = STEAL_PTR(b);
	return 0;
}

struct node_bell *node_bell_free(struct node_bell *b)
{
	if (!b)
		return NULL;
	ivshmem_free(b->ivshmem);
	if (b->doorbell)
		munmap(b->doorbell, PAGE_LEN);
	loop_unwatch(b->watch);
	fd_closep(&b->uio);
	return mem_free(b);
}
