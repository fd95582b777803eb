// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/machine-pages.h"

#include <errno.h>
#include <stdio.h>
#include <sys/eventfd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "memory/memory.h"
#include "vcmd/store.h"

#define PREFIX "page-"
#define PIN "page-pin-"
#define WHOLE "page-whole-"
#define NUMBER 1
#define SYNC_MS 5000

struct machine_page {
	SLIST_ENTRY(machine_page) link;
	unsigned int set;
	uint64_t number;
};

struct set {
	char prefix[32];
};

static struct set set_of(unsigned int n)
{
	struct set s;

	snprintf(s.prefix, sizeof(s.prefix), PREFIX "%u-", n);
	return s;
}

static bool is_kept(const struct machine_pages *p)
{
	return p->store && store_is_kept(p->store);
}

void machine_pages_init(struct machine_pages *p, struct store *store, struct memory *memory)
{
	_cleanup_(fd_closep) int fd = store ? store_take(store, WHOLE, NUMBER) : -1;

	*p = (struct machine_pages){ .store = store, .memory = memory };
	SLIST_INIT(&p->stale);
	p->were_whole = p->marked = fd >= 0;
	p->are_whole = is_kept(p);
}

static void drop_stale(struct machine_pages *p, bool remove)
{
	struct machine_page *page;

	while ((page = SLIST_FIRST(&p->stale))) {
		SLIST_REMOVE_HEAD(&p->stale, link);
		if (remove) {
			store_remove(p->store, set_of(page->set).prefix, page->number);
			store_remove(p->store, PIN, page->number);
		}
		mem_free(page);
	}
}

void machine_pages_deinit(struct machine_pages *p)
{
	drop_stale(p, false);
}

static void unmark(struct machine_pages *p)
{
	if (!p->marked)
		return;
	p->marked = false;
	store_remove(p->store, WHOLE, NUMBER);
	store_sync(p->store, SYNC_MS);
}

/* Before any device reaches what is not kept, the next process could know. */
static void doubt(struct machine_pages *p, const char *why)
{
	log_warning(
		"the pages of pagemap do not all outlive this process, so that no SMMUv3 goes on without it: %s",
		why);
	p->are_whole = false;
	unmark(p);
}

static void put_pin(struct machine_pages *p, uint64_t number, int pin_fd)
{
	struct reason why = { "" };

	if (p->are_whole && store_put(p->store, PIN, number, pin_fd, &why) < 0)
		doubt(p, why.text);
	p->unsafe = true;
}

static void put(struct machine_pages *p, unsigned int set, uint64_t pa)
{
	struct reason why = { "" };
	int fd, pin_fd;

	if (!p->are_whole || memory_page_files(p->memory, pa, &fd, &pin_fd) < 0)
		return;
	if (store_put(p->store, set_of(set).prefix, pa / SZ_2M, fd, &why) < 0)
		doubt(p, why.text);
	put_pin(p, pa / SZ_2M, pin_fd);
}

/* Its pin stays in the store, which holds what it is of. */
static int note_stale(struct machine_pages *p, unsigned int set, uint64_t number)
{
	struct machine_page *page = mem_new0(struct machine_page);

	if (!page)
		return -ENOMEM;
	page->set = set;
	page->number = number;
	SLIST_INSERT_HEAD(&p->stale, page, link);
	return 0;
}

/* 1: it is not there any more, which is said. */
static int adopt(struct machine_pages *p, unsigned int set, uint64_t number, struct reason *why)
{
	_cleanup_(fd_closep) int fd = store_take(p->store, set_of(set).prefix, number),
				 pin_fd = store_take(p->store, PIN, number);
	bool pinned = pin_fd >= 0;
	int r = memory_page_adopt(p->memory, number * SZ_2M, fd, pin_fd, why);

	if (r == -ENOMEM || r == -EEXIST)
		return r;
	if (r < 0) {
		log_warning("%s: what was in it is lost%s", why->text,
			    pinned ? "; it is held until no device can reach it" : "");
		p->were_whole = p->were_whole && pinned;
		return note_stale(p, set, number) < 0 ? -ENOMEM : 1;
	}
	steal_fd(&fd);
	steal_fd(&pin_fd);
	if (!pinned && memory_page_files(p->memory, number * SZ_2M, &fd, &pin_fd) == 0)
		put_pin(p, number, pin_fd);
	fd = pin_fd = -1;
	return 0;
}

/* 1: nothing is left for the set. */
static int take_left(struct machine_pages *p, unsigned int set, struct range *out,
		     struct reason *why)
{
	const struct set s = set_of(set);
	const char *name;

	/* Where nothing is kept they stay as they are until no device reaches them: machine_pages_settle(). */
	while (is_kept(p) && (name = store_left(p->store, s.prefix))) {
		uint64_t number = store_number(name, s.prefix), pa = number * SZ_2M;
		int r = number ? adopt(p, set, number, why) : 1;

		if (!number)
			store_drop(p->store, name);
		if (r == 1)
			continue;
		*out = (struct range){ pa, pa + (SZ_2M - 1) };
		return r;
	}
	return 1;
}

int machine_pages_get(struct machine_pages *p, unsigned int set, struct range *out,
		      struct reason *why)
{
	int r = take_left(p, set, out, why);

	if (r <= 0)
		return r;
	r = memory_page_add(p->memory, out, why);
	if (r == 0)
		put(p, set, out->first);
	return r;
}

void machine_pages_sync(struct machine_pages *p, bool watched)
{
	_cleanup_(fd_closep) int fd = -1;

	if (p->are_whole && p->unsafe && store_sync(p->store, SYNC_MS) < 0)
		doubt(p, "whoever keeps files does not answer");
	p->unsafe = false;
	if (!watched)
		unmark(p);
	if (!watched || !p->are_whole || p->marked)
		return;
	fd = eventfd(0, EFD_CLOEXEC);
	p->marked = fd >= 0 && store_put(p->store, WHOLE, NUMBER, fd, NULL) == 0;
}

void machine_pages_lose(struct machine_pages *p, unsigned int set, uint64_t pa)
{
	if (!p->are_whole)
		return;
	store_remove(p->store, set_of(set).prefix, pa / SZ_2M);
	store_remove(p->store, PIN, pa / SZ_2M);
}

void machine_pages_renew(struct machine_pages *p, unsigned int set, uint64_t pa)
{
	machine_pages_lose(p, set, pa);
	put(p, set, pa);
}

void machine_pages_settle(struct machine_pages *p)
{
	size_t n;

	drop_stale(p, true);
	n = p->store ? store_drop(p->store, PREFIX) : 0;
	if (n)
		log_notice("%zu files of pages that no pool has any more are let go", n);
}
