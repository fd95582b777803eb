/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where bytes live: arenas, found by the physical address that the graph gave them.
 *
 *	  PA   0x40000000          0x40200000                     0x43000000
 *	        |<---- arena 7 ---->|   (no bytes: nobody's)       |<---- arena 9 --
 *	        one sealed memfd, offset 0 = first PA of the arena
 *
 * The room hands out bytes and takes them back; it decides nothing: who owns an arena, which address it gets and when
 * it ends is the graph's. All functions are of one thread.
 *
 * A client maps an arena writable: it can scribble, and punch holes, at any time. Nothing here trusts the bytes, and an
 * access that the kernel answers with SIGBUS (a hole in a hugetlb arena without a page to fill it) is -EFAULT, not death.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/range.h"
#include "base/reason.h"

struct memory;

enum memory_source {
	SOURCE_MEMFD,
	SOURCE_HUGETLB, /* falls back to memfd, with a warning, where the kernel has no huge pages left */
	SOURCE_WINDOW,  /* what memory_window_add() has mapped */
	SOURCE_PAGEMAP, /* huge pages that memory_page_add() has found */
};

struct memory_config {
	struct range tables; /* physical addresses of the broker's own table memory */
	/*
	 * Bytes to keep filled ahead of need, for arenas of exactly 2 MB and, from 32 MB on, of 16 MB (one for each 32 MB, at
	 * most two); 0: none. A piece keeps one fd open.
	 */
	uint64_t stock_len;
};

/* NULL without memory. */
struct memory *memory_new(const struct memory_config *config);
/* Returns NULL; NULL is fine. Arenas that are left are closed. */
struct memory *memory_free(struct memory *m);

/*
 * Memory whose addresses mean something outside of this process: to hardware, or to another CPU. Arenas of
 * SOURCE_WINDOW lie in it, and table memory of hardware. fd (/dev/mem, a map of /dev/uioN, a memfd...) has the bytes of
 * pa from offset on; it is taken on success. A device file is accessed by aligned words of 64 bits at most, as memory
 * that is mapped as a device must be.
 * 0; -EEXIST: it meets other memory; -EINVAL: the file is shorter; -ENOMEM, or what fstat() and mmap() say.
 */
int memory_window_add(struct memory *m, struct range pa, int fd, uint64_t offset,
		      struct reason *why);
/* How the CPU sees memory whose address others know: files that are memory, and huge pages, through its caches, /dev/mem and
 * regions of UIO devices not. Of any other it is not known. */
enum memory_view { MEMORY_VIEW_UNKNOWN, MEMORY_VIEW_CACHED, MEMORY_VIEW_UNCACHED };
enum memory_view memory_view_of(struct memory *m, uint64_t pa);
/*
 * A huge page of 2 MB, wherever the kernel has one: *out_pa. It is a file of its own, and an arena of SOURCE_PAGEMAP that
 * is all of it can be shown to its user. 0; -EPERM: the kernel says where it is to root only; -ENOMEM, -EMFILE, -ENFILE.
 */
int memory_page_add(struct memory *m, struct range *out_pa, struct reason *why);
/*
 * The page at pa that an earlier process has left by these two files (memory_page_files(); no pin: -1), which are the room's on
 * success. 0; -ESTALE: it is not in its file any more; -EINVAL, -EEXIST, -ENOMEM.
 */
int memory_page_adopt(struct memory *m, uint64_t pa, int fd, int pin_fd, struct reason *why);
/* What keeps the page there for who has both; they stay the room's. 0, -ENOENT. */
int memory_page_files(struct memory *m, uint64_t pa, int *out_fd, int *out_pin_fd);

/*
 * Puts zeroed bytes behind pa (whole pages, not meeting any other arena). id is the graph's, unique while it lives.
 * A memfd of exactly the range's length, sealed against shrinking, growing and further seals, mapped by the broker,
 * its pages present and, from 2 MB on, huge where the kernel allows.
 * Those of a window or of a huge page are where they are, and zeroed.
 * 0; -ENOMEM, -EMFILE, -ENFILE (the system is short of it); -EEXIST; -EFAULT: no window is there, or its bytes cannot be
 * reached; nothing has changed then.
 */
int memory_arena_new(struct memory *m, uint32_t id, struct range pa, enum memory_source source,
		     struct reason *why);
/*
 * The same with the bytes that an earlier process has left: fd is the room's on success; -1: they are in a window, and as they
 * were. It has been in others' hands: a file of another length, or one that somebody can change the length of, is -EINVAL.
 */
int memory_arena_adopt(struct memory *m, uint32_t id, struct range pa, int fd, struct reason *why);
/* Whether such an arena can be had without holding anybody up: it is short, or one lies ready. */
bool memory_is_at_hand(const struct memory *m, uint64_t len, enum memory_source source);
/*
 * Bytes for an arena that is not there yet: as long as pa, zeroed and sealed as its source is. Those of a window or of a huge
 * page are where pa is: nobody has it, and whoever is given a part of it meanwhile spoils it. NULL with the reason.
 * They are there when memory_unplaced_fill() has said so; then they can be placed where they fit, and are an arena: 0; -EEXIST,
 * and they stay the caller's.
 */
struct memory_unplaced;
struct memory_unplaced *memory_unplaced_new(struct memory *m, struct range pa,
					    enum memory_source source, struct reason *why);
/* One bounded step. *out_more: there is another. 0; -ENOMEM, -EFAULT (bytes that cannot be reached), and the reason. */
int memory_unplaced_fill(struct memory *m, struct memory_unplaced *u, bool *out_more,
			 struct reason *why);
/* Returns NULL; u NULL is fine. */
struct memory_unplaced *memory_unplaced_free(struct memory *m, struct memory_unplaced *u);
int memory_unplaced_fd(const struct memory_unplaced *u); /* which stays its own; -1: of a window */
/* Whether it is what an arena there, of that source, wants: anywhere of its length; in a window, just there, and unspoilt. */
bool memory_unplaced_fits(const struct memory_unplaced *u, struct range pa,
			  enum memory_source source);
int memory_arena_place(struct memory *m, uint32_t id, struct range pa, struct memory_unplaced *u,
		       struct reason *why);
/*
 * Unmaps and closes, and takes nothing from the bytes: whoever has the fd keeps them. For the end of a process that another
 * follows.
 */
void memory_leave(struct memory *m);
/*
 * Gives the bytes back to the kernel, also those of a client that keeps the fd (it sees zeroes). Cannot fail. A long one is
 * finished by memory_idle().
 * 0; 1: it was a huge page that a client had, and has other files now; -ESTALE: the same, and its address is lost: nobody may
 * ever use it again.
 */
int memory_arena_free(struct memory *m, uint32_t id);
/*
 * The arena's fd, which stays the room's; -1 for an unknown id. writable false: a read-only fd of the same bytes, which
 * another user (not root) cannot open again for writing; -1 also without /proc or without an fd left.
 */
int memory_arena_fd(struct memory *m, uint32_t id, bool writable);
/* Where in that file it begins. */
uint64_t memory_arena_offset(struct memory *m, uint32_t id);

/*
 * The byte of an arena at pa, as this process has it, and how many more of len follow it there; NULL: no arena is there.
 * It stays there as long as the arena. For who lets others reach the bytes: a look at them goes through the calls below.
 */
void *memory_at(struct memory *m, uint64_t pa, uint64_t len, uint64_t *out_len);

/* Zeroes (long ranges past the caches). 0, or -EFAULT when part of it is no memory or cannot be reached. */
int memory_zero(struct memory *m, uint64_t pa, uint64_t len);
/* Copy between physical ranges (they may overlap), across arenas. 0 or -EFAULT. */
int memory_copy(struct memory *m, uint64_t to, uint64_t from, uint64_t len);
/* Copy out of and into physical memory: arenas and table memory. 0 or -EFAULT (then nothing is written). */
int memory_read(struct memory *m, uint64_t pa, void *buf, size_t len);
int memory_write(struct memory *m, uint64_t pa, const void *buf, size_t len);

/*
 * Table memory: the broker's own, that no client ever maps. Blocks of a power of two from 1 KB to 64 KB, aligned to
 * their length, zeroed.
 */
int memory_table_alloc(struct memory *m, size_t len, uint64_t *out_pa); /* 0, -ENOMEM */
void memory_table_free(struct memory *m, uint64_t pa, size_t len);
/*
 * Table memory of hardware that walks real memory: a window or a huge page that becomes it; what is in it stays until it is
 * given out. *out_is_uncached: the CPU has it mapped so. 0; -EFAULT: none is there; -ENOMEM. Blocks of it are freed as the
 * others are.
 */
int memory_bus_tables_add(struct memory *m, struct range pa, bool *out_is_uncached,
			  struct reason *why);
int memory_bus_table_alloc(struct memory *m, size_t len, uint64_t *out_pa); /* 0, -ENOMEM */
/*
 * What hardware may still walk of a process before this one is held: whole blocks of 1 KB, given to nobody. 0; 1: all of it
 * was held already; -EFAULT: it is no table memory of hardware. Taken, it is a block as if it had been allocated; released,
 * all that is still held is free.
 */
int memory_bus_table_hold(struct memory *m, uint64_t pa, size_t len);
void memory_bus_table_take(struct memory *m, uint64_t pa, size_t len);
void memory_bus_tables_release(struct memory *m);
/* Direct view; NULL unless [pa, pa + len) is table memory. */
void *memory_table_view(struct memory *m, uint64_t pa, size_t len);

/* One bounded step (about 0.2 ms) of work that can wait: filling the stock, giving back long arenas. True when there is
 * more. */
bool memory_idle(struct memory *m);

struct memory_stats {
	uint64_t arena_bytes; /* with bytes behind them */
	uint64_t n_arenas;
	uint64_t huge_bytes;    /* of them collapsed to, or made of, huge pages */
	uint64_t stock_bytes;   /* filled ahead */
	uint64_t closing_bytes; /* of arenas that ended, not yet given back */
	uint64_t table_bytes, table_limit;
	uint64_t fallbacks; /* hugetlb arenas that became memfd */
};
void memory_get_stats(const struct memory *m, struct memory_stats *out);
