// SPDX-License-Identifier: BSD-3-Clause
#include <inttypes.h>
#include <stdio.h>

#include <vcm/sim.h>

#include "vcmctl/broker.h"
#include "vcmctl/bytes.h"
#include "vcmctl/cleanup.h"
#include "vcmctl/column.h"

/* Four rows of a dump. */
#define DEFAULT_LEN 64

static void print_json(const struct call *call, uint64_t addr, const struct bytes *b)
{
	_cleanup_(json_putp) json_object *j = json_object_new_object();
	_cleanup_(bytes_deinit) struct bytes hex = BYTES_NULL;

	bytes_to_hex(&hex, b);
	json_object_object_add(j, "device", json_object_new_string(call->args[0]));
	json_object_object_add(j, "addr", json_object_new_uint64(addr));
	json_object_object_add(j, "len", json_object_new_uint64(b->len));
	json_object_object_add(j, "hex", hex.p ? json_object_new_string((char *)hex.p) : NULL);
	json_print(j);
}

static void print_bytes(const struct call *call, uint64_t addr, const struct bytes *b)
{
	if (call->options & OPTION_JSON)
		print_json(call, addr, b);
	else if (call->options & OPTION_RAW)
		fwrite(b->p, 1, b->len, stdout);
	else
		bytes_dump(b, addr);
}

static enum exit_code read_device(const struct call *call, uint64_t addr, size_t len)
{
	_cleanup_(bytes_deinit) struct bytes b = BYTES_NULL;
	size_t dev_id;
	int r;

	if (!broker_join() || !broker_find_device(call->args[0], &dev_id))
		return EXIT_FAILED;
	r = bytes_alloc(&b, len);
	if (r == 0)
		r = vcm_sim_read(dev_id, addr, b.p, b.len);
	if (r < 0) {
		tell_failure(r, "%s cannot read %zu bytes at 0x%" PRIx64, call->args[0], len, addr);
		return EXIT_FAILED;
	}
	print_bytes(call, addr, &b);
	return EXIT_OK;
}

static enum exit_code run(const struct call *call)
{
	uint64_t addr, len = DEFAULT_LEN;

	if (!parse_number(call->args[1], &addr)) {
		tell_misuse("dev read: '%s' is no address", call->args[1]);
		return EXIT_USAGE;
	}
	if (call->args[2] && (!parse_number(call->args[2], &len) || !len || len > BYTES_MAX)) {
		tell_misuse("dev read: '%s' is no length from 1 to 16M", call->args[2]);
		return EXIT_USAGE;
	}
	return read_device(call, addr, len);
}

const struct command cmd_dev_read = {
	.name = "dev read",
	.synopsis = "dev read CTX ADDR [LEN]",
	.summary = "read as that simulated device, through its page table",
	.options = OPTION_JSON | OPTION_RAW,
	.n_args = 3,
	.n_optional = 1,
	.run = run,
};
