/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Refusals: of a call that is not carried out its caller hears, also when the library has no memory left for an answer: then it
 * is owed, and given a little later.
 */
#pragma once

#include <bsd/sys/queue.h>
#include <systemd/sd-bus.h>

struct bus;
struct bus_owed;

STAILQ_HEAD(bus_owed_list, bus_owed);

/* By a name of D-Bus. The text need not outlive the call. */
void bus_refuse(struct bus *bus, sd_bus_message *m, const char *name, const char *text);
/* By org.vcmd.Vcm1.Error. and the name of the errno number. "": what that says. */
void bus_refuse_status(struct bus *bus, sd_bus_message *m, int status, const char *text);
/* The same for handlers, which return what this returns. */
int bus_refuse_handled(sd_bus_error *error, int status, const char *text);

/* What is owed is tried again; a timer's, whose ctx is the bus. */
void bus_refusal_again(void *ctx);
/* The connection goes: the bus says it to everybody. */
void bus_refusal_forget(struct bus *bus);
