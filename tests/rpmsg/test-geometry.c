// SPDX-License-Identifier: BSD-3-Clause
// Where everything lies in a window, and what is refused.
#include "rpmsg/geometry.h"
#include "tests/suite.h"

#include <errno.h>
#include <string.h>

#define LEN 0x100000
#define DA 0x38000000

static int check_it(const struct geometry *g, struct reason *why)
{
	return geometry_check(g, LEN, DA, why);
}

START_TEST(the_default_is_what_remotes_expect)
{
	struct geometry g;
	struct reason why;

	geometry_default(&g);
	ck_assert_int_eq(check_it(&g, &why), 0);
	ck_assert_uint_eq(geometry_used_at(&g), 4096);
	ck_assert_uint_eq(geometry_ring_len(&g), 4230);
	ck_assert_uint_eq(geometry_buffer(&g, RING_IN, 0), 0x10000);
	ck_assert_uint_eq(geometry_buffer(&g, RING_OUT, 0), 0x12000);
	ck_assert_uint_eq(geometry_end(&g), 0x14000);
}
END_TEST

START_TEST(rings_are_as_long_as_virtio_says)
{
	static const struct {
		uint32_t num, align, used_at, len;
	} rings[] = { { 256, 4096, 8192, 10246 },
		      { 16, 16, 304, 438 },
		      { 4, 64, 128, 166 },
		      { 1, 16, 32, 46 },
		      { 4, 16, 80, 118 } };

	for (size_t i = 0; i < sizeof(rings) / sizeof(*rings); i++) {
		struct geometry g;

		geometry_default(&g);
		g.num = rings[i].num;
		g.align = rings[i].align;
		ck_assert_uint_eq(geometry_used_at(&g), rings[i].used_at);
		ck_assert_uint_eq(geometry_ring_len(&g), rings[i].len);
	}
}
END_TEST

START_TEST(what_cannot_be_is_refused_with_a_reason)
{
	static const struct {
		size_t at;
		uint64_t v;
		bool wide;
		const char *says;
	} wrongs[] = {
#define NUMBER(field, v, says) { offsetof(struct geometry, field), v, false, says }
#define OFFSET(field, v, says)                                                                     \
	{                                                                                          \
		offsetof(struct geometry, field), v, true, says                                    \
	}
		NUMBER(num, 0, "power of two"),
		NUMBER(num, 3, "power of two"),
		NUMBER(num, 512, "power of two"),
		NUMBER(align, 8, "alignment"),
		NUMBER(align, 24, "alignment"),
		NUMBER(align, 8192, "alignment"),
		NUMBER(buffer_len, 0, "buffers"),
		NUMBER(buffer_len, 56, "buffers"),
		NUMBER(buffer_len, 516, "buffers"),
		NUMBER(buffer_len, 65536, "buffers"),
		OFFSET(table, 4, "multiples of 8"),
		OFFSET(buffers, 0x10004, "multiples of 8"),
		OFFSET(buffers, LEN - 512, "behind the window"),
		OFFSET(buffers, UINT64_MAX - 7, "4 GB"),
		OFFSET(rings[0], 0x1010, "alignment"),
		OFFSET(rings[1], 0x1000, "lies in"),
		OFFSET(rings[1], 0x2000, "lies in"),
		OFFSET(rings[1], LEN - 0x1000, "behind the window"),
		OFFSET(rings[1], 0x10000, "lies in"),
		OFFSET(table, 0x1000, "lies in"),
		OFFSET(table, LEN - 8, "behind the window"),
		OFFSET(table, UINT64_C(1) << 40, "4 GB"),
	};

	for (size_t i = 0; i < sizeof(wrongs) / sizeof(*wrongs); i++) {
		struct geometry g;
		struct reason why = { "" };
		uint32_t narrow = (uint32_t)wrongs[i].v;

		geometry_default(&g);
		if (wrongs[i].wide)
			memcpy((char *)&g + wrongs[i].at, &wrongs[i].v, 8);
		else
			memcpy((char *)&g + wrongs[i].at, &narrow, 4);
		ck_assert_int_eq(check_it(&g, &why), -EINVAL);
		ck_assert_msg(strstr(why.text, wrongs[i].says), "%zu: %s", i, why.text);
	}
}
END_TEST

START_TEST(the_node_reaches_all_of_it_with_32_bits)
{
	struct geometry g;
	struct reason why;

	geometry_default(&g);
	ck_assert_int_eq(geometry_check(&g, LEN, 0xffff0000, &why), -EINVAL);
	ck_assert_int_eq(geometry_check(&g, LEN, UINT64_C(1) << 32, &why), -EINVAL);
	ck_assert_int_eq(geometry_check(&g, LEN, 0xffe00000, &why), 0);
	ck_assert_int_eq(geometry_check(&g, LEN, 0x38000010, &why), -EINVAL);
}
END_TEST

SUITE_MAIN("geometry", the_default_is_what_remotes_expect, rings_are_as_long_as_virtio_says,
	   what_cannot_be_is_refused_with_a_reason, the_node_reaches_all_of_it_with_32_bits)
