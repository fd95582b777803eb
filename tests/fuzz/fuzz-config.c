// SPDX-License-Identifier: BSD-3-Clause
/*
 * Any bytes as a vcmd.conf: read or refused, with a reason, and nothing left behind.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "vcmd/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	_cleanup_(fd_closep) int fd = memfd_create("conf", MFD_CLOEXEC);
	struct config *c = NULL;
	struct reason why = { "" };
	char path[64];
	int r;

	log_set_level(LOG_L_ERROR);
	if (fd < 0 || write(fd, data, len) != (ssize_t)len)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = config_load(path, &c, &why);
	assert(r == 0 || r == -EINVAL);
	assert(r == 0 || !strncmp(why.text, path, strlen(path)));
	assert(r < 0 || (c->socket[0] == '/' && c->poll_us <= 50));
	config_free(c);
	return 0;
}
