// SPDX-License-Identifier: BSD-3-Clause
#include "libvcmclient/error.h"

#include <errno.h>
#include <string.h>

#include <vcm/vcm.h>

static __thread struct reason reason;

struct reason *error_reason(void)
{
	return &reason;
}

void error_clear(void)
{
	reason.text[0] = '\0';
}

int error_status(int r)
{
	if (r < 0)
		error_end(r);
	else
		error_clear();
	return r;
}

void error_end(int r)
{
	if (r >= 0)
		error_clear();
	else if (!reason.text[0])
		refuse(&reason, r, "%s",
		       strerrordesc_np(-r) ? strerrordesc_np(-r) : "unknown error");
	errno = r < 0 ? -r : 0;
}

const char *vcm_last_error(void)
{
	return reason.text;
}
