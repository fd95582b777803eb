// SPDX-License-Identifier: BSD-3-Clause
// A driver that goes on with the rings of a former one, for a node that has noticed nothing; and rings that nobody can go on with.
#include "tests/rpmsg/area.h"
#include "tests/suite.h"

#include <string.h>

#define EPT 5
#define OURS 1024
#define NEEDS_RESET 0x40
#define READY 7

static const uint32_t nums[] = { 1, 2, 4, 16, 256 };

static void open_with(struct area *a, uint32_t num)
{
	struct geometry g;

	geometry_default(&g);
	g.num = num;
	area_open(a, &g);
}

/* A driver that knows nothing but where the memory is. */
static void be_born_again(struct area *a)
{
	const struct driver former = a->driver;

	memset(&a->driver, 0xcc, sizeof(a->driver));
	driver_init(&a->driver, &former.shared, &former.geometry, former.kick, former.ctx);
}

static void send_to_node(struct area *a, uint32_t number)
{
	ck_assert_int_eq(driver_send(&a->driver, OURS, EPT, &number, sizeof(number)), 0);
	driver_flush(&a->driver);
}

static void expect_at_node(struct area *a, uint32_t number)
{
	static struct firmware_message m;

	ck_assert(firmware_receive(&a->firmware, &m));
	ck_assert_uint_eq(m.len, sizeof(number));
	ck_assert(!memcmp(m.data, &number, sizeof(number)));
}

static void talk(struct area *a, uint32_t rounds)
{
	struct driver_message m;

	for (uint32_t i = 0; i < rounds; i++) {
		send_to_node(a, i);
		expect_at_node(a, i);
		ck_assert(firmware_send(&a->firmware, EPT, OURS, &i, sizeof(i)));
		ck_assert_int_eq(driver_receive(&a->driver, &m), DRIVER_MESSAGE);
		ck_assert(m.len == sizeof(i) && !memcmp(m.data, &i, sizeof(i)));
		driver_flush(&a->driver);
	}
}

/* The driver dies when the node has n_unread of its messages, and it has n_unseen of the node's. */
static void die_amid(struct area *a, uint32_t rounds, uint32_t n_unread, uint32_t n_unseen)
{
	area_start(a);
	talk(a, rounds);
	for (uint32_t i = 0; i < n_unread; i++)
		send_to_node(a, 1000 + i);
	for (uint32_t i = 0; i < n_unseen; i++)
		ck_assert(firmware_send(&a->firmware, EPT, OURS, &i, sizeof(i)));
	be_born_again(a);
	driver_stop(&a->driver, true);
	ck_assert_uint_eq(*firmware_status(&a->firmware), NEEDS_RESET);
}

/* After one round with 4 descriptors. */
static struct area *open_dead(uint32_t n_unread, uint32_t n_unseen)
{
	static struct area a;

	open_with(&a, 4);
	die_amid(&a, 1, n_unread, n_unseen);
	return &a;
}

/* The node gives everything back that it has, the message to nobody last. */
static void give_back(struct area *a, uint32_t n_unread)
{
	static struct firmware_message m;

	for (uint32_t i = 0; i < n_unread; i++)
		expect_at_node(a, 1000 + i);
	if (n_unread == a->driver.geometry.num)
		return;
	ck_assert(firmware_receive(&a->firmware, &m));
	ck_assert_uint_eq(m.dst, UINT32_MAX);
	ck_assert_uint_eq(m.len, 0);
}

static void go_on(uint32_t num, uint32_t rounds, uint32_t n_unread, uint32_t n_unseen)
{
	static struct area a;
	struct driver_message m;

	open_with(&a, num);
	die_amid(&a, rounds, n_unread, n_unseen);
	memset(a.kicks, 0, sizeof(a.kicks));
	ck_assert(driver_probe(&a.driver));
	ck_assert_uint_eq(a.kicks[RING_OUT], 1);
	ck_assert_uint_eq(*firmware_status(&a.firmware), NEEDS_RESET);
	give_back(&a, n_unread);
	ck_assert(driver_resume(&a.driver));
	ck_assert_uint_eq(a.kicks[RING_IN], 1);
	ck_assert_uint_eq(*firmware_status(&a.firmware), READY);
	ck_assert_int_eq(driver_look(&a.driver), DRIVER_FINE);
	ck_assert_int_eq(driver_receive(&a.driver, &m), DRIVER_NOTHING);
	talk(&a, 3 * num + 1);
	/* Nothing has got lost of either ring. */
	for (uint32_t i = 0; i < num; i++) {
		send_to_node(&a, i);
		ck_assert(firmware_send(&a.firmware, EPT, OURS, &i, sizeof(i)));
	}
	ck_assert(!firmware_send(&a.firmware, EPT, OURS, "", 1));
	for (uint32_t i = 0; i < num; i++) {
		expect_at_node(&a, i);
		ck_assert_int_eq(driver_receive(&a.driver, &m), DRIVER_MESSAGE);
	}
	area_close(&a);
}

START_TEST(indices_go_on_wherever_they_are)
{
	for (size_t i = 0; i < sizeof(nums) / sizeof(*nums); i++)
		for (uint32_t rounds = 0; rounds <= 2 * nums[i] + 1; rounds += nums[i] / 4 + 1)
			go_on(nums[i], rounds, 0, 0);
}
END_TEST

START_TEST(what_is_under_way_to_the_node_arrives_and_what_it_has_sent_is_lost)
{
	for (size_t i = 0; i < sizeof(nums) / sizeof(*nums); i++) {
		go_on(nums[i], 1, nums[i], 0);
		go_on(nums[i], 1, 0, nums[i]);
		go_on(nums[i], nums[i] + 1, (nums[i] + 1) / 2, nums[i] / 2);
	}
}
END_TEST

/* 65536 of them, and more. */
START_TEST(indices_that_have_gone_round_go_on)
{
	go_on(2, 65535, 1, 1);
	go_on(2, 65537, 2, 2);
}
END_TEST

/* One that sends, and does not look at what it is sent, is at work too. */
START_TEST(a_node_that_only_sends_goes_on)
{
	struct area *a = open_dead(4, 0);

	ck_assert(driver_probe(&a->driver));
	ck_assert(firmware_send(&a->firmware, EPT, OURS, "", 1));
	ck_assert(driver_resume(&a->driver));
	area_close(a);
}
END_TEST

/* Whoever comes later finds new rings. */
START_TEST(nobody_goes_on_where_nobody_is)
{
	struct area *a = open_dead(2, 2);

	ck_assert(driver_probe(&a->driver));
	ck_assert(!driver_resume(&a->driver));
	ck_assert_uint_eq(*firmware_status(&a->firmware), NEEDS_RESET);
	area_start(a);
	talk(a, 5);
	area_close(a);
}
END_TEST

START_TEST(a_node_that_spoils_its_rings_meanwhile_does_not_go_on)
{
	struct area *a = open_dead(2, 0);

	ck_assert(driver_probe(&a->driver));
	expect_at_node(a, 1000);
	a->firmware.tx.avail[1] += 2;
	ck_assert(!driver_resume(&a->driver));
	area_close(a);
}
END_TEST

/* --- what cannot be gone on with ----------------------------------------------------------------------------------- */

struct damage {
	uint64_t at; /* in the window */
	uint16_t value;
};

/* Two descriptors are with the node. */
static void refuse_after(struct damage damage)
{
	static uint8_t before[AREA_LEN];
	struct area *a = open_dead(2, 0);

	memcpy(a->base + damage.at, &damage.value, sizeof(damage.value));
	memcpy(before, a->base, AREA_LEN);
	ck_assert(!driver_probe(&a->driver));
	ck_assert(!memcmp(before, a->base, AREA_LEN));
	/* It can be made anew. */
	area_start(a);
	talk(a, 5);
	area_close(a);
}

START_TEST(a_ring_that_cannot_be_is_not_gone_on_with)
{
	const uint64_t in = 0x1000, out = 0x5000, avail = 4 * 16, used = 0x1000;

	refuse_after((struct damage){ in + avail + 2, 6 });         /* 5 ahead of the device's */
	refuse_after((struct damage){ in + used + 2, 6 });          /* more used than there was */
	refuse_after((struct damage){ out + avail + 2, 6 });        /* the same of the other */
	refuse_after((struct damage){ in + avail + 4 + 2 * 1, 4 }); /* there is no descriptor 4 */
	refuse_after((struct damage){ in + avail + 4 + 2 * 1, 2 }); /* 2 twice */
	refuse_after((struct damage){ out + avail + 4 + 2 * 1, 4 });
}
END_TEST

START_TEST(descriptors_of_others_are_not_gone_on_with)
{
	const uint64_t in = 0x1000, out = 0x5000, second = 16;

	refuse_after((struct damage){ in, 8 });
	refuse_after((struct damage){ in + 4, 1 });
	refuse_after((struct damage){ in + 8, 513 });
	refuse_after((struct damage){ in + 12, 0 });
	refuse_after((struct damage){ out + second, 8 });
	refuse_after((struct damage){ out + second + 8, 513 });
	refuse_after((struct damage){ out + second + 12, 2 });
}
END_TEST

START_TEST(a_table_of_other_rings_is_not_gone_on_with)
{
	refuse_after((struct damage){ 0, 2 });   /* version */
	refuse_after((struct damage){ 24, 3 });  /* no rpmsg */
	refuse_after((struct damage){ 48, 16 }); /* rings elsewhere */
	refuse_after((struct damage){ 52, 64 }); /* otherwise aligned */
	refuse_after((struct damage){ 76, 8 });  /* longer */
}
END_TEST

/* --- who was there ------------------------------------------------------------------------------------------------- */

static uint32_t last_peer(struct area *a)
{
	be_born_again(a);
	driver_stop(&a->driver, true);
	ck_assert(driver_probe(&a->driver));
	give_back(a, 0);
	ck_assert(driver_resume(&a->driver));
	return driver_last_peer(&a->driver, OURS);
}

static void take_all(struct area *a)
{
	struct driver_message m;

	while (driver_receive(&a->driver, &m) != DRIVER_NOTHING)
		driver_flush(&a->driver);
	driver_flush(&a->driver);
}

START_TEST(the_rings_remember_who_spoke_last)
{
	static struct area a;

	open_with(&a, 4);
	memset(a.base, 0, AREA_LEN);
	area_start(&a);
	ck_assert_uint_eq(last_peer(&a), UINT32_MAX);
	ck_assert(firmware_send(&a.firmware, 9, 77, "", 1)); /* to somebody else */
	take_all(&a);
	ck_assert_uint_eq(last_peer(&a), UINT32_MAX);
	ck_assert(firmware_announce(&a.firmware, "vcm", 8, false));
	take_all(&a);
	ck_assert_uint_eq(last_peer(&a), 8);
	ck_assert(firmware_send(&a.firmware, 7, OURS, "", 1));
	ck_assert(firmware_send(&a.firmware, 9, 77, "", 1));
	take_all(&a);
	ck_assert_uint_eq(last_peer(&a), 7);
	area_close(&a);
}
END_TEST

/* The used ring is the node's to write: a descriptor that is none is passed over. */
START_TEST(a_node_that_lies_of_what_it_used_is_passed_over)
{
	static struct area a;

	open_with(&a, 4);
	area_start(&a);
	ck_assert(firmware_send(&a.firmware, 7, OURS, "", 1));
	ck_assert(firmware_send(&a.firmware, 8, OURS, "", 1));
	take_all(&a);
	memset(a.firmware.tx.used + 2 + 4 * 1, 0xff, 4);
	ck_assert_uint_eq(last_peer(&a), 7);
	area_close(&a);
}
END_TEST

SUITE_MAIN("resume", indices_go_on_wherever_they_are,
	   what_is_under_way_to_the_node_arrives_and_what_it_has_sent_is_lost,
	   indices_that_have_gone_round_go_on, a_node_that_only_sends_goes_on,
	   nobody_goes_on_where_nobody_is, a_node_that_spoils_its_rings_meanwhile_does_not_go_on,
	   a_ring_that_cannot_be_is_not_gone_on_with, descriptors_of_others_are_not_gone_on_with,
	   a_table_of_other_rings_is_not_gone_on_with, the_rings_remember_who_spoke_last,
	   a_node_that_lies_of_what_it_used_is_passed_over)
