// SPDX-License-Identifier: BSD-3-Clause
/* Memory and backing of the model test, and questions of both, which change nothing. */
#include "tests/graph/model-ops.h"

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

int op_alloc(struct model *m)
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
			     .user = u,
			     .is_owned = true,
			     .is_writable = true,
			     .whole = len,
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

int op_phys_free(struct model *m)
{
	int p = PICK(m, phys, M_PHYS), r;
	bool busy = false;

	if (p < 0)
		return NOTHING;
	for (int i = 0; i < M_RES; i++)
		busy |= m->res[i].live && m->res[i].phys == p;
	for (int i = 0; i < M_PHYS; i++)
		busy |= m->phys[i].live && i != p && m->phys[i].root == p && m->phys[p].is_owned &&
			m->phys[i].s == m->phys[p].s;
	if (busy && !one_in(m, 10))
		return NOTHING;
	r = CALL(m, plan_physmem_free(&m->w.p, m->phys[p].real));
	if (judge(m, r, busy ? -EBUSY : 0) == 0)
		phys_gone(m, p);
	return r;
}

/* The memory that the session may name the range of: one that has it, -1 a window, -2 nothing. */
static int find_named(const struct model *m, int s, struct range want, bool *out_writable)
{
	bool is_window = range_covers((struct range){ WINDOW, WINDOW + MB - 1 }, want);
	int found = is_window ? -1 : -2;

	*out_writable = is_window;
	for (int i = 0; i < M_PHYS; i++)
		for (size_t k = 0; k < m->phys[i].n; k++)
			if (m->phys[i].live && m->phys[i].s == s && m->phys[i].root >= 0 &&
			    range_covers(m->phys[i].e[k], want)) {
				found = i;
				*out_writable |= m->phys[i].is_writable;
			}
	return found;
}

/* Whether its user pays itself for what it has of the memory, and cannot. */
static bool is_unpayable(const struct model *m, int s, const struct m_phys *p)
{
	const struct user *u = m->s[s]->user;
	bool pays = p->user != u || p->real->root->extents[0].arena->disowned;

	return pays && u->bytes + p->whole > u->limits.bytes;
}

/* The same memory, all of it or a part. */
static struct m_phys same_memory(const struct model *m, int s, uint32_t handle, int of)
{
	struct m_phys p = { .root = -1 };

	if (of >= 0)
		p = m->phys[of];
	p.live = true;
	p.s = s;
	p.is_owned = p.fresh = p.is_granted[0] = p.is_granted[1] = false;
	p.tokens[0] = p.tokens[1] = (struct token){ 0 };
	p.real = (struct physmem *)session_find(m->s[s], handle, OBJECT_PHYSMEM, NULL);
	return p;
}

int op_alias(struct model *m)
{
	int s = (int)rnd_below(m, M_SESSIONS), slot = FREE_SLOT(m, phys, M_PHYS),
	    p = PICK(m, phys, M_PHYS), of, r;
	struct range want = { WINDOW + rnd_below(m, 240) * SZ_4K, 0 };
	uint64_t len = SZ_4K << rnd_below(m, 3);
	bool good, writable;
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
	of = find_named(m, s, want, &writable);
	handle = pick_handle(m, s, &good);
	r = CALL(m, plan_physmem_map(&m->w.p, m->s[s], handle, want.first, len));
	if (r == -EDQUOT && of >= 0 && is_unpayable(m, s, &m->phys[of]))
		return r;
	if (judge(m, r, good && of > -2 ? 0 : -EINVAL) != 0)
		return r;
	SAVE(m, &m->phys[slot]);
	m->phys[slot] = same_memory(m, s, handle, of);
	m->phys[slot].len = len;
	m->phys[slot].n = 1;
	m->phys[slot].e[0] = want;
	m->phys[slot].is_writable = writable;
	SAME(m->phys[slot].real->memtype, m->phys[slot].memtype);
	return 0;
}

int op_export(struct model *m)
{
	int p = PICK(m, phys, M_PHYS), writable = (int)rnd_below(m, 2), r;
	struct token fresh = { rnd(m), rnd(m) };
	const struct grant *g = NULL;

	if (p < 0)
		return NOTHING;
	r = CALL(m, plan_export(&m->w.p, m->phys[p].real, writable, fresh, &g));
	if (m->phys[p].root < 0)
		return judge(m, r, -EINVAL);
	if (judge(m, r, writable && !m->phys[p].is_writable ? -EACCES : 0) != 0)
		return r;
	SAVE(m, &m->phys[p]);
	if (!m->phys[p].is_granted[writable])
		m->phys[p].tokens[writable] = fresh;
	m->phys[p].is_granted[writable] = true;
	SAME(g->token.where, m->phys[p].tokens[writable].where);
	SAME(g->token.secret, m->phys[p].tokens[writable].secret);
	return 0;
}

int op_revoke(struct model *m)
{
	int p = PICK(m, phys, M_PHYS), r;

	if (p < 0)
		return NOTHING;
	r = CALL(m, plan_revoke(&m->w.p, m->phys[p].real));
	if (judge(m, r, 0) != 0)
		return r;
	SAVE(m, &m->phys[p]);
	m->phys[p].is_granted[0] = m->phys[p].is_granted[1] = false;
	return 0;
}

/* A physmem whose token is known, or was; -1. */
static int pick_token(struct model *m, int writable)
{
	int p = (int)rnd_below(m, M_PHYS);

	for (int k = 0; k < M_PHYS; k++, p = (p + 1) % M_PHYS)
		if (m->phys[p].live && m->phys[p].is_granted[writable])
			return p;
	return -1;
}

static int expect_import(const struct model *m, int s, const struct m_phys *p, int writable,
			 bool is_good_handle)
{
	bool is_foreign = p->user != m->s[s]->user;

	if (!p->live || !p->is_granted[writable] ||
	    (is_foreign && (!(p->attr & VCM_COHERENT) || p->len != p->whole)))
		return -EACCES;
	return is_good_handle ? 0 : -EINVAL;
}

int op_import(struct model *m)
{
	int s = (int)rnd_below(m, M_SESSIONS), slot = FREE_SLOT(m, phys, M_PHYS),
	    writable = (int)rnd_below(m, 2), p, r;
	struct token token;
	uint32_t handle;
	bool good;

	p = one_in(m, 20) ? (int)rnd_below(m, M_PHYS) : pick_token(m, writable);
	if (slot < 0 || p < 0)
		return NOTHING;
	token = m->phys[p].tokens[writable];
	token.secret ^= one_in(m, 20);
	handle = pick_handle(m, s, &good);
	r = CALL(m, plan_import(&m->w.p, m->s[s], handle, token));
	if (token.secret != m->phys[p].tokens[writable].secret)
		return judge(m, r, -EACCES);
	if (r == -EDQUOT && is_unpayable(m, s, &m->phys[p]))
		return r;
	if (judge(m, r, expect_import(m, s, &m->phys[p], writable, good)) != 0)
		return r;
	SAVE(m, &m->phys[slot]);
	m->phys[slot] = same_memory(m, s, handle, p);
	m->phys[slot].is_writable = writable;
	return 0;
}

bool is_too_much(const struct m_phys *p, uint32_t attr)
{
	bool writes = (attr & VCM_WRITE) || !(attr & (VCM_READ | VCM_WRITE | VCM_EXECUTE));

	return writes && !p->is_writable;
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
	if (v->type == VCM_ONE_TO_ONE && !p->is_writable)
		return -EACCES;
	return is_too_much(p, r->attr) ? -EACCES : 0;
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

int op_back(struct model *m)
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

int op_unback(struct model *m)
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

int op_evict(struct model *m)
{
	int r = one_in(m, 2) ? CALL(m, plan_evict(&m->w.p, MEM0 + (uint32_t)rnd_below(m, 3))) :
			       CALL(m, plan_evict_user(&m->w.p, m->users[rnd_below(m, M_USERS)]));

	return judge(m, r, 0);
}

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

int op_ask(struct model *m)
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
