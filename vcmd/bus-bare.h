/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls that are kept for longer than it takes to look at them, without the descriptors that came with them, and no more of
 * them than fits: sd-bus holds the descriptors of a message, asked for or not, for as long as the message.
 */
#pragma once

#include <stddef.h>
#include <systemd/sd-bus.h>

struct bus;

/* As much of a call as its answer needs: nothing of what it said. A reference to the call itself where there is no memory for
 * that. */
sd_bus_message *bus_bare(const struct bus *bus, sd_bus_message *m);
/* A call that can be read again, as it came, without descriptors. Out: how many bytes it is, about. 0; -E2BIG: that would be more
 * than max; -EBADF: it speaks of descriptors; -EBADMSG, -ENOMEM. */
int bus_bare_copy(const struct bus *bus, sd_bus_message *m, size_t max, sd_bus_message **out,
		  size_t *out_len);
