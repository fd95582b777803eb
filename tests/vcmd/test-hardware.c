// SPDX-License-Identifier: BSD-3-Clause
/*
 * Real hardware that a configuration names and that is not there, or must not be driven so: the broker does not start, says
 * why, and leaves nothing behind. What there is of hardware in a machine is proven in one (tests/e2e/arm64, x86).
 */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/range.h"
#include "tests/suite.h"
#include "vcmd/broker.h"
#include "vcmd/config.h"
#include "vcmd/loop.h"

#define TABLES_LEN SZ_1M

static int tables = -1; /* a file in the page cache, where a real machine has memory of its own */

static struct config *config_of(const char *text)
{
	_cleanup_(fd_closep) int fd = memfd_create("config", MFD_CLOEXEC);
	struct config *c = NULL;
	struct reason why = { "" };
	char path[64];

	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ck_assert_msg(config_load(path, &c, &why) == 0, "%s", why.text);
	return c;
}

/* tables: what table-memory is, or nothing. */
static void refused(const char *tables_are, const char *hardware, const char *because)
{
	struct loop *loop = loop_new(0);
	struct reason why = { "" };
	struct config *c;
	char text[1024];

	snprintf(text, sizeof(text), "memtype 0 { pool { ranges = {\"0x40000000+64M\"} } }\n%s%s",
		 tables_are, hardware);
	c = config_of(text);
	ck_assert_ptr_null(broker_new(loop, c, NULL, &why));
	ck_assert_msg(strstr(why.text, because), "%s", why.text);
	config_free(c);
	loop_free(loop);
}

static const char *cached_tables(void)
{
	static char text[160];

	snprintf(text, sizeof(text),
		 "table-memory { source = window file = \"/proc/self/fd/%d\" offset = 0 "
		 "ranges = {\"0x70000000+1M\"} }\n",
		 tables);
	return text;
}

static void setup(void)
{
	tables = memfd_create("tables", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(tables, TABLES_LEN), 0);
}

static void teardown(void)
{
	fd_closep(&tables);
}

START_TEST(tables_that_hardware_could_not_walk_are_refused)
{
	setup();
	refused("", "smmu s { base = 0x7500000 registers = mem context a { mid = 0 } }\n",
		"table-memory");
	/* Its walker would read what memory was before the CPU's caches wrote it back: whatever was mapped then. */
	refused(cached_tables(),
		"smmu s { base = 0x7500000 registers = mem context a { mid = 0 } }\n",
		"does not snoop the CPU's caches");
	teardown();
}
END_TEST

START_TEST(registers_that_are_not_there_are_refused)
{
	setup();
	refused(cached_tables(),
		"smmuv3 s { registers = uio device = none context a { stream = 0 } }\n",
		"no UIO device is named 'none'");
	refused(cached_tables(),
		"smmuv3 s { registers = vfio base = 0x9050000 device = none "
		"context a { stream = 0 } }\n",
		"vfio-platform does not have a device none");
	teardown();
}
END_TEST

SUITE_MAIN("hardware", tables_that_hardware_could_not_walk_are_refused,
	   registers_that_are_not_there_are_refused)
