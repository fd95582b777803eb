// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/node-window.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/range.h"
#include "base/log.h"
#include "vcmd/config.h"
#include "vcmd/store.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
/* Of a node there is one. */
#define NUMBER 1
#define NAME_MAX_LEN 48

/* False: its name is none that the keeper of the fds takes. */
static bool prefix_of(const struct config_node *c, char prefix[static STORE_NAME_MAX])
{
	size_t len = strspn(c->name,
			    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

	snprintf(prefix, STORE_NAME_MAX, "window-%.*s-", NAME_MAX_LEN, c->name);
	return len <= NAME_MAX_LEN && !c->name[len];
}

/* What an earlier broker made; of another length it is of no use. */
static bool take_kept(struct node_window *w, const struct config_node *c, struct store *store)
{
	char prefix[STORE_NAME_MAX];
	_cleanup_(fd_closep) int fd = -1;
	struct stat st;

	fd = store && prefix_of(c, prefix) ? store_take(store, prefix, NUMBER) : -1;
	if (fd < 0)
		return false;
	if (fstat(fd, &st) < 0 || (uint64_t)st.st_size != c->len ||
	    (fcntl(fd, F_GET_SEALS) & SEALS) != SEALS) {
		log_warning("node %s: the window that was kept is another's: it gets a new one",
			    c->name);
		store_remove(store, prefix, NUMBER);
		return false;
	}
	w->fd = steal_fd(&fd);
	return true;
}

/* Without it a node loses its memory with the broker, as it would with no store. */
static void keep(const struct node_window *w, const struct config_node *c, struct store *store)
{
	char prefix[STORE_NAME_MAX];
	struct reason why = { "its name is too long, or has more than letters, digits, - _ ." };

	if (store && (!prefix_of(c, prefix) || store_put(store, prefix, NUMBER, w->fd, &why) < 0))
		log_warning("node %s: its window is not kept: %s", c->name, why.text);
}

static int open_memfd(struct node_window *w, const struct config_node *c, struct reason *why)
{
	_cleanup_(fd_closep) int fd = memfd_create(c->name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, (off_t)c->len) < 0 || fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return refuse(why, -errno, "node %s: no memory for its window: %s", c->name,
			      strerror(errno));
	w->fd = steal_fd(&fd);
	w->is_new = true;
	return 0;
}

/* O_SYNC: a device's memory is not cached here, as a CPU that does not see our caches shares it. */
static int flags_for(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISREG(st.st_mode) ? O_SYNC : O_CREAT;
}

/* A file that is long enough is left as it is: somebody may be at work in it. */
static int open_file(struct node_window *w, const struct config_node *c, struct reason *why)
{
	_cleanup_(fd_closep) int fd = open(
		c->file, flags_for(c->file) | O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0660);
	uint64_t end = c->offset + c->len;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return refuse(why, -errno, "node %s: %s: %s", c->name, c->file, strerror(errno));
	if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
		return refuse(why, -EINVAL, "node %s: %s is no memory", c->name, c->file);
	/* In a folder that is everybody's, who makes it first would be the node. */
	if (S_ISREG(st.st_mode) && st.st_uid != 0 && st.st_uid != geteuid())
		return refuse(why, -EPERM,
			      "node %s: %s belongs to user %u, and not to vcmd or root", c->name,
			      c->file, st.st_uid);
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

static int open_kept_memfd(struct node_window *w, const struct config_node *c, struct store *store,
			   struct reason *why)
{
	int r;

	if (take_kept(w, c, store))
		return 0;
	r = open_memfd(w, c, why);
	if (r == 0)
		keep(w, c, store);
	return r;
}

int node_window_open(struct node_window *w, const struct config_node *c, struct store *store,
		     struct reason *why)
{
	int r;

	*w = NODE_WINDOW_NULL;
	if (c->file)
		r = open_file(w, c, why);
	else
		r = c->uio ? open_uio(w, c, why) : open_kept_memfd(w, c, store, why);
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
