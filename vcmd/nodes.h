/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All remote CPUs of the configuration.
 */
#pragma once

#include <stddef.h>

#include "base/reason.h"

struct broker;
struct carried;
struct config;
struct node_report;
struct nodes;

/* NULL with the reason. */
struct nodes *nodes_new(struct broker *b, struct reason *why);
/* What they may have, from the next session of each on, is what `to` says, which has the same nodes. */
void nodes_set_limits(struct nodes *n, const struct config *to);
/* After all clients. NULL is fine. */
struct nodes *nodes_free(struct nodes *n);
/* The ith node, in the order of the configuration; NULL behind the last one. */
struct carried *nodes_get(struct nodes *n, size_t i);
void nodes_report(const struct carried *c, struct node_report *out);
