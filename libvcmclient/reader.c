// SPDX-License-Identifier: BSD-3-Clause
#include "libvcmclient/reader.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/eventfd.h>

#include "base/mem.h"
#include "libvcmclient/session.h"

struct reader {
	pthread_t id;
	int fd, stop_fd; /* stop_fd: an eventfd, readable when it shall end */
	reader_fn fn;
	void *ctx;
	atomic_bool is_detached; /* nobody waits for it: it frees itself */
	struct session *session; /* a reference */
};

static struct reader *reader_free(struct reader *reader)
{
	if (!reader)
		return NULL;
	session_unref(reader->session);
	fd_closep(&reader->stop_fd);
	return mem_free(reader);
}
CLEANUP_DEFINE(struct reader *, reader_free)

static void *reader_main(void *arg)
{
	struct reader *reader = arg;
	struct pollfd fds[] = { { .fd = reader->fd, .events = POLLIN },
				{ .fd = reader->stop_fd, .events = POLLIN } };

	while (!fds[1].revents) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		if (!fds[1].revents && fds[0].revents && reader->fn(reader->ctx) < 0)
			break;
	}
	if (atomic_load(&reader->is_detached))
		reader_free(reader);
	return NULL;
}

static int spawn(struct reader *reader)
{
	sigset_t all, old;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&reader->id, NULL, reader_main, reader);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -r;
}

int reader_start(struct session *session, int fd, reader_fn fn, void *ctx, struct reader **out)
{
	_cleanup_(reader_freep) struct reader *reader = mem_new0(struct reader);
	int r;

	if (!reader)
		return -ENOMEM;
	reader->session = session_ref(session);
	reader->fd = fd;
	reader->fn = fn;
	reader->ctx = ctx;
	reader->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (reader->stop_fd < 0)
		return -errno;
	r = spawn(reader);
	if (r < 0)
		return r;
	*out = STEAL_PTR(reader);
	return 0;
}

struct reader *reader_stop(struct reader *reader)
{
	if (!reader)
		return NULL;
	/* The first write to an eventfd always succeeds. */
	eventfd_write(reader->stop_fd, 1);
	if (pthread_equal(reader->id, pthread_self())) {
		atomic_store(&reader->is_detached, true);
		pthread_detach(reader->id);
		return NULL;
	}
	pthread_join(reader->id, NULL);
	return reader_free(reader);
}

void reader_forked(struct reader *reader)
{
	if (reader)
		fd_closep(&reader->stop_fd);
}
