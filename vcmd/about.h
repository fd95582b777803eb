/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a request's line in the log is about: which session, which operation, and the region and device that it names.
 */
#pragma once

#include "base/log.h"
#include "proto/message.h"
#include "vcmd/call.h"

struct log_about about_op(const struct call *c, const struct op *op);
