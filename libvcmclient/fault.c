// SPDX-License-Identifier: BSD-3-Clause
/* The functions of the API that are about fault handlers and who runs them. */
#include <vcm/vcm.h>

#include <errno.h>

#include "libvcmclient/error.h"
#include "libvcmclient/session.h"

int vcm_hook(size_t dev_id, vcm_handler handler, void *data)
{
	_cleanup_(entry_leave) struct entry entry = entry_begin();
	const struct hook hook = { handler, data };

	if (!entry.session)
		return error_status(-ENOTCONN);
	if (dev_id == 0 || dev_id > UINT32_MAX)
		return error_status(refuse(error_reason(), -EINVAL, "%#zx is no device", dev_id));
	return error_status(
		events_hook(entry.session->events, (uint32_t)dev_id, hook, error_reason()));
}

/* Without a session the mode is that of sessions to come. */
int vcm_set_event_mode(enum vcm_event_mode mode)
{
	_cleanup_(entry_leave) struct entry entry = entry_begin();
	struct events *events = entry.session ? entry.session->events : NULL;

	return error_status(events_set_mode(events, mode, error_reason()));
}

int vcm_get_fd(void)
{
	_cleanup_(entry_leave) struct entry entry = entry_begin();

	if (!entry.session)
		return error_status(-ENOTCONN);
	return error_status(events_fd(entry.session->events, error_reason()));
}

int vcm_dispatch(int timeout_ms)
{
	_cleanup_(entry_leave) struct entry entry = entry_begin();

	if (!entry.session)
		return error_status(-ENOTCONN);
	return error_status(events_dispatch(entry.session->events, timeout_ms, error_reason()));
}
