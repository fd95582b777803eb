// SPDX-License-Identifier: BSD-3-Clause
#include "graph/object.h"

const char *object_kind_name(enum object_kind kind)
{
	static const char *const names[N_OBJECT_KINDS] = {
		[OBJECT_VCM] = "vcm",         [OBJECT_RES] = "reservation",
		[OBJECT_BOUND] = "bound",     [OBJECT_AVCM] = "association",
		[OBJECT_PHYSMEM] = "physmem",
	};

	return names[kind];
}
