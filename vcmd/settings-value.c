// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/settings-value.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "memory/memory.h"

static struct {
	bool active;
	struct reason *why;
	int err; /* the first */
} parsing;

void values_begin(struct reason *why)
{
	parsing.active = true;
	parsing.why = why;
	parsing.err = 0;
}

int values_error(void)
{
	return parsing.err;
}

void values_settle(void)
{
	parsing.active = false;
}

void values_end(void)
{
	parsing.active = false;
	parsing.why = NULL;
}

int value_wrong(const cfg_t *cfg, const char *fmt, ...)
{
	char text[REASON_MAX];
	va_list args;

	if (parsing.err)
		return -1;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	parsing.err = refuse(parsing.why, -EINVAL, "%s:%d: %s", cfg->filename, cfg->line, text);
	return -1;
}

/* libconfuse drops what an option had before it takes what is given now. */
void value_free(void *p)
{
	struct value *v = p;

	if (parsing.active)
		value_wrong(v->section, "%s is given twice", v->name);
	mem_free(v);
}

struct value *value_new(cfg_t *cfg, const cfg_opt_t *opt, const char *text)
{
	size_t len = strlen(text) + 1;
	struct value *v;

	if (parsing.err)
		return NULL;
	v = mem_zalloc(sizeof(*v) + len);
	if (!v) {
		parsing.err = refuse(parsing.why, -ENOMEM, "out of memory");
		return NULL;
	}
	v->section = cfg;
	v->name = opt->name;
	v->line = (unsigned int)cfg->line;
	memcpy(v->text, text, len);
	return v;
}

int value_give(struct value *v, void *result)
{
	if (!v)
		return -1;
	*(void **)result = v;
	return 0;
}

/* Digits, decimal or after 0x, and nothing else up to end. */
bool value_digits(const char *text, const char **end, uint64_t *out)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *digits = hex ? text + 2 : text;
	char *stop;

	if (!strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789"))
		return false;
	errno = 0;
	*out = strtoull(digits, &stop, hex ? 16 : 10);
	*end = stop;
	return errno == 0;
}

static bool parse_suffixed(const char *text, uint64_t *out)
{
	static const char suffixes[] = "KMGT";
	const char *end, *suffix;
	unsigned int shift;

	if (!value_digits(text, &end, out))
		return false;
	if (!*end)
		return true;
	suffix = strchr(suffixes, *end);
	if (!suffix || end[1])
		return false;
	shift = 10 * (unsigned int)(suffix - suffixes + 1);
	if (*out > UINT64_MAX >> shift)
		return false;
	*out <<= shift;
	return true;
}

/* Bounds of plain numbers and of lengths, by option. */
static const struct {
	const char *name;
	uint64_t min, max;
} bounds[] = {
	{ "fault-timeout", 1, 600000 },
	{ "grace", 1, 3600000 },
	{ "hello-timeout", 1, 3600000 },
	{ "poll", 0, 50 },
	{ "stock", 0, UINT64_C(1) << 40 },
	{ "granule", PAGE_LEN, UINT64_C(1) << 30 },
	{ "banks", 1,
	  254 }, /* one more parks what is inactive, and the registers have room for 255 */
	{ "tlb-entries", 1, 4096 },
	{ "tlb-ways", 1, 4096 },
	{ "mid", 0, 127 },
	{ "stream", 0, UINT32_MAX },
	{ "length", PAGE_LEN, UINT64_C(1) << 40 },
	{ "region", 0, 15 },
	{ "poll-interval", 1, 1000 },
	{ "bytes", PAGE_LEN, UINT64_MAX },
	{ "objects", 1, UINT32_MAX },
	{ "sessions", 1, UINT32_MAX },
	{ "in-flight", 1, 65536 },
	{ "table-bytes", PAGE_LEN, UINT64_MAX },
	{ "arenas", 1, UINT32_MAX },
	{ "vectors", 1, 2 },
	{ "map", 0, 4 },
	{ "doorbell-map", 0, 4 },
	{ "doorbell-offset", 0, 4092 },
	{ "doorbell-value", 0, UINT32_MAX },
	{ "table", 0, UINT32_MAX },
	{ "vring0", 0, UINT32_MAX },
	{ "vring1", 0, UINT32_MAX },
	{ "buffers", 0, UINT32_MAX },
	{ "descriptors", 1, 256 },
	{ "alignment", 16, 4096 },
	{ "buffer", 64, 65528 },
	{ "address", 1, UINT32_MAX - 1 },
	{ "remote-address", 1, UINT32_MAX },
	{ "heartbeat", 0, 600000 },
	{ "reset-timeout", 1, 600000 },
};

static int check_bounds(const cfg_t *cfg, const char *name, uint64_t v)
{
	for (size_t i = 0; i < sizeof(bounds) / sizeof(*bounds); i++)
		if (!strcmp(bounds[i].name, name) && (v < bounds[i].min || v > bounds[i].max))
			return value_wrong(cfg, "%s is %llu to %llu", name,
					   (unsigned long long)bounds[i].min,
					   (unsigned long long)bounds[i].max);
	return 0;
}

static int give_number(cfg_t *cfg, cfg_opt_t *opt, const char *text, uint64_t n, void *result)
{
	if (check_bounds(cfg, opt->name, n) < 0)
		return -1;
	if (value_give(value_new(cfg, opt, text), result) < 0)
		return -1;
	(*(struct value **)result)->number = n;
	return 0;
}

int value_number(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	const char *end = "";
	uint64_t n;

	if (!value_digits(text, &end, &n) || *end)
		return value_wrong(cfg, "%s: '%s' is not a number", opt->name, text);
	return give_number(cfg, opt, text, n, result);
}

int value_len(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	uint64_t n;

	if (!parse_suffixed(text, &n))
		return value_wrong(cfg, "%s: '%s' is not a length, such as 4096, 64K, 16M or 1G",
				   opt->name, text);
	return give_number(cfg, opt, text, n, result);
}

int value_pages(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	uint64_t n;

	if (parse_suffixed(text, &n) && !is_aligned(n, PAGE_LEN))
		return value_wrong(cfg, "%s: %s is not a multiple of 4K", opt->name, text);
	return value_len(cfg, opt, text, result);
}

int value_addr(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	const char *end = "";
	uint64_t addr;

	if (!value_digits(text, &end, &addr) || *end)
		return value_wrong(cfg, "%s: '%s' is not an address", opt->name, text);
	if (!is_aligned(addr, PAGE_LEN))
		return value_wrong(cfg, "%s: %s is not a multiple of 4K", opt->name, text);
	return value_number(cfg, opt, text, result);
}

const char *settings_parse_range(const char *text, struct range *out)
{
	const char *plus = NULL;
	uint64_t first, len;

	if (!value_digits(text, &plus, &first) || *plus != '+' || !parse_suffixed(plus + 1, &len) ||
	    !range_make(first, len, out))
		return "is not a range, such as \"0x40000000+256M\"";
	if (!is_aligned(out->first, PAGE_LEN) || !is_aligned(out->last + 1, PAGE_LEN))
		return "is not made of 4K pages";
	if (out->first == 0)
		return "has page 0, whose address says that there is none";
	return NULL;
}

int value_range(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	struct range r;
	const char *wrong_how = settings_parse_range(text, &r);

	if (wrong_how)
		return value_wrong(cfg, "%s: '%s' %s", opt->name, text, wrong_how);
	if (value_give(value_new(cfg, opt, text), result) < 0)
		return -1;
	(*(struct value **)result)->range = r;
	return 0;
}

int value_give_number(cfg_t *cfg, const cfg_opt_t *opt, const char *text, uint64_t n, void *result)
{
	if (value_give(value_new(cfg, opt, text), result) < 0)
		return -1;
	(*(struct value **)result)->number = n;
	return 0;
}

int value_bool(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	int b = cfg_parse_boolean(text);

	if (b < 0)
		return value_wrong(cfg, "%s: '%s' is neither true nor false", opt->name, text);
	return value_give_number(cfg, opt, text, (uint64_t)b, result);
}
