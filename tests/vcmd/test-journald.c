// SPDX-License-Identifier: BSD-3-Clause
/*
 * The log as entries of a journal that reads them, or does not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/suite.h"
#include "vcmd/journald.h"

#define N_LINES 5000

static char dir[32], path[64];
static int fd;

static void begin(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	snprintf(dir, sizeof(dir), "/tmp/vcm-journald-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/socket", dir);
	memcpy(addr.sun_path, path, sizeof(path));
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert(journald_open(path));
}

static void end(void)
{
	log_set_sink(NULL);
	close(fd);
	unlink(path);
	rmdir(dir);
}

/* The next entry; false: there is none. */
static bool next(char out[4096])
{
	ssize_t n = recv(fd, out, 4095, MSG_DONTWAIT);

	out[n > 0 ? n : 0] = '\0';
	return n > 0;
}

START_TEST(an_entry_has_its_fields)
{
	char entry[4096];

	begin();
	log_about(LOG_L_WARNING,
		  LOG_ABOUT(.session = 7, .vcm = 3, .device = "dma0", .operation = "back"), "no %s",
		  "memory");
	ck_assert(next(entry));
	ck_assert_str_eq(entry, "MESSAGE=no memory\nPRIORITY=4\nSYSLOG_IDENTIFIER=vcmd\n"
				"SESSION=7\nVCM=3\nDEVICE=dma0\nOPERATION=back\n");
	log_error("a\nMESSAGE=forged");
	ck_assert(next(entry));
	ck_assert_str_eq(entry, "MESSAGE=a?MESSAGE=forged\nPRIORITY=3\nSYSLOG_IDENTIFIER=vcmd\n");
	ck_assert(!next(entry));
	end();
}
END_TEST

START_TEST(nobody_waits_for_a_journal_that_does_not_read_and_it_hears_what_it_has_lost)
{
	char entry[4096], lost[64];
	unsigned int n = 0;

	begin();
	for (unsigned int i = 0; i < N_LINES; i++)
		log_error("line %u", i);
	while (next(entry))
		n++;
	ck_assert_uint_gt(n, 0);
	ck_assert_uint_lt(n, N_LINES);
	log_error("the next");
	ck_assert(next(entry));
	snprintf(lost, sizeof(lost), "MESSAGE=%u lines before this one are lost", N_LINES - n);
	ck_assert_msg(!strncmp(entry, lost, strlen(lost)), "%s", entry);
	ck_assert(next(entry));
	ck_assert_ptr_nonnull(strstr(entry, "MESSAGE=the next\n"));
	/* And one that has gone. */
	close(fd);
	log_error("to nobody");
	end();
}
END_TEST

SUITE_MAIN("vcmd-journald", an_entry_has_its_fields,
	   nobody_waits_for_a_journal_that_does_not_read_and_it_hears_what_it_has_lost)
