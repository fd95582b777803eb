// SPDX-License-Identifier: BSD-3-Clause
#include "graph/device.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/mem.h"
#include "graph/graph.h"

int device_new(struct graph *g, const struct device_config *config, struct device **out)
{
	struct device *d;

	if (device_by_name(g, config->name))
		return -EEXIST;
	d = mem_new0(struct device);
	if (!d)
		return -ENOMEM;
	d->name = mem_strdup(config->name);
	if (!d->name) {
		mem_free(d);
		return -ENOMEM;
	}
	d->number = ++g->n_devices;
	d->kind = config->kind;
	d->format = config->format;
	d->reach = config->reach;
	d->n_reach = config->n_reach;
	d->hw = config->hw;
	TAILQ_INIT(&d->active);
	TAILQ_INSERT_TAIL(&g->devices, d, link);
	*out = d;
	return 0;
}

struct device *device_free(struct graph *g, struct device *d)
{
	if (!d)
		return NULL;
	assert(TAILQ_EMPTY(&d->active));
	TAILQ_REMOVE(&g->devices, d, link);
	if (d->number == g->n_devices)
		g->n_devices--;
	mem_free(d->name);
	return mem_free(d);
}

struct device *device_by_name(struct graph *g, const char *name)
{
	struct device *d;

	TAILQ_FOREACH(d, &g->devices, link)
		if (!strcmp(d->name, name))
			return d;
	return NULL;
}

struct device *device_by_number(struct graph *g, uint32_t number)
{
	struct device *d;

	TAILQ_FOREACH(d, &g->devices, link)
		if (d->number == number)
			return d;
	return NULL;
}
