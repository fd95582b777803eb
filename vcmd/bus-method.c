// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/bus-method.h"

#include <string.h>

static const struct bus_method methods[] = {
#define X(name, code, in, in_fields, in_names, out, out_fields, out_names)                         \
	{ #name, OP_##code, in, in_fields, in_names, out, out_fields, out_names },
	BUS_METHODS(X)
#undef X
};

const struct bus_method *bus_method_find(const char *name)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++)
		if (!strcmp(methods[i].name, name))
			return &methods[i];
	return NULL;
}

const struct bus_method *bus_method_at(size_t i)
{
	return i < sizeof(methods) / sizeof(*methods) ? &methods[i] : NULL;
}

bool bus_method_takes(const struct bus_method *m, char field)
{
	return strchr(m->in_fields, field) != NULL;
}
