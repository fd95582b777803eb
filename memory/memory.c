// SPDX-License-Identifier: BSD-3-Clause
#include "memory/memory.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>

#include "base/log.h"
#include "base/mem.h"
#include "memory/guard.h"
#include "memory/place.h"
#include "memory/room.h"

CLEANUP_DEFINE(struct memory *, memory_free)
CLEANUP_DEFINE(struct arena *, arena_free)

struct memory *memory_new(const struct memory_config *config)
{
	_cleanup_(memory_freep) struct memory *m = mem_new0(struct memory);

	if (!m)
		return NULL;
	arenas_init(&m->arenas);
	RB_INIT(&m->windows);
	stock_init(&m->stock, config->stock_len);
	if (tables_init(&m->tables, config->tables) < 0 || guard_install() < 0)
		return NULL;
	m->guarded = true;
	return STEAL_PTR(m);
}

static void bus_tables_free(struct memory *m)
{
	struct tables *t;

	while ((t = m->tables.next)) {
		m->tables.next = t->next;
		tables_deinit(t);
		mem_free(t);
	}
}

struct memory *memory_free(struct memory *m)
{
	if (!m)
		return NULL;
	if (m->guarded)
		guard_remove();
	arenas_deinit(&m->arenas);
	stock_deinit(&m->stock);
	bus_tables_free(m);
	tables_deinit(&m->tables);
	windows_deinit(&m->windows);
	return mem_free(m);
}

bool memory_idle(struct memory *m)
{
	m->arenas.n_closed = 0;
	if (stock_wants(&m->stock))
		stock_fill_step(&m->stock);
	else
		arenas_close_step(&m->arenas);
	return stock_wants(&m->stock) || m->arenas.closing_bytes > 0;
}

bool room_relieve(struct memory *m, enum memory_source source, int err)
{
	bool stock_helps = source == SOURCE_MEMFD || err != -ENOMEM, any;

	any = (stock_helps && stock_drop(&m->stock)) || m->arenas.closing_bytes > 0;
	while (m->arenas.closing_bytes > 0)
		arenas_close_step(&m->arenas);
	return any;
}

static int piece_new(struct memory *m, enum memory_source source, uint64_t len, struct piece *out)
{
	int r;

	if (source == SOURCE_MEMFD && stock_take(&m->stock, len, out))
		return 0;
	r = piece_init(out, source, len);
	return r < 0 ? r : piece_fill(out);
}

/* The same, twice when the first time fails and something could be given up. */
static int piece_new_pressing(struct memory *m, enum memory_source source, uint64_t len,
			      struct piece *out)
{
	int r = piece_new(m, source, len, out);

	if (r == 0 || r == -EINVAL)
		return r;
	piece_deinit(out);
	return room_relieve(m, source, r) ? piece_new(m, source, len, out) : r;
}

static void fell_back(struct memory *m, const struct arena *a, int err)
{
	m->n_fallbacks++;
	if (!m->huge_short)
		log_warning("memory: arena %" PRIu32 " of %" PRIu64 " bytes and those that follow "
			    "get no hugetlb pages (%s): memfd instead",
			    a->id, range_len(a->pa),
			    err == -EINVAL ? "its length is not a multiple of 2 MB" :
					     "none left, see /proc/sys/vm/nr_hugepages");
	m->huge_short = true;
}

int room_take_huge(struct memory *m, struct arena *a)
{
	int r = piece_new_pressing(m, SOURCE_HUGETLB, range_len(a->pa), &a->piece);

	if (r == 0)
		m->huge_short = false;
	else if (r == -ENOMEM || r == -EINVAL)
		fell_back(m, a, r);
	return r;
}

int room_place_in_window(struct memory *m, struct arena *a, enum memory_source source)
{
	struct window *w = windows_at(&m->windows, a->pa);
	struct piece *p = &a->piece;

	if (!w || w->lost || w->page != (source == SOURCE_PAGEMAP))
		return -EFAULT;
	*p = PIECE_NULL;
	p->source = source;
	p->window = w;
	p->strict = w->strict;
	p->at = w->at + (a->pa.first - w->pa.first);
	p->len = range_len(a->pa);
	p->huge_len = w->page ? p->len : 0;
	return 0;
}

/* Zeroed only now: it may be a device's until it is somebody's. */
static int place_new_in_window(struct memory *m, struct arena *a, enum memory_source source)
{
	int r = room_place_in_window(m, a, source);

	return r < 0 ? r : piece_fill(&a->piece);
}

static int arena_fill(struct memory *m, struct arena *a, enum memory_source source)
{
	int r;

	if (source == SOURCE_WINDOW || source == SOURCE_PAGEMAP)
		return place_new_in_window(m, a, source);
	if (source == SOURCE_HUGETLB) {
		r = room_take_huge(m, a);
		if (r != -ENOMEM && r != -EINVAL)
			return r;
	}
	return piece_new_pressing(m, SOURCE_MEMFD, range_len(a->pa), &a->piece);
}

int room_refuse_short(struct reason *why, const struct arena *a, int err)
{
	if (err == -EFAULT)
		return refuse(why, err, "memory at 0x%" PRIx64 " cannot be reached", a->pa.first);
	if (err == -ENOMEM)
		return refuse(why, err, "the system has no %" PRIu64 " bytes of memory left",
			      range_len(a->pa));
	return refuse(why, err, "%s has no file descriptor left for an arena: raise %s",
		      err == -EMFILE ? "vcmd" : "the system",
		      err == -EMFILE ? "LimitNOFILE" : "fs.file-max");
}

void room_link(struct memory *m, struct arena *a)
{
	if (a->piece.window)
		unplaced_spoil(a->piece.window, a->pa);
	arenas_link(&m->arenas, a);
}

static bool meets_tables(const struct memory *m, struct range pa)
{
	const struct tables *t = &m->tables;

	while (t && !range_meets(t->pa, pa))
		t = t->next;
	return t;
}

int room_refuse_in_use(struct memory *m, uint32_t id, struct range pa, struct reason *why)
{
	const struct arena *met = arenas_meeting(&m->arenas, pa);

	if (met)
		return refuse(why, -EEXIST,
			      "physical addresses 0x%" PRIx64 "-0x%" PRIx64 " meet arena %" PRIu32
			      " at 0x%" PRIx64 "-0x%" PRIx64,
			      pa.first, pa.last, met->id, met->pa.first, met->pa.last);
	if (meets_tables(m, pa))
		return refuse(why, -EEXIST,
			      "physical addresses 0x%" PRIx64 "-0x%" PRIx64
			      " meet the broker's table memory",
			      pa.first, pa.last);
	if (arenas_find(&m->arenas, id))
		return refuse(why, -EEXIST, "arena %" PRIu32 " exists", id);
	return 0;
}

int memory_window_add(struct memory *m, struct range pa, int fd, uint64_t offset,
		      struct reason *why)
{
	if (arenas_meeting(&m->arenas, pa) || meets_tables(m, pa))
		return refuse(why, -EEXIST,
			      "memory at 0x%" PRIx64 " meets what the broker has there", pa.first);
	return windows_add(&m->windows, pa, fd, offset, why);
}

int memory_page_add(struct memory *m, struct range *out_pa, struct reason *why)
{
	struct window *w = NULL;
	int r = windows_add_page(&m->windows, &w, why);

	if (r < 0)
		return r;
	*out_pa = w->pa;
	return 0;
}

int memory_page_adopt(struct memory *m, uint64_t pa, int fd, int pin_fd, struct reason *why)
{
	return windows_adopt_page(&m->windows, pa, fd, pin_fd, why);
}

int memory_page_files(struct memory *m, uint64_t pa, int *out_fd, int *out_pin_fd)
{
	const struct window *w = windows_at(&m->windows, (struct range){ pa, pa });

	if (!w || !w->page || w->lost)
		return -ENOENT;
	*out_fd = w->fd;
	*out_pin_fd = w->pin_fd;
	return 0;
}

int memory_bus_tables_add(struct memory *m, struct range pa, bool *out_is_uncached,
			  struct reason *why)
{
	const struct window *w = windows_at(&m->windows, pa);
	struct tables *t;

	if (!w || meets_tables(m, pa) || arenas_meeting(&m->arenas, pa))
		return refuse(why, -EFAULT, "table memory at 0x%" PRIx64 ": no memory is there",
			      pa.first);
	t = mem_new0(struct tables);
	if (!t || tables_init_at(t, pa, w->at + (pa.first - w->pa.first), w->strict) < 0) {
		mem_free(t);
		return refuse(why, -ENOMEM, "the broker has no memory left");
	}
	t->next = m->tables.next;
	m->tables.next = t;
	*out_is_uncached = w->uncached;
	return 0;
}

enum memory_view memory_view_of(struct memory *m, uint64_t pa)
{
	const struct window *w = windows_at(&m->windows, (struct range){ pa, pa });

	if (!w || (w->strict && !w->uncached))
		return MEMORY_VIEW_UNKNOWN;
	return w->uncached ? MEMORY_VIEW_UNCACHED : MEMORY_VIEW_CACHED;
}

int memory_arena_new(struct memory *m, uint32_t id, struct range pa, enum memory_source source,
		     struct reason *why)
{
	_cleanup_(arena_freep) struct arena *a = NULL;
	int r;

	assert(pa.first <= pa.last && is_aligned(pa.first, PAGE_LEN) &&
	       is_aligned(pa.last + 1, PAGE_LEN));
	r = room_refuse_in_use(m, id, pa, why);
	if (r < 0)
		return r;
	a = arena_make(id, pa);
	if (!a)
		return refuse(why, -ENOMEM, "the broker has no memory left");
	r = arena_fill(m, a, source);
	if (r < 0)
		return room_refuse_short(why, a, r);
	room_link(m, STEAL_PTR(a));
	return 0;
}

static enum memory_source source_at(struct memory *m, struct range pa)
{
	const struct window *w = windows_at(&m->windows, pa);

	return w && w->page ? SOURCE_PAGEMAP : SOURCE_WINDOW;
}

int memory_arena_adopt(struct memory *m, uint32_t id, struct range pa, int fd, struct reason *why)
{
	_cleanup_(arena_freep) struct arena *a = NULL;
	int r;

	assert(pa.first <= pa.last);
	r = room_refuse_in_use(m, id, pa, why);
	if (r < 0)
		return r;
	a = arena_make(id, pa);
	if (!a)
		return refuse(why, -ENOMEM, "the broker has no memory left");
	r = fd < 0 ? room_place_in_window(m, a, source_at(m, pa)) :
		     piece_adopt(&a->piece, fd, range_len(pa));
	a->piece.filled = a->piece.len;
	if (r == -EFAULT)
		return room_refuse_short(why, a, r);
	if (r == -EINVAL)
		return refuse(why, r,
			      "what was left of arena %" PRIu32
			      " is no sealed memory of its length",
			      id);
	if (r < 0)
		return refuse(why, r, "arena %" PRIu32 " cannot be mapped", id);
	room_link(m, STEAL_PTR(a));
	return 0;
}

void memory_leave(struct memory *m)
{
	arenas_leave(&m->arenas);
}

int memory_arena_free(struct memory *m, uint32_t id)
{
	struct arena *a = arenas_find(&m->arenas, id);
	struct window *w;
	int r;

	assert(a);
	if (!a)
		return 0;
	w = a->piece.window;
	arenas_end(&m->arenas, a);
	stock_resume(&m->stock);
	if (!w || !w->page || !w->given)
		return 0;
	r = window_renew(w);
	return r < 0 ? r : 1;
}

/* A page shows all of itself: to somebody who has all of it. */
static int window_arena_fd(const struct arena *a, bool writable)
{
	struct window *w = a->piece.window;

	if (w->lost || (w->page && range_len(a->pa) != range_len(w->pa)))
		return -1;
	return window_fd(w, writable);
}

uint64_t memory_arena_offset(struct memory *m, uint32_t id)
{
	const struct arena *a = arenas_find(&m->arenas, id);
	const struct window *w = a ? a->piece.window : NULL;

	return w ? w->offset + (a->pa.first - w->pa.first) : 0;
}

int memory_arena_fd(struct memory *m, uint32_t id, bool writable)
{
	struct arena *a = arenas_find(&m->arenas, id);
	int fd;

	if (!a)
		return -1;
	if (a->piece.window)
		return window_arena_fd(a, writable);
	fd = writable ? a->piece.fd : piece_read_only(&a->piece);
	return fd < 0 ? -1 : fd;
}

static bool find(struct memory *m, uint64_t pa, struct place *out)
{
	return place_find(&m->arenas, &m->tables, pa, out);
}

void *memory_at(struct memory *m, uint64_t pa, uint64_t len, uint64_t *out_len)
{
	struct arena *a = arenas_at(&m->arenas, pa);
	struct place p;

	if (!a || !find(m, pa, &p))
		return NULL;
	*out_len = place_run(&p, pa, len);
	return place_byte(&p, pa);
}

static bool is_memory(struct memory *m, uint64_t pa, uint64_t len)
{
	return place_check(&m->arenas, &m->tables, pa, len);
}

int memory_zero(struct memory *m, uint64_t pa, uint64_t len)
{
	struct place p;
	uint64_t n;
	int r = is_memory(m, pa, len) ? 0 : -EFAULT;

	for (; r == 0 && len > 0 && find(m, pa, &p); pa += n, len -= n) {
		n = place_run(&p, pa, len);
		r = place_zero(p.how, place_byte(&p, pa), n);
	}
	return r;
}

int memory_read(struct memory *m, uint64_t pa, void *buf, size_t len)
{
	uint8_t *to = buf;
	struct place p;
	uint64_t n;
	int r = is_memory(m, pa, len) ? 0 : -EFAULT;

	for (; r == 0 && len > 0 && find(m, pa, &p); pa += n, to += n, len -= n) {
		n = place_run(&p, pa, len);
		r = place_copy(p.how, to, place_byte(&p, pa), n);
	}
	return r;
}

int memory_write(struct memory *m, uint64_t pa, const void *buf, size_t len)
{
	const uint8_t *from = buf;
	struct place p;
	uint64_t n;
	int r = is_memory(m, pa, len) ? 0 : -EFAULT;

	for (; r == 0 && len > 0 && find(m, pa, &p); pa += n, from += n, len -= n) {
		n = place_run(&p, pa, len);
		r = place_copy(p.how, place_byte(&p, pa), from, n);
	}
	return r;
}

static int copy_up(struct memory *m, uint64_t to, uint64_t from, uint64_t len)
{
	struct place d, s;
	uint64_t n;
	int r = 0;

	for (; r == 0 && len > 0 && find(m, to, &d) && find(m, from, &s); len -= n) {
		n = place_run(&d, to, place_run(&s, from, len));
		r = place_copy(d.how | s.how, place_byte(&d, to), place_byte(&s, from), n);
		to += n;
		from += n;
	}
	return r;
}

/* The last bytes first: the target covers the end of the source. */
static int copy_down(struct memory *m, uint64_t to, uint64_t from, uint64_t len)
{
	struct place d, s;
	uint64_t n;
	int r = 0;

	for (; r == 0 && len > 0; len -= n) {
		uint64_t to_last = to + (len - 1), from_last = from + (len - 1);

		if (!find(m, to_last, &d) || !find(m, from_last, &s))
			return -EFAULT;
		n = place_run_back(&d, to_last, place_run_back(&s, from_last, len));
		r = place_copy(d.how | s.how, place_byte(&d, to_last - (n - 1)),
			       place_byte(&s, from_last - (n - 1)), n);
	}
	return r;
}

int memory_copy(struct memory *m, uint64_t to, uint64_t from, uint64_t len)
{
	if (!is_memory(m, to, len) || !is_memory(m, from, len))
		return -EFAULT;
	if (to > from && to - from < len)
		return copy_down(m, to, from, len);
	return copy_up(m, to, from, len);
}

int memory_table_alloc(struct memory *m, size_t len, uint64_t *out_pa)
{
	return tables_alloc(&m->tables, len, out_pa);
}

int memory_bus_table_alloc(struct memory *m, size_t len, uint64_t *out_pa)
{
	int r = -ENOMEM;

	for (struct tables *t = m->tables.next; t && r < 0 && len <= TABLE_LEN_MAX; t = t->next)
		r = tables_alloc(t, len, out_pa);
	return r;
}

static struct tables *tables_of(struct memory *m, uint64_t pa)
{
	struct tables *t = &m->tables;

	while (t->next && !range_has(t->pa, pa))
		t = t->next;
	return t;
}

void memory_table_free(struct memory *m, uint64_t pa, size_t len)
{
	tables_free(tables_of(m, pa), pa, len);
}

int memory_bus_table_hold(struct memory *m, uint64_t pa, size_t len)
{
	struct tables *t = tables_of(m, pa);

	return t == &m->tables ? -EFAULT : tables_hold(t, pa, len);
}

void memory_bus_table_take(struct memory *m, uint64_t pa, size_t len)
{
	tables_take(tables_of(m, pa), pa, len);
}

void memory_bus_tables_release(struct memory *m)
{
	for (struct tables *t = m->tables.next; t; t = t->next)
		tables_release(t);
}

void *memory_table_view(struct memory *m, uint64_t pa, size_t len)
{
	void *at = NULL;

	for (const struct tables *t = &m->tables; t && !at; t = t->next)
		at = tables_view(t, pa, len);
	return at;
}

void memory_get_stats(const struct memory *m, struct memory_stats *out)
{
	uint64_t table_bytes = 0, table_limit = 0;
	const struct tables *t = &m->tables;

	do {
		table_bytes += t->used_len;
		table_limit += t->n_chunks * SZ_64K;
	} while ((t = t->next));
	*out = (struct memory_stats){
		.arena_bytes = m->arenas.bytes,
		.n_arenas = m->arenas.n_arenas,
		.huge_bytes = m->arenas.huge_bytes,
		.stock_bytes = stock_len(&m->stock),
		.closing_bytes = m->arenas.closing_bytes,
		.table_bytes = table_bytes,
		.table_limit = table_limit,
		.fallbacks = m->n_fallbacks,
	};
}
