// SPDX-License-Identifier: BSD-3-Clause
/*
 * "Mapping IOMMU, one-to-one and VMM Reservations" of the VCM text: three views of the same memory.
 *
 *	vcodec_a_mm1 --> vcm_iommu    --> res_iommu    --.
 *	dma0         --> vcm_onetoone --> res_onetoone --+--> physmem, one run of 2 MB + 4 KB
 *	cpu          --> vcm_vmm      --> res_vmm      --'
 *
 * Each of the three writes, and the other two read it. Then the views are taken away one after the other.
 *
 * three-way [--pause]: with --pause it waits for a line on standard input while all three are live.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vcm/sim.h>
#include <vcm/smmu.h>
#include <vcm/vcm.h>

#define SZ_1K 0x400UL
#define SZ_4K 0x1000UL
#define SZ_2MB 0x200000UL
#define SZ_16M 0x1000000UL

#define RES_LEN (SZ_2MB + SZ_4K)
#define TEXT_LEN 64

/* One of the three ways to the memory. */
struct view {
	char *name; /* of the device */
	struct smmu_dev *dev;
	struct vcm *vcm;
	struct avcm *avcm;
	struct res *res;
};

enum { IOMMU, ONETOONE, VMM, N_VIEWS };

struct three {
	struct view views[N_VIEWS];
	struct physmem *physmem;
	size_t phys_addr, phys_size;
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

static size_t addr_of(const struct view *v)
{
	return vcm_get_dev_addr(v->res);
}

static int allocate(struct three *t)
{
	t->physmem = vcm_phys_alloc(VCM_MEMTYPE_0, SZ_2MB + SZ_4K, VCM_PHYS_CONT);
	if (!t->physmem)
		return failed("vcm_phys_alloc");
	t->phys_addr = vcm_get_next_phys_addr(t->physmem, 0, &t->phys_size);
	if (!t->phys_addr)
		return failed("vcm_get_next_phys_addr");
	printf("  vcm_phys_alloc    %zu KB in one run, at physical %#zx\n", t->phys_size / SZ_1K,
	       t->phys_addr);
	return 0;
}

static int create_regions(struct three *t)
{
	t->views[IOMMU].vcm = vcm_create(SZ_1K, SZ_16M);
	if (!t->views[IOMMU].vcm)
		return failed("vcm_create");
	puts("  vcm_create        a region for the device behind the IOMMU");
	t->views[ONETOONE].vcm = vcm_create(t->phys_addr, t->phys_size);
	if (!t->views[ONETOONE].vcm)
		return failed("vcm_create");
	puts("  vcm_create        one that is exactly the memory: one-to-one");
	t->views[VMM].vcm = vcm_from_prebuilt(VCM_PREBUILT_USER);
	if (!t->views[VMM].vcm)
		return failed("vcm_from_prebuilt");
	puts("  vcm_from_prebuilt this process's own address space");
	return 0;
}

static int activate(struct three *t)
{
	for (struct view *v = t->views; v < t->views + N_VIEWS; v++) {
		v->avcm = vcm_assoc(v->vcm, (size_t)v->dev, 0);
		if (!v->avcm)
			return failed("vcm_assoc");
	}
	for (struct view *v = t->views; v < t->views + N_VIEWS; v++) {
		if (vcm_activate(v->avcm))
			return failed("vcm_activate");
		printf("  vcm_activate      %s\n", v->name);
	}
	return 0;
}

static int reserve_and_back(struct three *t)
{
	for (struct view *v = t->views; v < t->views + N_VIEWS; v++) {
		v->res = vcm_reserve(v->vcm, SZ_2MB + SZ_4K, VCM_READ | VCM_WRITE);
		if (!v->res)
			return failed("vcm_reserve");
	}
	for (struct view *v = t->views; v < t->views + N_VIEWS; v++) {
		if (vcm_back(v->res, t->physmem))
			return failed("vcm_back");
		printf("  vcm_back          %s sees the memory at %#zx\n", v->name, addr_of(v));
	}
	return 0;
}

/* What the graph knows about the memory. */
static int look_up(const struct three *t)
{
	size_t n = vcm_get_phys_num_res(t->phys_addr);
	size_t addr =
		vcm_translate(addr_of(&t->views[IOMMU]), t->views[IOMMU].vcm, t->views[VMM].vcm);

	printf("  %zu reservations map physical %#zx\n", n, t->phys_addr);
	printf("  %s's %#zx is the CPU's %#zx\n", t->views[IOMMU].name, addr_of(&t->views[IOMMU]),
	       addr);
	return n == N_VIEWS && addr == addr_of(&t->views[VMM]) ? 0 : -EIO;
}

/* The device address of the CPU's view is a pointer; the CPU has no need to ask the bus. */
static char *cpu_view(const struct three *t, size_t offset)
{
	return (char *)addr_of(&t->views[VMM]) + offset; // NOLINT(performance-no-int-to-ptr)
}

static int view_write(const struct three *t, int who, size_t offset, const char *text)
{
	const struct view *v = &t->views[who];

	if (who != VMM)
		return vcm_sim_write((size_t)v->dev, addr_of(v) + offset, text, TEXT_LEN);
	memcpy(cpu_view(t, offset), text, TEXT_LEN);
	return 0;
}

static int view_read(const struct three *t, int who, size_t offset, char *text)
{
	const struct view *v = &t->views[who];

	if (who != VMM)
		return vcm_sim_read((size_t)v->dev, addr_of(v) + offset, text, TEXT_LEN);
	memcpy(text, cpu_view(t, offset), TEXT_LEN);
	return 0;
}

/* One writes, the others read; each at another place, the last one at the end of the memory. */
static int share(const struct three *t, int who)
{
	size_t offset = who * (RES_LEN - TEXT_LEN) / (N_VIEWS - 1);
	char text[TEXT_LEN] = "";

	snprintf(text, sizeof(text), "written by %s", t->views[who].name);
	if (view_write(t, who, offset, text))
		return failed("vcm_sim_write");
	printf("  %-12s at %#14zx writes \"%s\"\n", t->views[who].name,
	       addr_of(&t->views[who]) + offset, text);
	for (int other = 0; other < N_VIEWS; other++) {
		char seen[TEXT_LEN] = "";

		if (other == who)
			continue;
		if (view_read(t, other, offset, seen))
			return failed("vcm_sim_read");
		printf("  %-12s at %#14zx reads  \"%s\"\n", t->views[other].name,
		       addr_of(&t->views[other]) + offset, seen);
		if (memcmp(seen, text, TEXT_LEN) != 0)
			return -EIO;
	}
	return 0;
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

/* The device behind the IOMMU loses the memory; the other two keep it. */
static int show_fault(struct three *t)
{
	const struct view *v = &t->views[IOMMU];
	size_t dev_addr = addr_of(v) + SZ_2MB;
	struct sightings s = { 0 };
	char text[TEXT_LEN];
	int ret;

	if (vcm_hook((size_t)v->dev, handle_fault, &s))
		return failed("vcm_hook");
	if (vcm_unback(v->res))
		return failed("vcm_unback");
	ret = vcm_sim_write((size_t)v->dev, dev_addr, "x", 1);
	printf("  %s writes at %#zx: %s\n", v->name, dev_addr, ret ? strerror(-ret) : "no error");
	printf("  the hook was called %s, for %#zx\n",
	       atomic_load(&s.n_faults) == 1 ? "once" : "not once", atomic_load(&s.dev_addr));
	if (vcm_hook((size_t)v->dev, NULL, NULL))
		return failed("vcm_hook");
	if (view_read(t, ONETOONE, 0, text))
		return failed("vcm_sim_read");
	printf("  %s still reads \"%s\"\n", t->views[ONETOONE].name, text);
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

static void take_down(int *first, const struct view *v)
{
	if (v->res && vcm_get_physmem_from_res(v->res))
		undo(first, "vcm_unback", vcm_unback(v->res));
	if (v->res)
		undo(first, "vcm_unreserve", vcm_unreserve(v->res));
	if (v->avcm && vcm_is_active(v->avcm) == 1)
		undo(first, "vcm_deactivate", vcm_deactivate(v->avcm));
	if (v->avcm)
		undo(first, "vcm_deassoc", vcm_deassoc(v->avcm));
	if (v->vcm)
		undo(first, "vcm_free", vcm_free(v->vcm));
	printf("  %s's region is gone\n", v->name);
}

static int back_out(struct three *t)
{
	int first = 0;

	puts("Back out, in the reverse order");
	for (int i = N_VIEWS - 1; i >= 0; i--)
		take_down(&first, &t->views[i]);
	if (t->physmem)
		undo(&first, "vcm_phys_free", vcm_phys_free(t->physmem));
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

static int build(struct three *t)
{
	int ret;

	puts("Three views of the same memory");
	ret = allocate(t);
	if (!ret)
		ret = create_regions(t);
	if (!ret)
		ret = activate(t);
	if (!ret)
		ret = reserve_and_back(t);
	return ret;
}

static int use(struct three *t, int pause)
{
	int ret;

	puts("The mapping graph, asked");
	ret = look_up(t);
	if (ret)
		return ret;
	puts("Each writes, the other two read");
	for (int who = 0; who < N_VIEWS && !ret; who++)
		ret = share(t, who);
	if (ret)
		return ret;
	if (pause)
		wait_for_a_line();
	puts("One of the three loses the memory");
	return show_fault(t);
}

static int run(int pause)
{
	static char iommu[] = "vcodec_a_mm1", onetoone[] = "dma0", cpu[] = "cpu";
	struct three t = { .views = { { .name = iommu }, { .name = onetoone }, { .name = cpu } } };
	int ret = 0, ret_back;

	for (struct view *v = t.views; v < t.views + N_VIEWS; v++) {
		v->dev = smmu_get_ctx_instance(v->name);
		if (!v->dev)
			return failed("smmu_get_ctx_instance");
	}
	ret = build(&t);
	if (!ret)
		ret = use(&t, pause);
	ret_back = back_out(&t);
	for (struct view *v = t.views; v < t.views + N_VIEWS; v++)
		smmu_free_ctx_instance(v->dev);
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
