// SPDX-License-Identifier: BSD-3-Clause
/* vcm_hook(), vcm_hw_ver(), the look-up of devices, and batches against the daemon. */
#include "tests/client/conform/conform.h"

#include <semaphore.h>
#include <string.h>

struct seen {
	int n, verdict;
	struct vcm_fault fault;
	struct res *res; /* backed by the handler, when it is not NULL */
	struct physmem *physmem;
};

static int handler(size_t dev_id, void *data, void *fault_data)
{
	struct seen *seen = data;

	ck_assert_uint_eq(dev_id, A_STREAM);
	seen->n++;
	seen->fault = *(struct vcm_fault *)fault_data;
	if (seen->res)
		DONE(vcm_back(seen->res, seen->physmem));
	return seen->verdict;
}

START_TEST(vcm_hook_registers_and_the_handler_s_retry_is_obeyed)
{
	size_t dev = A_STREAM, addr;
	struct vcm *v = conform_vcm_on(dev);
	struct seen seen = { .verdict = VCM_FAULT_RETRY };
	char text[6] = "";

	seen.res = MADE(vcm_reserve(v, SZ_4K, 0));
	seen.physmem = MADE(vcm_phys_alloc(VCM_MEMTYPE_0, SZ_4K, 0));
	addr = vcm_get_dev_addr(seen.res);
	DONE(vcm_hook(dev, handler, &seen));
	DONE(vcm_sim_write(dev, addr, "hello", 6));
	ck_assert_int_eq(seen.n, 1);
	ck_assert_uint_eq(seen.fault.size, sizeof(seen.fault));
	ck_assert_uint_eq(seen.fault.dev_addr & ~(size_t)0xfff, addr);
	ck_assert_uint_eq(seen.fault.flags & (VCM_FAULT_F_WRITE | VCM_FAULT_F_STALLED |
					      VCM_FAULT_F_PERMISSION),
			  VCM_FAULT_F_WRITE | VCM_FAULT_F_STALLED);
	ck_assert_uint_ne(seen.fault.fsr, 0);
	ck_assert_uint_ne(seen.fault.time_ns, 0);
	DONE(vcm_sim_read(dev, addr, text, 6));
	ck_assert_str_eq(text, "hello");
	ck_assert_int_eq(seen.n, 1);
}
END_TEST

START_TEST(vcm_hook_s_handler_may_terminate_or_fail)
{
	static const int verdicts[] = { VCM_FAULT_TERMINATE, -EIO, 17 };
	size_t dev = A_STREAM;
	char byte;

	conform_vcm_on(dev);
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(*verdicts); i++) {
		struct seen seen = { .verdict = verdicts[i] };

		DONE(vcm_hook(dev, handler, &seen));
		FAILS(vcm_sim_read(dev, SZ_2M, &byte, 1), EFAULT);
		ck_assert_int_eq(seen.n, 1);
		ck_assert_uint_eq(seen.fault.flags & VCM_FAULT_F_WRITE, 0);
		DONE(vcm_hook(dev, NULL, NULL));
		FAILS(vcm_sim_read(dev, SZ_2M, &byte, 1), EFAULT);
		ck_assert_int_eq(seen.n, 1);
	}
}
END_TEST

START_TEST(vcm_hook_works_from_the_program_s_only_thread)
{
	size_t dev = A_STREAM;
	struct seen seen = { .verdict = VCM_FAULT_TERMINATE };
	char byte;

	DONE(vcm_set_event_mode(VCM_EVENT_LOOP));
	conform_vcm_on(dev);
	DONE(vcm_hook(dev, handler, &seen));
	FAILS(vcm_sim_read(dev, SZ_2M, &byte, 1), EFAULT);
	ck_assert_int_eq(seen.n, 1);
	ck_assert_int_eq(vcm_dispatch(0), 0);
	DONE(vcm_set_event_mode(VCM_EVENT_THREAD));
	FAILS(vcm_sim_read(dev, SZ_2M, &byte, 1), EFAULT);
	ck_assert_int_eq(seen.n, 2);
}
END_TEST

START_TEST(vcm_hook_is_invalid_for_what_is_no_device)
{
	struct seen seen = { 0 };

	FAILS(vcm_hook(0, handler, &seen), EINVAL);
	FAILS(vcm_hook(NO_DEVICE, handler, &seen), EINVAL);
	FAILS(vcm_hook((size_t)1 << 32 | A_STREAM, handler, &seen), EINVAL);
	FAILS(vcm_hook(NO_DEVICE, NULL, NULL), EINVAL);
	DONE(vcm_hook(A_STREAM, NULL, NULL));
}
END_TEST

START_TEST(vcm_hw_ver_gives_the_version_of_a_device_that_has_one)
{
	ck_assert_uint_ne(vcm_hw_ver(A_STREAM), 0);
	GIVES(vcm_hw_ver(A_STREAM), vcm_hw_ver(B_MM2), 0);
	GIVES(vcm_hw_ver(CPU), 0, 0);
	GIVES(vcm_hw_ver(DMA), 0, 0);
	GIVES(vcm_hw_ver(NO_DEVICE), 0, EINVAL);
	GIVES(vcm_hw_ver(0), 0, EINVAL);
	GIVES(vcm_hw_ver((size_t)1 << 32 | A_STREAM), 0, EINVAL);
}
END_TEST

START_TEST(smmu_get_ctx_instance_finds_every_device_by_name)
{
	static const char *const names[] = { "vcodec_a_mm1", "vcodec_a_stream", "vcodec_b_mm2",
					     "mdp_port0",    "mdp_port1",       "dma0",
					     "cpu" };
	char long_name[100];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		size_t dev = conform_device_named(names[i]);

		ck_assert_uint_eq(conform_device_named(names[i]), dev);
		for (size_t k = 0; k < i; k++)
			ck_assert_uint_ne(conform_device_named(names[k]), dev);
	}
	REFUSED(smmu_get_ctx_instance((char[]){ "nobody" }), ENODEV);
	REFUSED(smmu_get_ctx_instance((char[]){ "" }), EINVAL);
	REFUSED(smmu_get_ctx_instance((char[]){ "a\nb" }), EINVAL);
	REFUSED(smmu_get_ctx_instance(NULL), EINVAL);
	memset(long_name, 'x', sizeof(long_name));
	long_name[99] = '\0';
	REFUSED(smmu_get_ctx_instance(long_name), EINVAL);
	long_name[63] = '\0';
	REFUSED(smmu_get_ctx_instance(long_name), ENODEV);
}
END_TEST

START_TEST(smmu_free_ctx_instance_ends_each_look_up_once)
{
	struct smmu_dev *dev = smmu_get_ctx_instance((char[]){ "mdp_port0" });

	ck_assert_ptr_eq(smmu_get_ctx_instance((char[]){ "mdp_port0" }), dev);
	DONE(smmu_free_ctx_instance(dev));
	DONE(smmu_free_ctx_instance(dev));
	FAILS(smmu_free_ctx_instance(dev), EINVAL);
	FAILS(smmu_free_ctx_instance(NULL), EINVAL);
	FAILS(smmu_free_ctx_instance(conform_pointer(SIZE_MAX)), EINVAL);
	/* The device itself stays what it was. */
	MADE(vcm_assoc(conform_vcm_made(), (size_t)dev, 0));
}
END_TEST

START_TEST(smmu_get_base_addr_gives_where_the_registers_are)
{
	GIVES(smmu_get_base_addr(conform_pointer(A_STREAM)), 0x07300000, 0);
	GIVES(smmu_get_base_addr(conform_pointer(MDP)), 0x07500000, 0);
	GIVES(smmu_get_base_addr(conform_pointer(CPU)), 0, 0);
	GIVES(smmu_get_base_addr(NULL), 0, EINVAL);
	GIVES(smmu_get_base_addr(conform_pointer(NO_DEVICE)), 0, EINVAL);
}
END_TEST

START_TEST(sim_functions_say_what_they_cannot_do)
{
	struct vcm_sim_counters n;
	char byte = 0;

	FAILS(vcm_sim_read(CPU, 0, &byte, 1), ENODEV);
	FAILS(vcm_sim_write(CPU, 0, &byte, 1), ENODEV);
	FAILS(vcm_sim_read(NO_DEVICE, 0, &byte, 1), EINVAL);
	FAILS(vcm_sim_read(A_STREAM, 0, NULL, 1), EINVAL);
	FAILS(vcm_sim_read(A_STREAM, 0, &byte, 0), EINVAL);
	FAILS(vcm_sim_read(A_STREAM, 0, &byte, 1), EFAULT);
	FAILS(vcm_sim_fail_next(CPU, VCM_SIM_FAIL_WALK, 1), ENODEV);
	FAILS(vcm_sim_fail_next(A_STREAM, (enum vcm_sim_failure)0, 1), EINVAL);
	FAILS(vcm_sim_stats(DMA, &n, 0), ENODEV);
	DONE(vcm_sim_stats(A_STREAM, &n, 1));
	DONE(vcm_sim_stats(A_STREAM, &n, 0));
	ck_assert_uint_eq(n.tlb_hits + n.tlb_misses + n.walk_reads + n.faults, 0);
	DONE(vcm_sim_stats(A_STREAM, NULL, 0));
}
END_TEST

START_TEST(sim_transactions_longer_than_a_message_are_split)
{
	static char out[3 * SZ_64K + 5], in[3 * SZ_64K + 5];
	size_t dev = A_STREAM,
	       addr = vcm_get_dev_addr(conform_backed(conform_vcm_on(dev), 4 * SZ_64K, 0));

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (char)(i * 31 + i / 4096);
	DONE(vcm_sim_write(dev, addr + 3, out, sizeof(out)));
	DONE(vcm_sim_read(dev, addr + 3, in, sizeof(in)));
	ck_assert_mem_eq(in, out, sizeof(in));
	FAILS(vcm_sim_read(dev, addr + 2 * SZ_64K, in, sizeof(in)), EFAULT);
}
END_TEST

START_TEST(batch_does_everything_or_nothing)
{
	size_t dev = A_STREAM, failed = 77;
	struct vcm *v = conform_vcm_on(dev), *u = conform_user();
	struct res *r, *q;
	struct physmem *m;
	char text[6];

	DONE(vcm_batch_begin());
	m = MADE(vcm_phys_alloc(VCM_MEMTYPE_0, SZ_64K, 0));
	r = MADE(vcm_reserve(v, SZ_64K, 0));
	q = MADE(vcm_reserve(u, SZ_64K, 0));
	DONE(vcm_back(r, m));
	DONE(vcm_back(q, m));
	GIVES(vcm_get_dev_addr(r), 1, EINPROGRESS);
	DONE(vcm_batch_commit(&failed));
	ck_assert_uint_eq(failed, 77);
	DONE(vcm_sim_write(dev, vcm_get_dev_addr(r) + 9, "hello", 6));
	ck_assert_str_eq((char *)conform_pointer(vcm_get_dev_addr(q)) + 9, "hello");

	DONE(vcm_batch_begin());
	DONE(vcm_unback(q));
	DONE(vcm_unreserve(q));
	DONE(vcm_unreserve(r)); /* it is backed */
	ck_assert_int_eq(vcm_batch_commit(&failed), -EBUSY);
	ck_assert_uint_eq(failed, 2);
	ck_assert_str_eq((char *)conform_pointer(vcm_get_dev_addr(q)) + 9, "hello");
	DONE(vcm_sim_read(dev, vcm_get_dev_addr(r) + 9, text, 6));

	DONE(vcm_batch_begin());
	DONE(vcm_unback(q));
	DONE(vcm_unback(r));
	DONE(vcm_unreserve(q));
	DONE(vcm_unreserve(r));
	DONE(vcm_phys_free(m));
	DONE(vcm_batch_commit(NULL));
	FAILS(vcm_unreserve(q), EINVAL);
	GIVES(vcm_get_num_res(v), 0, 0);
}
END_TEST

START_TEST(batch_of_a_thousand_reservations_is_one_request)
{
	struct vcm *v = conform_vcm_made();
	static struct res *r[1000];

	DONE(vcm_batch_begin());
	for (size_t i = 0; i < 1000; i++)
		r[i] = MADE(vcm_reserve(v, SZ_4K, 0));
	DONE(vcm_batch_commit(NULL));
	GIVES(vcm_get_num_res(v), 1000, 0);
	DONE(vcm_batch_begin());
	for (size_t i = 0; i < 1000; i++)
		DONE(vcm_unreserve(r[i]));
	DONE(vcm_batch_commit(NULL));
	GIVES(vcm_get_num_res(v), 0, 0);
}
END_TEST

CONFORM_CASES(conform_device, vcm_hook_registers_and_the_handler_s_retry_is_obeyed,
	      vcm_hook_s_handler_may_terminate_or_fail,
	      vcm_hook_works_from_the_program_s_only_thread,
	      vcm_hook_is_invalid_for_what_is_no_device,
	      vcm_hw_ver_gives_the_version_of_a_device_that_has_one,
	      smmu_get_ctx_instance_finds_every_device_by_name,
	      smmu_free_ctx_instance_ends_each_look_up_once,
	      smmu_get_base_addr_gives_where_the_registers_are,
	      sim_functions_say_what_they_cannot_do,
	      sim_transactions_longer_than_a_message_are_split, batch_does_everything_or_nothing,
	      batch_of_a_thousand_reservations_is_one_request)
