// SPDX-License-Identifier: BSD-3-Clause
// A host that does whatever the input says to a node: it lays out rings, starts them, scribbles anywhere in the window, and
// sends payloads that are anything, while the node attaches, calls, handles faults and waits.
#include "remote/api.h"
#include "remote/error.h"
#include "remote/rpmsg.h"
#include "rpmsg/driver.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <vcm/attr.h>

#define WINDOW_LEN 0x20000
#define GUARD 65536
#define DA 0x38000000

/* What a byte of the input makes the host do. */
enum {
	HOST_SCRIBBLE, /* { where u16 (times 2), value u16 } */
	HOST_SEND,     /* { len u8, bytes }: a payload for the node */
	HOST_STATUS,   /* { value u8 } */
	HOST_START,
	HOST_TAKE,
	N_HOST
};

static struct {
	const uint8_t *at, *end;
	uint8_t *window;
	struct driver driver;
	struct vcm_rpmsg rpmsg;
	struct vcm_node node;
	struct vcm *vcm;
	struct res *res;
	struct physmem *physmem;
} f;

int LLVMFuzzerTestOneInput(const uint8_t *script, size_t len);

static const uint8_t *take(size_t len)
{
	const uint8_t *at = f.at;

	if ((size_t)(f.end - at) < len) {
		f.at = f.end;
		return NULL;
	}
	f.at += len;
	return at;
}

/* --- the host ----------------------------------------------------------------------------------------------------- */

static void no_kick(void *ctx, enum ring ring)
{
	(void)ctx;
	(void)ring;
}

static void scribble(void)
{
	const uint8_t *p = take(4);
	uint16_t at;

	if (!p)
		return;
	memcpy(&at, p, 2);
	memcpy(f.window + 2ul * at % WINDOW_LEN, p + 2, 2);
}

static void send_payload(void)
{
	const uint8_t *len = take(1), *bytes = len ? take(*len) : NULL;

	if (bytes)
		(void)driver_send(&f.driver, VCM_RPMSG_ADDR, VCM_RPMSG_ADDR, bytes, *len);
	driver_flush(&f.driver);
}

static void set_status(void)
{
	const uint8_t *p = take(1);

	if (p)
		f.window[TABLE_AT_STATUS] = *p;
}

static void take_some(void)
{
	struct driver_message m;

	for (int i = 0; i < 8; i++) {
		enum driver_event e = driver_receive(&f.driver, &m);

		if (e == DRIVER_NOTHING || e == DRIVER_BROKEN)
			break;
	}
	driver_flush(&f.driver);
}

/* False at the end of the input. */
static bool host_step(void)
{
	const uint8_t *what = take(1);

	if (!what)
		return false;
	switch (*what % N_HOST) {
	case HOST_SCRIBBLE:
		scribble();
		break;
	case HOST_SEND:
		send_payload();
		break;
	case HOST_STATUS:
		set_status();
		break;
	case HOST_START:
		driver_start(&f.driver);
		break;
	case HOST_TAKE:
		take_some();
		break;
	}
	return true;
}

/* --- the board ---------------------------------------------------------------------------------------------------- */

static void board_kick(void *ctx, uint32_t notify_id)
{
	(void)ctx;
	(void)notify_id;
}

static int board_wait(void *ctx)
{
	(void)ctx;
	return host_step() ? 0 : -VCM_ETIMEDOUT;
}

static void *board_address(void *ctx, uint64_t da, size_t len)
{
	(void)ctx;
	if (da < DA || da - DA > WINDOW_LEN || len > WINDOW_LEN - (da - DA))
		return NULL;
	return f.window + (da - DA);
}

static const struct vcm_port port = {
	.kick = board_kick,
	.wait = board_wait,
	.address = board_address,
};

static uint8_t *guarded_window(void)
{
	uint8_t *all =
		mmap(NULL, WINDOW_LEN + 2 * GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (all == MAP_FAILED || mprotect(all + GUARD, WINDOW_LEN, PROT_READ | PROT_WRITE) < 0)
		abort();
	return all + GUARD;
}

/* --- the node ----------------------------------------------------------------------------------------------------- */

static int on_fault(size_t dev_id, void *data, void *fault_data)
{
	const struct vcm_fault *fault = fault_data;

	(void)dev_id;
	(void)data;
	if (!fault || fault->size != sizeof(*fault))
		abort();
	return vcm_reserve(f.vcm, fault->len, VCM_READ) ? VCM_FAULT_RETRY : VCM_FAULT_TERMINATE;
}

static void ask_everything(void)
{
	size_t len = 0;

	(void)vcm_get_next_phys_addr(f.physmem, 0, &len);
	(void)vcm_get_dev_addr(f.res);
	(void)vcm_get_num_res(f.vcm);
	(void)vcm_get_memtype_of_physalloc(f.physmem);
	if (strlen(vcm_last_error()) >= sizeof(f.node.reason))
		abort();
}

static void act(uint8_t what)
{
	switch (what % 10) {
	case 0:
		(void)vcm_sys_init();
		break;
	case 1:
		f.vcm = vcm_create(0x1000, 0x100000);
		break;
	case 2:
		f.res = vcm_reserve(f.vcm, 0x1000, VCM_READ | VCM_WRITE);
		break;
	case 3:
		f.physmem = vcm_phys_alloc(VCM_MEMTYPE_0, 0x1000, 0);
		break;
	case 4:
		(void)vcm_back(f.res, f.physmem);
		break;
	case 5:
		(void)vcm_hook(2, on_fault, NULL);
		break;
	case 6:
		ask_everything();
		break;
	case 7:
		(void)vcm_unreserve(f.res);
		f.res = NULL;
		break;
	case 8:
		(void)vcm_dispatch(0);
		break;
	case 9:
		(void)vcm_node_detach(&f.node);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *script, size_t len)
{
	struct shared shared = { .len = WINDOW_LEN, .da = DA };
	const uint8_t *what;
	struct geometry g;

	if (!f.window)
		f.window = guarded_window();
	memset(f.window, 0, WINDOW_LEN);
	f.at = script;
	f.end = script + len;
	f.vcm = NULL;
	f.res = NULL;
	f.physmem = NULL;
	geometry_default(&g);
	shared.base = f.window;
	driver_init(&f.driver, &shared, &g, no_kick, NULL);
	driver_start(&f.driver);
	vcm_rpmsg_init(&f.rpmsg, &(struct vcm_rpmsg_setup){ .port = &port,
							    .table = f.window,
							    .table_len = 0x1000,
							    .polled = true,
							    .name = "vcm",
							    .receive = vcm_node_receive,
							    .reset = vcm_node_reset,
							    .ctx = &f.node });
	vcm_node_init(&f.node, &f.rpmsg.link, "fuzz");
	vcm_node_use(&f.node);
	while ((what = take(1)))
		act(*what);
	return 0;
}
