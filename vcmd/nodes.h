/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All remote CPUs of the configuration.
 */
#pragma once

#include "base/reason.h"

struct broker;
struct nodes;

/* NULL with the reason. */
struct nodes *nodes_new(struct broker *b, struct reason *why);
/* After all clients. NULL is fine. */
struct nodes *nodes_free(struct nodes *n);
