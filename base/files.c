// SPDX-License-Identifier: BSD-3-Clause
#include "base/files.h"

#include <sys/resource.h>

bool files_leave(int fd, unsigned long part, unsigned long most)
{
	struct rlimit files;
	rlim_t kept;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur == RLIM_INFINITY)
		return true;
	kept = files.rlim_cur / part;
	return (rlim_t)fd + 1 + (kept < most ? kept : most) <= files.rlim_cur;
}
