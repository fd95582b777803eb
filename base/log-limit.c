// SPDX-License-Identifier: BSD-3-Clause
#include "base/log-limit.h"

#include <inttypes.h>
#include <stdio.h>

bool log_limit_allows(struct log_limit *l, uint64_t now_ns, struct log_unsaid *out)
{
	if (l->full_ns < now_ns)
		l->full_ns = now_ns;
	if (l->full_ns - now_ns > (LOG_LIMIT_BURST - 1) * LOG_LIMIT_EVERY_NS) {
		l->n_unsaid++;
		return false;
	}
	l->full_ns += LOG_LIMIT_EVERY_NS;
	out->text[0] = 0;
	if (l->n_unsaid)
		snprintf(out->text, sizeof(out->text), "; %" PRIu64 " more before it went unsaid",
			 l->n_unsaid);
	l->n_unsaid = 0;
	return true;
}
