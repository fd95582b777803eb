/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What happens, as events for who asks (OP_MONITOR): a request that waits until there are some, and is answered with those
 * that its user may see. Nothing is noted while nobody asks; who is slow finds that older ones are lost, and how many.
 */
#pragma once

#include <stdint.h>

#include "vcmd/call.h"

struct broker;
struct client;
struct device;
struct fault_record;
struct monitor;
struct plan;

struct monitor *monitor_new(struct broker *b);
/* Nobody waits any more. Returns NULL; NULL is fine. */
struct monitor *monitor_free(struct monitor *m);

/* since 0: from now on. CALL_PARKED, 0 (the answer has events, or where to go on), -EBUSY (one waits already), -ENOMEM. */
int monitor_ask(struct monitor *m, struct call *c, uint64_t since);
/* The client goes, or has gone on elsewhere. */
void monitor_abandon(struct monitor *m, struct client *c);

/* What the plan changes, before it is committed. */
void monitor_plan(struct monitor *m, const struct plan *p);
void monitor_session(struct monitor *m, const struct client *c, bool begins);
void monitor_fault(struct monitor *m, const struct fault_record *r, const struct device *d);
/* Memory of the memtype was short: what was kept ahead is given back. */
void monitor_pressure(struct monitor *m, uint32_t memtype);
void monitor_reload(struct monitor *m);
