/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A journal as lines of a table: the running broker's, or one in files (its chunks: memfds that a service manager keeps, or
 * copies of them), which is read here by the same code as the broker's and needs no broker.
 */
#pragma once

#include <stddef.h>

#include "vcmctl/table.h"

/* One line, as VCM_JOURNAL_... say. files ends with NULL and may be empty: the broker's. 0; or a negative errno, told. */
int journal_load_report(struct table *t, char *const *files);
/* All rows, up to where it is damaged: that is told too, and 1 is returned. */
int journal_load_rows(struct table *t, char *const *files);
