// SPDX-License-Identifier: BSD-3-Clause
// A node as rpmsg-lite, which knows of no status, in a window that nobody rings: vcmd is started anew, or it is.
#include "tests/suite.h"
#include "tests/vcmd/scene.h"
#include "tests/vcmd/stack.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vcmd/broker.h"

#define N_LIVES 5

static int told[2]; /* a pipe: it has a session */

/* The message that says so counts from 1, as vcmd does that knows nothing of a session. */
static void await_notice(void)
{
	static struct reply reply;
	struct reason why;

	for (;;) {
		const struct firmware_message *m = stack_next_message();
		enum assembly_result r;

		if (m->dst != stack.addr) /* to nobody */
			continue;
		r = assembly_take(&stack.node.in, m->data, m->len, &why);
		if (r == ASSEMBLY_AGAIN) {
			assembly_init(&stack.node.in, stack.node.in_buf, sizeof(stack.node.in_buf));
			r = assembly_take(&stack.node.in, m->data, m->len, &why);
		}
		ck_assert_int_eq(r, ASSEMBLY_DONE);
		ck_assert_int_eq(reply_decode(stack.codec, stack.node.in.data, stack.node.in.len,
					      &reply, &why),
				 0);
		ck_assert_uint_eq(reply.serial, 0);
		ck_assert_int_eq(reply.status, -ECONNRESET);
		return;
	}
}

/* What is left in the buffers says nothing of who was there. */
static void wipe_sent(void)
{
	for (uint32_t i = 0; i < stack.node.firmware.tx.num; i++) {
		uint64_t da;

		memcpy(&da, stack.node.firmware.tx.desc + 16ul * i, 8);
		memset(stack.node.base + (da - stack.node.da), 0, 16);
	}
}

/* Two lives of vcmd are one to it. speaks: it is not told before. */
static void run_unaware(const char *path, bool speaks)
{
	static const struct stack_platform platform = { 0x400, 16, 16 };
	struct op ping = { .code = OP_PING };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	stack.codec = codec_new();
	relay_open(&stack.node, path, SCENE_LEN, SCENE_DA);
	stack.node.firmware.kick = stack_ring;
	stack_lite_init(&platform, true);
	while (!firmware_announce(&stack.node.firmware, "vcm", stack.addr, false))
		stack_await_bell();
	stack_say_hello();
	stack_call_in_lengths(STACK_FEW);
	if (speaks)
		wipe_sent();
	ck_assert(write(told[1], "", 1) == 1);
	if (speaks) {
		while (stack_next_message()->dst == stack.addr) /* until the one to nobody */
			;
		stack.serial++;
		stack_send_packet(
			&(struct request){ .serial = stack.serial, .ops = &ping, .n_ops = 1 });
	}
	await_notice();
	stack.n_sent = 0;
	assembly_init(&stack.node.in, stack.node.in_buf, sizeof(stack.node.in_buf));
	stack_say_hello();
	stack_call_in_lengths(STACK_FEW);
	ck_assert(firmware_announce(&stack.node.firmware, "vcm", stack.addr, true));
}

/* --- one that is killed, and started anew where it was, with nobody who tells ---------------------------------------- */

/* What its predecessor was sent, and nobody, comes first. */
static void say_hello_until_welcome(void)
{
	static struct reply reply;
	struct reason why;

	for (bool is_welcome = false; !is_welcome;) {
		const struct firmware_message *m;

		stack.n_sent = 0;
		assembly_init(&stack.node.in, stack.node.in_buf, sizeof(stack.node.in_buf));
		stack.serial++;
		stack_send_packet(&(struct request){
			.serial = stack.serial,
			.is_hello = true,
			.hello = { .version = PROTO_VERSION, .name = "stack" } });
		do
			m = stack_next_message();
		while (m->dst != stack.addr);
		ck_assert_int_eq(assembly_take(&stack.node.in, m->data, m->len, &why),
				 ASSEMBLY_DONE);
		ck_assert_int_eq(reply_decode(stack.codec, stack.node.in.data, stack.node.in.len,
					      &reply, &why),
				 0);
		ck_assert(reply.welcome || reply.status == -ECONNRESET);
		is_welcome = reply.welcome;
	}
}

/* is_last: it comes to its end; else it is killed in its traffic. */
static void run_killed(const char *path, bool is_last)
{
	static const struct stack_platform platform = { 0x400, 16, 16 };
	static struct firmware_message m;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	stack.codec = codec_new();
	relay_open(&stack.node, path, SCENE_LEN, SCENE_DA);
	stack_lite_init(&platform, false);
	firmware_start_blindly(&stack.node.firmware);
	while (firmware_receive(&stack.node.firmware, &m)) /* nobody is here to hear it */
		;
	while (!firmware_announce(&stack.node.firmware, "vcm", stack.addr, false))
		stack_await_bell();
	say_hello_until_welcome();
	stack_call_in_lengths(STACK_FEW);
	ck_assert(write(told[1], "", 1) == 1);
	for (uint64_t n = is_last ? 0 : UINT64_MAX; n > 0; n--)
		stack_call_in_lengths(1);
	ck_assert(firmware_announce(&stack.node.firmware, "vcm", stack.addr, true));
}

/* --- vcmd ------------------------------------------------------------------------------------------------------------ */

static bool has_written(struct world *w _unused_, void *ctx _unused_)
{
	struct pollfd p = { .fd = told[0], .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void end(pid_t pid)
{
	world_until(scene.world, stack_is_dead, &pid);
	scene_until_none_left();
	world_free(scene.world);
	unlink(scene.window);
	ck_assert_int_eq(rmdir(scene.folder), 0);
	close(told[0]);
	close(told[1]);
}

/* vcmd is killed while the node waits for nothing, and started again. */
static void live_on(bool speaks)
{
	pid_t pid;

	ck_assert(pipe(told) == 0);
	scene_prepare("file = \"@/window\" table = 0x8000 vring0 = 0 vring1 = 0x400 "
		      "buffers = 0x800 descriptors = 16 alignment = 16 reset-timeout = 50",
		      "");
	pid = fork();
	ck_assert(pid >= 0);
	if (pid == 0) {
		run_unaware(scene.window, speaks);
		_exit(0);
	}
	world_until(scene.world, has_written, NULL);
	ck_assert(read(told[0], &(char){ 0 }, 1) == 1);
	world_crash(scene.world);
	scene.world = world_new(scene.text);
	end(pid);
}

/* The next one comes at once, or when the last one is known to be dead. */
static void live_and_die(const char *timing, bool is_late)
{
	static char options[256];
	pid_t pid;

	ck_assert(pipe(told) == 0);
	snprintf(options, sizeof(options),
		 "file = \"@/window\" table = 0x8000 vring0 = 0 vring1 = 0x400 "
		 "buffers = 0x800 descriptors = 16 alignment = 16 %s",
		 timing);
	scene_prepare(options, "");
	for (int i = 0; i < N_LIVES; i++) {
		pid = fork();
		ck_assert(pid >= 0);
		if (pid == 0) {
			run_killed(scene.window, i == N_LIVES - 1);
			_exit(0);
		}
		world_until(scene.world, has_written, NULL);
		ck_assert(read(told[0], &(char){ 0 }, 1) == 1);
		if (i == N_LIVES - 1)
			break;
		kill(pid, SIGKILL);
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
		if (is_late && i % 2)
			scene_until_none_left();
	}
	end(pid);
}

START_TEST(rpmsg_lite_goes_on_when_vcmd_is_started_anew)
{
	live_on(false);
}
END_TEST

START_TEST(rpmsg_lite_hears_of_it_when_it_speaks_at_the_latest)
{
	live_on(true);
}
END_TEST

/* vcmd learns of it when it announces itself. */
START_TEST(rpmsg_lite_attaches_again_when_it_was_killed)
{
	live_and_die("reset-timeout = 100", false);
}
END_TEST

START_TEST(rpmsg_lite_attaches_again_when_its_heart_has_stopped)
{
	live_and_die("reset-timeout = 100 heartbeat = 100", true);
}
END_TEST

SUITE_MAIN("node-blind", rpmsg_lite_goes_on_when_vcmd_is_started_anew,
	   rpmsg_lite_hears_of_it_when_it_speaks_at_the_latest,
	   rpmsg_lite_attaches_again_when_it_was_killed,
	   rpmsg_lite_attaches_again_when_its_heart_has_stopped)
