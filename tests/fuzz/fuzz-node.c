// SPDX-License-Identifier: BSD-3-Clause
// A node that does whatever the input says: it scribbles in the window between two calls of the driver, and what arrives
// is put together as fragments. The first two bytes are the geometry.
#include "rpmsg/assembly.h"
#include "rpmsg/driver.h"
#include "rpmsg/stray.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define WINDOW_LEN 0x20000
#define GUARD 65536
#define DA 0x38000000
#define OURS 1024
#define MESSAGE_MAX 8192

int LLVMFuzzerTestOneInput(const uint8_t *script, size_t len);

static void no_kick(void *ctx, enum ring ring)
{
	(void)ctx;
	(void)ring;
}

static void *guarded_window(void)
{
	uint8_t *all =
		mmap(NULL, WINDOW_LEN + 2 * GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (all == MAP_FAILED || mprotect(all + GUARD, WINDOW_LEN, PROT_READ | PROT_WRITE) < 0)
		abort();
	return all + GUARD;
}

static void assemble(struct assembly *a, const struct driver_message *m)
{
	struct reason why;

	switch (assembly_take(a, m->data, m->len, &why)) {
	case ASSEMBLY_DONE:
		if (a->len > MESSAGE_MAX || a->index)
			abort();
		break;
	case ASSEMBLY_AGAIN:
	case ASSEMBLY_WRONG:
		assembly_init(a, a->buf, MESSAGE_MAX);
		break;
	case ASSEMBLY_MORE:
	case ASSEMBLY_NOTHING:
		break;
	}
}

/* It has been asked to reset: it does, or moves, or is not there. */
static void begin(struct driver *d)
{
	enum stray_state state = driver_look(d) == DRIVER_GONE ? STRAY_ABSENT : stray_settles(d);
	uint32_t peer;

	if (state == STRAY_ABSENT || (state == STRAY_RESTS && !stray_rejoin(d, OURS, &peer)))
		driver_start(d);
}

/* As an owner does. */
static void turn(struct driver *d, struct assembly *a)
{
	struct driver_message m;
	bool broken = false;

	if (!d->up)
		begin(d);
	else if (driver_look(d) != DRIVER_FINE)
		driver_start(d);
	if (!d->up)
		return;
	for (int i = 0; i < 8 && !broken; i++) {
		enum driver_event e = driver_receive(d, &m);

		broken = e == DRIVER_BROKEN || driver_send(d, OURS, m.src, "pong", 4) == -EPROTO;
		if (e == DRIVER_MESSAGE)
			assemble(a, &m);
		else if (e == DRIVER_ANNOUNCED)
			broken |= stray_announced(d);
		if ((e == DRIVER_ANNOUNCED || e == DRIVER_WITHDRAWN) &&
		    strlen(m.name) >= RPMSG_NAME)
			abort();
	}
	driver_flush(d);
	if (!broken)
		return;
	driver_stop(d, true);
	stray_doubt(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *script, size_t len)
{
	static struct driver d;
	static uint8_t message[MESSAGE_MAX];
	static void *base;
	struct shared shared = { .len = WINDOW_LEN, .da = DA };
	struct assembly a;
	struct geometry g;

	if (len < 2)
		return 0;
	if (!base)
		base = guarded_window();
	shared.base = base;
	geometry_default(&g);
	g.num = 1u << script[0] % 7;
	g.align = 16u << script[1] % 9;
	g.ns = script[1] & 0x80;
	if (geometry_check(&g, WINDOW_LEN, DA, NULL) < 0)
		abort();
	assembly_init(&a, message, MESSAGE_MAX);
	driver_init(&d, &shared, &g, no_kick, NULL);
	driver_start(&d);
	/* { where u16 (times 2), value u16 }: four of them between two turns */
	for (size_t i = 2, n = 0; i + 4 <= len; i += 4) {
		uint16_t at, v;

		memcpy(&at, script + i, 2);
		memcpy(&v, script + i + 2, 2);
		memcpy((uint8_t *)base + 2ul * at % WINDOW_LEN, &v, 2);
		if (++n % 4 == 0)
			turn(&d, &a);
	}
	turn(&d, &a);
	return 0;
}
