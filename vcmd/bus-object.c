// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/bus-object.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"
#include "vcmd/broker.h"
#include "vcmd/bus-call.h"
#include "vcmd/bus-listing.h"
#include "vcmd/bus-manager.h"
#include "vcmd/bus-method.h"
#include "vcmd/bus-peer.h"
#include "vcmd/bus-property.h"
#include "vcmd/bus-session.h"
#include "vcmd/bus-signal.h"
#include "vcmd/bus-walk.h"
#include "vcmd/bus.h"
#include "vcmd/client.h"
#include "vcmd/inspect.h"
#include "vcmd/nodes.h"

/* --- interfaces */

struct property {
	const char *name, *type;
	unsigned int column;
	bool text;
};

#define X(name, type, column, flag, text) { #name, type, column, text },
static const struct property manager_properties[] = { BUS_MANAGER_PROPERTIES(X) };
static const struct property device_properties[] = { BUS_DEVICE_PROPERTIES(X) };
static const struct property pool_properties[] = { BUS_POOL_PROPERTIES(X) };
static const struct property node_properties[] = { BUS_NODE_PROPERTIES(X) };
static const struct property session_properties[] = { BUS_SESSION_PROPERTIES(X) };
static const struct property vcm_properties[] = { BUS_VCM_PROPERTIES(X) };
static const struct property res_properties[] = { BUS_RES_PROPERTIES(X) };
static const struct property bound_properties[] = { BUS_BOUND_PROPERTIES(X) };
static const struct property avcm_properties[] = { BUS_AVCM_PROPERTIES(X) };
static const struct property physmem_properties[] = { BUS_PHYSMEM_PROPERTIES(X) };
#undef X

static void fill_status(const void *bus, struct row *row)
{
	inspect_status(((const struct bus *)bus)->broker, row);
}

static void fill_device(const void *device, struct row *row)
{
	inspect_device(device, row);
}

static void fill_pool(const void *pool, struct row *row)
{
	inspect_pool(pool, row);
}

static void fill_node(const void *node, struct row *row)
{
	inspect_node(node, row);
}

static void fill_session(const void *session, struct row *row)
{
	inspect_session(session, row);
}

static void fill_object(const void *object, struct row *row)
{
	inspect_object(object, row);
}

#define PROPERTIES(p) p, sizeof(p) / sizeof(*(p))

/* Those of enum object_kind first, in its order. */
static const struct interface {
	const char *name, *folder;
	const struct property *properties;
	size_t n_properties;
	void (*fill)(const void *what, struct row *row);
} interfaces[] = {
	[OBJECT_VCM] = { BUS_NAME ".Vcm", "vcm", PROPERTIES(vcm_properties), fill_object },
	[OBJECT_RES] = { BUS_NAME ".Reservation", "reservation", PROPERTIES(res_properties),
			 fill_object },
	[OBJECT_BOUND] = { BUS_NAME ".Bound", "bound", PROPERTIES(bound_properties), fill_object },
	[OBJECT_AVCM] = { BUS_NAME ".Association", "association", PROPERTIES(avcm_properties),
			  fill_object },
	[OBJECT_PHYSMEM] = { BUS_NAME ".Physmem", "physmem", PROPERTIES(physmem_properties),
			     fill_object },
	{ BUS_SESSION, "session", PROPERTIES(session_properties), fill_session },
	{ BUS_POOL, "pool", PROPERTIES(pool_properties), fill_pool },
	{ BUS_NAME ".Node", "node", PROPERTIES(node_properties), fill_node },
	{ BUS_NAME ".Device", "device", PROPERTIES(device_properties), fill_device },
	{ BUS_MANAGER, "", PROPERTIES(manager_properties), fill_status },
};

static const struct interface *find_interface(const char *name)
{
	for (size_t i = 0; i < sizeof(interfaces) / sizeof(*interfaces); i++)
		if (!strcmp(interfaces[i].name, name))
			return &interfaces[i];
	return NULL;
}

const char *bus_object_interface(unsigned int kind)
{
	return interfaces[kind].name;
}

static int append_value(sd_bus_message *m, const struct property *p, const struct row *row)
{
	const uint64_t t = row->n[p->column];
	const uint32_t u = (uint32_t)t;
	const int b = t != 0;

	if (p->text)
		return sd_bus_message_append_basic(m, 's', row->s[p->column]);
	return sd_bus_message_append_basic(m, *p->type,
					   *p->type == 't' ? (const void *)&t :
					   *p->type == 'b' ? (const void *)&b :
							     (const void *)&u);
}

static int append_property(sd_bus_message *m, const struct property *p, const struct row *row)
{
	int r = sd_bus_message_open_container(m, 'e', "sv");

	if (r >= 0)
		r = sd_bus_message_append_basic(m, 's', p->name);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'v', p->type);
	if (r >= 0)
		r = append_value(m, p, row);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

int bus_object_append(sd_bus_message *m, const char *interface, const struct row *row)
{
	const struct interface *i = find_interface(interface);
	int r = sd_bus_message_open_container(m, 'a', "{sv}");

	for (size_t k = 0; r >= 0 && k < i->n_properties; k++)
		r = append_property(m, &i->properties[k], row);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_interface(sd_bus_message *m, const char *interface, const struct row *row)
{
	int r = sd_bus_message_open_container(m, 'e', "sa{sv}");

	if (r >= 0)
		r = sd_bus_message_append_basic(m, 's', interface);
	if (r >= 0)
		r = row ? bus_object_append(m, interface, row) :
			  sd_bus_message_append(m, "a{sv}", 0);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

int bus_object_append_all(sd_bus_message *m, const char *path, const char *interface,
			  const struct row *row, bool has_operations)
{
	int r = sd_bus_message_append_basic(m, 'o', path);

	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "{sa{sv}}");
	if (r >= 0)
		r = append_interface(m, interface, row);
	if (r >= 0 && has_operations)
		r = append_interface(m, BUS_OPERATIONS, NULL);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

void bus_object_inspect(const char *interface, const void *what, struct row *out)
{
	find_interface(interface)->fill(what, out);
}

static int get(sd_bus *sd _unused_, const char *path _unused_, const char *interface,
	       const char *property, sd_bus_message *reply, void *what,
	       sd_bus_error *error _unused_)
{
	const struct interface *i = find_interface(interface);
	struct row row;

	i->fill(what, &row);
	for (size_t k = 0; k < i->n_properties; k++)
		if (!strcmp(i->properties[k].name, property))
			return append_value(reply, &i->properties[k], &row);
	return -ENOENT;
}

#define PROPERTY(name, type, column, flag, text) SD_BUS_PROPERTY(#name, type, get, 0, flag),
#define OPERATION(name, code, in, in_fields, in_names, out, out_fields, out_names)                 \
	SD_BUS_METHOD_WITH_NAMES(#name, in, in_names, out, out_names, bus_call_method,             \
				 SD_BUS_VTABLE_UNPRIVILEGED),
#define ONLY_PROPERTIES(noun, properties)                                                          \
	static const sd_bus_vtable noun##_vtable[] = { SD_BUS_VTABLE_START(0),                     \
						       properties(PROPERTY) SD_BUS_VTABLE_END }

ONLY_PROPERTIES(device, BUS_DEVICE_PROPERTIES);
ONLY_PROPERTIES(pool, BUS_POOL_PROPERTIES);
ONLY_PROPERTIES(node, BUS_NODE_PROPERTIES);
ONLY_PROPERTIES(vcm, BUS_VCM_PROPERTIES);
ONLY_PROPERTIES(res, BUS_RES_PROPERTIES);
ONLY_PROPERTIES(bound, BUS_BOUND_PROPERTIES);
ONLY_PROPERTIES(avcm, BUS_AVCM_PROPERTIES);
ONLY_PROPERTIES(physmem, BUS_PHYSMEM_PROPERTIES);

static const sd_bus_vtable operations_vtable[] = {
	SD_BUS_VTABLE_START(0),
	BUS_METHODS(OPERATION)
		SD_BUS_METHOD_WITH_NAMES("Batch", "a(sa{sv})", N(operations), "aa{sv}", N(results),
					 bus_call_batch, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD_WITH_NAMES("Once", "uua(sa{sv})", N(ticket) N(seen) N(operations), "aa{sv}",
				 N(results), bus_call_once, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

static const sd_bus_vtable session_vtable[] = {
	SD_BUS_VTABLE_START(0),
	BUS_SESSION_PROPERTIES(PROPERTY) BUS_SESSION_SIGNALS SD_BUS_VTABLE_END,
};

static const sd_bus_vtable manager_vtable[] = {
	SD_BUS_VTABLE_START(0),
	BUS_MANAGER_PROPERTIES(PROPERTY) BUS_MANAGER_METHODS BUS_MANAGER_SIGNALS SD_BUS_VTABLE_END,
};

/* --- paths */

static bool parse_number(const char **text, uint64_t *out)
{
	char *end;

	if (**text < '0' || **text > '9' ||
	    (**text == '0' && (*text)[1] >= '0' && (*text)[1] <= '9'))
		return false;
	errno = 0;
	*out = strtoull(*text, &end, 10);
	*text = end;
	return errno == 0;
}

/* "/org/vcmd/Vcm1/FOLDER/N", up to the end or the next slash. */
static bool parse(const char *path, const char *folder, uint64_t *out_n, const char **rest)
{
	size_t len = strlen(folder);

	if (strncmp(path, BUS_ROOT "/", sizeof(BUS_ROOT)) != 0)
		return false;
	path += sizeof(BUS_ROOT);
	if (strncmp(path, folder, len) != 0 || path[len] != '/')
		return false;
	*rest = path + len + 1;
	return parse_number(rest, out_n) && (!**rest || **rest == '/');
}

static bool parse_whole(const char *path, const char *folder, uint64_t *out)
{
	const char *rest;

	return parse(path, folder, out, &rest) && !*rest;
}

bool bus_object_parse_session(const char *path, uint64_t *out_id)
{
	const char *rest;

	return parse(path, "session", out_id, &rest);
}

void bus_object_path_of_session(uint64_t id, char *buf)
{
	snprintf(buf, BUS_OBJECT_PATH, BUS_ROOT "/session/%" PRIu64, id);
}

void bus_object_path_of(uint64_t session, unsigned int kind, uint32_t handle, char *buf)
{
	snprintf(buf, BUS_OBJECT_PATH, BUS_ROOT "/session/%" PRIu64 "/%s/%" PRIu32, session,
		 interfaces[kind].folder, handle);
}

void bus_object_path(const struct object *o, char *buf)
{
	bus_object_path_of(o->session->id, o->kind, o->handle, buf);
}

void bus_object_path_of_pool(size_t i, char *buf)
{
	snprintf(buf, BUS_OBJECT_PATH, BUS_ROOT "/pool/%zu", i);
}

static struct session *visible_session(struct bus *bus, uint64_t id)
{
	const struct bus_peer *p = bus_peer_of(bus, sd_bus_get_current_message(bus->sd));
	struct session probe = { .id = id };
	struct session *s = RB_FIND(session_tree, &bus->broker->graph->sessions, &probe);

	return s && p && bus_peer_may_see(p, s) ? s : NULL;
}

/* Finders answer 1 and what there is at the path, or 0. */
static int found(void *what, void **out)
{
	*out = what;
	return what != NULL;
}

static int find_pool(sd_bus *sd _unused_, const char *path, const char *interface _unused_,
		     void *userdata, void **out, sd_bus_error *error _unused_)
{
	const struct bus *bus = userdata;
	struct pool *p = NULL;
	uint64_t n;

	if (!parse_whole(path, "pool", &n))
		return 0;
	TAILQ_FOREACH(p, &bus->broker->graph->pools, link)
		if (n-- == 0)
			break;
	return found(p, out);
}

static int find_device(sd_bus *sd _unused_, const char *path, const char *interface _unused_,
		       void *userdata, void **out, sd_bus_error *error _unused_)
{
	const struct bus *bus = userdata;
	uint64_t n;

	if (!parse_whole(path, "device", &n) || n > UINT32_MAX)
		return 0;
	return found(device_by_number(bus->broker->graph, (uint32_t)n), out);
}

static int find_node(sd_bus *sd _unused_, const char *path, const char *interface _unused_,
		     void *userdata, void **out, sd_bus_error *error _unused_)
{
	const struct bus *bus = userdata;
	uint64_t n;

	if (!parse_whole(path, "node", &n))
		return 0;
	return found(nodes_get(bus->broker->nodes, n), out);
}

static int find_session(sd_bus *sd _unused_, const char *path, const char *interface _unused_,
			void *userdata, void **out, sd_bus_error *error _unused_)
{
	uint64_t id;

	return parse_whole(path, "session", &id) ? found(visible_session(userdata, id), out) : 0;
}

/* Whoever may see a session finds its operations; whether it may use them, these say themselves. */
static int find_operations(sd_bus *sd _unused_, const char *path, const char *interface _unused_,
			   void *userdata, void **out, sd_bus_error *error _unused_)
{
	struct bus *bus = userdata;
	uint64_t id;

	if (!parse_whole(path, "session", &id) || !visible_session(bus, id) ||
	    !bus_session_find(bus, id))
		return 0;
	return found(bus, out);
}

static bool parse_handle(const char *rest, const char *folder, uint64_t *out)
{
	size_t len = strlen(folder);

	if (*rest++ != '/' || strncmp(rest, folder, len) != 0 || rest[len] != '/')
		return false;
	rest += len + 1;
	return parse_number(&rest, out) && !*rest && *out <= UINT32_MAX;
}

static int find_object(sd_bus *sd _unused_, const char *path, const char *interface, void *userdata,
		       void **out, sd_bus_error *error _unused_)
{
	const struct interface *i = find_interface(interface);
	const struct session *s;
	uint64_t id, handle;
	const char *rest;

	if (!i || !parse(path, "session", &id, &rest) || !parse_handle(rest, i->folder, &handle))
		return 0;
	s = visible_session(userdata, id);
	if (!s)
		return 0;
	return found(session_find(s, (uint32_t)handle, (enum object_kind)(i - interfaces), NULL),
		     out);
}

/* --- what is listed */

struct listing {
	char **paths;
	size_t n, cap;
};

/* sd-bus frees what it is given: this is the C library's memory. */
static char *list(struct listing *l)
{
	char **grown, *path;

	if (l->n + 1 >= l->cap) {
		grown = reallocarray(l->paths, l->cap + 64, sizeof(char *));
		if (!grown)
			return NULL;
		l->paths = grown;
		l->cap += 64;
	}
	path = calloc(1, BUS_OBJECT_PATH);
	l->paths[l->n] = path;
	l->n += path != NULL;
	l->paths[l->n] = NULL;
	return path;
}

static int enumerate(sd_bus *sd, const char *prefix _unused_, void *userdata, char ***out,
		     sd_bus_error *error _unused_)
{
	struct bus *bus = userdata;
	const struct bus_peer *p = bus_peer_of(bus, sd_bus_get_current_message(sd));
	struct listing l = { .n = 0 };
	struct bus_found f;
	struct bus_walk w;
	char *path;

	if (p)
		bus_walk_begin(&w, bus, p);
	while (p && w.stage != BUS_WALK_END) {
		path = bus_walk_step(&w, &f) ? list(&l) : NULL;
		if (path)
			memcpy(path, f.path, sizeof(f.path));
	}
	*out = l.paths;
	return 0;
}

/* --- export */

static int export_below(struct bus *bus, const char *prefix, const char *interface,
			const sd_bus_vtable *vtable, sd_bus_object_find_t find)
{
	return sd_bus_add_fallback_vtable(bus->sd, NULL, prefix, interface, vtable, find, bus);
}

static int enumerate_nothing(sd_bus *sd _unused_, const char *prefix _unused_,
			     void *userdata _unused_, char ***out, sd_bus_error *error _unused_)
{
	*out = NULL;
	return 0;
}

/*
 * sd-bus (252) aborts when it frees a connection whose objects it had the memory for the parents of, but not for themselves: so each
 * of them is made by itself.
 */
static int export_parents(struct bus *bus)
{
	static const char *const parents[] = { "/", "/org", "/org/vcmd" };
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sizeof(parents) / sizeof(*parents); i++)
		r = sd_bus_add_node_enumerator(bus->sd, NULL, parents[i], enumerate_nothing, bus);
	return r;
}

static int export_root(struct bus *bus)
{
	int r = export_parents(bus);

	if (r >= 0)
		r = sd_bus_add_object_manager(bus->sd, NULL, BUS_ROOT);
	if (r >= 0)
		r = sd_bus_add_node_enumerator(bus->sd, NULL, BUS_ROOT, enumerate, bus);
	if (r >= 0)
		r = sd_bus_add_object(bus->sd, NULL, BUS_ROOT, bus_listing_call, bus);
	if (r >= 0)
		r = sd_bus_add_object_vtable(bus->sd, NULL, BUS_ROOT, BUS_MANAGER, manager_vtable,
					     bus);
	if (r >= 0)
		r = sd_bus_add_object_vtable(bus->sd, NULL, BUS_ROOT, BUS_OPERATIONS,
					     operations_vtable, bus);
	return r;
}

int bus_object_export(struct bus *bus)
{
	static const sd_bus_vtable *const of_objects[N_OBJECT_KINDS] = {
		[OBJECT_VCM] = vcm_vtable,         [OBJECT_RES] = res_vtable,
		[OBJECT_BOUND] = bound_vtable,     [OBJECT_AVCM] = avcm_vtable,
		[OBJECT_PHYSMEM] = physmem_vtable,
	};
	int r = export_root(bus);

	if (r >= 0)
		r = export_below(bus, BUS_ROOT "/pool", BUS_POOL, pool_vtable, find_pool);
	if (r >= 0)
		r = export_below(bus, BUS_ROOT "/node", BUS_NAME ".Node", node_vtable, find_node);
	if (r >= 0)
		r = export_below(bus, BUS_ROOT "/device", BUS_NAME ".Device", device_vtable,
				 find_device);
	if (r >= 0)
		r = export_below(bus, BUS_ROOT "/session", BUS_SESSION, session_vtable,
				 find_session);
	if (r >= 0)
		r = export_below(bus, BUS_ROOT "/session", BUS_OPERATIONS, operations_vtable,
				 find_operations);
	for (size_t i = 0; r >= 0 && i < N_OBJECT_KINDS; i++)
		r = export_below(bus, BUS_ROOT "/session", interfaces[i].name, of_objects[i],
				 find_object);
	return r;
}
