// SPDX-License-Identifier: BSD-3-Clause
#include "tests/graph/model.h"

uint64_t rnd(struct model *m)
{
	uint64_t z = m->rng += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint64_t rnd_below(struct model *m, uint64_t n)
{
	return rnd(m) % n;
}

bool one_in(struct model *m, uint64_t n)
{
	return rnd_below(m, n) == 0;
}

void model_init(struct model *m, uint64_t seed)
{
	static const struct limits limits = { .bytes = 80 * MB,
					      .objects = 1 << 16,
					      .sessions = 8,
					      .table_bytes = GB,
					      .arenas = 1 << 16 };

	*m = (struct model){ .rng = seed };
	world_init(&m->w);
	m->devices[0] = m->w.cpu;
	m->devices[1] = m->w.dma0;
	m->devices[2] = m->w.dma1;
	m->devices[3] = m->w.ctx_a;
	m->devices[4] = m->w.ctx_b;
	m->devices[5] = m->w.wide;
	for (int i = 0; i < M_USERS; i++)
		m->users[i] = user_get(m->w.g, 2000 + i, &limits);
	for (int i = 0; i < M_SESSIONS; i++)
		SAME(session_new(m->w.g, m->users[i % M_USERS], &m->s[i], NULL), 0);
	m->hw = hw_new();
}

void model_deinit(struct model *m)
{
	for (int i = 0; i < M_SESSIONS; i++) {
		m->w.s[0] = m->w.s[0] ? session_free(m->w.s[0]) : NULL;
		m->w.s[0] = m->s[i];
		world_end_session(&m->w, 0);
	}
	world_deinit(&m->w);
	free(m->saved);
	free(m->bytes);
	free(m->hw);
}

void model_save(struct model *m, void *entry, size_t len)
{
	if (m->n_saved == m->cap_saved) {
		m->cap_saved = m->cap_saved ? 2 * m->cap_saved : 64;
		m->saved = reallocarray(m->saved, m->cap_saved, sizeof(*m->saved));
	}
	if (m->n_bytes + len > m->cap_bytes) {
		m->cap_bytes = 2 * (m->n_bytes + len);
		m->bytes = realloc(m->bytes, m->cap_bytes);
	}
	AGREE(m->saved && m->bytes);
	memcpy(m->bytes + m->n_bytes, entry, len);
	m->saved[m->n_saved++] = (struct saved){ entry, len, m->n_bytes };
	m->n_bytes += len;
}

void model_commit(struct model *m)
{
	m->n_saved = 0;
	m->n_bytes = 0;
}

void model_abort(struct model *m)
{
	while (m->n_saved) {
		const struct saved *s = &m->saved[--m->n_saved];

		memcpy(s->at, m->bytes + s->offset, s->len);
	}
	m->n_bytes = 0;
}

struct range res_range(const struct m_res *r)
{
	return (struct range){ r->addr, r->addr + (r->len - 1) };
}

bool lowest_hole(const struct range *taken, size_t n, struct range in, uint64_t len, uint64_t align,
		 uint64_t *out)
{
	uint64_t at;
	bool met = true;

	if (!align_up(in.first, align, &at))
		return false;
	while (met) {
		struct range r;

		if (!range_make(at, len, &r) || !range_covers(in, r))
			return false;
		met = false;
		for (size_t i = 0; i < n; i++)
			if (range_meets(taken[i], r)) {
				met = true;
				if (!align_up(taken[i].last + 1, align, &at))
					return false;
				break;
			}
	}
	*out = at;
	return true;
}

size_t taken_of(const struct model *m, int vcm, int bound, struct range *out)
{
	enum vcm_type type = m->vcms[vcm].type;
	size_t n = 0;

	for (int i = 0; i < M_RES; i++) {
		const struct m_res *r = &m->res[i];

		if (r->live && r->bound == bound &&
		    (r->vcm == vcm || (bound < 0 && type == VCM_EXT_KERNEL &&
				       m->vcms[r->vcm].type == VCM_EXT_KERNEL)))
			out[n++] = res_range(r);
	}
	for (int i = 0; bound < 0 && i < M_BOUNDS; i++) {
		const struct m_bound *b = &m->bounds[i];

		if (b->live && (b->vcm == vcm ||
				(type == VCM_EXT_KERNEL && m->vcms[b->vcm].type == VCM_EXT_KERNEL)))
			out[n++] = b->r;
	}
	return n;
}

int find_res_containing(const struct model *m, int vcm, uint64_t addr)
{
	int best = -1;

	for (int i = 0; i < M_RES; i++) {
		const struct m_res *r = &m->res[i];

		if (r->live && r->vcm == vcm && r->addr != RES_NO_ADDR &&
		    range_has(res_range(r), addr) && (best < 0 || r->addr < m->res[best].addr))
			best = i;
	}
	return best;
}

int find_res_at(const struct model *m, int vcm, uint64_t addr)
{
	int best = -1;

	for (int i = 0; i < M_RES; i++) {
		const struct m_res *r = &m->res[i];

		if (r->live && r->vcm == vcm && r->addr == addr && addr != RES_NO_ADDR &&
		    (best < 0 || r->handle < m->res[best].handle))
			best = i;
	}
	return best;
}

void phys_gone(struct model *m, int phys)
{
	int heir = -1;

	SAVE(m, &m->phys[phys]);
	m->phys[phys].live = false;
	for (int i = 0; i < M_PHYS; i++) {
		if (!m->phys[i].live || m->phys[i].root != phys)
			continue;
		heir = heir < 0 ? i : heir;
		SAVE(m, &m->phys[i]);
		m->phys[i].root = heir;
	}
}

int offset_in(const struct m_phys *p, uint64_t pa, uint64_t *out)
{
	uint64_t offset = 0;

	for (size_t i = 0; i < p->n; i++) {
		if (range_has(p->e[i], pa)) {
			*out = offset + (pa - p->e[i].first);
			return 1;
		}
		offset += range_len(p->e[i]);
	}
	return 0;
}

uint64_t pa_of(const struct m_phys *p, uint64_t offset)
{
	for (size_t i = 0; i < p->n; i++) {
		if (offset < range_len(p->e[i]))
			return p->e[i].first + offset;
		offset -= range_len(p->e[i]);
	}
	return 0;
}

bool addr_of_pa(const struct model *m, int vcm, uint64_t pa, uint64_t *out)
{
	uint64_t offset;
	bool found = false;

	for (int i = 0; i < M_RES; i++) {
		const struct m_res *r = &m->res[i];

		if (!r->live || r->vcm != vcm || r->phys < 0 ||
		    !offset_in(&m->phys[r->phys], pa, &offset))
			continue;
		if (!found || r->addr + offset < *out)
			*out = r->addr + offset;
		found = true;
	}
	return found;
}

size_t count_res_of_pa(const struct model *m, int s, uint64_t pa)
{
	uint64_t offset;
	size_t n = 0;

	for (int i = 0; i < M_RES; i++) {
		const struct m_res *r = &m->res[i];

		n += r->live && r->phys >= 0 && (s < 0 || m->vcms[r->vcm].s == s) &&
		     offset_in(&m->phys[r->phys], pa, &offset);
	}
	return n;
}

/* Of the same memory: of the root and of all its aliases. */
size_t n_mappings(const struct model *m, int phys)
{
	const struct physmem *root = m->phys[phys].real->root;
	size_t n = 0;

	for (int i = 0; i < M_RES; i++)
		n += m->res[i].live && m->res[i].phys >= 0 &&
		     m->phys[m->res[i].phys].real->root == root;
	return n;
}

static void compare_vcm(struct model *m, int i)
{
	const struct m_vcm *v = &m->vcms[i];
	size_t n_res = 0, n_avcms = 0, n_active = 0;

	SAME(session_find(m->s[v->s], v->handle, OBJECT_VCM, NULL), &v->real->obj);
	SAME(v->real->type, v->type);
	SAME(v->real->range.first, v->r.first);
	SAME(v->real->range.last, v->r.last);
	for (int k = 0; k < M_RES; k++)
		n_res += m->res[k].live && m->res[k].vcm == i;
	for (int k = 0; k < M_AVCMS; k++) {
		n_avcms += m->avcms[k].live && m->avcms[k].vcm == i;
		n_active += m->avcms[k].live && m->avcms[k].vcm == i && m->avcms[k].active;
	}
	SAME(v->real->n_res, n_res);
	SAME(v->real->n_avcms, n_avcms);
	SAME(v->real->n_active, n_active);
}

static void compare_res(struct model *m, int i)
{
	const struct m_res *r = &m->res[i];
	const struct m_vcm *v = &m->vcms[r->vcm];

	SAME(session_find(m->s[v->s], r->handle, OBJECT_RES, NULL), &r->real->obj);
	SAME(r->real->vcm, v->real);
	SAME(r->real->bound, r->bound < 0 ? NULL : m->bounds[r->bound].real);
	SAME(r->real->physmem, r->phys < 0 ? NULL : m->phys[r->phys].real);
	SAME(r->real->addr, r->addr);
	SAME(r->real->len, r->len);
	SAME(r->real->attr, r->attr);
	for (int k = 0; k < i && v->type != VCM_ONE_TO_ONE; k++)
		AGREE(!m->res[k].live || m->res[k].vcm != r->vcm ||
		      !range_meets(res_range(&m->res[k]), res_range(r)));
}

static void compare_phys(struct model *m, int i)
{
	const struct m_phys *p = &m->phys[i];

	SAME(p->real->len, p->len);
	SAME(p->real->n_extents, p->n);
	for (size_t k = 0; k < p->n; k++) {
		SAME(p->real->extents[k].pa.first, p->e[k].first);
		SAME(p->real->extents[k].pa.last, p->e[k].last);
	}
	SAME(p->real->writable, p->is_writable);
	for (int k = 0; k < 2; k++)
		SAME(p->real->grants[k] != NULL, p->is_granted[k]);
	if (p->root == i)
		SAME(p->real->root->n_mappings, n_mappings(m, i));
}

void model_compare(struct model *m)
{
	uint64_t counts[M_SESSIONS][N_OBJECT_KINDS] = { 0 };

	for (int i = 0; i < M_VCMS; i++)
		if (m->vcms[i].live) {
			compare_vcm(m, i);
			counts[m->vcms[i].s][OBJECT_VCM]++;
		}
	for (int i = 0; i < M_RES; i++)
		if (m->res[i].live) {
			compare_res(m, i);
			counts[m->vcms[m->res[i].vcm].s][OBJECT_RES]++;
		}
	for (int i = 0; i < M_BOUNDS; i++)
		if (m->bounds[i].live) {
			SAME(m->bounds[i].real->range.first, m->bounds[i].r.first);
			SAME(m->bounds[i].real->range.last, m->bounds[i].r.last);
			counts[m->vcms[m->bounds[i].vcm].s][OBJECT_BOUND]++;
		}
	for (int i = 0; i < M_AVCMS; i++)
		if (m->avcms[i].live) {
			SAME(m->avcms[i].real->active, m->avcms[i].active);
			SAME(m->avcms[i].real->attr, m->avcms[i].attr);
			counts[m->vcms[m->avcms[i].vcm].s][OBJECT_AVCM]++;
		}
	for (int i = 0; i < M_PHYS; i++)
		if (m->phys[i].live) {
			compare_phys(m, i);
			counts[m->phys[i].s][OBJECT_PHYSMEM]++;
		}
	for (int s = 0; s < M_SESSIONS; s++)
		for (int k = 0; k < N_OBJECT_KINDS; k++)
			SAME(m->s[s]->counts[k], counts[s][k]);
}
