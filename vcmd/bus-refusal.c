// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/bus-refusal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "vcmd/bus.h"
#include "vcmd/loop.h"

#define AGAIN_MS 20
#define NAME_LEN 64

struct bus_owed {
	STAILQ_ENTRY(bus_owed) link;
	sd_bus_message *m;
	char name[NAME_LEN];
};

static void drop_first(struct bus *bus)
{
	struct bus_owed *o = STAILQ_FIRST(&bus->owed);

	STAILQ_REMOVE_HEAD(&bus->owed, link);
	sd_bus_message_unref(o->m);
	mem_free(o);
}

/* Its text is lost. */
static void owe(struct bus *bus, sd_bus_message *m, const char *name)
{
	struct bus_owed *o = mem_new0(struct bus_owed);

	if (!o) {
		log_warning("%s: a call of %s is not answered: the broker is out of memory",
			    sd_bus_message_get_sender(m), sd_bus_message_get_member(m));
		return;
	}
	o->m = sd_bus_message_ref(m);
	snprintf(o->name, sizeof(o->name), "%s", name);
	STAILQ_INSERT_TAIL(&bus->owed, o, link);
	loop_timer_set(bus->owing, AGAIN_MS);
}

void bus_refusal_again(void *ctx)
{
	struct bus *bus = ctx;
	struct bus_owed *o;

	while ((o = STAILQ_FIRST(&bus->owed))) {
		if (sd_bus_reply_method_errorf(o->m, o->name, "the broker was out of memory") ==
		    -ENOMEM) {
			loop_timer_set(bus->owing, AGAIN_MS);
			return;
		}
		drop_first(bus);
	}
	bus_sent(bus);
}

void bus_refusal_forget(struct bus *bus)
{
	while (!STAILQ_EMPTY(&bus->owed))
		drop_first(bus);
	loop_timer_clear(bus->owing);
}

void bus_refuse(struct bus *bus, sd_bus_message *m, const char *name, const char *text)
{
	/* Any other failure is that of a connection that goes. */
	if (sd_bus_reply_method_errorf(m, name, "%s", text) == -ENOMEM)
		owe(bus, m, name);
}

/* What the specification calls -1, a failure of the hardware, is nobody's lack of permission. */
static const char *error_name(int status, char buf[NAME_LEN])
{
	const char *name = status == -1 ? "Hardware" : strerrorname_np(-status);

	snprintf(buf, NAME_LEN, BUS_NAME ".Error.%s", name ? name : "EIO");
	return buf;
}

static const char *error_text(int status, const char *text)
{
	const char *known = strerrordesc_np(-status);

	return *text ? text : known ? known : "unknown error";
}

void bus_refuse_status(struct bus *bus, sd_bus_message *m, int status, const char *text)
{
	char name[NAME_LEN];

	bus_refuse(bus, m, error_name(status, name), error_text(status, text));
}

int bus_refuse_handled(sd_bus_error *error, int status, const char *text)
{
	char name[NAME_LEN];

	sd_bus_error_setf(error, error_name(status, name), "%s", error_text(status, text));
	return status;
}
