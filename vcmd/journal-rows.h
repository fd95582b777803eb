/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Objects of the broker as rows of its journal.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct client;
struct device;
struct grant;
struct object;
struct physmem;
struct plan;
struct reply_kept;
struct served;
struct writer;

/* A row for everything that the plan has changed, in the order of its changes. */
void rows_of_plan(struct writer *w, const struct plan *p);
/* The whole of an object, as it is now. */
void rows_put(struct writer *w, const struct object *o);
void rows_put_orphan(struct writer *w, const struct physmem *m);
void rows_put_grant(struct writer *w, const struct grant *g);
void rows_put_arena(struct writer *w, const struct arena *a);
void rows_put_session(struct writer *w, const struct client *c);
void rows_put_hook(struct writer *w, const struct client *c, const struct device *d, bool set);
void rows_put_reply(struct writer *w, const struct client *c, const struct reply_kept *reply);
/* The last serial that has changed something, where its answer is not kept; and how far handles go. */
void rows_put_last(struct writer *w, const struct client *c, uint64_t serial);
