// SPDX-License-Identifier: BSD-3-Clause
// A node that writes whatever it likes, whenever it likes: the driver stays in its window (pages around it bite), ends each
// call, and hands out nothing that it has not checked.
#include "tests/rpmsg/area.h"
#include "tests/suite.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#define EPT 1024
#define OURS 1025

static struct area a;

static void start(uint32_t num)
{
	struct geometry g;

	geometry_default(&g);
	g.num = num;
	area_open(&a, &g);
	area_start(&a);
}

static uint32_t next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(*state >> 33);
}

static void put_used(struct firmware_ring *r, uint16_t slot, uint32_t id, uint32_t len)
{
	uint32_t elem[2] = { id, len };

	memcpy((uint8_t *)r->used + 4 + 8ul * slot, elem, sizeof(elem));
}

START_TEST(a_used_entry_that_was_never_lent_breaks_the_ring)
{
	static const uint32_t ids[] = { 16, 17, 255, 256, 65535, 65536, 0x80000000, 0xffffffff };
	struct driver_message m;

	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		start(16);
		put_used(&a.firmware.tx, 0, ids[i], 512);
		a.firmware.tx.used[1] = 1;
		ck_assert_int_eq(driver_receive(&a.driver, &m), DRIVER_BROKEN);
		area_close(&a);
	}
}
END_TEST

START_TEST(a_message_to_the_node_that_is_not_there_cannot_come_back)
{
	start(16);
	put_used(&a.firmware.rx, 0, 0, 512);
	a.firmware.rx.used[1] = 1;
	for (int i = 0; i < 16; i++)
		ck_assert_int_eq(driver_send(&a.driver, OURS, EPT, "x", 1), 0);
	put_used(&a.firmware.rx, 0, 3, 512);
	put_used(&a.firmware.rx, 1, 3, 512); /* twice */
	a.firmware.rx.used[1] = 2;
	ck_assert_int_eq(driver_send(&a.driver, OURS, EPT, "x", 1), -EPROTO);
	area_close(&a);
}
END_TEST

START_TEST(an_index_that_runs_ahead_breaks_the_ring)
{
	static const uint16_t indices[] = { 17, 18, 256, 32768, 65535 };
	struct driver_message m;

	for (size_t i = 0; i < sizeof(indices) / sizeof(*indices); i++) {
		start(16);
		a.firmware.tx.used[1] = indices[i];
		ck_assert_int_eq(driver_receive(&a.driver, &m), DRIVER_BROKEN);
		area_close(&a);
	}
}
END_TEST

START_TEST(a_length_that_cannot_be_drops_the_message_and_returns_the_buffer)
{
	static const uint32_t used[] = { 0, 1, 15, 513, 4096, 0x7fffffff, 0xffffffff };
	static const uint16_t lens[] = { 497, 498, 512, 32767, 65535 };
	struct driver_message m;

	start(16);
	for (size_t i = 0; i < sizeof(used) / sizeof(*used) + sizeof(lens) / sizeof(*lens); i++) {
		size_t n_used = sizeof(used) / sizeof(*used);
		uint16_t slot = a.firmware.tx.next_used % 16;

		ck_assert(firmware_send(&a.firmware, EPT, OURS, "hello", 5));
		if (i < n_used)
			put_used(&a.firmware.tx, slot, slot, used[i]);
		else
			memcpy(a.base + 0x10000 + 512ul * slot + 12, &lens[i - n_used], 2);
		ck_assert_int_eq(driver_receive(&a.driver, &m), DRIVER_DROPPED);
		driver_flush(&a.driver);
	}
	ck_assert_uint_eq(a.driver.stats.n_dropped, 12);
	ck_assert(firmware_send(&a.firmware, EPT, OURS, "hello", 5));
	ck_assert_int_eq(driver_receive(&a.driver, &m), DRIVER_MESSAGE);
	area_close(&a);
}
END_TEST

START_TEST(an_announcement_is_checked)
{
	uint8_t body[64];
	struct driver_message m;

	start(16);
	memset(body, 'v', sizeof(body));
	for (size_t len = 0; len <= sizeof(body); len++) {
		ck_assert(firmware_send(&a.firmware, EPT, 53, body, len));
		ck_assert_int_eq(driver_receive(&a.driver, &m),
				 len == 40 ? DRIVER_ANNOUNCED : DRIVER_DROPPED);
		if (len == 40)
			ck_assert_uint_eq(strlen(m.name), 31); /* it had no end */
		driver_flush(&a.driver);
	}
	area_close(&a);
}
END_TEST

/* What we lent is written anew each time, whatever became of it. */
START_TEST(descriptors_and_headers_are_written_on_each_send)
{
	static struct firmware_message m;
	uint8_t before[256], after[256];

	start(16);
	for (int i = 0; i < 64; i++) {
		ck_assert_int_eq(driver_send(&a.driver, OURS, EPT, "hi", 2), 0);
		driver_flush(&a.driver);
		memcpy(before, a.firmware.rx.desc, sizeof(before));
		ck_assert(firmware_receive(&a.firmware, &m));
		ck_assert_uint_eq(m.len, 2);
		ck_assert_uint_eq(m.src, OURS);
		memset(a.firmware.rx.desc, 0xff, 256);    /* loops, addresses outside */
		memset(a.base + 0x12000, 0xff, 16 * 512); /* headers, held counts */
	}
	for (int i = 0; i < 16; i++) {
		ck_assert(firmware_send(&a.firmware, EPT, OURS, "hi", 2));
		memset(a.firmware.tx.desc, 0xff, 16);
		ck_assert_int_eq(driver_receive(&a.driver, &(struct driver_message){ .len = 0 }),
				 DRIVER_MESSAGE);
		driver_flush(&a.driver);
		memcpy(after, a.firmware.tx.desc, 16);
		if (i == 0)
			ck_assert_int_eq(after[12], 2);
	}
	area_close(&a);
}
END_TEST

static volatile bool flipping;

/* Bytes change while they are read: lengths, indices, everything in the first 0x14000 bytes but the status. */
static void *flip(void *arg)
{
	uint64_t state = *(uint64_t *)arg;

	while (flipping) {
		uint32_t at = next_random(&state) % 0x14000;

		if (at != 44)
			((volatile uint8_t *)a.base)[at] = (uint8_t)next_random(&state);
	}
	return NULL;
}

/* One turn of an owner. False when the ring is broken. */
static bool turn(void)
{
	static const uint8_t data[512];
	struct driver_message m;
	size_t sum = 0;

	for (int i = 0; i < 32; i++) {
		switch (driver_receive(&a.driver, &m)) {
		case DRIVER_BROKEN:
			return false;
		case DRIVER_MESSAGE:
			ck_assert_uint_le(m.len, 496);
			for (size_t k = 0; k < m.len; k++)
				sum += ((const uint8_t *)m.data)[k];
			break;
		case DRIVER_ANNOUNCED:
		case DRIVER_WITHDRAWN:
			ck_assert_uint_lt(strlen(m.name), 32);
			break;
		case DRIVER_DROPPED:
		case DRIVER_NOTHING:
			break;
		}
		if (driver_send(&a.driver, OURS, EPT, data, sum % 497) == -EPROTO)
			return false;
	}
	driver_flush(&a.driver);
	driver_want_room(&a.driver, sum & 1);
	return true;
}

START_TEST(bytes_that_change_under_the_driver_do_no_harm)
{
	uint64_t seeds[] = { 1, 2 };
	pthread_t threads[2];
	unsigned int n_broken = 0;

	start(16);
	flipping = true;
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, flip, &seeds[i]);
	for (int i = 0; i < 20000; i++)
		if (!turn()) {
			n_broken++;
			driver_stop(&a.driver, false);
			driver_start(&a.driver);
		}
	flipping = false;
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	driver_stop(&a.driver, false);
	area_start(&a); /* as good as new */
	ck_assert(firmware_send(&a.firmware, EPT, OURS, "hello", 5));
	ck_assert(turn());
	printf("%u resets\n", n_broken);
	area_close(&a);
}
END_TEST

/* The same without luck: rings that the node fills with rubbish that is nearly right. */
START_TEST(rubbish_that_is_nearly_right_does_no_harm)
{
	uint64_t state = 42;

	for (uint32_t num = 1; num <= 256; num *= 2) {
		start(num);
		for (int i = 0; i < 3000; i++) {
			struct firmware_ring *r =
				next_random(&state) % 2 ? &a.firmware.tx : &a.firmware.rx;
			uint32_t n = next_random(&state) % 4;

			put_used(r, (uint16_t)(r->used[1] % num), next_random(&state) % (num + 1),
				 next_random(&state) % 600);
			r->used[1] = (uint16_t)(r->used[1] + n);
			r->used[0] = (uint16_t)next_random(&state);
			memset(r->desc + 16ul * (next_random(&state) % num), (int)n * 85, 16);
			memset(a.base + 0x10000 + 512ul * (next_random(&state) % num), (int)n * 85,
			       16);
			if (!turn()) {
				driver_stop(&a.driver, true);
				area_start(&a);
			}
		}
		area_close(&a);
	}
}
END_TEST

START_TEST(a_flood_costs_one_message_a_call)
{
	struct driver_message m;
	uint32_t n = 0;

	start(256);
	while (firmware_send(&a.firmware, EPT, OURS, "x", 1))
		n++;
	ck_assert_uint_eq(n, 256);
	for (; n; n--) {
		ck_assert_int_eq(driver_receive(&a.driver, &m), DRIVER_MESSAGE);
		ck_assert(!firmware_send(&a.firmware, EPT, OURS, "x", 1)); /* not before a flush */
	}
	driver_flush(&a.driver);
	ck_assert(firmware_send(&a.firmware, EPT, OURS, "x", 1));
	area_close(&a);
}
END_TEST

SUITE_MAIN("hostile", a_used_entry_that_was_never_lent_breaks_the_ring,
	   a_message_to_the_node_that_is_not_there_cannot_come_back,
	   an_index_that_runs_ahead_breaks_the_ring,
	   a_length_that_cannot_be_drops_the_message_and_returns_the_buffer,
	   an_announcement_is_checked, descriptors_and_headers_are_written_on_each_send,
	   bytes_that_change_under_the_driver_do_no_harm, rubbish_that_is_nearly_right_does_no_harm,
	   a_flood_costs_one_message_a_call)
