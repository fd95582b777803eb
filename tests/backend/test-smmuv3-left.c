// SPDX-License-Identifier: BSD-3-Clause
/*
 * An SMMUv3 driver that ends without a word, and the next one: what masters do goes on, whatever moment they look at.
 * Mutations that it was seen to catch: no hold of descriptors, of tables below the root; no invalidation before the walk; an
 * ASID of the former life given to another table; a stranger's stream left as it was; no settle; no STALL_TERM; no CFGI_ALL,
 * or no TLBI, when streams are taken over; a parked stream left at its old descriptor; CR1, CR2 or the split not looked at.
 */
#include "tests/backend/smmuv3-inside.h"
#include "tests/backend/smmuv3.h"

static size_t n_left;     /* blocks of table memory that the former driver had */
static unsigned int page; /* that MASTER(0) sees, at every moment; 0: nobody looks */

static void look(void)
{
	if (page)
		ck_assert_uint_eq(seen(MASTER(0), VA), page);
}

/* As when its process is killed: hardware is not told. */
static void die(void)
{
	smmu->ops->leave(smmu);
	smmu->ops->free(smmu);
	smmu = NULL;
	one = two = three = NULL;
	format = a64_free(format);
	n_left = machine.tables_live;
}

static int hold(const struct smmuv3_config *config)
{
	struct a64_config form;

	ck_assert(!smmuv3_probe(v3_model_mmio(model), &form, &why));
	format = a64_new(&machine.bus, &form);
	ck_assert_ptr_nonnull(format);
	return smmuv3_hold(config, &why);
}

static void (*onlooker)(void) = look;

static void live_again_as(struct smmuv3_config config)
{
	unsigned int n_flushed = v3_model_n_commands(model, 0x30);

	machine.tap.look = onlooker;
	ck_assert_msg(hold(&config) == 1, "%s", why.text);
	/* What was unlinked and is cached would not be found by the walk. */
	ck_assert_uint_gt(v3_model_n_commands(model, 0x30), n_flushed);
	machine_spoil_rest(&machine);
	config.adopt = true;
	ck_assert_msg(!smmuv3_new(&config, format, &smmu, &why), "%s", why.text);
	one = table_of(1);
	two = table_of(2);
	three = table_of(3);
}

static void live_again(void)
{
	live_again_as(driver_config());
}

/* The driver has all that it wants; what is left of the former one goes. n_l2: second-level stream tables. */
static void settle(unsigned int n_l2)
{
	ck_assert(!smmu->ops->settle(smmu, &why));
	machine_let_go(&machine);
	machine.tables_live -= n_left - 3 - n_l2;
}

static void end(void)
{
	page = 0;
	ck_assert_uint_eq(v3_model_n_bypassed(model), 0);
	teardown();
}

/* Hardware on its own, and a driver to be changed. */
static struct smmuv3_config setup_config(void)
{
	setup_hardware(&(struct v3_model_config){ 0 });
	return driver_config();
}

/* MASTER(0), and another so far away that the stream table is one of two levels. */
static struct smmuv3_config setup_far(uint32_t stream)
{
	static struct smmuv3_context_config two_of[] = { { "near", 8, false },
							 { "far", 0, false } };
	struct smmuv3_config config = setup_config();

	two_of[1].stream = stream;
	config.contexts = two_of;
	config.n_contexts = 2;
	return config;
}

static void start_as(const struct smmuv3_config *config)
{
	ck_assert(!smmuv3_new(config, format, &smmu, &why));
	one = table_of(1);
	two = table_of(2);
}

START_TEST(a_master_sees_its_memory_at_every_moment_of_a_change_of_drivers)
{
	setup();
	ck_assert(!activate(0, one));
	page = 1;
	die();
	look();
	live_again();
	look();
	ck_assert(!activate(0, one));
	settle(0);
	look();
	ck_assert(!map_as(one, VA + SZ_4K, RAM_PA + 7 * SZ_4K, SZ_4K, SZ_4K, MAP_RW));
	ck_assert_uint_eq(seen(MASTER(0), VA + SZ_4K), 7);
	page = 0;
	ck_assert(!deactivate(0));
	ck_assert_uint_eq(seen(MASTER(0), VA), 0);
	end();
}
END_TEST

START_TEST(a_stream_table_of_two_levels_is_taken_over_with_all_its_parts)
{
	struct smmuv3_config config = setup_far(0x1234);

	start_as(&config);
	ck_assert(!activate(0, one) && !activate(1, two));
	page = 1;
	die();
	live_again_as(config);
	ck_assert_uint_eq(seen(0x1234, VA), 2);
	ck_assert(!activate(1, two) && !activate(0, one));
	settle(2);
	ck_assert_uint_eq(seen(0x1234, VA), 2);
	look();
	end();
}
END_TEST

/* It can snoop, and was told not to. */
START_TEST(uncached_tables_are_taken_over_as_such_and_no_others)
{
	struct smmuv3_config config = setup_config();

	config.uncached_tables = true;
	start_as(&config);
	ck_assert(!activate(0, one));
	page = 1;
	die();
	ck_assert_int_lt(hold(&(struct smmuv3_config){
				 .name = config.name, .io = config.io, .bus = config.bus }),
			 0);
	format = a64_free(format);
	live_again_as(config);
	ck_assert(!activate(0, one));
	settle(0);
	look();
	end();
}
END_TEST

START_TEST(what_nobody_activates_again_ends_when_all_is_settled)
{
	setup();
	ck_assert(!activate(0, one) && !activate(3, three));
	die();
	live_again();
	ck_assert(!activate(0, one));
	ck_assert_uint_eq(seen(MASTER(3), VA), 3);
	settle(0);
	ck_assert_uint_eq(seen(MASTER(3), VA), 0);
	ck_assert_uint_eq(seen(MASTER(0), VA), 1);
	ck_assert(!activate(3, two));
	ck_assert_uint_eq(seen(MASTER(3), VA), 2);
	ck_assert(!deactivate(0) && !deactivate(3));
	end();
}
END_TEST

START_TEST(what_the_new_table_has_not_is_gone_with_the_activation)
{
	setup();
	ck_assert(!map_as(one, VA + SZ_2M, RAM_PA + 5 * SZ_4K, SZ_4K, SZ_4K, MAP_RW));
	ck_assert(!activate(0, one));
	ck_assert_uint_eq(seen(MASTER(0), VA + SZ_2M), 5);
	page = 1;
	die();
	live_again();
	ck_assert_uint_eq(seen(MASTER(0), VA + SZ_2M), 5);
	ck_assert(!activate(0, one));
	ck_assert_uint_eq(seen(MASTER(0), VA + SZ_2M), 0);
	settle(0);
	end();
}
END_TEST

/* With as few ASIDs as contexts need, and warm TLBs: those of the former life are nobody else's. */
START_TEST(tables_of_the_former_life_and_of_this_one_do_not_share_translations)
{
	setup_with(&(struct v3_model_config){ .asid8 = true });
	ck_assert(!activate(0, one) && !activate(1, two) && !activate(3, two));
	for (unsigned int i = 0; i < N_CONTEXTS; i++)
		seen(MASTER(i), VA);
	die();
	live_again();
	ck_assert_uint_eq(seen(MASTER(0), VA), 1);
	ck_assert_uint_eq(seen(MASTER(1), VA), 2);
	ck_assert(!activate(0, three));
	ck_assert(!activate(2, one));
	ck_assert_uint_eq(seen(MASTER(0), VA), 3);
	ck_assert_uint_eq(seen(MASTER(2), VA), 1);
	ck_assert_uint_eq(seen(MASTER(1), VA), 2);
	ck_assert(!activate(1, one));
	ck_assert_uint_eq(seen(MASTER(3), VA), 2);
	ck_assert_uint_eq(seen(MASTER(1), VA), 1);
	settle(0);
	ck_assert_uint_eq(seen(MASTER(3), VA), 0);
	end();
}
END_TEST

START_TEST(a_stream_that_the_new_driver_does_not_have_is_aborted)
{
	struct smmuv3_config config;

	setup();
	ck_assert(!activate(0, one) && !activate(3, three));
	page = 1;
	die();
	config = driver_config();
	config.n_contexts = 2;
	live_again_as(config);
	ck_assert_uint_eq(seen(MASTER(3), VA), 0);
	ck_assert(!activate(0, one));
	settle(0);
	ck_assert_uint_eq(seen(MASTER(3), VA), 0);
	end();
}
END_TEST

static uint64_t strtab(void)
{
	return mmio_read32(v3_model_mmio(model), 0x80) & ~63U;
}

/* The second of two second-level tables of which the first is absent. */
START_TEST(a_stranger_far_away_is_aborted_too)
{
	struct smmuv3_config config = setup_far(0x1305);
	const uint64_t *l1, *l2;

	start_as(&config);
	ck_assert(!activate(0, one) && !activate(1, two));
	page = 1;
	die();
	config.n_contexts = 1;
	live_again_as(config);
	ck_assert_uint_eq(seen(0x1305, VA), 0);
	/* By its entry, not by what has become of its tables. */
	l1 = machine.bus.ops->view(machine.bus.ctx, strtab(), 1024);
	l2 = machine.bus.ops->view(machine.bus.ctx, l1[0x13] & UINT64_C(0xFFFFFFFFFFFC0), 16384);
	ck_assert_uint_eq(l2[5 * 8], 0);
	ck_assert(!activate(0, one));
	settle(2);
	look();
	end();
}
END_TEST

/* The old descriptor is memory that is let go. */
START_TEST(a_parked_stream_has_the_descriptor_of_the_new_driver)
{
	const uint64_t *ste;
	uint64_t was;

	setup();
	ck_assert(!activate(0, one));
	ste = machine.bus.ops->view(machine.bus.ctx, strtab() + MASTER(3) * 64, 64);
	was = ste[0];
	die();
	live_again();
	ck_assert_uint_ne(ste[0], was);
	ck_assert_uint_eq(machine.held[((ste[0] & UINT64_C(0xFFFFFFFFFFFC0)) - TABLES_PA) / 1024],
			  0);
	ck_assert(!activate(0, one));
	settle(0);
	end();
}
END_TEST

START_TEST(what_had_stalled_is_terminated_and_what_faults_now_is_told)
{
	struct fault fault;

	setup();
	ck_assert(!activate(1, one));
	ck_assert_int_eq(try(MASTER(1), 0, VA + SZ_2M), -EINPROGRESS);
	die();
	live_again();
	ck_assert_uint_eq(v3_model_n_stalled(model), 0);
	ck_assert_int_eq(v3_model_result(model, MASTER(1)), -EFAULT);
	no_fault();
	ck_assert(!activate(1, one));
	settle(0);
	ck_assert_int_eq(try(MASTER(1), 0, VA + SZ_2M), -EINPROGRESS);
	ck_assert(next_fault(&fault));
	ck_assert(fault.stalled && fault.addr == VA + SZ_2M && fault.context == 1);
	ck_assert(!smmu->ops->fault_resume(smmu, 1, false));
	end();
}
END_TEST

START_TEST(what_hardware_had_to_stall_is_terminated_too)
{
	uint32_t word;

	setup_with(&(struct v3_model_config){ .stall_model = V3_STALL_FORCED });
	ck_assert(!activate(0, one));
	ck_assert_int_eq(get(MASTER(0), VA + SZ_2M, &word), -EINPROGRESS);
	die();
	live_again();
	ck_assert_uint_eq(v3_model_n_stalled(model), 0);
	ck_assert_int_eq(v3_model_result(model, MASTER(0)), -EFAULT);
	ck_assert(!activate(0, one));
	settle(0);
	end();
}
END_TEST

START_TEST(a_driver_that_dies_half_way_is_followed_by_a_third)
{
	size_t first;

	setup();
	ck_assert(!activate(0, one) && !activate(3, three));
	page = 1;
	die();
	first = n_left;
	live_again();
	ck_assert(!activate(0, one));
	die();
	memset(machine.held, 0, sizeof(machine.held));
	live_again();
	ck_assert_uint_eq(seen(MASTER(3), VA), 3);
	ck_assert(!activate(3, three) && !activate(0, one));
	settle(0);
	ck_assert_uint_gt(n_left, first);
	ck_assert_uint_eq(seen(MASTER(3), VA), 3);
	end();
}
END_TEST

/* Then it is quiet that the hardware has to be. */
static void starts_anew(void)
{
	page = 0;
	ck_assert(!smmuv3_quiet(v3_model_mmio(model), "smmu0", &why));
	ck_assert_uint_eq(seen(MASTER(0), VA), 0);
	machine.tables_live -= n_left;
	ck_assert(!start_driver());
	one = table_of(1);
	ck_assert(!activate(0, one));
	ck_assert_uint_eq(seen(MASTER(0), VA), 1);
	end();
}

START_TEST(an_smmu_that_is_off_has_nothing_to_go_on_with)
{
	struct smmuv3_config config;

	setup();
	smmu->ops->free(smmu);
	smmu = NULL;
	config = driver_config();
	ck_assert_int_eq(smmuv3_hold(&config, &why), 0);
	end();
}
END_TEST

static void is_refused(void (*change)(struct smmuv3_config *config))
{
	struct smmuv3_config config;

	setup();
	ck_assert(!activate(0, one));
	die();
	config = driver_config();
	change(&config);
	ck_assert_int_eq(hold(&config), -ESTALE);
	ck_assert_uint_gt(strlen(why.text), 0);
	starts_anew();
}

static void a_far_stream(struct smmuv3_config *config)
{
	static const struct smmuv3_context_config far = { "far", 0x1234, false };

	config->contexts = &far;
	config->n_contexts = 1;
}

static uint64_t *words_at(uint64_t pa, size_t n)
{
	uint64_t *at = machine.bus.ops->view(machine.bus.ctx, pa, n * sizeof(uint64_t));

	ck_assert_ptr_nonnull(at);
	return at;
}

/* The entry of the page at VA in the table that a stream's context descriptor names. */
static uint64_t *leaf_of(uint32_t stream)
{
	const uint64_t address = UINT64_C(0xfffffffff000);
	uint64_t cd = words_at(strtab() + stream * 64, 8)[0] & UINT64_C(0xfffffffffffc0);
	uint64_t table = words_at(cd, 8)[1] & address;

	for (unsigned int shift = 39; shift > 12; shift -= 9)
		table = words_at(table, 512)[VA >> shift & 511] & address;
	return &words_at(table, 512)[VA >> 12 & 511];
}

START_TEST(a_table_that_has_changed_is_right_again)
{
	setup();
	ck_assert(!activate(0, one));
	die();
	*leaf_of(MASTER(0)) += 6 * SZ_4K;
	ck_assert_uint_eq(seen(MASTER(0), VA), 7);
	live_again();
	ck_assert(!activate(0, one));
	settle(0);
	ck_assert_uint_eq(seen(MASTER(0), VA), 1);
	end();
}
END_TEST

static void a_stream_that_is_aborted(struct smmuv3_config *config)
{
	(void)config;
	words_at(strtab() + MASTER(0) * 64, 8)[0] = 1;
}

static void a_descriptor_elsewhere(struct smmuv3_config *config)
{
	uint64_t *ste = words_at(strtab() + MASTER(0) * 64, 8);

	(void)config;
	ste[0] = (ste[0] & 63) | RAM_PA;
}

static void a_bypass(struct smmuv3_config *config)
{
	uint64_t *ste = words_at(strtab() + MASTER(0) * 64, 8);

	(void)config;
	ste[0] = 1 | 4 << 1;
}

static void a_hang(struct smmuv3_config *config)
{
	(void)config;
	v3_model_fail(model, V3_FAIL_HANG, 2); /* the first write makes the queue empty */
}

static void other_attributes(struct smmuv3_config *config)
{
	(void)config;
	*v3_model_reg(model, 0x28) = 0;
}

static void other_events(struct smmuv3_config *config)
{
	(void)config;
	*v3_model_reg(model, 0x2C) = 0;
}

START_TEST(what_the_driver_cannot_go_on_with_is_refused_and_begun_anew)
{
	is_refused(a_far_stream);
	is_refused(a_descriptor_elsewhere);
	is_refused(a_bypass);
	is_refused(a_stream_that_is_aborted);
	is_refused(a_hang);
	is_refused(other_attributes);
	is_refused(other_events);
}
END_TEST

/* Of a table whose split is another, this driver would take other words for addresses of tables. */
START_TEST(a_stream_table_of_another_split_is_refused)
{
	struct smmuv3_config config = setup_far(0x1234);

	start_as(&config);
	ck_assert(!activate(0, one));
	die();
	*v3_model_reg(model, 0x88) = (*v3_model_reg(model, 0x88) & ~(31U << 6)) | 6 << 6;
	ck_assert_int_eq(hold(&config), -ESTALE);
	starts_anew();
}
END_TEST

START_TEST(memory_that_may_not_outlive_the_driver_is_left_by_no_master)
{
	struct smmuv3_config config = setup_config();

	config.outlives = NULL;
	start_as(&config);
	ck_assert(!activate(0, one));
	die();
	ck_assert_uint_eq(seen(MASTER(0), VA), 0);
	ck_assert_int_eq(hold(&config), 0);
	n_left = machine.tables_live;
	starts_anew();
}
END_TEST

static void stranger(void)
{
	try(MASTER(3), 0, VA);
}

/* Stream 5 is nobody's any more, and at work at every moment of the change. Returns when the driver has taken over. */
static void lose_a_context(void)
{
	struct smmuv3_config config = driver_config();

	config.n_contexts = N_CONTEXTS - 1;
	onlooker = stranger;
	live_again_as(config);
	onlooker = look;
	machine.tap.look = NULL;
}

START_TEST(a_stranger_at_work_is_cut_off_by_the_take_over)
{
	setup();
	ck_assert(!activate(0, one) && !activate(3, three));
	ck_assert_uint_eq(seen(MASTER(3), VA), 3);
	die();
	lose_a_context();
	ck_assert_uint_eq(seen(MASTER(3), VA), 0);
	ck_assert(!activate(0, one));
	settle(0);
	end();
}
END_TEST

START_TEST(what_a_stranger_has_cached_is_nobody_elses)
{
	setup();
	ck_assert(!activate(3, three)); /* it has the first ASID */
	ck_assert_uint_eq(seen(MASTER(3), VA), 3);
	die();
	lose_a_context();
	ck_assert(!activate(0, one));
	ck_assert_uint_eq(seen(MASTER(0), VA), 1);
	settle(0);
	end();
}
END_TEST

SUITE_MAIN("smmuv3-left", uncached_tables_are_taken_over_as_such_and_no_others,
	   a_master_sees_its_memory_at_every_moment_of_a_change_of_drivers,
	   a_stream_table_of_two_levels_is_taken_over_with_all_its_parts,
	   what_nobody_activates_again_ends_when_all_is_settled,
	   what_the_new_table_has_not_is_gone_with_the_activation,
	   tables_of_the_former_life_and_of_this_one_do_not_share_translations,
	   a_stream_that_the_new_driver_does_not_have_is_aborted,
	   a_stranger_far_away_is_aborted_too, a_parked_stream_has_the_descriptor_of_the_new_driver,
	   what_had_stalled_is_terminated_and_what_faults_now_is_told,
	   what_hardware_had_to_stall_is_terminated_too,
	   a_driver_that_dies_half_way_is_followed_by_a_third,
	   an_smmu_that_is_off_has_nothing_to_go_on_with, a_table_that_has_changed_is_right_again,
	   what_the_driver_cannot_go_on_with_is_refused_and_begun_anew,
	   a_stream_table_of_another_split_is_refused,
	   memory_that_may_not_outlive_the_driver_is_left_by_no_master,
	   a_stranger_at_work_is_cut_off_by_the_take_over,
	   what_a_stranger_has_cached_is_nobody_elses)
