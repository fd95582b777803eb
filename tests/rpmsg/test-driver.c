// SPDX-License-Identifier: BSD-3-Clause
// The driver and a remote of our own, in every geometry: start, messages, announcements, kicks, reset.
#include "tests/rpmsg/area.h"
#include "tests/suite.h"

#include <errno.h>
#include <string.h>

#define EPT 1024
#define OURS 1025

static const uint32_t nums[] = { 1, 2, 4, 8, 16, 32, 64, 128, 256 };
static const uint32_t aligns[] = { 16, 64, 4096 };

static void with_every_geometry(void (*body)(struct area *a))
{
	static struct area a;

	for (size_t i = 0; i < sizeof(nums) / sizeof(*nums); i++)
		for (size_t k = 0; k < 2 * sizeof(aligns) / sizeof(*aligns); k++) {
			struct geometry g;

			geometry_default(&g);
			g.num = nums[i];
			g.align = aligns[k / 2];
			g.ns = k % 2;
			area_open(&a, &g);
			body(&a);
			area_close(&a);
		}
}

static void open_default(struct area *a)
{
	struct geometry g;

	geometry_default(&g);
	area_open(a, &g);
}

static void fill(uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)(len + 7 * i);
}

/* One message from the node. */
static void expect_message(struct area *a, const void *data, size_t len)
{
	struct driver_message m;

	ck_assert_int_eq(driver_receive(&a->driver, &m), DRIVER_MESSAGE);
	ck_assert_uint_eq(m.src, EPT);
	ck_assert_uint_eq(m.dst, OURS);
	ck_assert_uint_eq(m.len, len);
	ck_assert(!len || !memcmp(m.data, data, len));
	driver_flush(&a->driver);
}

static void expect_at_node(struct area *a, const void *data, size_t len)
{
	static struct firmware_message m;

	ck_assert(firmware_receive(&a->firmware, &m));
	ck_assert_uint_eq(m.src, OURS);
	ck_assert_uint_eq(m.dst, EPT);
	ck_assert_uint_eq(m.len, len);
	ck_assert(!len || !memcmp(m.data, data, len));
}

static void send_every_length(struct area *a)
{
	size_t most = driver_payload(&a->driver);
	uint8_t data[512];

	area_start(a);
	for (size_t len = 0; len <= most; len++) {
		fill(data, len);
		ck_assert(firmware_send(&a->firmware, EPT, OURS, data, len));
		expect_message(a, data, len);
		ck_assert_int_eq(driver_send(&a->driver, OURS, EPT, data, len), 0);
		driver_flush(&a->driver);
		expect_at_node(a, data, len);
	}
	ck_assert_int_eq(driver_send(&a->driver, OURS, EPT, data, most + 1), -EMSGSIZE);
}

START_TEST(every_length_arrives_in_every_geometry)
{
	with_every_geometry(send_every_length);
}
END_TEST

static void announce_both_ways(struct area *a)
{
	static struct firmware_message at_node;
	struct driver_message m;

	area_start(a);
	ck_assert_int_eq(a->firmware.ns, a->driver.geometry.ns);
	ck_assert_int_eq(driver_announce(&a->driver, "vcm", OURS, false), 0);
	driver_flush(&a->driver);
	ck_assert_int_eq(firmware_receive(&a->firmware, &at_node), a->firmware.ns);
	if (!a->firmware.ns)
		return;
	ck_assert_uint_eq(at_node.dst, 53);
	ck_assert_uint_eq(at_node.len, 40);
	ck_assert_str_eq((char *)at_node.data, "vcm");
	firmware_announce(&a->firmware, "vcm", EPT, false);
	ck_assert_int_eq(driver_receive(&a->driver, &m), DRIVER_ANNOUNCED);
	ck_assert_str_eq(m.name, "vcm");
	ck_assert_uint_eq(m.addr, EPT);
	driver_flush(&a->driver);
	firmware_announce(&a->firmware, "vcm", EPT, true);
	ck_assert_int_eq(driver_receive(&a->driver, &m), DRIVER_WITHDRAWN);
}

START_TEST(services_are_announced_and_withdrawn)
{
	with_every_geometry(announce_both_ways);
}
END_TEST

/* As many as there are buffers, and not one more, until the node gives some back. */
static void fill_the_ring(struct area *a)
{
	static struct firmware_message m;
	uint32_t num = a->driver.geometry.num;

	area_start(a);
	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < num; i++)
			ck_assert_int_eq(driver_send(&a->driver, OURS, EPT, &i, sizeof(i)), 0);
		ck_assert_int_eq(driver_send(&a->driver, OURS, EPT, "", 1), -EAGAIN);
		driver_flush(&a->driver);
		ck_assert(!driver_want_room(&a->driver, true));
		for (uint32_t i = 0; i < num; i++) {
			ck_assert(firmware_receive(&a->firmware, &m));
			ck_assert(!memcmp(m.data, &i, sizeof(i)));
		}
		ck_assert(!firmware_receive(&a->firmware, &m));
		ck_assert(driver_want_room(&a->driver, true));
		driver_want_room(&a->driver, false);
	}
}

START_TEST(a_full_ring_refuses_until_the_node_gives_back)
{
	with_every_geometry(fill_the_ring);
}
END_TEST

/* As many as the node has buffers, and not one more. */
static void send_a_whole_ring(struct area *a)
{
	for (uint32_t i = 0; i < a->driver.geometry.num; i++)
		ck_assert(firmware_send(&a->firmware, EPT, OURS, &i, sizeof(i)));
	ck_assert(!firmware_send(&a->firmware, EPT, OURS, "", 1));
}

static void flood_us(struct area *a)
{
	uint32_t num = a->driver.geometry.num;
	struct driver_message m;

	area_start(a);
	for (int round = 0; round < 3; round++) {
		send_a_whole_ring(a);
		for (uint32_t i = 0; i < num; i++)
			expect_message(a, &i, sizeof(i));
		ck_assert_int_eq(driver_receive(&a->driver, &m), DRIVER_NOTHING);
	}
}

/* What has been read is the node's again with the turn's end, all of it: the answers are on their way first. */
static void read_a_whole_ring_in_a_turn(struct area *a)
{
	uint32_t num = a->driver.geometry.num;
	struct driver_message m;

	area_start(a);
	for (int round = 0; round < 3; round++) {
		send_a_whole_ring(a);
		for (uint32_t i = 0; i < num; i++)
			ck_assert_int_eq(driver_receive(&a->driver, &m), DRIVER_MESSAGE);
		ck_assert_int_eq(driver_receive(&a->driver, &m), DRIVER_NOTHING);
		ck_assert(!firmware_send(&a->firmware, EPT, OURS, "", 1));
		driver_flush(&a->driver);
		ck_assert(!driver_has_work(&a->driver));
	}
	ck_assert(firmware_send(&a->firmware, EPT, OURS, "", 1));
	ck_assert(driver_has_work(&a->driver));
}

START_TEST(buffers_that_were_read_go_back_when_the_turn_ends)
{
	with_every_geometry(read_a_whole_ring_in_a_turn);
}
END_TEST

START_TEST(a_node_has_as_many_buffers_as_the_ring_descriptors)
{
	with_every_geometry(flood_us);
}
END_TEST

/* As a node does that sends without copying, or holds what it was sent: buffer i of a ring goes back. */
static void use(struct firmware_ring *r, uint16_t i, uint32_t len)
{
	uint32_t elem[2] = { r->avail[2 + i], len };

	memcpy((uint8_t *)r->used + 4 + 8ul * (r->next_used % r->num), elem, sizeof(elem));
	__atomic_store_n(&r->used[1], ++r->next_used, __ATOMIC_SEQ_CST);
}

static void write_into(struct area *a, uint16_t i, uint32_t payload)
{
	const struct firmware_ring *tx = &a->firmware.tx;
	const uint32_t words[] = { EPT, OURS, 0xdeadbeef /* whose it is */, 4, payload };
	uint64_t da;

	memcpy(&da, tx->desc + 16ul * tx->avail[2 + i], sizeof(da));
	memcpy(a->base + (da - AREA_DA), words, sizeof(words));
}

static void use_in_any_order(struct area *a)
{
	uint16_t num = (uint16_t)a->driver.geometry.num;
	uint16_t n_back = num > 1 ? num - 1 : 1; /* one is held */

	area_start(a);
	for (uint16_t i = 0; i < num; i++)
		write_into(a, i, i);
	for (uint16_t i = num; i-- > 0;)
		use(&a->firmware.tx, i, 512);
	for (uint32_t i = num; i-- > 0;)
		expect_message(a, &i, sizeof(i));
	for (uint16_t i = 0; i < num; i++)
		ck_assert_int_eq(driver_send(&a->driver, OURS, EPT, "", 1), 0);
	driver_flush(&a->driver);
	ck_assert_int_eq(driver_send(&a->driver, OURS, EPT, "", 1), -EAGAIN);
	for (uint16_t i = 0; i < n_back; i++)
		use(&a->firmware.rx, num - 1 - i, 17);
	for (uint16_t i = 0; i < n_back; i++)
		ck_assert_int_eq(driver_send(&a->driver, OURS, EPT, "", 1), 0);
	ck_assert_int_eq(driver_send(&a->driver, OURS, EPT, "", 1), -EAGAIN);
	driver_flush(&a->driver);
}

START_TEST(buffers_come_back_in_any_order)
{
	with_every_geometry(use_in_any_order);
}
END_TEST

START_TEST(indices_go_round)
{
	static struct area a;
	struct geometry g;

	geometry_default(&g);
	g.num = 4;
	area_open(&a, &g);
	area_start(&a);
	for (uint32_t i = 0; i < 70000; i++) {
		ck_assert(firmware_send(&a.firmware, EPT, OURS, &i, sizeof(i)));
		expect_message(&a, &i, sizeof(i));
		ck_assert_int_eq(driver_send(&a.driver, OURS, EPT, &i, sizeof(i)), 0);
		driver_flush(&a.driver);
		expect_at_node(&a, &i, sizeof(i));
	}
	area_close(&a);
}
END_TEST

START_TEST(a_start_takes_the_steps_that_linux_takes)
{
	static struct area a;
	struct driver_message m;

	open_default(&a);
	ck_assert_int_eq(driver_receive(&a.driver, &m), DRIVER_NOTHING);
	ck_assert_int_eq(driver_send(&a.driver, OURS, EPT, "", 1), -ENOTCONN);
	ck_assert(!driver_has_work(&a.driver));
	area_start(&a);
	ck_assert_int_eq(*firmware_status(&a.firmware), 7);
	ck_assert_uint_eq(a.kicks[RING_IN], 1);
	ck_assert_uint_eq(a.kicks[RING_OUT], 0);
	ck_assert_int_eq(driver_look(&a.driver), DRIVER_FINE);
	for (int i = 0; i < 16; i++) {
		struct {
			uint64_t da;
			uint32_t len;
			uint16_t flags, next;
		} desc;

		memcpy(&desc, a.base + 0x1000 + 16 * i, 16);
		ck_assert_uint_eq(desc.da, AREA_DA + 0x10000 + 512u * (unsigned int)i);
		ck_assert_uint_eq(desc.len, 512);
		ck_assert_uint_eq(desc.flags, 2);
	}
	area_close(&a);
}
END_TEST

START_TEST(kicks_are_given_when_asked_for)
{
	static struct area a;

	open_default(&a);
	area_start(&a);
	a.kicks[RING_IN] = 0;
	ck_assert_int_eq(driver_send(&a.driver, OURS, EPT, "a", 1), 0);
	ck_assert_int_eq(driver_send(&a.driver, OURS, EPT, "b", 1), 0);
	ck_assert_uint_eq(a.kicks[RING_OUT], 0);
	driver_flush(&a.driver);
	driver_flush(&a.driver);
	ck_assert_uint_eq(a.kicks[RING_OUT], 1); /* one for both */
	a.firmware.rx.used[0] = 1;               /* NO_NOTIFY */
	ck_assert_int_eq(driver_send(&a.driver, OURS, EPT, "c", 1), 0);
	driver_flush(&a.driver);
	ck_assert_uint_eq(a.kicks[RING_OUT], 1);
	firmware_send(&a.firmware, EPT, OURS, "d", 1);
	expect_message(&a, "d", 1);
	ck_assert_uint_eq(a.kicks[RING_IN], 1); /* a buffer has come back */
	area_close(&a);
}
END_TEST

static void count(void *ctx, uint32_t id)
{
	unsigned int *n = ctx;

	n[id]++;
}

START_TEST(a_node_kicks_when_we_ask_for_it)
{
	static struct area a;
	static struct firmware_message m;
	unsigned int n[2] = { 0, 0 };

	open_default(&a);
	area_start(&a);
	a.firmware.kick = count;
	a.firmware.ctx = n;
	firmware_send(&a.firmware, EPT, OURS, "a", 1);
	ck_assert_uint_eq(n[0], 1);
	driver_set_polled(&a.driver, true);
	firmware_send(&a.firmware, EPT, OURS, "b", 1);
	ck_assert_uint_eq(n[0], 1);
	driver_set_polled(&a.driver, false);
	firmware_send(&a.firmware, EPT, OURS, "c", 1);
	ck_assert_uint_eq(n[0], 2);
	driver_send(&a.driver, OURS, EPT, "d", 1);
	driver_send(&a.driver, OURS, EPT, "e", 1);
	driver_flush(&a.driver);
	firmware_receive(&a.firmware, &m);
	ck_assert_uint_eq(n[1], 0); /* nobody waits for room */
	driver_want_room(&a.driver, true);
	firmware_receive(&a.firmware, &m);
	ck_assert_uint_eq(n[1], 1);
	area_close(&a);
}
END_TEST

static void reset_and_return(struct area *a)
{
	uint8_t before[256];

	area_start(a);
	memcpy(before, a->base, sizeof(before));
	ck_assert(firmware_send(&a->firmware, EPT, OURS, "old", 3));
	driver_send(&a->driver, OURS, EPT, "old", 3);
	driver_flush(&a->driver);
	memset(a->base, 0x5a, 44); /* of the table, which is then made anew */
	*firmware_status(&a->firmware) = 0;
	ck_assert_int_eq(driver_look(&a->driver), DRIVER_GONE);
	driver_stop(&a->driver, false);
	area_start(a);
	ck_assert(!memcmp(before, a->base, sizeof(before)));
	ck_assert(!driver_has_work(&a->driver)); /* nothing old is seen again, on either side */
	ck_assert(!firmware_receive(&a->firmware, &(struct firmware_message){ .len = 0 }));
	ck_assert(firmware_send(&a->firmware, EPT, OURS, "new", 3));
	expect_message(a, "new", 3);
}

START_TEST(a_reset_makes_everything_anew)
{
	with_every_geometry(reset_and_return);
}
END_TEST

START_TEST(the_status_tells_who_wants_what)
{
	static struct area a;
	static const struct {
		uint8_t status;
		enum driver_look look;
	} looks[] = { { 7, DRIVER_FINE },           { 0, DRIVER_GONE },
		      { 0x40, DRIVER_WANTS_RESET }, { 0x47, DRIVER_WANTS_RESET },
		      { 0x87, DRIVER_WANTS_RESET }, { 3, DRIVER_WANTS_RESET },
		      { 0x0f, DRIVER_WANTS_RESET } };

	open_default(&a);
	area_start(&a);
	for (size_t i = 0; i < sizeof(looks) / sizeof(*looks); i++) {
		*firmware_status(&a.firmware) = looks[i].status;
		ck_assert_int_eq(driver_look(&a.driver), looks[i].look);
	}
	driver_start(&a.driver);
	a.kicks[RING_IN] = 0;
	driver_stop(&a.driver, true);
	ck_assert_int_eq(*firmware_status(&a.firmware), 0x40);
	ck_assert_uint_eq(a.kicks[RING_IN], 1);
	ck_assert_int_eq(driver_look(&a.driver), DRIVER_WANTS_RESET);
	*firmware_status(&a.firmware) = 0;
	ck_assert_int_eq(driver_look(&a.driver), DRIVER_GONE);
	area_close(&a);
}
END_TEST

START_TEST(large_buffers_carry_large_messages)
{
	static struct area a;
	static uint8_t data[65528];
	struct geometry g;

	geometry_default(&g);
	g.num = 4;
	g.buffer_len = 65528;
	area_open(&a, &g);
	area_start(&a);
	fill(data, sizeof(data) - 16);
	ck_assert_int_eq(driver_send(&a.driver, OURS, EPT, data, sizeof(data) - 16), 0);
	driver_flush(&a.driver);
	expect_at_node(&a, data, sizeof(data) - 16);
	ck_assert(firmware_send(&a.firmware, EPT, OURS, data, sizeof(data) - 16));
	expect_message(&a, data, sizeof(data) - 16);
	area_close(&a);
}
END_TEST

SUITE_MAIN("driver", every_length_arrives_in_every_geometry, services_are_announced_and_withdrawn,
	   a_full_ring_refuses_until_the_node_gives_back,
	   a_node_has_as_many_buffers_as_the_ring_descriptors,
	   buffers_that_were_read_go_back_when_the_turn_ends, buffers_come_back_in_any_order,
	   indices_go_round, a_start_takes_the_steps_that_linux_takes,
	   kicks_are_given_when_asked_for, a_node_kicks_when_we_ask_for_it,
	   a_reset_makes_everything_anew, the_status_tells_who_wants_what,
	   large_buffers_carry_large_messages)
