/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All that a broker has, as text, row by row: two brokers that have the same have the same text.
 */
#pragma once

struct broker;

/* To be freed with free(). What nobody owns (arenas that are only kept) is left out, statistics too, and replies: those that a client
 * has seen are known to be seen with its next change only. */
char *inventory(struct broker *b);
/* Asserts that a and b are equal, and says where they differ. Frees both. */
void inventory_equal(char *a, char *b);
