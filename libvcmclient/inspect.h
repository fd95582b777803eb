/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rows of the broker's tables, as the API has them.
 */
#pragma once

#include <vcm/inspect.h>

#include "proto/message.h"

/* Texts are the reply's. */
void inspect_row(const struct row *in, struct vcm_row *out);
