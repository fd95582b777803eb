// SPDX-License-Identifier: BSD-3-Clause
/*
 * Random operations of several sessions of several users, in plans of one or many, some aborted, some starved of memory,
 * against the naive model. VCM_MODEL_OPS and VCM_MODEL_SEED say how many and which.
 */
#include "tests/graph/model-ops.h"

#define OPS 1000000
#define N_RUNS 4

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
	{ "export", 15, op_export },
	{ "revoke", 2, op_revoke },
	{ "import", 25, op_import },
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
		if (m->phys[i].live && m->phys[i].s == s)
			phys_gone(m, i);
	model_commit(m);
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
	uint64_t seed = from_environment("VCM_MODEL_SEED", 20100600 + which);
	size_t n = from_environment("VCM_MODEL_OPS", suite_scaled(OPS, 5, 100)) / N_RUNS;
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
