// SPDX-License-Identifier: BSD-3-Clause
// Messages cut into fragments and put together again, and what is no such fragment.
#include "rpmsg/assembly.h"
#include "tests/suite.h"

#include <string.h>

#define PAYLOAD 496
#define STEP (PAYLOAD - FRAGMENT_HEADER)
#define CAP 65536

static uint8_t buf[CAP];

static void fill(uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)(i * 31 + len);
}

static enum assembly_result take(struct assembly *a, uint32_t message, uint16_t index,
				 uint16_t count, size_t len)
{
	uint8_t fragment[FRAGMENT_HEADER + 4096] = { 0 };
	struct reason why;

	memcpy(fragment, &message, 4);
	memcpy(fragment + 4, &index, 2);
	memcpy(fragment + 6, &count, 2);
	return assembly_take(a, fragment, FRAGMENT_HEADER + len, &why);
}

START_TEST(what_was_cut_comes_together)
{
	static uint8_t message[FRAGMENTS_MAX * STEP];
	struct assembly a;
	struct reason why;
	uint32_t number = 0;

	assembly_init(&a, buf, CAP);
	for (size_t len = 1; len <= sizeof(message); len += len < 2 * STEP ? 1 : 97) {
		size_t n = fragment_count(len, PAYLOAD);
		uint8_t out[PAYLOAD];

		fill(message, len);
		number++;
		ck_assert_uint_eq(n, (len + STEP - 1) / STEP);
		for (size_t i = 0; i < n; i++) {
			size_t m = fragment_write(out, PAYLOAD, number, message, len, (uint16_t)i);

			if (number == 1)
				assembly_init(&a, buf, CAP);
			ck_assert_int_eq(assembly_take(&a, out, m, &why),
					 i + 1 == n ? ASSEMBLY_DONE : ASSEMBLY_MORE);
		}
		ck_assert_uint_eq(a.len, len);
		ck_assert(a.data == (n == 1 ? (const void *)(out + FRAGMENT_HEADER) : buf));
		ck_assert(!memcmp(a.data, message, len));
	}
}
END_TEST

START_TEST(a_message_has_64_fragments_at_most)
{
	ck_assert_uint_eq(fragment_max(PAYLOAD), 64 * 488);
	ck_assert_uint_eq(fragment_count(64 * 488, PAYLOAD), 64);
	ck_assert_uint_eq(fragment_count(64 * 488 + 1, PAYLOAD), 0);
}
END_TEST

START_TEST(what_holds_no_bytes_is_nothing)
{
	struct assembly a;
	struct reason why;

	assembly_init(&a, buf, CAP);
	for (size_t len = 0; len <= FRAGMENT_HEADER; len++)
		ck_assert_int_eq(assembly_take(&a, "\1\0\0\0\0\0\1\0", len, &why),
				 ASSEMBLY_NOTHING);
	ck_assert_int_eq(take(&a, 1, 0, 2, 10), ASSEMBLY_MORE);
	ck_assert_int_eq(assembly_take(&a, "", 0, &why), ASSEMBLY_NOTHING);
	ck_assert_int_eq(take(&a, 1, 1, 2, 10), ASSEMBLY_DONE);
}
END_TEST

START_TEST(disorder_is_wrong)
{
	static const struct {
		uint32_t message;
		uint16_t index, count;
		size_t len;
	} wrongs[] = {
		{ 5, 0, 0, 10 },    { 5, 1, 1, 10 }, { 5, 0, 65, 10 }, /* counts */
		{ 5, 1, 3, 10 },    { 6, 2, 3, 10 }, { 5, 3, 3, 10 },  /* not the next one */
		{ 5, 0, 1, 10 },    { 4, 0, 1, 10 }, { 0, 0, 1, 10 },  /* an old message */
		{ 7, 65535, 1, 1 }, { 6, 1, 2, 10 },
	};

	for (size_t i = 0; i < sizeof(wrongs) / sizeof(*wrongs); i++) {
		struct assembly a;

		assembly_init(&a, buf, CAP);
		ck_assert_int_eq(take(&a, 5, 0, 1, 10), ASSEMBLY_DONE);
		ck_assert_int_eq(take(&a, wrongs[i].message, wrongs[i].index, wrongs[i].count,
				      wrongs[i].len),
				 ASSEMBLY_WRONG);
	}
}
END_TEST

START_TEST(disorder_amid_a_message_is_wrong)
{
	static const struct {
		uint32_t message;
		uint16_t index, count;
		size_t len;
	} wrongs[] = {
		{ 5, 0, 3, 100 }, { 5, 2, 3, 100 }, { 5, 1, 4, 100 }, { 6, 1, 3, 100 },
		{ 6, 0, 1, 10 },  { 5, 1, 3, 99 },  { 5, 1, 3, 101 },
	};

	for (size_t i = 0; i < sizeof(wrongs) / sizeof(*wrongs); i++) {
		struct assembly a;

		assembly_init(&a, buf, CAP);
		ck_assert_int_eq(take(&a, 5, 0, 3, 100), ASSEMBLY_MORE);
		ck_assert_int_eq(take(&a, wrongs[i].message, wrongs[i].index, wrongs[i].count,
				      wrongs[i].len),
				 ASSEMBLY_WRONG);
		ck_assert_int_eq(take(&a, 5, 1, 3, 100), ASSEMBLY_MORE); /* nothing has changed */
		ck_assert_int_eq(take(&a, 5, 2, 3, 1), ASSEMBLY_DONE);
		ck_assert_uint_eq(a.len, 201);
	}
}
END_TEST

START_TEST(a_message_longer_than_its_buffer_is_wrong)
{
	struct assembly a;

	assembly_init(&a, buf, 1000);
	ck_assert_int_eq(take(&a, 1, 0, 1, 1001), ASSEMBLY_WRONG);
	ck_assert_int_eq(take(&a, 1, 0, 1, 1000), ASSEMBLY_DONE);
	ck_assert_int_eq(take(&a, 2, 0, 3, 400), ASSEMBLY_MORE);
	ck_assert_int_eq(take(&a, 2, 1, 3, 400), ASSEMBLY_MORE);
	ck_assert_int_eq(take(&a, 2, 2, 3, 201), ASSEMBLY_WRONG);
	ck_assert_int_eq(take(&a, 2, 2, 3, 200), ASSEMBLY_DONE);
}
END_TEST

START_TEST(a_peer_that_counts_from_1_again_has_started_anew)
{
	struct assembly a;

	assembly_init(&a, buf, CAP);
	ck_assert_int_eq(take(&a, 1, 0, 1, 10), ASSEMBLY_DONE);
	ck_assert_int_eq(take(&a, 1, 0, 1, 10), ASSEMBLY_AGAIN);
	ck_assert_int_eq(take(&a, 9, 0, 2, 10), ASSEMBLY_MORE);
	ck_assert_int_eq(take(&a, 1, 0, 1, 10), ASSEMBLY_AGAIN);
	assembly_init(&a, buf, CAP);
	ck_assert_int_eq(take(&a, 1, 0, 1, 10), ASSEMBLY_DONE);
}
END_TEST

static enum assembly_result take_after(uint32_t last, uint32_t number)
{
	struct assembly a;

	assembly_init(&a, buf, CAP);
	ck_assert_int_eq(take(&a, last, 0, 1, 10), ASSEMBLY_DONE);
	return take(&a, number, 0, 1, 10);
}

START_TEST(numbers_go_round)
{
	struct assembly a;
	uint32_t number = UINT32_MAX - 2;

	assembly_init(&a, buf, CAP);
	for (int i = 0; i < 6; i++) {
		ck_assert_int_eq(take(&a, number, 0, 2, 10), ASSEMBLY_MORE);
		ck_assert_int_eq(take(&a, number, 1, 2, 10), ASSEMBLY_DONE);
		number = fragment_number_after(number);
	}
	ck_assert_uint_eq(number, 5);
	ck_assert_uint_eq(fragment_number_after(0), 1);
	ck_assert_uint_eq(fragment_number_after(UINT32_MAX), 2);
}
END_TEST

START_TEST(the_later_half_of_all_numbers_follows)
{
	ck_assert_int_eq(take_after(UINT32_MAX, 2), ASSEMBLY_DONE);
	ck_assert_int_eq(take_after(UINT32_MAX, UINT32_MAX), ASSEMBLY_WRONG);
	ck_assert_int_eq(take_after(UINT32_MAX, UINT32_MAX - 1), ASSEMBLY_WRONG);
	ck_assert_int_eq(take_after(UINT32_MAX, 0), ASSEMBLY_WRONG);
	ck_assert_int_eq(take_after(UINT32_MAX, 1), ASSEMBLY_AGAIN);
	ck_assert_int_eq(take_after(2, UINT32_MAX), ASSEMBLY_WRONG);
	ck_assert_int_eq(take_after(5, 5 + 0x7fffffffu), ASSEMBLY_DONE);
	ck_assert_int_eq(take_after(5, 5 + 0x80000000u), ASSEMBLY_WRONG);
}
END_TEST

START_TEST(the_first_fragment_of_all_is_message_1_index_0)
{
	const uint8_t first[] = { 1, 0, 0, 0, 0, 0, 2, 0 }, later[] = { 2, 0, 0, 0, 0, 0, 2, 0 },
		      next[] = { 1, 0, 0, 0, 1, 0, 2, 0 }, none[] = { 1, 0, 0, 0, 0, 0, 0, 0 };

	ck_assert(fragment_is_first(first));
	ck_assert(!fragment_is_first(later));
	ck_assert(!fragment_is_first(next));
	ck_assert(!fragment_is_first(none));
}
END_TEST

SUITE_MAIN("assembly", the_first_fragment_of_all_is_message_1_index_0, what_was_cut_comes_together,
	   a_message_has_64_fragments_at_most, what_holds_no_bytes_is_nothing, disorder_is_wrong,
	   disorder_amid_a_message_is_wrong, a_message_longer_than_its_buffer_is_wrong,
	   a_peer_that_counts_from_1_again_has_started_anew, numbers_go_round,
	   the_later_half_of_all_numbers_follows)
