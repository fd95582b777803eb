/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Scope-bound ownership: every local that owns something carries _cleanup_().
 */
#pragma once

#include <stddef.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _printf_(fmt, args) __attribute__((format(printf, fmt, args)))
#define _unused_ __attribute__((unused))

/* Defines noun_freep() for `struct noun *` and a function that takes the pointer and returns NULL. */
#define CLEANUP_DEFINE(type, f)                                                                    \
	static inline void f##p(type *p)                                                           \
	{                                                                                          \
		if (*p)                                                                            \
			f(*p);                                                                     \
	}

/* The value of an owning variable, which is NULL from now on. */
#define STEAL_PTR(p)                                                                               \
	__extension__({                                                                            \
		__typeof__(p) _stolen = (p);                                                       \
		(p) = NULL;                                                                        \
		_stolen;                                                                           \
	})

/* The fd of an owning variable, which is -1 from now on. */
static inline int steal_fd(int *fd)
{
	int v = *fd;

	*fd = -1;
	return v;
}

static inline void fd_closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}
