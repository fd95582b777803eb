// SPDX-License-Identifier: BSD-3-Clause
// A node that looks at no status, killed and started anew at any moment: its rings go on where it is itself.
#include "tests/rpmsg/area.h"
#include "tests/suite.h"

#include <errno.h>
#include <string.h>

#include "rpmsg/stray.h"

#define EPT 5
#define OURS 1024
#define READY 7

static const uint32_t nums[] = { 1, 2, 16, 256 };

static struct area area;

static void open_with(uint32_t num)
{
	struct geometry g;

	geometry_default(&g);
	g.num = num;
	area_open(&area, &g);
	area_start(&area);
	firmware_start_blindly(&area.firmware);
}

static void send_to_node(uint32_t number)
{
	ck_assert_int_eq(driver_send(&area.driver, OURS, EPT, &number, sizeof(number)), 0);
	driver_flush(&area.driver);
}

static void expect_at_node(uint32_t number)
{
	static struct firmware_message m;

	ck_assert(firmware_receive(&area.firmware, &m));
	ck_assert_uint_eq(m.dst, EPT);
	ck_assert_uint_eq(m.len, sizeof(number));
	ck_assert(!memcmp(m.data, &number, sizeof(number)));
}

static void send_to_us(uint32_t number)
{
	ck_assert(firmware_send(&area.firmware, EPT, OURS, &number, sizeof(number)));
}

static void expect_at_us(uint32_t number)
{
	struct driver_message m;

	ck_assert_int_eq(driver_receive(&area.driver, &m), DRIVER_MESSAGE);
	ck_assert_uint_eq(m.src, EPT);
	ck_assert(m.len == sizeof(number) && !memcmp(m.data, &number, sizeof(number)));
	driver_flush(&area.driver);
}

static void talk(uint32_t rounds)
{
	for (uint32_t i = 0; i < rounds; i++) {
		send_to_node(i);
		expect_at_node(i);
		send_to_us(i);
		expect_at_us(i);
	}
}

/* Each buffer of both rings is there, once. */
static void fill_both(void)
{
	uint32_t num = area.driver.geometry.num;

	for (uint32_t i = 0; i < num; i++) {
		send_to_node(i);
		send_to_us(i);
	}
	ck_assert_int_eq(driver_send(&area.driver, OURS, EPT, "", 1), -EAGAIN);
	ck_assert(!firmware_send(&area.firmware, EPT, OURS, "", 1));
	for (uint32_t i = 0; i < num; i++) {
		expect_at_node(i);
		expect_at_us(i);
	}
}

static void announce(void)
{
	ck_assert(firmware_announce(&area.firmware, "vcm", EPT, false));
}

/* Whether it is known to have started anew. */
static bool hear_announcement(void)
{
	struct driver_message m;
	bool anew;

	ck_assert_int_eq(driver_receive(&area.driver, &m), DRIVER_ANNOUNCED);
	anew = stray_announced(&area.driver);
	driver_flush(&area.driver);
	return anew;
}

static void doubt(void)
{
	driver_stop(&area.driver, true);
	stray_doubt(&area.driver);
}

static uint32_t drain(void)
{
	static struct firmware_message m;
	uint32_t n = 0;

	while (firmware_receive(&area.firmware, &m))
		n++;
	return n;
}

/* The same, of what says nothing to anybody. */
static void drain_nothing(void)
{
	static struct firmware_message m;

	uint32_t n_others = 0; /* up to 65535 are asserted at once */

	while (firmware_receive(&area.firmware, &m))
		n_others += m.dst != UINT32_MAX || m.len > 0;
	ck_assert_uint_eq(n_others, 0);
}

static void restart(void)
{
	firmware_start_blindly(&area.firmware);
}

static void settle(void)
{
	for (int i = 0; stray_settles(&area.driver) == STRAY_MOVES; i++) {
		ck_assert_int_lt(i, 4);
		drain_nothing();
	}
	ck_assert_int_eq(stray_settles(&area.driver), STRAY_RESTS);
}

static void expect_rejoined(uint32_t peer)
{
	uint32_t found;

	settle();
	ck_assert(stray_rejoin(&area.driver, OURS, &found));
	ck_assert_uint_eq(found, peer);
	ck_assert_uint_eq(*firmware_status(&area.firmware), READY);
	talk(3 * area.driver.geometry.num + 1);
	fill_both();
}

/* It is known to have started anew, is asked, and goes on. */
static void expect_known_anew(void)
{
	announce();
	ck_assert(hear_announcement());
	doubt();
	drain_nothing();
	expect_rejoined(EPT);
}

static void for_all(void (*play)(uint32_t num, uint32_t rounds))
{
	for (size_t i = 0; i < sizeof(nums) / sizeof(*nums); i++)
		for (uint32_t rounds = 1; rounds <= nums[i] + 1; rounds += nums[i] / 2 + 1) {
			open_with(nums[i]);
			announce();
			ck_assert(!hear_announcement());
			talk(rounds);
			play(nums[i], rounds);
			area_close(&area);
		}
}

static void play_announced(uint32_t num, uint32_t rounds)
{
	(void)rounds;
	restart();
	ck_assert_uint_gt(drain(), 0);
	announce();
	ck_assert(hear_announcement());
	for (uint32_t i = 0; i < num / 2; i++)
		send_to_us(i);
	doubt();
	drain_nothing();
	expect_rejoined(EPT);
}

START_TEST(who_announces_itself_on_used_rings_is_known_to_have_started)
{
	for_all(play_announced);
}
END_TEST

/* Both are in step where nobody was before; the first may have sent more than its announcement. */
static void play_unread(uint32_t num, uint32_t n_sent)
{
	open_with(num);
	announce();
	ck_assert(!hear_announcement());
	for (uint32_t i = 0; i < n_sent; i++) {
		send_to_us(i);
		expect_at_us(i);
		stray_heard(&area.driver);
	}
	send_to_node(0);
	restart();
	expect_at_node(0);
	expect_known_anew();
	area_close(&area);
}

START_TEST(who_has_taken_nothing_has_died_as_well)
{
	for (size_t i = 0; i < sizeof(nums) / sizeof(*nums); i++)
		for (uint32_t n_sent = 0; n_sent < 3; n_sent++)
			if ((n_sent + 1) % nums[i] != 0) /* in step, as if it were the same */
				play_unread(nums[i], n_sent);
}
END_TEST

/* It is no other than before: it has taken something, and announces itself again. */
START_TEST(who_announces_itself_again_has_not_started)
{
	open_with(4);
	announce();
	ck_assert(!hear_announcement());
	send_to_node(0);
	expect_at_node(0);
	announce();
	ck_assert(!hear_announcement());
	talk(9);
	fill_both();
	announce();
	ck_assert(!hear_announcement());
	doubt();
	drain_nothing();
	expect_rejoined(EPT);
	announce();
	ck_assert(!hear_announcement());
	area_close(&area);
}
END_TEST

/* One is known to have started, and the next has by then. */
static void play_replaced(uint32_t num, uint32_t rounds)
{
	(void)rounds;
	restart();
	drain();
	announce();
	ck_assert(hear_announcement());
	doubt();
	if (num > 2)
		send_to_us(0);
	restart();
	drain_nothing();
	announce();
	if (num > 1)
		send_to_us(1);
	expect_rejoined(EPT);
}

START_TEST(who_replaces_one_that_was_asked_goes_on)
{
	for_all(play_replaced);
}
END_TEST

/* Nothing was heard of it. */
static void play_silent(uint32_t num, uint32_t rounds)
{
	(void)num;
	(void)rounds;
	restart();
	drain();
	doubt();
	drain_nothing();
	expect_rejoined(UINT32_MAX);
}

START_TEST(who_has_started_and_said_nothing_goes_on)
{
	for_all(play_silent);
}
END_TEST

/* Whose predecessor had announced itself long before, by as many messages as it takes for indices to come round. */
START_TEST(an_announcement_of_long_ago_is_nobody_elses)
{
	static const uint32_t talks[][2] = { { 40000, 30000 }, { 40000, 10 } };

	for (size_t i = 0; i < sizeof(talks) / sizeof(*talks); i++) {
		open_with(16);
		announce();
		ck_assert(!hear_announcement());
		talk(talks[i][0]);
		announce();
		ck_assert(!hear_announcement());
		talk(talks[i][1]);
		restart();
		drain();
		doubt();
		drain_nothing();
		expect_rejoined(UINT32_MAX);
		area_close(&area);
	}
}
END_TEST

/* It is amid what its predecessor was sent: what it finds from then on is to nobody. */
static void play_amid(uint32_t num, uint32_t rounds)
{
	static struct firmware_message m;

	(void)num;
	restart();
	for (uint32_t i = 0; i < rounds / 2; i++)
		ck_assert(firmware_receive(&area.firmware, &m));
	doubt();
	drain_nothing();
	expect_rejoined(UINT32_MAX);
}

START_TEST(nothing_that_was_sent_before_comes_again)
{
	for_all(play_amid);
}
END_TEST

static void play_later(uint32_t num, uint32_t rounds)
{
	(void)rounds;
	doubt();
	restart();
	drain_nothing();
	for (uint32_t i = 0; i < num / 2; i++)
		send_to_us(i);
	expect_rejoined(num > 1 ? EPT : UINT32_MAX);
}

START_TEST(who_starts_while_its_predecessor_is_asked_goes_on)
{
	for_all(play_later);
}
END_TEST

/* It had all the time in the world to see the status. */
static void play_same(uint32_t num, uint32_t rounds)
{
	(void)num;
	(void)rounds;
	doubt();
	drain_nothing();
	expect_rejoined(EPT);
}

START_TEST(who_hung_goes_on)
{
	for_all(play_same);
}
END_TEST

static void play_again_and_again(uint32_t num, uint32_t rounds)
{
	for (int i = 0; i < 3; i++)
		play_announced(num, rounds);
}

START_TEST(who_starts_over_and_over_goes_on_each_time)
{
	for_all(play_again_and_again);
}
END_TEST

/* It dies while it is waited for. */
static void play_settling(uint32_t num, uint32_t rounds)
{
	play_announced(num, rounds);
	restart();
	drain();
	doubt();
	drain_nothing();
	ck_assert_int_eq(stray_settles(&area.driver), STRAY_MOVES);
	restart();
	drain_nothing();
	expect_rejoined(UINT32_MAX);
}

START_TEST(who_starts_while_it_is_waited_for_goes_on)
{
	for_all(play_settling);
}
END_TEST

static void play_absent(uint32_t num, uint32_t rounds)
{
	(void)rounds;
	doubt();
	ck_assert_int_eq(stray_settles(&area.driver), STRAY_ABSENT);
	driver_start(&area.driver);
	restart();
	ck_assert_uint_eq(drain(), 0);
	talk(3 * num + 1);
	fill_both();
}

START_TEST(who_comes_later_finds_new_rings)
{
	for_all(play_absent);
}
END_TEST

/* Rings are made anew under one that has begun: it finds nothing, comes round, and is known when it speaks. */
static void play_too_late(uint32_t num, uint32_t rounds)
{
	static struct firmware_message m;

	(void)num;
	(void)rounds;
	doubt();
	ck_assert_int_eq(stray_settles(&area.driver), STRAY_ABSENT);
	restart();
	ck_assert(firmware_receive(&area.firmware, &m));
	driver_start(&area.driver);
	drain_nothing();
	expect_known_anew();
}

START_TEST(who_starts_while_rings_are_made_goes_on)
{
	for_all(play_too_late);
}
END_TEST

/* Rings of ours are the first here, and it was at work on others. */
START_TEST(who_is_ahead_of_the_first_rings_finds_nothing)
{
	for (size_t i = 0; i < sizeof(nums) / sizeof(*nums); i++) {
		open_with(nums[i]);
		area.firmware.rx.next_avail = 65000;
		drain_nothing();
		ck_assert_uint_eq(area.firmware.rx.next_avail, 0);
		expect_known_anew();
		area_close(&area);
	}
}
END_TEST

/* --- what is no reason to go on -------------------------------------------------------------------------------------- */

static void prepare_rest(void)
{
	open_with(4);
	talk(3);
	doubt();
	drain_nothing();
	settle();
}

static void expect_anew(void)
{
	uint32_t peer;

	ck_assert(!stray_rejoin(&area.driver, OURS, &peer));
	area_start(&area);
	restart();
	talk(5);
	fill_both();
	area_close(&area);
}

START_TEST(who_has_torn_down_meanwhile_is_started)
{
	prepare_rest();
	*firmware_status(&area.firmware) = 0;
	expect_anew();
}
END_TEST

START_TEST(who_moves_again_is_not_at_rest)
{
	prepare_rest();
	area.firmware.rx.used[1]++;
	expect_anew();
}
END_TEST

START_TEST(who_spoils_what_describes_its_buffers_is_started_anew)
{
	prepare_rest();
	area.firmware.tx.desc[8] ^= 1;
	expect_anew();
	prepare_rest();
	area.base[48] ^= 8; /* the table */
	expect_anew();
}
END_TEST

/* Indices of any value do no harm, and whoever never rests does not go on. */
START_TEST(indices_that_cannot_be_do_no_harm)
{
	for (uint32_t i = 0; i < 65536; i += 4099) {
		uint32_t peer;

		open_with(4);
		talk(i % 7);
		area.firmware.rx.used[1] = (uint16_t)i;
		area.firmware.tx.used[1] = (uint16_t)(i * 3);
		stray_announced(&area.driver);
		doubt();
		ck_assert_int_eq(stray_settles(&area.driver), STRAY_ABSENT);
		area.firmware.tx.used[1]++;
		ck_assert_int_eq(stray_settles(&area.driver), STRAY_MOVES);
		area.firmware.rx.used[1]++;
		ck_assert_int_eq(stray_settles(&area.driver), STRAY_MOVES);
		area.firmware.tx.used[1]++;
		ck_assert(!stray_rejoin(&area.driver, OURS, &peer));
		driver_start(&area.driver);
		restart();
		talk(5);
		area_close(&area);
	}
}
END_TEST

SUITE_MAIN("stray", who_announces_itself_on_used_rings_is_known_to_have_started,
	   who_has_taken_nothing_has_died_as_well, who_announces_itself_again_has_not_started,
	   who_replaces_one_that_was_asked_goes_on, who_has_started_and_said_nothing_goes_on,
	   an_announcement_of_long_ago_is_nobody_elses, nothing_that_was_sent_before_comes_again,
	   who_starts_while_its_predecessor_is_asked_goes_on, who_hung_goes_on,
	   who_starts_over_and_over_goes_on_each_time, who_starts_while_it_is_waited_for_goes_on,
	   who_comes_later_finds_new_rings, who_starts_while_rings_are_made_goes_on,
	   who_is_ahead_of_the_first_rings_finds_nothing, who_has_torn_down_meanwhile_is_started,
	   who_moves_again_is_not_at_rest, who_spoils_what_describes_its_buffers_is_started_anew,
	   indices_that_cannot_be_do_no_harm)
