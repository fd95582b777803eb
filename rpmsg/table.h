/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The resource table: how the node finds the rings, and where the two say how far they are (virtio's status).
 *
 * The node may write anything there. The geometry is the pristine copy: the table is written whole before each start, and
 * nothing but the status is ever read back.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "rpmsg/geometry.h"
#include "rpmsg/shared.h"

/* With a status of STATUS_RESET, and nothing agreed on. */
void table_write(const struct shared *w, const struct geometry *g);
/* What we take of what was offered. */
void table_agree(const struct shared *w, const struct geometry *g);
void table_set_status(const struct shared *w, const struct geometry *g, uint8_t status);
uint8_t table_status(const struct shared *w, const struct geometry *g);
/* Whether a table with rings of ours lies there already. */
bool table_is_ours(const struct shared *w, const struct geometry *g);
/* The same, and they lie where they lie now. */
bool table_names_rings(const struct shared *w, const struct geometry *g);
