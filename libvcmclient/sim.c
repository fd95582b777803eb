// SPDX-License-Identifier: BSD-3-Clause
/* The functions of the API that play the hardware. */
#include <vcm/sim.h>

#include <errno.h>
#include <string.h>

#include "libvcmclient/call.h"
#include "libvcmclient/error.h"

/* What OP_SIM_STATS answers. */
enum {
	SIM_STATS_HITS,
	SIM_STATS_MISSES,
	SIM_STATS_WALK_READS,
	SIM_STATS_FAULTS,
	SIM_STATS_INVALIDATIONS
};

static size_t part(const struct call *c, size_t len)
{
	return c->err == 0 && len > c->entry.session->max_data ? c->entry.session->max_data : len;
}

static int missing(struct call *c, const void *buf, size_t len)
{
	if (c->err == 0 && !buf && len)
		call_fail(c, refuse(error_reason(), -EINVAL, "the buffer is NULL"));
	return c->err;
}

/* Out: how many of the bytes were read. */
static int read_part(size_t dev_id, size_t dev_addr, void *buf, size_t len, size_t *out_n)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_SIM_READ);

	missing(&c, buf, len);
	call_device(&c, dev_id);
	c.op.addr = dev_addr;
	c.op.len = *out_n = part(&c, len);
	call_ask(&c);
	if (c.err == 0 && c.packet->reply.n_data != *out_n)
		call_fail(&c, refuse(error_reason(), -EPROTO,
				     "the broker answered with too few or too many bytes"));
	else if (c.err == 0 && buf && *out_n)
		memcpy(buf, c.packet->reply.data, *out_n);
	return error_status(c.err);
}

int vcm_sim_read(size_t dev_id, size_t dev_addr, void *buf, size_t len)
{
	size_t done = 0, n;
	int r;

	do {
		r = read_part(dev_id, dev_addr + done, buf ? (char *)buf + done : NULL, len - done,
			      &n);
		done += n;
	} while (r == 0 && done < len);
	return r;
}

static int write_part(size_t dev_id, size_t dev_addr, const void *buf, size_t len, size_t *out_n)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_SIM_WRITE);

	missing(&c, buf, len);
	call_device(&c, dev_id);
	c.op.addr = dev_addr;
	c.op.data = buf;
	c.op.n_data = *out_n = part(&c, len);
	call_ask(&c);
	return error_status(c.err);
}

int vcm_sim_write(size_t dev_id, size_t dev_addr, const void *buf, size_t len)
{
	size_t done = 0, n;
	int r;

	do {
		r = write_part(dev_id, dev_addr + done, buf ? (const char *)buf + done : NULL,
			       len - done, &n);
		done += n;
	} while (r == 0 && done < len);
	return r;
}

int vcm_sim_fail_next(size_t dev_id, enum vcm_sim_failure what, unsigned int count)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_SIM_FAIL);

	call_device(&c, dev_id);
	c.op.arg = (unsigned int)what;
	c.op.len = count;
	return error_status(call_ask(&c));
}

int vcm_sim_stats(size_t dev_id, struct vcm_sim_counters *out, int reset)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_SIM_STATS);

	call_device(&c, dev_id);
	c.op.arg = reset != 0;
	if (call_ask(&c) == 0 && out) {
		const uint64_t *v = c.packet->reply.values;

		*out = (struct vcm_sim_counters){ v[SIM_STATS_HITS], v[SIM_STATS_MISSES],
						  v[SIM_STATS_WALK_READS], v[SIM_STATS_FAULTS],
						  v[SIM_STATS_INVALIDATIONS] };
	}
	return error_status(c.err);
}
