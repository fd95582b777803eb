// SPDX-License-Identifier: BSD-3-Clause
/*
 * Taking back what a session holds, in slices: no slice holds the broker up for long, each is a plan like any other, and
 * the order is safe for devices. What is quiet first: every association, before the first unmap.
 */
#include <errno.h>

#include "graph/avcm.h"
#include "graph/bound.h"
#include "graph/graph.h"
#include "graph/plan.h"
#include "graph/vcm.h"

static int deactivate_all(struct plan *p, struct session *s, size_t *budget)
{
	struct avcm *a;
	struct vcm *v;

	TAILQ_FOREACH(v, &s->vcms, link)
		TAILQ_FOREACH(a, &v->avcms, vcm_link) {
			int r = a->active && *budget ? plan_avcm_deactivate(p, a) : 0;

			if (r < 0)
				return r;
			if (a->active && !*budget)
				return 1;
			*budget -= *budget > 0;
		}
	return 0;
}

static int drop_reservations(struct plan *p, struct vcm *v, size_t *budget)
{
	struct res *r, *next;
	int ret;

	RB_FOREACH_SAFE(r, res_tree, &v->reservations, next) {
		if (!*budget)
			return 1;
		--*budget;
		ret = r->physmem ? plan_res_reclaim_backing(p, r) : 0;
		if (ret == 0)
			ret = plan_res_unreserve(p, r);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int drop_vcm(struct plan *p, struct vcm *v, size_t *budget)
{
	struct bound *b, *next_bound;
	struct avcm *a, *next_avcm;
	int r = drop_reservations(p, v, budget);

	TAILQ_FOREACH_SAFE(b, &v->bounds, link, next_bound)
		if (r == 0)
			r = plan_bound_free(p, b);
	TAILQ_FOREACH_SAFE(a, &v->avcms, vcm_link, next_avcm)
		if (r == 0)
			r = plan_avcm_deassoc(p, a);
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
		if (!budget)
			return 1;
		budget--;
		r = plan_physmem_free(p, m);
	}
	return r;
}
