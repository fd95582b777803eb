// SPDX-License-Identifier: BSD-3-Clause
// A packet as the client library takes it from the daemon: decoded, encoded and decoded again, it stays what it was.
#include "proto/message.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *packet, size_t len);

static uint8_t again[2 * PROTO_MAX_MESSAGE];

int LLVMFuzzerTestOneInput(const uint8_t *packet, size_t len)
{
	static struct codec *in, *out;
	struct reply reply, second;
	struct reason why;
	long n;

	if (!in && (!(in = codec_new()) || !(out = codec_new())))
		abort();
	if (reply_decode(in, packet, len, &reply, &why))
		return 0;
	n = reply_encode(out, &reply, again, sizeof(again));
	if (n < 0)
		return 0;
	if (reply_decode(out, again, (size_t)n, &second, &why) ||
	    second.n_values != reply.n_values || second.n_pieces != reply.n_pieces ||
	    second.n_rows != reply.n_rows || second.status != reply.status)
		abort();
	return 0;
}
