// SPDX-License-Identifier: BSD-3-Clause
#include "backend/vfio/vfio.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>

#include "backend/vfio/fault.h"
#include "backend/vfio/table.h"
#include "base/log.h"
#include "base/mem.h"

struct group {
	struct vfio_container container;
	int fd;
	unsigned int n_active;
};

struct device {
	char *name;
	struct group *group;
	uint16_t rid;
	int fd;
	bool active;
	bool goes_on;  /* it may be at work for what is activated first since before this process */
	uint64_t mark; /* faults up to that are not of what it has now */
};

struct vfio {
	struct backend backend;
	const struct vfio_kernel *kernel;
	struct group *groups;
	size_t n_groups;
	struct device *devices;
	unsigned int n_devices;
	struct vfio_faults *faults;
	bool leaving;
	int silent_fd; /* what is never readable, where faults are told nowhere */
};

static struct vfio *self(struct backend *b)
{
	return (struct vfio *)(void *)b;
}

static void vfio_caps(struct backend *b, struct backend_caps *out)
{
	const struct vfio *v = self(b);

	*out = (struct backend_caps){
		.page_sizes = ~UINT64_C(0),
		.va_bits = vfio_table_ops.va_bits,
		.pa_bits = 64,
		.n_contexts = v->n_devices,
		.n_banks = v->n_devices,
	};
	for (size_t i = 0; i < v->n_groups; i++)
		out->page_sizes &= v->groups[i].container.info.page_sizes;
}

static int vfio_context_by_name(struct backend *b, const char *name)
{
	for (unsigned int i = 0; i < self(b)->n_devices; i++)
		if (strcmp(self(b)->devices[i].name, name) == 0)
			return (int)i;
	return -ENOENT;
}

static uint64_t vfio_base_addr(struct backend *b _unused_)
{
	return 0;
}

static uint32_t vfio_hw_version(struct backend *b _unused_)
{
	return 0;
}

/* --- activation ------------------------------------------------------------------------------------------------------- */

static struct device *device_for(struct vfio *v, unsigned int context, enum half half,
				 unsigned int split, int *out_r, struct reason *why)
{
	if (context >= v->n_devices)
		*out_r = refuse(why, -EINVAL, "there is no VFIO device %u", context);
	else if (half != HALF_LOW || split)
		*out_r = refuse(why, -EINVAL, "%s: VFIO has no split address space",
				v->devices[context].name);
	else
		return &v->devices[context];
	return NULL;
}

static int bus_master(const struct vfio *v, const struct device *d, bool on, struct reason *why)
{
	int r = v->kernel->ops->bus_master(v->kernel->ctx, d->fd, on);

	return r < 0 ? refuse(why, -EIO, "%s cannot be %s as a bus master (errno %d)", d->name,
			      on ? "enabled" : "disabled", -r) :
		       0;
}

/* What is next is another's. */
static void part(const struct vfio *v, struct device *d)
{
	if (v->faults && !d->goes_on)
		d->mark = vfio_faults_mark(v->faults);
	d->goes_on = false;
}

static int hardware(int r)
{
	return r == -ENOSPC ? -ENOMEM : r;
}

/*
 * After a failure: whether there are mappings that do not go. Then their table is active, so that the memory behind them stays
 * held, and the device is no bus master.
 */
static bool is_stuck(const struct device *d)
{
	struct vfio_container *c = &d->group->container;

	return c->table && !d->group->n_active && vfio_table_unload(c, NULL) < 0;
}

static int vfio_activate(struct backend *b, unsigned int context, struct table *t, enum half half,
			 unsigned int split, struct reason *why)
{
	struct vfio *v = self(b);
	int r = 0;
	struct device *d = device_for(v, context, half, split, &r, why);
	struct vfio_container *c = d ? &d->group->container : NULL;

	if (!d)
		return r;
	if (d->active)
		return refuse(why, -EBUSY, "%s is active already", d->name);
	if (c->table && c->table != vfio_table_of(t))
		return refuse(why, -EBUSY,
			      "%s shares group %u with a device that is active for another vcm",
			      d->name, c->group);
	if (!c->table)
		r = vfio_table_load(c, vfio_table_of(t), why);
	part(v, d);
	if (r == 0)
		r = bus_master(v, d, true, why);
	if (r < 0 && !is_stuck(d))
		return hardware(r);
	if (r < 0)
		log_error(
			"%s: what is mapped of its vcm does not go: it is active, and no bus master",
			d->name);
	d->active = true;
	d->group->n_active++;
	return 0;
}

static int vfio_deactivate(struct backend *b, unsigned int context, enum half half,
			   struct reason *why)
{
	struct vfio *v = self(b);
	int r = 0;
	struct device *d = device_for(v, context, half, 0, &r, why);

	if (!d)
		return r;
	if (!d->active)
		return refuse(why, -ENOENT, "%s is not active", d->name);
	r = bus_master(v, d, false, why);
	/* One that does not answer, as it has been pulled out, reaches nothing without the table. */
	if (d->group->n_active == 1) {
		int off = r;

		r = vfio_table_unload(&d->group->container, why);
		if (r == 0 && off < 0)
			log_warning("%s does not answer: it has no mappings any more", d->name);
	}
	if (r < 0)
		return r;
	d->active = false;
	d->group->n_active--;
	return 0;
}

/*
 * What was there comes back when the new one does not fit. Whatever the kernel refuses, the container has the table of which
 * it may hold mappings.
 */
static int swap(struct vfio_container *c, struct vfio_table *t, struct reason *why)
{
	struct vfio_table *old = c->table;
	int r = vfio_table_unload(c, why);

	if (r < 0)
		return r;
	r = vfio_table_load(c, t, why);
	if (r == 0 || (c->table && vfio_table_unload(c, NULL) < 0))
		return r;
	if (vfio_table_load(c, old, NULL) < 0) {
		log_error("vfio: group %u has lost its mappings: devices fault there", c->group);
		vfio_table_keep(c, old);
	}
	return r;
}

/* The device is quiet. */
static int swap_quiet(const struct vfio *v, struct device *d, struct vfio_table *t,
		      struct reason *why)
{
	struct vfio_container *c = &d->group->container;
	struct vfio_table *old = c->table;
	int r = swap(c, t, why), on;

	if (r < 0 && c->table == t)
		return r;
	if (r == 0)
		part(v, d);
	on = bus_master(v, d, true, r < 0 ? NULL : why);
	if (r == 0 && on < 0) {
		r = on;
		swap(c, old, NULL);
	}
	return r;
}

static int vfio_replace(struct backend *b, unsigned int context, struct table *new_t,
			enum half half, unsigned int split, struct reason *why)
{
	struct vfio *v = self(b);
	int r = 0;
	struct device *d = device_for(v, context, half, split, &r, why);

	if (!d)
		return r;
	if (!d->active)
		return refuse(why, -ENOENT, "%s is not active", d->name);
	if (d->group->container.table == vfio_table_of(new_t))
		return 0;
	if (d->group->n_active > 1)
		return refuse(why, -EBUSY,
			      "%s shares group %u with a device that is active for the old vcm",
			      d->name, d->group->container.group);
	r = bus_master(v, d, false, why);
	if (r == 0)
		r = swap_quiet(v, d, vfio_table_of(new_t), why);
	if (r < 0 && d->group->container.table == vfio_table_of(new_t)) {
		log_error(
			"%s cannot be given its old vcm back: it has the new one, and is no bus master",
			d->name);
		return 0;
	}
	return r < 0 ? hardware(r) : 0;
}

static int vfio_translate(struct backend *b, unsigned int context, uint64_t va, uint64_t *out_pa)
{
	const struct vfio *v = self(b);
	const struct vfio_run *run;

	if (context >= v->n_devices || !v->devices[context].active)
		return -ENOENT;
	run = vfio_table_find(v->devices[context].group->container.table, va);
	if (!run || !run->dma.read)
		return -EFAULT;
	*out_pa = run->pa + (va - run->dma.iova);
	return 0;
}

/* --- faults ----------------------------------------------------------------------------------------------------------- */

static int vfio_fault_fd(struct backend *b)
{
	const struct vfio *v = self(b);

	return v->faults ? vfio_faults_fd(v->faults) : v->silent_fd;
}

/* The IOMMU's reasons do not tell a mapping that forbids from none. */
static bool is_mapped(const struct device *d, uint64_t addr)
{
	struct vfio_table *t = d->group->container.table;

	return t && vfio_table_find(t, addr);
}

/* The segment of a device is not told: two of one rid are not told apart. */
static bool is_alone(const struct vfio *v, const struct device *d)
{
	for (unsigned int i = 0; i < v->n_devices; i++)
		if (v->devices[i].rid == d->rid && &v->devices[i] != d)
			return false;
	return true;
}

static struct fault fault_of(const struct vfio *v, unsigned int context, const struct vfio_fault *f)
{
	const struct device *d = &v->devices[context];
	bool former = f->at <= d->mark || !is_alone(v, d);

	return (struct fault){ .context = context,
			       .addr = f->addr,
			       .write = f->write,
			       .permission = !former && is_mapped(d, f->addr),
			       .former = former,
			       .fsr = f->reason };
}

#define STRANGERS_MAX 256

/* Faults of all devices of the machine come: those of others are not ours to tell of. What comes after many of them is told
 * when more come, or a turn later: the file stays readable. */
static int vfio_fault_next(struct backend *b, struct fault *out)
{
	const struct vfio *v = self(b);
	struct vfio_fault f;

	for (unsigned int n = 0; v->faults && n < STRANGERS_MAX && vfio_faults_next(v->faults, &f);
	     n++) {
		for (unsigned int i = 0; i < v->n_devices; i++) {
			if (v->devices[i].rid != f.rid)
				continue;
			*out = fault_of(v, i, &f);
			return 1;
		}
	}
	return 0;
}

static int vfio_fault_resume(struct backend *b _unused_, unsigned int context _unused_,
			     bool retry _unused_)
{
	return -ENOENT;
}

/* --- life ------------------------------------------------------------------------------------------------------------- */

static int vfio_device_fd(struct backend *b, unsigned int context)
{
	return self(b)->devices[context].fd;
}

static const struct range *vfio_reach(struct backend *b, unsigned int context, size_t *out_n)
{
	const struct vfio_info *info = &self(b)->devices[context].group->container.info;

	*out_n = info->n_apertures;
	return info->apertures;
}

uint64_t vfio_entries_left(struct backend *b, unsigned int context)
{
	const struct vfio *v = self(b);
	struct vfio_info info;

	return v->kernel->ops->info(v->kernel->ctx, v->devices[context].group->container.fd,
				    &info) < 0 ?
		       0 :
		       info.entries_left;
}

unsigned int vfio_group(struct backend *b, unsigned int context)
{
	return self(b)->devices[context].group->container.group;
}

static int vfio_settle(struct backend *b, struct reason *why)
{
	struct vfio *v = self(b);
	int r = 0;

	for (unsigned int i = 0; i < v->n_devices; i++) {
		v->devices[i].goes_on = false;
		if (!v->devices[i].active && bus_master(v, &v->devices[i], false, why) < 0)
			r = -EIO;
	}
	for (size_t i = 0; i < v->n_groups; i++) {
		struct vfio_container *c = &v->groups[i].container;

		if (!c->table && vfio_container_clear(c, why) < 0)
			r = -EIO;
	}
	return r;
}

/* The containers go with their files, and what is mapped in them with those. */
static void release(struct vfio *v, bool close_files)
{
	for (unsigned int i = 0; i < v->n_devices; i++) {
		mem_free(v->devices[i].name);
		if (close_files)
			fd_closep(&v->devices[i].fd);
	}
	for (size_t i = 0; i < v->n_groups && close_files; i++) {
		fd_closep(&v->groups[i].fd);
		fd_closep(&v->groups[i].container.fd);
	}
	if (close_files)
		vfio_faults_free(v->faults);
	fd_closep(&v->silent_fd);
	mem_free(v->devices);
	mem_free(v->groups);
	mem_free(v);
}

/* The mappings are the containers', which outlive this process where somebody keeps their files. */
static void vfio_leave(struct backend *b)
{
	self(b)->leaving = true;
	vfio_format_leave(b->format_ctx);
}

static void vfio_free(struct backend *b)
{
	struct vfio *v = self(b);

	if (!v)
		return;
	for (unsigned int i = 0; i < v->n_devices; i++)
		if (v->devices[i].active && !v->leaving)
			vfio_deactivate(b, i, HALF_LOW, NULL);
	for (size_t i = 0; i < v->n_groups; i++)
		if (v->groups[i].container.table)
			LIST_REMOVE(&v->groups[i].container, link);
	release(v, true);
}

static const struct backend_ops vfio_ops = {
	.name = "vfio",
	.caps = vfio_caps,
	.context_by_name = vfio_context_by_name,
	.base_addr = vfio_base_addr,
	.hw_version = vfio_hw_version,
	.activate = vfio_activate,
	.deactivate = vfio_deactivate,
	.replace = vfio_replace,
	.translate = vfio_translate,
	.fault_fd = vfio_fault_fd,
	.fault_next = vfio_fault_next,
	.fault_resume = vfio_fault_resume,
	.reach = vfio_reach,
	.device_fd = vfio_device_fd,
	.settle = vfio_settle,
	.leave = vfio_leave,
	.free = vfio_free,
};

static int take_group(struct vfio *v, const struct vfio_group_config *config, struct reason *why)
{
	struct group *g = &v->groups[v->n_groups++];
	int r;

	g->fd = config->group;
	g->container = (struct vfio_container){ .kernel = v->kernel,
						.fd = config->container,
						.group = config->number,
						.inherited = config->inherited,
						.doubtful = config->doubtful };
	r = v->kernel->ops->info(v->kernel->ctx, g->container.fd, &g->container.info);
	return r < 0 ? refuse(why, r, "the container of group %u says nothing of itself (errno %d)",
			      config->number, -r) :
		       0;
}

static int take_device(struct vfio *v, const struct vfio_device_config *config, struct reason *why)
{
	struct device *d = &v->devices[v->n_devices++];

	assert(config->group < v->n_groups);
	d->group = &v->groups[config->group];
	d->rid = config->rid;
	d->fd = config->fd;
	d->goes_on = d->group->container.inherited;
	d->name = mem_strdup(config->name);
	if (!d->name)
		return refuse(why, -ENOMEM, "no memory");
	/* Whoever was there before may have left it running. */
	return d->group->container.inherited ? 0 : bus_master(v, d, false, why);
}

static int take_all(struct vfio *v, const struct vfio_config *config, struct reason *why)
{
	int r = 0;

	v->groups = mem_zalloc_n(config->n_groups + 1, sizeof(*v->groups));
	v->devices = mem_zalloc_n(config->n_devices + 1, sizeof(*v->devices));
	v->silent_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!v->groups || !v->devices)
		return refuse(why, -ENOMEM, "no memory");
	if (v->silent_fd < 0)
		return refuse(why, -errno, "no file descriptor is left");
	for (size_t i = 0; i < config->n_groups && r == 0; i++)
		r = take_group(v, &config->groups[i], why);
	for (size_t i = 0; i < config->n_devices && r == 0; i++)
		r = take_device(v, &config->devices[i], why);
	return r;
}

int vfio_new(const struct vfio_config *config, struct vfio_format *format, struct backend **out,
	     struct reason *why)
{
	struct vfio *v = mem_new0(struct vfio);
	int r;

	if (!v)
		return refuse(why, -ENOMEM, "no memory");
	v->backend = (struct backend){ &vfio_ops, &vfio_table_ops, format };
	v->kernel = config->kernel ? config->kernel : &vfio_kernel;
	v->silent_fd = -1;
	r = take_all(v, config, why);
	if (r < 0) {
		release(v, false);
		return r;
	}
	v->faults = config->faults;
	*out = &v->backend;
	return 0;
}
