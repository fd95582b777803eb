// SPDX-License-Identifier: BSD-3-Clause
#include "proto/op.h"

#include <strings.h>

#include "tests/suite.h"

START_TEST(op_names_are_the_lower_case_of_the_table)
{
#define X(name, code, n) ck_assert_int_eq(strcasecmp(op_name(code), #name), 0);
	OPS(X)
#undef X
	ck_assert_str_eq(op_name(OP_RESERVE), "reserve");
	ck_assert_str_eq(op_name(OP_ASSOC_SET_ATTR), "assoc_set_attr");
	ck_assert_str_eq(op_name(OP_BYE), "bye");
}
END_TEST

START_TEST(op_knows_how_many_values_each_answers)
{
#define X(name, code, n) ck_assert_uint_eq(op_n_values(code), n);
	OPS(X)
#undef X
}
END_TEST

START_TEST(op_of_an_unknown_code_has_no_name_and_answers_nothing)
{
	const uint32_t codes[] = { 0, 7, 9, OP_PING + 1, 255, UINT32_MAX };

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		ck_assert_ptr_null(op_name(codes[i]));
		ck_assert_uint_eq(op_n_values(codes[i]), 0);
	}
}
END_TEST

SUITE_MAIN("op", op_names_are_the_lower_case_of_the_table, op_knows_how_many_values_each_answers,
	   op_of_an_unknown_code_has_no_name_and_answers_nothing)
