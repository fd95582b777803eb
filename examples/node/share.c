// SPDX-License-Identifier: BSD-3-Clause
/*
 * The Linux half of the example of main.c: share TOKEN, with the token that the guest has printed.
 *
 * It reads what the guest wrote, once through a pointer and once as a device behind an IOMMU, and then gives the guest a page
 * of its own the same way.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <vcm/sim.h>
#include <vcm/smmu.h>
#include <vcm/vcm.h>

#include "examples/node/page.h"

#define DEVICE "vcodec_a_mm1"
#define WAIT_S 30

static int fail(const char *what)
{
	fprintf(stderr, "share: %s: %s: %s\n", what, strerror(errno), vcm_last_error());
	return EXIT_FAILURE;
}

static bool token_parse(const char *text, struct vcm_token *out)
{
	size_t n = sizeof(out->bytes);
	char pair[3] = "";

	if (strlen(text) != 2 * n || strspn(text, "0123456789abcdef") != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		memcpy(pair, text + 2 * i, 2);
		out->bytes[i] = (unsigned char)strtoul(pair, NULL, 16);
	}
	return true;
}

/* A vcm, active on its device, with one reservation that this memory backs; where it is there. */
struct view {
	struct vcm *vcm;
	struct avcm *avcm;
	struct res *res;
	size_t addr;
};

static bool view_open(struct view *v, struct vcm *vcm, const char *device, struct physmem *memory)
{
	char name[32];

	snprintf(name, sizeof(name), "%s", device);
	v->vcm = vcm;
	v->avcm = vcm_assoc(vcm, (size_t)smmu_get_ctx_instance(name), 0);
	v->res = vcm_reserve(vcm, PAGE_LEN, VCM_READ | VCM_WRITE);
	if (!v->avcm || vcm_activate(v->avcm) < 0 || !v->res || vcm_back(v->res, memory) < 0)
		return false;
	v->addr = vcm_get_dev_addr(v->res);
	return v->addr != 1;
}

static bool view_close(const struct view *v)
{
	return vcm_unback(v->res) == 0 && vcm_unreserve(v->res) == 0 &&
	       vcm_deactivate(v->avcm) == 0 && vcm_deassoc(v->avcm) == 0 && vcm_free(v->vcm) == 0;
}

static struct page *page_at(const struct view *v)
{
	return (struct page *)v->addr; /* NOLINT(performance-no-int-to-ptr) */
}

/* The guest has no other way to tell us than the page itself. False when it does not in time. */
static bool wait_for(const struct page *page, enum page_state state)
{
	const struct timespec nap = { .tv_nsec = 1000000 };

	for (int i = 0; i < WAIT_S * 1000; i++) {
		if (__atomic_load_n(&page->state, __ATOMIC_ACQUIRE) == state)
			return true;
		nanosleep(&nap, NULL);
	}
	errno = ETIMEDOUT;
	return false;
}

static int read_both_ways(const struct page *page, struct physmem *memory)
{
	char name[] = DEVICE;
	struct page seen;
	struct view device;

	if (!wait_for(page, PAGE_WRITTEN))
		return fail("the guest writes nothing");
	printf("share: through a pointer:        %s\n", page->text);
	if (!view_open(&device, vcm_create(0x10000000, 0x100000), DEVICE, memory))
		return fail("mapping it for " DEVICE);
	if (vcm_sim_read((size_t)smmu_get_ctx_instance(name), device.addr, &seen, sizeof(seen)) < 0)
		return fail("reading as " DEVICE);
	printf("share: through %s's IOMMU: %s\n", DEVICE, seen.text);
	if (strcmp(page->text, PAGE_FROM_GUEST) != 0 || strcmp(seen.text, PAGE_FROM_GUEST) != 0)
		return fail("the text is another");
	return view_close(&device) ? EXIT_SUCCESS : fail("taking it down");
}

static int write_one(struct page *to_guest)
{
	struct physmem *memory = vcm_phys_alloc(PAGE_MEMTYPE, PAGE_LEN, VCM_COHERENT);
	struct view mine;
	struct page *page;

	if (!memory || !view_open(&mine, vcm_from_prebuilt(VCM_PREBUILT_USER), "cpu", memory))
		return fail("allocating a page of the window");
	page = page_at(&mine);
	strcpy(page->text, PAGE_FROM_LINUX);
	if (vcm_export(memory, VCM_SHARE_WRITE, &to_guest->token) < 0)
		return fail("export");
	__atomic_store_n(&to_guest->state, PAGE_ANSWERED, __ATOMIC_RELEASE);
	if (!wait_for(page, PAGE_ANSWERED))
		return fail("the guest does not answer");
	printf("share: the guest answers:        %s\n", page->text);
	if (strcmp(page->text, PAGE_FROM_GUEST_TOO) != 0)
		return fail("the text is another");
	return view_close(&mine) && vcm_phys_free(memory) == 0 ? EXIT_SUCCESS :
								 fail("taking it down");
}

static int share(const struct vcm_token *token)
{
	struct physmem *theirs = vcm_import(token);
	struct view cpu;
	int r;

	if (!theirs || !view_open(&cpu, vcm_from_prebuilt(VCM_PREBUILT_USER), "cpu", theirs))
		return fail("importing");
	r = read_both_ways(page_at(&cpu), theirs);
	if (r == EXIT_SUCCESS)
		r = write_one(page_at(&cpu));
	__atomic_store_n(&page_at(&cpu)->state, PAGE_DONE, __ATOMIC_RELEASE);
	if (r == EXIT_SUCCESS && !(view_close(&cpu) && vcm_phys_free(theirs) == 0))
		r = fail("taking it down");
	return r;
}

int main(int argc, char **argv)
{
	struct vcm_token token;
	int r;

	if (argc != 2 || !token_parse(argv[1], &token)) {
		fprintf(stderr, "usage: share TOKEN, 32 digits\n");
		return EXIT_FAILURE;
	}
	if (vcm_sys_init() < 0)
		return fail("connecting");
	r = share(&token);
	if (vcm_sys_destroy() < 0)
		r = fail("disconnecting");
	return r;
}
