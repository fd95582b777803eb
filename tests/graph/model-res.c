// SPDX-License-Identifier: BSD-3-Clause
/* Reservations and bounds of the model test. */
#include "tests/graph/model-ops.h"

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

int op_reserve(struct model *m)
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

int op_reserve_at(struct model *m)
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

int op_reserve_bound(struct model *m)
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

int op_unreserve(struct model *m)
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

int op_set_res_attr(struct model *m)
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
	else if (m->res[i].phys >= 0 && is_too_much(&m->phys[m->res[i].phys], attr))
		expect = -EACCES;
	r = CALL(m, plan_res_set_attr(&m->w.p, m->res[i].real, attr));
	if (judge(m, r, expect) == 0) {
		SAVE(m, &m->res[i]);
		m->res[i].attr = attr;
	}
	return r;
}

int op_bound_create(struct model *m)
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

int op_bound_free(struct model *m)
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
