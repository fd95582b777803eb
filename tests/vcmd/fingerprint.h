/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All that a session can see of the broker, and what its devices see, as text: two of them are equal when nothing has
 * changed in between. Numbers that only grow (ids, counters, high-water marks) are left out.
 */
#pragma once

struct peer;
struct world;

/* To be freed with free(). p inspects. */
char *fingerprint(struct world *w, struct peer *p);
/* Fails the test with the first line that differs. */
void ck_same_fingerprint(const char *what, const char *before, const char *after);
