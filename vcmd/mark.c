// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/mark.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/range.h"
#include "vcmd/store.h"

#define PREFIX "vfio-mark-"
#define NUMBER 1

static bool is_whole(int fd)
{
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && st.st_size == (off_t)PAGE_LEN;
}

static int make(struct store *store, int *out_fd, struct reason *why)
{
	_cleanup_(fd_closep) int fd = memfd_create("vcmd-mark", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct reason because = { "" };

	if (fd < 0 || ftruncate(fd, (off_t)PAGE_LEN) < 0)
		return refuse(why, -errno, "no memory for the mark: %s", strerror(errno));
	/* The next process then takes nothing for known. */
	if (store && store_put(store, PREFIX, NUMBER, fd, &because) < 0)
		log_warning("the mark does not outlive this process: %s", because.text);
	*out_fd = steal_fd(&fd);
	return 0;
}

int mark_init(struct mark *m, struct store *store, bool *out_was_set, struct reason *why)
{
	_cleanup_(fd_closep) int fd = store ? store_take(store, PREFIX, NUMBER) : -1;
	bool found = is_whole(fd);
	void *word;
	int r;

	if (fd >= 0 && !found) {
		store_remove(store, PREFIX, NUMBER);
		fd_closep(&fd);
	}
	r = found ? 0 : make(store, &fd, why);
	if (r < 0)
		return r;
	word = mmap(NULL, PAGE_LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (word == MAP_FAILED)
		return refuse(why, -errno, "no memory for the mark: %s", strerror(errno));
	m->word = word;
	*out_was_set = !found || __atomic_load_n(m->word, __ATOMIC_RELAXED);
	if (*out_was_set)
		mark_stick(m);
	return 0;
}

void mark_deinit(struct mark *m)
{
	if (m->word)
		munmap(m->word, PAGE_LEN);
	*m = MARK_NULL;
}

/* What a process has stored is there when it has died, in the order of the program: more is not needed. */
static void put(struct mark *m, uint32_t value)
{
	if (m->word)
		__atomic_store_n(m->word, value, __ATOMIC_SEQ_CST);
}

void mark_set(struct mark *m)
{
	put(m, 1);
}

void mark_clear(struct mark *m)
{
	put(m, m->sticks);
}

void mark_stick(struct mark *m)
{
	m->sticks = true;
	put(m, 1);
}

void mark_settle(struct mark *m)
{
	m->sticks = false;
	put(m, 0);
}
