// SPDX-License-Identifier: BSD-3-Clause
/*
 * The pools of a configuration: their addresses, and where their bytes are.
 */
#include <string.h>

#include "base/mem.h"
#include "base/range.h"
#include "vcmd/config-build.h"
#include "vcmd/config.h"
#include "vcmd/settings.h"

static int build_ranges(struct build *b, struct cfg_t *s, struct config_pool *pool)
{
	const struct value *v = settings_value(s, "node", 0);
	const struct config_node *own = v ? build_find_node(b->c, v->text) : NULL;
	int r;

	for (size_t i = 0; (v = settings_value(s, "ranges", i)); i++) {
		struct range *range = BUILD_ADD(pool->ranges, pool->n_ranges);

		if (!range)
			return build_no_memory(b);
		*range = v->range;
		r = build_claim(b, v->range, v->line, "pool", own);
		if (r < 0)
			return r;
		if (pool->granule && (!is_aligned(range->first, pool->granule) ||
				      !is_aligned(range->last + 1, pool->granule)))
			return build_wrong(b, v->line, "%s is not made of granules of 0x%llx bytes",
					   v->text, (unsigned long long)pool->granule);
	}
	if (!pool->n_ranges)
		return build_wrong(b, settings_line(s), "this pool has no ranges");
	/* There an offset is the address. */
	if (pool->bytes.file && !strcmp(pool->bytes.file, "/dev/mem") &&
	    !settings_value(s, "offset", 0))
		pool->bytes.offset = pool->ranges[0].first;
	return 0;
}

/* Each range, as far from the first one in the bytes as in the addresses. */
static int claim_bytes(struct build *b, struct cfg_t *s, const struct config_pool *pool)
{
	const struct value *node = settings_value(s, "node", 0);
	struct byte_claim claim = { .bytes = pool->bytes,
				    .own = node ? node->text : NULL,
				    .line = settings_line(s) };

	for (size_t i = 0; i < pool->n_ranges; i++) {
		const struct range *r = &pool->ranges[i];
		int ret;

		if (!range_make(pool->bytes.offset + (r->first - pool->ranges[0].first),
				range_len(*r), &claim.range))
			return build_wrong(b, claim.line, "the pool ends behind every file");
		ret = build_claim_bytes(b, &claim);
		if (ret)
			return ret;
	}
	return 0;
}

static int build_contiguous(const struct build *b, struct cfg_t *s, const struct config_pool *pool)
{
	const struct value *v = settings_value(s, "contiguous", 0);

	if (v && v->number > range_len(pool->ranges[0]))
		return build_wrong(
			b, v->line,
			"the contiguous region (%s) does not fit into the pool's first range",
			v->text);
	return 0;
}

/* Memory of a memtype is secure or it is not: an allocation may come from any of its pools. */
static int build_secure(const struct build *b, struct cfg_t *s, const struct config_pool *pool)
{
	const struct value *v = settings_value(s, "secure", 0);

	for (size_t i = 0; i < b->c->n_pools; i++)
		if (b->c->pools[i].memtype == pool->memtype &&
		    b->c->pools[i].secure != pool->secure)
			return build_wrong(
				b, v ? v->line : settings_line(s),
				"memtype %u has a pool that is secure and one that is not",
				pool->memtype);
	return 0;
}

/* --- where the bytes are */

/* Options that mean something for other sources only. */
static int check_options(const struct build *b, struct cfg_t *s, const struct config_pool *pool)
{
	static const struct {
		const char *option, *what;
		unsigned int sources; /* as bits */
	} for_sources[] = {
		{ "file", "window", 1U << SOURCE_WINDOW },
		{ "offset", "window", 1U << SOURCE_WINDOW },
		{ "device", "window", 1U << SOURCE_WINDOW },
		{ "node", "window", 1U << SOURCE_WINDOW },
		{ "region", "window", 1U << SOURCE_WINDOW },
		{ "map-users", "window", 1U << SOURCE_WINDOW },
		{ "map-groups", "window", 1U << SOURCE_WINDOW },
		{ "length", "pagemap", 1U << SOURCE_PAGEMAP },
		{ "ranges", "memfd, hugetlb or window", ~(1U << SOURCE_PAGEMAP) },
		{ "contiguous", "memfd, hugetlb or window", ~(1U << SOURCE_PAGEMAP) },
		{ "granule", "memfd, hugetlb or window", ~(1U << SOURCE_PAGEMAP) },
	};

	for (size_t i = 0; i < sizeof(for_sources) / sizeof(*for_sources); i++) {
		const struct value *v = settings_has(s, for_sources[i].option) ?
						settings_value(s, for_sources[i].option, 0) :
						NULL;

		if (v && !(for_sources[i].sources & 1U << pool->source))
			return build_wrong(b, v->line, "%s is for source = %s only",
					   for_sources[i].option, for_sources[i].what);
	}
	return 0;
}

static int build_window_bytes(const struct build *b, struct cfg_t *s, struct config_pool *pool)
{
	const struct value *map = settings_value(s, "map-users", 0);
	int r;

	build_get_number(s, "offset", &pool->bytes.offset);
	build_get_uint(s, "region", &pool->bytes.region);
	r = build_get_text(b, s, "file", &pool->bytes.file);
	if (!r)
		r = build_get_text(b, s, "device", &pool->bytes.device);
	if (r)
		return r;
	if (!pool->bytes.file + !pool->bytes.device + !settings_has(s, "node") != 2)
		return build_wrong(
			b, settings_line(s),
			"a window has its bytes in a file, in a region of a UIO device or in the "
			"window of a node: one of file, device and node says which");
	if (pool->bytes.device && (map || settings_value(s, "map-groups", 0)))
		return build_wrong(b, settings_line(s),
				   "a region of a UIO device can be mapped as a whole only: nobody "
				   "else can map memory in it");
	return 0;
}

static int build_source(const struct build *b, struct cfg_t *s, struct config_pool *pool)
{
	const struct value *v = settings_value(s, "source", 0);
	int r;

	pool->source = v ? (enum memory_source)v->number : SOURCE_MEMFD;
	r = check_options(b, s, pool);
	return r || pool->source != SOURCE_WINDOW ? r : build_window_bytes(b, s, pool);
}

/* A page is shown to one user, or to nobody. */
static int build_pages(const struct build *b, struct cfg_t *s, struct config_pool *pool)
{
	const struct value *len = settings_value(s, "length", 0);

	if (!len)
		return build_wrong(b, settings_line(s), "the pool has no length");
	if (!is_aligned(len->number, SZ_2M))
		return build_wrong(b, len->line, "length: %s is not a multiple of 2M", len->text);
	pool->len = len->number;
	pool->granule = SZ_2M;
	return 0;
}

/* --- pools */

int build_pool(struct build *b, struct cfg_t *s, unsigned int memtype)
{
	struct config_pool *pool = BUILD_ADD(b->c->pools, b->c->n_pools);
	const struct value *granule = settings_value(s, "granule", 0), *v;
	int r;

	if (!pool)
		return build_no_memory(b);
	pool->memtype = memtype;
	if (granule && (granule->number & (granule->number - 1)))
		return build_wrong(b, granule->line, "granule: %s is not a power of two",
				   granule->text);
	build_get_number(s, "granule", &pool->granule);
	build_get_number(s, "contiguous", &pool->cont_len);
	v = settings_value(s, "secure", 0);
	pool->secure = v && v->number;
	r = build_secure(b, s, pool);
	if (!r)
		r = build_rule(b, s, true, &pool->allow);
	if (!r)
		r = build_rule_of(b, s, "map-users", "map-groups", false, &pool->map);
	if (!r)
		r = build_source(b, s, pool);
	if (!r && pool->source == SOURCE_PAGEMAP)
		return build_pages(b, s, pool);
	if (!r)
		r = build_ranges(b, s, pool);
	v = settings_value(s, "node", 0);
	if (!r && v)
		r = build_node_pool(b, v, pool);
	if (!r)
		r = claim_bytes(b, s, pool);
	return r ? r : build_contiguous(b, s, pool);
}

/* Memory for the tables of hardware. Clients have no part in it. */
int build_table_memory(struct build *b, struct cfg_t *file)
{
	struct cfg_t *s = settings_section(file, "table-memory", 0), *second;
	struct config_pool *pool;
	int r;

	if (!s)
		return 0;
	second = settings_section(file, "table-memory", 1);
	if (second)
		return build_wrong(b, settings_line(second), "table-memory is given twice");
	pool = b->c->table_memory = mem_new0(struct config_pool);
	if (!pool)
		return build_no_memory(b);
	r = build_source(b, s, pool);
	if (r)
		return r;
	if (pool->source != SOURCE_WINDOW && pool->source != SOURCE_PAGEMAP)
		return build_wrong(
			b, settings_line(s),
			"hardware walks real memory: the source of table-memory is window "
			"or pagemap");
	if (pool->source == SOURCE_PAGEMAP)
		return build_pages(b, s, pool);
	r = build_ranges(b, s, pool);
	return r ? r : claim_bytes(b, s, pool);
}
