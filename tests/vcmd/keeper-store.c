// SPDX-License-Identifier: BSD-3-Clause
/* What a keeper has, for the store of a broker in the same process. */
#include <err.h>
#include <fcntl.h>
#include <stdlib.h>

#include "tests/vcmd/keeper.h"
#include "vcmd/store.h"

void keeper_hand_over(struct keeper *k, struct store *s)
{
	const char *name;
	int fd;

	for (size_t i = 0; keeper_nth(k, "", i, &name, &fd); i++)
		if (store_give(s, name, fcntl(fd, F_DUPFD_CLOEXEC, 0)) < 0)
			err(EXIT_FAILURE, "keeper");
}
