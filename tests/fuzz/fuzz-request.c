// SPDX-License-Identifier: BSD-3-Clause
// A packet as the daemon takes it from a client: decoded, encoded and decoded again, it stays what it was.
#include "proto/message.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *packet, size_t len);

static uint8_t again[2 * PROTO_MAX_MESSAGE];

int LLVMFuzzerTestOneInput(const uint8_t *packet, size_t len)
{
	static struct codec *in, *out;
	struct request request, second;
	struct reason why;
	long n;

	if (!in && (!(in = codec_new()) || !(out = codec_new())))
		abort();
	if (request_decode(in, packet, len, &request, &why))
		return 0;
	n = request_encode(out, &request, again, sizeof(again));
	if (n < 0)
		return 0; /* several hellos, or fields twice: merged, it may not fit */
	if (request_decode(out, again, (size_t)n, &second, &why) || second.n_ops != request.n_ops ||
	    second.serial != request.serial || second.is_hello != request.is_hello)
		abort();
	return 0;
}
