// SPDX-License-Identifier: BSD-3-Clause
#include "proto/op.h"

#include <assert.h>

#define NAME_LEN 16 /* the longest, which a test checks */

struct op_row {
	char name[NAME_LEN + 1];
	uint8_t n_values;
};

/* The lower case of the character at i of a name, as a constant expression; 0 from its end on. */
#define AT(name, i) (#name "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")[i]
#define LOW(name, i)                                                                               \
	(AT(name, i) >= 'A' && AT(name, i) <= 'Z' ? AT(name, i) + ('a' - 'A') : AT(name, i))
#define LOW4(name, i) LOW(name, i), LOW(name, (i) + 1), LOW(name, (i) + 2), LOW(name, (i) + 3)

static const struct op_row op_rows[] = {
#define X(name, code, n_values)                                                                    \
	[code] = { { LOW4(name, 0), LOW4(name, 4), LOW4(name, 8), LOW4(name, 12) }, n_values },
	OPS(X)
#undef X
};

#define X(name, code, n_values) static_assert((n_values) <= OP_MAX_VALUES, #name);
OPS(X)
#undef X

static const struct op_row *op_row(uint32_t code)
{
	if (code >= sizeof(op_rows) / sizeof(*op_rows) || !op_rows[code].name[0])
		return NULL;
	return &op_rows[code];
}

const char *op_name(uint32_t code)
{
	const struct op_row *row = op_row(code);

	return row ? row->name : NULL;
}

size_t op_n_values(uint32_t code)
{
	const struct op_row *row = op_row(code);

	return row ? row->n_values : 0;
}
