// SPDX-License-Identifier: BSD-3-Clause
/* The functions of the API for who runs the broker. */
#include <vcm/manage.h>

#include "libvcmclient/call.h"
#include "libvcmclient/error.h"

int vcm_session_kill(uint64_t session)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_SESSION_KILL);

	c.op.arg = session;
	return error_status(call_ask(&c));
}

int vcm_reload(void)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_RELOAD);

	return error_status(call_ask(&c));
}
