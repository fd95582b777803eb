// SPDX-License-Identifier: BSD-3-Clause
/*
 * arm64-client: what the public API does for a bus master behind an SMMUv3 that the daemon drives by its registers. It sees
 * the installed headers and library only.
 *
 *	arm64-client		all cases
 *	arm64-client quick	those that show a TLB, a configuration or a stream that is wrong
 *	arm64-client stranger	as a user whom no rule names
 *	arm64-client hold	DMA into one buffer, without end, and a line for each: does it reach memory?
 *	arm64-client whole	takes all of the window: nothing writes to it meanwhile
 */
#include <errno.h>
#include <pthread.h>

#include <vcm/sim.h>

#include "tests/e2e/arm64-client.h"

/* --- faults --------------------------------------------------------------------------------------------------------- */

#define FAULTS_MAX 2048

/* A transfer that faults is an event for each four bytes, and so a fault for each. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	struct vcm_fault seen[FAULTS_MAX];
	unsigned int n;
	const struct buffer *late; /* to be backed by the handler */
	int verdict;
} hook = { .lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER };

/* A handler that calls the library may find itself called again inside of it: no lock is held meanwhile. */
static int on_fault(size_t dev_id, void *data, void *fault)
{
	const struct buffer *late;
	int verdict;

	(void)dev_id;
	(void)data;
	pthread_mutex_lock(&hook.lock);
	late = hook.late;
	hook.late = NULL;
	pthread_mutex_unlock(&hook.lock);
	verdict = late ? vcm_back(late->res, late->mem) : 0;
	pthread_mutex_lock(&hook.lock);
	if (verdict < 0)
		hook.verdict = verdict;
	if (hook.n < FAULTS_MAX)
		hook.seen[hook.n++] = *(const struct vcm_fault *)fault;
	verdict = hook.verdict;
	pthread_cond_broadcast(&hook.cond);
	pthread_mutex_unlock(&hook.lock);
	return verdict;
}

static void hook_set(const struct buffer *late, int verdict)
{
	pthread_mutex_lock(&hook.lock);
	hook.n = 0;
	hook.late = late;
	hook.verdict = verdict;
	pthread_mutex_unlock(&hook.lock);
	expect(vcm_hook(dev, on_fault, NULL) == 0);
}

static const struct vcm_fault *find_fault(size_t addr, bool write)
{
	for (unsigned int i = 0; i < hook.n; i++)
		if (hook.seen[i].dev_addr == addr &&
		    !(hook.seen[i].flags & VCM_FAULT_F_WRITE) == !write)
			return &hook.seen[i];
	return NULL;
}

/* Waits for a fault at exactly that address, 5 s at most: its flags, or -1. */
static int fault_at(size_t addr, bool write)
{
	const struct vcm_fault *f;
	struct timespec end;
	int flags;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 5;
	pthread_mutex_lock(&hook.lock);
	while (!(f = find_fault(addr, write)) &&
	       pthread_cond_timedwait(&hook.cond, &hook.lock, &end) == 0)
		;
	flags = f ? (int)f->flags : -1;
	pthread_mutex_unlock(&hook.lock);
	return flags;
}

/* --- cases ---------------------------------------------------------------------------------------------------------- */

/* From one reservation to the other, and compared at the CPU's pointers: at the start, across a border of chunks, at the
 * end. All else is as it was. */
static void copies(enum memtype_t memtype, size_t len, uint32_t phys_attr, size_t border)
{
	struct buffer from = buffer_new(region.vcm, memtype, len, phys_attr, RW),
		      to = buffer_new(region.vcm, memtype, len, phys_attr, RW);
	const size_t at[] = { 0, border - EDU_CHUNK / 2, len - EDU_CHUNK };

	pattern(from.at, len, 3);
	fill(to.at, len, 0xee);
	for (size_t i = 0; i < 3; i++) {
		edu_read(from.addr + at[i], EDU_CHUNK);
		edu_write(to.addr + at[i], EDU_CHUNK);
		expect(is_part(to.at + at[i], at[i], EDU_CHUNK, 3));
	}
	expect(is_all(to.at + EDU_CHUNK, border - EDU_CHUNK / 2 - EDU_CHUNK, 0xee));
	expect(is_all(to.at + border + EDU_CHUNK / 2, len - border - 3 * EDU_CHUNK / 2, 0xee));
	buffer_free(&from);
	buffer_free(&to);
}

static void the_device_copies(void)
{
	copies(VCM_MEMTYPE_0, SZ_2M, VCM_4KB, 0x1000);
	end_case("edu copies between reservations of 4K chunks");
	copies(VCM_MEMTYPE_0, SZ_2M, VCM_64KB, 0x10000);
	end_case("edu copies between reservations of 64K chunks");
	copies(VCM_MEMTYPE_0, SZ_2M, VCM_1MB, 0x100000);
	end_case("edu copies between reservations of 1M chunks");
	copies(VCM_MEMTYPE_0, 2 * SZ_2M, VCM_ALL, SZ_2M);
	end_case("edu copies between reservations of 2M huge pages");
	copies(VCM_MEMTYPE_1, 0x20000, VCM_4KB, 0x1000);
	end_case("edu copies between reservations of reserved memory");
}

static void two_regions_take_turns(void)
{
	struct region other = region_new(dev, START, LEN);
	struct buffer first = buffer_new(region.vcm, VCM_MEMTYPE_0, SZ_2M, VCM_ALL, RW), second;

	expect(vcm_activate(other.avcm) == -EBUSY);
	pattern(first.at, SMALL, 1);
	edu_read(first.addr, SMALL);
	expect(vcm_activate_ex(other.avcm, VCM_ACTIVATE_SWITCH) == 0);
	second = buffer_new(other.vcm, VCM_MEMTYPE_0, SZ_2M, VCM_ALL, RW);
	expect(first.addr == second.addr);
	pattern(second.at, SMALL, 2);
	edu_write(first.addr + SMALL, SMALL);
	expect(is_pattern(second.at + SMALL, SMALL, 1) && is_all(first.at + SMALL, SMALL, 0));
	edu_read(first.addr, SMALL);
	expect(vcm_activate_ex(region.avcm, VCM_ACTIVATE_SWITCH) == 0);
	edu_write(first.addr + 2 * SMALL, SMALL);
	expect(is_pattern(first.at + 2 * SMALL, SMALL, 2));
	expect(vcm_activate_ex(other.avcm, VCM_ACTIVATE_SWITCH) == 0);
	buffer_free(&second);
	expect(vcm_activate_ex(region.avcm, VCM_ACTIVATE_SWITCH) == 0);
	buffer_free(&first);
	region_free(&other);
	end_case("two regions are switched on one device");
}

/* The TLB has the page: after unback it must not be used, at once. */
static void unback_takes_the_memory_away(size_t phys_attr, const char *name)
{
	struct buffer b = buffer_new(region.vcm, VCM_MEMTYPE_0, SZ_2M, (uint32_t)phys_attr, RW);

	pattern(b.at, SMALL, 5);
	edu_read(b.addr, SMALL);
	edu_write(b.addr + 0x1000, SMALL);
	expect(is_pattern(b.at + 0x1000, SMALL, 5));
	fill(b.at + 0x1000, SMALL, 0xee);
	hook_set(NULL, VCM_FAULT_TERMINATE);
	expect(vcm_unback(b.res) == 0);
	edu_write(b.addr + 0x1000, SMALL);
	expect(is_all(b.at + 0x1000, SMALL, 0xee));
	expect(fault_at(b.addr + 0x1000, true) == VCM_FAULT_F_WRITE);
	edu_read(b.addr + 0x3000, SMALL);
	expect(fault_at(b.addr + 0x3000, false) == 0);
	expect(vcm_back(b.res, b.mem) == 0);
	edu_read(b.addr, SMALL);
	edu_write(b.addr + 0x1000, SMALL);
	expect(is_pattern(b.at + 0x1000, SMALL, 5));
	expect(vcm_hook(dev, NULL, NULL) == 0);
	buffer_free(&b);
	end_case(name);
}

static void deactivated_devices_reach_nothing(void)
{
	struct buffer b = buffer_new(region.vcm, VCM_MEMTYPE_0, SZ_2M, VCM_ALL, RW);

	pattern(b.at, SMALL, 9);
	edu_read(b.addr, SMALL);
	expect(vcm_deactivate(region.avcm) == 0);
	edu_write(b.addr + SMALL, SMALL);
	expect(is_all(b.at + SMALL, SMALL, 0));
	expect(vcm_activate(region.avcm) == 0);
	edu_write(b.addr + SMALL, SMALL);
	expect(is_pattern(b.at + SMALL, SMALL, 9));
	buffer_free(&b);
	end_case("a deactivated device reaches nothing, and needs no new backing");
}

/* The entry that the hardware walks to, read from the reserved memory where tables are. */
static uint64_t descriptor_of(size_t addr)
{
	const volatile uint64_t *tables;
	uint64_t table = vcm_get_pgtbl_pa(region.vcm), d = 0;
	int fd = open("/dev/mem", O_RDONLY | O_SYNC | O_CLOEXEC);
	void *at = mmap(NULL, TABLES_LEN, PROT_READ, MAP_SHARED, fd, (off_t)TABLES_PA);

	need(fd >= 0 && at != MAP_FAILED);
	tables = at;
	for (unsigned int level = 0; level < 4; level++) {
		unsigned int shift = 39 - 9 * level;

		if (table - TABLES_PA >= TABLES_LEN)
			break;
		d = tables[(table - TABLES_PA) / 8 + (addr >> shift & 511)];
		if (level == 3 || (d & 3) != 3)
			break;
		table = d & 0x0000fffffffff000;
	}
	munmap(at, TABLES_LEN);
	close(fd);
	return d;
}

#define NO_EXECUTE (1UL << 54 | 1UL << 53)

#define USER_TOO (1UL << 6)

static void permissions_are_kept(void)
{
	struct buffer b =
		buffer_new(region.vcm, VCM_MEMTYPE_0, SZ_2M, VCM_4KB, VCM_READ | VCM_USER);

	pattern(b.at, SMALL, 6);
	hook_set(NULL, VCM_FAULT_TERMINATE);
	edu_read(b.addr, SMALL);
	edu_write(b.addr + SMALL, SMALL);
	expect(is_all(b.at + SMALL, SMALL, 0));
	expect(fault_at(b.addr + SMALL, true) == (VCM_FAULT_F_WRITE | VCM_FAULT_F_PERMISSION));
	expect(vcm_set_res_attr(b.res, RW) == 0);
	edu_write(b.addr + SMALL, SMALL);
	expect(is_pattern(b.at + SMALL, SMALL, 6));
	end_case("a read-only reservation is read only, until it is not");
	/* No device here fetches instructions, and QEMU's model looks at no privilege: what it is told is read. */
	expect((descriptor_of(b.addr) & 1) && (descriptor_of(b.addr) & NO_EXECUTE) == NO_EXECUTE);
	expect(vcm_set_res_attr(b.res, VCM_READ | VCM_EXECUTE | VCM_USER) == 0);
	expect((descriptor_of(b.addr) & 1) && !(descriptor_of(b.addr) & NO_EXECUTE));
	end_case("only an executable reservation can be executed from");
	expect(descriptor_of(b.addr) & USER_TOO);
	expect(vcm_set_res_attr(b.res, VCM_READ | VCM_WRITE | VCM_SUPERVISOR) == 0);
	expect((descriptor_of(b.addr) & 1) && !(descriptor_of(b.addr) & USER_TOO));
	end_case("a privileged reservation is for privileged accesses only");
	expect(vcm_hook(dev, NULL, NULL) == 0);
	buffer_free(&b);
}

/* QEMU's SMMUv3 cannot stall: what the handler says comes too late for this transfer, and holds for the next. */
static void a_handler_backs_what_is_missing(void)
{
	struct buffer b = buffer_new(region.vcm, VCM_MEMTYPE_0, SZ_2M, VCM_4KB, RW);

	pattern(b.at, SMALL, 8);
	edu_read(b.addr, SMALL);
	expect(vcm_unback(b.res) == 0);
	hook_set(&b, VCM_FAULT_RETRY);
	edu_write(b.addr + SMALL, SMALL);
	expect(fault_at(b.addr + SMALL, true) == VCM_FAULT_F_WRITE);
	expect(hook.verdict == VCM_FAULT_RETRY);
	expect(is_all(b.at + SMALL, SMALL, 0));
	edu_write(b.addr + SMALL, SMALL);
	expect(is_pattern(b.at + SMALL, SMALL, 8));
	expect(vcm_hook(dev, NULL, NULL) == 0);
	buffer_free(&b);
	end_case("a handler backs what is missing, for the next transfer: nothing stalls");
}

/* 2 KB are 512 events: more than the queue has. */
static void more_faults_than_the_queue_holds(void)
{
	hook_set(NULL, VCM_FAULT_TERMINATE);
	edu_read(START + LEN / 2, EDU_CHUNK);
	expect(fault_at(START + LEN / 2, false) == 0);
	edu_write(START + LEN / 2 + 0x1000, SMALL);
	expect(fault_at(START + LEN / 2 + 0x1000, true) == VCM_FAULT_F_WRITE);
	expect(vcm_hook(dev, NULL, NULL) == 0);
	end_case("an event queue that overflows goes on");
}

/* One region on two kinds of hardware: whatever is backed is seen by both, or by none. */
static void two_formats_are_one_region(void)
{
	struct avcm *second = vcm_assoc(region.vcm, sim, 0);
	uint8_t got[SMALL], want[SMALL];
	struct buffer b;
	struct physmem *invented;
	struct res *res;

	need(second && vcm_activate(second) == 0);
	b = buffer_new(region.vcm, VCM_MEMTYPE_0, SZ_2M, VCM_64KB, RW);
	pattern(b.at, SMALL, 4);
	for (size_t i = 0; i < SMALL; i += 8)
		memcpy(want + i, &(uint64_t){ pattern_at(i, 4) }, 8);
	expect(vcm_sim_read(sim, b.addr, got, SMALL) == 0 && !memcmp(got, want, SMALL));
	edu_read(b.addr, SMALL);
	edu_write(b.addr + 0x11000, SMALL);
	expect(vcm_sim_read(sim, b.addr + 0x11000, got, SMALL) == 0 && !memcmp(got, want, SMALL));
	expect(vcm_sim_write(sim, b.addr + 0x1000, "both", 4) == 0);
	edu_read(b.addr + 0x1000, SMALL);
	edu_write(b.addr + 0x2000, SMALL);
	expect(b.at[0x2000] == 'b' && b.at[0x2003] == 'h');
	expect(vcm_dev_addr_to_phys_addr(dev, b.addr) == vcm_dev_addr_to_phys_addr(sim, b.addr));
	end_case("one back is seen by the simulated SMMU and by the SMMUv3");
	fill(b.at + 0x2000, SMALL, 0xee);
	expect(vcm_unback(b.res) == 0);
	expect(vcm_sim_read(sim, b.addr, got, SMALL) == -EFAULT);
	edu_write(b.addr + 0x2000, SMALL);
	expect(is_all(b.at + 0x2000, SMALL, 0xee));
	end_case("one unback takes it from both");
	invented = vcm_phys_alloc(VCM_MEMTYPE_2, 0x10000, VCM_4KB);
	res = vcm_reserve(region.vcm, 0x10000, RW);
	need(invented && res);
	expect(vcm_back(res, invented) == -EINVAL);
	expect(strstr(vcm_last_error(), "no address that a device could reach"));
	expect(vcm_sim_read(sim, vcm_get_dev_addr(res), got, SMALL) == -EFAULT);
	expect(vcm_dev_addr_to_phys_addr(sim, vcm_get_dev_addr(res)) == 0);
	expect(vcm_get_physmem_from_res(res) == NULL);
	expect(vcm_unreserve(res) == 0 && vcm_phys_free(invented) == 0);
	end_case("memory that only one of them could reach is backed for neither");
	expect(vcm_deactivate(second) == 0 && vcm_deassoc(second) == 0);
	buffer_free(&b);
}

static int run_all(void)
{
	open_all();
	the_device_copies();
	two_regions_take_turns();
	unback_takes_the_memory_away(VCM_4KB,
				     "unback of 4K pages: no stale entry, and the fault comes");
	unback_takes_the_memory_away(VCM_ALL,
				     "unback of a 2M block: no stale entry, and the fault comes");
	deactivated_devices_reach_nothing();
	permissions_are_kept();
	a_handler_backs_what_is_missing();
	more_faults_than_the_queue_holds();
	two_formats_are_one_region();
	close_all();
	return n_failed ? 1 : 0;
}

static int run_quick(void)
{
	open_all();
	unback_takes_the_memory_away(VCM_4KB, "unback");
	two_regions_take_turns();
	deactivated_devices_reach_nothing();
	close_all();
	return n_failed ? 1 : 0;
}

/* --- other users and other lives -------------------------------------------------------------------------------------- */

static int refused(enum memtype_t memtype, size_t len, const char *why)
{
	struct physmem *mem = vcm_phys_alloc(memtype, len, VCM_4KB);
	struct res *res = vcm_reserve(cpu.vcm, len, VCM_READ | VCM_WRITE);

	need(mem && res);
	return vcm_back(res, mem) == -EACCES && strstr(vcm_last_error(), why);
}

static int run_stranger(void)
{
	need(vcm_sys_init() == 0);
	cpu.vcm = vcm_create_from_prebuilt(VCM_PREBUILT_USER);
	need(cpu.vcm);
	cpu.avcm = vcm_assoc(cpu.vcm, device("cpu"), 0);
	need(cpu.avcm && vcm_activate(cpu.avcm) == 0);
	expect(refused(VCM_MEMTYPE_1, 0x10000, "map-users"));
	end_case("a window is not shown to whom its pool does not name");
	vcm_sys_destroy();
	return n_failed ? 1 : 0;
}

static _Noreturn void run_hold(void)
{
	struct buffer b;

	open_all();
	b = buffer_new(region.vcm, VCM_MEMTYPE_1, 0x10000, VCM_4KB, RW);
	pattern(b.at, SMALL, 7);
	edu_read(b.addr, SMALL);
	for (;;) {
		bool reached;

		fill(b.at, SMALL, 0);
		edu_write(b.addr, SMALL);
		reached = !is_all(b.at, SMALL, 0);
		fill(b.at, SMALL, 0);
		printf("%s\n", reached ? "reached" : "untouched");
		fflush(stdout);
	}
}

static int run_whole(void)
{
	struct physmem *mem;
	struct res *res;
	bool zero = true;

	need(vcm_sys_init() == 0);
	cpu.vcm = vcm_create_from_prebuilt(VCM_PREBUILT_USER);
	need(cpu.vcm);
	cpu.avcm = vcm_assoc(cpu.vcm, device("cpu"), 0);
	need(cpu.avcm && vcm_activate(cpu.avcm) == 0);
	mem = vcm_phys_alloc(VCM_MEMTYPE_1, WINDOW_LEN, VCM_ALL);
	need(mem);
	res = vcm_reserve(cpu.vcm, WINDOW_LEN, VCM_READ | VCM_WRITE);
	need(res && vcm_back(res, mem) == 0);
	for (unsigned int i = 0; i < 10 && zero; i++) {
		zero = is_all(bytes_of(res), WINDOW_LEN, 0);
		usleep(100000);
	}
	expect(zero);
	end_case(
		"memory that a device could reach is whoever's it is now, and nothing writes to it");
	vcm_sys_destroy();
	return n_failed ? 1 : 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(what, "hold"))
		run_hold();
	if (!strcmp(what, "quick"))
		return run_quick();
	if (!strcmp(what, "stranger"))
		return run_stranger();
	if (!strcmp(what, "whole"))
		return run_whole();
	return run_all();
}
