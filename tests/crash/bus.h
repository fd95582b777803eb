/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A message bus of the test's own, which outlives the broker.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct crash_bus {
	pid_t pid; /* 0: there is none */
	char socket[64], config[64];
};

/* Returns when it listens at dir/bus. False: there is no dbus-daemon here. */
bool crash_bus_start(struct crash_bus *bus, const char *dir);
void crash_bus_stop(struct crash_bus *bus);
