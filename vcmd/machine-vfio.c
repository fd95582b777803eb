// SPDX-License-Identifier: BSD-3-Clause
/*
 * The devices of the machine that the kernel's VFIO gives: one backend for all, each a context of it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backend/vfio/fault.h"
#include "backend/vfio/open.h"
#include "backend/vfio/vfio.h"
#include "base/log.h"
#include "base/mem.h"
#include "graph/device.h"
#include "graph/graph.h"
#include "memory/memory.h"
#include "vcmd/broker.h"
#include "vcmd/config.h"
#include "vcmd/machine-kind.h"
#include "vcmd/mark.h"
#include "vcmd/store.h"

#define ABOUT_LEN 256
#define DISCARD_MS 1000 /* what a keeper of files may take to let go */

CLEANUP_DEFINE(struct vfio_faults *, vfio_faults_free)

static void *at(void *ctx, uint64_t pa, uint64_t len, uint64_t *out_len)
{
	return memory_at(ctx, pa, len, out_len);
}

static void free_format(void *thing)
{
	vfio_format_free(thing);
}

static struct vfio_format *make_format(struct machine *m, struct reason *why)
{
	struct vfio_memory memory = { .at = at, .ctx = machine_broker(m)->memory };
	struct vfio_format *f = vfio_format_new(&memory);

	if (!f)
		refuse(why, 0, "no memory for the VFIO devices");
	return f && machine_keep(m, f, free_format, why) == 0 ? f : NULL;
}

/* --- files that outlive the broker */

static const char *prefix_of(enum vfio_file file)
{
	switch (file) {
	case VFIO_FILE_CONTAINER:
		return "vfio-container-";
	case VFIO_FILE_GROUP:
		return "vfio-group-";
	case VFIO_FILE_DEVICE:
		return "vfio-device-";
	case VFIO_FILE_PLATFORM:
		return "vfio-platform-";
	}
	return "";
}

static int take_file(void *ctx, enum vfio_file file, uint64_t number)
{
	struct broker *b = ctx;

	return b->store ? store_take(b->store, prefix_of(file), number) : -1;
}

static void discard_file(void *ctx, enum vfio_file file, uint64_t number)
{
	struct broker *b = ctx;

	store_remove(b->store, prefix_of(file), number);
	store_sync(b->store, DISCARD_MS);
}

static void keep_file(const struct broker *b, enum vfio_file file, uint64_t number, int fd)
{
	struct reason why = { "" };

	if (b->store && store_put(b->store, prefix_of(file), number, fd, &why) < 0)
		log_warning("%s%llu does not outlive this process: %s", prefix_of(file),
			    (unsigned long long)number, why.text);
}

struct vfio_given machine_vfio_given(struct machine *m)
{
	return (struct vfio_given){ take_file, discard_file, machine_broker(m) };
}

void machine_vfio_keep(const struct machine *m, enum vfio_file file, uint64_t number, int fd)
{
	keep_file(machine_broker(m), file, number, fd);
}

/* What was given is kept already. */
static void keep_files(const struct broker *b, const struct vfio_files *files)
{
	for (size_t i = 0; i < files->n_groups; i++) {
		const struct vfio_open_group *g = &files->groups[i];

		if (g->given)
			continue;
		keep_file(b, VFIO_FILE_GROUP, g->number, g->group);
		keep_file(b, VFIO_FILE_CONTAINER, g->number, g->container);
	}
	for (size_t i = 0; i < files->n_devices; i++)
		if (!files->devices[i].given)
			keep_file(b, VFIO_FILE_DEVICE, pci_number(&files->devices[i].pci),
				  files->devices[i].fd);
}

/* --- the backend */

static int open_files(struct machine *m, struct vfio_files *out, struct reason *why)
{
	const struct config *c = machine_config(m);
	struct vfio_given given = machine_vfio_given(m);
	_cleanup_(mem_freep) const char **addresses = mem_zalloc_n(c->n_vfios, sizeof(char *));

	if (!addresses)
		return refuse(why, -ENOMEM, "no memory for the VFIO devices");
	for (size_t i = 0; i < c->n_vfios; i++)
		addresses[i] = c->vfios[i].address;
	return vfio_files_open(addresses, c->n_vfios, &given, out, why);
}

/* Without a place where faults are told, devices work all the same. */
static struct vfio_faults *open_faults(void)
{
	struct vfio_faults *f = NULL;
	struct reason why;

	if (vfio_faults_open(&(struct vfio_faults_config){ 0 }, &f, &why) < 0)
		log_notice("vfio: nobody will hear of faults: %s", why.text);
	return f;
}

/* The files are the backend's from now on. */
static void give_files(struct vfio_files *files)
{
	for (size_t i = 0; i < files->n_groups; i++)
		files->groups[i].container = files->groups[i].group = -1;
	for (size_t i = 0; i < files->n_devices; i++)
		files->devices[i].fd = -1;
}

/* doubtful: what given containers hold is not known to be what the journal says. */
static int make_backend(const struct config *c, struct vfio_files *files, bool doubtful,
			struct vfio_format *format, struct backend **out, struct reason *why)
{
	_cleanup_(vfio_faults_freep) struct vfio_faults *faults = open_faults();
	_cleanup_(mem_freep) struct vfio_group_config *groups =
		mem_zalloc_n(files->n_groups, sizeof(*groups));
	_cleanup_(mem_freep) struct vfio_device_config *devices =
		mem_zalloc_n(files->n_devices, sizeof(*devices));
	struct vfio_config config = { .groups = groups,
				      .n_groups = files->n_groups,
				      .devices = devices,
				      .n_devices = files->n_devices,
				      .faults = faults };
	int r;

	if (!groups || !devices)
		return refuse(why, -ENOMEM, "no memory for the VFIO devices");
	for (size_t i = 0; i < files->n_groups; i++)
		groups[i] = (struct vfio_group_config){ .number = files->groups[i].number,
							.container = files->groups[i].container,
							.group = files->groups[i].group,
							.inherited = files->groups[i].given,
							.doubtful = doubtful };
	for (size_t i = 0; i < files->n_devices; i++)
		devices[i] = (struct vfio_device_config){ .name = c->vfios[i].name,
							  .rid = files->devices[i].pci.rid,
							  .fd = files->devices[i].fd,
							  .group = files->devices[i].group };
	r = vfio_new(&config, format, out, why);
	if (r == 0) {
		faults = NULL;
		give_files(files);
	}
	return r;
}

static int check_groups(const struct config *c, const struct vfio_files *files, struct reason *why)
{
	_cleanup_(mem_freep) unsigned int *groups = mem_zalloc_n(c->n_vfios, sizeof(*groups));

	if (!groups)
		return refuse(why, -ENOMEM, "no memory for the VFIO devices");
	for (size_t i = 0; i < c->n_vfios; i++)
		groups[i] = files->groups[files->devices[i].group].number;
	return config_check_groups(c, groups, why);
}

/* What sysfs says of a device, for those who look: its address, its driver, and the addresses that it cannot be given. */
static const char *about(struct machine *m, const struct pci_device *pci, struct reason *why)
{
	char *text = machine_keep_new(m, ABOUT_LEN, why);
	int n = text ? snprintf(text, ABOUT_LEN, "%s %s", pci->address, pci->driver) : 0;

	for (size_t i = 0; text && i < pci->n_reserved && n < ABOUT_LEN - 40; i++)
		n += snprintf(text + n, (size_t)(ABOUT_LEN - n), " 0x%llx-0x%llx",
			      (unsigned long long)pci->reserved[i].first,
			      (unsigned long long)pci->reserved[i].last);
	return text;
}

static const char *iommu(struct machine *m, const struct pci_device *pci, struct reason *why)
{
	char *text = machine_keep_new(m, sizeof(pci->iommu), why);

	if (text)
		memcpy(text, pci->iommu, sizeof(pci->iommu));
	return text;
}

static int add_device(struct machine *m, struct machine_unit *unit, const struct config_vfio *c,
		      const struct pci_device *pci, struct reason *why)
{
	struct machine_device of = { .smmu = iommu(m, pci, why),
				     .mid = pci->rid,
				     .allow = &c->allow,
				     .open = &c->open,
				     .about = about(m, pci, why) };

	if (!of.smmu || !of.about)
		return -ENOMEM;
	return machine_add_device(unit, c->name, &of, why);
}

static int add_vfio(struct machine *m, struct reason *why)
{
	_cleanup_(vfio_files_deinit) struct vfio_files files = VFIO_FILES_NULL;
	const struct config *c = machine_config(m);
	struct machine_backend b = { .name = "vfio" };
	struct machine_unit *unit = NULL;
	struct vfio_format *format;
	bool doubtful = true;
	int r;

	if (!c->n_vfios)
		return 0;
	format = make_format(m, why);
	if (!format)
		return -ENOMEM;
	r = open_files(m, &files, why);
	if (r == 0)
		r = check_groups(c, &files, why);
	if (r == 0)
		keep_files(machine_broker(m), &files);
	if (r == 0)
		r = mark_init(machine_mark(m), machine_broker(m)->store, &doubtful, why);
	if (r == 0)
		r = make_backend(c, &files, doubtful, format, &b.backend, why);
	if (r == 0)
		r = machine_add_backend(m, &b, &unit, why);
	for (size_t i = 0; i < c->n_vfios && r == 0; i++)
		r = add_device(m, unit, &c->vfios[i], &files.devices[i].pci, why);
	return r;
}

/* Devices stay, and who may use them changes. */
static int extend_vfio(struct machine *m, const struct config *to, struct reason *why)
{
	_cleanup_(mem_freep) unsigned int *groups = mem_zalloc_n(to->n_vfios + 1, sizeof(*groups));

	if (!groups)
		return refuse(why, -ENOMEM, "no memory for the VFIO devices");
	for (size_t i = 0; i < to->n_vfios; i++) {
		const struct device *d =
			device_by_name(machine_broker(m)->graph, to->vfios[i].name);
		const struct machine_device *hw = d->hw;

		groups[i] = vfio_group(hw->backend, hw->context);
	}
	return config_check_groups(to, groups, why);
}

const struct machine_kind machine_vfio = { .add = add_vfio, .extend = extend_vfio };
