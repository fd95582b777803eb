/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the graph should be, kept naively: arrays of what lives, linear scans, the rules once more in few words. And what
 * devices and memory should be: model_hw follows the steps of plans, as a daemon's backends would.
 *
 * Every entry that changes is saved first, so that an aborted plan is undone by writing the old entries back.
 */
#pragma once

#include "tests/graph/world.h"

enum {
	M_SESSIONS = 5,
	M_USERS = 3,
	M_VCMS = 40,
	M_RES = 300,
	M_BOUNDS = 40,
	M_AVCMS = 60,
	M_PHYS = 90,
	M_EXTENTS = 64,
	M_DEVICES = 6,
	M_PAGES = 0x50000, /* from M_FIRST_PAGE on */
	M_FIRST_PAGE = 0x40000,
};

struct m_vcm {
	bool live;
	int s;
	uint32_t handle;
	enum vcm_type type;
	struct range r;
	struct vcm *real;
};

struct m_bound {
	bool live;
	int vcm;
	struct range r;
	struct bound *real;
};

struct m_res {
	bool live;
	int vcm, bound, phys; /* -1: none */
	uint64_t addr, len;
	uint32_t attr, handle;
	struct res *real;
};

struct m_avcm {
	bool live, active;
	int vcm, device;
	uint32_t attr;
	struct avcm *real;
};

struct m_phys {
	bool live;
	int s, root; /* one of those that have the memory, the same for all of them; -1: a window */
	struct user *user; /* whose arenas it lies in */
	bool is_owned;     /* allocated here, not an alias or import */
	bool is_writable;
	bool is_granted[2];
	struct token tokens[2]; /* [writable] */
	uint64_t whole;         /* bytes of all of the memory */
	uint64_t len;
	uint32_t memtype, attr;
	bool fresh; /* of the open plan */
	size_t n;
	struct range e[M_EXTENTS];
	struct physmem *real;
};

struct saved {
	void *at;
	size_t len, offset;
};

struct model {
	struct world w;
	struct session *s[M_SESSIONS];
	struct user *users[M_USERS];
	struct device *devices[M_DEVICES];
	uint64_t rng;
	struct m_vcm vcms[M_VCMS];
	struct m_bound bounds[M_BOUNDS];
	struct m_res res[M_RES];
	struct m_avcm avcms[M_AVCMS];
	struct m_phys phys[M_PHYS];
	struct saved *saved;
	size_t n_saved, cap_saved;
	char *bytes;
	size_t n_bytes, cap_bytes;
	struct hw *hw;
	bool fired; /* an allocation has failed in the last call */
	size_t n_done[32], n_refused[32],
		n_fired; /* by operation: a run that refuses all proves little */
};

/* As ck_assert(), which tells the runner of each success; here there are too many. */
#define AGREE_MSG(fact, ...)                                                                       \
	do {                                                                                       \
		if (!(fact))                                                                       \
			ck_abort_msg(__VA_ARGS__);                                                 \
	} while (0)
#define AGREE(fact) AGREE_MSG(fact, "not so: %s", #fact)
#define SAME(a, b) AGREE_MSG((a) == (b), "%s is not %s", #a, #b)
#define BELOW(a, b) AGREE_MSG((a) < (b), "%s is not below %s", #a, #b)

uint64_t rnd(struct model *m);
uint64_t rnd_below(struct model *m, uint64_t n);
/* True once in n. */
bool one_in(struct model *m, uint64_t n);

void model_init(struct model *m, uint64_t seed);
void model_deinit(struct model *m);
/* Before a change of an entry. */
void model_save(struct model *m, void *entry, size_t len);
#define SAVE(m, entry) model_save((m), (entry), sizeof(*(entry)))
void model_commit(struct model *m);
void model_abort(struct model *m);
/* The whole graph is what the model says. */
void model_compare(struct model *m);

/* Naive answers. */
struct range res_range(const struct m_res *r);
/* The lowest multiple of align in `in` from which len bytes meet none of taken; false when there is none. */
bool lowest_hole(const struct range *taken, size_t n, struct range in, uint64_t len, uint64_t align,
		 uint64_t *out);
/* What is taken of the addresses that a vcm, or a bound of it, hands out. Returns how many. */
size_t taken_of(const struct model *m, int vcm, int bound, struct range *out);
int find_res_containing(const struct model *m, int vcm, uint64_t addr);
int find_res_at(const struct model *m, int vcm, uint64_t addr);
/* 0 when pa is not in it; else 1, and its offset. */
int offset_in(const struct m_phys *p, uint64_t pa, uint64_t *out);
uint64_t pa_of(const struct m_phys *p, uint64_t offset);
/* The lowest address of vcm that maps pa; false. */
bool addr_of_pa(const struct model *m, int vcm, uint64_t pa, uint64_t *out);
size_t count_res_of_pa(const struct model *m, int s, uint64_t pa);
size_t n_mappings(const struct model *m, int phys);
/* It lets go of its memory, which others may have. */
void phys_gone(struct model *m, int phys);

/* The open plan is programmed, then retired; or programmed and undone. Each step is asserted to be possible. */
void hw_run(struct model *m);
void hw_rehearse(struct model *m);
/* Tables hold exactly what is backed, devices have active exactly what is, memory that nobody owns is zeroed. */
void hw_compare(struct model *m);
/* Memory is given to a physmem: it is zeroed. */
void hw_own(struct model *m, const struct m_phys *p);
struct hw *hw_new(void);
