/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Scope-bound ownership, for a tool that sees <vcm/...> only.
 */
#pragma once

#include <json-c/json.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

static inline void json_putp(json_object **j)
{
	json_object_put(*j);
}
