// SPDX-License-Identifier: BSD-3-Clause
/* How a session begins and ends, and what is said without one, with a broker that is played. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vcm/inspect.h>
#include <vcm/sim.h>
#include <vcm/smmu.h>
#include <vcm/vcm.h>

#include "base/range.h"
#include "tests/client/peer.h"
#include "tests/suite.h"

START_TEST(every_function_before_init_fails_with_its_error_value_and_enotconn)
{
	size_t len;

#define FAILS(call, value)                                                                         \
	do {                                                                                       \
		errno = 0;                                                                         \
		ck_assert_msg((uintptr_t)(call) == (uintptr_t)(value), #call);                     \
		ck_assert_msg(errno == ENOTCONN, #call ": errno %d", errno);                       \
		ck_assert_msg(vcm_last_error()[0], #call);                                         \
	} while (0)
	FAILS(vcm_create(0, SZ_16M), 0);
	FAILS(vcm_create_from_prebuilt(VCM_PREBUILT_USER), 0);
	FAILS(vcm_from_prebuilt(VCM_PREBUILT_USER), 0);
	FAILS(vcm_clone(NULL), 0);
	FAILS(vcm_get_start_addr(NULL), 1);
	FAILS(vcm_get_len(NULL), 0);
	FAILS(vcm_free(NULL), -ENOTCONN);
	FAILS(vcm_reserve(NULL, SZ_4K, 0), 0);
	FAILS(vcm_reserve_at(VCM_START, NULL, SZ_4K, 0), 0);
	FAILS(vcm_get_vcm_from_res(NULL), 0);
	FAILS(vcm_unreserve(NULL), -ENOTCONN);
	FAILS(vcm_get_res_len(NULL), 0);
	FAILS(vcm_set_res_attr(NULL, 0), -ENOTCONN);
	FAILS(vcm_get_res_attr(NULL), 0);
	FAILS(vcm_get_num_res(NULL), 0);
	FAILS(vcm_get_next_res(NULL, NULL), 0);
	FAILS(vcm_res_copy(NULL, 0, NULL, 0, 0), 0);
	FAILS(vcm_back(NULL, NULL), -ENOTCONN);
	FAILS(vcm_unback(NULL), -ENOTCONN);
	FAILS(vcm_phys_alloc(VCM_MEMTYPE_0, SZ_4K, 0), 0);
	FAILS(vcm_phys_free(NULL), -ENOTCONN);
	FAILS(vcm_get_physmem_from_res(NULL), 0);
	FAILS(vcm_get_memtype_of_physalloc(NULL), VCM_INVALID);
	FAILS(vcm_assoc(NULL, 1, 0), 0);
	FAILS(vcm_deassoc(NULL), -ENOTCONN);
	FAILS(vcm_set_assoc_attr(NULL, 0), -ENOTCONN);
	FAILS(vcm_get_assoc_attr(NULL), 0);
	FAILS(vcm_activate(NULL), -ENOTCONN);
	FAILS(vcm_activate_ex(NULL, 0), -ENOTCONN);
	FAILS(vcm_deactivate(NULL), -ENOTCONN);
	FAILS(vcm_is_active(NULL), -ENOTCONN);
	FAILS(vcm_create_bound(NULL, SZ_4K), 0);
	FAILS(vcm_free_bound(NULL), -ENOTCONN);
	FAILS(vcm_reserve_from_bound(NULL, SZ_4K, 0), 0);
	FAILS(vcm_reserve_bound(NULL, SZ_4K, 0), 0);
	FAILS(vcm_get_bound_start_addr(NULL), 1);
	FAILS(vcm_get_bound_len(NULL), 0);
	FAILS(vcm_get_next_bound(NULL, NULL), 0);
	FAILS(vcm_map_phys_addr(SZ_4K, SZ_4K), 0);
	FAILS(vcm_get_next_phys_addr(NULL, 0, &len), 0);
	FAILS(vcm_get_dev_addr(NULL), 1);
	FAILS(vcm_get_res(0, NULL), 0);
	FAILS(vcm_find_res(0, NULL), 0);
	FAILS(vcm_translate(0, NULL, NULL), 1);
	FAILS(vcm_get_phys_num_res(SZ_4K), 0);
	FAILS(vcm_get_next_phys_res(SZ_4K, NULL, &len), 0);
	FAILS(vcm_get_pgtbl_pa(NULL), 0);
	FAILS(vcm_get_cont_memtype_pa(VCM_MEMTYPE_0), 0);
	FAILS(vcm_get_cont_memtype_len(VCM_MEMTYPE_0), 0);
	FAILS(vcm_dev_addr_to_phys_addr(1, 0), 0);
	FAILS(vcm_hook(1, NULL, NULL), -ENOTCONN);
	FAILS(vcm_hw_ver(1), 0);
	FAILS(vcm_sys_destroy(), -ENOTCONN);
	FAILS(vcm_batch_begin(), -ENOTCONN);
	FAILS(vcm_get_fd(), -ENOTCONN);
	FAILS(vcm_dispatch(0), -ENOTCONN);
	FAILS(vcm_inspect(VCM_TABLE_STATUS, 0, (vcm_row_fn)abort, NULL), -ENOTCONN);
	FAILS(vcm_sim_read(1, 0, &len, sizeof(len)), -ENOTCONN);
	FAILS(vcm_sim_write(1, 0, &len, sizeof(len)), -ENOTCONN);
	FAILS(vcm_sim_fail_next(1, VCM_SIM_FAIL_WALK, 1), -ENOTCONN);
	FAILS(vcm_sim_stats(1, NULL, 0), -ENOTCONN);
	FAILS(smmu_get_ctx_instance((char[]){ "cpu" }), 0);
	FAILS(smmu_free_ctx_instance(NULL), -ENOTCONN);
	FAILS(smmu_get_base_addr(NULL), 0);
#undef FAILS
	ck_assert_uint_eq(vcm_get_min_page_size(), 4096);
	ck_assert_str_eq(vcm_last_error(), "");
	ck_assert_ptr_null(vcm_create(0, SZ_16M));
	ck_assert_uint_eq(vcm_min(), 4096);
	ck_assert_str_eq(vcm_last_error(), "");
	ck_assert_ptr_null(vcm_create(0, SZ_16M));
	ck_assert_int_eq(vcm_set_event_mode(VCM_EVENT_THREAD), 0);
	ck_assert_str_eq(vcm_last_error(), "");
}
END_TEST

START_TEST(init_without_a_broker_says_where_it_looked)
{
	setenv("VCM_SOCKET", "/nonexistent/vcm.sock", 1);
	ck_assert_int_eq(vcm_sys_init(), -ENOENT);
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_ptr_nonnull(strstr(vcm_last_error(), "/nonexistent/vcm.sock"));
	ck_assert_int_eq(vcm_sys_destroy(), -ENOTCONN);
}
END_TEST

START_TEST(init_with_a_path_that_is_too_long_is_refused)
{
	char path[200];

	memset(path, 'a', sizeof(path));
	path[199] = '\0';
	setenv("VCM_SOCKET", path, 1);
	ck_assert_int_eq(vcm_sys_init(), -ENAMETOOLONG);
}
END_TEST

static void refuse_hello(struct peer *p)
{
	p->fd = accept(p->listen_fd, NULL, NULL);
	peer_receive(p);
	peer_refuse(p, -EDQUOT, "user 7 has 64 sessions");
}

START_TEST(init_that_the_broker_refuses_says_why)
{
	struct peer p;

	peer_open(&p);
	peer_play(&p, refuse_hello);
	ck_assert_int_eq(vcm_sys_init(), -EDQUOT);
	ck_assert_str_eq(vcm_last_error(), "user 7 has 64 sessions");
	peer_join(&p);
	peer_close(&p);
}
END_TEST

static void hang_up_after_hello(struct peer *p)
{
	int fd = accept(p->listen_fd, NULL, NULL);

	close(fd);
}

static void say_nonsense(struct peer *p)
{
	p->fd = accept(p->listen_fd, NULL, NULL);
	peer_receive(p);
	peer_send_garbage(p);
}

static void say_no_welcome(struct peer *p)
{
	p->fd = accept(p->listen_fd, NULL, NULL);
	peer_receive(p);
	peer_answer(p, 0, NULL);
}

static void forget_the_event_channel(struct peer *p)
{
	struct reply reply = { .welcome = &p->welcome };

	p->fd = accept(p->listen_fd, NULL, NULL);
	peer_receive(p);
	reply.serial = p->request.serial;
	peer_send(p, &reply, NULL, 0);
}

static void speak_another_version(struct peer *p)
{
	p->welcome.version = PROTO_VERSION + 1;
	peer_welcome(p);
}

static void allow_nothing(struct peer *p)
{
	p->welcome.max_ops = 0;
	peer_welcome(p);
}

START_TEST(init_with_a_broker_that_makes_no_sense_fails_cleanly)
{
	static const struct {
		peer_script script;
		int error;
	} cases[] = {
		{ hang_up_after_hello, -ECONNRESET },
		{ say_nonsense, -EPROTO },
		{ say_no_welcome, -EPROTO },
		{ forget_the_event_channel, -EPROTO },
		{ speak_another_version, -EPROTONOSUPPORT },
		{ allow_nothing, -EPROTO },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct peer p;

		peer_open(&p);
		peer_play(&p, cases[i].script);
		ck_assert_int_eq(vcm_sys_init(), cases[i].error);
		ck_assert(vcm_last_error()[0]);
		ck_assert_int_eq(vcm_sys_destroy(), -ENOTCONN);
		peer_join(&p);
		peer_close(&p);
	}
}
END_TEST

START_TEST(init_is_counted_and_the_last_destroy_says_goodbye)
{
	struct peer p;

	peer_start(&p, peer_goodbye);
	ck_assert_int_eq(vcm_sys_init(), 0);
	ck_assert_int_eq(vcm_sys_destroy(), 0);
	ck_assert_int_eq(vcm_sys_destroy(), 0);
	peer_join(&p);
	ck_assert_int_eq(vcm_sys_destroy(), -ENOTCONN);
	peer_close(&p);
}
END_TEST

SUITE_MAIN("init", every_function_before_init_fails_with_its_error_value_and_enotconn,
	   init_without_a_broker_says_where_it_looked, init_with_a_path_that_is_too_long_is_refused,
	   init_that_the_broker_refuses_says_why,
	   init_with_a_broker_that_makes_no_sense_fails_cleanly,
	   init_is_counted_and_the_last_destroy_says_goodbye)
