// SPDX-License-Identifier: BSD-3-Clause
/* What the operations of the model test share. */
#include "tests/graph/model-ops.h"

void arm(struct model *m)
{
	mem_fail_nth(one_in(m, 20) ? 1 + rnd_below(m, 8) : 0);
}

int disarm(struct model *m, int r)
{
	m->fired = mem_fail_fired();
	m->n_fired += m->fired;
	if (m->fired)
		AGREE_MSG(r == -ENOMEM, "%d, not -ENOMEM: %s", r, m->w.why.text);
	return r;
}

int judge(const struct model *m, int r, int expect)
{
	if (!m->fired)
		AGREE_MSG(r == expect, "%d, not %d: %s", r, expect, m->w.why.text);
	return r;
}

uint64_t one_of(struct model *m, const uint64_t *of, size_t n)
{
	return of[rnd_below(m, n)];
}

uint32_t pick_handle(struct model *m, int s, bool *out_good)
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

size_t sorted_res(const struct model *m, int v, int *out)
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
