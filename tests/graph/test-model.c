// SPDX-License-Identifier: BSD-3-Clause
/*
 * Random operations of several sessions of several users, in plans of one or many, some aborted, some starved of memory,
 * against the naive model. VCM_MODEL_OPS and VCM_MODEL_SEED say how many and which.
 */
#include "tests/graph/model.h"

#define OPS 1000000
#define OPS_VALGRIND 10000
#define N_RUNS 4

/* A call of the graph, now and then with an allocation that fails. */
#define CALL(m, call) (arm(m), disarm((m), (call)))

static void arm(struct model *m)
{
	mem_fail_nth(one_in(m, 20) ? 1 + rnd_below(m, 8) : 0);
}

static int disarm(struct model *m, int r)
{
	m->fired = mem_fail_fired();
	m->n_fired += m->fired;
	if (m->fired)
		AGREE_MSG(r == -ENOMEM, "%d, not -ENOMEM: %s", r, m->w.why.text);
	return r;
}

/* The call has returned r; the model says expect. Returns r. */
static int judge(const struct model *m, int r, int expect)
{
	if (!m->fired)
		AGREE_MSG(r == expect, "%d, not %d: %s", r, expect, m->w.why.text);
	return r;
}

#define PICK(m, array, n)                                                                          \
	__extension__({                                                                            \
		int _i = (int)rnd_below((m), (n)), _k = 0;                                         \
		while (_k < (n) && !(m)->array[_i].live)                                           \
			_i = (_i + 1) % (n), _k++;                                                 \
		_k < (n) ? _i : -1;                                                                \
	})
#define FREE_SLOT(m, array, n)                                                                     \
	__extension__({                                                                            \
		int _i = 0;                                                                        \
		while (_i < (n) && (m)->array[_i].live)                                            \
			_i++;                                                                      \
		_i < (n) ? _i : -1;                                                                \
	})
#define NOTHING 1000 /* of the operation: there was nothing to do it to */

static uint64_t one_of(struct model *m, const uint64_t *of, size_t n)
{
	return of[rnd_below(m, n)];
}
#define ONE_OF(m, of) one_of((m), (of), sizeof(of) / sizeof(*(of)))

static uint32_t pick_handle(struct model *m, int s, bool *out_good)
{
	uint32_t h = 1 + (uint32_t)rnd_below(m, 700);

	*out_good = !one_in(m, 25);
	if (!*out_good)
		switch (rnd_below(m, 3)) {
		case 0:
			return 0;
		case 1:
			return m->s[s]->client.limit + HANDLE_GAP + 1;
		default:
			*out_good = !handles_get(&m->s[s]->client, h);
			return h;
		}
	while (handles_get(&m->s[s]->client, h))
		h++;
	return h;
}

/* --- regions */

static bool is_one_to_one(const struct model *m, int s, struct range r)
{
	for (uint32_t t = MEM0; t <= MEM2; t++)
		if (m->w.pool[t]->has_cont && m->w.pool[t]->cont.first == r.first &&
		    m->w.pool[t]->cont.last == r.last)
			return true;
	for (int i = 0; i < M_PHYS; i++)
		if (m->phys[i].live && m->phys[i].s == s && m->phys[i].n == 1 &&
		    m->phys[i].e[0].first == r.first && m->phys[i].e[0].last == r.last)
			return true;
	return false;
}

static void pick_region(struct model *m, int s, uint64_t *start, uint64_t *len)
{
	static const uint64_t starts[] = { 0,          0x400,      0x1000,     0x100000,
					   0x40000000, 0x80000000, 0x81000000, 0x100000000 };
	static const uint64_t lens[] = { 0x2000, 0x10000, 0x200000, 0x1234567, 0x4000000 };
	int p = PICK(m, phys, M_PHYS);

	*start = ONE_OF(m, starts);
	*len = ONE_OF(m, lens);
	if (one_in(m, 3) && p >= 0 && m->phys[p].s == s) {
		*start = m->phys[p].e[0].first;
		*len = m->phys[p].len;
	} else if (one_in(m, 8)) {
		*start = m->w.pool[MEM0]->cont.first;
		*len = range_len(m->w.pool[MEM0]->cont);
	} else if (one_in(m, 20)) {
		*start = 1;
	} else if (one_in(m, 20)) {
		*len = 0xfff;
	} else if (one_in(m, 20)) {
		*start = UINT64_C(1) << 52;
	} else if (one_in(m, 20)) {
		*start = 0x1400;
		*len = 0x1400;
	}
}

static int op_vcm_create(struct model *m)
{
	int s = (int)rnd_below(m, M_SESSIONS), slot = FREE_SLOT(m, vcms, M_VCMS), r;
	uint64_t start, len;
	struct vcm *real = NULL;
	bool good;
	uint32_t handle = pick_handle(m, s, &good);

	if (slot < 0)
		return NOTHING;
	pick_region(m, s, &start, &len);
	good = good && start != 1 && len >= 0x1000 && start < UINT64_C(1) << 52 && len != 0x1400;
	r = CALL(m, plan_vcm_create(&m->w.p, m->s[s], handle, start, len, &real));
	if (judge(m, r, good ? 0 : -EINVAL) != 0)
		return r;
	SAVE(m, &m->vcms[slot]);
	m->vcms[slot] = (struct m_vcm){ .live = true,
					.s = s,
					.handle = handle,
					.r = { start, start + (len - 1) },
					.real = real };
	m->vcms[slot].type = is_one_to_one(m, s, m->vcms[slot].r) ? VCM_ONE_TO_ONE : VCM_DEVICE;
	SAME(real->type, m->vcms[slot].type);
	return 0;
}

static int op_vcm_prebuilt(struct model *m)
{
	int s = (int)rnd_below(m, M_SESSIONS), slot = FREE_SLOT(m, vcms, M_VCMS), r;
	uint64_t id = one_in(m, 20) ? 3 : 1 + rnd_below(m, 2);
	struct vcm *real = NULL;
	bool good;
	uint32_t handle = pick_handle(m, s, &good);

	if (slot < 0)
		return NOTHING;
	r = CALL(m, plan_vcm_prebuilt(&m->w.p, m->s[s], handle, id, &real));
	if (judge(m, r, good && id < 3 ? 0 : -EINVAL) != 0)
		return r;
	SAVE(m, &m->vcms[slot]);
	m->vcms[slot] =
		(struct m_vcm){ .live = true,
				.s = s,
				.handle = handle,
				.type = id == VCM_PREBUILT_KERNEL ? VCM_EXT_KERNEL : VCM_EXT_USER,
				.r = id == VCM_PREBUILT_KERNEL ? m->w.g->kernel_window :
								 m->w.g->user_window,
				.real = real };
	return 0;
}

static int op_vcm_free(struct model *m)
{
	int v = PICK(m, vcms, M_VCMS), r;
	bool busy = false;

	if (v < 0)
		return NOTHING;
	for (int i = 0; i < M_RES; i++)
		busy |= m->res[i].live && m->res[i].vcm == v;
	for (int i = 0; i < M_BOUNDS; i++)
		busy |= m->bounds[i].live && m->bounds[i].vcm == v;
	for (int i = 0; i < M_AVCMS; i++)
		busy |= m->avcms[i].live && m->avcms[i].vcm == v;
	if (busy && !one_in(m, 10))
		return NOTHING;
	r = CALL(m, plan_vcm_free(&m->w.p, m->vcms[v].real));
	if (judge(m, r, busy ? -EBUSY : 0) != 0)
		return r;
	SAVE(m, &m->vcms[v]);
	m->vcms[v].live = false;
	return 0;
}

/* By address and handle, as the graph has them. */
static size_t sorted_res(const struct model *m, int v, int *out)
{
	size_t n = 0;

	for (int i = 0; i < M_RES; i++) {
		size_t k = n;

		if (!m->res[i].live || m->res[i].vcm != v)
			continue;
		for (; k > 0 && (m->res[out[k - 1]].addr > m->res[i].addr ||
				 (m->res[out[k - 1]].addr == m->res[i].addr &&
				  m->res[out[k - 1]].handle > m->res[i].handle));
		     k--)
			out[k] = out[k - 1];
		out[k] = i;
		n++;
	}
	return n;
}

static void clone_bounds(struct model *m, int src, int dst, int *twin)
{
	struct bound *b = NULL;

	while ((b = vcm_bound_next(m->vcms[dst].real, b))) {
		int slot = FREE_SLOT(m, bounds, M_BOUNDS), i = 0;

		while (!m->bounds[i].live || m->bounds[i].vcm != src ||
		       m->bounds[i].r.first != b->range.first)
			i++;
		BELOW(i, M_BOUNDS);
		twin[i] = slot;
		SAVE(m, &m->bounds[slot]);
		m->bounds[slot] = (struct m_bound){ true, dst, m->bounds[i].r, b };
	}
}

static int op_vcm_clone(struct model *m)
{
	int src = PICK(m, vcms, M_VCMS), slot = FREE_SLOT(m, vcms, M_VCMS), twin[M_BOUNDS],
	    mine[M_RES], n_free = 0, n_free_bounds = 0, r;
	bool good, prebuilt;
	uint32_t handle;
	struct res *real = NULL;
	size_t n;

	if (src < 0 || slot < 0)
		return NOTHING;
	prebuilt = m->vcms[src].type == VCM_EXT_KERNEL || m->vcms[src].type == VCM_EXT_USER;
	n = sorted_res(m, src, mine);
	for (int i = 0; i < M_RES; i++)
		n_free += !m->res[i].live;
	for (int i = 0; i < M_BOUNDS; i++)
		n_free_bounds += !m->bounds[i].live;
	if ((size_t)n_free < n + 20 || n_free_bounds < M_BOUNDS / 2)
		return NOTHING;
	handle = pick_handle(m, m->vcms[src].s, &good);
	r = CALL(m, plan_vcm_clone(&m->w.p, m->vcms[src].real, handle));
	if (judge(m, r, good && !prebuilt ? 0 : -EINVAL) != 0)
		return r;
	SAVE(m, &m->vcms[slot]);
	m->vcms[slot] = m->vcms[src];
	m->vcms[slot].handle = handle;
	m->vcms[slot].real =
		(struct vcm *)session_find(m->s[m->vcms[src].s], handle, OBJECT_VCM, NULL);
	clone_bounds(m, src, slot, twin);
	for (size_t i = 0; i < n; i++) {
		int k = FREE_SLOT(m, res, M_RES);

		real = vcm_res_next(m->vcms[slot].real, real);
		AGREE(real);
		AGREE(real->obj.handle >= HANDLE_BROKER);
		SAVE(m, &m->res[k]);
		m->res[k] = m->res[mine[i]];
		m->res[k].vcm = slot;
		m->res[k].bound = m->res[k].bound < 0 ? -1 : twin[m->res[k].bound];
		m->res[k].handle = real->obj.handle;
		m->res[k].real = real;
	}
	AGREE(!vcm_res_next(m->vcms[slot].real, real));
	return 0;
}

/* --- reservations */

static const uint64_t res_lens[] = { SZ_4K, SZ_4K, 2 * SZ_4K, 4 * SZ_4K, SZ_64K, SZ_64K, SZ_1M };
static const uint64_t res_attrs[] = { 0,
				      0,
				      0,
				      VCM_READ | VCM_WRITE | VCM_USER,
				      VCM_READ | VCM_WB_WA,
				      VCM_ALIGN_8K,
				      VCM_ALIGN_64K | VCM_WB_WA,
				      VCM_ALIGN_1M,
				      VCM_SECURE };

static uint64_t align_for(uint32_t attr, uint64_t len)
{
	unsigned int order = (attr >> VCM_ALIGN_SHIFT) & VCM_ALIGN_MASK;

	if (order)
		return UINT64_C(1) << order;
	return len >= SZ_16M ? SZ_16M : len >= SZ_1M ? SZ_1M : len >= SZ_64K ? SZ_64K : SZ_4K;
}

static struct range window_of(const struct model *m, int v, int b)
{
	struct range r = b >= 0 ? m->bounds[b].r : m->vcms[v].r;

	r.first = (r.first + SZ_4K - 1) & -SZ_4K;
	r.last = ((r.last + 1) & -SZ_4K) - 1;
	return r;
}

/* Whether the graph's answer to a request for room is right, given what is taken. */
static int judge_place(struct model *m, int v, int b, uint64_t len, uint64_t align, int r,
		       bool good, uint64_t got, uint64_t *out)
{
	struct range taken[M_RES + M_BOUNDS];
	size_t n = taken_of(m, v, b, taken);
	uint64_t lowest;
	bool fits = lowest_hole(taken, n, window_of(m, v, b), len, align, &lowest);

	*out = got;
	if (!good && !fits)
		return judge(m, r, r == -EINVAL ? -EINVAL : -ENOSPC);
	if (judge(m, r, !good ? -EINVAL : fits ? 0 : -ENOSPC) != 0)
		return r;
	AGREE(is_aligned(got, align));
	for (size_t i = 0; i < n; i++)
		AGREE(!range_meets(taken[i], (struct range){ got, got + (len - 1) }));
	return 0;
}

static void add_res(struct model *m, int slot, int v, int b, uint32_t handle, uint64_t addr,
		    uint64_t len, uint32_t attr, struct res *real)
{
	AGREE(real);
	SAVE(m, &m->res[slot]);
	m->res[slot] = (struct m_res){ .live = true,
				       .vcm = v,
				       .bound = b,
				       .phys = -1,
				       .addr = addr,
				       .len = len,
				       .attr = attr,
				       .handle = handle,
				       .real = real };
	SAME(real->len, len);
	SAME(real->addr, addr);
}

static int expect_user_addr(const struct model *m, int v, uint64_t addr, uint64_t len,
			    uint64_t align)
{
	struct range taken[M_RES + M_BOUNDS], r = { addr, addr + (len - 1) };
	size_t n = taken_of(m, v, -1, taken);

	if (addr < SZ_4K || addr >> 47 || !is_aligned(addr, align))
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if (range_meets(taken[i], r))
			return -EBUSY;
	for (int i = 0; i < M_RES; i++)
		if (m->res[i].live && m->res[i].vcm == v && range_meets(res_range(&m->res[i]), r))
			return -EBUSY;
	return 0;
}

static int op_reserve(struct model *m)
{
	int v = PICK(m, vcms, M_VCMS), slot = FREE_SLOT(m, res, M_RES), r;
	uint64_t len = ONE_OF(m, res_lens), addr = 0, align, lowest;
	uint32_t attr = (uint32_t)ONE_OF(m, res_attrs), handle;
	struct res *real = NULL;
	bool good;

	if (v < 0 || slot < 0)
		return NOTHING;
	handle = pick_handle(m, m->vcms[v].s, &good);
	if (one_in(m, 40)) {
		attr = 11;
		good = false;
	} else if (one_in(m, 40)) {
		len += 7;
		good = false;
	}
	align = align_for(attr, len);
	if (m->vcms[v].type == VCM_EXT_USER)
		addr = one_in(m, 10) ? rnd_below(m, 3) : 0x10000 + rnd_below(m, 0x400) * SZ_4K;
	r = CALL(m, plan_res_reserve(&m->w.p, m->vcms[v].real, handle, len, attr, addr, &real));
	if (r == 0)
		addr = real->addr;
	switch (m->vcms[v].type) {
	case VCM_DEVICE:
	case VCM_EXT_KERNEL:
		if (len & 7)
			judge(m, r, -EINVAL);
		else
			judge_place(m, v, -1, len, align, r, good, addr, &lowest);
		break;
	case VCM_EXT_USER: {
		int expect =
			expect_user_addr(m, v, addr, len, attr >> VCM_ALIGN_SHIFT ? align : SZ_4K);

		if (!good && (expect == 0 || r == -EINVAL))
			expect = -EINVAL;
		judge(m, r, expect);
		break;
	}
	case VCM_ONE_TO_ONE:
		judge(m, r,
		      !good && r != -ENOSPC         ? -EINVAL :
		      len > range_len(m->vcms[v].r) ? -ENOSPC :
						      0);
		break;
	}
	if (r == 0)
		add_res(m, slot, v, -1, handle, addr, len, attr, real);
	return r;
}

static int op_reserve_at(struct model *m)
{
	int v = PICK(m, vcms, M_VCMS), slot = FREE_SLOT(m, res, M_RES), r, expect = 0;
	uint64_t len = ONE_OF(m, res_lens);
	struct range taken[M_RES + M_BOUNDS], in;
	struct res *real = NULL;
	uint32_t handle;
	bool good;
	size_t n;

	if (v < 0 || slot < 0 || (m->vcms[v].type != VCM_DEVICE && !one_in(m, 20)))
		return NOTHING;
	in = window_of(m, v, -1);
	handle = pick_handle(m, m->vcms[v].s, &good);
	n = taken_of(m, v, -1, taken);
	if (len > range_len(in))
		expect = -ENOSPC;
	for (size_t i = 0; i < n && expect == 0; i++)
		if (range_meets(taken[i], (struct range){ in.first, in.first + (len - 1) }))
			expect = -EBUSY;
	if (m->vcms[v].type != VCM_DEVICE)
		expect = -EINVAL;
	r = CALL(m,
		 plan_res_reserve_at(&m->w.p, m->vcms[v].real, handle, len, 0, VCM_START, &real));
	if (!good && (expect == 0 || r == -EINVAL))
		expect = -EINVAL;
	if (judge(m, r, expect) == 0)
		add_res(m, slot, v, -1, handle, in.first, len, 0, real);
	return r;
}

static int op_reserve_bound(struct model *m)
{
	int b = PICK(m, bounds, M_BOUNDS), slot = FREE_SLOT(m, res, M_RES), r;
	uint64_t len = ONE_OF(m, res_lens), addr;
	uint32_t attr = (uint32_t)ONE_OF(m, res_attrs), handle;
	struct res *real = NULL;
	bool good;

	if (b < 0 || slot < 0)
		return NOTHING;
	handle = pick_handle(m, m->vcms[m->bounds[b].vcm].s, &good);
	r = CALL(m, plan_res_reserve_bound(&m->w.p, m->bounds[b].real, handle, len, attr, &real));
	judge_place(m, m->bounds[b].vcm, b, len, align_for(attr, len), r, good,
		    real ? real->addr : 0, &addr);
	if (r == 0)
		add_res(m, slot, m->bounds[b].vcm, b, handle, addr, len, attr, real);
	return r;
}

static int op_unreserve(struct model *m)
{
	int i = PICK(m, res, M_RES), r;

	if (i < 0 || (m->res[i].phys >= 0 && !one_in(m, 10)))
		return NOTHING;
	r = CALL(m, plan_res_unreserve(&m->w.p, m->res[i].real));
	if (judge(m, r, m->res[i].phys >= 0 ? -EBUSY : 0) == 0) {
		SAVE(m, &m->res[i]);
		m->res[i].live = false;
	}
	return r;
}

static int op_set_res_attr(struct model *m)
{
	int i = PICK(m, res, M_RES), r, expect = 0;
	uint32_t attr = (uint32_t)ONE_OF(m, res_attrs), change;

	if (i < 0)
		return NOTHING;
	if (!one_in(m, 10))
		attr = (attr & 0x3ff) | (m->res[i].attr & ~0x3ffu);
	change = attr ^ m->res[i].attr;
	if (change >> VCM_ALIGN_SHIFT || (m->res[i].phys >= 0 && (change & VCM_SECURE)))
		expect = -EINVAL;
	else if (m->res[i].phys >= 0 && (change & 15) && n_mappings(m, m->res[i].phys) > 1)
		expect = -EBUSY;
	r = CALL(m, plan_res_set_attr(&m->w.p, m->res[i].real, attr));
	if (judge(m, r, expect) == 0) {
		SAVE(m, &m->res[i]);
		m->res[i].attr = attr;
	}
	return r;
}

static int op_bound_create(struct model *m)
{
	int v = PICK(m, vcms, M_VCMS), slot = FREE_SLOT(m, bounds, M_BOUNDS), r;
	uint64_t len = ONE_OF(m, res_lens) * 4, addr = 0, lowest;
	struct bound *real = NULL;
	uint32_t handle;
	bool good;

	if (v < 0 || slot < 0)
		return NOTHING;
	handle = pick_handle(m, m->vcms[v].s, &good);
	if (m->vcms[v].type == VCM_EXT_USER)
		addr = one_in(m, 10) ? rnd_below(m, 3) : 0x10000 + rnd_below(m, 0x400) * SZ_4K;
	r = CALL(m, plan_bound_create(&m->w.p, m->vcms[v].real, handle, len, addr, &real));
	if (m->vcms[v].type == VCM_ONE_TO_ONE)
		return judge(m, r, -EINVAL);
	if (m->vcms[v].type == VCM_EXT_USER) {
		int expect = expect_user_addr(m, v, addr, len, SZ_4K);

		if (!good && (expect == 0 || r == -EINVAL))
			expect = -EINVAL;
		judge(m, r, expect);
	} else {
		judge_place(m, v, -1, len, align_for(0, len), r, good, real ? real->range.first : 0,
			    &lowest);
	}
	if (r != 0)
		return r;
	AGREE(real);
	SAVE(m, &m->bounds[slot]);
	m->bounds[slot] = (struct m_bound){ true, v, real->range, real };
	SAME(range_len(real->range), len);
	if (m->vcms[v].type == VCM_EXT_USER)
		SAME(real->range.first, addr);
	return 0;
}

static int op_bound_free(struct model *m)
{
	int b = PICK(m, bounds, M_BOUNDS), r;
	bool busy = false;

	if (b < 0)
		return NOTHING;
	for (int i = 0; i < M_RES; i++)
		busy |= m->res[i].live && m->res[i].bound == b;
	r = CALL(m, plan_bound_free(&m->w.p, m->bounds[b].real));
	if (judge(m, r, busy ? -EBUSY : 0) == 0) {
		SAVE(m, &m->bounds[b]);
		m->bounds[b].live = false;
	}
	return r;
}

/* --- associations */

static const uint64_t assoc_attrs[] = {
	0,
	0,
	0,
	VCM_USE_LOW_BASE,
	VCM_SPLIT_ATTR(1) | VCM_USE_HIGH_BASE,
	VCM_SPLIT_ATTR(1),
	VCM_SPLIT_ATTR(2) | VCM_USE_LOW_BASE,
	VCM_USE_HIGH_BASE,
	VCM_SPLIT_ATTR(8),
};

static unsigned int split_of(uint32_t attr)
{
	return (attr >> 3) & 31;
}

static bool assoc_fits(const struct model *m, int v, int d, uint32_t attr)
{
	static const enum vcm_type wants[] = { VCM_ONE_TO_ONE, VCM_ONE_TO_ONE, VCM_DEVICE,
					       VCM_DEVICE, VCM_DEVICE };
	enum vcm_type type = m->vcms[v].type;
	unsigned int split = split_of(attr);
	bool high = attr & VCM_USE_HIGH_BASE;
	uint64_t reach = d == 5 ? UINT64_C(1) << 48 : UINT64_C(1) << 32, border;

	if (d == 0 ? type != VCM_EXT_KERNEL && type != VCM_EXT_USER : type != wants[d - 1])
		return false;
	if (split > 7 || (high && !split) || ((d < 3 || d == 5) && split))
		return false;
	if (d < 3)
		return true;
	border = UINT64_C(1) << (32 - split);
	if (m->vcms[v].r.last >= reach)
		return false;
	return !split || (high ? m->vcms[v].r.first >= border : m->vcms[v].r.last < border);
}

static int op_assoc(struct model *m)
{
	int v = PICK(m, vcms, M_VCMS), slot = FREE_SLOT(m, avcms, M_AVCMS),
	    d = (int)rnd_below(m, M_DEVICES), r;
	uint32_t attr = (uint32_t)ONE_OF(m, assoc_attrs), handle;
	bool good;

	if (v < 0 || slot < 0)
		return NOTHING;
	if (!one_in(m, 10) && m->vcms[v].type != VCM_DEVICE) {
		d = m->vcms[v].type == VCM_ONE_TO_ONE ? 1 + (int)rnd_below(m, 2) : 0;
		attr = 0;
	} else if (!one_in(m, 10)) {
		d = 3 + (int)rnd_below(m, 3);
	}
	handle = pick_handle(m, m->vcms[v].s, &good);
	r = CALL(m, plan_avcm_assoc(&m->w.p, m->vcms[v].real, handle, m->devices[d], attr));
	if (judge(m, r, good && assoc_fits(m, v, d, attr) ? 0 : -EINVAL) != 0)
		return r;
	SAVE(m, &m->avcms[slot]);
	m->avcms[slot] = (struct m_avcm){
		true, false,
		v,    d,
		attr, (struct avcm *)session_find(m->s[m->vcms[v].s], handle, OBJECT_AVCM, NULL)
	};
	AGREE(m->avcms[slot].real);
	return 0;
}

static int op_deassoc(struct model *m)
{
	int a = PICK(m, avcms, M_AVCMS), r;

	if (a < 0 || (m->avcms[a].active && !one_in(m, 10)))
		return NOTHING;
	r = CALL(m, plan_avcm_deassoc(&m->w.p, m->avcms[a].real));
	if (judge(m, r, m->avcms[a].active ? -EBUSY : 0) == 0) {
		SAVE(m, &m->avcms[a]);
		m->avcms[a].live = false;
	}
	return r;
}

static int op_set_assoc_attr(struct model *m)
{
	int a = PICK(m, avcms, M_AVCMS), r;
	uint32_t attr = (uint32_t)ONE_OF(m, assoc_attrs);

	if (a < 0)
		return NOTHING;
	r = CALL(m, plan_avcm_set_attr(&m->w.p, m->avcms[a].real, attr));
	judge(m, r,
	      m->avcms[a].active                                        ? -EBUSY :
	      !assoc_fits(m, m->avcms[a].vcm, m->avcms[a].device, attr) ? -EINVAL :
									  0);
	if (r == 0) {
		SAVE(m, &m->avcms[a]);
		m->avcms[a].attr = attr;
	}
	return r;
}

static bool stand_each_other(const struct model *m, const struct m_avcm *a, const struct m_avcm *b)
{
	return m->vcms[a->vcm].s == m->vcms[b->vcm].s && split_of(a->attr) &&
	       split_of(a->attr) == split_of(b->attr) && ((a->attr ^ b->attr) & VCM_USE_HIGH_BASE);
}

static int op_activate(struct model *m)
{
	int a = PICK(m, avcms, M_AVCMS), r, expect = 0;
	uint32_t flags = one_in(m, 40) ? 2 : one_in(m, 2) ? VCM_ACTIVATE_SWITCH : 0;

	if (a < 0 || (m->avcms[a].active && !one_in(m, 10)))
		return NOTHING;
	if (m->avcms[a].active)
		expect = -EBUSY;
	for (int i = 0; m->avcms[a].device >= 3 && i < M_AVCMS; i++) {
		const struct m_avcm *b = &m->avcms[i];

		if (b->live && b->active && b->device == m->avcms[a].device &&
		    !stand_each_other(m, &m->avcms[a], b) &&
		    (!(flags & VCM_ACTIVATE_SWITCH) ||
		     m->vcms[b->vcm].s != m->vcms[m->avcms[a].vcm].s))
			expect = -EBUSY;
	}
	if (flags & ~VCM_ACTIVATE_SWITCH)
		expect = -EINVAL;
	r = CALL(m, plan_avcm_activate(&m->w.p, m->avcms[a].real, flags));
	if (judge(m, r, expect) != 0)
		return r;
	for (int i = 0; m->avcms[a].device >= 3 && i < M_AVCMS; i++) {
		struct m_avcm *b = &m->avcms[i];

		if (b->live && b->active && b->device == m->avcms[a].device &&
		    !stand_each_other(m, &m->avcms[a], b)) {
			SAVE(m, b);
			b->active = false;
		}
	}
	SAVE(m, &m->avcms[a]);
	m->avcms[a].active = true;
	return 0;
}

static int op_deactivate(struct model *m)
{
	int a = PICK(m, avcms, M_AVCMS), r;

	if (a < 0 || (!m->avcms[a].active && !one_in(m, 10)))
		return NOTHING;
	r = CALL(m, plan_avcm_deactivate(&m->w.p, m->avcms[a].real));
	if (judge(m, r, m->avcms[a].active ? 0 : -ENOENT) == 0) {
		SAVE(m, &m->avcms[a]);
		m->avcms[a].active = false;
	}
	return r;
}

/* --- memory */

static const uint64_t phys_lens[] = { SZ_4K,  SZ_4K, SZ_4K,         2 * SZ_4K, 2 * SZ_4K, 4 * SZ_4K,
				      SZ_64K, SZ_1M, SZ_2M + SZ_4K, 3 * SZ_1M, SZ_16M };
static const uint64_t phys_attrs[] = { 0,
				       0,
				       VCM_ALL,
				       VCM_PHYS_CONT,
				       VCM_COHERENT,
				       VCM_4KB,
				       VCM_64KB,
				       VCM_1MB,
				       VCM_4KB | VCM_64KB,
				       VCM_PHYS_CONT | VCM_1MB,
				       (2 << 6),
				       (9 << 6) | VCM_PHYS_CONT,
				       VCM_PHYS_CONT | VCM_COHERENT };

static uint64_t smallest_block(uint32_t attr)
{
	if ((attr & VCM_ALL) || !(attr & VCM_PAGE_SEL_MASK) || (attr & VCM_4KB))
		return SZ_4K;
	return attr & VCM_64KB ? SZ_64K : SZ_1M;
}

static uint64_t largest_block(uint32_t attr, uint64_t len)
{
	bool all = (attr & VCM_ALL) || !(attr & VCM_PAGE_SEL_MASK);

	if (all && len >= SZ_16M)
		return SZ_16M;
	if ((all || (attr & VCM_1MB)) && len >= SZ_1M)
		return SZ_1M;
	if ((all || (attr & VCM_64KB)) && len >= SZ_64K)
		return SZ_64K;
	return SZ_4K;
}

/* Whether there is a run outside all arenas that serves the whole request at its best alignment. */
static bool has_best_run(const struct pool *pool, uint64_t len, uint32_t attr)
{
	static struct range taken[8192];
	uint64_t align = UINT64_C(4096) << ((attr >> 6) & 31), block = largest_block(attr, len);
	uint64_t first;
	const struct arena *a;
	size_t n = 0;

	TAILQ_FOREACH(a, &pool->arenas, link) {
		BELOW(n, 8192);
		taken[n++] = a->range;
	}
	align = align > block ? align : block;
	if (len < pool->granule && !(attr & VCM_COHERENT)) {
		len = pool->granule;
		align = align > len ? align : len;
	}
	return lowest_hole(taken, n, pool->ranges[0], len, align, &first);
}

static void check_new_memory(struct model *m, const struct m_phys *p, const struct pool *pool,
			     bool one_run)
{
	uint64_t align = UINT64_C(4096) << ((p->attr >> 6) & 31), len = 0;
	uint64_t block = smallest_block(p->attr);

	for (size_t i = 0; i < p->n; i++) {
		AGREE(range_covers(pool->ranges[0], p->e[i]));
		AGREE(is_aligned(p->e[i].first, align > block ? align : block));
		AGREE(is_aligned(range_len(p->e[i]), block));
		len += range_len(p->e[i]);
		for (int k = 0; k < M_PHYS; k++)
			for (size_t j = 0; m->phys[k].live && j < m->phys[k].n; j++)
				AGREE(m->phys[k].real == p->real ||
				      !range_meets(m->phys[k].e[j], p->e[i]));
	}
	SAME(len, p->len);
	AGREE(p->n == 1 || !(one_run || (p->attr & VCM_PHYS_CONT)));
}

static int op_alloc(struct model *m)
{
	int s = (int)rnd_below(m, M_SESSIONS), slot = FREE_SLOT(m, phys, M_PHYS), r;
	uint32_t memtype = MEM0 + (uint32_t)rnd_below(m, 4), handle;
	uint32_t attr = (uint32_t)ONE_OF(m, phys_attrs);
	uint64_t len = ONE_OF(m, phys_lens);
	const struct pool *pool;
	struct user *u = m->s[s]->user;
	struct physmem *real = NULL;
	bool good, one_run, tight, enough;
	struct m_phys p;

	if (slot < 0)
		return NOTHING;
	handle = pick_handle(m, s, &good);
	if (one_in(m, 40)) {
		attr |= 1 << 11;
		good = false;
	}
	if (!is_aligned(len, smallest_block(attr)) && !one_in(m, 40))
		len = (len + SZ_1M - 1) & -SZ_1M;
	good = good && is_aligned(len, smallest_block(attr));
	pool = m->w.pool[memtype];
	one_run = has_best_run(pool, len, attr);
	tight = u->bytes + len + pool->granule > u->limits.bytes;
	/* Any pages do, and there are so many that no arena in use has. */
	enough = len <= pool_free_bytes(pool) + pool->cached_bytes &&
		 smallest_block(attr) == SZ_4K && !(attr & VCM_PHYS_CONT) &&
		 !(attr & VCM_ALIGNMENT_MASK);
	if (one_in(m, 50)) {
		memtype = one_in(m, 2) ? 0 : 5;
		good = false;
	}
	r = CALL(m, plan_physmem_alloc(&m->w.p, m->s[s], handle, memtype, len, attr, &real));
	if (m->fired)
		return r;
	if (!good)
		return judge(m, r, -EINVAL);
	switch (r) {
	case -EDQUOT:
		AGREE(tight);
		return r;
	case GRAPH_E_PRESSURE:
		AGREE(!one_run && pool->cached_bytes > 0);
		return r;
	case -ENOMEM:
		AGREE_MSG(!one_run && !enough, "%s", m->w.why.text);
		return r;
	}
	SAME(r, 0);
	if (real->n_extents > M_EXTENTS)
		return -ENOMEM; /* more than the model can hold: the plan is aborted */
	p = (struct m_phys){ .live = true,
			     .s = s,
			     .root = slot,
			     .len = len,
			     .memtype = memtype,
			     .attr = attr,
			     .fresh = true,
			     .n = real->n_extents,
			     .real = real };
	for (size_t i = 0; i < p.n; i++)
		p.e[i] = real->extents[i].pa;
	check_new_memory(m, &p, pool, one_run && !tight);
	SAVE(m, &m->phys[slot]);
	m->phys[slot] = p;
	return 0;
}

static int op_phys_free(struct model *m)
{
	int p = PICK(m, phys, M_PHYS), r;
	bool busy = false;

	if (p < 0)
		return NOTHING;
	for (int i = 0; i < M_RES; i++)
		busy |= m->res[i].live && m->res[i].phys == p;
	for (int i = 0; i < M_PHYS; i++)
		busy |= m->phys[i].live && i != p && m->phys[i].root == p;
	if (busy && !one_in(m, 10))
		return NOTHING;
	r = CALL(m, plan_physmem_free(&m->w.p, m->phys[p].real));
	if (judge(m, r, busy ? -EBUSY : 0) == 0) {
		SAVE(m, &m->phys[p]);
		m->phys[p].live = false;
	}
	return r;
}

static int op_alias(struct model *m)
{
	int s = (int)rnd_below(m, M_SESSIONS), slot = FREE_SLOT(m, phys, M_PHYS),
	    p = PICK(m, phys, M_PHYS), root = -2, r;
	struct range want = { WINDOW + rnd_below(m, 240) * SZ_4K, 0 };
	uint64_t len = SZ_4K << rnd_below(m, 3);
	bool good, window = false;
	uint32_t handle;

	if (slot < 0)
		return NOTHING;
	if (p >= 0 && !one_in(m, 4)) {
		size_t e = rnd_below(m, m->phys[p].n);

		s = one_in(m, 10) ? s : m->phys[p].s;
		want.first = m->phys[p].e[e].first +
			     rnd_below(m, range_len(m->phys[p].e[e]) / SZ_4K) * SZ_4K;
	}
	want.last = want.first + (len - 1);
	if (range_covers((struct range){ WINDOW, WINDOW + MB - 1 }, want))
		root = -1;
	for (int i = 0; i < M_PHYS; i++)
		for (size_t k = 0; k < m->phys[i].n; k++)
			if (m->phys[i].live && m->phys[i].root == i && m->phys[i].s == s &&
			    range_covers(m->phys[i].e[k], want))
				root = i;
	handle = pick_handle(m, s, &good);
	r = CALL(m, plan_physmem_map(&m->w.p, m->s[s], handle, want.first, len, &window));
	if (judge(m, r, good && root > -2 ? 0 : -EINVAL) != 0)
		return r;
	SAME(window, root == -1);
	SAVE(m, &m->phys[slot]);
	m->phys[slot] = (struct m_phys){ .live = true,
					 .s = s,
					 .root = root,
					 .len = len,
					 .memtype = root < 0 ? 0 : m->phys[root].memtype,
					 .attr = root < 0 ? 0 : m->phys[root].attr,
					 .n = 1,
					 .e = { want },
					 .real = (struct physmem *)session_find(
						 m->s[s], handle, OBJECT_PHYSMEM, NULL) };
	SAME(m->phys[slot].real->memtype, m->phys[slot].memtype);
	return 0;
}

static int expect_memory(const struct model *m, const struct m_res *r, const struct m_phys *p)
{
	const struct m_vcm *v = &m->vcms[r->vcm];
	bool secure = p->memtype == MEM_SECURE;

	if (secure != ((r->attr & VCM_SECURE) != 0))
		return -EINVAL;
	/* Neither what is secure nor a window (the alias of nothing of ours) is for a CPU. */
	if ((secure || p->root < 0) && (v->type == VCM_EXT_USER || v->type == VCM_EXT_KERNEL))
		return -EINVAL;
	if (v->type == VCM_ONE_TO_ONE &&
	    (p->n > 1 || !range_covers(v->r, p->e[0]) ||
	     (r->attr >> VCM_ALIGN_SHIFT &&
	      !is_aligned(p->e[0].first, UINT64_C(1) << (r->attr >> VCM_ALIGN_SHIFT)))))
		return -EINVAL;
	for (int i = 0; i < M_RES; i++)
		if (m->res[i].live && m->res[i].phys >= 0 &&
		    m->phys[m->res[i].phys].real->root == p->real->root &&
		    ((m->res[i].attr ^ r->attr) & 15))
			return -EINVAL;
	return 0;
}

static void count_avcms(const struct model *m, int v, int *n, int *n_active)
{
	*n = *n_active = 0;
	for (int i = 0; i < M_AVCMS; i++)
		if (m->avcms[i].live && m->avcms[i].vcm == v) {
			++*n;
			*n_active += m->avcms[i].active;
		}
}

static int expect_back(const struct model *m, int i, int p)
{
	int n, n_active;

	if (m->phys[p].len != m->res[i].len)
		return -EINVAL;
	if (m->res[i].phys >= 0)
		return -EBUSY;
	count_avcms(m, m->res[i].vcm, &n, &n_active);
	if (!n || n != n_active)
		return -EAGAIN;
	return expect_memory(m, &m->res[i], &m->phys[p]);
}

/* A reservation and a physmem of one session, mostly such that the one can back the other. */
static bool pick_pair(struct model *m, int *i, int *p)
{
	bool any = one_in(m, 20);

	*i = (int)rnd_below(m, M_RES);
	for (int k = 0; k < M_RES; k++, *i = (*i + 1) % M_RES) {
		if (!m->res[*i].live || (!any && m->res[*i].phys >= 0))
			continue;
		*p = (int)rnd_below(m, M_PHYS);
		for (int l = 0; l < M_PHYS; l++, *p = (*p + 1) % M_PHYS)
			if (m->phys[*p].live && m->phys[*p].s == m->vcms[m->res[*i].vcm].s &&
			    (any || expect_back(m, *i, *p) == 0))
				return true;
	}
	return false;
}

static int op_back(struct model *m)
{
	int i, p, r;

	if (!pick_pair(m, &i, &p))
		return NOTHING;
	r = CALL(m, plan_res_back(&m->w.p, m->res[i].real, m->phys[p].real));
	if (judge(m, r, expect_back(m, i, p)) != 0)
		return r;
	SAVE(m, &m->res[i]);
	m->res[i].phys = p;
	if (m->vcms[m->res[i].vcm].type == VCM_ONE_TO_ONE)
		m->res[i].addr = m->phys[p].e[0].first;
	return 0;
}

static int op_unback(struct model *m)
{
	int i = PICK(m, res, M_RES), n, n_active, r;

	for (int k = 0; i >= 0 && m->res[i].phys < 0 && k < 10; k++)
		i = PICK(m, res, M_RES);
	if (i < 0)
		return NOTHING;
	count_avcms(m, m->res[i].vcm, &n, &n_active);
	if ((m->res[i].phys < 0 || n != n_active) && !one_in(m, 10))
		return NOTHING;
	r = CALL(m, plan_res_unback(&m->w.p, m->res[i].real));
	if (judge(m, r, m->res[i].phys < 0 ? -EINVAL : n != n_active ? -EAGAIN : 0) != 0)
		return r;
	SAVE(m, &m->res[i]);
	m->res[i].phys = -1;
	if (m->vcms[m->res[i].vcm].type == VCM_ONE_TO_ONE)
		m->res[i].addr = RES_NO_ADDR;
	return 0;
}

static int op_evict(struct model *m)
{
	int r = one_in(m, 2) ? CALL(m, plan_evict(&m->w.p, MEM0 + (uint32_t)rnd_below(m, 3))) :
			       CALL(m, plan_evict_user(&m->w.p, m->users[rnd_below(m, M_USERS)]));

	return judge(m, r, 0);
}

/* --- questions, which change nothing */

static void ask_memory(struct model *m, int p)
{
	uint64_t pa = m->phys[p].e[rnd_below(m, m->phys[p].n)].first + rnd_below(m, SZ_4K);
	int s = one_in(m, 2) ? -1 : (int)rnd_below(m, M_SESSIONS), v = PICK(m, vcms, M_VCMS);
	uint64_t addr = 0, expect = 0, offset = 0, found = 0, len = 0;
	struct physmem *owner = graph_physmem_of_pa(m->w.g, pa);
	struct range segment = { 0 };

	SAME(owner, m->phys[p].real->root);
	SAME(graph_count_res_of_pa(m->w.g, s < 0 ? NULL : m->s[s], pa), count_res_of_pa(m, s, pa));
	SAME(offset_in(&m->phys[p], pa, &offset), 1);
	AGREE(physmem_offset_of(m->phys[p].real, pa, &found));
	SAME(found, offset);
	if (v >= 0) {
		bool has = addr_of_pa(m, v, pa, &expect);

		SAME(vcm_addr_of_pa(m->w.g, m->vcms[v].real, pa, &addr), has ? 0 : -ENOENT);
		SAME(addr, expect);
	}
	for (pa = 0; physmem_next_segment(m->phys[p].real, pa, &segment);
	     pa = segment.first, len += range_len(segment))
		SAME(segment.first, pa_of(&m->phys[p], len));
	SAME(len, m->phys[p].len);
}

static int op_ask(struct model *m)
{
	int i = PICK(m, res, M_RES), p = PICK(m, phys, M_PHYS), v, found;
	const struct m_res *r;
	struct res *real;
	uint64_t at, offset;

	m->fired = false;
	if (p >= 0)
		ask_memory(m, p);
	if (i < 0)
		return 0;
	r = &m->res[i];
	v = r->vcm;
	at = r->addr + rnd_below(m, r->len + SZ_4K);
	found = find_res_containing(m, v, at);
	real = vcm_res_containing(m->vcms[v].real, at);
	SAME(real != NULL, found >= 0);
	if (real && m->vcms[v].type == VCM_ONE_TO_ONE)
		AGREE(real->addr <= at && at - real->addr < real->len);
	else if (real)
		SAME(real, m->res[found].real);
	found = find_res_at(m, v, r->addr);
	real = vcm_res_at(m->vcms[v].real, r->addr);
	SAME(real, found < 0 ? NULL : m->res[found].real);
	offset = at - r->addr;
	SAME(res_to_pa(r->real, at),
	     r->phys < 0 || offset >= r->len ? 0 : pa_of(&m->phys[r->phys], offset));
	return 0;
}

/* --- the run */

static const struct op {
	const char *name;
	unsigned int weight;
	int (*run)(struct model *m);
} ops[] = {
	{ "vcm_create", 6, op_vcm_create },
	{ "vcm_prebuilt", 2, op_vcm_prebuilt },
	{ "vcm_free", 12, op_vcm_free },
	{ "vcm_clone", 2, op_vcm_clone },
	{ "reserve", 30, op_reserve },
	{ "reserve_at", 3, op_reserve_at },
	{ "reserve_bound", 10, op_reserve_bound },
	{ "unreserve", 45, op_unreserve },
	{ "set_res_attr", 10, op_set_res_attr },
	{ "bound_create", 6, op_bound_create },
	{ "bound_free", 8, op_bound_free },
	{ "assoc", 12, op_assoc },
	{ "deassoc", 14, op_deassoc },
	{ "set_assoc_attr", 5, op_set_assoc_attr },
	{ "activate", 25, op_activate },
	{ "deactivate", 8, op_deactivate },
	{ "alloc", 30, op_alloc },
	{ "phys_free", 35, op_phys_free },
	{ "alias", 10, op_alias },
	{ "back", 60, op_back },
	{ "unback", 30, op_unback },
	{ "evict", 1, op_evict },
	{ "ask", 20, op_ask },
};
#define N_OPS (sizeof(ops) / sizeof(*ops))

static int random_op(struct model *m)
{
	static bool at_start = true;
	static unsigned int total;
	unsigned int at;
	size_t i;
	int r;

	for (i = 0; at_start && i < N_OPS; i++)
		total += ops[i].weight;
	at_start = false;
	at = (unsigned int)rnd_below(m, total);
	for (i = 0; at >= ops[i].weight; i++)
		at -= ops[i].weight;
	r = ops[i].run(m);
	if (r == 0)
		m->n_done[i]++;
	else if (r != NOTHING)
		m->n_refused[i]++;
	return r;
}

static void commit(struct model *m)
{
	for (int i = 0; i < M_PHYS; i++)
		if (m->phys[i].fresh) {
			m->phys[i].fresh = false;
			if (m->phys[i].live)
				hw_own(m, &m->phys[i]);
		}
	hw_run(m);
	plan_commit(&m->w.p);
	model_commit(m);
}

static void forget(struct model *m, int s)
{
	for (int i = 0; i < M_RES; i++)
		m->res[i].live = m->res[i].live && m->vcms[m->res[i].vcm].s != s;
	for (int i = 0; i < M_BOUNDS; i++)
		m->bounds[i].live = m->bounds[i].live && m->vcms[m->bounds[i].vcm].s != s;
	for (int i = 0; i < M_AVCMS; i++)
		m->avcms[i].live = m->avcms[i].live && m->vcms[m->avcms[i].vcm].s != s;
	for (int i = 0; i < M_VCMS; i++)
		m->vcms[i].live = m->vcms[i].live && m->vcms[i].s != s;
	for (int i = 0; i < M_PHYS; i++)
		m->phys[i].live = m->phys[i].live && m->phys[i].s != s;
}

/* A session ends: in slices, nothing is unmapped before all is quiet, and nothing is left. */
static void end_session(struct model *m, int s)
{
	static const uint64_t budgets[] = { 1, 7, 1000 };
	struct user *u = m->s[s]->user;
	size_t budget = ONE_OF(m, budgets);
	int r;

	do {
		world_begin(&m->w);
		arm(m);
		r = disarm(m, plan_reclaim(&m->w.p, m->s[s], budget));
		if (r < 0) {
			plan_abort(&m->w.p);
			continue;
		}
		for (size_t i = 0; i < m->w.p.n_steps; i++)
			AGREE(m->w.p.steps[i].kind == STEP_DEACTIVATE || !m->s[s]->n_active);
		commit(m);
	} while (r != 0);
	forget(m, s);
	session_free(m->s[s]);
	if (u->n_sessions == 0) {
		world_begin(&m->w);
		SAME(plan_evict_user(&m->w.p, u), 0);
		commit(m);
		SAME(u->bytes + u->cached_bytes + u->objects, 0);
	}
	SAME(session_new(m->w.g, u, &m->s[s], NULL), 0);
}

static void random_plan(struct model *m, size_t *n_ops)
{
	size_t n = one_in(m, 4) ? 1 + rnd_below(m, 12) : 1;
	uint32_t memtype;
	int r = 0;

	world_begin(&m->w);
	for (size_t i = 0; i < n && r == 0; i++) {
		do
			r = random_op(m);
		while (r == NOTHING);
		--*n_ops;
	}
	if (r == 0 && !one_in(m, 8)) {
		commit(m);
		return;
	}
	if (r == 0)
		hw_rehearse(m);
	plan_abort(&m->w.p);
	model_abort(m);
	if (one_in(m, 16)) {
		graph_check(m->w.g);
		model_compare(m);
	}
	for (memtype = MEM0; r == GRAPH_E_PRESSURE && memtype <= MEM_SECURE; memtype++) {
		world_begin(&m->w);
		SAME(plan_evict(&m->w.p, memtype), 0);
		commit(m);
		SAME(m->w.pool[memtype]->cached_bytes, 0);
	}
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *s = getenv(name);

	return s ? strtoull(s, NULL, 0) : otherwise;
}

static void run(unsigned int which)
{
	uint64_t all = getenv("VCM_UNDER_VALGRIND") ? OPS_VALGRIND : OPS;
	uint64_t seed = from_environment("VCM_MODEL_SEED", 20100600 + which);
	size_t n = from_environment("VCM_MODEL_OPS", all) / N_RUNS;
	static struct model m;
	bool full = n >= 100000;

	printf("seed %lu, %zu operations (VCM_MODEL_SEED, VCM_MODEL_OPS)\n", seed, n);
	fflush(stdout);
	model_init(&m, seed);
	for (size_t plans = 0; n < SIZE_MAX / 2 && n > 0; plans++) {
		random_plan(&m, &n);
		if (plans % 500 == 0) {
			graph_check(m.w.g);
			model_compare(&m);
			hw_compare(&m);
		}
		if (one_in(&m, 1500))
			end_session(&m, (int)rnd_below(&m, M_SESSIONS));
	}
	graph_check(m.w.g);
	model_compare(&m);
	hw_compare(&m);
	for (size_t i = 0; i < N_OPS; i++) {
		printf("%-15s %7zu done %7zu refused\n", ops[i].name, m.n_done[i], m.n_refused[i]);
		AGREE(!full || ops[i].run == op_ask || m.n_done[i] > 100);
	}
	model_deinit(&m);
}

START_TEST(a_first_run_of_random_operations_agrees_with_the_model)
{
	run(0);
}
END_TEST

START_TEST(a_second_run_of_random_operations_agrees_with_the_model)
{
	run(1);
}
END_TEST

START_TEST(a_third_run_of_random_operations_agrees_with_the_model)
{
	run(2);
}
END_TEST

START_TEST(a_fourth_run_of_random_operations_agrees_with_the_model)
{
	run(3);
}
END_TEST

SUITE_MAIN("graph-model", a_first_run_of_random_operations_agrees_with_the_model,
	   a_second_run_of_random_operations_agrees_with_the_model,
	   a_third_run_of_random_operations_agrees_with_the_model,
	   a_fourth_run_of_random_operations_agrees_with_the_model)
