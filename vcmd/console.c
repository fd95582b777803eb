// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/console.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"

#define LINE_LEN (1024 + sizeof("<7>\n"))

static struct {
	int fd; /* of a description of our own; -1: standard error's, which others may have, too */
	bool is_socket;
	bool has_levels;     /* the reader takes <N> for one */
	uint64_t n_lost;     /* since the last line that went through */
	char rest[LINE_LEN]; /* of a line that was taken in part */
	size_t n_rest;
} console = { .fd = -1 };

/* A pipe with room has room for a whole line; only somebody else who writes into it could take that first. */
static bool has_room(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT);
}

static ssize_t put(const char *text, size_t len)
{
	if (console.is_socket)
		return send(STDERR_FILENO, text, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (console.fd >= 0)
		return write(console.fd, text, len);
	return has_room(STDERR_FILENO) ? write(STDERR_FILENO, text, len) : -1;
}

/* Whether nothing is left of the line before. */
static bool put_rest(void)
{
	ssize_t n = console.n_rest ? put(console.rest, console.n_rest) : 0;

	if (n > 0) {
		console.n_rest -= (size_t)n;
		memmove(console.rest, console.rest + n, console.n_rest);
	}
	return !console.n_rest;
}

static bool say(enum log_level level, const char *line)
{
	char *text = console.rest;
	int n;

	if (!put_rest())
		return false;
	n = console.has_levels ? snprintf(text, LINE_LEN, "<%d>%s\n", (int)level, line) :
				 snprintf(text, LINE_LEN, "%s\n", line);
	console.n_rest = (size_t)n;
	put_rest();
	/* All of it, or a part that the rest will follow. */
	if (console.n_rest < (size_t)n)
		return true;
	console.n_rest = 0;
	return false;
}

static void on_line(enum log_level level, const struct log_about *about _unused_, const char *line)
{
	char lost[96];

	snprintf(lost, sizeof(lost),
		 "%" PRIu64 " lines before this one are lost: standard error did not take them",
		 console.n_lost);
	if (console.n_lost && say(LOG_L_WARNING, lost))
		console.n_lost = 0;
	if (console.n_lost || !say(level, line))
		console.n_lost++;
}

bool console_take_log(void)
{
	struct stat st;

	if (fstat(STDERR_FILENO, &st) < 0 || S_ISREG(st.st_mode))
		return false;
	fd_closep(&console.fd);
	console.is_socket = S_ISSOCK(st.st_mode);
	/* Another user's pipe or terminal cannot be opened. */
	if (!console.is_socket)
		console.fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	console.has_levels = getenv("JOURNAL_STREAM") != NULL;
	console.n_lost = console.n_rest = 0;
	log_set_sink(on_line);
	return true;
}
