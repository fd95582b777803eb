// SPDX-License-Identifier: BSD-3-Clause
#include "remote/fragment.h"

#include <string.h>

#include "rpmsg/assembly.h"
#include "tests/suite.h"

#define PAYLOAD 24u /* 16 bytes of a message each */
#define CAP 1024u

static uint8_t message[CAP], room[VCM_FRAGMENT_HEADER + CAP], got[CAP];

static void fill(size_t len)
{
	for (size_t i = 0; i < len; i++)
		message[i] = (uint8_t)(i * 7 + len);
}

START_TEST(a_message_takes_as_many_fragments_as_it_must)
{
	ck_assert_uint_eq(vcm_fragment_count(0, PAYLOAD), 0);
	ck_assert_uint_eq(vcm_fragment_count(1, PAYLOAD), 1);
	ck_assert_uint_eq(vcm_fragment_count(16, PAYLOAD), 1);
	ck_assert_uint_eq(vcm_fragment_count(17, PAYLOAD), 2);
	ck_assert_uint_eq(vcm_fragment_count(64 * 16, PAYLOAD), 64);
	ck_assert_uint_eq(vcm_fragment_count(64 * 16 + 1, PAYLOAD), 0);
	ck_assert_uint_eq(vcm_fragment_count(1, VCM_FRAGMENT_HEADER), 0);
	ck_assert_uint_eq(vcm_fragment_count(1, 0), 0);
}
END_TEST

/* The host's side is another implementation: what one cuts, the other puts together. */
START_TEST(the_host_puts_together_what_a_node_cuts)
{
	struct assembly a;
	struct reason why;

	assembly_init(&a, got, sizeof(got));
	for (uint32_t len = 1; len <= 64 * 16; len++) {
		uint32_t n = vcm_fragment_count(len, PAYLOAD);

		fill(len);
		memcpy(room + VCM_FRAGMENT_HEADER, message, len);
		for (uint32_t i = 0; i < n; i++) {
			size_t size;
			const void *f = vcm_fragment_make(room + VCM_FRAGMENT_HEADER, len, PAYLOAD,
							  len, i, &size);

			ck_assert_uint_le(size, PAYLOAD);
			ck_assert_int_eq(assembly_take(&a, f, size, &why),
					 i + 1 == n ? ASSEMBLY_DONE : ASSEMBLY_MORE);
		}
		ck_assert_uint_eq(a.len, len);
		ck_assert_mem_eq(a.data, message, len);
	}
}
END_TEST

static enum vcm_assembly_result take(struct vcm_assembly *a, uint32_t number, uint16_t index,
				     uint16_t count, size_t len)
{
	uint8_t f[VCM_FRAGMENT_HEADER + CAP + 1] = { 0 };

	memcpy(f, &number, 4);
	memcpy(f + 4, &index, 2);
	memcpy(f + 6, &count, 2);
	memset(f + VCM_FRAGMENT_HEADER, index, len);
	return vcm_assembly_take(a, f, VCM_FRAGMENT_HEADER + len);
}

START_TEST(a_node_puts_together_what_the_host_cuts)
{
	struct vcm_assembly a;
	uint8_t f[PAYLOAD];

	vcm_assembly_init(&a, got, sizeof(got));
	for (uint32_t len = 1; len <= 64 * 16; len++) {
		size_t n = fragment_count(len, PAYLOAD);

		fill(len);
		for (size_t i = 0; i < n; i++) {
			size_t size = fragment_write(f, PAYLOAD, len, message, len, (uint16_t)i);

			ck_assert_int_eq(vcm_assembly_take(&a, f, size),
					 i + 1 == n ? VCM_ASSEMBLY_DONE : VCM_ASSEMBLY_MORE);
		}
		ck_assert_uint_eq(a.len, len);
		ck_assert_mem_eq(got, message, len);
	}
}
END_TEST

/* The third of these, after 5/0 and 5/1 of three with 16 bytes each. */
static const struct {
	uint32_t number;
	uint16_t index, count;
	size_t len;
	enum vcm_assembly_result result;
} thirds[] = {
	{ 5, 2, 3, 16, VCM_ASSEMBLY_DONE },  { 5, 2, 3, 1, VCM_ASSEMBLY_DONE },
	{ 5, 2, 3, 17, VCM_ASSEMBLY_WRONG }, { 5, 2, 3, 0, VCM_ASSEMBLY_WRONG },
	{ 5, 1, 3, 16, VCM_ASSEMBLY_WRONG }, { 5, 0, 3, 16, VCM_ASSEMBLY_WRONG },
	{ 5, 3, 3, 16, VCM_ASSEMBLY_WRONG }, { 5, 2, 4, 16, VCM_ASSEMBLY_WRONG },
	{ 6, 2, 3, 16, VCM_ASSEMBLY_WRONG }, { 6, 0, 1, 16, VCM_ASSEMBLY_WRONG },
	{ 4, 2, 3, 16, VCM_ASSEMBLY_WRONG }, { 5, 0xffff, 3, 16, VCM_ASSEMBLY_WRONG },
};

START_TEST(what_does_not_follow_is_wrong)
{
	for (size_t i = 0; i < sizeof(thirds) / sizeof(*thirds); i++) {
		struct vcm_assembly a;

		vcm_assembly_init(&a, got, sizeof(got));
		ck_assert_int_eq(take(&a, 5, 0, 3, 16), VCM_ASSEMBLY_MORE);
		ck_assert_int_eq(take(&a, 5, 1, 3, 16), VCM_ASSEMBLY_MORE);
		ck_assert_msg(take(&a, thirds[i].number, thirds[i].index, thirds[i].count,
				   thirds[i].len) == thirds[i].result,
			      "the %zuth", i);
	}
}
END_TEST

static const struct {
	uint32_t number;
	uint16_t index, count;
	size_t len;
} firsts[] = {
	{ 3, 0, 1, 1 },  { 2, 0, 1, 1 },      { 0, 0, 1, 1 }, { 4, 1, 2, 1 },       { 4, 0, 0, 1 },
	{ 4, 0, 65, 1 }, { 4, 0, 0xffff, 1 }, { 4, 0, 1, 0 }, { 4, 0, 1, CAP + 1 },
};

START_TEST(what_cannot_begin_a_message_is_wrong)
{
	for (size_t i = 0; i < sizeof(firsts) / sizeof(*firsts); i++) {
		struct vcm_assembly a;

		vcm_assembly_init(&a, got, sizeof(got));
		ck_assert_int_eq(take(&a, 3, 0, 1, 1), VCM_ASSEMBLY_DONE);
		ck_assert_msg(take(&a, firsts[i].number, firsts[i].index, firsts[i].count,
				   firsts[i].len) == VCM_ASSEMBLY_WRONG,
			      "the %zuth", i);
	}
}
END_TEST

START_TEST(nothing_is_written_beyond_the_room_for_a_message)
{
	struct vcm_assembly a;

	memset(got, 0xaa, sizeof(got));
	vcm_assembly_init(&a, got, 40);
	ck_assert_int_eq(take(&a, 1, 0, 3, 20), VCM_ASSEMBLY_MORE);
	ck_assert_int_eq(take(&a, 1, 1, 3, 20), VCM_ASSEMBLY_MORE);
	ck_assert_int_eq(take(&a, 1, 2, 3, 1), VCM_ASSEMBLY_WRONG);
	ck_assert_uint_eq(got[40], 0xaa);
}
END_TEST

START_TEST(a_fragment_shorter_than_its_header_is_wrong)
{
	const uint8_t f[VCM_FRAGMENT_HEADER] = { 1, 0, 0, 0, 0, 0, 1, 0 };
	struct vcm_assembly a;

	vcm_assembly_init(&a, got, sizeof(got));
	for (size_t len = 0; len <= sizeof(f); len++)
		ck_assert_int_eq(vcm_assembly_take(&a, f, len), VCM_ASSEMBLY_WRONG);
}
END_TEST

static enum vcm_assembly_result take_after(uint32_t last, uint32_t number)
{
	struct vcm_assembly a;

	vcm_assembly_init(&a, got, sizeof(got));
	ck_assert_int_eq(take(&a, last, 0, 1, 1), VCM_ASSEMBLY_DONE);
	return take(&a, number, 0, 1, 1);
}

START_TEST(numbers_go_round)
{
	ck_assert_uint_eq(vcm_fragment_number_after(0), 1);
	ck_assert_uint_eq(vcm_fragment_number_after(1), 2);
	ck_assert_uint_eq(vcm_fragment_number_after(UINT32_MAX), 2);
	ck_assert_int_eq(take_after(UINT32_MAX - 1, UINT32_MAX), VCM_ASSEMBLY_DONE);
	ck_assert_int_eq(take_after(UINT32_MAX, 2), VCM_ASSEMBLY_DONE);
	ck_assert_int_eq(take_after(UINT32_MAX, UINT32_MAX), VCM_ASSEMBLY_WRONG);
	ck_assert_int_eq(take_after(UINT32_MAX, 0), VCM_ASSEMBLY_WRONG);
	ck_assert_int_eq(take_after(UINT32_MAX, 1), VCM_ASSEMBLY_WRONG);
	ck_assert_int_eq(take_after(2, UINT32_MAX), VCM_ASSEMBLY_WRONG);
	ck_assert_int_eq(take_after(5, 5 + 0x7fffffffu), VCM_ASSEMBLY_DONE);
	ck_assert_int_eq(take_after(5, 5 + 0x80000000u), VCM_ASSEMBLY_WRONG);
}
END_TEST

SUITE_MAIN("remote/fragment", a_message_takes_as_many_fragments_as_it_must,
	   the_host_puts_together_what_a_node_cuts, a_node_puts_together_what_the_host_cuts,
	   what_does_not_follow_is_wrong, what_cannot_begin_a_message_is_wrong,
	   nothing_is_written_beyond_the_room_for_a_message,
	   a_fragment_shorter_than_its_header_is_wrong, numbers_go_round)
