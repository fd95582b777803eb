// SPDX-License-Identifier: BSD-3-Clause
// Nodes that do what OpenAMP and rpmsg-lite do, in their order, up to the first call and beyond it, and come again.
#include "tests/suite.h"
#include "tests/vcmd/scene.h"
#include "tests/vcmd/stack.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vcmd/broker.h"

#define STATUS_READY 7
#define NEEDS_RESET 0x40
#define RING_QUIET 1

static void begin(const char *path)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	stack.codec = codec_new();
	while (!relay_join(&stack.node, path, SCENE_DA,
			   1)) /* its predecessor may not be known to be dead */
		poll(NULL, 0, 1);
	stack.node.firmware.kick = stack_ring;
}

/* --- rpmsg-lite ----------------------------------------------------------------------------------------------------- */

static void run_lite(const char *path, const void *arg, bool is_late)
{
	begin(path);
	stack_lite_init(arg, is_late);
	ck_assert(firmware_announce(&stack.node.firmware, "vcm", stack.addr, false));
	stack_say_hello();
	stack_call_in_lengths(1);
}

enum convention {
	ASKS,
	WRITES_0,
	ASKS_UNTIL_0,
};

/* --- OpenAMP -------------------------------------------------------------------------------------------------------- */

/* remoteproc_set_rsc_table(): the table must be there as soon as the memory is; it gives ids, and writes them down. */
static void openamp_take_table(void)
{
	const uint32_t vdev[] = { 3, 7, 2 };

	ck_assert_uint_eq(stack.node.base[0], 1);
	ck_assert_uint_eq(stack.node.base[4], 1);
	ck_assert(!memcmp(stack.node.base + 20, vdev, sizeof(vdev)));
	ck_assert_uint_eq(stack.node.base[45], 2);
	memcpy(stack.node.base + 28, &(uint32_t){ 2 }, 4);
	memcpy(stack.node.base + 60, &(uint32_t){ 0 }, 4);
	memcpy(stack.node.base + 80, &(uint32_t){ 1 }, 4);
}

/* rpmsg_virtio_wait_remote_ready(): it kicks nobody. */
static void openamp_wait_ready(void)
{
	volatile uint8_t *status = stack.node.base + 44;

	for (int i = 0; i < STACK_WAIT_MS && !(*status & 4 && !(*status & NEEDS_RESET)); i++) {
		if (*status & NEEDS_RESET)
			*status = 0;
		poll(NULL, 0, 1);
	}
	ck_assert_uint_eq(*status, STATUS_READY);
}

static void openamp_init(void)
{
	openamp_take_table();
	openamp_wait_ready();
	ck_assert(firmware_attach(&stack.node.firmware, stack.node.base, stack.node.len,
				  stack.node.da));
	stack.node.firmware.tx.used[0] |= RING_QUIET;
	stack.addr = 1024;
}

/* An endpoint without a destination is ready when somebody has announced the same name, or has sent something. */
static void openamp_create_ept(void)
{
	const struct firmware_message *m;

	stack.host = STACK_OURS;
	if (!stack.node.firmware.ns)
		return;
	ck_assert(firmware_announce(&stack.node.firmware, "vcm", stack.addr, false));
	m = stack_next_message();
	ck_assert_uint_eq(m->dst, 53);
	ck_assert_uint_eq(m->len, 40);
	ck_assert_str_eq((const char *)m->data, "vcm");
	memcpy(&stack.host, m->data + 32, 4);
}

static void openamp_session(size_t step)
{
	stack.n_sent = 0;
	assembly_init(&stack.node.in, stack.node.in_buf, sizeof(stack.node.in_buf));
	openamp_init();
	openamp_create_ept();
	stack_say_hello();
	stack_call_in_lengths(step);
}

/* One that waits for 0 itself, and asks again when it was not looking while it was there. */
static void reset_until_0(void)
{
	volatile uint8_t *status = stack.node.base + 44;
	int tries = 0;

	do {
		ck_assert_int_lt(tries++, 10);
		*status = STATUS_READY | NEEDS_RESET;
		stack_ring(NULL, 2);
		for (int i = 0; i < STACK_WAIT_MS && *status & NEEDS_RESET; i++)
			poll(NULL, 0, 1);
	} while (*status != 0);
}

static void reset_by(enum convention convention)
{
	if (convention == ASKS_UNTIL_0) {
		reset_until_0();
		return;
	}
	stack.node.base[44] = convention == WRITES_0 ? 0 : STATUS_READY | NEEDS_RESET;
	stack_ring(NULL, 2);
	while (stack.node.base[44] & NEEDS_RESET)
		poll(NULL, 0, 1);
}

/* resets: by each convention, and it goes on. */
static void run_openamp(const char *path, const void *arg _unused_, bool resets)
{
	begin(path);
	openamp_session(1);
	for (int i = 0; i < (resets ? 6 : 0); i++) {
		reset_by(i % 3);
		openamp_session(STACK_FEW);
	}
	if (stack.node.firmware.ns)
		ck_assert(firmware_announce(&stack.node.firmware, "vcm", stack.addr, true));
}

/* --- both ------------------------------------------------------------------------------------------------------------ */

static bool has_session(struct world *w, void *ctx _unused_)
{
	return w->broker->n_clients > 0;
}

/* Three lives, one of which is cut short. */
static void live(const char *options, void (*run)(const char *path, const void *arg, bool flag),
		 const void *arg, bool flag)
{
	scene_prepare(options, "");
	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();

		ck_assert(pid >= 0);
		if (pid == 0) {
			run(scene.socket, arg, flag);
			_exit(0);
		}
		if (i == 1) {
			world_until(scene.world, has_session, NULL);
			kill(pid, SIGKILL);
			ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
		} else {
			world_until(scene.world, stack_is_dead, &pid);
		}
		scene_until_none_left();
	}
	world_free(scene.world);
	unlink(scene.window);
	ck_assert_int_eq(rmdir(scene.folder), 0);
}

/* As beside Linux: vrings of 32 KB. */
#define LITE                                                                                       \
	"socket = \"@/socket\" table = 0x50000 vring0 = 0 vring1 = 0x8000 buffers = 0x10000 "      \
	"descriptors = 256"

START_TEST(rpmsg_lite_knows_where_its_rings_are)
{
	live(LITE, run_lite, &(const struct stack_platform){ 0x8000, 4096, 256 }, false);
}
END_TEST

/* As between two microcontrollers. */
START_TEST(rpmsg_lite_has_small_rings)
{
	live("socket = \"@/socket\" table = 0x8000 vring0 = 0 vring1 = 0x400 buffers = 0x800 "
	     "descriptors = 16 alignment = 16",
	     run_lite, &(const struct stack_platform){ 0x400, 16, 16 }, false);
}
END_TEST

START_TEST(rpmsg_lite_is_kicked_again_when_it_boots_late)
{
	live(LITE, run_lite, &(const struct stack_platform){ 0x8000, 4096, 256 }, true);
}
END_TEST

START_TEST(rpmsg_lite_announces_where_there_is_no_name_service)
{
	live(LITE " name-service = false", run_lite,
	     &(const struct stack_platform){ 0x8000, 4096, 256 }, false);
}
END_TEST

START_TEST(openamp_takes_the_table_as_soon_as_it_sees_the_memory)
{
	live("socket = \"@/socket\"", run_openamp, NULL, false);
}
END_TEST

START_TEST(openamp_resets_and_attaches_again)
{
	live("socket = \"@/socket\" descriptors = 4 alignment = 64", run_openamp, NULL, true);
}
END_TEST

START_TEST(openamp_goes_without_the_name_service)
{
	live("socket = \"@/socket\" name-service = false", run_openamp, NULL, true);
}
END_TEST

SUITE_MAIN("node-stacks", rpmsg_lite_knows_where_its_rings_are, rpmsg_lite_has_small_rings,
	   rpmsg_lite_is_kicked_again_when_it_boots_late,
	   rpmsg_lite_announces_where_there_is_no_name_service,
	   openamp_takes_the_table_as_soon_as_it_sees_the_memory, openamp_resets_and_attaches_again,
	   openamp_goes_without_the_name_service)
