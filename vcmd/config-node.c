// SPDX-License-Identifier: BSD-3-Clause
/*
 * The nodes of a configuration: the window of each, what lies in it, and whom it acts as.
 */
#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "proto/message.h"
#include "vcmd/config-build.h"
#include "vcmd/config.h"
#include "vcmd/settings.h"

#define DEFAULT_BASE 0x38000000
#define DEFAULT_LEN SZ_1M
#define DEFAULT_RESET_MS 1000

static int build_name(const struct build *b, struct cfg_t *s, struct config_node *n)
{
	const char *title = settings_title(s);
	size_t len = strlen(title);

	if (len == 0 || len > PROTO_MAX_NAME)
		return build_wrong(b, settings_line(s), "a node's name has 1 to %d characters",
				   PROTO_MAX_NAME);
	for (const char *p = title; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("_-.:", *p))
			return build_wrong(b, settings_line(s), "'%s' is no name of a node", title);
	n->name = mem_strdup(title);
	return n->name ? 0 : build_no_memory(b);
}

static int build_paths(const struct build *b, struct cfg_t *s, struct config_node *n)
{
	int r = build_get_text(b, s, "file", &n->file);

	if (!r)
		r = build_get_text(b, s, "uio", &n->uio);
	if (!r)
		r = build_get_text(b, s, "socket", &n->socket);
	if (!r)
		r = build_get_text(b, s, "rpmsg", &n->rpmsg);
	if (!r)
		r = build_get_text(b, s, "doorbell", &n->doorbell);
	build_get_uint(s, "map", &n->map);
	build_get_uint(s, "vectors", &n->vectors);
	build_get_number(s, "offset", &n->offset);
	build_get_number(s, "length", &n->len);
	build_get_number(s, "base", &n->base);
	return r;
}

/* What there is of it decides how the two kick, unless the file says it. */
static int build_kick(const struct build *b, struct cfg_t *s, struct config_node *n)
{
	const struct value *v = settings_value(s, "kick", 0);

	build_get_uint(s, "doorbell-map", &n->doorbell_map);
	build_get_uint(s, "doorbell-value", &n->doorbell_value);
	build_get_number(s, "doorbell-offset", &n->doorbell_offset);
	if (n->doorbell_offset % 4)
		return build_wrong(b, settings_line(s), "a doorbell is a register of 4 bytes");
	n->kick = n->socket ? KICK_EVENTFD : n->uio ? KICK_UIO : KICK_POLL;
	if (v)
		n->kick = (enum config_kick)v->number;
	if (n->kick == KICK_EVENTFD && !n->socket)
		return build_wrong(b, v->line,
				   "eventfds are handed out through a socket: "
				   "this node has none");
	if (n->kick == KICK_UIO && !n->uio)
		return build_wrong(b, v->line, "this node has no uio device");
	return 0;
}

static int build_carrier(const struct build *b, struct cfg_t *s, const struct config_node *n)
{
	unsigned int line = settings_line(s);

	if (n->rpmsg)
		return n->file || n->uio || n->socket ?
			       build_wrong(b, line,
					   "a node behind the kernel has no window of ours") :
			       0;
	if (!n->file && !n->uio && !n->socket)
		return build_wrong(b, line,
				   "this node has no window: a file, a uio device, a socket that "
				   "hands out a memfd, or else the kernel's rpmsg");
	if (n->socket && (n->len & (n->len - 1)))
		return build_wrong(b, line,
				   "the window of an ivshmem socket is as long as a power of two");
	if (n->socket && n->offset)
		return build_wrong(b, line, "an ivshmem socket hands out a whole file: no offset");
	if (n->socket && !n->file && n->uio)
		return build_wrong(b, line, "an ivshmem socket hands out no uio device");
	return 0;
}

static int build_geometry(const struct build *b, struct cfg_t *s, struct config_node *n)
{
	const struct value *v = settings_value(s, "name-service", 0);
	struct geometry *g = &n->geometry;
	struct reason why;

	geometry_default(g);
	build_get_number(s, "table", &g->table);
	build_get_number(s, "vring0", &g->rings[RING_IN]);
	build_get_number(s, "vring1", &g->rings[RING_OUT]);
	build_get_number(s, "buffers", &g->buffers);
	build_get_uint(s, "descriptors", &g->num);
	build_get_uint(s, "alignment", &g->align);
	build_get_uint(s, "buffer", &g->buffer_len);
	build_get_uint(s, "address", &n->address);
	build_get_uint(s, "remote-address", &n->remote_address);
	if (v)
		g->ns = v->number;
	if (geometry_check(g, n->len, n->base, &why) < 0)
		return build_wrong(b, settings_line(s), "node %s: %s", n->name, why.text);
	return 0;
}

static int build_identity(const struct build *b, struct cfg_t *s, struct config_node *n)
{
	const struct value *v = settings_value(s, "user", 0);

	if (v && v->number == SETTINGS_ANYBODY)
		return build_wrong(b, v->line, "a node acts as one user");
	n->uid = v ? (uid_t)v->number : CONFIG_NODE_UID + (uid_t)(b->c->n_nodes - 1);
	n->limits = b->c->limits;
	build_get_number(s, "bytes", &n->limits.bytes);
	build_get_number(s, "objects", &n->limits.objects);
	build_get_number(s, "in-flight", &n->limits.in_flight);
	build_get_number(s, "table-bytes", &n->limits.table_bytes);
	build_get_number(s, "arenas", &n->limits.arenas);
	return 0;
}

static int claim_window(struct build *b, struct cfg_t *s, const struct config_node *n)
{
	struct byte_claim claim = {
		.bytes = { .file = n->file, .device = n->uio, .region = n->map },
		.own = n->name,
		.is_window = true,
		.line = settings_line(s),
	};

	if (n->rpmsg)
		return 0;
	if (!range_make(n->offset, n->len, &claim.range))
		return build_wrong(b, claim.line, "node %s: the window ends behind every file",
				   n->name);
	return build_claim_bytes(b, &claim);
}

static int build_node(struct build *b, struct cfg_t *s)
{
	struct config_node *n = BUILD_ADD(b->c->nodes, b->c->n_nodes);
	int r;

	if (!n)
		return build_no_memory(b);
	if (b->c->n_nodes > CONFIG_MAX_NODES)
		return build_wrong(b, settings_line(s), "more than %d nodes", CONFIG_MAX_NODES);
	n->base = DEFAULT_BASE;
	n->len = DEFAULT_LEN;
	n->vectors = 1;
	n->address = 1024;
	n->remote_address = 1024;
	n->reset_timeout_ms = DEFAULT_RESET_MS;
	build_get_uint(s, "heartbeat", &n->heartbeat_ms);
	build_get_uint(s, "reset-timeout", &n->reset_timeout_ms);
	r = build_name(b, s, n);
	if (!r)
		r = build_paths(b, s, n);
	if (!r)
		r = build_carrier(b, s, n);
	if (!r)
		r = build_kick(b, s, n);
	if (!r)
		r = build_geometry(b, s, n);
	if (!r)
		r = claim_window(b, s, n);
	return r ? r : build_identity(b, s, n);
}

const struct config_node *build_find_node(const struct config *c, const char *name)
{
	for (size_t i = 0; i < c->n_nodes; i++)
		if (!strcmp(c->nodes[i].name, name))
			return &c->nodes[i];
	return NULL;
}

/* The restarted daemon must find the same bytes: a memfd would be another one. */
int build_node_pool(const struct build *b, const struct value *v, struct config_pool *pool)
{
	const struct config_node *n = build_find_node(b->c, v->text);
	uint64_t first;

	if (!n)
		return build_wrong(b, v->line, "node: there is no node '%s'", v->text);
	if (!n->file)
		return build_wrong(b, v->line, "node: the window of '%s' is in no file", v->text);
	first = n->base + geometry_end(&n->geometry);
	for (size_t i = 0; i < pool->n_ranges; i++)
		if (pool->ranges[i].first < first || pool->ranges[i].last - n->base >= n->len)
			return build_wrong(
				b, v->line,
				"node: what is free in the window of '%s' is from 0x%llx "
				"to 0x%llx",
				v->text, (unsigned long long)first,
				(unsigned long long)(n->base + n->len - 1));
	pool->bytes.file = mem_strdup(n->file);
	pool->bytes.offset = n->offset + (pool->ranges[0].first - n->base);
	return pool->bytes.file ? 0 : build_no_memory(b);
}

int build_nodes(struct build *b, struct cfg_t *file)
{
	struct cfg_t *s;
	int r = 0;

	for (size_t i = 0; !r && (s = settings_section(file, "node", i)); i++)
		r = build_node(b, s);
	return r;
}
