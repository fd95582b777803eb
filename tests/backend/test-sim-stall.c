// SPDX-License-Identifier: BSD-3-Clause
/* The model's stalled transactions: who waits, what RESUME does to whom, and what becomes of the abandoned. */
#include <errno.h>
#include <string.h>

#include "base/range.h"
#include "tests/backend/bare.h"
#include "tests/suite.h"

#define FSR 0x020
#define FAR 0x028
#define RESUME 0x820
#define RETRY 0
#define TERMINATE 1
#define TF (1U << 1)
#define SS (1U << 30)
#define MULTI (1U << 31)

struct waiting {
	int result;
	unsigned int n_calls;
	uint8_t buf[3 * 4096];
};

static void on_done(void *ctx, int result)
{
	struct waiting *w = ctx;

	w->result = result;
	w->n_calls++;
}

static int start(struct waiting *w, unsigned int mid, bool write, uint64_t va, size_t len)
{
	memset(w, 0, sizeof(*w));
	if (write)
		memset(w->buf, 0x77, sizeof(w->buf));
	return sim_access(machine.sim, mid, write, va, w->buf, len, on_done, w);
}

static void stall_setup(void)
{
	bare_setup();
	bare_bank(0, STALLS);
	bare_bank(1, STALLS);
	/* Masters 4 to 6 share bank 0 with master 0. */
	for (unsigned int mid = 4; mid < 7; mid++)
		wr(0xFF000 + 4 * mid, 0);
}

static void map_section(uint64_t va)
{
	l1_poke(LOW, va, (uint32_t)(RAM_PA + (va & 0xF00000)) | SECTION_RW);
}

START_TEST(a_stalled_transaction_waits_and_retries_when_told)
{
	struct waiting w;

	stall_setup();
	machine_poke(&machine, RAM_PA + 0x100010, 0x1234);
	ck_assert_int_eq(start(&w, 0, false, 0x100010, 4), -EINPROGRESS);
	ck_assert_uint_eq(rb(0, FSR), SS | TF);
	ck_assert_uint_eq(rb(0, FAR), 0x100010);
	map_section(0x100000);
	wb(0, FSR, SS | TF);
	ck_assert_uint_eq(w.n_calls, 0);
	wb(0, RESUME, RETRY);
	ck_assert_uint_eq(w.n_calls, 1);
	ck_assert_int_eq(w.result, 0);
	ck_assert_uint_eq(w.buf[0] | w.buf[1] << 8, 0x1234);
	ck_assert_uint_eq(rb(0, FSR), 0);
	machine_deinit(&machine);
}
END_TEST

START_TEST(a_retry_without_a_mapping_stalls_again)
{
	struct waiting w;

	stall_setup();
	ck_assert_int_eq(start(&w, 0, false, 0x100010, 4), -EINPROGRESS);
	for (unsigned int i = 0; i < 3; i++) {
		wb(0, FSR, rb(0, FSR));
		wb(0, RESUME, RETRY);
		ck_assert_uint_eq(rb(0, FSR), SS | TF);
		ck_assert_uint_eq(w.n_calls, 0);
	}
	wb(0, FSR, rb(0, FSR));
	wb(0, RESUME, TERMINATE);
	ck_assert_uint_eq(w.n_calls, 1);
	ck_assert_int_eq(w.result, -EFAULT);
	/* There is nothing left to resume. */
	wb(0, RESUME, RETRY);
	ck_assert_uint_eq(w.n_calls, 1);
	machine_deinit(&machine);
}
END_TEST

START_TEST(a_transaction_goes_on_where_it_stalled_and_may_stall_at_each_page)
{
	struct waiting w;

	stall_setup();
	l1_poke(LOW, 0, (uint32_t)SECOND(0) | 1);
	ck_assert_int_eq(start(&w, 0, true, 0x800, 0x2000), -EINPROGRESS);
	for (unsigned int page = 0; page < 3; page++) {
		ck_assert_uint_eq(rb(0, FAR), page ? page << 12 : 0x800);
		l2_poke(SECOND(0), page << 12, (uint32_t)(RAM_PA + (page << 12)) | SMALL_RW);
		wb(0, FSR, rb(0, FSR));
		ck_assert_uint_eq(w.n_calls, 0);
		wb(0, RESUME, RETRY);
	}
	ck_assert_uint_eq(w.n_calls, 1);
	ck_assert_int_eq(w.result, 0);
	ck_assert_uint_eq(machine.ram[0x7FF], 0);
	ck_assert_uint_eq(machine.ram[0x800], 0x77);
	ck_assert_uint_eq(machine.ram[0x27FF], 0x77);
	ck_assert_uint_eq(machine.ram[0x2800], 0);
	machine_deinit(&machine);
}
END_TEST

START_TEST(a_waiting_master_is_busy_and_others_are_not)
{
	struct waiting w, x;

	stall_setup();
	map_section(0x200000);
	ck_assert_int_eq(start(&w, 0, false, 0x100000, 4), -EINPROGRESS);
	ck_assert_int_eq(start(&x, 0, false, 0x200000, 4), -EBUSY);
	ck_assert_int_eq(start(&x, 1, false, 0x200000, 4), 0);
	ck_assert_int_eq(start(&x, 4, false, 0x200000, 4), 0); /* on the same bank */
	ck_assert_uint_eq(w.n_calls, 0);
	machine_deinit(&machine); /* terminates it */
	ck_assert_uint_eq(w.n_calls, 1);
	ck_assert_int_eq(w.result, -EFAULT);
	ck_assert_uint_eq(x.n_calls, 0);
}
END_TEST

START_TEST(faults_behind_an_unread_one_are_told_one_after_the_other)
{
	struct waiting w[3];

	stall_setup();
	ck_assert_int_eq(start(&w[0], 4, false, 0x100000, 4), -EINPROGRESS);
	ck_assert_int_eq(start(&w[1], 5, false, 0x200000, 4), -EINPROGRESS);
	ck_assert_int_eq(start(&w[2], 6, false, 0x300000, 4), -EINPROGRESS);
	for (unsigned int i = 0; i < 3; i++) {
		ck_assert_uint_eq(rb(0, FAR), 0x100000 * (i + 1));
		ck_assert_uint_eq(rb(0, 0x02C), 4 + i);
		/* Of the others it says only that there are some. */
		ck_assert_uint_eq(rb(0, FSR), SS | TF | (i == 0 ? MULTI : 0));
		wb(0, FSR, rb(0, FSR));
		wb(0, RESUME, TERMINATE);
		for (unsigned int j = 0; j < 3; j++)
			ck_assert_uint_eq(w[j].n_calls, j <= i);
	}
	ck_assert_uint_eq(rb(0, FSR), 0);
	machine_deinit(&machine);
}
END_TEST

START_TEST(a_fault_that_came_after_the_registers_were_read_waits_for_its_own_verdict)
{
	struct waiting first, second;

	stall_setup();
	ck_assert_int_eq(start(&first, 4, false, 0x100000, 4), -EINPROGRESS);
	wb(0, FSR, rb(0, FSR));
	ck_assert_int_eq(start(&second, 5, false, 0x200000, 4), -EINPROGRESS);
	wb(0, RESUME, TERMINATE); /* the first one's */
	ck_assert_uint_eq(first.n_calls, 1);
	ck_assert_uint_eq(second.n_calls, 0);
	ck_assert_uint_eq(rb(0, FAR), 0x200000);
	map_section(0x200000);
	wb(0, FSR, rb(0, FSR));
	wb(0, RESUME, RETRY);
	ck_assert_int_eq(second.result, 0);
	ck_assert_uint_eq(second.n_calls, 1);
	machine_deinit(&machine);
}
END_TEST

START_TEST(stalled_by_way_of_another_bank_is_resumed_by_that_bank_only)
{
	struct waiting w;

	stall_setup();
	ck_assert_int_eq(start(&w, 1, false, 0x100000, 4), -EINPROGRESS);
	wb(0, RESUME, TERMINATE);
	ck_assert_uint_eq(w.n_calls, 0);
	wb(1, RESUME, TERMINATE);
	ck_assert_uint_eq(w.n_calls, 1);
	machine_deinit(&machine);
}
END_TEST

START_TEST(without_cfcfg_or_with_stalld_a_fault_ends_the_transaction)
{
	struct waiting w;

	stall_setup();
	wb(0, 0x004, TERMINATES);
	ck_assert_int_eq(start(&w, 0, false, 0x100000, 4), -EFAULT);
	ck_assert_uint_eq(rb(0, FSR), TF);
	wr(0xFFF80, 1 << 5);
	ck_assert_int_eq(start(&w, 1, false, 0x100000, 4), -EFAULT);
	ck_assert_uint_eq(rb(1, FSR), TF);
	ck_assert_uint_eq(w.n_calls, 0);
	machine_deinit(&machine);
}
END_TEST

START_TEST(an_abandoned_transaction_touches_nothing_and_holds_its_place_until_resume)
{
	struct waiting w, x;

	stall_setup();
	ck_assert_int_eq(start(&w, 0, false, 0x100000, 4), -EINPROGRESS);
	sim_abandon(machine.sim, 0);
	sim_abandon(machine.sim, 0);
	sim_abandon(machine.sim, 1);
	sim_abandon(machine.sim, 99);
	ck_assert_int_eq(start(&x, 0, false, 0x100000, 4), -EBUSY);
	machine_poke(&machine, RAM_PA + 0x100000, 0x1234);
	map_section(0x100000);
	wb(0, FSR, rb(0, FSR));
	wb(0, RESUME, RETRY);
	ck_assert_uint_eq(w.n_calls, 0);
	ck_assert_uint_eq(w.buf[0], 0);
	ck_assert_int_eq(start(&x, 0, false, 0x100000, 4), 0);
	machine_deinit(&machine);
}
END_TEST

static struct waiting chained;

static void start_another(void *ctx, int result)
{
	on_done(ctx, result);
	ck_assert_int_eq(start(&chained, 0, false, 0x200000, 4), -EINPROGRESS);
}

START_TEST(a_callback_may_start_the_next_transaction)
{
	struct waiting w = { 0 };

	stall_setup();
	ck_assert_int_eq(sim_access(machine.sim, 0, false, 0x100000, w.buf, 4, start_another, &w),
			 -EINPROGRESS);
	wb(0, FSR, rb(0, FSR));
	wb(0, RESUME, TERMINATE);
	ck_assert_uint_eq(w.n_calls, 1);
	ck_assert_uint_eq(rb(0, FAR), 0x200000);
	wb(0, FSR, rb(0, FSR));
	wb(0, RESUME, TERMINATE);
	ck_assert_uint_eq(chained.n_calls, 1);
	machine_deinit(&machine);
}
END_TEST

SUITE_MAIN("sim-stall", a_stalled_transaction_waits_and_retries_when_told,
	   a_retry_without_a_mapping_stalls_again,
	   a_transaction_goes_on_where_it_stalled_and_may_stall_at_each_page,
	   a_waiting_master_is_busy_and_others_are_not,
	   faults_behind_an_unread_one_are_told_one_after_the_other,
	   a_fault_that_came_after_the_registers_were_read_waits_for_its_own_verdict,
	   stalled_by_way_of_another_bank_is_resumed_by_that_bank_only,
	   without_cfcfg_or_with_stalld_a_fault_ends_the_transaction,
	   an_abandoned_transaction_touches_nothing_and_holds_its_place_until_resume,
	   a_callback_may_start_the_next_transaction)
