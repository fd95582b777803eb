// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/replies.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/mem.h"

#define HEAD PROTO_ANSWER_HEAD /* words: serial, number of values */
#define CAP_MIN 64

void replies_deinit(struct replies *r)
{
	mem_free(r->words);
	*r = (struct replies){ 0 };
}

static void drop_first(struct replies *r)
{
	r->start += HEAD + r->words[r->start + 1];
	if (r->start == r->end)
		r->start = r->end = 0;
}

/* Those that must go so that a need fits. */
static int make_way(struct replies *r, size_t need, enum replies_keep keep)
{
	while (r->end > r->start && r->end - r->start + need > REPLIES_MAX_WORDS) {
		if (keep == REPLIES_KEEP_ALL)
			return -EAGAIN;
		drop_first(r);
	}
	return 0;
}

int replies_want(struct replies *r, size_t n_values, enum replies_keep keep)
{
	size_t need = HEAD + n_values, cap = r->cap ? r->cap : CAP_MIN;
	uint64_t *bigger;

	if (keep == REPLIES_KEEP_NONE)
		return 0;
	if (make_way(r, need, keep) < 0)
		return -EAGAIN;
	if (r->end + need <= r->cap)
		return 0;
	if (r->start > 0)
		memmove(r->words, r->words + r->start, (r->end - r->start) * sizeof(*r->words));
	r->end -= r->start;
	r->start = 0;
	while (cap < r->end + need)
		cap *= 2;
	if (cap == r->cap)
		return 0;
	bigger = mem_realloc_n(r->words, cap, sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	r->words = bigger;
	r->cap = cap;
	return 0;
}

void replies_add(struct replies *r, uint64_t serial, const uint64_t *values, size_t n_values)
{
	uint64_t *at = r->words + r->end;

	assert(r->end + HEAD + n_values <= r->cap);
	at[0] = serial;
	at[1] = n_values;
	if (n_values > 0)
		memcpy(at + HEAD, values, n_values * sizeof(*values));
	r->end += HEAD + n_values;
}

void replies_seen(struct replies *r, uint64_t ack)
{
	while (r->start < r->end && r->words[r->start] <= ack)
		drop_first(r);
	if (ack > r->ack)
		r->ack = ack;
}

bool replies_next(const struct replies *r, size_t *cursor, struct reply_kept *out)
{
	size_t at = r->start + *cursor;

	if (at >= r->end)
		return false;
	*out = (struct reply_kept){ r->words[at], r->words + at + HEAD, r->words[at + 1] };
	*cursor += HEAD + out->n_values;
	return true;
}

bool replies_find(const struct replies *r, uint64_t serial, struct reply_kept *out)
{
	size_t cursor = 0;

	while (replies_next(r, &cursor, out))
		if (out->serial == serial)
			return true;
	return false;
}
