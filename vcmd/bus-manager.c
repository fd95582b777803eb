// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/bus-manager.h"

#include <errno.h>
#include <string.h>

#include "graph/graph.h"
#include "vcmd/broker.h"
#include "vcmd/bus-bare.h"
#include "vcmd/bus-call.h"
#include "vcmd/bus-object.h"
#include "vcmd/bus-peer.h"
#include "vcmd/bus-refusal.h"
#include "vcmd/bus-session.h"
#include "vcmd/bus.h"
#include "vcmd/client.h"

static int open_session(struct bus_peer *p, const struct bus_opening *opening, sd_bus_error *error)
{
	struct reason why = { "" };
	int r;

	if (p->session)
		return bus_refuse_handled(error, -EALREADY, "you have a session");
	r = bus_session_open(p, opening, &why);
	return r < 0 ? bus_refuse_handled(error, r, why.text) : 0;
}

static int reply_opened(sd_bus_message *m, const struct bus_session *s)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	char path[BUS_OBJECT_PATH];
	int r = sd_bus_message_new_method_return(m, &reply);

	bus_object_path_of_session(s->id, path);
	if (r >= 0)
		r = sd_bus_message_append(reply, "to", s->id, path);
	if (r >= 0)
		r = sd_bus_message_append_array(reply, 'y', s->token, sizeof(s->token));
	if (r >= 0)
		r = sd_bus_send(NULL, reply, NULL);
	return r < 0 ? r : 1;
}

int bus_manager_open(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct bus_peer *p = bus_peer_of(userdata, m);
	struct bus_opening opening = { .name = "" };
	int shared, r = sd_bus_message_read(m, "sb", &opening.name, &shared);

	if (r < 0)
		return r;
	opening.shared = shared;
	r = open_session(p, &opening, error);
	if (r < 0)
		return r;
	r = reply_opened(m, p->session);
	if (r < 0)
		bus_session_untold(p->session);
	return r;
}

/* Who cannot be told knows its session, and that it has it: another call says so. */
int bus_manager_resume(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct bus_peer *p = bus_peer_of(userdata, m);
	struct bus_opening opening = { .name = "" };
	const void *token;
	size_t len;
	int shared, r = sd_bus_message_read(m, "t", &opening.id);

	if (r >= 0)
		r = sd_bus_message_read_array(m, 'y', &token, &len);
	if (r >= 0)
		r = sd_bus_message_read(m, "b", &shared);
	if (r < 0)
		return r;
	if (!opening.id || len != sizeof(opening.token))
		return bus_refuse_handled(error, -EINVAL, "that is no session's id and token");
	memcpy(opening.token, token, len);
	opening.shared = shared;
	r = open_session(p, &opening, error);
	return r < 0 ? r : reply_opened(m, p->session);
}

/* The caller stays on the bus for as long as it waits, and so does its session: what callers do that come for one call. */
int bus_manager_hold(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct bus *bus = userdata;
	struct bus_peer *p = bus_peer_of(bus, m);
	struct bus_opening opening = { .name = "", .shared = true };
	int r = sd_bus_message_read(m, "s", &opening.name);

	if (r >= 0)
		r = open_session(p, &opening, error);
	if (r < 0)
		return r;
	p->session->holder = bus_bare(bus, m);
	return 1;
}

/* The newest session of that name on the bus that the caller may use. */
int bus_manager_find(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct bus *bus = userdata;
	const struct bus_peer *p = bus_peer_of(bus, m);
	const struct bus_session *s;
	char path[BUS_OBJECT_PATH];
	const char *name;
	int r = sd_bus_message_read(m, "s", &name);

	if (r < 0)
		return r;
	LIST_FOREACH(s, &bus->sessions, link)
		if (s->id && bus_session_may_use(s, p) && !strcmp(s->client->name, name))
			break;
	if (!s)
		return bus_refuse_handled(error, -ENOENT, "you may use no session of that name");
	bus_object_path_of_session(s->id, path);
	r = sd_bus_reply_method_return(m, "o", path);
	return r < 0 ? r : 1;
}

static int set_subscribed(struct bus *bus, sd_bus_message *m, bool on)
{
	int r;

	bus_peer_subscribe(bus_peer_of(bus, m), on);
	r = sd_bus_reply_method_return(m, NULL);
	return r < 0 ? r : 1;
}

int bus_manager_subscribe(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_)
{
	return set_subscribed(userdata, m, true);
}

int bus_manager_unsubscribe(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_)
{
	return set_subscribed(userdata, m, false);
}
