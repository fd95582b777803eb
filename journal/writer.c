// SPDX-License-Identifier: BSD-3-Clause
#include "journal/writer.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "journal/crc.h"

/* Behind the last record there is always room for a head that says that there is none. */
#define SPARE sizeof(struct record_head)

static struct chunk_head *head_of(struct writer *w)
{
	return (struct chunk_head *)(void *)w->at;
}

static struct record_head *record_of(const struct writer *w)
{
	return (struct record_head *)(void *)(w->at + w->end);
}

/* What was stored before is stored before what follows, whenever this process ends. */
static void barrier(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

static void mark(uint64_t twice[2], uint64_t v)
{
	((volatile uint64_t *)twice)[0] = v;
	((volatile uint64_t *)twice)[1] = v;
}

void writer_init(struct writer *w, const struct writer *before, void *at, size_t len)
{
	struct writer made = { .at = at,
			       .len = len,
			       .end = sizeof(struct chunk_head),
			       .number = before ? before->number + 1 : 1,
			       .sequence = before ? before->sequence : 1,
			       .base = before ? before->base : 1 };
	struct chunk_head *head = at;
	struct chunk_id id;

	assert(len >= JOURNAL_CHUNK_MIN && len % JOURNAL_ALIGN == 0);
	*w = made;
	id = (struct chunk_id){ .number = w->number,
				.first = w->sequence,
				.base = w->base,
				.len = len,
				.version = JOURNAL_VERSION };
	id.crc = crc32c(0, &id, offsetof(struct chunk_id, crc));
	head->id[0] = head->id[1] = id;
	mark(head->end, w->end);
	mark(head->base, w->base);
	barrier();
	head->magic = JOURNAL_MAGIC;
}

void writer_begin(struct writer *w)
{
	w->next = w->end + sizeof(struct record_head);
}

int writer_fits(const struct writer *w)
{
	return w->next + SPARE <= w->len;
}

int writer_is_empty(const struct writer *w)
{
	return w->next == w->end + sizeof(struct record_head);
}

size_t writer_need(const struct writer *w)
{
	return sizeof(struct chunk_head) + (w->next - w->end) + SPARE;
}

static struct row_head *row(struct writer *w, enum row_kind kind, uint64_t session, uint64_t key,
			    size_t len)
{
	struct row_head *head = (struct row_head *)(void *)(w->at + w->next);

	assert(len <= UINT32_MAX);
	w->next += len;
	if (!writer_fits(w))
		return NULL;
	*head = (struct row_head){
		.kind = (uint16_t)kind, .len = (uint32_t)len, .session = session, .key = key
	};
	return head;
}

void *writer_row(struct writer *w, enum row_kind kind, uint64_t session, uint64_t key, size_t len)
{
	size_t whole = sizeof(struct row_head) +
		       ((len + (JOURNAL_ALIGN - 1)) & ~(size_t)(JOURNAL_ALIGN - 1));
	struct row_head *head = row(w, kind, session, key, whole);

	return head ? memset(head + 1, 0, whole - sizeof(*head)) : NULL;
}

void writer_flag(void *body, unsigned int flags)
{
	if (body)
		((struct row_head *)body - 1)->flags |= (uint16_t)flags;
}

void writer_gone(struct writer *w, enum row_kind kind, uint64_t session, uint64_t key)
{
	struct row_head *head = row(w, kind, session, key, sizeof(*head));

	if (head)
		head->flags = ROW_GONE;
}

static uint32_t record_crc(const struct record_head *r, size_t len)
{
	uint64_t what[2] = { r->sequence, len };

	return crc32c(crc32c(0, what, sizeof(what)), r + 1, len - sizeof(*r));
}

void writer_end(struct writer *w)
{
	struct record_head *r = record_of(w);
	size_t len = w->next - w->end;
	uint64_t word;

	assert(writer_fits(w) && len <= UINT32_MAX);
	memset(w->at + w->next, 0, SPARE);
	r->sequence = w->sequence;
	word = (uint64_t)len << 32 | record_crc(r, len);
	barrier();
	memcpy(&r->crc, &word, sizeof(word)); /* one store */
	barrier();
	w->end = w->next;
	w->sequence++;
	mark(head_of(w)->end, w->end);
}

void writer_retired(struct writer *w)
{
	barrier();
	((volatile struct chunk_head *)head_of(w))->retired = w->sequence - 1;
}

void writer_close(const struct writer *before)
{
	barrier();
	((volatile struct record_head *)record_of(before))->sequence =
		record_goes_on(before->sequence);
	barrier();
}

void writer_set_base(struct writer *w, uint64_t number)
{
	barrier();
	w->base = number;
	mark(head_of(w)->base, number);
}
