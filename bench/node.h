/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What it costs a node to ask the broker: node.rtt.ratio, node.rtt.ask.ratio, node.rtt.asleep.ratio, node.pipelined.ops,
 * node.pipelined.ratio, node.socket.gain.
 */
#pragma once

#include <stdbool.h>

struct report;

/* 0, or a negative errno number. quick: just enough to have a number. */
int bench_node(struct report *r, bool quick);
