// SPDX-License-Identifier: BSD-3-Clause
#include "tests/backend/vfio-model.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

const struct map_attr model_rw = { .read = true, .write = true, .user = true };
const struct map_attr model_ro = { .read = true, .user = true };

/* --- the kernel ------------------------------------------------------------------------------------------------------- */

static struct range range_of(const struct vfio_dma *dma)
{
	return (struct range){ dma->iova, dma->iova + (dma->len - 1) };
}

static struct model_container *container(struct vfio_model *m, int fd)
{
	for (size_t i = 0; i < MODEL_GROUPS; i++)
		if (m->containers[i].fd == fd)
			return &m->containers[i];
	ck_abort_msg("container %d", fd);
	return NULL;
}

static bool fails(struct vfio_model *m, enum model_call call)
{
	m->n_calls[call]++;
	if (m->fails_once[call] && !--m->fails_once[call])
		return true;
	if (m->fail_in[call] == 0)
		return false;
	if (m->fail_in[call] > 1)
		m->fail_in[call]--;
	else
		return true;
	return false;
}

static int op_info(void *ctx, int fd, struct vfio_info *out)
{
	struct vfio_model *m = ctx;

	*out = (struct vfio_info){
		.page_sizes = m->page_sizes,
		.entries_left = m->entries - container(m, fd)->n,
		.can_take_over = m->can_take_over,
		.apertures = { { 0, 0xfedfffff }, { 0xfef00000, 0x7fffffffff } },
		.n_apertures = m->n_apertures,
	};
	return 0;
}

static int op_map(void *ctx, int fd, const struct vfio_dma *dma)
{
	struct vfio_model *m = ctx;
	struct model_container *c = container(m, fd);

	if (fails(m, MODEL_MAP))
		return -EIO;
	if (!dma->len || !is_aligned(dma->iova | dma->len | (uintptr_t)dma->at, PAGE_LEN) ||
	    !(dma->read || dma->write))
		return -EINVAL;
	for (size_t i = 0; i < c->n; i++)
		if (range_meets(range_of(&c->mappings[i].dma), range_of(dma)))
			return -EEXIST;
	if (c->n == m->entries || c->n == MODEL_MAPPINGS)
		return -ENOSPC;
	if (model_pinned(m) + dma->len > m->pin_limit)
		return -ENOMEM;
	c->mappings[c->n++] = (struct model_mapping){ .dma = *dma };
	return 0;
}

static void note_gaps(struct vfio_model *m, const struct model_container *c)
{
	for (size_t i = 0; i < MODEL_DEVICES; i++)
		if (&m->containers[m->devices[i].group] == c && m->devices[i].bus_master)
			m->n_gaps++;
}

static int64_t op_unmap(void *ctx, int fd, struct range r)
{
	struct vfio_model *m = ctx;
	struct model_container *c = container(m, fd);
	int64_t len = 0;

	if (fails(m, MODEL_UNMAP))
		return -EIO;
	for (size_t i = 0; i < c->n; i++)
		if (range_meets(range_of(&c->mappings[i].dma), r) &&
		    !range_covers(r, range_of(&c->mappings[i].dma)))
			return -EINVAL;
	for (size_t i = c->n; i-- > 0;) {
		if (!range_covers(r, range_of(&c->mappings[i].dma)))
			continue;
		len += (int64_t)c->mappings[i].dma.len;
		c->mappings[i] = c->mappings[--c->n];
		note_gaps(m, c);
	}
	return len;
}

static int64_t op_unmap_all(void *ctx, int fd)
{
	const struct vfio_model *m = ctx;

	return m->ranges_only ? -EINVAL : op_unmap(ctx, fd, (struct range){ 0, UINT64_MAX });
}

static int64_t op_give_up(void *ctx, int fd)
{
	struct model_container *c = container(ctx, fd);
	int64_t len = 0;

	/* All that the call itself had given up is back then. */
	for (size_t i = 0; i < c->n; i++)
		if (c->mappings[i].given_up)
			return -EINVAL;
	for (size_t i = 0; i < c->n; i++) {
		c->mappings[i].given_up = true;
		len += (int64_t)c->mappings[i].dma.len;
	}
	return len;
}

static int op_take_over(void *ctx, int fd, const struct vfio_dma *dma)
{
	struct model_container *c = container(ctx, fd);

	for (size_t i = 0; i < c->n; i++) {
		struct model_mapping *mapping = &c->mappings[i];

		if (mapping->dma.iova != dma->iova)
			continue;
		if (!mapping->given_up || mapping->dma.len != dma->len)
			return -EINVAL;
		mapping->given_up = false;
		return 0;
	}
	return -ENOENT;
}

static int op_bus_master(void *ctx, int fd, bool on)
{
	struct vfio_model *m = ctx;

	if (fails(m, MODEL_BUS_MASTER))
		return -EIO;
	for (size_t i = 0; i < MODEL_DEVICES; i++)
		if (m->devices[i].fd == fd)
			m->devices[i].bus_master = on;
	return 0;
}

static uint64_t op_pinnable(void *ctx)
{
	const struct vfio_model *m = ctx;

	return m->pin_limit - model_pinned(m);
}

static const struct vfio_kernel_ops kernel_ops = {
	.info = op_info,
	.map = op_map,
	.unmap = op_unmap,
	.unmap_all = op_unmap_all,
	.give_up = op_give_up,
	.take_over = op_take_over,
	.bus_master = op_bus_master,
	.pinnable = op_pinnable,
};

void model_init(struct vfio_model *m)
{
	static const size_t groups[MODEL_DEVICES] = { 0, 1, 1 };

	*m = (struct vfio_model){ .entries = MODEL_MAPPINGS,
				  .pin_limit = UINT64_MAX / 2,
				  .page_sizes = 0x40201000,
				  .n_apertures = 2,
				  .can_take_over = true };
	m->kernel = (struct vfio_kernel){ &kernel_ops, m };
	for (size_t i = 0; i < MODEL_DEVICES; i++)
		m->devices[i] = (struct model_device){ .fd = -1, .group = groups[i] };
}

size_t model_count(const struct vfio_model *m, size_t group)
{
	return m->containers[group].n;
}

uint64_t model_pinned(const struct vfio_model *m)
{
	uint64_t len = 0;

	for (size_t g = 0; g < MODEL_GROUPS; g++)
		for (size_t i = 0; i < m->containers[g].n; i++)
			len += m->containers[g].mappings[i].dma.len;
	return len;
}

const struct model_mapping *model_find(const struct vfio_model *m, size_t group, uint64_t iova)
{
	for (size_t i = 0; i < m->containers[group].n; i++)
		if (m->containers[group].mappings[i].dma.iova == iova)
			return &m->containers[group].mappings[i];
	return NULL;
}

static uint8_t *byte_for(const struct vfio_model *m, size_t group, uint64_t iova, bool write)
{
	for (size_t i = 0; i < m->containers[group].n; i++) {
		const struct vfio_dma *dma = &m->containers[group].mappings[i].dma;

		if (range_has(range_of(dma), iova) && (write ? dma->write : dma->read))
			return (uint8_t *)dma->at + (iova - dma->iova);
	}
	return NULL;
}

bool model_dma(struct vfio_model *m, size_t device, uint64_t iova, bool write, void *buf,
	       size_t len)
{
	struct model_device *d = &m->devices[device];
	uint8_t *bytes = buf;

	if (!d->bus_master)
		return false;
	for (size_t i = 0; i < len; i++) {
		uint8_t *at = byte_for(m, d->group, iova + i, write);

		if (!at) {
			d->n_faults++;
			return false;
		}
		if (write)
			*at = bytes[i];
		else
			bytes[i] = *at;
	}
	return true;
}

/* --- the machine ------------------------------------------------------------------------------------------------------ */

uint8_t *machine_at(const struct vfio_machine *m, uint64_t pa)
{
	return m->arenas[pa >= MODEL_PA_B] + pa % MODEL_ARENA_LEN;
}

static void *memory_at(void *ctx, uint64_t pa, uint64_t len, uint64_t *out_len)
{
	const struct vfio_machine *m = ctx;
	uint64_t left = MODEL_ARENA_LEN - pa % MODEL_ARENA_LEN;

	if (pa < MODEL_PA_A || pa >= MODEL_PA_B + MODEL_ARENA_LEN)
		return NULL;
	*out_len = len < left ? len : left;
	return machine_at(m, pa);
}

void machine_init(struct vfio_machine *m)
{
	struct vfio_memory memory = { memory_at, m };

	model_init(&m->model);
	for (size_t i = 0; i < 2; i++) {
		m->arenas[i] = mmap(NULL, MODEL_ARENA_LEN + PAGE_LEN, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		ck_assert_ptr_ne(m->arenas[i], MAP_FAILED);
	}
	m->format = vfio_format_new(&memory);
	ck_assert_ptr_nonnull(m->format);
	machine_start(m, false);
}

static int some_fd(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

void machine_start(struct vfio_machine *m, bool inherited)
{
	static const char *const names[MODEL_DEVICES] = { "edu", "left", "right" };
	struct vfio_group_config groups[MODEL_GROUPS];
	struct vfio_device_config devices[MODEL_DEVICES];
	struct vfio_config config = { .kernel = &m->model.kernel,
				      .groups = groups,
				      .n_groups = MODEL_GROUPS,
				      .devices = devices,
				      .n_devices = MODEL_DEVICES,
				      .faults = m->faults };
	struct reason why;

	for (size_t i = 0; i < MODEL_GROUPS; i++) {
		m->model.containers[i].fd = some_fd();
		groups[i] =
			(struct vfio_group_config){ (unsigned int)i + 5, m->model.containers[i].fd,
						    some_fd(), inherited, m->doubtful };
	}
	for (size_t i = 0; i < MODEL_DEVICES; i++) {
		m->model.devices[i].fd = some_fd();
		devices[i] = (struct vfio_device_config){
			names[i], (uint16_t)(i == 2 && m->same_rid ? 0x18 : 0x18 + i),
			m->model.devices[i].fd, m->model.devices[i].group
		};
	}
	ck_assert_int_eq(vfio_new(&config, m->format, &m->backend, &why), 0);
	m->faults = NULL;
}

/* Nobody is told that it goes. */
void machine_crash(struct vfio_machine *m)
{
	struct vfio_model saved = m->model;

	m->backend->ops->free(m->backend);
	m->backend = NULL;
	m->model = saved;
}

void machine_deinit(struct vfio_machine *m)
{
	if (m->backend)
		m->backend->ops->free(m->backend);
	vfio_format_free(m->format);
	for (size_t i = 0; i < 2; i++)
		munmap(m->arenas[i], MODEL_ARENA_LEN + PAGE_LEN);
}

struct table *machine_table(struct vfio_machine *m)
{
	struct table *t = vfio_table_ops.new(m->format);

	ck_assert_ptr_nonnull(t);
	return t;
}

int machine_map(struct table *t, uint64_t va, uint64_t pa, uint64_t len, struct map_attr attr)
{
	int r;

	vfio_table_ops.update_start(t);
	r = vfio_table_ops.map(t, va, pa, len, SZ_4K, attr);
	vfio_table_ops.update_done(t);
	return r;
}

int machine_activate(struct vfio_machine *m, unsigned int device, struct table *t,
		     struct reason *why)
{
	return m->backend->ops->activate(m->backend, device, t, HALF_LOW, 0, why);
}

int machine_deactivate(struct vfio_machine *m, unsigned int device, struct reason *why)
{
	return m->backend->ops->deactivate(m->backend, device, HALF_LOW, why);
}
