/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How many descriptors are left to this process. The kernel gives out the lowest number that is free, so a new one tells.
 */
#pragma once

#include <stdbool.h>

/* Whether fd, which is new, leaves free one descriptor of `part`, and no more than `most`, of those that this process may have. */
bool files_leave(int fd, unsigned long part, unsigned long most);
