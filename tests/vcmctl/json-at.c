// SPDX-License-Identifier: BSD-3-Clause
// json-at POINTER: what a JSON text on standard input holds there (RFC 6901); an array's is its length. 1: nothing is
// there, 2: it is no JSON.
#include <json-c/json.h>
#include <stdio.h>

#include "base/cleanup.h"

static void json_putp(json_object **j)
{
	json_object_put(*j);
}

int main(int argc, char **argv)
{
	static char text[1 << 20];
	size_t len = fread(text, 1, sizeof(text) - 1, stdin);
	_cleanup_(json_putp) json_object *j = json_tokener_parse(len ? text : "?");
	json_object *at = NULL;

	if (!j)
		return 2;
	if (json_pointer_get(j, argc > 1 ? argv[1] : "", &at) < 0)
		return 1;
	if (json_object_is_type(at, json_type_array))
		printf("%zu\n", json_object_array_length(at));
	else
		printf("%s\n", json_object_get_string(at));
	return 0;
}
