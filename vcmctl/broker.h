/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The connection to the broker, and how its refusals are told.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The socket to use instead of $VCM_SOCKET and the built-in one. */
void broker_set_socket(const char *path);
/* False, and told, when there is no broker. */
bool broker_join(void);
/* Does nothing when broker_join() was not called or failed. */
void broker_leave(void);

/* The device of that name; false, and told, when there is none. */
bool broker_find_device(char *name, size_t *out_dev_id);

/* "vcmctl: WHAT: why", why being what the broker says about err, a negative errno. */
void tell_failure(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "vcmctl: WHAT" and where to find help. */
void tell_misuse(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
