// SPDX-License-Identifier: BSD-3-Clause
/* Regions and associations of the model test. */
#include "tests/graph/model-ops.h"

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

int op_vcm_create(struct model *m)
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

int op_vcm_prebuilt(struct model *m)
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

int op_vcm_free(struct model *m)
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

int op_vcm_clone(struct model *m)
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

int op_assoc(struct model *m)
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

int op_deassoc(struct model *m)
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

int op_set_assoc_attr(struct model *m)
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

int op_activate(struct model *m)
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

int op_deactivate(struct model *m)
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
