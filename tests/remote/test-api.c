// SPDX-License-Identifier: BSD-3-Clause
/* The functions of <vcm/vcm.h> on a node: what each asks, and what it makes of the answer. */
#include "remote/api.h"

#include <string.h>

#include <vcm/sim.h>
#include <vcm/smmu.h>

#include "remote/error.h"
#include "tests/remote/host.h"
#include "tests/suite.h"

static struct host h;
static struct op last; /* the last operation that was asked for */
static char last_name[64];
static size_t n_ops;
static int status;    /* that everything is answered with */
static uint64_t base; /* what values count from */

static void note(struct host *host, const struct request *r)
{
	uint64_t values[VCM_MESSAGE_OPS * OP_MAX_VALUES];
	uint8_t data[VCM_MESSAGE_DATA];
	size_t n = 0;

	n_ops = r->n_ops;
	last = r->ops[r->n_ops - 1];
	snprintf(last_name, sizeof(last_name), "%s", last.name);
	if (status < 0) {
		host_refuse(host, r->serial, status, (uint32_t)n_ops - 1, "because");
		return;
	}
	for (size_t i = 0; i < r->n_ops; i++)
		for (size_t k = 0; k < op_n_values(r->ops[i].code); k++)
			values[n++] = base + k;
	memset(data, 0x77, sizeof(data));
	host_reply(host, &(struct reply){ .serial = r->serial,
					  .values = values,
					  .n_values = n,
					  .data = data,
					  .n_data = last.code == OP_SIM_READ ? last.len : 0 });
}

static void open_api(void)
{
	host_open(&h, NULL, note);
	vcm_node_use(&h.node);
	status = 0;
	base = 0x1000;
	ck_assert_int_eq(vcm_sys_init(), 0);
}

static void close_api(void)
{
	ck_assert_int_eq(vcm_sys_destroy(), 0);
	vcm_node_use(NULL);
	host_close(&h);
}

/* A pointer of the API. */
static void *object(uint32_t handle)
{
	return (void *)(uintptr_t)handle; /* NOLINT(performance-no-int-to-ptr) */
}

#define ASKED(what, ...)                                                                           \
	do {                                                                                       \
		const struct op want = { .code = OP_##what, __VA_ARGS__ };                         \
                                                                                                   \
		ck_assert_uint_eq(last.code, want.code);                                           \
		ck_assert_uint_eq(last.on, want.on);                                               \
		ck_assert_uint_eq(last.target, want.target);                                       \
		ck_assert_uint_eq(last.addr, want.addr);                                           \
		ck_assert_uint_eq(last.len, want.len);                                             \
		ck_assert_uint_eq(last.attr, want.attr);                                           \
		ck_assert_uint_eq(last.arg, want.arg);                                             \
	} while (0)

/* What creates: the pointer is the handle that was sent. */
#define MAKES(call, ...)                                                                           \
	do {                                                                                       \
		const void *made = (call);                                                         \
                                                                                                   \
		ck_assert_ptr_nonnull(made);                                                       \
		ck_assert_uint_eq(vcm_handle_of(made), last.handle);                               \
		ck_assert_int_eq(vcm_errno(), 0);                                                  \
		ASKED(__VA_ARGS__);                                                                \
	} while (0)

#define DOES(call, ...)                                                                            \
	do {                                                                                       \
		ck_assert_int_eq((call), 0);                                                       \
		ASKED(__VA_ARGS__);                                                                \
	} while (0)

#define ANSWERS(call, value, ...)                                                                  \
	do {                                                                                       \
		ck_assert_uint_eq((size_t)(call), (value));                                        \
		ck_assert_int_eq(vcm_errno(), 0);                                                  \
		ASKED(__VA_ARGS__);                                                                \
	} while (0)

START_TEST(what_creates_asks_for_it)
{
	open_api();
	MAKES(vcm_create(0x1000, 0x2000), VCM_CREATE, .addr = 0x1000, .len = 0x2000);
	MAKES(vcm_create_from_prebuilt(VCM_PREBUILT_KERNEL), VCM_PREBUILT, .arg = 1);
	MAKES(vcm_from_prebuilt(VCM_PREBUILT_KERNEL), VCM_PREBUILT, .arg = 1);
	MAKES(vcm_clone(object(3)), VCM_CLONE, .on = 3);
	MAKES(vcm_reserve(object(3), 0x1000, 0x300), RESERVE, .on = 3, .len = 0x1000,
	      .attr = 0x300);
	MAKES(vcm_reserve_at(VCM_START, object(3), 0x1000, 1), RESERVE_AT, .on = 3, .len = 0x1000,
	      .attr = 1);
	MAKES(vcm_reserve_from_bound(object(4), 0x1000, 2), RESERVE_BOUND, .on = 4, .len = 0x1000,
	      .attr = 2);
	MAKES(vcm_reserve_bound(object(4), 0x1000, 2), RESERVE_BOUND, .on = 4, .len = 0x1000,
	      .attr = 2);
	MAKES(vcm_phys_alloc(VCM_MEMTYPE_1, 0x3000, 4), PHYS_ALLOC, .arg = 2, .len = 0x3000,
	      .attr = 4);
	MAKES(vcm_map_phys_addr(0x40000000, 0x1000), PHYS_MAP, .addr = 0x40000000, .len = 0x1000);
	MAKES(vcm_assoc(object(3), 9, 4), ASSOC, .on = 3, .target = 9, .attr = 4);
	MAKES(vcm_create_bound(object(3), 0x10000), BOUND_CREATE, .on = 3, .len = 0x10000);
	ck_assert_ptr_null(vcm_create_from_prebuilt(VCM_PREBUILT_USER));
	ck_assert_int_eq(vcm_errno(), VCM_EINVAL);
	close_api();
}
END_TEST

START_TEST(what_changes_asks_for_it)
{
	open_api();
	DOES(vcm_free(object(3)), VCM_FREE, .on = 3);
	DOES(vcm_unreserve(object(5)), UNRESERVE, .on = 5);
	DOES(vcm_set_res_attr(object(5), 0x300), RES_SET_ATTR, .on = 5, .attr = 0x300);
	DOES(vcm_back(object(5), object(6)), BACK, .on = 5, .target = 6);
	DOES(vcm_unback(object(5)), UNBACK, .on = 5);
	DOES(vcm_phys_free(object(6)), PHYS_FREE, .on = 6);
	DOES(vcm_deassoc(object(7)), DEASSOC, .on = 7);
	DOES(vcm_set_assoc_attr(object(7), 4), ASSOC_SET_ATTR, .on = 7, .attr = 4);
	DOES(vcm_activate(object(7)), ACTIVATE, .on = 7);
	DOES(vcm_activate_ex(object(7), 1), ACTIVATE, .on = 7, .attr = 1);
	DOES(vcm_deactivate(object(7)), DEACTIVATE, .on = 7);
	DOES(vcm_free_bound(object(8)), BOUND_FREE, .on = 8);
	close_api();
}
END_TEST

START_TEST(what_asks_gets_the_right_answer)
{
	char name[] = "gpu";
	size_t len;

	open_api();
	ANSWERS(vcm_get_start_addr(object(3)), 0x1000, VCM_INFO, .on = 3);
	ANSWERS(vcm_get_len(object(3)), 0x1001, VCM_INFO, .on = 3);
	ANSWERS(vcm_get_num_res(object(3)), 0x1003, VCM_INFO, .on = 3);
	ANSWERS(vcm_get_pgtbl_pa(object(3)), 0x1000, VCM_PGTBL, .on = 3);
	ANSWERS(vcm_translate(0x5000, object(3), object(4)), 0x1000, TRANSLATE, .on = 3,
		.target = 4, .addr = 0x5000);
	ANSWERS(vcm_get_vcm_from_res(object(5)), 0x1000, RES_INFO, .on = 5);
	ANSWERS(vcm_get_dev_addr(object(5)), 0x1001, RES_INFO, .on = 5);
	ANSWERS(vcm_get_res_len(object(5)), 0x1002, RES_INFO, .on = 5);
	ANSWERS(vcm_get_res_attr(object(5)), 0x1003, RES_INFO, .on = 5);
	ANSWERS(vcm_get_physmem_from_res(object(5)), 0x1004, RES_INFO, .on = 5);
	ANSWERS(vcm_get_next_res(object(3), object(5)), 0x1000, RES_NEXT, .on = 3, .target = 5);
	ANSWERS(vcm_get_res(0x2000, object(3)), 0x1000, RES_GET, .on = 3, .addr = 0x2000);
	ANSWERS(vcm_find_res(0x2000, object(3)), 0x1000, RES_FIND, .on = 3, .addr = 0x2000);
	ANSWERS(vcm_res_copy(object(5), 1, object(6), 2, 3), 0x1000, RES_COPY, .on = 5, .addr = 1,
		.target = 6, .arg = 2, .len = 3);
	ANSWERS(vcm_get_memtype_of_physalloc(object(6)), 0x1000, PHYS_INFO, .on = 6);
	ANSWERS(vcm_get_next_phys_addr(object(6), 0, &len), 0x1000, PHYS_NEXT, .on = 6);
	ck_assert_uint_eq(len, 0x1001);
	ANSWERS(vcm_get_next_phys_addr(object(6), 0x1000, NULL), 0x1000, PHYS_NEXT, .on = 6,
		.addr = 0x1000);
	ANSWERS(vcm_get_phys_num_res(0x4000), 0x1000, PHYS_NUM_RES, .addr = 0x4000);
	ANSWERS(vcm_get_next_phys_res(0x4000, object(5), &len), 0x1000, PHYS_NEXT_RES,
		.addr = 0x4000, .target = 5);
	ck_assert_uint_eq(len, 0x1001);
	ANSWERS(vcm_get_cont_memtype_pa(VCM_MEMTYPE_2), 0x1000, MEMTYPE_CONT, .arg = 3);
	ANSWERS(vcm_get_cont_memtype_len(VCM_MEMTYPE_2), 0x1001, MEMTYPE_CONT, .arg = 3);
	ANSWERS(vcm_get_assoc_attr(object(7)), 0x1002, ASSOC_INFO, .on = 7);
	ANSWERS(vcm_is_active(object(7)), 1, ASSOC_INFO, .on = 7);
	ANSWERS(vcm_get_bound_start_addr(object(8)), 0x1001, BOUND_INFO, .on = 8);
	ANSWERS(vcm_get_bound_len(object(8)), 0x1002, BOUND_INFO, .on = 8);
	ANSWERS(vcm_get_next_bound(object(3), NULL), 0x1000, BOUND_NEXT, .on = 3);
	ANSWERS(smmu_get_base_addr(object(9)), 0x1000, DEV_INFO, .target = 9);
	ANSWERS(vcm_hw_ver(9), 0x1001, DEV_INFO, .target = 9);
	ANSWERS(vcm_dev_addr_to_phys_addr(9, 0x3000), 0x1000, DEV_TO_PHYS, .target = 9,
		.addr = 0x3000);
	ANSWERS(smmu_get_ctx_instance(name), 0x1000, DEV_GET, .on = 0);
	ck_assert_str_eq(last_name, "gpu");
	ck_assert_uint_eq(vcm_get_min_page_size(), 4096);
	ck_assert_uint_eq(vcm_min(), 4096);
	close_api();
}
END_TEST

START_TEST(what_fails_says_so_as_documented)
{
	open_api();
	status = -VCM_EINVAL;
	ck_assert_ptr_null(vcm_create(0, 0));
	ck_assert_int_eq(vcm_errno(), VCM_EINVAL);
	ck_assert_str_eq(vcm_last_error(), "because");
	ck_assert_int_eq(vcm_free(object(1)), -VCM_EINVAL);
	ck_assert_uint_eq(vcm_get_start_addr(object(1)), 1);
	ck_assert_uint_eq(vcm_get_len(object(1)), 0);
	ck_assert_uint_eq(vcm_get_dev_addr(object(1)), 1);
	ck_assert_int_eq(vcm_errno(), VCM_EINVAL);
	ck_assert_uint_eq(vcm_translate(0, object(1), object(1)), 1);
	ck_assert_uint_eq(vcm_get_bound_start_addr(object(1)), 1);
	ck_assert_uint_eq(vcm_get_memtype_of_physalloc(object(1)), VCM_INVALID);
	ck_assert_int_eq(vcm_is_active(object(1)), -VCM_EINVAL);
	ck_assert_ptr_null(smmu_get_ctx_instance(NULL));
	ck_assert_int_eq(smmu_free_ctx_instance(NULL), -VCM_EINVAL);
	status = 0;
	ck_assert_uint_eq(vcm_get_len(object(1)), 0x1001);
	ck_assert_str_eq(vcm_last_error(), "");
	base = 0;
	ck_assert_ptr_null(vcm_get_next_res(object(3), NULL));
	ck_assert_int_eq(vcm_errno(), 0);
	ck_assert_uint_eq(vcm_get_dev_addr(object(5)), 1);
	ck_assert_int_eq(vcm_errno(), VCM_ENODATA);
	close_api();
	ck_assert_int_eq(vcm_free(object(1)), -VCM_ENOTCONN);
	ck_assert_ptr_null(vcm_create(0, 4096));
	ck_assert_uint_eq(vcm_get_len(object(1)), 0);
	ck_assert_int_eq(vcm_errno(), VCM_ENOTCONN);
	ck_assert_int_eq(vcm_hook(1, NULL, NULL), -VCM_ENOTCONN);
	ck_assert_int_eq(vcm_dispatch(0), -VCM_ENOTCONN);
	ck_assert_int_eq(vcm_batch_begin(), -VCM_ENOTCONN);
	ck_assert_int_eq(vcm_sys_init(), -VCM_ENOTCONN);
}
END_TEST

START_TEST(the_handle_of_what_failed_or_has_gone_is_free_again)
{
	open_api();
	status = -VCM_ENOMEM;
	for (uint32_t i = 0; i < 3 * VCM_NODE_OBJECTS; i++)
		ck_assert_ptr_null(vcm_create(0, 4096));
	status = 0;
	for (uint32_t i = 0; i < 3 * VCM_NODE_OBJECTS; i++)
		ck_assert_int_eq(vcm_free(vcm_create(0, 4096)), 0);
	for (uint32_t i = 0; i < VCM_NODE_OBJECTS; i++)
		ck_assert_ptr_nonnull(vcm_create(0, 4096));
	ck_assert_ptr_null(vcm_create(0, 4096));
	ck_assert_int_eq(vcm_errno(), VCM_ENOMEM);
	close_api();
}
END_TEST

static unsigned int n_free(void)
{
	unsigned int n = VCM_NODE_OBJECTS;

	for (uint32_t i = 0; i < VCM_NODE_OBJECTS / 32; i++)
		n -= (unsigned int)__builtin_popcount(h.node.objects[i]);
	return n;
}

START_TEST(a_batch_is_one_message)
{
	unsigned int before;
	struct vcm *v;
	struct res *r;

	open_api();
	before = h.n_requests;
	ck_assert_int_eq(vcm_batch_begin(), 0);
	ck_assert_int_eq(vcm_batch_begin(), -VCM_EBUSY);
	v = vcm_create(0, 0x100000);
	r = vcm_reserve(v, 0x1000, 0);
	ck_assert(v && r);
	ck_assert_int_eq(vcm_unreserve(r), 0);
	ck_assert_uint_eq(vcm_get_len(v), 0);
	ck_assert_int_eq(vcm_errno(), VCM_EINPROGRESS);
	ck_assert_uint_eq(h.n_requests, before);
	ck_assert_int_eq(vcm_batch_commit(NULL), 0);
	ck_assert_uint_eq(h.n_requests, before + 1);
	ck_assert_uint_eq(n_ops, 3);
	ck_assert_uint_eq(last.on, vcm_handle_of(r));
	ck_assert_uint_eq(n_free(), VCM_NODE_OBJECTS - 1);
	ck_assert_int_eq(vcm_batch_commit(NULL), -VCM_EINVAL);
	close_api();
}
END_TEST

START_TEST(a_batch_that_fails_leaves_nothing)
{
	struct vcm *v;
	size_t failed = 99;

	open_api();
	v = vcm_create(0, 0x100000);
	status = -VCM_EBUSY;
	ck_assert_int_eq(vcm_batch_begin(), 0);
	ck_assert_ptr_nonnull(vcm_reserve(v, 0x1000, 0));
	ck_assert_int_eq(vcm_free(v), 0);
	ck_assert_int_eq(vcm_batch_commit(&failed), -VCM_EBUSY);
	ck_assert_uint_eq(failed, 1);
	/* What it would have made is free, what it would have ended is not. */
	ck_assert_uint_eq(n_free(), VCM_NODE_OBJECTS - 1);
	status = 0;
	ck_assert_int_eq(vcm_free(v), 0);
	ck_assert_uint_eq(n_free(), VCM_NODE_OBJECTS);
	close_api();
}
END_TEST

START_TEST(a_batch_takes_so_many_calls)
{
	unsigned int before;
	size_t failed = 0;

	open_api();
	before = h.n_requests;
	ck_assert_int_eq(vcm_batch_begin(), 0);
	for (uint32_t i = 0; i < VCM_MESSAGE_OPS; i++)
		ck_assert_ptr_nonnull(vcm_create(0, 4096));
	ck_assert_ptr_null(vcm_create(0, 4096));
	ck_assert_int_eq(vcm_errno(), VCM_E2BIG);
	ck_assert_int_eq(vcm_batch_commit(&failed), -VCM_E2BIG);
	ck_assert_uint_eq(failed, VCM_MESSAGE_OPS);
	ck_assert_uint_eq(h.n_requests, before);
	ck_assert_uint_eq(n_free(), VCM_NODE_OBJECTS);
	close_api();
}
END_TEST

START_TEST(a_batch_that_is_given_up_or_empty_says_nothing)
{
	unsigned int before;

	open_api();
	before = h.n_requests;
	ck_assert_int_eq(vcm_batch_begin(), 0);
	ck_assert_ptr_nonnull(vcm_create(0, 4096));
	vcm_batch_abort();
	vcm_batch_abort();
	ck_assert_int_eq(vcm_batch_begin(), 0);
	ck_assert_int_eq(vcm_batch_commit(NULL), 0);
	ck_assert_uint_eq(h.n_requests, before);
	ck_assert_uint_eq(n_free(), VCM_NODE_OBJECTS);
	close_api();
}
END_TEST

static int break_off(void *ctx _unused_)
{
	return -VCM_EIO;
}

/* The broker may do all the same what nobody waits for any more. */
START_TEST(the_handle_of_what_was_given_up_is_not_given_again)
{
	int (*wait)(void *ctx);
	size_t failed;

	open_api();
	wait = h.port.wait;
	h.port.wait = break_off;
	ck_assert_ptr_null(vcm_create(0, 4096));
	ck_assert_int_eq(vcm_errno(), VCM_EIO);
	ck_assert_uint_eq(n_free(), VCM_NODE_OBJECTS - 1);
	ck_assert_int_eq(vcm_batch_begin(), 0);
	ck_assert_ptr_nonnull(vcm_create(0, 4096));
	ck_assert_int_eq(vcm_batch_commit(&failed), -VCM_EIO);
	ck_assert_uint_eq(n_free(), VCM_NODE_OBJECTS - 2);
	h.port.wait = wait;
	ck_assert_ptr_nonnull(vcm_create(0, 4096));
	ck_assert_uint_eq(n_free(), VCM_NODE_OBJECTS - 3);
	close_api();
}
END_TEST

START_TEST(bytes_are_played_in_parts)
{
	uint8_t bytes[600] = { 0 };

	open_api();
	ck_assert_int_eq(vcm_sim_read(9, 0x1000, bytes, sizeof(bytes)), 0);
	ASKED(SIM_READ, .target = 9, .addr = 0x1000 + 512, .len = 88);
	ck_assert_uint_eq(bytes[599], 0x77);
	ck_assert_int_eq(vcm_sim_write(9, 0x1000, bytes, sizeof(bytes)), 0);
	ASKED(SIM_WRITE, .target = 9, .addr = 0x1000 + 512);
	ck_assert_uint_eq(last.n_data, 88);
	ck_assert_int_eq(vcm_sim_read(9, 0x1000, NULL, 1), -VCM_EINVAL);
	close_api();
}
END_TEST

static int handler(size_t dev_id _unused_, void *data, void *fault_data _unused_)
{
	++*(int *)data;
	return VCM_FAULT_RETRY;
}

START_TEST(a_token_is_two_halves_both_ways)
{
	const uint8_t halves[16] = { 0x08, 7, 6, 5, 4, 3, 2, 1, 0x09, 7, 6, 5, 4, 3, 2, 1 };
	struct vcm_token token;

	open_api();
	base = 0x0102030405060708;
	DOES(vcm_export(object(6), VCM_SHARE_WRITE, &token), EXPORT, .on = 6, .attr = 2);
	ck_assert_mem_eq(token.bytes, halves, sizeof(halves));
	MAKES(vcm_import(&token), IMPORT, .addr = 0x0102030405060708, .arg = 0x0102030405060709);
	DOES(vcm_export(object(6), 0, NULL), EXPORT, .on = 6);
	ck_assert_int_eq(vcm_export(object(6), VCM_SHARE_READ, NULL), -VCM_EINVAL);
	ck_assert_ptr_null(vcm_import(NULL));
	status = -VCM_EACCES;
	ck_assert_int_eq(vcm_export(object(6), VCM_SHARE_READ, &token), -VCM_EACCES);
	ck_assert_ptr_null(vcm_import(&token));
	ck_assert_int_eq(vcm_errno(), VCM_EACCES);
	status = 0;
	close_api();
}
END_TEST

START_TEST(a_sign_of_life_is_sent)
{
	open_api();
	DOES(vcm_node_ping(&h.node), PING, .on = 0);
	close_api();
}
END_TEST

START_TEST(a_hook_is_told_to_the_broker_and_runs_in_dispatch)
{
	const struct fault_event f = { .id = 4, .device = 9 };
	int n = 0;

	open_api();
	DOES(vcm_hook(9, handler, &n), HOOK, .target = 9, .arg = 1);
	ck_assert_int_eq(vcm_dispatch(0), 0);
	host_reply(&h, &(struct reply){ .fault = &f });
	ck_assert_int_eq(vcm_dispatch(-1), 1);
	ck_assert_int_eq(n, 1);
	ASKED(FAULT_REPLY, .addr = 4, .arg = 1);
	DOES(vcm_hook(9, NULL, NULL), HOOK, .target = 9);
	host_reply(&h, &(struct reply){ .fault = &f });
	ck_assert_int_eq(vcm_dispatch(-1), 1);
	ck_assert_int_eq(n, 1);
	ck_assert_int_eq(vcm_hook(0, handler, &n), -VCM_EINVAL);
	status = -VCM_EACCES;
	ck_assert_int_eq(vcm_hook(9, handler, &n), -VCM_EACCES);
	ck_assert_uint_eq(h.node.hooks[0].device, 0);
	status = 0;
	close_api();
}
END_TEST

START_TEST(a_handler_stays_where_no_other_can_take_its_place)
{
	const struct fault_event f = { .id = 4, .device = 9 };
	int n = 0, m = 0;

	open_api();
	DOES(vcm_hook(9, handler, &n), HOOK, .target = 9, .arg = 1);
	ck_assert_int_eq(vcm_batch_begin(), 0);
	ck_assert_int_eq(vcm_hook(9, handler, &m), -VCM_EBUSY);
	vcm_batch_abort();
	status = -VCM_EACCES;
	ck_assert_int_eq(vcm_hook(9, handler, &m), -VCM_EACCES);
	ck_assert_int_eq(vcm_hook(9, NULL, NULL), -VCM_EACCES);
	status = 0;
	host_reply(&h, &(struct reply){ .fault = &f });
	ck_assert_int_eq(vcm_dispatch(-1), 1);
	ck_assert_int_eq(n, 1);
	ck_assert_int_eq(m, 0);
	close_api();
}
END_TEST

START_TEST(a_fault_at_an_address_that_is_too_far_is_no_handlers)
{
	int n = 0;

	open_api();
	DOES(vcm_hook(9, handler, &n), HOOK, .target = 9, .arg = 1);
	h.node.faults[h.node.n_faults++] =
		(struct vcm_node_fault){ .id = 4, .device = 9, .is_too_far = true };
	ck_assert_int_eq(vcm_dispatch(0), 1);
	ASKED(FAULT_REPLY, .addr = 4, .arg = 2 + VCM_EOVERFLOW);
	ck_assert_int_eq(n, 0);
	close_api();
}
END_TEST

SUITE_MAIN("remote/api", what_creates_asks_for_it, what_changes_asks_for_it,
	   what_asks_gets_the_right_answer, what_fails_says_so_as_documented,
	   the_handle_of_what_failed_or_has_gone_is_free_again, a_batch_is_one_message,
	   a_batch_that_fails_leaves_nothing, a_batch_takes_so_many_calls,
	   a_batch_that_is_given_up_or_empty_says_nothing,
	   the_handle_of_what_was_given_up_is_not_given_again, bytes_are_played_in_parts,
	   a_token_is_two_halves_both_ways, a_sign_of_life_is_sent,
	   a_hook_is_told_to_the_broker_and_runs_in_dispatch,
	   a_handler_stays_where_no_other_can_take_its_place,
	   a_fault_at_an_address_that_is_too_far_is_no_handlers)
