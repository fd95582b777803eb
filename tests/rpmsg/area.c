// SPDX-License-Identifier: BSD-3-Clause
#include "tests/rpmsg/area.h"

#include <check.h>
#include <string.h>
#include <sys/mman.h>

#define GUARD 65536

static void count_kick(void *ctx, enum ring ring)
{
	struct area *a = ctx;

	a->kicks[ring]++;
}

void area_open(struct area *a, const struct geometry *g)
{
	uint8_t *all =
		mmap(NULL, AREA_LEN + 2 * GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct shared shared = { .len = AREA_LEN, .da = AREA_DA };
	struct reason why;

	ck_assert_ptr_ne(all, MAP_FAILED);
	a->base = all + GUARD;
	ck_assert_int_eq(mprotect(a->base, AREA_LEN, PROT_READ | PROT_WRITE), 0);
	memset(a->base, 0xee, AREA_LEN); /* what a former node left */
	shared.base = a->base;
	ck_assert_msg(geometry_check(g, AREA_LEN, AREA_DA, &why) == 0, "%s", why.text);
	driver_init(&a->driver, &shared, g, count_kick, a);
	memset(a->kicks, 0, sizeof(a->kicks));
	memset(&a->firmware, 0, sizeof(a->firmware));
}

void area_close(struct area *a)
{
	munmap(a->base - GUARD, AREA_LEN + 2 * GUARD);
}

void area_start(struct area *a)
{
	driver_start(&a->driver);
	ck_assert(firmware_attach(&a->firmware, a->base, AREA_LEN, AREA_DA));
}
