// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/handed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "base/log.h"
#include "base/mem.h"

struct handed {
	char **names; /* libsystemd's: one an fd */
	int *fds;     /* -1: taken */
	int n;
};

CLEANUP_DEFINE(struct handed *, handed_free)

int handed_new(struct handed **out, struct reason *why)
{
	_cleanup_(handed_freep) struct handed *h = mem_new0(struct handed);
	int n;

	if (!h)
		return refuse(why, -ENOMEM, "out of memory");
	n = sd_listen_fds_with_names(1, &h->names);
	if (n < 0)
		return refuse(why, n, "what the service manager hands over is not understood: %s",
			      strerror(-n));
	h->fds = mem_zalloc_n((size_t)n + 1, sizeof(*h->fds));
	if (!h->fds)
		return refuse(why, -ENOMEM, "out of memory");
	for (; h->n < n; h->n++)
		h->fds[h->n] = SD_LISTEN_FDS_START + h->n;
	*out = STEAL_PTR(h);
	return 0;
}

static void names_free(char **names)
{
	for (char **name = names; name && *name; name++)
		free(*name);
	free(names);
}

struct handed *handed_free(struct handed *h)
{
	if (!h)
		return NULL;
	for (int i = 0; i < h->n; i++) {
		if (h->fds[i] >= 0)
			log_warning(
				"the service manager handed over an fd named '%s', which is not known here",
				h->names[i]);
		fd_closep(&h->fds[i]);
	}
	names_free(h->names);
	mem_free(h->fds);
	return mem_free(h);
}

int handed_take(struct handed *h, const char *name)
{
	for (int i = 0; i < h->n; i++)
		if (h->fds[i] >= 0 && !strcmp(h->names[i], name))
			return steal_fd(&h->fds[i]);
	return -1;
}

int handed_take_any(struct handed *h, const char **out_name)
{
	for (int i = 0; i < h->n; i++)
		if (h->fds[i] >= 0) {
			*out_name = h->names[i];
			return steal_fd(&h->fds[i]);
		}
	return -1;
}
