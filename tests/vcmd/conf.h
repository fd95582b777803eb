/* SPDX-License-Identifier: BSD-3-Clause */
/* Texts as files of a configuration. */
#pragma once

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/reason.h"
#include "vcmd/config.h"

CLEANUP_DEFINE(struct config *, config_free)

static char path[64]; /* of the last file_of() */

/* The text as a file; its name is in path. */
static inline int file_of(const char *text, size_t len)
{
	int fd = memfd_create("conf", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	log_set_level(LOG_L_ERROR); /* its mode lets everybody write */
	return fd;
}

static inline struct config *load(const char *text)
{
	_cleanup_(fd_closep) _unused_ int fd = file_of(text, strlen(text));
	struct reason why = { "" };
	struct config *c = NULL;
	int r = config_load(path, &c, &why);

	ck_assert_msg(r == 0, "%s\n%s", why.text, text);
	return c;
}
