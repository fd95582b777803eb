// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/settings.h"

#include <confuse.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "memory/memory.h"
#include "vcmd/config-text.h"
#include "vcmd/config.h"

/* The hidden option that learns, by its default value, where a section begins: libconfuse keeps only where it ends. */
#define OPENED "where it begins"

static struct {
	bool active;
	struct reason *why;
	int err; /* the first */
} parsing;

/* Bounds of plain numbers and of lengths, by option. */
static const struct {
	const char *name;
	uint64_t min, max;
} bounds[] = {
	{ "fault-timeout", 1, 600000 },
	{ "grace", 1, 3600000 },
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

static int wrong(const cfg_t *cfg, const char *fmt, ...) _printf_(2, 3);

static int wrong(const cfg_t *cfg, const char *fmt, ...)
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

static void on_error(cfg_t *cfg, const char *fmt, va_list args)
	__attribute__((format(printf, 2, 0)));

static void on_error(cfg_t *cfg, const char *fmt, va_list args)
{
	char text[REASON_MAX];

	vsnprintf(text, sizeof(text), fmt, args);
	wrong(cfg, "%s", text);
}

/* --- values */

/* libconfuse drops what an option had before it takes what is given now. */
static void on_free(void *p)
{
	struct value *v = p;

	if (parsing.active)
		wrong(v->section, "%s is given twice", v->name);
	mem_free(v);
}

static struct value *value_new(cfg_t *cfg, const cfg_opt_t *opt, const char *text)
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

static int give(struct value *v, void *result)
{
	if (!v)
		return -1;
	*(void **)result = v;
	return 0;
}

/* Digits, decimal or after 0x, and nothing else up to end. */
static bool parse_digits(const char *text, const char **end, uint64_t *out)
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

	if (!parse_digits(text, &end, out))
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

static int check_bounds(const cfg_t *cfg, const char *name, uint64_t v)
{
	for (size_t i = 0; i < sizeof(bounds) / sizeof(*bounds); i++)
		if (!strcmp(bounds[i].name, name) && (v < bounds[i].min || v > bounds[i].max))
			return wrong(cfg, "%s is %llu to %llu", name,
				     (unsigned long long)bounds[i].min,
				     (unsigned long long)bounds[i].max);
	return 0;
}

static int parse_number(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	const char *end = "";
	uint64_t n;

	if (!parse_digits(text, &end, &n) || *end)
		return wrong(cfg, "%s: '%s' is not a number", opt->name, text);
	if (check_bounds(cfg, opt->name, n) < 0)
		return -1;
	if (give(value_new(cfg, opt, text), result) < 0)
		return -1;
	(*(struct value **)result)->number = n;
	return 0;
}

static int parse_len(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	uint64_t n;

	if (!parse_suffixed(text, &n))
		return wrong(cfg, "%s: '%s' is not a length, such as 4096, 64K, 16M or 1G",
			     opt->name, text);
	if (check_bounds(cfg, opt->name, n) < 0)
		return -1;
	if (give(value_new(cfg, opt, text), result) < 0)
		return -1;
	(*(struct value **)result)->number = n;
	return 0;
}

static int parse_pages(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	uint64_t n;

	if (parse_suffixed(text, &n) && !is_aligned(n, PAGE_LEN))
		return wrong(cfg, "%s: %s is not a multiple of 4K", opt->name, text);
	return parse_len(cfg, opt, text, result);
}

static int parse_addr(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	const char *end = "";
	uint64_t addr;

	if (!parse_digits(text, &end, &addr) || *end)
		return wrong(cfg, "%s: '%s' is not an address", opt->name, text);
	if (!is_aligned(addr, PAGE_LEN))
		return wrong(cfg, "%s: %s is not a multiple of 4K", opt->name, text);
	return parse_number(cfg, opt, text, result);
}

const char *settings_parse_range(const char *text, struct range *out)
{
	const char *plus = NULL;
	uint64_t first, len;

	if (!parse_digits(text, &plus, &first) || *plus != '+' || !parse_suffixed(plus + 1, &len) ||
	    !range_make(first, len, out))
		return "is not a range, such as \"0x40000000+256M\"";
	if (!is_aligned(out->first, PAGE_LEN) || !is_aligned(out->last + 1, PAGE_LEN))
		return "is not made of 4K pages";
	if (out->first == 0)
		return "has page 0, whose address says that there is none";
	return NULL;
}

static int parse_range(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	struct range r;
	const char *wrong_how = settings_parse_range(text, &r);

	if (wrong_how)
		return wrong(cfg, "%s: '%s' %s", opt->name, text, wrong_how);
	if (give(value_new(cfg, opt, text), result) < 0)
		return -1;
	(*(struct value **)result)->range = r;
	return 0;
}

static int give_number(cfg_t *cfg, const cfg_opt_t *opt, const char *text, uint64_t n, void *result)
{
	if (give(value_new(cfg, opt, text), result) < 0)
		return -1;
	(*(struct value **)result)->number = n;
	return 0;
}

static int parse_bool(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	int b = cfg_parse_boolean(text);

	if (b < 0)
		return wrong(cfg, "%s: '%s' is neither true nor false", opt->name, text);
	return give_number(cfg, opt, text, (uint64_t)b, result);
}

static int parse_log_level(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	enum log_level level;

	if (log_level_parse(text, &level) < 0)
		return wrong(cfg, "%s: '%s' is not error, warning, notice, info or debug",
			     opt->name, text);
	return give_number(cfg, opt, text, (uint64_t)level, result);
}

static int parse_mode(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	size_t digits = strspn(text, "01234567");
	unsigned long mode = strtoul(text, NULL, 8);

	if (!digits || digits > 4 || text[digits] || mode > 0777)
		return wrong(cfg, "%s: '%s' is not a mode, such as 0660", opt->name, text);
	return give_number(cfg, opt, text, mode, result);
}

static int parse_source(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	if (!strcmp(text, "memfd"))
		return give_number(cfg, opt, text, SOURCE_MEMFD, result);
	if (!strcmp(text, "hugetlb"))
		return give_number(cfg, opt, text, SOURCE_HUGETLB, result);
	if (!strcmp(text, "window"))
		return give_number(cfg, opt, text, SOURCE_WINDOW, result);
	if (!strcmp(text, "pagemap"))
		return give_number(cfg, opt, text, SOURCE_PAGEMAP, result);
	return wrong(cfg, "%s: '%s' is neither memfd, hugetlb, window nor pagemap", opt->name,
		     text);
}

static int parse_registers(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	static const char *const kinds[] = { "model", "uio", "mem" };

	_Static_assert(REGISTERS_MODEL == 0 && REGISTERS_UIO == 1 && REGISTERS_MEM == 2,
		       "in this order");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(text, kinds[i]))
			return give_number(cfg, opt, text, i, result);
	return wrong(cfg, "%s: '%s' is neither model, uio nor mem", opt->name, text);
}

/* "0000:00:01.0" as the requester id that its transactions carry: bus << 8 | device << 3 | function. */
static int parse_pci(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	unsigned int domain, bus, dev, fn;
	int n = 0;

	if (sscanf(text, "%4x:%2x:%2x.%1x%n", &domain, &bus, &dev, &fn, &n) != 4 || text[n] ||
	    dev > 31 || fn > 7)
		return wrong(cfg, "%s: '%s' is not a PCI address, such as 0000:00:01.0", opt->name,
			     text);
	return give_number(cfg, opt, text, bus << 8 | dev << 3 | fn, result);
}

static int parse_text_value(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	if (!text[0])
		return wrong(cfg, "%s is empty", opt->name);
	return give(value_new(cfg, opt, text), result);
}

static int parse_path(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	if (text[0] != '/')
		return wrong(cfg, "%s: '%s' is not an absolute path", opt->name, text);
	return give(value_new(cfg, opt, text), result);
}

static int parse_kick(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	if (!strcmp(text, "eventfd"))
		return give_number(cfg, opt, text, KICK_EVENTFD, result);
	if (!strcmp(text, "uio"))
		return give_number(cfg, opt, text, KICK_UIO, result);
	if (!strcmp(text, "poll"))
		return give_number(cfg, opt, text, KICK_POLL, result);
	return wrong(cfg, "%s: '%s' is neither eventfd, uio nor poll", opt->name, text);
}

static int parse_socket(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	if (text[0] != '/')
		return wrong(cfg, "%s: '%s' is not an absolute path", opt->name, text);
	if (strlen(text) > SETTINGS_MAX_SOCKET)
		return wrong(cfg, "%s: longer than %d bytes", opt->name, SETTINGS_MAX_SOCKET);
	return give(value_new(cfg, opt, text), result);
}

static int parse_bus(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	if (strcmp(text, "off") != 0 && strcmp(text, "system") != 0 &&
	    strcmp(text, "session") != 0 && !strchr(text, ':'))
		return wrong(cfg, "%s: '%s' is neither off, system, session nor an address",
			     opt->name, text);
	return give(value_new(cfg, opt, text), result);
}

/* The two ids that mean "none" to the kernel name nobody. */
static bool parse_id(const char *text, uint64_t *out)
{
	const char *end = "";

	if (!strcmp(text, "*")) {
		*out = SETTINGS_ANYBODY;
		return true;
	}
	return parse_digits(text, &end, out) && !*end && *out < UINT32_MAX;
}

static int parse_user(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	const struct passwd *user;
	uint64_t id;

	if (parse_id(text, &id))
		return give_number(cfg, opt, text, id, result);
	user = getpwnam(text);
	if (!user)
		return wrong(cfg, "%s: there is no user '%s'", opt->name, text);
	return give_number(cfg, opt, text, user->pw_uid, result);
}

static int parse_group(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	const struct group *group;
	uint64_t id;

	if (parse_id(text, &id))
		return give_number(cfg, opt, text, id, result);
	group = getgrnam(text);
	if (!group)
		return wrong(cfg, "%s: there is no group '%s'", opt->name, text);
	return give_number(cfg, opt, text, group->gr_gid, result);
}

/* Which nodes there are, is known when the whole file has been read. */
static int parse_node(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	return give(value_new(cfg, opt, text), result);
}

/* Of the socket: by name, and one that exists. */
static int parse_group_name(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	const struct group *group = getgrnam(text);

	if (!group)
		return wrong(cfg, "%s: there is no group '%s'", opt->name, text);
	return give_number(cfg, opt, text, group->gr_gid, result);
}

/* libconfuse aborts when a default value fails: what went wrong is left to the next value, or to the end. */
static int parse_opened(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	*(void **)result = value_new(cfg, opt, text);
	return 0;
}

/* --- the grammar */

static char opened_default[] = "{here}";

#define OPTION(name, parse) CFG_PTR_CB(name, NULL, CFGF_NODEFAULT, parse, on_free)
#define LIST(name, parse) CFG_PTR_LIST_CB(name, NULL, CFGF_NODEFAULT, parse, on_free)
#define BEGINS CFG_PTR_LIST_CB(OPENED, opened_default, CFGF_NONE, parse_opened, on_free)
#define RULE                                                                                       \
	LIST("allow-users", parse_user), LIST("allow-groups", parse_group),                        \
		LIST("allow-nodes", parse_node)
#define SECTION(name, opts) CFG_SEC(name, opts, CFGF_MULTI)
#define TITLED(name, opts) CFG_SEC(name, opts, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES)

static cfg_opt_t rule_opts[] = { BEGINS, RULE, CFG_END() };

#define BYTES                                                                                      \
	OPTION("file", parse_path), OPTION("offset", parse_pages),                                 \
		OPTION("device", parse_text_value), OPTION("region", parse_number),                \
		OPTION("length", parse_pages)

static cfg_opt_t pool_opts[] = {
	BEGINS,
	OPTION("source", parse_source),
	LIST("ranges", parse_range),
	OPTION("contiguous", parse_pages),
	OPTION("granule", parse_pages),
	OPTION("secure", parse_bool),
	BYTES,
	OPTION("node", parse_node),
	RULE,
	LIST("map-users", parse_user),
	LIST("map-groups", parse_group),
	CFG_END(),
};

static cfg_opt_t table_memory_opts[] = {
	BEGINS, OPTION("source", parse_source), LIST("ranges", parse_range), BYTES, CFG_END(),
};

static cfg_opt_t memtype_opts[] = { BEGINS, SECTION("pool", pool_opts), CFG_END() };

static cfg_opt_t context_opts[] = { BEGINS, OPTION("mid", parse_number), RULE, CFG_END() };

static cfg_opt_t stream_opts[] = {
	BEGINS,
	OPTION("stream", parse_number),
	OPTION("pci", parse_pci),
	OPTION("stall", parse_bool),
	RULE,
	CFG_END(),
};

#define REGISTERS                                                                                  \
	OPTION("base", parse_addr), OPTION("registers", parse_registers),                          \
		OPTION("device", parse_text_value), OPTION("region", parse_number),                \
		OPTION("poll-interval", parse_number)

static cfg_opt_t smmu_opts[] = {
	BEGINS,
	REGISTERS,
	OPTION("banks", parse_number),
	OPTION("tlb-entries", parse_number),
	OPTION("tlb-ways", parse_number),
	TITLED("context", context_opts),
	CFG_END(),
};

static cfg_opt_t smmuv3_opts[] = {
	BEGINS,
	REGISTERS,
	TITLED("context", stream_opts),
	CFG_END(),
};

static cfg_opt_t vfio_opts[] = {
	BEGINS,
	OPTION("device", parse_text_value),
	RULE,
	LIST("open-users", parse_user),
	LIST("open-groups", parse_group),
	CFG_END(),
};

static cfg_opt_t limits_opts[] = {
	BEGINS,
	OPTION("bytes", parse_len),
	OPTION("objects", parse_number),
	OPTION("sessions", parse_number),
	OPTION("in-flight", parse_number),
	OPTION("table-bytes", parse_len),
	CFG_END(),
};

static cfg_opt_t node_opts[] = {
	BEGINS,
	/* its window, or the kernel's endpoint */
	OPTION("rpmsg", parse_path),
	OPTION("remote-address", parse_number),
	OPTION("file", parse_path),
	OPTION("uio", parse_path),
	OPTION("map", parse_number),
	OPTION("offset", parse_pages),
	OPTION("length", parse_pages),
	OPTION("base", parse_addr),
	/* what lies in it */
	OPTION("table", parse_len),
	OPTION("vring0", parse_len),
	OPTION("vring1", parse_len),
	OPTION("buffers", parse_len),
	OPTION("descriptors", parse_number),
	OPTION("alignment", parse_len),
	OPTION("buffer", parse_len),
	OPTION("name-service", parse_bool),
	OPTION("address", parse_number),
	/* how it is told, and watched */
	OPTION("kick", parse_kick),
	OPTION("socket", parse_socket),
	OPTION("vectors", parse_number),
	OPTION("doorbell", parse_path),
	OPTION("doorbell-map", parse_number),
	OPTION("doorbell-offset", parse_len),
	OPTION("doorbell-value", parse_number),
	OPTION("heartbeat", parse_number),
	OPTION("reset-timeout", parse_number),
	/* who it is, and what it may have */
	OPTION("user", parse_user),
	OPTION("bytes", parse_len),
	OPTION("objects", parse_number),
	OPTION("in-flight", parse_number),
	OPTION("table-bytes", parse_len),
	CFG_END(),
};

static cfg_opt_t file_opts[] = {
	BEGINS,
	OPTION("socket", parse_socket),
	OPTION("dbus", parse_bus),
	OPTION("socket-mode", parse_mode),
	OPTION("socket-group", parse_group_name),
	OPTION("fault-timeout", parse_number),
	OPTION("grace", parse_number),
	OPTION("poll", parse_number),
	OPTION("log-level", parse_log_level),
	OPTION("stock", parse_len),
	OPTION("tables", parse_range),
	OPTION("kernel-window", parse_range),
	SECTION("table-memory", table_memory_opts),
	TITLED("memtype", memtype_opts),
	TITLED("smmu", smmu_opts),
	TITLED("smmuv3", smmuv3_opts),
	TITLED("vfio", vfio_opts),
	TITLED("master", rule_opts),
	TITLED("window", rule_opts),
	TITLED("node", node_opts),
	SECTION("access", rule_opts),
	SECTION("kernel", rule_opts),
	SECTION("inspect", rule_opts),
	SECTION("simulate", rule_opts),
	SECTION("manage", rule_opts),
	SECTION("limits", limits_opts),
	CFG_END(),
};

static int parse_text(cfg_t *cfg, const char *path, char *text)
{
	FILE *in;
	int r;

	cfg->filename = strdup(path);
	if (!cfg->filename)
		return -ENOMEM;
	if (!*text)
		return 0;
	in = fmemopen(text, strlen(text), "r");
	if (!in)
		return -ENOMEM;
	r = cfg_parse_fp(cfg, in);
	fclose(in);
	/* It has no word for an option whose name is empty, and for a shortage of memory. */
	if (r != CFG_SUCCESS)
		wrong(cfg, "this is not understood");
	return parsing.err;
}

CLEANUP_DEFINE(cfg_t *, cfg_free)

static int parse(const char *path, char *text, struct cfg_t **out)
{
	_cleanup_(cfg_freep) cfg_t *cfg = cfg_init(file_opts, CFGF_NONE);
	int r;

	if (!cfg)
		return refuse(parsing.why, -ENOMEM, "out of memory");
	cfg_set_error_function(cfg, on_error);
	r = parsing.err ? parsing.err : parse_text(cfg, path, text);
	parsing.active = false;
	if (!r)
		*out = STEAL_PTR(cfg);
	return r;
}

int settings_parse(const char *path, char *text, struct cfg_t **out, struct reason *why)
{
	int r = config_text_clean(path, text, why);

	if (r < 0)
		return r;
	parsing.active = true;
	parsing.why = why;
	parsing.err = 0;
	r = parse(path, text, out);
	parsing.active = false;
	parsing.why = NULL;
	return r;
}

void settings_free(struct cfg_t *s)
{
	cfg_free(s);
}

/* --- reading */

const struct value *settings_value(struct cfg_t *s, const char *name, size_t i)
{
	cfg_opt_t *opt = cfg_getopt(s, name);

	return opt && i < cfg_opt_size(opt) ? cfg_opt_getnptr(opt, (unsigned int)i) : NULL;
}

bool settings_has(struct cfg_t *s, const char *name)
{
	const cfg_opt_t *opt = cfg_getopt(s, name);

	return opt && (opt->flags & CFGF_MODIFIED);
}

struct cfg_t *settings_section(struct cfg_t *s, const char *name, size_t i)
{
	cfg_opt_t *opt = cfg_getopt(s, name);

	return opt && i < cfg_opt_size(opt) ? cfg_opt_getnsec(opt, (unsigned int)i) : NULL;
}

const char *settings_title(struct cfg_t *s)
{
	return cfg_title(s);
}

unsigned int settings_line(struct cfg_t *s)
{
	const struct value *v = settings_value(s, OPENED, 0);

	return v ? v->line : 0;
}
