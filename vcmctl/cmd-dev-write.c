// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <vcm/sim.h>

#include "vcmctl/broker.h"
#include "vcmctl/bytes.h"
#include "vcmctl/cleanup.h"
#include "vcmctl/column.h"

static void print_json(const struct call *call, uint64_t addr, const struct bytes *b)
{
	_cleanup_(json_putp) json_object *j = json_object_new_object();

	json_object_object_add(j, "device", json_object_new_string(call->args[0]));
	json_object_object_add(j, "addr", json_object_new_uint64(addr));
	json_object_object_add(j, "len", json_object_new_uint64(b->len));
	json_print(j);
}

static enum exit_code write_device(const struct call *call, uint64_t addr, const struct bytes *b)
{
	size_t dev_id;
	int r;

	if (!broker_join() || !broker_find_device(call->args[0], &dev_id))
		return EXIT_FAILED;
	r = vcm_sim_write(dev_id, addr, b->p, b->len);
	if (r < 0) {
		tell_failure(r, "%s cannot write %zu bytes at 0x%" PRIx64, call->args[0], b->len,
			     addr);
		return EXIT_FAILED;
	}
	if (call->options & OPTION_JSON)
		print_json(call, addr, b);
	return EXIT_OK;
}

static int take_bytes(struct bytes *b, const struct call *call)
{
	if (call->options & OPTION_HEX)
		return bytes_from_hex(b, call->bytes);
	if (call->options & OPTION_TEXT)
		return bytes_from_text(b, call->bytes);
	return bytes_from_input(b);
}

static enum exit_code run(const struct call *call)
{
	_cleanup_(bytes_deinit) struct bytes b = BYTES_NULL;
	uint64_t addr;
	int r;

	if (!parse_number(call->args[1], &addr)) {
		tell_misuse("dev write: '%s' is no address", call->args[1]);
		return EXIT_USAGE;
	}
	r = take_bytes(&b, call);
	if (r == -EINVAL) {
		tell_misuse(
			"dev write: --hex '%s': bytes are pairs of hexadecimal digits, as in 'de ad be ef'",
			call->bytes);
		return EXIT_USAGE;
	}
	if (r < 0) {
		tell_misuse("dev write: %s: %s", call->bytes ? call->bytes : "standard input",
			    strerror(-r));
		return EXIT_USAGE;
	}
	if (!b.len) {
		tell_misuse("dev write: no bytes to write");
		return EXIT_USAGE;
	}
	return write_device(call, addr, &b);
}

const struct command cmd_dev_write = {
	.name = "dev write",
	.synopsis = "dev write CTX ADDR",
	.summary = "write standard input as that simulated device",
	.options = OPTION_JSON | OPTION_HEX | OPTION_TEXT,
	.n_args = 2,
	.run = run,
};
