// SPDX-License-Identifier: BSD-3-Clause
#include "tests/client/conform/conform.h"

#include <string.h>

#include <vcm/inspect.h>

#include "tests/client/daemon.h"

/* The built-in machine, and: an SMMU with one bank for two contexts, secure memory, a window. No user has a limit of bytes. */
static const char config[] =
	"stock = 0\n"
	"fault-timeout = 2000\n"
	"limits { bytes = 0xffffffffffffffff }\n"
	"memtype 0 { pool { ranges = {\"0x40000000+256M\"} contiguous = 64M } }\n"
	"memtype 1 { pool { ranges = {\"0x60000000+64M\"} contiguous = 16M } }\n"
	"memtype 2 { pool { ranges = {\"0x70000000+32M\"} } }\n"
	"memtype 3 { pool { ranges = {\"0x78000000+4M\"} secure = true } }\n"
	"window \"0x90000000+1M\" { allow-users = {\"*\"} }\n"
	"smmu smmu0 {\n"
	"	base = 0x07300000\n"
	"	context vcodec_a_mm1 { mid = 0 }\n"
	"	context vcodec_a_stream { mid = 1 }\n"
	"	context vcodec_b_mm2 { mid = 2 }\n"
	"}\n"
	"smmu smmu1 {\n"
	"	base = 0x07500000\n"
	"	context mdp_port0 { mid = 0 }\n"
	"	context mdp_port1 { mid = 1 }\n"
	"}\n"
	"smmu tiny {\n"
	"	base = 0x07700000\n"
	"	banks = 1\n"
	"	context tiny_a { mid = 0 }\n"
	"	context tiny_b { mid = 1 }\n"
	"}\n"
	"master dma0 {}\n";

size_t conform_device_named(const char *name)
{
	char copy[64];
	struct smmu_dev *dev;

	snprintf(copy, sizeof(copy), "%s", name);
	dev = smmu_get_ctx_instance(copy);
	ck_assert_msg(dev != NULL, "%s: %s", name, vcm_last_error());
	return (size_t)dev;
}

void conform_fail(void)
{
	ck_assert_uint_eq(vcm_get_len(NULL), 0);
	ck_assert(vcm_last_error()[0]);
}

void *conform_made(void *p, const char *call)
{
	ck_assert_msg(p != NULL, "%s: %s", call, vcm_last_error());
	ck_assert_msg(errno == 0, "%s: errno %d", call, errno);
	ck_assert_msg(!vcm_last_error()[0], "%s: made, but: %s", call, vcm_last_error());
	return p;
}

void conform_done(int r, const char *call)
{
	ck_assert_msg(r == 0, "%s = %d: %s", call, r, vcm_last_error());
	ck_assert_msg(!vcm_last_error()[0], "%s: done, but: %s", call, vcm_last_error());
}

static void *live_objects(void *out[N_KINDS])
{
	struct vcm *v = MADE(vcm_create(SZ_1M, SZ_16M));

	out[A_VCM] = v;
	out[A_RES] = MADE(vcm_reserve(v, SZ_4K, 0));
	out[A_BOUND] = MADE(vcm_create_bound(v, SZ_64K));
	out[AN_AVCM] = MADE(vcm_assoc(v, MDP, 0));
	out[A_PHYSMEM] = MADE(vcm_phys_alloc(VCM_MEMTYPE_2, SZ_4K, 0));
	return out[A_VCM];
}

static void free_objects(void *const o[N_KINDS])
{
	DONE(vcm_phys_free(o[A_PHYSMEM]));
	DONE(vcm_deassoc(o[AN_AVCM]));
	DONE(vcm_free_bound(o[A_BOUND]));
	DONE(vcm_unreserve(o[A_RES]));
	DONE(vcm_free(o[A_VCM]));
}

void conform_wrong(enum conform_kind kind, void *out[N_WRONG])
{
	static int not_an_object;
	void *gone[N_KINDS], *live[N_KINDS];
	size_t n = 0;

	live_objects(gone);
	free_objects(gone);
	live_objects(live);
	out[n++] = NULL;
	out[n++] = conform_pointer(1);
	out[n++] = &not_an_object;
	out[n++] = conform_pointer((size_t)-EINVAL);
	out[n++] = gone[kind];
	for (int i = 0; i < N_KINDS; i++)
		out[n++] = i == (int)kind ? conform_pointer(SIZE_MAX) : live[i];
	ck_assert_uint_eq(n, N_WRONG);
}

struct vcm *conform_vcm_made(void)
{
	return MADE(vcm_create(SZ_1M, 16 * SZ_16M));
}

struct avcm *conform_active(struct vcm *v, size_t dev_id)
{
	struct avcm *a = MADE(vcm_assoc(v, dev_id, 0));

	DONE(vcm_activate(a));
	return a;
}

struct vcm *conform_vcm_on(size_t dev_id)
{
	struct vcm *v = conform_vcm_made();

	conform_active(v, dev_id);
	return v;
}

struct vcm *conform_user(void)
{
	struct vcm *v = MADE(vcm_create_from_prebuilt(VCM_PREBUILT_USER));

	conform_active(v, CPU);
	return v;
}

void conform_scatter(enum memtype_t memtype, size_t n)
{
	struct physmem *m[CONFORM_SCATTER_MAX];

	for (size_t i = 0; i < n; i++)
		m[i] = MADE(vcm_phys_alloc(memtype, SZ_64K, VCM_PHYS_CONT));
	REFUSED(vcm_phys_alloc(memtype, SZ_4K, 0), ENOMEM);
	for (size_t i = 0; i < n; i += 2)
		DONE(vcm_phys_free(m[i]));
}

struct res *conform_backed(struct vcm *v, size_t len, uint32_t attr)
{
	struct res *r = MADE(vcm_reserve(v, len, attr));

	DONE(vcm_back(r, MADE(vcm_phys_alloc(VCM_MEMTYPE_0, len, 0))));
	return r;
}

static void begin(void)
{
	DONE(vcm_sys_init());
}

static int nothing_is_left(void *ctx, const struct vcm_row *row)
{
	(void)ctx;
	ck_assert_uint_eq(row->n[VCM_STATUS_OBJECTS], 0);
	ck_assert_uint_eq(row->n[VCM_STATUS_ACTIVE], 0);
	return 0;
}

static void end(void)
{
	while (vcm_sys_destroy() == 0)
		;
	DONE(vcm_sys_init());
	DONE(vcm_inspect(VCM_TABLE_STATUS, 0, nothing_is_left, NULL));
	DONE(vcm_sys_destroy());
}

static int run(void)
{
	static void (*const all[])(TCase *) = { conform_vcm,     conform_res,    conform_back,
						conform_phys,    conform_assoc,  conform_bound,
						conform_address, conform_device, conform_share };
	Suite *suite = suite_create("conformance");
	TCase *tcase = tcase_create("conformance");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, SUITE_TIMEOUT);
	tcase_add_checked_fixture(tcase, begin, end);
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		all[i](tcase);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed;
}

int main(void)
{
	struct daemon daemon;
	int failed;

	daemon_start(&daemon, config);
	failed = run();
	return daemon_stop(&daemon) == 0 && failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
