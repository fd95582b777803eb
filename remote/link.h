/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The RPMsg endpoint that a node speaks through: of remote/rpmsg.h, or of a stack that is there already (OpenAMP,
 * rpmsg-lite), which needs two functions: `send` into it, and vcm_node_receive() where it delivers what came for the
 * endpoint.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct vcm_link {
	/*
	 * One payload. 0; -VCM_EAGAIN: there is no buffer just now, vcm_node waits and tries again; another errno number of
	 * error.h: the link is of no use until vcm_node_reset().
	 */
	int (*send)(void *ctx, const void *payload, size_t len);
	/*
	 * Delivers what has come and, if that is nothing, waits as vcm_port.wait does. 0; negative: nobody should wait any
	 * longer. With wait false it only delivers.
	 */
	int (*run)(void *ctx, int wait);
	void *ctx;
	size_t payload; /* the most that one carries: 496 with buffers of 512 */
};
