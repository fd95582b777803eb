/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the broker knows of one thing, as a row of the tables of <vcm/inspect.h>. The texts live as long as the thing does.
 */
#pragma once

#include "proto/message.h"

struct broker;
struct carried;
struct device;
struct object;
struct pool;
struct session;

void inspect_status(const struct broker *b, struct row *row);
void inspect_device(const struct device *d, struct row *row);
void inspect_pool(const struct pool *p, struct row *row);
/* With its session, which is not for everybody to see. */
void inspect_node(const struct carried *node, struct row *row);
void inspect_session(const struct session *s, struct row *row);
/* A vcm, reservation, bound, association or physmem. */
void inspect_object(const struct object *o, struct row *row);
