// SPDX-License-Identifier: BSD-3-Clause
/*
 * From settings, each right by itself, to a configuration whose parts agree with one another.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "vcmd/config-build.h"
#include "vcmd/config.h"
#include "vcmd/settings.h"

#define MAX_FILE (1024 * 1024)
#define USER_SPACE_END (UINT64_C(1) << 47)
#define GROUP "vcm"
#define ARENAS_MAX 4096 /* half of what the unit lets outlive the daemon */

/* --- who may */

/* A section that there is at most one of. */
static int only_section(const struct build *b, struct cfg_t *file, const char *name,
			struct cfg_t **out)
{
	struct cfg_t *second = settings_section(file, name, 1);

	*out = settings_section(file, name, 0);
	return second ? build_wrong(b, settings_line(second), "%s is given twice", name) : 0;
}

static int build_privilege(const struct build *b, struct cfg_t *file, const char *name,
			   struct config_rule *out)
{
	struct cfg_t *s;
	int r = only_section(b, file, name, &s);

	return r || !s ? r : build_rule(b, s, false, out);
}

/* Nothing said: the group of the socket. */
static int build_access(const struct build *b, struct cfg_t *file)
{
	const struct group *group;
	gid_t *gid;

	if (settings_section(file, "access", 0))
		return build_privilege(b, file, "access", &b->c->access);
	group = b->c->socket_group ? getgrnam(b->c->socket_group) : NULL;
	if (!group)
		return 0;
	gid = BUILD_ADD(b->c->access.gids, b->c->access.n_gids);
	if (!gid)
		return build_no_memory(b);
	*gid = group->gr_gid;
	return 0;
}

/* --- the rest */

/* An arena is an open file: one user leaves three quarters of them to others. */
static uint64_t arenas_by_default(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_max / 4 > ARENAS_MAX)
		return ARENAS_MAX;
	return files.rlim_max / 4;
}

static int set_defaults(const struct build *b)
{
	struct config *c = b->c;

	c->socket_mode = 0660;
	c->fault_timeout_ms = 1000;
	c->grace_ms = 30000;
	c->hello_ms = 10000;
	c->log_level = LOG_L_NOTICE;
	c->poll_us = 50;
	c->memory.tables = (struct range){ 0x80000000, 0x80000000 + 64 * SZ_1M - 1 };
	c->memory.stock_len = 64 * SZ_1M;
	c->kernel_window = (struct range){ 0x7f0000000000, 0x7f0000000000 + 1024 * SZ_1M - 1 };
	c->limits = (struct config_limits){
		.bytes = 4096 * SZ_1M,
		.objects = 4 * 1000 * 1000,
		.sessions = 16384,
		.in_flight = 256,
		.table_bytes = 64 * SZ_1M,
		.arenas = arenas_by_default(),
	};
	c->socket = mem_strdup(CONFIG_SOCKET);
	if (!c->socket)
		return build_no_memory(b);
	if (!getgrnam(GROUP))
		return 0;
	c->socket_group = mem_strdup(GROUP);
	return c->socket_group ? 0 : build_no_memory(b);
}

static int build_top(struct build *b, struct cfg_t *file)
{
	const struct value *v;
	struct config *c = b->c;
	int r;

	r = build_get_text(b, file, "socket", &c->socket);
	if (!r)
		r = build_get_text(b, file, "socket-group", &c->socket_group);
	if (!r)
		r = build_get_text(b, file, "dbus", &c->dbus);
	if (r < 0)
		return r;
	build_get_uint(file, "socket-mode", &c->socket_mode);
	build_get_uint(file, "fault-timeout", &c->fault_timeout_ms);
	build_get_uint(file, "grace", &c->grace_ms);
	build_get_uint(file, "hello-timeout", &c->hello_ms);
	build_get_uint(file, "poll", &c->poll_us);
	v = settings_value(file, "log-level", 0);
	if (v)
		c->log_level = (enum log_level)v->number;
	build_get_number(file, "stock", &c->memory.stock_len);
	v = settings_value(file, "kernel-window", 0);
	if (v && v->range.last >= USER_SPACE_END)
		return build_wrong(b, v->line,
				   "kernel-window: %s is not in the address space of a process",
				   v->text);
	if (v)
		c->kernel_window = v->range;
	v = settings_value(file, "tables", 0);
	if (v)
		c->memory.tables = v->range;
	return build_claim(b, c->memory.tables, v ? v->line : 0, "table memory", NULL);
}

static int build_limits(const struct build *b, struct cfg_t *file)
{
	struct config_limits *l = &b->c->limits;
	struct cfg_t *s;
	int r = only_section(b, file, "limits", &s);

	if (r || !s)
		return r;
	build_get_number(s, "bytes", &l->bytes);
	build_get_number(s, "objects", &l->objects);
	build_get_number(s, "sessions", &l->sessions);
	build_get_number(s, "in-flight", &l->in_flight);
	build_get_number(s, "table-bytes", &l->table_bytes);
	build_get_number(s, "arenas", &l->arenas);
	return 0;
}

static int build_privileges(const struct build *b, struct cfg_t *file)
{
	int r = build_access(b, file);

	if (!r)
		r = build_privilege(b, file, "kernel", &b->c->kernel);
	if (!r)
		r = build_privilege(b, file, "inspect", &b->c->inspect);
	if (!r)
		r = build_privilege(b, file, "simulate", &b->c->simulate);
	if (!r)
		r = build_privilege(b, file, "manage", &b->c->manage);
	return r;
}

static int build_all(struct build *b, struct cfg_t *file)
{
	int r = set_defaults(b);

	if (!r)
		r = build_top(b, file);
	if (!r)
		r = build_limits(b, file);
	if (!r)
		r = build_nodes(b, file);
	if (!r)
		r = build_machine(b, file);
	return r ? r : build_privileges(b, file);
}

CLEANUP_DEFINE(struct cfg_t *, settings_free)
CLEANUP_DEFINE(struct config *, config_free)

/* path NULL: text is ours, and right. */
static int build(const char *path, char *text, struct config **out, struct reason *why)
{
	_cleanup_(settings_freep) struct cfg_t *file = NULL;
	_cleanup_(config_freep) struct config *c = mem_new0(struct config);
	_cleanup_(build_deinit) struct build b = { .c = c,
						   .path = path ? path : "built in",
						   .why = why };
	int r;

	if (!c)
		return build_no_memory(&b);
	r = settings_parse(b.path, text, &file, why);
	b.file = file;
	if (!r)
		r = build_all(&b, file);
	if (!r && path) {
		c->path = mem_strdup(path);
		r = c->path ? 0 : build_no_memory(&b);
	}
	if (!r)
		*out = STEAL_PTR(c);
	return r;
}

struct config *config_default(void)
{
	struct config *c = NULL;
	struct reason why = { "" };
	char nothing[] = "";
	int r = build(NULL, nothing, &c, &why);

	assert(r == 0 || r == -ENOMEM);
	return r < 0 ? NULL : c;
}

/* --- the file */

static void warn_of_writers(const char *path, const struct stat *st)
{
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		log_warning("%s can be written by others than its owner", path);
}

static int read_all(const char *path, int fd, char *buf, struct reason *why)
{
	size_t n = 0;

	for (;;) {
		ssize_t r = read(fd, buf + n, MAX_FILE + 1 - n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return refuse(why, -errno, "%s: %s", path, strerror(errno));
		if (r == 0)
			break;
		n += (size_t)r;
		if (n > MAX_FILE)
			return refuse(why, -EINVAL, "%s:1: longer than %d bytes", path, MAX_FILE);
	}
	for (size_t i = 0, line = 1; i < n; i++) {
		if (buf[i] == '\n')
			line++;
		if (buf[i] == '\0')
			return refuse(why, -EINVAL, "%s:%zu: a zero byte", path, line);
	}
	return 0;
}

int config_load(const char *path, struct config **out, struct reason *why)
{
	_cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_(mem_freep) char *text = NULL;
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return refuse(why, -errno, "%s: %s", path, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return refuse(why, -EISDIR, "%s: %s", path, strerror(EISDIR));
	text = mem_zalloc(MAX_FILE + 2);
	if (!text)
		return refuse(why, -ENOMEM, "out of memory");
	r = read_all(path, fd, text, why);
	if (r < 0)
		return r;
	warn_of_writers(path, &st);
	return build(path, text, out, why);
}
