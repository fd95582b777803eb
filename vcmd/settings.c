// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/settings.h"

#include <confuse.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "vcmd/config-text.h"
#include "vcmd/settings-value.h"

/* The hidden option that learns, by its default value, where a section begins: libconfuse keeps only where it ends. */
#define OPENED "where it begins"

static void on_error(cfg_t *cfg, const char *fmt, va_list args)
	__attribute__((format(printf, 2, 0)));

static void on_error(cfg_t *cfg, const char *fmt, va_list args)
{
	char text[REASON_MAX];

	vsnprintf(text, sizeof(text), fmt, args);
	value_wrong(cfg, "%s", text);
}

/* libconfuse aborts when a default value fails: what went wrong is left to the next value, or to the end. */
static int parse_opened(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	*(void **)result = value_new(cfg, opt, text);
	return 0;
}

/* --- the grammar */

static char opened_default[] = "{here}";

#define OPTION(name, parse) CFG_PTR_CB(name, NULL, CFGF_NODEFAULT, parse, value_free)
#define LIST(name, parse) CFG_PTR_LIST_CB(name, NULL, CFGF_NODEFAULT, parse, value_free)
#define BEGINS CFG_PTR_LIST_CB(OPENED, opened_default, CFGF_NONE, parse_opened, value_free)
#define RULE                                                                                       \
	LIST("allow-users", value_user), LIST("allow-groups", value_group),                        \
		LIST("allow-nodes", value_node)
#define SECTION(name, opts) CFG_SEC(name, opts, CFGF_MULTI)
#define TITLED(name, opts) CFG_SEC(name, opts, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES)

static cfg_opt_t rule_opts[] = { BEGINS, RULE, CFG_END() };

#define BYTES                                                                                      \
	OPTION("file", value_path), OPTION("offset", value_pages), OPTION("device", value_text),   \
		OPTION("region", value_number), OPTION("length", value_pages)

static cfg_opt_t pool_opts[] = {
	BEGINS,
	OPTION("source", value_source),
	LIST("ranges", value_range),
	OPTION("contiguous", value_pages),
	OPTION("granule", value_pages),
	OPTION("secure", value_bool),
	BYTES,
	OPTION("node", value_node),
	RULE,
	LIST("map-users", value_user),
	LIST("map-groups", value_group),
	CFG_END(),
};

static cfg_opt_t table_memory_opts[] = {
	BEGINS, OPTION("source", value_source), LIST("ranges", value_range), BYTES, CFG_END(),
};

static cfg_opt_t memtype_opts[] = { BEGINS, SECTION("pool", pool_opts), CFG_END() };

static cfg_opt_t context_opts[] = { BEGINS, OPTION("mid", value_number), RULE, CFG_END() };

static cfg_opt_t stream_opts[] = {
	BEGINS,
	OPTION("stream", value_number),
	OPTION("pci", value_pci),
	OPTION("stall", value_bool),
	RULE,
	CFG_END(),
};

#define REGISTERS                                                                                  \
	OPTION("base", value_addr), OPTION("registers", value_registers),                          \
		OPTION("device", value_text), OPTION("region", value_number),                      \
		OPTION("poll-interval", value_number)

static cfg_opt_t smmu_opts[] = {
	BEGINS,
	REGISTERS,
	OPTION("banks", value_number),
	OPTION("tlb-entries", value_number),
	OPTION("tlb-ways", value_number),
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
	OPTION("device", value_text),
	RULE,
	LIST("open-users", value_user),
	LIST("open-groups", value_group),
	CFG_END(),
};

static cfg_opt_t limits_opts[] = {
	BEGINS,
	OPTION("bytes", value_len),
	OPTION("objects", value_number),
	OPTION("sessions", value_number),
	OPTION("in-flight", value_number),
	OPTION("table-bytes", value_len),
	OPTION("arenas", value_number),
	CFG_END(),
};

static cfg_opt_t node_opts[] = {
	BEGINS,
	/* its window, or the kernel's endpoint */
	OPTION("rpmsg", value_path),
	OPTION("remote-address", value_number),
	OPTION("file", value_path),
	OPTION("uio", value_path),
	OPTION("map", value_number),
	OPTION("offset", value_pages),
	OPTION("length", value_pages),
	OPTION("base", value_addr),
	/* what lies in it */
	OPTION("table", value_len),
	OPTION("vring0", value_len),
	OPTION("vring1", value_len),
	OPTION("buffers", value_len),
	OPTION("descriptors", value_number),
	OPTION("alignment", value_len),
	OPTION("buffer", value_len),
	OPTION("name-service", value_bool),
	OPTION("address", value_number),
	/* how it is told, and watched */
	OPTION("kick", value_kick),
	OPTION("socket", value_socket),
	OPTION("vectors", value_number),
	OPTION("doorbell", value_path),
	OPTION("doorbell-map", value_number),
	OPTION("doorbell-offset", value_len),
	OPTION("doorbell-value", value_number),
	OPTION("heartbeat", value_number),
	OPTION("reset-timeout", value_number),
	/* who it is, and what it may have */
	OPTION("user", value_user),
	OPTION("bytes", value_len),
	OPTION("objects", value_number),
	OPTION("in-flight", value_number),
	OPTION("table-bytes", value_len),
	OPTION("arenas", value_number),
	CFG_END(),
};

static cfg_opt_t file_opts[] = {
	BEGINS,
	OPTION("socket", value_socket),
	OPTION("dbus", value_bus),
	OPTION("socket-mode", value_mode),
	OPTION("socket-group", value_group_name),
	OPTION("fault-timeout", value_number),
	OPTION("grace", value_number),
	OPTION("hello-timeout", value_number),
	OPTION("poll", value_number),
	OPTION("log-level", value_log_level),
	OPTION("stock", value_len),
	OPTION("tables", value_range),
	OPTION("kernel-window", value_range),
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
		value_wrong(cfg, "this is not understood");
	return values_error();
}

CLEANUP_DEFINE(cfg_t *, cfg_free)

static int parse(const char *path, char *text, struct cfg_t **out, struct reason *why)
{
	_cleanup_(cfg_freep) cfg_t *cfg = cfg_init(file_opts, CFGF_NONE);
	int r;

	if (!cfg)
		return refuse(why, -ENOMEM, "out of memory");
	cfg_set_error_function(cfg, on_error);
	r = values_error();
	if (r == 0)
		r = parse_text(cfg, path, text);
	values_settle();
	if (!r)
		*out = STEAL_PTR(cfg);
	return r;
}

int settings_parse(const char *path, char *text, struct cfg_t **out, struct reason *why)
{
	int r = config_text_clean(path, text, why);

	if (r < 0)
		return r;
	values_begin(why);
	r = parse(path, text, out, why);
	values_end();
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
