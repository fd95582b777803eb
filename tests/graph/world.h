/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A small world for the suites of the graph: pools, devices, users and sessions as a default configuration has them; one
 * plan around one call, with the whole graph checked after it; and what a refused, aborted or starved call left behind.
 *
 *	memtype 0 (1)	0x40000000  256 MB, contiguous region of 64 MB		granule 2 MB
 *	memtype 1 (2)	0x60000000   64 MB, contiguous region of 16 MB		granule 512 KB
 *	memtype 2 (3)	0x70000000   32 MB, none				granule 256 KB
 *	memtype 3 (4)	0x80000000    4 MB, secure				granule 64 KB
 *	window		0x90000000    1 MB
 *
 *	cpu; dma0, dma1 without IOMMU; ctx_a, ctx_b of one split format of 32 bits; wide of a format of 48 bits
 */
#pragma once

#include <errno.h>
#include <string.h>
#include <vcm/attr.h>

#include "base/mem.h"
#include "graph/avcm.h"
#include "graph/bound.h"
#include "graph/graph.h"
#include "graph/lookup.h"
#include "graph/plan.h"
#include "graph/space.h"
#include "graph/vcm.h"
#include "tests/suite.h"

#define MB UINT64_C(0x100000)
#define GB UINT64_C(0x40000000)

#define MEM0 1u
#define MEM1 2u
#define MEM2 3u
#define MEM_SECURE 4u

#define WINDOW UINT64_C(0x90000000)
#define KERNEL UINT64_C(0x7e0000000000)

enum { ALICE, ALICE_TOO, BOB, N_SESSIONS };

struct world {
	struct graph *g;
	struct pool *pool[5]; /* by memtype */
	struct device *cpu, *dma0, *dma1, *ctx_a, *ctx_b, *wide;
	struct user *alice, *bob;
	struct session *s[N_SESSIONS];
	struct plan p;
	struct reason why;
};

extern const struct limits world_limits;
extern const struct format world_narrow, world_wide;

void world_init(struct world *w);
/* Takes everything back, and asserts that nothing is left. */
void world_deinit(struct world *w);
/* Takes back all that a session has, in slices, and ends it. Its place in w is NULL afterwards. */
void world_end_session(struct world *w, unsigned int which);
/* A graph of nothing but the pool that config describes, and one user's session in w->s[0]. */
void world_init_pool(struct world *w, const struct pool_config *config);

/* Everything that a client, a device or the next request could see of the graph, as text. The caller frees it. */
char *world_dump(struct world *w);
/* The steps of the open plan: "TABLE_NEW MAP 3 0x1000+0x4000 UNMAP~ ..."; ~ is late. Valid until the next call. */
const char *world_steps(struct world *w);

void world_begin(struct world *w);
/* Commits when r is 0, else aborts; checks the graph. Returns r. */
int world_finish(struct world *w, int r);
/* Aborts, and asserts that the graph is as before says; frees before. */
void world_undo(struct world *w, char *before);
void world_expect_refusal(struct world *w, char *before, int r, int code, const char *word);
/* One round of STARVED: false when the call was not reached by the failure any more. */
bool world_starve(struct world *w, char *before, int r, size_t nth);

/* A plan of one call. */
#define DO(w, call) (world_begin(w), world_finish((w), (call)))
#define OK(w, call)                                                                                \
	do {                                                                                       \
		int _r = DO(w, call);                                                              \
		ck_assert_msg(_r == 0, "%s: %d: %s", #call, _r, (w)->why.text);                    \
	} while (0)
/* The call fails with code, says word, and leaves everything as it was. */
#define REFUSED(w, code, word, call)                                                               \
	do {                                                                                       \
		char *_before = world_dump(w);                                                     \
                                                                                                   \
		world_begin(w);                                                                    \
		world_expect_refusal((w), _before, (call), (code), (word));                        \
	} while (0)
/* The call succeeds, lists the steps, and when the plan is aborted everything is as it was. */
#define PLANS(w, steps, call)                                                                      \
	do {                                                                                       \
		char *_before = world_dump(w);                                                     \
                                                                                                   \
		world_begin(w);                                                                    \
		ck_assert_msg((call) == 0, "%s: %s", #call, (w)->why.text);                        \
		ck_assert_str_eq(world_steps(w), (steps));                                         \
		world_undo((w), _before);                                                          \
	} while (0)
/* The call, with every allocation failing in turn, says so and leaves everything as it was; in the end it happens. */
#define STARVED(w, call)                                                                           \
	do {                                                                                       \
		size_t _nth = 0;                                                                   \
		char *_before;                                                                     \
		int _r;                                                                            \
                                                                                                   \
		do {                                                                               \
			_before = world_dump(w);                                                   \
			plan_deinit(&(w)->p);                                                      \
			world_begin(w);                                                            \
			mem_fail_nth(++_nth);                                                      \
			_r = (call);                                                               \
		} while (world_starve((w), _before, _r, _nth));                                    \
		ck_assert_uint_gt(_nth, 1);                                                        \
	} while (0)

/* Objects that the test needs and does not test, with the next handle. */
struct vcm *a_vcm(struct world *w, unsigned int s, uint64_t start, uint64_t len);
struct vcm *a_prebuilt(struct world *w, unsigned int s, uint64_t id);
/* Associated; and then active. */
struct avcm *an_avcm(struct world *w, struct vcm *v, struct device *d, uint32_t attr);
void activate(struct world *w, struct avcm *a);
struct res *a_res(struct world *w, struct vcm *v, uint64_t len, uint32_t attr);
/* n of 4K in one plan, whose handles begin with first. */
void many_res(struct world *w, struct vcm *v, uint32_t first, size_t n);
struct res *a_res_at(struct world *w, struct vcm *v, uint64_t addr, uint64_t len, uint32_t attr);
struct bound *a_bound(struct world *w, struct vcm *v, uint64_t len);
struct physmem *a_physmem(struct world *w, unsigned int s, uint32_t memtype, uint64_t len,
			  uint32_t attr);
struct physmem *an_alias(struct world *w, unsigned int s, uint64_t pa, uint64_t len);
void back(struct world *w, struct res *r, struct physmem *m);
/* The next free handle, and the object that a handle names. */
uint32_t next_handle(const struct session *s);
struct vcm *vcm_named(struct world *w, unsigned int s, uint32_t handle);
struct physmem *physmem_named(struct world *w, unsigned int s, uint32_t handle);
struct avcm *avcm_named(struct world *w, unsigned int s, uint32_t handle);
