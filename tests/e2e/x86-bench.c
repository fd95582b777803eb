// SPDX-License-Identifier: BSD-3-Clause
/*
 * x86-bench: what mapping and unmapping costs through the backend, against the same by bare ioctl, for edu1. Both in turn, in
 * the same container, the median of each.
 */
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#include "backend/vfio/open.h"
#include "backend/vfio/table.h"
#include "backend/vfio/vfio.h"

#define IOVA UINT64_C(0x10000000)
#define LEN (UINT64_C(4) << 20)
#define ROUNDS 101
#define MOST 1.5 /* times the bare ioctl */

static uint8_t *memory[2]; /* small pages, huge pages */
static int container;

static void *at(void *ctx, uint64_t pa, uint64_t len, uint64_t *out_len)
{
	(void)ctx;
	*out_len = len;
	return pa < LEN ? memory[0] + pa : memory[1] + (pa - LEN);
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	return (*(const double *)a > *(const double *)b) -
	       (*(const double *)a < *(const double *)b);
}

static double median(double *all)
{
	qsort(all, ROUNDS, sizeof(*all), compare);
	return all[ROUNDS / 2];
}

static int bare_map(uint64_t pa, uint64_t len)
{
	uint64_t n;
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map),
						.flags = VFIO_DMA_MAP_FLAG_READ |
							 VFIO_DMA_MAP_FLAG_WRITE,
						.vaddr = (uintptr_t)at(NULL, pa, len, &n),
						.iova = IOVA,
						.size = len };

	return ioctl(container, VFIO_IOMMU_MAP_DMA, &map);
}

static int bare_unmap(uint64_t len)
{
	struct vfio_iommu_type1_dma_unmap unmap = { .argsz = sizeof(unmap),
						    .iova = IOVA,
						    .size = len };

	return ioctl(container, VFIO_IOMMU_UNMAP_DMA, &unmap);
}

/* False when something fails, or the backend costs too much. */
static bool measure(struct table *t, const char *name, uint64_t pa, uint64_t len)
{
	static double us[4][ROUNDS]; /* map, unmap through the backend; bare */
	const struct map_attr rw = { .read = true, .write = true };
	double m[4], begin;
	int r = 0;

	for (int i = 0; i < ROUNDS && r == 0; i++) {
		begin = now_us();
		r |= vfio_table_ops.map(t, IOVA, pa, len, SZ_4K, rw);
		us[0][i] = now_us() - begin;
		begin = now_us();
		r |= vfio_table_ops.unmap(t, IOVA, len);
		us[1][i] = now_us() - begin;
		begin = now_us();
		r |= bare_map(pa, len);
		us[2][i] = now_us() - begin;
		begin = now_us();
		r |= bare_unmap(len);
		us[3][i] = now_us() - begin;
	}
	for (int i = 0; i < 4; i++)
		m[i] = median(us[i]);
	printf("%s mapping %s: %.1f us (%.2f of the bare ioctl), unmapping %.1f us (%.2f)\n",
	       r == 0 && m[0] < MOST * m[2] && m[1] < MOST * m[3] ? "ok  " : "FAIL", name, m[0],
	       m[0] / m[2], m[1], m[1] / m[3]);
	return r == 0 && m[0] < MOST * m[2] && m[1] < MOST * m[3];
}

static struct backend *open_backend(struct vfio_format *format, struct vfio_files *files)
{
	static const char *const addresses[] = { "0000:00:04.0" };
	struct reason why = { "" };
	struct backend *b = NULL;

	if (vfio_files_open(addresses, 1, NULL, files, &why) == 0) {
		struct vfio_group_config group = { files->groups[0].number,
						   files->groups[0].container,
						   files->groups[0].group, false, false };
		struct vfio_device_config device = { "edu1", files->devices[0].pci.rid,
						     files->devices[0].fd, 0 };

		container = group.container;
		vfio_new(&(struct vfio_config){ .groups = &group,
						.n_groups = 1,
						.devices = &device,
						.n_devices = 1 },
			 format, &b, &why);
	}
	if (!b)
		printf("FAIL %s\n", why.text);
	return b;
}

int main(void)
{
	static const struct {
		const char *name;
		uint64_t pa, len;
	} sizes[] = { { "4K", 0, SZ_4K },
		      { "64K", 0, SZ_64K },
		      { "1M", 0, SZ_1M },
		      { "4M", 0, LEN },
		      { "2M of huge pages", LEN, SZ_2M },
		      { "4M of huge pages", LEN, LEN } };
	struct vfio_format *format = vfio_format_new(&(struct vfio_memory){ at, NULL });
	struct vfio_files files = VFIO_FILES_NULL;
	struct backend *b = open_backend(format, &files);
	struct table *t = vfio_table_ops.new(format);
	bool good = b && t;

	for (int i = 0; i < 2; i++) {
		memory[i] = mmap(NULL, LEN, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE | (i ? MAP_HUGETLB : 0),
				 -1, 0);
		good &= memory[i] != MAP_FAILED;
	}
	good = good && b->ops->activate(b, 0, t, HALF_LOW, 0, NULL) == 0;
	for (size_t i = 0; good && i < sizeof(sizes) / sizeof(*sizes); i++)
		good &= measure(t, sizes[i].name, sizes[i].pa, sizes[i].len);
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
