// SPDX-License-Identifier: BSD-3-Clause
#include "libvcmclient/arena.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/range.h"

struct arena {
	uint32_t id;
	int fd;
	uint64_t len;
	size_t n_uses;
	uint64_t used_at;
};

void arenas_init(struct arenas *a)
{
	*a = (struct arenas){ .n = 0 };
	pthread_mutex_init(&a->lock, NULL);
}

void arenas_deinit(struct arenas *a)
{
	for (size_t i = 0; i < a->n; i++)
		close(a->list[i].fd);
	a->list = mem_free(a->list);
	a->n = a->cap = 0;
	pthread_mutex_destroy(&a->lock);
}

static struct arena *arena_find(struct arenas *a, uint32_t id)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->list[i].id == id)
			return &a->list[i];
	return NULL;
}

static void arena_drop(struct arenas *a, struct arena *arena)
{
	assert(arena->n_uses == 0);
	close(arena->fd);
	*arena = a->list[--a->n];
}

static int make_room(struct arenas *a)
{
	size_t cap = a->cap ? 2 * a->cap : 8;
	struct arena *list;

	if (a->n < a->cap)
		return 0;
	list = mem_realloc_n(a->list, cap, sizeof(*list));
	if (!list)
		return -ENOMEM;
	a->list = list;
	a->cap = cap;
	return 0;
}

static bool is_writable(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && (flags & O_ACCMODE) == O_RDWR;
}

/* The arena was here: asked for again, or given once to read and once to write. The better fd stays, under its number. */
static int replace(struct arena *arena, int fd)
{
	if (is_writable(fd) || !is_writable(arena->fd))
		if (dup3(fd, arena->fd, O_CLOEXEC) < 0)
			return -errno;
	close(fd);
	return 0;
}

static int add(struct arenas *a, uint32_t id, int fd, uint64_t len)
{
	struct arena *arena = arena_find(a, id);
	int r;

	if (arena) {
		r = arena->len == len ? replace(arena, fd) : -EPROTO;
		arena->n_uses += r == 0;
		return r;
	}
	r = make_room(a);
	if (r < 0)
		return r;
	a->list[a->n++] = (struct arena){
		.id = id, .fd = fd, .len = len, .n_uses = 1, .used_at = ++a->clock
	};
	return 0;
}

int arenas_add(struct arenas *a, uint32_t id, int fd, struct reason *why)
{
	struct stat st;
	int r;

	/* A device has no length: what is not there cannot be mapped. */
	if (fstat(fd, &st) == 0 && S_ISCHR(st.st_mode))
		st.st_size = INT64_MAX;
	else if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size <= 0)
		return refuse(why, -EPROTO,
			      "the broker sent something that is no memory for arena %u", id);
	pthread_mutex_lock(&a->lock);
	r = add(a, id, fd, (uint64_t)st.st_size);
	pthread_mutex_unlock(&a->lock);
	return r < 0 ? refuse(why, r, "arena %u cannot be kept", id) : 0;
}

static int get(struct arenas *a, uint32_t id, uint64_t offset, uint64_t len, int *out_fd)
{
	struct arena *arena = arena_find(a, id);
	struct range r;

	if (!arena)
		return -ENOENT;
	if (!range_make(offset, len, &r) || r.last >= arena->len)
		return -EPROTO;
	arena->n_uses++;
	arena->used_at = ++a->clock;
	*out_fd = arena->fd;
	return 0;
}

int arenas_get(struct arenas *a, uint32_t id, uint64_t offset, uint64_t len, int *out_fd,
	       struct reason *why)
{
	int r;

	pthread_mutex_lock(&a->lock);
	r = get(a, id, offset, len, out_fd);
	pthread_mutex_unlock(&a->lock);
	if (r == -EPROTO)
		return refuse(why, r, "the broker sent a piece outside of arena %u", id);
	return r;
}

/* The idle arena that was used longest ago, when there are more than may be kept. */
static struct arena *too_many(struct arenas *a)
{
	struct arena *oldest = NULL;
	size_t n_idle = 0;

	for (size_t i = 0; i < a->n; i++) {
		if (a->list[i].n_uses)
			continue;
		n_idle++;
		if (!oldest || a->list[i].used_at < oldest->used_at)
			oldest = &a->list[i];
	}
	return n_idle > ARENAS_IDLE_MAX ? oldest : NULL;
}

void arenas_put(struct arenas *a, uint32_t id)
{
	struct arena *arena;

	pthread_mutex_lock(&a->lock);
	arena = arena_find(a, id);
	assert(arena && arena->n_uses);
	if (--arena->n_uses == 0) {
		arena = too_many(a);
		if (arena)
			arena_drop(a, arena);
	}
	pthread_mutex_unlock(&a->lock);
}

void arenas_trim(struct arenas *a)
{
	pthread_mutex_lock(&a->lock);
	for (size_t i = a->n; i-- > 0;)
		if (a->list[i].n_uses == 0 && a->list[i].len > ARENAS_IDLE_LEN)
			arena_drop(a, &a->list[i]);
	pthread_mutex_unlock(&a->lock);
}
