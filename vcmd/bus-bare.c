// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/bus-bare.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "vcmd/bus.h"

/* What a value costs beside its bytes; it also bounds how many values are looked at. */
#define VALUE_LEN 32
#define CALL_LEN 512 /* what a call costs that says nothing */
#define DEPTH_MAX 32

static int new_call(const struct bus *bus, sd_bus_message *m, sd_bus_message **out)
{
	int r = sd_bus_message_new_method_call(bus->sd, out, sd_bus_message_get_destination(m),
					       sd_bus_message_get_path(m),
					       sd_bus_message_get_interface(m),
					       sd_bus_message_get_member(m));

	if (r >= 0)
		r = sd_bus_message_set_sender(*out, sd_bus_message_get_sender(m));
	if (r >= 0)
		r = sd_bus_message_set_expect_reply(*out, sd_bus_message_get_expect_reply(m));
	if (r >= 0)
		r = sd_bus_message_set_allow_interactive_authorization(
			*out, sd_bus_message_get_allow_interactive_authorization(m));
	return r;
}

/* It passes for the one that came. */
static int seal(sd_bus_message *copy, sd_bus_message *m)
{
	uint64_t cookie;
	int r = sd_bus_message_get_cookie(m, &cookie);

	return r < 0 ? r : sd_bus_message_seal(copy, cookie, 0);
}

sd_bus_message *bus_bare(const struct bus *bus, sd_bus_message *m)
{
	sd_bus_message *bare = NULL;
	int r = new_call(bus, m, &bare);

	if (r >= 0)
		r = seal(bare, m);
	if (r >= 0)
		return bare;
	sd_bus_message_unref(bare);
	return sd_bus_message_ref(m);
}

/* --- how much it is */

struct weighing {
	size_t len, max;
	unsigned int depth;
};

static int add(struct weighing *w, size_t len)
{
	if (len > w->max - w->len || w->max - w->len - len < VALUE_LEN)
		return -E2BIG;
	w->len += len + VALUE_LEN;
	return 0;
}

static int weigh_basic(struct weighing *w, sd_bus_message *m, char type)
{
	union {
		const char *text;
		uint64_t number;
	} v;
	int r;

	if (type == SD_BUS_TYPE_UNIX_FD)
		return -EBADF;
	r = sd_bus_message_read_basic(m, type, &v);
	if (r < 0)
		return r;
	return add(w,
		   type == 's' || type == 'o' || type == 'g' ? strnlen(v.text, w->max) : sizeof(v));
}

static int weigh_bytes(struct weighing *w, sd_bus_message *m)
{
	const void *bytes;
	size_t len;
	int r = sd_bus_message_read_array(m, 'y', &bytes, &len);

	return r < 0 ? r : add(w, len);
}

static int weigh_all(struct weighing *w, sd_bus_message *m);

static int weigh_inside(struct weighing *w, sd_bus_message *m, char type, const char *contents)
{
	int r = w->depth < DEPTH_MAX ? add(w, 0) : -E2BIG;

	if (r >= 0)
		r = sd_bus_message_enter_container(m, type, contents);
	w->depth++;
	if (r >= 0)
		r = weigh_all(w, m);
	w->depth--;
	return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int weigh_all(struct weighing *w, sd_bus_message *m)
{
	const char *contents;
	char type;
	int r;

	while ((r = sd_bus_message_peek_type(m, &type, &contents)) > 0) {
		if (type == 'a' && !strcmp(contents, "y"))
			r = weigh_bytes(w, m);
		else if (strchr("aver", type))
			r = weigh_inside(w, m, type, contents);
		else
			r = weigh_basic(w, m, type);
		if (r < 0)
			return r;
	}
	return r;
}

int bus_bare_copy(const struct bus *bus, sd_bus_message *m, size_t max, sd_bus_message **out,
		  size_t *out_len)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *copy = NULL;
	struct weighing w = { .len = CALL_LEN, .max = max };
	int r = max < CALL_LEN ? -E2BIG : weigh_all(&w, m);

	if (r >= 0)
		r = sd_bus_message_rewind(m, true);
	if (r >= 0)
		r = new_call(bus, m, &copy);
	if (r >= 0)
		r = sd_bus_message_copy(copy, m, true);
	if (r >= 0)
		r = seal(copy, m);
	if (r >= 0)
		r = sd_bus_message_rewind(copy, true);
	if (r < 0)
		return r;
	*out = STEAL_PTR(copy);
	*out_len = w.len;
	return 0;
}
