// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/turn-away.h"

#include <errno.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "proto/message.h"

CLEANUP_DEFINE(struct codec *, codec_free)

/* The last word of a broker. Whoever cannot be told sees that the connection ends. */
static size_t last_word(const char *why, void *buf, size_t cap)
{
	_cleanup_(codec_freep) struct codec *codec = codec_new();
	const struct reply reply = { .status = -ECONNREFUSED, .reason = why };
	long n = codec ? reply_encode(codec, &reply, buf, cap) : 0;

	return n > 0 ? (size_t)n : 0;
}

unsigned int turn_away(int fd, const char *why)
{
	uint8_t word[1024];
	size_t len = last_word(why, word, sizeof(word));
	struct timeval at_once = { .tv_usec = 1 };
	unsigned int n = 0;

	/* Who listens is whose socket it is: its flags stay as they are. */
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &at_once, sizeof(at_once));
	for (;; n++) {
		/* cppcheck-suppress nullPointer ; who it is need not be said */
		_cleanup_(fd_closep) int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

		if (peer < 0)
			return n;
		if (len > 0)
			send(peer, word, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}
