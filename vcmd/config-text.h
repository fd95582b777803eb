/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The text of a configuration before libconfuse sees it. libconfuse takes a file that ends inside of a section or of a
 * string for a whole one, counts the lines of comments wrongly, and replaces ${NAME} by the environment: so comments are
 * blanked, and the rest is refused, here.
 */
#pragma once

#include "base/reason.h"

/* 0, or -EINVAL with "path:line: what is wrong". */
int config_text_clean(const char *path, char *text, struct reason *why);
