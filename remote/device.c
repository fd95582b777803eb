// SPDX-License-Identifier: BSD-3-Clause
/* The functions of the API that are about devices, their faults included. */
#include <vcm/sim.h>
#include <vcm/smmu.h>
#include <vcm/vcm.h>

#include "remote/api.h"
#include "remote/error.h"
#include "remote/hook.h"

static uint32_t device_of(size_t dev_id)
{
	return dev_id > UINT32_MAX ? 0 : (uint32_t)dev_id;
}

struct smmu_dev *smmu_get_ctx_instance(char *ctx_name)
{
	struct vcm_op op = { .code = OP_DEV_GET, .name = ctx_name };

	if (ctx_name)
		return vcm_ask_object(&op, 0);
	vcm_end(-VCM_EINVAL);
	return NULL;
}

/* A node keeps no books of what it has looked up. */
int smmu_free_ctx_instance(struct smmu_dev *dev)
{
	return vcm_end(dev ? 0 : -VCM_EINVAL);
}

static struct vcm_op info(size_t dev_id)
{
	return (struct vcm_op){ .code = OP_DEV_INFO, .target = device_of(dev_id) };
}

unsigned long smmu_get_base_addr(struct smmu_dev *dev)
{
	struct vcm_op op = info((uintptr_t)dev);

	return (unsigned long)vcm_ask_size(&op, 0, 0);
}

size_t vcm_hw_ver(size_t dev_id)
{
	struct vcm_op op = info(dev_id);

	return vcm_ask_size(&op, 1, 0);
}

size_t vcm_dev_addr_to_phys_addr(size_t dev_id, size_t dev_addr)
{
	struct vcm_op op = { .code = OP_DEV_TO_PHYS,
			     .target = device_of(dev_id),
			     .addr = dev_addr };

	return vcm_ask_size(&op, 0, 0);
}

/* --- faults ------------------------------------------------------------------------------------------------------- */

int vcm_hook(size_t dev_id, vcm_handler handler, void *data)
{
	struct vcm_node *n = vcm_node_used();
	struct vcm_op op = { .code = OP_HOOK, .target = device_of(dev_id), .arg = handler != NULL };
	struct vcm_pending p = { .data = NULL };
	struct vcm_node_hook former;
	int r;

	if (!n)
		return vcm_end(-VCM_ENOTCONN);
	if (!op.target)
		return vcm_end(-VCM_EINVAL);
	former = vcm_node_get_hook(n, op.target);
	/* It is there before the broker may ask for it. */
	r = handler ? vcm_node_set_hook(n, op.target, handler, data) : 0;
	if (r == 0)
		r = vcm_node_call(n, &p, &op);
	/* Of a session that has ended meanwhile there is none. */
	if (n->state == VCM_NODE_ATTACHED && r < 0)
		vcm_node_set_hook(n, op.target, former.handler, former.data);
	else if (r < 0 || !handler)
		vcm_node_set_hook(n, op.target, NULL, NULL);
	return vcm_end(r);
}

int vcm_dispatch(int timeout_ms)
{
	struct vcm_node *n = vcm_node_used();
	uint32_t done;

	if (!n || n->state != VCM_NODE_ATTACHED)
		return vcm_end(-VCM_ENOTCONN);
	while (!(done = vcm_node_poll(n)) && timeout_ms != 0) {
		if (n->state != VCM_NODE_ATTACHED)
			return vcm_end(-VCM_ENOTCONN);
		if (vcm_node_wait(n) < 0)
			break;
	}
	vcm_end(0);
	return (int)done;
}

/* --- playing the hardware ----------------------------------------------------------------------------------------- */

static size_t part(size_t len)
{
	return len < VCM_MESSAGE_DATA ? len : VCM_MESSAGE_DATA;
}

static int act(struct vcm_op *op, void *data)
{
	struct vcm_node *n = vcm_node_used();
	struct vcm_pending p = { .data = data, .cap = data ? (size_t)op->len : 0 };
	int r = n ? vcm_node_call(n, &p, op) : -VCM_ENOTCONN;

	return r == 0 && p.n_data != p.cap ? -VCM_EPROTO : r;
}

int vcm_sim_read(size_t dev_id, size_t dev_addr, void *buf, size_t len)
{
	size_t done = 0;
	int r;

	if (!buf)
		return vcm_end(-VCM_EINVAL);
	do {
		struct vcm_op op = { .code = OP_SIM_READ,
				     .target = device_of(dev_id),
				     .addr = dev_addr + done,
				     .len = part(len - done) };

		r = act(&op, (uint8_t *)buf + done);
		done += part(len - done);
	} while (r == 0 && done < len);
	return vcm_end(r);
}

int vcm_sim_write(size_t dev_id, size_t dev_addr, const void *buf, size_t len)
{
	size_t done = 0;
	int r;

	if (!buf)
		return vcm_end(-VCM_EINVAL);
	do {
		struct vcm_op op = { .code = OP_SIM_WRITE,
				     .target = device_of(dev_id),
				     .addr = dev_addr + done,
				     .data = (const uint8_t *)buf + done,
				     .n_data = part(len - done) };

		r = act(&op, NULL);
		done += part(len - done);
	} while (r == 0 && done < len);
	return vcm_end(r);
}
