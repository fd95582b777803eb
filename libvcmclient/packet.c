// SPDX-License-Identifier: BSD-3-Clause
#include "libvcmclient/packet.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"

struct packet *packet_new(void)
{
	_cleanup_(packet_freep) struct packet *packet = mem_new0(struct packet);

	if (!packet)
		return NULL;
	packet->codec = codec_new();
	return packet->codec ? STEAL_PTR(packet) : NULL;
}

struct packet *packet_free(struct packet *packet)
{
	if (!packet)
		return NULL;
	codec_free(packet->codec);
	fdset_deinit(&packet->fds);
	return mem_free(packet);
}

int packet_encode(struct packet *packet, const struct request *request, size_t max, size_t *out_len,
		  struct reason *why)
{
	long n = request_encode(packet->codec, request, packet->bytes,
				max < sizeof(packet->bytes) ? max : sizeof(packet->bytes));

	if (n < 0)
		return refuse(why, (int)n,
			      n == -EMSGSIZE ? "the request is too long for one message" :
					       "no memory");
	*out_len = (size_t)n;
	return 0;
}

int packet_send(const struct packet *packet, int fd, size_t len, int flags)
{
	ssize_t n;

	do
		n = send(fd, packet->bytes, len, flags | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* The kernel has installed these fds whatever becomes of the message: they are ours. */
static void take_fds(struct packet *packet, struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			_cleanup_(fd_closep) int fd = -1;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (fdset_add(&packet->fds, fd) == 0)
				fd = -1;
		}
	}
}

int packet_receive(struct packet *packet, int fd, int flags, struct reason *why)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * FDSET_MAX)];
	} control;
	struct iovec iov = { packet->bytes, sizeof(packet->bytes) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = sizeof(control.bytes) };
	bool was_reset = false;
	ssize_t n;

	/* A peer that did not read all that it was sent is told of first, and what it has sent comes after that. */
	for (;;) {
		n = recvmsg(fd, &msg, flags | MSG_CMSG_CLOEXEC);
		if (n >= 0 || (errno != EINTR && (errno != ECONNRESET || was_reset)))
			break;
		was_reset |= errno == ECONNRESET;
	}
	if (n < 0)
		return errno == EAGAIN ?
			       -EAGAIN :
			       refuse(why, -errno, "the socket: %s", strerrordesc_np(errno));
	fdset_deinit(&packet->fds);
	take_fds(packet, &msg);
	packet->lost_fds = msg.msg_flags & MSG_CTRUNC;
	if (n == 0)
		return refuse(why, -ECONNRESET, "the broker has closed the connection");
	if (msg.msg_flags & MSG_TRUNC)
		return refuse(why, -EPROTO, "the broker sent a message that is too long");
	return reply_decode(packet->codec, packet->bytes, (size_t)n, &packet->reply, why);
}
