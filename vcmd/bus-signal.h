/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What callers are told without asking. Every signal goes to one caller, who may know it; none is for everybody on the bus.
 *
 *	Fault					to the session's owner
 *	InterfacesAdded, InterfacesRemoved,	of what its own session makes, changes and frees, and of sessions that it
 *	PropertiesChanged			may see: to who has called Subscribe
 *	PropertiesChanged of pools,		of what has changed in the last quarter of a second: to who has called
 *	PoolPressure, Reclaimed			Subscribe
 *
 * Nothing is done while nobody has subscribed. Signals are dropped, faults too (they are terminated at their deadline), while
 * the bus does not take what is sent.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "vcmd/bus-method.h"

struct bus;
struct bus_call;
struct bus_session;
struct fault_event;
struct session;

/* clang-format off */
#define BUS_SESSION_SIGNALS \
	SD_BUS_SIGNAL_WITH_NAMES("Fault", "tuttuuuuut", \
		N(fault) N(device) N(address) N(length) \
		N(flags) N(context) N(fsr) N(fsynr0) \
		N(fsynr1) N(time_nsec), 0),

#define BUS_MANAGER_SIGNALS \
	SD_BUS_SIGNAL_WITH_NAMES("PoolPressure", "outt", \
		N(pool) N(memtype) N(used) N(size), 0), \
	SD_BUS_SIGNAL_WITH_NAMES("Reclaimed", "tu", N(session) N(uid), 0),
/* clang-format on */

/* Whether the operation frees the object that it is on. */
bool bus_signal_is_removal(uint32_t code);
/* A request of the session has been carried out. */
void bus_signal_done(struct bus_session *s, const struct bus_call *c);
void bus_signal_fault(const struct bus_session *s, const struct fault_event *f);
/* A session, of whatever transport, has begun, or has been taken back (gone). */
void bus_signal_session(void *ctx, const struct session *s, bool gone);
/* Somebody has subscribed, or does not any more. */
void bus_signal_subscribed(struct bus *bus);
/* The timer's: looks at the pools. */
void bus_signal_tick(void *ctx);
void bus_signal_deinit(struct bus *bus);
