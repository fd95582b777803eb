// SPDX-License-Identifier: BSD-3-Clause
/*
 * x86-client: what the public API does for devices behind an IOMMU of the kernel's. It sees the installed headers and library
 * only. The devices edu0 and edu1 are in groups of their own; memtype 0 is ordinary memory, memtype 1 huge pages.
 */
#include <pthread.h>
#include <stdatomic.h>

#include <vcm/inspect.h>
#include <vcm/sim.h>

#include "tests/e2e/x86-client.h"

static size_t dev[2];
static struct edu edu[2];
static struct region region;

static struct {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	unsigned int n;
	struct vcm_fault last;
} hook = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, { 0 } };

static int on_fault(size_t dev_id, void *data, void *fault)
{
	(void)dev_id;
	(void)data;
	pthread_mutex_lock(&hook.lock);
	hook.n++;
	hook.last = *(struct vcm_fault *)fault;
	pthread_cond_broadcast(&hook.cond);
	pthread_mutex_unlock(&hook.lock);
	return VCM_FAULT_TERMINATE;
}

/* A fault that comes within 5 s: one that came before does not count. */
static bool fault_comes(unsigned int before)
{
	struct timespec end;
	bool came;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 5;
	pthread_mutex_lock(&hook.lock);
	while (hook.n == before && pthread_cond_timedwait(&hook.cond, &hook.lock, &end) == 0)
		;
	came = hook.n > before;
	pthread_mutex_unlock(&hook.lock);
	return came;
}

static struct region open_region(size_t device_id)
{
	struct region r = { .vcm = vcm_create(START, LEN) };

	need(r.vcm);
	r.avcm = vcm_assoc(r.vcm, device_id, 0);
	need(r.avcm && vcm_activate(r.avcm) == 0);
	return r;
}

static void close_region(const struct region *r)
{
	if (vcm_is_active(r->avcm) == 1)
		expect(vcm_deactivate(r->avcm) == 0);
	expect(vcm_deassoc(r->avcm) == 0);
	expect(vcm_free(r->vcm) == 0);
}

/* From one reservation to the other, and compared at the CPU's pointers: a part at the start, one across each border that is
 * given, one at the end. All else is as it was. */
static void copies(enum memtype_t memtype, size_t len, uint32_t phys_attr, size_t border)
{
	struct buffer from = buffer_new(region.vcm, memtype, len, phys_attr, RW),
		      to = buffer_new(region.vcm, memtype, len, phys_attr, RW);
	const size_t at[] = { 0, border - EDU_CHUNK / 2, len - EDU_CHUNK };
	size_t n = border < len ? 3 : 2, same = 0;

	pattern(from.at, len, 3);
	memset(to.at, 0xee, len);
	for (size_t i = 0; i < n; i++) {
		size_t off = i == 1 && n == 2 ? len - EDU_CHUNK : at[i];

		edu_read(&edu[0], from.addr + off);
		edu_write(&edu[0], to.addr + off);
		expect(is_pattern(to.at, EDU_CHUNK, 3, off));
	}
	for (size_t i = 0; i < len; i++)
		same += to.at[i] == 0xee || to.at[i] == from.at[i];
	expect(same == len);
	for (size_t off = EDU_CHUNK; n == 3 && off < border - EDU_CHUNK; off += EDU_CHUNK)
		expect(is_all(to.at + off, EDU_CHUNK, 0xee));
	buffer_free(&from);
	buffer_free(&to);
}

static void copies_by_the_device_are_seen_by_the_cpu(void)
{
	copies(VCM_MEMTYPE_0, 0x4000, VCM_4KB, 0x1000);
	end_case("edu copies between reservations of 4K chunks");
	copies(VCM_MEMTYPE_0, 0x40000, VCM_64KB, 0x10000);
	end_case("edu copies between reservations of 64K chunks");
	copies(VCM_MEMTYPE_0, 0x200000, VCM_1MB, 0x100000);
	end_case("edu copies between reservations of 1M chunks");
	copies(VCM_MEMTYPE_1, 0x400000, VCM_ALL, 0x200000);
	end_case("edu copies between reservations of 2M huge pages");
}

/* Pieces of memory that are apart are one range for the device. */
static void scattered_memory_is_contiguous_for_the_device(void)
{
	struct physmem *holes[8], *keep[8];
	struct buffer b;
	size_t len, pa, n = 0;

	for (int i = 0; i < 8; i++) {
		keep[i] = vcm_phys_alloc(VCM_MEMTYPE_2, 0x1000, VCM_4KB);
		holes[i] = vcm_phys_alloc(VCM_MEMTYPE_2, 0x1000, VCM_4KB);
		need(keep[i] && holes[i]);
	}
	for (int i = 0; i < 8; i++)
		expect(vcm_phys_free(holes[i]) == 0);
	b = buffer_new(region.vcm, VCM_MEMTYPE_2, 0x8000, VCM_4KB, RW);
	for (pa = vcm_get_next_phys_addr(b.mem, 0, &len); pa;
	     pa = vcm_get_next_phys_addr(b.mem, pa, &len))
		n++;
	expect(n > 1);
	pattern(b.at, 0x2000, 9);
	edu_read(&edu[0], b.addr + 0x1000 - EDU_CHUNK / 2);
	edu_write(&edu[0], b.addr + 0x5000 - EDU_CHUNK / 2);
	expect(!memcmp(b.at + 0x1000 - EDU_CHUNK / 2, b.at + 0x5000 - EDU_CHUNK / 2, EDU_CHUNK));
	buffer_free(&b);
	for (int i = 0; i < 8; i++)
		expect(vcm_phys_free(keep[i]) == 0);
	end_case("memory in pieces is one range for the device");
}

static void two_regions_take_turns_on_one_device(void)
{
	struct buffer first = buffer_new(region.vcm, VCM_MEMTYPE_0, 0x1000, VCM_ALL, RW), second;
	struct region other = { .vcm = vcm_create(START, LEN) };

	other.avcm = vcm_assoc(other.vcm, dev[0], 0);
	need(other.vcm && other.avcm);
	expect(vcm_activate(other.avcm) == -EBUSY);
	expect(vcm_activate_ex(other.avcm, VCM_ACTIVATE_SWITCH) == 0);
	second = buffer_new(other.vcm, VCM_MEMTYPE_0, 0x1000, VCM_ALL, RW);
	expect(first.addr == second.addr);
	pattern(first.at, 0x1000, 1);
	pattern(second.at, 0x1000, 2);
	for (int i = 0; i < 2; i++) {
		edu_read(&edu[0], second.addr);
		edu_write(&edu[0], second.addr + EDU_CHUNK);
		expect(!memcmp(second.at, second.at + EDU_CHUNK, EDU_CHUNK));
		expect(is_pattern(first.at, 0x1000 - i * EDU_CHUNK, 1, 0));
		expect(vcm_activate_ex(region.avcm, VCM_ACTIVATE_SWITCH) == 0);
		edu_read(&edu[0], first.addr);
		edu_write(&edu[0], first.addr + EDU_CHUNK);
		expect(!memcmp(first.at, first.at + EDU_CHUNK, EDU_CHUNK));
		expect(vcm_activate_ex(other.avcm, VCM_ACTIVATE_SWITCH) == 0);
	}
	buffer_free(&second);
	expect(vcm_activate_ex(region.avcm, VCM_ACTIVATE_SWITCH) == 0);
	buffer_free(&first);
	close_region(&other);
	end_case("two regions are switched on one device");
}

static void what_is_taken_away_faults(void)
{
	struct buffer b = buffer_new(region.vcm, VCM_MEMTYPE_0, 0x10000, VCM_ALL, RW);
	unsigned int before = hook.n;

	memset(b.at, 0x55, b.len);
	expect(vcm_unback(b.res) == 0);
	edu_write(&edu[0], b.addr + 0x3000);
	expect(is_all(b.at, b.len, 0x55));
	expect(fault_comes(before));
	expect(hook.last.dev_addr == b.addr + 0x3000);
	expect(hook.last.flags & VCM_FAULT_F_WRITE);
	expect(!(hook.last.flags & VCM_FAULT_F_PERMISSION));
	expect(vcm_back(b.res, b.mem) == 0);
	edu_write(&edu[0], b.addr + 0x3000);
	expect(!is_all(b.at + 0x3000, EDU_CHUNK, 0x55));
	buffer_free(&b);
	end_case("memory that is taken away is untouched, and the fault arrives in the hook");
}

static void what_is_read_only_is_not_written(void)
{
	struct buffer b = buffer_new(region.vcm, VCM_MEMTYPE_0, 0x1000, VCM_ALL, VCM_READ);
	unsigned int before = hook.n;

	memset(b.at, 0x66, b.len);
	edu_write(&edu[0], b.addr + EDU_CHUNK);
	expect(is_all(b.at, b.len, 0x66));
	expect(fault_comes(before));
	expect(hook.last.dev_addr == b.addr);
	expect(hook.last.flags & VCM_FAULT_F_PERMISSION);
	edu_read(&edu[0], b.addr);
	expect(vcm_set_res_attr(b.res, RW) == 0);
	memset(b.at, 0, b.len);
	edu_write(&edu[0], b.addr + EDU_CHUNK);
	expect(is_all(b.at + EDU_CHUNK, EDU_CHUNK, 0x66));
	buffer_free(&b);
	end_case("read-only memory is read, and not written until it may be");
}

static void an_inactive_device_reaches_nothing(void)
{
	struct buffer b = buffer_new(region.vcm, VCM_MEMTYPE_0, 0x1000, VCM_ALL, RW);

	memset(b.at, 0x77, b.len);
	expect(vcm_deactivate(region.avcm) == 0);
	edu_write(&edu[0], b.addr);
	expect(is_all(b.at, b.len, 0x77));
	expect(vcm_activate(region.avcm) == 0);
	edu_read(&edu[0], b.addr);
	memset(b.at, 0, b.len);
	edu_write(&edu[0], b.addr + EDU_CHUNK);
	expect(is_all(b.at + EDU_CHUNK, EDU_CHUNK, 0x77));
	buffer_free(&b);
	end_case("a device that is not active reaches nothing, and all of it again when it is");
}

static void what_the_bus_reserves_is_refused(void)
{
	struct vcm *v = vcm_create(0xfe000000, 0x2000000);
	struct avcm *a = vcm_assoc(v, dev[0], 0);

	expect(v && !a);
	expect(strstr(vcm_last_error(), "0xfee00000 .. 0xfeefffff"));
	expect(vcm_free(v) == 0);
	v = vcm_create(UINT64_C(0x7fff000000), 0x2000000);
	expect(v && !vcm_assoc(v, dev[0], 0));
	expect(vcm_free(v) == 0);
	end_case("a region over reserved addresses is refused, with the reason");
}

/* The same memory for two devices, each behind a table of its own. */
static void two_devices_share_memory(void)
{
	struct avcm *second = vcm_assoc(region.vcm, dev[1], 0);
	struct buffer b;

	need(second && vcm_activate(second) == 0);
	b = buffer_new(region.vcm, VCM_MEMTYPE_0, 0x2000, VCM_ALL, RW);
	pattern(b.at, b.len, 4);
	edu_read(&edu[0], b.addr);
	edu_read(&edu[1], b.addr + 0x1000);
	edu_write(&edu[0], b.addr + 0x800);
	edu_write(&edu[1], b.addr + 0x1800);
	expect(!memcmp(b.at, b.at + 0x800, EDU_CHUNK));
	expect(!memcmp(b.at + 0x1000, b.at + 0x1800, EDU_CHUNK));
	buffer_free(&b);
	expect(vcm_deactivate(second) == 0);
	expect(vcm_deassoc(second) == 0);
	end_case("two devices share one region");
}

/* --- two formats ------------------------------------------------------------------------------------------------------ */

static uint64_t left;

static int note_left(void *ctx, const struct vcm_row *row)
{
	if (!strcmp(row->s[0], ctx))
		left = row->n[VCM_DEVICE_MAPPINGS_LEFT];
	return 0;
}

static uint64_t mappings_left(void)
{
	static char name[] = "edu0";

	left = 0;
	expect(vcm_inspect(VCM_TABLE_DEVICES, 0, note_left, name) == 0);
	return left;
}

/* As many small buffers as the kernel still has mappings for edu0, and one more, which the simulated SMMU has had by then. */
static void fill_up(size_t sim)
{
	uint64_t n = mappings_left();
	struct buffer *all = calloc(n + 1, sizeof(*all));
	struct res *more;
	uint8_t byte;
	size_t addr;

	for (uint64_t i = 0; i < n; i++)
		all[i] = buffer_new(region.vcm, VCM_MEMTYPE_0, 0x1000, VCM_4KB, RW);
	expect(mappings_left() == 0);
	more = vcm_reserve(region.vcm, 0x1000, RW);
	addr = vcm_get_dev_addr(more);
	expect(vcm_unback(all[0].res) == 0);
	expect(vcm_back(all[0].res, all[0].mem) == 0);
	expect(vcm_back(more, all[0].mem) == -ENOMEM);
	expect(strstr(vcm_last_error(), "0 kernel mappings left"));
	expect(vcm_sim_read(sim, addr, &byte, 1) == -EFAULT);
	expect(!vcm_get_physmem_from_res(more));
	for (uint64_t i = 0; i < n; i++)
		buffer_free(&all[i]);
	expect(vcm_unreserve(more) == 0);
	free(all);
}

static void one_region_serves_two_formats(void)
{
	size_t sim = device("video");
	struct avcm *second = vcm_assoc(region.vcm, sim, 0);
	struct buffer b;
	uint8_t bytes[EDU_CHUNK];

	need(second && vcm_activate(second) == 0);
	b = buffer_new(region.vcm, VCM_MEMTYPE_0, 0x2000, VCM_4KB, RW);
	pattern(bytes, sizeof(bytes), 8);
	expect(vcm_sim_write(sim, b.addr, bytes, sizeof(bytes)) == 0);
	edu_read(&edu[0], b.addr);
	edu_write(&edu[0], b.addr + 0x1000);
	memset(bytes, 0, sizeof(bytes));
	expect(vcm_sim_read(sim, b.addr + 0x1000, bytes, sizeof(bytes)) == 0);
	expect(is_pattern(bytes, sizeof(bytes), 8, 0));
	expect(is_pattern(b.at, sizeof(bytes), 8, 0));
	end_case("one back serves the simulated SMMU and the kernel's IOMMU: the bytes agree");

	memset(b.at, 0x99, b.len);
	expect(vcm_unback(b.res) == 0);
	expect(vcm_sim_write(sim, b.addr, bytes, sizeof(bytes)) == -EFAULT);
	edu_write(&edu[0], b.addr);
	expect(is_all(b.at, b.len, 0x99));
	buffer_free(&b);
	end_case("one unback clears both");

	/* An association that comes later has the simulated format first, and the kernel's after it. */
	expect(vcm_deactivate(region.avcm) == 0 && vcm_deassoc(region.avcm) == 0);
	region.avcm = vcm_assoc(region.vcm, dev[0], 0);
	expect(region.avcm && vcm_activate(region.avcm) == 0);
	fill_up(sim);
	expect(vcm_deactivate(second) == 0 && vcm_deassoc(second) == 0);
	end_case("a failure of the second undoes the first, and says which limit was met");
}

/* --- who may ---------------------------------------------------------------------------------------------------------- */

static void only_vfio_devices_have_files(void)
{
	expect(vcm_dev_open(device("video")) == -ENODEV);
	expect(vcm_dev_open(device("cpu")) == -ENODEV);
	expect(vcm_dev_open(12345) == -EINVAL);
	end_case("only VFIO devices have files");
}

static int strangers_case(void)
{
	need(vcm_sys_init() == 0);
	expect(vcm_dev_open(device("edu0")) == -EACCES);
	expect(strstr(vcm_last_error(), "open-users"));
	end_case("a user without the right gets no file");
	vcm_sys_destroy();
	return n_failed;
}

/* Everything that there is of memtype 0. */
static int zero_case(void)
{
	struct physmem *mem;
	struct res *seen;
	uint8_t *at;

	need(vcm_sys_init() == 0);
	cpu_open();
	mem = vcm_phys_alloc(VCM_MEMTYPE_0, 0x4000000, VCM_ALL);
	seen = vcm_reserve(cpu.vcm, 0x4000000, RW);
	need(mem && seen && vcm_back(seen, mem) == 0);
	at = (uint8_t *)vcm_get_dev_addr(seen); // NOLINT(performance-no-int-to-ptr)
	expect(is_all(at, 0x4000000, 0));
	end_case("all of a memtype is zero");
	vcm_sys_destroy();
	return n_failed;
}

static void open_all(void)
{
	static const char *const names[] = { "edu0", "edu1" };

	need(vcm_sys_init() == 0);
	cpu_open();
	for (int i = 0; i < 2; i++) {
		int fd;

		dev[i] = device(names[i]);
		fd = vcm_dev_open(dev[i]);
		need(fd >= 0 && edu_open(&edu[i], fd) == 0);
	}
	need(vcm_hook(dev[0], on_fault, NULL) == 0);
	region = open_region(dev[0]);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1 && !strcmp(argv[1], "stranger"))
		return strangers_case();
	if (argc > 1 && !strcmp(argv[1], "zero"))
		return zero_case();
	open_all();
	copies_by_the_device_are_seen_by_the_cpu();
	scattered_memory_is_contiguous_for_the_device();
	two_regions_take_turns_on_one_device();
	what_is_taken_away_faults();
	what_is_read_only_is_not_written();
	an_inactive_device_reaches_nothing();
	what_the_bus_reserves_is_refused();
	two_devices_share_memory();
	one_region_serves_two_formats();
	only_vfio_devices_have_files();
	close_region(&region);
	expect(vcm_sys_destroy() == 0);
	end_case("everything is given back");
	return n_failed != 0;
}
