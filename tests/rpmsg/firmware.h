/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A remote CPU's side of a window, written apart from the driver under test: it knows the memory and its address, and
 * finds the rest through the resource table. It is as simple as can be, and trusts the driver.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct firmware_ring {
	uint32_t num;
	uint8_t *desc;
	uint16_t *avail, *used;
	uint16_t next_avail, next_used;
};

struct firmware {
	uint8_t *base;
	uint64_t len, da;
	bool ns;
	bool counts_in_memory; /* what it has used, as OpenAMP and rpmsg-lite: on rings that others have used it goes on */
	struct firmware_ring tx, rx;
	void (*kick)(void *ctx, uint32_t notify_id);
	void *ctx;
	uint32_t ids[2];
};

struct firmware_message {
	uint32_t src, dst;
	size_t len;
	uint8_t data[65536];
};

/* Whether the driver is ready; then the rings are taken from the table, from their beginnings. */
bool firmware_attach(struct firmware *f, void *base, uint64_t len, uint64_t da);
volatile uint8_t *firmware_status(const struct firmware *f);
/* It is started anew, where the rings are known to be: it looks at no status. */
void firmware_start_blindly(struct firmware *f);
/* False when the driver has given no buffer. */
bool firmware_send(struct firmware *f, uint32_t src, uint32_t dst, const void *data, size_t len);
bool firmware_announce(struct firmware *f, const char *name, uint32_t addr, bool gone);
/* False when there is none. */
bool firmware_receive(struct firmware *f, struct firmware_message *out);
