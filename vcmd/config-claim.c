// SPDX-License-Identifier: BSD-3-Clause
/*
 * Who claims what in a configuration: physical addresses, and bytes of files. Nothing has two owners.
 */
#include <string.h>

#include "vcmd/config-build.h"
#include "vcmd/config.h"

static bool has_window(const struct config_node *n)
{
	return !n->rpmsg;
}

/* An address in a node's window is the node's: it finds the bytes in the window, and not where they are. */
static int check_nodes(const struct build *b, struct range r, unsigned int line, const char *what,
		       const struct config_node *own)
{
	for (size_t i = 0; i < b->c->n_nodes; i++) {
		const struct config_node *n = &b->c->nodes[i];
		struct range window;

		if (n == own || !has_window(n) || !range_make(n->base, n->len, &window) ||
		    !range_meets(window, r))
			continue;
		return build_wrong(
			b, line,
			"the %s overlaps the window of node %s, 0x%llx to 0x%llx: one of the two "
			"needs another base",
			what, n->name, (unsigned long long)window.first,
			(unsigned long long)window.last);
	}
	return 0;
}

int build_claim(struct build *b, struct range r, unsigned int line, const char *what,
		const struct config_node *own)
{
	struct claim *c;

	for (size_t i = 0; i < b->n_claims; i++) {
		c = &b->claims[i];
		if (!range_meets(c->range, r))
			continue;
		if (!c->line)
			return build_wrong(b, line,
					   "the %s overlaps the %s at 0x%llx, which is built in",
					   what, c->what, (unsigned long long)c->range.first);
		return build_wrong(b, line, "the %s overlaps the %s of line %u", what, c->what,
				   c->line);
	}
	c = BUILD_ADD(b->claims, b->n_claims);
	if (!c)
		return build_no_memory(b);
	*c = (struct claim){ .range = r, .line = line, .what = what };
	return line ? check_nodes(b, r, line, what, own) : 0;
}

static bool is_same_file(const struct config_bytes *a, const struct config_bytes *b)
{
	if (a->device || b->device)
		return a->device && b->device && !strcmp(a->device, b->device) &&
		       a->region == b->region;
	return !strcmp(a->file, b->file);
}

/* A pool in a node's window is in that node's bytes, behind what the rings need. */
static bool is_pool_in_window(const struct byte_claim *a, const struct byte_claim *b)
{
	return a->own && b->own && !strcmp(a->own, b->own) && a->is_window != b->is_window;
}

int build_claim_bytes(struct build *b, const struct byte_claim *claim)
{
	struct byte_claim *c;

	if (!claim->bytes.file && !claim->bytes.device)
		return 0;
	for (size_t i = 0; i < b->n_byte_claims; i++) {
		c = &b->byte_claims[i];
		if (is_same_file(&c->bytes, &claim->bytes) && range_meets(c->range, claim->range) &&
		    !is_pool_in_window(c, claim))
			return build_wrong(b, claim->line,
					   "the %s has bytes of %s that the %s of line %u has",
					   claim->is_window ? "node's window" : "pool",
					   c->bytes.device ? c->bytes.device : c->bytes.file,
					   c->is_window ? "node's window" : "pool", c->line);
	}
	c = BUILD_ADD(b->byte_claims, b->n_byte_claims);
	if (!c)
		return build_no_memory(b);
	*c = *claim;
	return 0;
}
