// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/node-window.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/range.h"
#include "vcmd/config.h"

static int open_memfd(struct node_window *w, const struct config_node *c, struct reason *why)
{
	_cleanup_(fd_closep) int fd = memfd_create(c->name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, (off_t)c->len) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return refuse(why, -errno, "node %s: no memory for its window: %s", c->name,
			      strerror(errno));
	w->fd = steal_fd(&fd);
	w->is_new = true;
	return 0;
}

/* A file that is long enough is left as it is: somebody may be at work in it. */
static int open_file(struct node_window *w, const struct config_node *c, struct reason *why)
{
	_cleanup_(fd_closep) int fd =
		open(c->file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0660);
	uint64_t end = c->offset + c->len;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return refuse(why, -errno, "node %s: %s: %s", c->name, c->file, strerror(errno));
	if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
		return refuse(why, -EINVAL, "node %s: %s is no memory", c->name, c->file);
	w->is_new = S_ISREG(st.st_mode) && (uint64_t)st.st_size < end;
	if (w->is_new && ftruncate(fd, (off_t)end) < 0)
		return refuse(why, -errno, "node %s: %s cannot be made longer: %s", c->name,
			      c->file, strerror(errno));
	w->fd = steal_fd(&fd);
	return 0;
}

static int open_uio(struct node_window *w, const struct config_node *c, struct reason *why)
{
	w->fd = open(c->uio, O_RDWR | O_CLOEXEC);
	return w->fd < 0 ?
		       refuse(why, -errno, "node %s: %s: %s", c->name, c->uio, strerror(errno)) :
		       0;
}

/* A map of a UIO device is named by the page that it would be. */
static off_t map_offset(const struct config_node *c)
{
	if (!c->file && c->uio)
		return (off_t)c->map * (off_t)sysconf(_SC_PAGESIZE);
	return (off_t)c->offset;
}

/* Between pages that nobody can touch: what would leave the window, ends the process and reads nothing. */
static void *map_guarded(int fd, off_t at, uint64_t len)
{
	char *all = mmap(NULL, len + 2 * PAGE_LEN, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *window;

	if (all == MAP_FAILED)
		return MAP_FAILED;
	window = mmap(all + PAGE_LEN, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, at);
	if (window == MAP_FAILED)
		munmap(all, len + 2 * PAGE_LEN);
	return window;
}

int node_window_open(struct node_window *w, const struct config_node *c, struct reason *why)
{
	int r;

	*w = NODE_WINDOW_NULL;
	if (c->file)
		r = open_file(w, c, why);
	else
		r = c->uio ? open_uio(w, c, why) : open_memfd(w, c, why);
	if (r < 0)
		return r;
	w->base = map_guarded(w->fd, map_offset(c), c->len);
	if (w->base == MAP_FAILED) {
		r = refuse(why, -errno, "node %s: its window cannot be mapped: %s", c->name,
			   strerror(errno));
		w->base = NULL;
		node_window_deinit(w);
		return r;
	}
	w->len = c->len;
	return 0;
}

void node_window_deinit(struct node_window *w)
{
	if (w->base)
		munmap((char *)w->base - PAGE_LEN, w->len + 2 * PAGE_LEN);
	fd_closep(&w->fd);
	*w = NODE_WINDOW_NULL;
}
