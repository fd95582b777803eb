// SPDX-License-Identifier: BSD-3-Clause
#include "libvcmclient/piece.h"

#include <errno.h>
#include <stdbool.h>

#include "base/mem.h"
#include "base/range.h"
#include "libvcmclient/arena.h"
#include "libvcmclient/connection.h"

void pieces_deinit(struct pieces *p)
{
	for (size_t i = 0; i < p->n; i++)
		arenas_put(p->arenas, p->runs[i].arena);
	p->runs = mem_free(p->runs);
	p->n = p->cap = 0;
}

/* Arenas that a message has brought: they stay while its pieces are looked at. */
struct brought {
	uint32_t arenas[FDSET_MAX];
	size_t n;
};

static void give_up(struct arenas *arenas, struct brought *brought)
{
	while (brought->n > 0)
		arenas_put(arenas, brought->arenas[--brought->n]);
}

/* All the fds of a message belong to the session from now on, whichever operation's pieces name them. */
static int adopt(struct arenas *arenas, struct packet *packet, struct brought *out,
		 struct reason *why)
{
	for (size_t i = 0; i < packet->reply.n_pieces; i++) {
		const struct piece *piece = &packet->reply.pieces[i];
		_cleanup_(fd_closep) int fd =
			piece->fd ? fdset_take(&packet->fds, piece->fd - 1) : -1;
		int r;

		if (fd < 0)
			continue;
		r = arenas_add(arenas, piece->arena, fd, why);
		if (r < 0)
			return r;
		steal_fd(&fd);
		out->arenas[out->n++] = piece->arena;
	}
	return 0;
}

static bool follows(const struct piece_run *last, const struct piece *piece)
{
	return last->arena == piece->arena && last->offset + last->len == piece->offset;
}

static int make_room(struct pieces *p)
{
	size_t cap = p->cap ? 2 * p->cap : 4;
	struct piece_run *runs;

	if (p->n < p->cap)
		return 0;
	runs = mem_realloc_n(p->runs, cap, sizeof(*runs));
	if (!runs)
		return -ENOMEM;
	p->runs = runs;
	p->cap = cap;
	return 0;
}

/* 0; -ENOENT when the piece's arena is not here. */
static int add(struct pieces *p, const struct piece *piece, uint64_t len, struct reason *why)
{
	int r, fd = -1;

	if (piece->len == 0 || piece->len > len - p->len ||
	    !is_aligned(piece->len | piece->offset, PAGE_LEN))
		return refuse(why, -EPROTO, "the broker sent a piece that does not fit");
	r = make_room(p);
	if (r < 0)
		return refuse(why, r, "no memory");
	r = arenas_get(p->arenas, piece->arena, piece->offset, piece->len, &fd, why);
	if (r < 0)
		return r;
	if (p->n && follows(&p->runs[p->n - 1], piece)) {
		p->runs[p->n - 1].len += piece->len;
		arenas_put(p->arenas, piece->arena);
	} else {
		p->runs[p->n++] = (struct piece_run){ piece->arena, fd, piece->offset, piece->len };
	}
	p->len += piece->len;
	return 0;
}

/* The pieces of one operation, up to the first whose arena is not here (then *out_is_missing). */
static int take(struct pieces *p, struct packet *packet, uint32_t index, uint64_t len,
		bool *out_is_missing, struct reason *why)
{
	struct brought brought = { .n = 0 };
	int r = adopt(p->arenas, packet, &brought, why);

	*out_is_missing = false;
	for (size_t i = 0; r == 0 && i < packet->reply.n_pieces; i++) {
		if (packet->reply.pieces[i].op == index)
			r = add(p, &packet->reply.pieces[i], len, why);
	}
	give_up(p->arenas, &brought);
	*out_is_missing = r == -ENOENT;
	return r == -ENOENT ? 0 : r;
}

/* One more message. Each must bring something. */
static int take_more(struct pieces *p, struct connection *c, uint32_t res, uint64_t len,
		     bool *is_missing, struct reason *why)
{
	const struct op op = {
		.code = OP_PIECES, .on = res, .addr = p->len, .attr = *is_missing, .name = ""
	};
	const struct request request = { .ops = &op, .n_ops = 1 };
	const uint64_t before = p->len;
	struct packet *packet = NULL;
	int r;

	r = connection_request(c, &request, &packet, why);
	if (r < 0)
		return r;
	if (packet->reply.status == -EINVAL)
		r = refuse(why, -ESTALE, "%s", packet->reply.reason);
	else if (packet->reply.status < 0)
		r = refuse(why, packet->reply.status, "%s", packet->reply.reason);
	else
		r = take(p, packet, 0, len, is_missing, why);
	if (r == 0 && p->len == before && packet->lost_fds)
		r = refuse(why, -EMFILE, "this process has no room for more file descriptors");
	else if (r == 0 && p->len == before)
		r = refuse(why, -EPROTO, "the broker does not say where the memory is");
	connection_put(c, packet);
	return r;
}

int pieces_gather(struct pieces *p, struct connection *c, struct packet *packet, uint32_t index,
		  uint32_t res, uint64_t len, struct reason *why)
{
	bool is_missing = false;
	int r;

	r = take(p, packet, index, len, &is_missing, why);
	while (r == 0 && p->len < len)
		r = take_more(p, c, res, len, &is_missing, why);
	return r;
}
