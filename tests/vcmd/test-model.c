// SPDX-License-Identifier: BSD-3-Clause
/*
 * A million random operations of several sessions of several users, whose every answer a naive model foretells, whose
 * bytes it knows, and at any of which a session may die.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vcm/attr.h>

#include "graph/graph.h"
#include "memory/memory.h"
#include "tests/suite.h"
#include "tests/vcmd/inventory.h"
#include "tests/vcmd/keeper.h"
#include "tests/vcmd/model.h"
#include "tests/vcmd/world.h"
#include "vcmd/broker.h"

#define PARTS 10
#define N_OPERATIONS 100000 /* a part */
#define USER_AT UINT64_C(0x700000000000)
#define MAX_FDS 256

/* What a session's process would have: the fds of arenas, and where its reservations lie in them. */
struct mapping {
	int fd;
	uint64_t offset, len;
};

struct process {
	struct peer *p;
	int fds[MAX_FDS];
	uint32_t arenas[MAX_FDS];
	size_t n_fds;
	struct mapping maps[MODEL_THINGS][8];
	size_t n_maps[MODEL_THINGS];
};

static struct world *w;
static struct process processes[MODEL_SESSIONS];
static unsigned int seed;

static unsigned int pick(unsigned int n)
{
	return (unsigned int)rand_r(&seed) % n;
}

#define PICK(array) ((array)[pick(sizeof(array) / sizeof(*(array)))])

/* --- sessions */

static uint32_t uid_of(size_t i)
{
	static const uint32_t uids[MODEL_SESSIONS] = { ALICE, ALICE, BOB, 0 };

	return world_can_be_others() ? uids[i] : geteuid();
}

static void be_born(size_t i)
{
	struct process *c = &processes[i];

	*c = (struct process){ .p = world_peer_as(w, uid_of(i)) };
	c->p->acks = true;
	model_drop(&model.sessions[i]);
	model.sessions[i].uid = uid_of(i);
	model.sessions[i].simulates = uid_of(i) == geteuid();
}

static void die(size_t i)
{
	struct process *c = &processes[i];

	if (pick(2))
		ck_ok(CALL(c->p, BYE));
	world_kill(w, c->p);
	for (size_t k = 0; k < c->n_fds; k++)
		close(c->fds[k]);
	world_settle(w);
	be_born(i);
}

/* --- operations at random */

/* A handle of that kind, most of the time. */
static uint32_t any(struct model_session *s, enum kind kind)
{
	size_t at = pick(MODEL_THINGS);

	if (pick(20) == 0)
		return pick(MODEL_HANDLES);
	for (size_t i = 0; i < MODEL_THINGS; i++) {
		size_t k = (at + i) % MODEL_THINGS;

		if (s->things[k].kind == kind)
			return model_handle(k);
	}
	return pick(MODEL_HANDLES);
}

/* A reservation, backed most of the time. */
static uint32_t any_backed(struct model_session *s)
{
	size_t at = pick(MODEL_THINGS);

	for (size_t i = 0; i < MODEL_THINGS && pick(100); i++) {
		size_t k = (at + i) % MODEL_THINGS;

		if (s->things[k].kind == A_RES && s->things[k].mem)
			return model_handle(k);
	}
	return any(s, A_RES);
}

static uint32_t any_new(struct model_session *s)
{
	size_t at = pick(MODEL_HANDLES);

	for (size_t i = 0; i < MODEL_HANDLES && pick(20); i++)
		if (s->things[(at + i) % MODEL_HANDLES].kind == NOTHING)
			return (uint32_t)((at + i) % MODEL_HANDLES);
	return (uint32_t)at;
}

static uint64_t any_len(void)
{
	static const uint64_t lens[] = { SZ_4K,  SZ_4K,      2 * SZ_4K, SZ_64K,
					 SZ_64K, 2 * SZ_64K, 4 * SZ_64K };

	return pick(40) == 0 ? pick(10000) : PICK(lens);
}

static uint32_t any_res_attr(void)
{
	static const uint32_t attrs[] = { 0,
					  0,
					  0,
					  VCM_READ,
					  VCM_READ | VCM_WRITE,
					  VCM_WRITE,
					  VCM_SUPERVISOR,
					  VCM_USER | VCM_SUPERVISOR | VCM_READ,
					  VCM_WB_WA,
					  VCM_WT | VCM_READ,
					  VCM_ALIGN_ATTR(12),
					  VCM_ALIGN_ATTR(16),
					  VCM_ALIGN_ATTR(20),
					  VCM_ALIGN_ATTR(5),
					  12 };

	return PICK(attrs);
}

static uint32_t any_assoc_attr(void)
{
	static const uint32_t attrs[] = { 0,
					  0,
					  0,
					  0,
					  VCM_SPLIT_ATTR(2) | VCM_USE_LOW_BASE,
					  VCM_SPLIT_ATTR(2),
					  VCM_SPLIT_ATTR(2) | VCM_USE_HIGH_BASE,
					  VCM_USE_HIGH_BASE,
					  1,
					  VCM_SPLIT_ATTR(9),
					  VCM_USE_LOW_BASE };

	return PICK(attrs);
}

static struct op any_vcm_create(struct model_session *s)
{
	static const uint64_t starts[] = { 0x10000000, 0x10000000,  0x20001000, 0x80000000,
					   0xfff00000, 0x100000000, 1 };
	static const uint64_t lens[] = { SZ_1M, SZ_1M, SZ_64K, SZ_1M + SZ_64K, 512 };
	struct op op = {
		.code = OP_VCM_CREATE, .handle = any_new(s), .addr = PICK(starts), .len = PICK(lens)
	};
	const struct thing *m = model_get(s, any(s, A_MEM), A_MEM);

	if (pick(8) == 0) {
		op.addr = 0x40000000;
		op.len = 64 * SZ_1M;
	} else if (m && m->n_segments == 1 && pick(4) == 0) {
		op.addr = m->pa[0];
		op.len = m->len;
	}
	return op;
}

static struct op any_phys_map(struct model_session *s)
{
	struct op op = { .code = OP_PHYS_MAP,
			 .handle = any_new(s),
			 .addr = 0x40000000 + pick(1024) * SZ_4K,
			 .len = SZ_4K };
	const struct thing *m = model_get(s, any(s, A_MEM), A_MEM);

	if (m && m->n_segments) {
		op.addr = m->pa[pick((unsigned int)m->n_segments)];
		if (m->n_segments == 1 && m->len > SZ_4K)
			op.len = SZ_4K * (1 + pick((unsigned int)(m->len / SZ_4K)));
	}
	return op;
}

static struct op any_phys_alloc(struct model_session *s)
{
	static const uint32_t attrs[] = {
		0, 0, VCM_PHYS_CONT, VCM_PHYS_CONT, VCM_COHERENT, VCM_4KB, VCM_64KB
	};

	return (struct op){ .code = OP_PHYS_ALLOC,
			    .handle = any_new(s),
			    .len = any_len(),
			    .attr = PICK(attrs),
			    .arg = pick(30) == 0 ? 9 : 1 + (pick(8) == 0) };
}

static bool is_active(struct model_session *s, uint32_t vcm)
{
	bool active = false;

	for (size_t i = 0; i < MODEL_THINGS; i++) {
		if (s->things[i].kind != AN_AVCM || s->things[i].vcm != vcm)
			continue;
		if (!s->things[i].active)
			return false;
		active = true;
	}
	return active;
}

/* Memory that fits the reservation, most of the time; both are made to fit if there is none. */
static struct op any_back(struct model_session *s)
{
	struct op op = { .code = OP_BACK, .on = any(s, A_RES), .target = any(s, A_MEM) };
	const struct thing *r;

	for (size_t i = 0, at = pick(MODEL_THINGS); i < MODEL_THINGS; i++) {
		r = &s->things[(at + i) % MODEL_THINGS];
		if (r->kind == A_RES && !r->mem && is_active(s, r->vcm) && pick(20))
			op.on = model_handle((at + i) % MODEL_THINGS);
	}
	r = model_get(s, op.on, A_RES);
	for (size_t i = 0, at = pick(MODEL_THINGS); r && i < MODEL_THINGS; i++)
		if (s->things[(at + i) % MODEL_THINGS].kind == A_MEM &&
		    s->things[(at + i) % MODEL_THINGS].len == r->len && pick(20)) {
			op.target = model_handle((at + i) % MODEL_THINGS);
			return op;
		}
	return r && pick(4) ? (struct op){ .code = OP_PHYS_ALLOC,
					   .handle = any_new(s),
					   .len = r->len,
					   .arg = 1,
					   .attr = pick(2) ? VCM_PHYS_CONT : 0 } :
			      op;
}

/* With a device that takes it, most of the time. */
static struct op any_assoc(struct model_session *s)
{
	struct op op = { .code = OP_ASSOC,
			 .handle = any_new(s),
			 .on = any(s, A_VCM),
			 .target = pick(9),
			 .attr = pick(3) ? 0 : any_assoc_attr() };
	const struct thing *v = model_get(s, op.on, A_VCM);

	if (v && pick(5))
		op.target = v->type == VCM_DEVICE   ? DEV_A + pick(5) :
			    v->type == VCM_EXT_USER ? DEV_CPU :
						      DEV_DMA;
	return op;
}

static struct op any_activate(struct model_session *s)
{
	struct op op = { .code = OP_ACTIVATE,
			 .on = any(s, AN_AVCM),
			 .attr = pick(3) == 0 ? pick(3) : 0 };

	for (size_t i = 0; i < MODEL_THINGS; i++)
		if (s->things[i].kind == AN_AVCM && !s->things[i].active && pick(3))
			op.on = model_handle(i);
	return op;
}

static struct op any_op(struct model_session *s)
{
	switch (pick(24)) {
	case 0:
		return any_vcm_create(s);
	case 1:
		if (pick(4))
			return any_activate(s);
		return (struct op){ .code = OP_VCM_PREBUILT,
				    .handle = any_new(s),
				    .arg = VCM_PREBUILT_USER };
	case 2:
		if (pick(3))
			return any_back(s);
		return (struct op){ .code = OP_VCM_FREE, .on = any(s, A_VCM) };
	case 3:
	case 4:
	case 5:
		return (struct op){ .code = OP_RESERVE,
				    .handle = any_new(s),
				    .on = any(s, A_VCM),
				    .len = any_len(),
				    .attr = any_res_attr(),
				    .addr = USER_AT + pick(64) * SZ_64K };
	case 6:
		return (struct op){ .code = OP_RESERVE_BOUND,
				    .handle = any_new(s),
				    .on = any(s, A_BOUND),
				    .len = any_len(),
				    .attr = any_res_attr() };
	case 7:
		if (pick(2))
			return any_back(s);
		return (struct op){ .code = OP_UNRESERVE, .on = any(s, A_RES) };
	case 8:
		return (struct op){ .code = OP_RES_SET_ATTR,
				    .on = any(s, A_RES),
				    .attr = any_res_attr() };
	case 9:
	case 10:
	case 11:
		return any_back(s);
	case 12:
	case 13:
		if (pick(2))
			return any_back(s);
		return (struct op){ .code = OP_UNBACK, .on = any(s, A_RES) };
	case 14:
		return (struct op){ .code = OP_BOUND_CREATE,
				    .handle = any_new(s),
				    .on = any(s, A_VCM),
				    .len = any_len() };
	case 15:
		if (pick(2))
			return (struct op){ .code = OP_DEASSOC, .on = any(s, AN_AVCM) };
		return (struct op){ .code = OP_BOUND_FREE, .on = any(s, A_BOUND) };
	case 16:
	case 17:
		return any_assoc(s);
	case 18:
		return (struct op){ .code = pick(2) ? OP_DEASSOC : OP_ASSOC_SET_ATTR,
				    .on = any(s, AN_AVCM),
				    .attr = any_assoc_attr() };
	case 19:
	case 20:
		return any_activate(s);
	case 21:
		return pick(3) == 0 ? (struct op){ .code = OP_DEACTIVATE, .on = any(s, AN_AVCM) } :
				      any_phys_map(s);
	case 22:
		return any_phys_alloc(s);
	default:
		return pick(2) ? any_phys_alloc(s) :
				 (struct op){ .code = OP_PHYS_FREE, .on = any(s, A_MEM) };
	}
}

/* What the model cannot foretell, since it depends on how memory lies. */
static bool is_unforeseeable(struct model_session *s, const struct op *op, bool in_batch)
{
	const struct thing *r = op->code == OP_BACK ? model_get(s, op->on, A_RES) : NULL;
	const struct thing *m = r ? model_get(s, op->target, A_MEM) : NULL;
	const struct thing *v = r ? model_get(s, r->vcm, A_VCM) : NULL;

	if (in_batch &&
	    (op->code == OP_RESERVE || op->code == OP_RESERVE_BOUND ||
	     op->code == OP_BOUND_CREATE || op->code == OP_PHYS_MAP || op->code == OP_VCM_CREATE))
		return true;
	return m && v->type == VCM_ONE_TO_ONE && m->n_segments != 1;
}

/* --- answers */

/* The segments of new memory: all zero, and nobody else's. */
static void learn_segments(size_t i, struct thing *m, uint32_t handle)
{
	static uint8_t bytes[MODEL_MAX_LEN], zeroes[MODEL_MAX_LEN];
	struct peer *p = processes[i].p;
	uint64_t after = 0, len = 0;

	do {
		ck_ok(CALL(p, PHYS_NEXT, .on = handle, .addr = after));
		after = peer_value(p, 0);
		if (!after)
			break;
		ck_assert_uint_lt(m->n_segments, MODEL_SEGMENTS);
		m->pa[m->n_segments] = after;
		m->seg_len[m->n_segments++] = peer_value(p, 1);
		len += peer_value(p, 1);
		ck_assert(memory_read(w->broker->memory, after, bytes, peer_value(p, 1)) == 0);
		ck_assert_mem_eq(bytes, zeroes, peer_value(p, 1));
	} while (len < m->len);
	ck_assert_uint_eq(len, m->len);
	for (size_t k = 0; k < MODEL_SESSIONS; k++)
		for (struct thing *o = model.sessions[k].things;
		     o < model.sessions[k].things + MODEL_HANDLES; o++)
			for (size_t x = 0; o != m && o->kind == A_MEM && x < o->n_segments; x++)
				for (size_t y = 0; y < m->n_segments; y++)
					ck_assert(o->pa[x] + o->seg_len[x] <= m->pa[y] ||
						  m->pa[y] + m->seg_len[y] <= o->pa[x]);
}

static void learn_memory(size_t i)
{
	for (size_t k = 1; k < MODEL_HANDLES; k++) {
		struct thing *m = &model.sessions[i].things[k];

		if (m->kind == A_MEM && !m->n_segments)
			learn_segments(i, m, (uint32_t)k);
	}
}

static int fd_of(struct process *c, const struct piece *piece)
{
	if (piece->fd) {
		ck_assert_uint_lt(c->n_fds, MAX_FDS);
		c->arenas[c->n_fds] = piece->arena;
		c->fds[c->n_fds++] = fdset_take(&c->p->fds, piece->fd - 1);
	}
	for (size_t i = c->n_fds; i-- > 0;)
		if (c->arenas[i] == piece->arena)
			return c->fds[i];
	ck_abort_msg("arena %u has not been given", piece->arena);
	return -1;
}

/* Where the process would map what it has backed: pieces of the operation at index `at` of its request. */
static void learn_pieces(size_t i, const struct op *ops, size_t n_ops)
{
	struct process *c = &processes[i];

	for (size_t k = 0; k < n_ops; k++)
		if (ops[k].code == OP_BACK)
			c->n_maps[(ops[k].on & 0x80000000 ? MODEL_HANDLES : 0) +
				  (ops[k].on & 0x7fffffff)] = 0;
	for (size_t k = 0; k < c->p->reply.n_pieces; k++) {
		const struct piece *piece = &c->p->reply.pieces[k];
		uint32_t handle = ops[piece->op].on;
		size_t at = (handle & 0x80000000 ? MODEL_HANDLES : 0) + (handle & 0x7fffffff);

		if (c->n_maps[at] < 8)
			c->maps[at][c->n_maps[at]++] =
				(struct mapping){ fd_of(c, piece), piece->offset, piece->len };
		else
			fd_of(c, piece);
	}
}

static void ck_foretold(size_t i, const struct op *op, int actual, int expected)
{
	ck_assert_msg(
		actual == expected,
		"session %zu: %s handle %u on %u target %u addr 0x%lx len 0x%lx attr 0x%x arg %lu: "
		"%d (%s), foretold %d",
		i, op_name(op->code), op->handle, op->on, op->target, op->addr, op->len, op->attr,
		op->arg, actual, processes[i].p->reply.reason, expected);
}

static void do_one(size_t i)
{
	struct model_session *s = &model.sessions[i];
	struct op op = any_op(s);
	uint64_t value;
	int expected, actual;

	if (is_unforeseeable(s, &op, false))
		return;
	expected = model_apply(s, &op);
	actual = peer_call(processes[i].p, &op, 1);
	ck_foretold(i, &op, actual, expected);
	if (actual)
		return;
	value = peer_value(processes[i].p, 0);
	learn_pieces(i, &op, 1);
	model_fill(s, &op, &value);
	learn_memory(i);
}

/* All of them, or none. */
static void do_batch(size_t i)
{
	struct model_session *s = &model.sessions[i];
	struct op ops[12];
	size_t n = 1 + pick(12);
	int expected = 0, actual;
	uint32_t failed = 0;

	model_saved = model;
	for (size_t k = 0; k < n; k++) {
		do
			ops[k] = any_op(s);
		while (is_unforeseeable(s, &ops[k], true));
		if (expected)
			continue;
		failed = (uint32_t)k;
		expected = model_apply(s, &ops[k]);
	}
	actual = peer_call(processes[i].p, ops, n);
	ck_foretold(i, &ops[failed], actual, expected);
	if (actual) {
		ck_assert_uint_eq(processes[i].p->reply.failed, failed);
		model = model_saved;
		return;
	}
	learn_pieces(i, ops, n);
	learn_memory(i);
}

/* --- bytes */

/* One that translates for the session, most of the time. */
static uint32_t any_device(struct model_session *s)
{
	size_t at = pick(MODEL_THINGS);

	for (size_t i = 0; i < MODEL_THINGS && pick(200); i++) {
		const struct thing *r = &s->things[(at + i) % MODEL_THINGS];

		for (size_t k = 0; r->kind == A_RES && r->mem && k < MODEL_THINGS; k++)
			if (s->things[k].kind == AN_AVCM && s->things[k].active &&
			    s->things[k].vcm == r->vcm)
				return s->things[k].device;
	}
	return 1 + pick(7);
}

static uint64_t any_address(struct model_session *s, uint32_t device)
{
	uint64_t addr = pick(0x1000) * SZ_4K;

	for (size_t i = 0; i < MODEL_THINGS && pick(40); i++)
		if (s->things[i].kind == AN_AVCM && s->things[i].active &&
		    s->things[i].device == device)
			for (size_t k = 0; k < MODEL_THINGS; k++)
				if (s->things[k].kind == A_RES &&
				    s->things[k].vcm == s->things[i].vcm && s->things[k].mem &&
				    pick(3) == 0)
					addr = s->things[k].addr +
					       pick((unsigned int)(s->things[k].len / SZ_4K)) *
						       SZ_4K;
	return addr + pick(4000);
}

static void do_transaction(size_t i)
{
	struct model_session *s = &model.sessions[i];
	struct peer *p = processes[i].p;
	uint32_t device = any_device(s);
	uint64_t addr = any_address(s, device);
	bool write = pick(2);
	uint8_t data[64];
	int expected, actual;
	uint8_t *bytes = model_transact(s, device, addr, write, &expected);

	for (size_t k = 0; k < sizeof(data); k++)
		data[k] = (uint8_t)pick(256);
	actual = write ? CALL(p, SIM_WRITE, .target = device, .addr = addr, .data = data,
			      .n_data = sizeof(data)) :
			 CALL(p, SIM_READ, .target = device, .addr = addr, .len = sizeof(data));
	ck_assert_msg(actual == expected, "session %zu: %s as %u at 0x%lx: %d (%s), foretold %d", i,
		      write ? "write" : "read", device, addr, actual, p->reply.reason, expected);
	if (actual)
		return;
	if (write)
		memcpy(bytes, data, sizeof(data));
	else
		ck_assert_mem_eq(p->reply.data, bytes, sizeof(data));
}

/* The process writes to, and reads from, what it has mapped. */
static void do_cpu(size_t i)
{
	struct model_session *s = &model.sessions[i];
	uint32_t handle = any_backed(s);
	size_t at = (handle & 0x80000000 ? MODEL_HANDLES : 0) + (handle & 0x7fffffff);
	struct thing *r = &s->things[at];
	const struct mapping *map = &processes[i].maps[at][0];
	uint8_t data[64], *bytes;
	uint64_t offset;

	if (r->kind != A_RES || !r->mem || model_get(s, r->vcm, A_VCM)->type != VCM_EXT_USER)
		return;
	ck_assert_uint_gt(processes[i].n_maps[at], 0);
	offset = pick((unsigned int)(map->len - sizeof(data)));
	bytes = model_bytes(s, model_get(s, r->mem, A_MEM), offset);
	ck_assert(pread(map->fd, data, sizeof(data), (off_t)(map->offset + offset)) ==
		  sizeof(data));
	ck_assert_mem_eq(data, bytes, sizeof(data));
	for (size_t k = 0; k < sizeof(data); k++)
		data[k] = (uint8_t)pick(256);
	ck_assert(pwrite(map->fd, data, sizeof(data), (off_t)(map->offset + offset)) ==
		  sizeof(data));
	memcpy(bytes, data, sizeof(data));
}

static int foretell_copy(struct model_session *s, const struct op *op)
{
	const struct thing *to = model_get(s, op->on, A_RES),
			   *from = to ? model_get(s, op->target, A_RES) : NULL;

	if (!from)
		return -EINVAL;
	if (!op->len)
		return 0;
	if (op->addr + op->len > to->len)
		return -EINVAL;
	if (!to->mem)
		return -ENOMEM;
	if (op->arg + op->len > from->len)
		return -EINVAL;
	return from->mem ? 0 : -ENOMEM;
}

static void do_copy(size_t i)
{
	struct model_session *s = &model.sessions[i];
	struct op op = { .code = OP_RES_COPY,
			 .on = any_backed(s),
			 .target = any_backed(s),
			 .addr = pick(2) ? pick(SZ_4K) : pick(SZ_64K),
			 .arg = pick(2) ? pick(SZ_4K) : pick(SZ_64K),
			 .len = pick(2) ? pick(SZ_4K) : pick(4 * SZ_64K) };
	int expected = foretell_copy(s, &op);

	ck_foretold(i, &op, peer_call(processes[i].p, &op, 1), expected);
	if (expected)
		return;
	ck_assert_uint_eq(peer_value(processes[i].p, 0), op.len);
	if (!op.len)
		return;
	memmove(model_bytes(s, model_get(s, model_get(s, op.on, A_RES)->mem, A_MEM), op.addr),
		model_bytes(s, model_get(s, model_get(s, op.target, A_RES)->mem, A_MEM), op.arg),
		op.len);
}

static void check_bytes(void)
{
	static uint8_t bytes[MODEL_MAX_LEN];

	for (size_t i = 0; i < MODEL_SESSIONS; i++)
		for (size_t k = 1; k < MODEL_HANDLES; k++) {
			struct thing *m = &model.sessions[i].things[k];
			uint64_t offset = 0;

			for (size_t x = 0; m->kind == A_MEM && x < m->n_segments;
			     offset += m->seg_len[x++]) {
				ck_assert(memory_read(w->broker->memory, m->pa[x], bytes,
						      m->seg_len[x]) == 0);
				ck_assert_mem_eq(bytes, model_bytes(&model.sessions[i], m, offset),
						 m->seg_len[x]);
			}
		}
}

/* --- look-ups */

static void do_find(size_t i)
{
	struct model_session *s = &model.sessions[i];
	struct peer *p = processes[i].p;
	uint32_t handle = any_backed(s), vcm;
	const struct thing *r = model_get(s, handle, A_RES);
	uint64_t addr, offset;

	if (!r)
		return;
	vcm = r->vcm;
	ck_ok(CALL(p, RES_INFO, .on = handle));
	ck_assert(peer_value(p, 0) == vcm && peer_value(p, 1) == r->addr &&
		  peer_value(p, 2) == r->len && peer_value(p, 3) == r->attr &&
		  peer_value(p, 4) == r->mem);
	if (model_get(s, vcm, A_VCM)->type == VCM_ONE_TO_ONE)
		return;
	offset = pick((unsigned int)r->len);
	addr = r->addr + offset;
	ck_ok(CALL(p, RES_FIND, .on = vcm, .addr = addr));
	ck_assert_uint_eq(peer_value(p, 0), handle);
	ck_status(CALL(p, RES_GET, .on = vcm, .addr = addr), offset ? -ENOENT : 0);
	addr = r->addr + r->len;
	r = model_res_at(s, vcm, addr);
	ck_status(CALL(p, RES_FIND, .on = vcm, .addr = addr), r ? 0 : -ENOENT);
}

static void do_reverse(size_t i)
{
	struct model_session *s = &model.sessions[i];
	struct peer *p = processes[i].p;
	const struct thing *m = model_get(s, any(s, A_MEM), A_MEM);
	uint64_t pa, n = 0, seen = 0;
	uint32_t res = 0;

	if (!m)
		return;
	pa = model_pa(m, pick((unsigned int)m->len));
	for (size_t k = 0; k < MODEL_THINGS; k++) {
		const struct thing *r = &s->things[k], *of = r->kind == A_RES && r->mem ?
								     model_get(s, r->mem, A_MEM) :
								     NULL;

		for (size_t x = 0; of && x < of->n_segments; x++)
			n += pa >= of->pa[x] && pa < of->pa[x] + of->seg_len[x];
	}
	ck_ok(CALL(p, PHYS_NUM_RES, .addr = pa));
	ck_assert_uint_eq(peer_value(p, 0), n);
	do {
		ck_ok(CALL(p, PHYS_NEXT_RES, .addr = pa, .target = res));
		res = (uint32_t)peer_value(p, 0);
	} while (res && ++seen <= n);
	ck_assert_uint_eq(seen, n);
}

static void do_translate(size_t i)
{
	struct model_session *s = &model.sessions[i];
	struct peer *p = processes[i].p;
	const struct thing *r = model_get(s, any_backed(s), A_RES), *m;
	uint64_t offset, lowest = UINT64_MAX, pa;
	uint32_t to = any(s, A_VCM);

	if (!r || !r->mem || !model_get(s, to, A_VCM))
		return;
	m = model_get(s, r->mem, A_MEM);
	offset = pick((unsigned int)r->len);
	pa = model_pa(m, offset);
	for (size_t k = 0; k < MODEL_THINGS; k++) {
		const struct thing *o = &s->things[k], *of = o->kind == A_RES && o->mem ?
								     model_get(s, o->mem, A_MEM) :
								     NULL;
		uint64_t at = 0;

		if (!of || o->vcm != to)
			continue;
		for (size_t x = 0; x < of->n_segments; at += of->seg_len[x++])
			if (pa >= of->pa[x] && pa < of->pa[x] + of->seg_len[x] &&
			    o->addr + at + (pa - of->pa[x]) < lowest)
				lowest = o->addr + at + (pa - of->pa[x]);
	}
	ck_status(CALL(p, TRANSLATE, .on = r->vcm, .target = to, .addr = r->addr + offset),
		  lowest == UINT64_MAX ? -ENOENT : 0);
	if (lowest != UINT64_MAX)
		ck_assert_uint_eq(peer_value(p, 0), lowest);
}

/* --- */

static void do_something(size_t i)
{
	switch (pick(16)) {
	case 0:
		do_batch(i);
		break;
	case 1:
	case 2:
		do_transaction(i);
		break;
	case 3:
		do_cpu(i);
		break;
	case 4:
		do_copy(i);
		break;
	case 5:
		do_find(i);
		break;
	case 6:
		do_reverse(i);
		break;
	case 7:
		do_translate(i);
		break;
	default:
		do_one(i);
	}
	if (pick(2000) == 0)
		die(i);
}

/* --- the broker dies, and the next one knows all that it had */

static struct keeper *keeper;

static void come_back(size_t i, const struct peer *before)
{
	struct peer *p = world_connect_as(w, uid_of(i));

	ck_ok(peer_resume(p, before, before->serial));
	p->acks = true;
	processes[i].p = p;
}

static void restart(void)
{
	struct peer before[MODEL_SESSIONS];
	char *had = inventory(w->broker);

	for (size_t i = 0; i < MODEL_SESSIONS; i++)
		before[i] = *processes[i].p;
	w = world_crash(w);
	w = world_new_kept(NULL, keeper);
	world_check(w);
	ck_assert_int_eq(w->broker->restored.journal.damage, JOURNAL_WHOLE);
	ck_assert_uint_eq(w->broker->restored.n_lost, 0);
	inventory_equal(had, inventory(w->broker));
	for (size_t i = 0; i < MODEL_SESSIONS; i++)
		come_back(i, &before[i]);
	check_bytes();
}

START_TEST(a_million_operations_do_what_the_model_does)
{
	/* In half of the parts it dies now and then. */
	keeper = _i % 2 ? keeper_new(1000) : NULL;
	w = keeper ? world_new_kept(NULL, keeper) : world_new(NULL);
	seed = (unsigned int)_i + 1;
	for (size_t i = 0; i < MODEL_SESSIONS; i++)
		be_born(i);
	for (unsigned int n = suite_scaled(N_OPERATIONS, 10, 100); n; n--) {
		do_something(pick(MODEL_SESSIONS));
		if (n % 64 == 0)
			world_check(w);
		if (n % 1024 == 0)
			check_bytes();
		if (keeper && pick(5000) == 0)
			restart();
	}
	check_bytes();
	for (size_t i = 0; i < MODEL_SESSIONS; i++)
		for (size_t k = 0; k < processes[i].n_fds; k++)
			close(processes[i].fds[k]);
	world_free(w);
	if (keeper)
		ck_assert_uint_eq(keeper_count(keeper, "arena-"), 0);
	keeper_free(keeper);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("model");
	TCase *tcase = tcase_create("model");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, SUITE_TIMEOUT);
	tcase_add_loop_test(tcase, a_million_operations_do_what_the_model_does, 0, PARTS);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
