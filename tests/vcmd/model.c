// SPDX-License-Identifier: BSD-3-Clause
#include "tests/vcmd/model.h"

#include <check.h>
#include <errno.h>
#include <string.h>
#include <vcm/attr.h>

#include "base/range.h"

#define N_SHADOWS (2 * MODEL_SESSIONS * MODEL_HANDLES)
#define VCM_HANDLE_OF_BROKER 0x80000000u

struct model model, model_saved;
static uint8_t shadows[N_SHADOWS][MODEL_MAX_LEN];

#define EACH(s, t, k)                                                                              \
	(struct thing *t = (s)->things; t < (s)->things + MODEL_THINGS; t++) if (t->kind == (k))

uint32_t model_handle(size_t index)
{
	return index < MODEL_HANDLES ? (uint32_t)index :
				       VCM_HANDLE_OF_BROKER | (uint32_t)(index - MODEL_HANDLES);
}

static size_t index_of(uint32_t handle)
{
	return handle & VCM_HANDLE_OF_BROKER ? MODEL_HANDLES + (handle & ~VCM_HANDLE_OF_BROKER) :
					       handle;
}

static uint32_t handle_of(const struct model_session *s, const struct thing *t)
{
	return model_handle((size_t)(t - s->things));
}

struct thing *model_get(struct model_session *s, uint32_t handle, enum kind kind)
{
	size_t i = index_of(handle);

	return i < MODEL_THINGS && s->things[i].kind == kind ? &s->things[i] : NULL;
}

static struct thing *make(struct model_session *s, uint32_t handle, enum kind kind)
{
	struct thing *t = handle && handle < MODEL_HANDLES ? &s->things[handle] : NULL;

	if (!t || t->kind)
		return NULL;
	*t = (struct thing){ .kind = kind };
	return t;
}

/* --- attributes */

static bool res_attr_is_right(uint32_t attr)
{
	unsigned int order = attr >> VCM_ALIGN_SHIFT & VCM_ALIGN_MASK;

	return (attr & 0xf) <= 9 && (order == 0 || (order >= 12 && order <= 30)) &&
	       !(attr & VCM_SECURE);
}

static uint64_t align_of(uint32_t attr, uint64_t len)
{
	unsigned int order = attr >> VCM_ALIGN_SHIFT & VCM_ALIGN_MASK;

	if (order)
		return UINT64_C(1) << order;
	return len >= SZ_16M ? SZ_16M : len >= SZ_1M ? SZ_1M : len >= SZ_64K ? SZ_64K : SZ_4K;
}

static bool len_is_right(uint64_t len)
{
	return len && len % SZ_4K == 0;
}

static bool assoc_attr_is_right(uint32_t attr)
{
	unsigned int split = attr >> VCM_SPLIT_SHIFT & 0x1f;
	bool low = attr & VCM_USE_LOW_BASE, high = attr & VCM_USE_HIGH_BASE;

	return !(attr & ~(uint32_t)(VCM_SPLIT_MASK | VCM_USE_LOW_BASE | VCM_USE_HIGH_BASE)) &&
	       split <= 7 && !(low && high) && !(high && !split);
}

static unsigned int split_of(const struct thing *a)
{
	return a->attr >> VCM_SPLIT_SHIFT & 0x1f;
}

static bool is_high(const struct thing *a)
{
	return a->attr & VCM_USE_HIGH_BASE;
}

static bool is_iommu(uint32_t device)
{
	return device >= DEV_A && device <= DEV_E;
}

static bool reaches(uint32_t device, uint32_t attr, const struct thing *v)
{
	const struct thing a = { .attr = attr };
	uint64_t first = 0, last = 0xffffffff, border;

	if (!is_iommu(device))
		return !split_of(&a) && !is_high(&a);
	if (split_of(&a)) {
		border = UINT64_C(1) << (32 - split_of(&a));
		if (is_high(&a))
			first = border;
		else
			last = border - 1;
	}
	return v->addr >= first && v->addr + v->len - 1 <= last;
}

/* --- addresses */

static bool meets(uint64_t a, uint64_t a_len, uint64_t b, uint64_t b_len)
{
	return a < b + b_len && b < a + a_len;
}

/* Whether [addr, addr + len) of the vcm, or of the bound, is nobody's. */
static bool is_clear(struct model_session *s, uint32_t vcm, uint32_t bound, uint64_t addr,
		     uint64_t len)
{
	for
		EACH(s, r, A_RES)
	if (r->vcm == vcm && meets(r->addr, r->len, addr, len))
		return false;
	for
		EACH(s, b, A_BOUND)
	if (!bound && b->vcm == vcm && meets(b->addr, b->len, addr, len))
		return false;
	return true;
}

static bool has_room(struct model_session *s, uint32_t vcm, uint32_t bound, const struct thing *in,
		     uint64_t len, uint64_t align)
{
	for (uint64_t at = (in->addr + align - 1) / align * align; at + len <= in->addr + in->len;
	     at += align)
		if (is_clear(s, vcm, bound, at, len))
			return true;
	return false;
}

struct thing *model_res_at(struct model_session *s, uint32_t vcm, uint64_t addr)
{
	for
		EACH(s, r, A_RES)
	if (r->vcm == vcm && r->addr != 1 && addr >= r->addr && addr < r->addr + r->len)
		return r;
	return NULL;
}

static unsigned int count_of_vcm(struct model_session *s, enum kind kind, uint32_t vcm)
{
	unsigned int n = 0;

	for
		EACH(s, t, kind)
	n += t->vcm == vcm;
	return n;
}

/* --- memory */

static bool is_used(const struct model *m, int shadow)
{
	for (size_t i = 0; i < MODEL_SESSIONS; i++)
		for (size_t k = 0; k < MODEL_THINGS; k++)
			if (m->sessions[i].things[k].kind == A_MEM &&
			    m->sessions[i].things[k].shadow == shadow)
				return true;
	return false;
}

static int new_shadow(uint64_t len)
{
	int i = 0;

	while (is_used(&model, i) || is_used(&model_saved, i))
		i++;
	ck_assert_int_lt(i, N_SHADOWS);
	memset(shadows[i], 0, len);
	return i;
}

uint8_t *model_bytes(struct model_session *s, const struct thing *mem, uint64_t offset)
{
	const struct thing *root = model_get(s, mem->root, A_MEM);

	return &shadows[root->shadow][mem->offset + offset];
}

uint64_t model_pa(const struct thing *mem, uint64_t offset)
{
	size_t i = 0;

	while (offset >= mem->seg_len[i]) {
		offset -= mem->seg_len[i];
		ck_assert_uint_lt(++i, mem->n_segments);
	}
	return mem->pa[i] + offset;
}

/* Only where the broker has said so in one segment: the test asks nothing of the others that depends on it. */
static bool is_contiguous(const struct thing *mem)
{
	return mem->n_segments == 1;
}

static bool is_mapped(struct model_session *s, uint32_t mem)
{
	for
		EACH(s, r, A_RES)
	if (r->mem == mem)
		return true;
	return false;
}

/* Another mapping of the same memory, or of an alias of it; NULL. */
static struct thing *other_mapping(struct model_session *s, uint32_t root, const struct thing *but)
{
	for
		EACH(s, r, A_RES)
	if (r != but && r->mem && model_get(s, r->mem, A_MEM)->root == root)
		return r;
	return NULL;
}

/* --- operations */

static int vcm_create(struct model_session *s, const struct op *op)
{
	struct thing *v;

	if (op->len < SZ_4K || op->addr == 1)
		return -EINVAL;
	v = make(s, op->handle, A_VCM);
	if (!v)
		return -EINVAL;
	v->addr = op->addr;
	v->len = op->len;
	v->type = VCM_DEVICE;
	if (op->addr == 0x40000000 && op->len == 64 * SZ_1M)
		v->type = VCM_ONE_TO_ONE;
	for
		EACH(s, m, A_MEM)
	if (m->n_segments && is_contiguous(m) && m->pa[0] == op->addr && m->len == op->len)
		v->type = VCM_ONE_TO_ONE;
	return 0;
}

static int vcm_prebuilt(struct model_session *s, const struct op *op)
{
	struct thing *v = make(s, op->handle, A_VCM);

	if (!v)
		return -EINVAL;
	v->addr = SZ_4K;
	v->len = (UINT64_C(1) << 47) - SZ_4K;
	v->type = VCM_EXT_USER;
	return 0;
}

static int vcm_free(struct model_session *s, const struct op *op)
{
	struct thing *v = model_get(s, op->on, A_VCM);

	if (!v)
		return -EINVAL;
	if (count_of_vcm(s, A_RES, op->on) || count_of_vcm(s, A_BOUND, op->on) ||
	    count_of_vcm(s, AN_AVCM, op->on))
		return -EBUSY;
	v->kind = NOTHING;
	return 0;
}

static int reserve(struct model_session *s, const struct op *op)
{
	struct thing *v = model_get(s, op->on, A_VCM), *r;

	if (!v || !res_attr_is_right(op->attr) || !len_is_right(op->len))
		return -EINVAL;
	if (v->type == VCM_EXT_USER) {
		if (op->addr % (op->attr >> VCM_ALIGN_SHIFT & VCM_ALIGN_MASK ?
					align_of(op->attr, op->len) :
					SZ_4K) ||
		    op->addr < v->addr || op->addr + op->len > v->addr + v->len)
			return -EINVAL;
		if (!is_clear(s, op->on, 0, op->addr, op->len))
			return -EBUSY;
	} else if (v->type == VCM_ONE_TO_ONE) {
		if (op->len > v->len)
			return -ENOSPC;
	} else if (!has_room(s, op->on, 0, v, op->len, align_of(op->attr, op->len))) {
		return -ENOSPC;
	}
	r = make(s, op->handle, A_RES);
	if (!r)
		return -EINVAL;
	r->vcm = op->on;
	r->addr = v->type == VCM_EXT_USER ? op->addr : 1; /* the broker says */
	r->len = op->len;
	r->attr = op->attr;
	return 0;
}

static int reserve_bound(struct model_session *s, const struct op *op)
{
	struct thing *b = model_get(s, op->on, A_BOUND), *r;

	if (!b || !res_attr_is_right(op->attr) || !len_is_right(op->len))
		return -EINVAL;
	if (!has_room(s, b->vcm, op->on, b, op->len, align_of(op->attr, op->len)))
		return -ENOSPC;
	r = make(s, op->handle, A_RES);
	if (!r)
		return -EINVAL;
	r->vcm = b->vcm;
	r->bound = op->on;
	r->addr = 1;
	r->len = op->len;
	r->attr = op->attr;
	return 0;
}

static int unreserve(struct model_session *s, const struct op *op)
{
	struct thing *r = model_get(s, op->on, A_RES);

	if (!r)
		return -EINVAL;
	if (r->mem)
		return -EBUSY;
	r->kind = NOTHING;
	return 0;
}

static int set_attr(struct model_session *s, const struct op *op)
{
	struct thing *r = model_get(s, op->on, A_RES);

	if (!r || !res_attr_is_right(op->attr) ||
	    (op->attr ^ r->attr) >> VCM_ALIGN_SHIFT & VCM_ALIGN_MASK)
		return -EINVAL;
	if (r->mem && (op->attr ^ r->attr) & 0xf &&
	    other_mapping(s, model_get(s, r->mem, A_MEM)->root, r))
		return -EBUSY;
	r->attr = op->attr;
	return 0;
}

static bool all_active(struct model_session *s, uint32_t vcm)
{
	for
		EACH(s, a, AN_AVCM)
	if (a->vcm == vcm && !a->active)
		return false;
	return true;
}

static int back(struct model_session *s, const struct op *op)
{
	struct thing *r = model_get(s, op->on, A_RES),
		     *m = r ? model_get(s, op->target, A_MEM) : NULL, *v, *other;

	if (!m || r->len != m->len)
		return -EINVAL;
	if (r->mem)
		return -EBUSY;
	if (!count_of_vcm(s, AN_AVCM, r->vcm) || !all_active(s, r->vcm))
		return -EAGAIN;
	v = model_get(s, r->vcm, A_VCM);
	if (v->type == VCM_ONE_TO_ONE &&
	    (!is_contiguous(m) || m->pa[0] < v->addr || m->pa[0] + m->len > v->addr + v->len ||
	     (r->attr >> VCM_ALIGN_SHIFT & VCM_ALIGN_MASK && m->pa[0] % align_of(r->attr, SZ_4K))))
		return -EINVAL;
	other = other_mapping(s, m->root, NULL);
	if (other && (other->attr ^ r->attr) & 0xf)
		return -EINVAL;
	r->mem = op->target;
	if (v->type == VCM_ONE_TO_ONE)
		r->addr = m->pa[0];
	return 0;
}

static int unback(struct model_session *s, const struct op *op)
{
	struct thing *r = model_get(s, op->on, A_RES);

	if (!r || !r->mem)
		return -EINVAL;
	if (!all_active(s, r->vcm))
		return -EAGAIN;
	r->mem = 0;
	if (model_get(s, r->vcm, A_VCM)->type == VCM_ONE_TO_ONE)
		r->addr = 1;
	return 0;
}

static int bound_create(struct model_session *s, const struct op *op)
{
	struct thing *v = model_get(s, op->on, A_VCM), *b;

	if (!v || v->type != VCM_DEVICE || !len_is_right(op->len))
		return -EINVAL;
	if (!has_room(s, op->on, 0, v, op->len, align_of(0, op->len)))
		return -ENOSPC;
	b = make(s, op->handle, A_BOUND);
	if (!b)
		return -EINVAL;
	b->vcm = op->on;
	b->len = op->len;
	return 0;
}

static int bound_free(struct model_session *s, const struct op *op)
{
	struct thing *b = model_get(s, op->on, A_BOUND);

	if (!b)
		return -EINVAL;
	for
		EACH(s, r, A_RES)
	if (r->bound == op->on)
		return -EBUSY;
	b->kind = NOTHING;
	return 0;
}

static int assoc(struct model_session *s, const struct op *op)
{
	struct thing *v = model_get(s, op->on, A_VCM), *a;
	int type = is_iommu(op->target)  ? VCM_DEVICE :
		   op->target == DEV_CPU ? VCM_EXT_USER :
					   VCM_ONE_TO_ONE;

	if (!v || !op->target || op->target > DEV_DMA || !assoc_attr_is_right(op->attr) ||
	    v->type != type || !reaches(op->target, op->attr, v))
		return -EINVAL;
	a = make(s, op->handle, AN_AVCM);
	if (!a)
		return -EINVAL;
	a->vcm = op->on;
	a->device = op->target;
	a->attr = op->attr;
	return 0;
}

static int deassoc(struct model_session *s, const struct op *op)
{
	struct thing *a = model_get(s, op->on, AN_AVCM);

	if (!a)
		return -EINVAL;
	if (a->active)
		return -EBUSY;
	a->kind = NOTHING;
	return 0;
}

static int assoc_set_attr(struct model_session *s, const struct op *op)
{
	struct thing *a = model_get(s, op->on, AN_AVCM);

	if (!a)
		return -EINVAL;
	if (a->active)
		return -EBUSY;
	if (!assoc_attr_is_right(op->attr) ||
	    !reaches(a->device, op->attr, model_get(s, a->vcm, A_VCM)))
		return -EINVAL;
	a->attr = op->attr;
	return 0;
}

static bool can_share(const struct thing *a, const struct thing *b)
{
	return split_of(a) && split_of(a) == split_of(b) && is_high(a) != is_high(b);
}

static int activate(struct model_session *s, const struct op *op)
{
	struct thing *a = model_get(s, op->on, AN_AVCM);

	if (!a || op->attr & ~VCM_ACTIVATE_SWITCH)
		return -EINVAL;
	if (a->active)
		return -EBUSY;
	for (size_t i = 0; i < MODEL_SESSIONS && is_iommu(a->device); i++)
		for
			EACH(&model.sessions[i], other, AN_AVCM)
			{
				bool mine = &model.sessions[i] == s;

				if (!other->active || other->device != a->device ||
				    (can_share(a, other) && mine))
					continue;
				if (!(op->attr & VCM_ACTIVATE_SWITCH) || !mine)
					return -EBUSY;
			}
	for
		EACH(s, other, AN_AVCM)
	if (is_iommu(a->device) && other->active && other->device == a->device &&
	    !can_share(a, other))
		other->active = false;
	a->active = true;
	return 0;
}

static int deactivate(struct model_session *s, const struct op *op)
{
	struct thing *a = model_get(s, op->on, AN_AVCM);

	if (!a)
		return -EINVAL;
	if (!a->active)
		return -ENOENT;
	a->active = false;
	return 0;
}

static int phys_alloc(struct model_session *s, const struct op *op)
{
	struct thing *m;

	if (op->arg < 1 || op->arg > 3 || !len_is_right(op->len) ||
	    ((op->attr & VCM_PAGE_SEL_MASK) == VCM_64KB && op->len % SZ_64K))
		return -EINVAL;
	m = make(s, op->handle, A_MEM);
	if (!m)
		return -EINVAL;
	m->memtype = (uint32_t)op->arg;
	m->len = op->len;
	m->attr = op->attr;
	m->root = op->handle;
	m->shadow = -1; /* is_used() looks at this one too */
	m->shadow = new_shadow(op->len);
	return 0;
}

static int phys_free(struct model_session *s, const struct op *op)
{
	struct thing *m = model_get(s, op->on, A_MEM);

	if (!m)
		return -EINVAL;
	if (is_mapped(s, op->on))
		return -EBUSY;
	for
		EACH(s, alias, A_MEM)
	if (alias != m && alias->root == op->on)
		return -EBUSY;
	m->kind = NOTHING;
	return 0;
}

static int phys_map(struct model_session *s, const struct op *op)
{
	struct thing *m;

	if (op->addr % SZ_4K || !len_is_right(op->len))
		return -EINVAL;
	for
		EACH(s, root, A_MEM)
		{
			uint64_t offset = 0;

			for (size_t i = 0; i < root->n_segments && handle_of(s, root) == root->root;
			     offset += root->seg_len[i++]) {
				if (op->addr < root->pa[i] ||
				    op->addr + op->len > root->pa[i] + root->seg_len[i])
					continue;
				m = make(s, op->handle, A_MEM);
				if (!m)
					return -EINVAL;
				m->memtype = root->memtype;
				m->len = op->len;
				m->attr = root->attr;
				m->root = root->root;
				m->offset = offset + (op->addr - root->pa[i]);
				m->shadow = root->shadow;
				m->n_segments = 1;
				m->pa[0] = op->addr;
				m->seg_len[0] = op->len;
				return 0;
			}
		}
	return -EINVAL;
}

int model_apply(struct model_session *s, const struct op *op)
{
	switch (op->code) {
	case OP_VCM_CREATE:
		return vcm_create(s, op);
	case OP_VCM_PREBUILT:
		return vcm_prebuilt(s, op);
	case OP_VCM_FREE:
		return vcm_free(s, op);
	case OP_RESERVE:
		return reserve(s, op);
	case OP_RESERVE_BOUND:
		return reserve_bound(s, op);
	case OP_UNRESERVE:
		return unreserve(s, op);
	case OP_RES_SET_ATTR:
		return set_attr(s, op);
	case OP_BACK:
		return back(s, op);
	case OP_UNBACK:
		return unback(s, op);
	case OP_BOUND_CREATE:
		return bound_create(s, op);
	case OP_BOUND_FREE:
		return bound_free(s, op);
	case OP_ASSOC:
		return assoc(s, op);
	case OP_DEASSOC:
		return deassoc(s, op);
	case OP_ASSOC_SET_ATTR:
		return assoc_set_attr(s, op);
	case OP_ACTIVATE:
		return activate(s, op);
	case OP_DEACTIVATE:
		return deactivate(s, op);
	case OP_PHYS_ALLOC:
		return phys_alloc(s, op);
	case OP_PHYS_FREE:
		return phys_free(s, op);
	case OP_PHYS_MAP:
		return phys_map(s, op);
	default:
		ck_abort_msg("the model knows no operation %u", op->code);
	}
	return -ENOSYS;
}

static void place(struct model_session *s, struct thing *t, const struct thing *in, uint64_t addr,
		  uint64_t align)
{
	t->addr = 1;
	t->kind = NOTHING; /* it is not in its own way */
	ck_assert_msg(addr % align == 0 && addr >= in->addr && addr + t->len <= in->addr + in->len,
		      "0x%lx", addr);
	ck_assert(is_clear(s, t->vcm, t->bound, addr, t->len));
	t->addr = addr;
}

void model_fill(struct model_session *s, const struct op *op, const uint64_t *values)
{
	struct thing *t = op->handle < MODEL_HANDLES ? &s->things[op->handle] : NULL;
	const struct thing *v;

	if (!t)
		return;
	if (op->code == OP_VCM_CREATE || op->code == OP_VCM_PREBUILT) {
		ck_assert_uint_eq(values[0], (uint64_t)t->type);
	} else if (op->code == OP_BOUND_CREATE) {
		place(s, t, model_get(s, t->vcm, A_VCM), values[0], align_of(0, t->len));
		t->kind = A_BOUND;
	} else if (op->code == OP_RESERVE_BOUND) {
		place(s, t, model_get(s, t->bound, A_BOUND), values[0], align_of(t->attr, t->len));
		t->kind = A_RES;
	} else if (op->code == OP_RESERVE) {
		v = model_get(s, t->vcm, A_VCM);
		if (v->type == VCM_DEVICE) {
			place(s, t, v, values[0], align_of(t->attr, t->len));
			t->kind = A_RES;
		}
		ck_assert_uint_eq(values[0], t->addr);
	}
}

static bool permits(uint32_t attr, bool write)
{
	uint32_t access = attr & (VCM_READ | VCM_WRITE | VCM_EXECUTE);

	if ((attr & VCM_SUPERVISOR) && !(attr & VCM_USER))
		return false;
	return !write || !access || access & VCM_WRITE;
}

static bool is_translating(const struct thing *a, uint32_t device, uint64_t addr)
{
	if (!a->active || a->device != device)
		return false;
	return !is_iommu(device) || !split_of(a) ||
	       is_high(a) == (addr >= UINT64_C(1) << (32 - split_of(a)));
}

uint8_t *model_transact(struct model_session *s, uint32_t device, uint64_t addr, bool write,
			int *out_status)
{
	bool mine = false, others = false;

	*out_status = -ENODEV;
	if (device == DEV_CPU)
		return NULL;
	for (size_t i = 0; i < MODEL_SESSIONS; i++)
		for
			EACH(&model.sessions[i], a, AN_AVCM)
	if (a->active && a->device == device)
		*(&model.sessions[i] == s ? &mine : &others) = true;
	*out_status = -EACCES;
	if (!mine && others && !s->simulates)
		return NULL;
	*out_status = -EFAULT;
	for (size_t i = 0; i < MODEL_SESSIONS; i++) {
		struct model_session *owner = &model.sessions[i];

		for
			EACH(owner, a, AN_AVCM)
			{
				if (!is_translating(a, device, addr) ||
				    (!is_iommu(device) && owner != s && !s->simulates))
					continue;
			for
				EACH(owner, r, A_RES)
			if (r->vcm == a->vcm && r->mem && addr >= r->addr &&
			    addr < r->addr + r->len &&
			    (!is_iommu(device) || permits(r->attr, write))) {
				*out_status = 0;
				return model_bytes(owner, model_get(owner, r->mem, A_MEM),
						   addr - r->addr);
			}
			}
	}
	return NULL;
}

void model_drop(struct model_session *s)
{
	memset(s->things, 0, sizeof(s->things));
}
