/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the parts of a configuration are made with: words for what is wrong and where, lists that grow, and who claims
 * which physical addresses. Used by config-load.c,
 * config-machine.c, config-pool.c and config-smmu.c only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/range.h"
#include "base/reason.h"
#include "vcmd/config.h"

struct cfg_t;
struct config_node;
struct config_rule;
struct value;

/* Physical addresses that are somebody's, to tell who else wants them. */
struct claim {
	struct range range;
	unsigned int line; /* 0: nobody wrote it */
	const char *what;
};

/* Bytes of a file, or of a region of a UIO device. */
struct byte_claim {
	struct config_bytes bytes; /* whose texts are the configuration's */
	struct range range;        /* offsets */
	const char *own; /* the name of the node whose window it is, or is in; NULL: of none */
	bool is_window;  /* it is all of it */
	unsigned int line;
};

struct build {
	struct config *c;
	struct cfg_t *file; /* what the nodes in rules are the names of */
	const char *path;
	struct reason *why;
	struct claim *claims;
	size_t n_claims;
	struct byte_claim *byte_claims;
	size_t n_byte_claims;
};

void build_deinit(struct build *b);

/* -EINVAL with "path:line: ...". */
int build_wrong(const struct build *b, unsigned int line, const char *fmt, ...) _printf_(3, 4);
/* -ENOMEM. */
int build_no_memory(const struct build *b);

/* One more element, zeroed, at the end of *array; NULL without memory. */
void *build_array_add(void *array, size_t *n, size_t size);
#define BUILD_ADD(array, n) ((__typeof__(array))build_array_add(&(array), &(n), sizeof(*(array))))

/* What is not given leaves *out as it is. */
void build_get_number(struct cfg_t *s, const char *name, uint64_t *out);
void build_get_uint(struct cfg_t *s, const char *name, unsigned int *out);
int build_get_text(const struct build *b, struct cfg_t *s, const char *name, char **out);

/* allow-users and allow-groups of a section. everybody: what neither means. */
int build_rule(const struct build *b, struct cfg_t *s, bool everybody, struct config_rule *out);
/* The same of two options of other names. */
int build_rule_of(const struct build *b, struct cfg_t *s, const char *users, const char *groups,
		  bool everybody, struct config_rule *out);
/*
 * config-claim.c: what is nobody's yet, and from here on somebody's. what is a literal; line 0: it is built in; own: the node in
 * whose window the addresses are, or NULL. Nodes' own windows may meet, as long as there is nothing in them but their rings.
 */
int build_claim(struct build *b, struct range r, unsigned int line, const char *what,
		const struct config_node *own);
/* 0 too for what has neither file nor device. */
int build_claim_bytes(struct build *b, const struct byte_claim *claim);

/* What may be the name of a device: PROTO_MAX_NAME letters, digits, and _ - . : at most. */
bool build_is_name(const char *name);
/* The title of a device's section, which every other device's differs from. */
int build_device_name(const struct build *b, struct cfg_t *s, char **out);

/* config-pool.c: one section. */
int build_pool(struct build *b, struct cfg_t *s, unsigned int memtype);
int build_table_memory(struct build *b, struct cfg_t *file);

/* config-smmu.c: one section. */
int build_smmu(struct build *b, struct cfg_t *s);
int build_smmuv3(struct build *b, struct cfg_t *s);
/* All nodes of a file, whose limits are those of the file unless they say otherwise. */
int build_nodes(struct build *b, struct cfg_t *file);
/* A pool in the window of a node, which v names: its ranges are the node's addresses, outside of what the rings need. */
int build_node_pool(const struct build *b, const struct value *v, struct config_pool *pool);
/* NULL when there is none. */
const struct config_node *build_find_node(const struct config *c, const char *name);

/* config-vfio.c: one section. */
int build_vfio(struct build *b, struct cfg_t *s);

/* All memtypes, windows, SMMUs and masters of a file, or the built-in ones when it has none. */
int build_machine(struct build *b, struct cfg_t *file);
