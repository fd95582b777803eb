// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/outbox.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fdset.h"
#include "base/mem.h"

/* A peer that begins to read has room for a hundred packets and more, which would hold everybody up for 0.3 ms. */
#define PACKETS_A_TURN 16

struct outbox_packet {
	STAILQ_ENTRY(outbox_packet) link;
	struct fdset fds;
	size_t len;
	unsigned char buf[];
};

static struct outbox_packet *packet_free(struct outbox_packet *p)
{
	fdset_deinit(&p->fds);
	return mem_free(p);
}

CLEANUP_DEFINE(struct outbox_packet *, packet_free)

void outbox_init(struct outbox *o)
{
	*o = (struct outbox){ .n_packets = 0 };
	STAILQ_INIT(&o->packets);
}

static void drop_first(struct outbox *o)
{
	struct outbox_packet *p = STAILQ_FIRST(&o->packets);

	STAILQ_REMOVE_HEAD(&o->packets, link);
	o->n_packets--;
	o->n_bytes -= p->len;
	o->n_fds -= p->fds.n_fds;
	packet_free(p);
}

void outbox_deinit(struct outbox *o)
{
	while (!outbox_is_empty(o))
		drop_first(o);
}

bool outbox_is_empty(const struct outbox *o)
{
	return STAILQ_EMPTY(&o->packets);
}

static enum outbox_result result_of(int err)
{
	switch (err) {
	case EAGAIN:
	case EINTR:
		return OUTBOX_FULL;
	case ENOBUFS:
	case ENOMEM:
	case ETOOMANYREFS: /* fds that we sent and nobody has received yet */
		return OUTBOX_SHORT;
	case EPIPE:
	case ECONNRESET:
	case ENOTCONN:
	case ECONNREFUSED:
		return OUTBOX_DEAD;
	default:
		return OUTBOX_IMPOSSIBLE;
	}
}

static ssize_t send_with_fds(int fd, const void *buf, size_t len, const int *fds, size_t n_fds)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * FDSET_MAX)];
	} control = { .space = { 0 } };
	struct iovec iov = { .iov_len = len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	memcpy(&iov.iov_base, &buf, sizeof(buf)); /* sendmsg() does not write to it */
	*cmsg = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
	cmsg->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
	memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * n_fds);
	return sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

enum outbox_result outbox_send_now(int fd, const void *buf, size_t len, const int *fds,
				   size_t n_fds)
{
	ssize_t n;

	assert(len > 0 && n_fds <= FDSET_MAX);
	n = n_fds ? send_with_fds(fd, buf, len, fds, n_fds) :
		    send(fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	return n < 0 ? result_of(errno) : OUTBOX_SENT;
}

int outbox_push(struct outbox *o, const void *buf, size_t len, const int *fds, size_t n_fds)
{
	_cleanup_(packet_freep) struct outbox_packet *p = NULL;

	assert(n_fds <= FDSET_MAX);
	p = mem_zalloc(sizeof(*p) + len);
	if (!p)
		return -ENOMEM;
	for (size_t i = 0; i < n_fds; i++) {
		_cleanup_(fd_closep) int fd = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);

		if (fd < 0 || fdset_add(&p->fds, fd) < 0)
			return -ENOMEM;
		steal_fd(&fd);
	}
	memcpy(p->buf, buf, len);
	p->len = len;
	o->n_packets++;
	o->n_bytes += len;
	o->n_fds += n_fds;
	STAILQ_INSERT_TAIL(&o->packets, p, link);
	STEAL_PTR(p);
	return 0;
}

enum outbox_result outbox_flush(struct outbox *o, int fd)
{
	struct outbox_packet *p;

	for (unsigned int i = 0; (p = STAILQ_FIRST(&o->packets)); i++) {
		enum outbox_result r =
			i == PACKETS_A_TURN ?
				OUTBOX_FULL :
				outbox_send_now(fd, p->buf, p->len, p->fds.fds, p->fds.n_fds);

		if (r != OUTBOX_SENT)
			return r;
		drop_first(o);
	}
	return OUTBOX_SENT;
}
