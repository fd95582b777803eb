/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which devices the program has looked up, and how often: what smmu_free_ctx_instance() needs to know.
 */
#pragma once

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

struct devices {
	pthread_mutex_t lock;
	struct device_uses *list; /* of which n are in use */
	size_t n, cap;
};

void devices_init(struct devices *d);
void devices_deinit(struct devices *d);

/* 0, -ENOMEM. */
int devices_get(struct devices *d, uint32_t device);
/* 0, or -EINVAL when the device was not got, or put as often as got. */
int devices_put(struct devices *d, uint32_t device);
