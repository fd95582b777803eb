// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/journald.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"

#define SOCKET "/run/systemd/journal/socket"
#define FIELDS_MAX 8
#define FIELD_LEN 96

static struct {
	int fd;
	struct sockaddr_un to;
	uint64_t n_lost; /* since the last line that went through */
} journal = { .fd = -1 };

/* An entry as it is put together: texts that fit, and the message, which may be longer. */
struct entry {
	struct iovec fields[FIELDS_MAX];
	int n;
	char texts[FIELDS_MAX][FIELD_LEN];
};

static void add(struct entry *e, const char *fmt, ...) _printf_(2, 3);

static void add(struct entry *e, const char *fmt, ...)
{
	char *text = e->texts[e->n];
	va_list args;
	size_t len;

	va_start(args, fmt);
	vsnprintf(text, FIELD_LEN - 1, fmt, args);
	va_end(args);
	len = strlen(text);
	text[len] = '\n'; /* nothing else ends it */
	e->fields[e->n++] = (struct iovec){ text, len + 1 };
}

/* A journal that is full, or stands still, loses lines: nobody waits for it. */
static bool send_entry(struct entry *e)
{
	struct msghdr m = { .msg_name = &journal.to,
			    .msg_namelen = sizeof(journal.to),
			    .msg_iov = e->fields,
			    .msg_iovlen = (size_t)e->n };

	return sendmsg(journal.fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

static bool say(enum log_level level, const struct log_about *about, const char *line)
{
	struct entry e = { .n = 0 };
	char message[1024 + sizeof("MESSAGE=\n")];

	snprintf(message, sizeof(message), "MESSAGE=%s\n", line);
	e.fields[e.n++] = (struct iovec){ message, strlen(message) };
	add(&e, "PRIORITY=%d", (int)level);
	add(&e, "SYSLOG_IDENTIFIER=vcmd");
	if (about->session)
		add(&e, "SESSION=%" PRIu64, about->session);
	if (about->vcm)
		add(&e, "VCM=%" PRIu32, about->vcm);
	if (about->device)
		add(&e, "DEVICE=%s", about->device);
	if (about->operation)
		add(&e, "OPERATION=%s", about->operation);
	return send_entry(&e);
}

static void on_line(enum log_level level, const struct log_about *about, const char *line)
{
	char lost[96];

	snprintf(lost, sizeof(lost),
		 "%" PRIu64 " lines before this one are lost: the journal did not take them",
		 journal.n_lost);
	if (journal.n_lost && say(LOG_L_WARNING, &(const struct log_about){ 0 }, lost))
		journal.n_lost = 0;
	if (!say(level, about, line))
		journal.n_lost++;
}

/* The service manager says which stream is the journal's, since standard error may have been redirected after it. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[64];
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st) < 0)
		return false;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return !strcmp(stream, own);
}

bool journald_open(const char *path)
{
	_cleanup_(fd_closep) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(journal.to.sun_path))
		return false;
	journal.to.sun_family = AF_UNIX;
	memcpy(journal.to.sun_path, path, strlen(path) + 1);
	fd_closep(&journal.fd);
	journal.fd = steal_fd(&fd);
	journal.n_lost = 0;
	log_set_sink(on_line);
	return true;
}

bool journald_take_log(void)
{
	return stderr_is_journal() && journald_open(SOCKET);
}
