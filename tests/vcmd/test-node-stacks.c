// SPDX-License-Identifier: BSD-3-Clause
// Nodes that do what OpenAMP and rpmsg-lite do, in their order, up to the first call and beyond it, and come again.
#include "tests/suite.h"
#include "tests/vcmd/scene.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/range.h"
#include "vcmd/broker.h"

#define PAYLOAD 496
#define OURS 1024 /* where vcmd is, when nobody says so */
#define WAIT_MS 5000
#define STATUS_READY 7
#define NEEDS_RESET 0x40
#define RING_QUIET 1
#define FEW 31 /* from length to length, where not all are needed: PAYLOAD is one */

/* --- what both have ------------------------------------------------------------------------------------------------ */

static struct relay node; /* its window, its eventfds, its rings; not its life */
static struct codec *codec;
static uint32_t addr, host;
static uint32_t n_sent;
static uint64_t serial;

static void ring(void *ctx _unused_, uint32_t id _unused_)
{
	const uint64_t one = 1;

	if (node.kick >= 0)
		ck_assert(write(node.kick, &one, sizeof(one)) == sizeof(one));
}

static void await_bell(void)
{
	struct pollfd p = { .fd = node.bell, .events = POLLIN };
	uint64_t n;

	if (node.bell < 0) {
		poll(NULL, 0, 1);
		return;
	}
	ck_assert_int_eq(poll(&p, 1, WAIT_MS), 1);
	ck_assert(read(node.bell, &n, sizeof(n)) == sizeof(n));
}

static const struct firmware_message *next_message(void)
{
	static struct firmware_message m;

	while (!firmware_receive(&node.firmware, &m))
		await_bell();
	return &m;
}

static void send_packet(const struct request *request)
{
	static uint8_t message[4096], fragment[PAYLOAD];
	long n = request_encode(codec, request, message, sizeof(message));

	ck_assert_int_gt(n, 0);
	n_sent++;
	for (size_t i = 0; i < fragment_count((size_t)n, PAYLOAD); i++) {
		size_t len =
			fragment_write(fragment, PAYLOAD, n_sent, message, (size_t)n, (uint16_t)i);

		while (!firmware_send(&node.firmware, addr, host, fragment, len))
			poll(NULL, 0, 1); /* as both stacks wait for a buffer */
	}
}

static const struct reply *await_reply(void)
{
	static struct reply reply;
	struct reason why;

	for (;;) {
		const struct firmware_message *m = next_message();

		if (m->dst == 53) /* nobody has asked for announcements */
			continue;
		ck_assert_uint_eq(m->dst, addr);
		ck_assert_uint_eq(m->src, OURS);
		if (assembly_take(&node.in, m->data, m->len, &why) != ASSEMBLY_DONE)
			continue;
		ck_assert_msg(reply_decode(codec, node.in.data, node.in.len, &reply, &why) == 0,
			      "%s", why.text);
		return &reply;
	}
}

static void say_hello(void)
{
	serial++;
	send_packet(&(struct request){ .serial = serial,
				       .is_hello = true,
				       .hello = { .version = PROTO_VERSION, .name = "stack" } });
	ck_assert_ptr_nonnull(await_reply()->welcome);
}

/* Payloads that are none first; then a call in each length that one buffer holds, and in some that take two: by step. */
static void call_in_lengths(size_t step)
{
	static uint8_t bytes[PAYLOAD];
	struct op ping = { .code = OP_PING, .data = bytes };

	for (size_t len = 0; len <= 8; len++)
		while (!firmware_send(&node.firmware, addr, host, bytes, len))
			poll(NULL, 0, 1);
	for (ping.n_data = 0; ping.n_data <= PAYLOAD; ping.n_data += step) {
		const struct reply *r;

		serial++;
		send_packet(&(struct request){ .serial = serial, .ops = &ping, .n_ops = 1 });
		r = await_reply();
		ck_assert_uint_eq(r->serial, serial);
		ck_assert_int_eq(r->status, 0);
	}
}

static void begin(const char *path)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	codec = codec_new();
	while (!relay_join(&node, path, SCENE_DA,
			   1)) /* its predecessor may not be known to be dead */
		poll(NULL, 0, 1);
	node.firmware.kick = ring;
}

/* --- rpmsg-lite ----------------------------------------------------------------------------------------------------- */

/* What its platform header says. */
struct platform {
	uint32_t vring_size, align, buffer_count;
};

static uint16_t *lite_queue(struct firmware_ring *r, uint8_t *at, const struct platform *p)
{
	size_t used = 16ul * p->buffer_count + 2ul * (3 + p->buffer_count);

	*r = (struct firmware_ring){ .num = p->buffer_count,
				     .desc = at,
				     .avail = (uint16_t *)(at + 16ul * p->buffer_count),
				     .used = (uint16_t *)(at + (used + p->align - 1) / p->align *
								       p->align) };
	/* It chains what it does not own. */
	for (uint16_t i = 0; i < p->buffer_count; i++)
		memcpy(at + 16ul * i + 14, &(uint16_t){ (uint16_t)(i + 1) }, 2);
	return r->used;
}

/* No table, no status, no features: rings where they are known to be, and a kick. */
static void lite_init(const struct platform *p, bool has_missed_it)
{
	struct firmware *f = &node.firmware;

	if (has_missed_it)
		await_bell();
	f->base = node.base;
	f->len = node.len;
	f->da = node.da;
	lite_queue(&f->tx, node.base, p)[0] |= RING_QUIET;
	lite_queue(&f->rx, node.base + p->vring_size, p);
	await_bell();
	addr = 1; /* its first endpoint's */
	host = OURS;
}

static void run_lite(const char *path, const void *arg, bool is_late)
{
	begin(path);
	lite_init(arg, is_late);
	ck_assert(firmware_announce(&node.firmware, "vcm", addr, false));
	say_hello();
	call_in_lengths(1);
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

	ck_assert_uint_eq(node.base[0], 1);
	ck_assert_uint_eq(node.base[4], 1);
	ck_assert(!memcmp(node.base + 20, vdev, sizeof(vdev)));
	ck_assert_uint_eq(node.base[45], 2);
	memcpy(node.base + 28, &(uint32_t){ 2 }, 4);
	memcpy(node.base + 60, &(uint32_t){ 0 }, 4);
	memcpy(node.base + 80, &(uint32_t){ 1 }, 4);
}

/* rpmsg_virtio_wait_remote_ready(): it kicks nobody. */
static void openamp_wait_ready(void)
{
	volatile uint8_t *status = node.base + 44;

	for (int i = 0; i < WAIT_MS && !(*status & 4 && !(*status & NEEDS_RESET)); i++) {
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
	ck_assert(firmware_attach(&node.firmware, node.base, node.len, node.da));
	node.firmware.tx.used[0] |= RING_QUIET;
	addr = 1024;
}

/* An endpoint without a destination is ready when somebody has announced the same name, or has sent something. */
static void openamp_create_ept(void)
{
	const struct firmware_message *m;

	host = OURS;
	if (!node.firmware.ns)
		return;
	ck_assert(firmware_announce(&node.firmware, "vcm", addr, false));
	m = next_message();
	ck_assert_uint_eq(m->dst, 53);
	ck_assert_uint_eq(m->len, 40);
	ck_assert_str_eq((const char *)m->data, "vcm");
	memcpy(&host, m->data + 32, 4);
}

static void openamp_session(size_t step)
{
	n_sent = 0;
	assembly_init(&node.in, node.in_buf, sizeof(node.in_buf));
	openamp_init();
	openamp_create_ept();
	say_hello();
	call_in_lengths(step);
}

/* One that waits for 0 itself, and asks again when it was not looking while it was there. */
static void reset_until_0(void)
{
	volatile uint8_t *status = node.base + 44;
	int tries = 0;

	do {
		ck_assert_int_lt(tries++, 10);
		*status = STATUS_READY | NEEDS_RESET;
		ring(NULL, 2);
		for (int i = 0; i < WAIT_MS && *status & NEEDS_RESET; i++)
			poll(NULL, 0, 1);
	} while (*status != 0);
}

static void reset_by(enum convention convention)
{
	if (convention == ASKS_UNTIL_0) {
		reset_until_0();
		return;
	}
	node.base[44] = convention == WRITES_0 ? 0 : STATUS_READY | NEEDS_RESET;
	ring(NULL, 2);
	while (node.base[44] & NEEDS_RESET)
		poll(NULL, 0, 1);
}

/* resets: by each convention, and it goes on. */
static void run_openamp(const char *path, const void *arg _unused_, bool resets)
{
	begin(path);
	openamp_session(1);
	for (int i = 0; i < (resets ? 6 : 0); i++) {
		reset_by(i % 3);
		openamp_session(FEW);
	}
	if (node.firmware.ns)
		ck_assert(firmware_announce(&node.firmware, "vcm", addr, true));
}

/* --- one that knows of no status, in a window that nobody rings ------------------------------------------------------ */

static int told[2]; /* a pipe: it has a session */

/* The message that says so counts from 1, as vcmd does that knows nothing of a session. */
static void await_notice(void)
{
	static struct reply reply;
	struct reason why;

	for (;;) {
		const struct firmware_message *m = next_message();
		enum assembly_result r;

		if (m->dst != addr) /* to nobody */
			continue;
		r = assembly_take(&node.in, m->data, m->len, &why);
		if (r == ASSEMBLY_AGAIN) {
			assembly_init(&node.in, node.in_buf, sizeof(node.in_buf));
			r = assembly_take(&node.in, m->data, m->len, &why);
		}
		ck_assert_int_eq(r, ASSEMBLY_DONE);
		ck_assert_int_eq(reply_decode(codec, node.in.data, node.in.len, &reply, &why), 0);
		ck_assert_uint_eq(reply.serial, 0);
		ck_assert_int_eq(reply.status, -ECONNRESET);
		return;
	}
}

/* What is left in the buffers says nothing of who was there. */
static void wipe_sent(void)
{
	for (uint32_t i = 0; i < node.firmware.tx.num; i++) {
		uint64_t da;

		memcpy(&da, node.firmware.tx.desc + 16ul * i, 8);
		memset(node.base + (da - node.da), 0, 16);
	}
}

/* Two lives of vcmd are one to it. speaks: it is not told before. */
static void run_unaware(const char *path, bool speaks)
{
	static const struct platform platform = { 0x400, 16, 16 };
	struct op ping = { .code = OP_PING };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	codec = codec_new();
	relay_open(&node, path, SCENE_LEN, SCENE_DA);
	node.firmware.kick = ring;
	lite_init(&platform, true);
	while (!firmware_announce(&node.firmware, "vcm", addr, false))
		await_bell();
	say_hello();
	call_in_lengths(FEW);
	if (speaks)
		wipe_sent();
	ck_assert(write(told[1], "", 1) == 1);
	if (speaks) {
		while (next_message()->dst == addr) /* until the one to nobody */
			;
		serial++;
		send_packet(&(struct request){ .serial = serial, .ops = &ping, .n_ops = 1 });
	}
	await_notice();
	n_sent = 0;
	assembly_init(&node.in, node.in_buf, sizeof(node.in_buf));
	say_hello();
	call_in_lengths(FEW);
	ck_assert(firmware_announce(&node.firmware, "vcm", addr, true));
}

/* --- both ------------------------------------------------------------------------------------------------------------ */

static bool is_dead(struct world *w _unused_, void *ctx)
{
	int status;
	pid_t pid = *(const pid_t *)ctx, dead = waitpid(pid, &status, WNOHANG);

	ck_assert(dead == 0 || (dead == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0));
	return dead == pid;
}

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
			world_until(scene.world, is_dead, &pid);
		}
		scene_until_none_left();
	}
	world_free(scene.world);
	unlink(scene.window);
	ck_assert_int_eq(rmdir(scene.folder), 0);
}

static bool has_written(struct world *w _unused_, void *ctx _unused_)
{
	struct pollfd p = { .fd = told[0], .events = POLLIN };

	return poll(&p, 1, 0) == 1;
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
	world_until(scene.world, is_dead, &pid);
	scene_until_none_left();
	world_free(scene.world);
	unlink(scene.window);
	ck_assert_int_eq(rmdir(scene.folder), 0);
	close(told[0]);
	close(told[1]);
}

/* As beside Linux: vrings of 32 KB. */
#define LITE                                                                                       \
	"socket = \"@/socket\" table = 0x50000 vring0 = 0 vring1 = 0x8000 buffers = 0x10000 "      \
	"descriptors = 256"

START_TEST(rpmsg_lite_knows_where_its_rings_are)
{
	live(LITE, run_lite, &(const struct platform){ 0x8000, 4096, 256 }, false);
}
END_TEST

/* As between two microcontrollers. */
START_TEST(rpmsg_lite_has_small_rings)
{
	live("socket = \"@/socket\" table = 0x8000 vring0 = 0 vring1 = 0x400 buffers = 0x800 "
	     "descriptors = 16 alignment = 16",
	     run_lite, &(const struct platform){ 0x400, 16, 16 }, false);
}
END_TEST

START_TEST(rpmsg_lite_is_kicked_again_when_it_boots_late)
{
	live(LITE, run_lite, &(const struct platform){ 0x8000, 4096, 256 }, true);
}
END_TEST

START_TEST(rpmsg_lite_announces_where_there_is_no_name_service)
{
	live(LITE " name-service = false", run_lite, &(const struct platform){ 0x8000, 4096, 256 },
	     false);
}
END_TEST

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
	   rpmsg_lite_goes_on_when_vcmd_is_started_anew,
	   rpmsg_lite_hears_of_it_when_it_speaks_at_the_latest,
	   openamp_takes_the_table_as_soon_as_it_sees_the_memory, openamp_resets_and_attaches_again,
	   openamp_goes_without_the_name_service)
