// SPDX-License-Identifier: BSD-3-Clause
#define SD_JOURNAL_SUPPRESS_LOCATION /* of the caller: it would be ours */

#include "vcmd/journald.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "base/log.h"

#define FIELDS_MAX 8
#define FIELD_LEN 96

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

	va_start(args, fmt);
	vsnprintf(text, FIELD_LEN, fmt, args);
	va_end(args);
	e->fields[e->n++] = (struct iovec){ text, strlen(text) };
}

static void on_line(enum log_level level, const struct log_about *about, const char *line)
{
	struct entry e = { .n = 0 };
	char message[1024 + sizeof("MESSAGE=")];

	snprintf(message, sizeof(message), "MESSAGE=%s", line);
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
	/* A journal that is full or away loses lines; nobody waits for it. */
	sd_journal_sendv(e.fields, e.n);
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

bool journald_take_log(void)
{
	if (!stderr_is_journal())
		return false;
	log_set_sink(on_line);
	return true;
}
