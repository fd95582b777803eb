// SPDX-License-Identifier: BSD-3-Clause
/*
 * Taking back what a session holds, in slices: no slice holds the broker up for long, each is a plan like any other, and
 * the order is safe for devices. What is quiet first: every association, before the first unmap.
 */
#include <errno.h>

#include "graph/avcm.h"
#include "graph/bound.h"
#include "graph/graph.h"
#include "graph/lookup.h"
#include "graph/plan.h"
#include "graph/vcm.h"

/* 0, or 1 when the slice is full. */
static int spend(size_t *budget)
{
	if (!*budget)
		return 1;
	--*budget;
	return 0;
}

static int deactivate_all(struct plan *p, struct session *s, size_t *budget)
{
	struct avcm *a;
	int r = 0;

	while (r == 0 && (a = TAILQ_FIRST(&s->active))) {
		r = spend(budget);
		if (r == 0)
			r = plan_avcm_deactivate(p, a);
	}
	return r;
}

int plan_reclaim_active(struct plan *p, struct session *s)
{
	struct avcm *a = TAILQ_FIRST(&s->active);
	int r = a ? plan_avcm_deactivate(p, a) : 0;

	return r < 0 ? r : a != NULL;
}

static int drop_reservation(struct plan *p, struct res *r)
{
	int ret = r->physmem ? plan_res_reclaim_backing(p, r) : 0;

	return ret == 0 ? plan_res_unreserve(p, r) : ret;
}

static int drop_vcm(struct plan *p, struct vcm *v, size_t *budget)
{
	struct bound *b, *next_bound;
	struct avcm *a, *next_avcm;
	struct res *res, *next_res;
	int r = 0;

	for (res = vcm_res_next(v, NULL); res; res = next_res) {
		next_res = vcm_res_next(v, res);
		r = spend(budget);
		if (r == 0)
			r = drop_reservation(p, res);
		if (r != 0)
			return r;
	}
	RB_FOREACH_SAFE(b, bound_tree, &v->bounds, next_bound) {
		r = spend(budget);
		if (r == 0)
			r = plan_bound_free(p, b);
		if (r != 0)
			return r;
	}
	TAILQ_FOREACH_SAFE(a, &v->avcms, vcm_link, next_avcm) {
		r = spend(budget);
		if (r == 0)
			r = plan_avcm_deassoc(p, a);
		if (r != 0)
			return r;
	}
	r = spend(budget);
	return r == 0 ? plan_vcm_free(p, v) : r;
}

int plan_reclaim(struct plan *p, struct session *s, size_t budget)
{
	struct physmem *m, *next_physmem;
	struct vcm *v, *next_vcm;
	int r = deactivate_all(p, s, &budget);

	TAILQ_FOREACH_SAFE(v, &s->vcms, link, next_vcm) {
		if (r != 0)
			return r;
		r = drop_vcm(p, v, &budget);
	}
	TAILQ_FOREACH_SAFE(m, &s->physmems, link, next_physmem) {
		if (r != 0)
			return r;
		r = spend(&budget);
		if (r == 0)
			r = plan_physmem_free(p, m);
	}
	return r;
}
