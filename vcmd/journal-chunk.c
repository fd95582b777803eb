// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/journal-chunk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/range.h"
#include "memory/source.h"
#include "vcmd/store.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif
#define FILL_STEP SZ_64K

static int map(struct chunk *c, size_t len, int prot)
{
	void *at = mmap(NULL, len, prot, MAP_SHARED, c->fd, 0);

	if (at == MAP_FAILED)
		return -errno;
	c->at = at;
	c->len = len;
	return 0;
}

static struct chunk *chunk_make(struct store *store, uint64_t number)
{
	struct chunk *c = mem_new0(struct chunk);

	if (!c)
		return NULL;
	c->store = store;
	c->number = number;
	c->fd = -1;
	return c;
}

struct chunk *chunk_new(struct store *store, uint64_t number, size_t len, struct reason *why)
{
	struct chunk *c = chunk_make(store, number);

	if (!c) {
		refuse(why, 0, "the broker has no memory left for its journal");
		return NULL;
	}
	c->fd = source_open(SOURCE_MEMFD, len);
	if (c->fd < 0 || map(c, len, PROT_READ | PROT_WRITE) < 0) {
		refuse(why, 0, "the system has no memory or no fd left for the journal");
		return chunk_free(c, false);
	}
	if (store_put(store, STORE_JOURNAL, number, c->fd, why) < 0)
		return chunk_free(c, false);
	c->stored = true;
	return c;
}

/* Sealed, so that nothing can pull its pages away from under us. */
static bool is_chunk(int fd, size_t *out_len)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;

	if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	*out_len = (size_t)st.st_size;
	return st.st_size > 0;
}

int chunk_adopt(struct store *store, uint64_t number, int fd, struct chunk **out,
		struct reason *why)
{
	_cleanup_(mem_freep) struct chunk *c = chunk_make(store, number);
	size_t len;

	if (!c)
		return refuse(why, -ENOMEM, "no memory for journal-%llu",
			      (unsigned long long)number);
	if (!is_chunk(fd, &len))
		return refuse(why, -EINVAL, "journal-%llu is no file of a journal",
			      (unsigned long long)number);
	c->fd = fd;
	if (map(c, len, PROT_READ) < 0)
		return refuse(why, -ENOMEM, "journal-%llu cannot be mapped: %s",
			      (unsigned long long)number, strerror(errno));
	c->stored = true;
	*out = STEAL_PTR(c);
	return 0;
}

struct chunk *chunk_free(struct chunk *c, bool is_needed)
{
	if (!c)
		return NULL;
	if (c->at)
		munmap(c->at, c->len);
	if (c->stored && !is_needed)
		store_remove(c->store, STORE_JOURNAL, c->number);
	fd_closep(&c->fd);
	return mem_free(c);
}

bool chunk_fill_step(struct chunk *c)
{
	size_t left = c->len - c->filled, n = left < FILL_STEP ? left : FILL_STEP;

	if (n > 0)
		madvise(c->at + c->filled, n, MADV_POPULATE_WRITE);
	c->filled += n;
	return c->filled < c->len;
}
