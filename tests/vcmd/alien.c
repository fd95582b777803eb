// SPDX-License-Identifier: BSD-3-Clause
#include "tests/vcmd/alien.h"

#include <errno.h>
#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/suite.h"

static struct {
	const char *library;
	uintptr_t first, last; /* where its code is */
	size_t left;           /* 0: nothing fails */
	bool fired;
} alien;

#if SUITE_IS_SANITIZED
#define IS_OURS false
#else
#define IS_OURS true

/* Of the C library, which the names below hide. */
extern void *__libc_malloc(size_t len);
extern void *__libc_calloc(size_t n, size_t len);
extern void *__libc_realloc(void *p, size_t len);

static bool fails(const void *caller)
{
	uintptr_t at = (uintptr_t)caller;

	if (!alien.left || at < alien.first || at > alien.last || --alien.left)
		return false;
	alien.fired = true;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t nmemb, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(nmemb, size);
}

void *realloc(void *ptr, size_t size)
{
	return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(ptr, size);
}
#endif

static int look(struct dl_phdr_info *info, size_t len, void *ctx)
{
	const char *name = strrchr(info->dlpi_name, '/');

	(void)len;
	(void)ctx;
	if (!name || strncmp(name + 1, alien.library, strlen(alien.library)) != 0)
		return 0;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type != PT_LOAD || !(p->p_flags & PF_X))
			continue;
		alien.first = info->dlpi_addr + p->p_vaddr;
		alien.last = alien.first + p->p_memsz - 1;
	}
	return 1;
}

bool alien_watch(const char *library)
{
	alien.library = library;
	return IS_OURS && !getenv("VCM_UNDER_VALGRIND") && dl_iterate_phdr(look, NULL);
}

void alien_fail_nth(size_t n)
{
	alien.left = n;
	alien.fired = false;
}

bool alien_fail_fired(void)
{
	alien.left = 0;
	return alien.fired;
}
