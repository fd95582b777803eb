// SPDX-License-Identifier: BSD-3-Clause
/*
 * "A Detailed Walk Through" of the VCM text, call by call: memory for a device, then the same memory for the CPU. The device
 * writes what the CPU reads, the CPU writes what the device reads; then all of it is undone, and the device faults.
 *
 *	vcodec_a_stream --> vcm      --> res     --.
 *	                                           +--> physmem
 *	cpu             --> vcm_vmm  --> res_vmm --'
 *
 * walkthrough [--pause]: with --pause it waits for a line on standard input while the mapping is live.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vcm/sim.h>
#include <vcm/smmu.h>
#include <vcm/vcm.h>

#define SZ_1M 0x100000UL
#define SZ_16M 0x1000000UL

/* The region of the device's addresses: 16 MB from 256 MB on, of which 1 MB is reserved. */
#define START_ADDR 0x10000000UL
#define LEN SZ_16M
#define RES_LEN SZ_1M

static char device_name[] = "vcodec_a_stream";
static char cpu_name[] = "cpu";

/* Everything that there is to undo; what is NULL has not been done. */
struct walk {
	size_t dev, dev_cpu;
	struct vcm *vcm, *vcm_vmm;
	struct avcm *avcm, *avcm_vmm;
	struct res *res, *res_vmm;
	struct physmem *physmem;
};

/* What the fault handler saw; it runs in a thread of the library's. */
struct sightings {
	atomic_int n_faults;
	atomic_size_t dev_addr;
};

static int failed(const char *call)
{
	int err = errno ? errno : EIO;

	fprintf(stderr, "%s failed: %s\n", call, vcm_last_error());
	return -err;
}

/* Stage 1: Map and Allocate Memory for a Device */
static int stage_1(struct walk *w)
{
	uint32_t res_attr = VCM_READ | VCM_WRITE;
	uint32_t phys_attr = VCM_ALL;
	size_t len;
	int ret;

	puts("Stage 1: map and allocate memory for a device");
	w->vcm = vcm_create(START_ADDR, LEN);
	if (!w->vcm)
		return failed("vcm_create");
	printf("  vcm_create        a region of device addresses, %#lx to %#lx\n", START_ADDR,
	       START_ADDR + LEN - 1);

	w->avcm = vcm_assoc(w->vcm, w->dev, 0);
	if (!w->avcm)
		return failed("vcm_assoc");
	printf("  vcm_assoc         the region belongs to %s\n", device_name);

	ret = vcm_activate(w->avcm);
	if (ret)
		return failed("vcm_activate");
	printf("  vcm_activate      %s translates through its page table\n", device_name);

	w->res = vcm_reserve(w->vcm, RES_LEN, res_attr);
	if (!w->res)
		return failed("vcm_reserve");
	printf("  vcm_reserve       1 MB of it, at %#zx\n", vcm_get_dev_addr(w->res));

	w->physmem = vcm_phys_alloc(VCM_MEMTYPE_0, RES_LEN, phys_attr);
	if (!w->physmem)
		return failed("vcm_phys_alloc");
	printf("  vcm_phys_alloc    1 MB of memory, at physical %#zx\n",
	       vcm_get_next_phys_addr(w->physmem, 0, &len));

	ret = vcm_back(w->res, w->physmem);
	if (ret)
		return failed("vcm_back");
	puts("  vcm_back          the one behind the other");
	return 0;
}

/* Stage 2: Map the Device's Memory into the VMM's VCM region */
static int stage_2(struct walk *w)
{
	uint32_t attr = VCM_READ | VCM_WRITE;
	int ret;

	puts("Stage 2: map the device's memory into the VMM's region");
	w->vcm_vmm = vcm_from_prebuilt(VCM_PREBUILT_USER);
	if (!w->vcm_vmm)
		return failed("vcm_from_prebuilt");
	puts("  vcm_from_prebuilt this process's own address space");

	w->avcm_vmm = vcm_assoc(w->vcm_vmm, w->dev_cpu, 0);
	if (!w->avcm_vmm)
		return failed("vcm_assoc");
	ret = vcm_activate(w->avcm_vmm);
	if (ret)
		return failed("vcm_activate");
	puts("  vcm_activate      it belongs to the CPU");

	w->res_vmm = vcm_reserve(w->vcm_vmm, RES_LEN, attr);
	if (!w->res_vmm)
		return failed("vcm_reserve");
	printf("  vcm_reserve       1 MB of it, at the pointer %#zx\n",
	       vcm_get_dev_addr(w->res_vmm));

	ret = vcm_back(w->res_vmm, w->physmem);
	if (ret)
		return failed("vcm_back");
	puts("  vcm_back          the same memory behind that too");
	return 0;
}

/* The pointer at which the CPU sees the memory. */
static char *cpu_view(const struct walk *w)
{
	return (char *)vcm_get_dev_addr(w->res_vmm); // NOLINT(performance-no-int-to-ptr)
}

static int device_to_cpu(const struct walk *w)
{
	static const char text[] = "a picture, from the decoder";
	size_t dev_addr = vcm_get_dev_addr(w->res);

	if (vcm_sim_write(w->dev, dev_addr, text, sizeof(text)))
		return failed("vcm_sim_write");
	printf("  %s writes \"%s\" at %#zx\n", device_name, text, dev_addr);
	printf("  the CPU reads \"%s\" at %p\n", cpu_view(w), (void *)cpu_view(w));
	return strcmp(cpu_view(w), text) == 0 ? 0 : -EIO;
}

/* Up to the last byte of the reservation, to show where it ends. */
static int cpu_to_device(const struct walk *w)
{
	static const char text[] = "a stream, from the program";
	size_t offset = RES_LEN - sizeof(text);
	size_t dev_addr = vcm_get_dev_addr(w->res) + offset;
	char seen[sizeof(text)] = "";

	memcpy(cpu_view(w) + offset, text, sizeof(text));
	printf("  the CPU writes \"%s\" at %p\n", text, (void *)(cpu_view(w) + offset));
	if (vcm_sim_read(w->dev, dev_addr, seen, sizeof(seen)))
		return failed("vcm_sim_read");
	printf("  %s reads \"%s\" at %#zx\n", device_name, seen, dev_addr);
	return strcmp(seen, text) == 0 ? 0 : -EIO;
}

static int handle_fault(size_t dev_id, void *data, void *fault_data)
{
	const struct vcm_fault *fault = fault_data;
	struct sightings *s = data;

	(void)dev_id;
	atomic_store(&s->dev_addr, fault->dev_addr);
	atomic_fetch_add(&s->n_faults, 1);
	return VCM_FAULT_TERMINATE;
}

/* The device may reach its memory no more, and says so to the hook. */
static int show_fault(struct walk *w)
{
	size_t dev_addr = vcm_get_dev_addr(w->res);
	struct sightings s = { 0 };
	char byte;
	int ret;

	puts("The device loses the memory");
	if (vcm_hook(w->dev, handle_fault, &s))
		return failed("vcm_hook");
	if (vcm_unback(w->res))
		return failed("vcm_unback");
	printf("  vcm_unback        nothing is at %#zx any more\n", dev_addr);
	ret = vcm_sim_read(w->dev, dev_addr, &byte, 1);
	printf("  %s reads %#zx: %s\n", device_name, dev_addr, ret ? strerror(-ret) : "no error");
	printf("  the hook was called %s, for %#zx\n",
	       atomic_load(&s.n_faults) == 1 ? "once" : "not once", atomic_load(&s.dev_addr));
	if (vcm_hook(w->dev, NULL, NULL))
		return failed("vcm_hook");
	return ret == -EFAULT && s.n_faults == 1 && s.dev_addr == dev_addr ? 0 : -EIO;
}

/* Goes on after a failure, and returns the first one. */
static void undo(int *first, const char *call, int ret)
{
	if (ret)
		failed(call);
	if (!*first)
		*first = ret;
}

/* One region, from the reservation to the region itself. */
static void take_down(int *first, struct vcm *vcm, struct avcm *avcm, struct res *res)
{
	if (res && vcm_get_physmem_from_res(res))
		undo(first, "vcm_unback", vcm_unback(res));
	if (res)
		undo(first, "vcm_unreserve", vcm_unreserve(res));
	if (avcm && vcm_is_active(avcm) == 1)
		undo(first, "vcm_deactivate", vcm_deactivate(avcm));
	if (avcm)
		undo(first, "vcm_deassoc", vcm_deassoc(avcm));
	if (vcm)
		undo(first, "vcm_free", vcm_free(vcm));
}

static int back_out(struct walk *w)
{
	int first = 0;

	puts("Back out, in the reverse order");
	take_down(&first, w->vcm_vmm, w->avcm_vmm, w->res_vmm);
	puts("  the VMM's region is gone");
	take_down(&first, w->vcm, w->avcm, w->res);
	puts("  the device's region is gone");
	if (w->physmem)
		undo(&first, "vcm_phys_free", vcm_phys_free(w->physmem));
	puts("  the memory is free");
	return first;
}

static void wait_for_a_line(void)
{
	int c;

	puts("(paused: a line on standard input goes on)");
	do
		c = getchar();
	while (c != EOF && c != '\n');
}

static int walk(struct walk *w, int pause)
{
	int ret;

	ret = stage_1(w);
	if (!ret)
		ret = stage_2(w);
	if (ret)
		return ret;
	puts("The device writes, the CPU reads; and the reverse");
	ret = device_to_cpu(w);
	if (!ret)
		ret = cpu_to_device(w);
	if (!ret && pause)
		wait_for_a_line();
	return ret ? ret : show_fault(w);
}

/* With both devices looked up. */
static int run(int pause)
{
	struct smmu_dev *dev = smmu_get_ctx_instance(device_name);
	struct smmu_dev *cpu = smmu_get_ctx_instance(cpu_name);
	struct walk w = { (size_t)dev, (size_t)cpu };
	int ret, ret_back;

	if (!dev || !cpu)
		return failed("smmu_get_ctx_instance");
	ret = walk(&w, pause);
	ret_back = back_out(&w);
	smmu_free_ctx_instance(cpu);
	smmu_free_ctx_instance(dev);
	return ret ? ret : ret_back;
}

int main(int argc, char **argv)
{
	int ret;

	setvbuf(stdout, NULL, _IOLBF, 0);
	ret = vcm_sys_init();
	if (ret) {
		failed("vcm_sys_init");
		return EXIT_FAILURE;
	}
	ret = run(argc > 1 && strcmp(argv[1], "--pause") == 0);
	vcm_sys_destroy();
	printf("%s\n", ret ? "failed" : "Nothing is left behind.");
	return ret ? EXIT_FAILURE : EXIT_SUCCESS;
}
