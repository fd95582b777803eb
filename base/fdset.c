// SPDX-License-Identifier: BSD-3-Clause
#include "base/fdset.h"

#include <errno.h>
#include <unistd.h>

void fdset_deinit(struct fdset *set)
{
	for (size_t i = 0; i < set->n_fds; i++)
		if (set->fds[i] >= 0)
			close(set->fds[i]);
	set->n_fds = 0;
}

int fdset_add(struct fdset *set, int fd)
{
	if (set->n_fds == FDSET_MAX)
		return -ENOSPC;
	set->fds[set->n_fds++] = fd;
	return 0;
}

int fdset_take(struct fdset *set, size_t i)
{
	int fd;

	if (i >= set->n_fds)
		return -1;
	fd = set->fds[i];
	set->fds[i] = -1;
	return fd;
}
