/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the service manager hears of the daemon: that it is ready, that its loop turns, how much it holds, that it reloads,
 * that it stops. Without a service manager nothing happens here.
 *
 *	STARTING --service_ready()--> READY --service_reloading()--> RELOADING --service_ready()--> READY --service_stopping()-->
 */
#pragma once

#include "base/reason.h"

struct broker;
struct loop;
struct service;

/* where: what the status line says that it listens on; copied. The broker's `changed` is the service's from now on, until
 * service_free(). NULL with the reason. */
struct service *service_new(struct loop *loop, struct broker *b, const char *where,
			    struct reason *why);
/* Returns NULL; NULL is fine. */
struct service *service_free(struct service *s);

void service_ready(struct service *s);
void service_reloading(struct service *s);
void service_stopping(struct service *s);
