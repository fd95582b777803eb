// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/bus-authority.h"

#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "vcmd/bus-call.h"
#include "vcmd/bus-method.h"
#include "vcmd/bus-peer.h"
#include "vcmd/bus-refusal.h"
#include "vcmd/bus-session.h"
#include "vcmd/bus.h"
#include "vcmd/ops.h"
#include "vcmd/rights.h"

#define POLKIT "org.freedesktop.PolicyKit1"
#define INTERACTIVE 1u
/* polkit's own answer, and that of people. */
#define ANSWER_USEC (UINT64_C(5) * 1000000)
#define PEOPLE_USEC (UINT64_C(120) * 1000000)
/* Of one caller, that wait for polkit. */
#define ASKED_MAX 16

struct bus_asked {
	LIST_ENTRY(bus_asked) link;
	struct bus *bus;
	struct bus_peer *peer;
	uint64_t session; /* it may end meanwhile */
	struct bus_call *call;
	struct op op; /* its texts are the call's message's */
	enum right right;
	struct reason why; /* the rights' */
	sd_bus_slot *slot;
};

static const char *action_of(enum right right)
{
	switch (right) {
	case RIGHT_MANAGE:
		return BUS_NAME ".manage";
	case RIGHT_SIMULATE:
		return BUS_NAME ".simulate";
	case RIGHT_TABLE:
		return BUS_NAME ".inspect";
	case RIGHT_NONE:
	case RIGHT_DEVICE:
	case RIGHT_DEVICE_FILE:
	case RIGHT_MEMTYPE:
	case RIGHT_PREBUILT:
	case RIGHT_WINDOW:
	case RIGHT_INSPECT:
		break;
	}
	return NULL;
}

/* Returns the call, if it is still there. */
static struct bus_call *asked_free(struct bus_asked *a)
{
	struct bus_call *call = a->call;

	LIST_REMOVE(a, link);
	sd_bus_slot_unref(a->slot);
	mem_free(a);
	return call;
}

static void refuse_asked(struct bus_asked *a, int status, const char *text)
{
	struct bus_call *call = a->call;

	bus_refuse_status(a->bus, call->m, status, text);
	bus_call_free(asked_free(a));
}

/* The session may have ended, or be another's. */
static void make(struct bus_asked *a)
{
	struct bus_session *s = bus_session_find(a->bus, a->session);
	struct op op = a->op;

	if (!s || !bus_session_may_use(s, a->peer)) {
		refuse_asked(a, -ECONNRESET, "not done: the session has ended");
		return;
	}
	a->call->granted = rights_bit(a->right);
	bus_session_request(s, asked_free(a), &op, 1);
}

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *error _unused_)
{
	struct bus_asked *a = userdata;
	struct bus *bus = a->bus;
	int yes = 0, challenge = 0;
	struct reason text;
	int r = sd_bus_message_is_method_error(m, NULL) ?
			0 :
			sd_bus_message_read(m, "(bba{ss})", &yes, &challenge, 0);

	if (r >= 0 && yes) {
		make(a);
	} else if (r >= 0 && challenge) {
		refuse(&text, 0, "%s; somebody who may has to be asked", a->why.text);
		bus_refuse(bus, a->call->m, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
			   text.text);
		bus_call_free(asked_free(a));
	} else {
		refuse_asked(a, -EACCES, a->why.text);
	}
	bus_sent(bus);
	return 1;
}

static int send_question(struct bus_asked *a)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
	bool interactive = sd_bus_message_get_allow_interactive_authorization(a->call->m) > 0;
	int r = sd_bus_message_new_method_call(a->bus->sd, &m, POLKIT,
					       "/org/freedesktop/PolicyKit1/Authority",
					       POLKIT ".Authority", "CheckAuthorization");

	if (r >= 0)
		r = sd_bus_message_append(m, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name", "s",
					  a->peer->name, action_of(a->right), 0,
					  interactive ? INTERACTIVE : 0u, "");
	return r < 0 ? r :
		       sd_bus_call_async(a->bus->sd, &a->slot, m, on_answer, a,
					 interactive ? PEOPLE_USEC : ANSWER_USEC);
}

static size_t count_asked(const struct bus_peer *p)
{
	const struct bus_asked *a;
	size_t n = 0;

	LIST_FOREACH(a, &p->bus->asked, link)
		n += a->peer == p;
	return n;
}

bool bus_authority_ask(struct bus_session *s, struct bus_call *call, const struct op *op)
{
	const struct op_row *row = op_row(op->code);
	struct bus *bus = s->bus;
	struct bus_peer *p = bus_peer_of(bus, call->m);
	struct reason why = { "" };
	struct bus_asked *a;

	if (!row || !action_of(row->right) || strcmp(bus->where, "system") != 0 ||
	    rights_check(s->client, row->right, op, &why) == 0)
		return false;
	a = p && count_asked(p) < ASKED_MAX ? mem_new0(struct bus_asked) : NULL;
	if (!a)
		return false; /* the rights' no is the answer */
	*a = (struct bus_asked){ .bus = bus,
				 .peer = p,
				 .session = s->id,
				 .call = call,
				 .op = *op,
				 .right = row->right,
				 .why = why };
	LIST_INSERT_HEAD(&bus->asked, a, link);
	bus_call_keep(call, op, 1);
	if (send_question(a) >= 0)
		return true;
	asked_free(a);
	return false;
}

void bus_authority_forget(struct bus_peer *p)
{
	struct bus_asked *a, *next;

	LIST_FOREACH_SAFE(a, &p->bus->asked, link, next)
		if (a->peer == p)
			bus_call_free(asked_free(a));
}
