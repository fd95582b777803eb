// SPDX-License-Identifier: BSD-3-Clause
/* The device's side of the rings against vcmd's driver, and against a driver that writes what no driver may. */
#include "remote/rpmsg.h"

#include <string.h>

#include "remote/error.h"
#include "rpmsg/table.h"
#include "tests/remote/host.h"
#include "tests/suite.h"

struct heard {
	unsigned int n, n_up, n_down;
	size_t len;
	uint8_t bytes[GEOMETRY_MAX_BUFFER];
};

static struct host h;
static struct heard heard;

static void receive(void *ctx, const volatile void *payload, size_t len)
{
	struct heard *to = ctx;

	to->n++;
	to->len = len;
	for (size_t i = 0; i < len; i++)
		to->bytes[i] = ((const volatile uint8_t *)payload)[i];
}

static void reset(void *ctx, bool is_up)
{
	struct heard *to = ctx;

	is_up ? to->n_up++ : to->n_down++;
}

static void open_with(const struct geometry *g, bool polled, bool restart)
{
	host_open(&h, g, NULL);
	memset(&heard, 0, sizeof(heard));
	vcm_rpmsg_init(&h.rpmsg, &(struct vcm_rpmsg_setup){ .port = &h.port,
							    .table = h.window + h.geometry.table,
							    .table_len = 0x1000,
							    .polled = polled,
							    .restart = restart,
							    .name = "vcm",
							    .receive = receive,
							    .reset = reset,
							    .ctx = &heard });
}

static void go_up(void)
{
	ck_assert_uint_eq(vcm_rpmsg_poll(&h.rpmsg), 1);
	ck_assert(h.rpmsg.is_up);
}

/* The next message of the node's that is no announcement. */
static struct driver_message next_message(void)
{
	struct driver_message m;
	enum driver_event e = driver_receive(&h.driver, &m);

	if (e == DRIVER_ANNOUNCED)
		e = driver_receive(&h.driver, &m);
	ck_assert_int_eq(e, DRIVER_MESSAGE);
	driver_flush(&h.driver);
	return m;
}

static void send_to_node(const void *bytes, size_t len)
{
	ck_assert_int_eq(driver_send(&h.driver, 2000, VCM_RPMSG_ADDR, bytes, len), 0);
	driver_flush(&h.driver);
}

START_TEST(it_announces_itself_where_there_is_a_name_service)
{
	struct driver_message m;

	open_with(NULL, false, false);
	go_up();
	ck_assert_int_eq(driver_receive(&h.driver, &m), DRIVER_ANNOUNCED);
	ck_assert_str_eq(m.name, "vcm");
	ck_assert_uint_eq(m.addr, VCM_RPMSG_ADDR);
	ck_assert_int_eq(driver_receive(&h.driver, &m), DRIVER_NOTHING);
	ck_assert_uint_eq(h.rpmsg.epoch, 1);
	ck_assert_uint_eq(heard.n_up, 1);
	host_close(&h);
}
END_TEST

START_TEST(it_is_silent_where_there_is_none)
{
	struct geometry g;
	struct driver_message m;

	geometry_default(&g);
	g.ns = false;
	open_with(&g, false, false);
	go_up();
	ck_assert_int_eq(driver_receive(&h.driver, &m), DRIVER_NOTHING);
	host_close(&h);
}
END_TEST

static void echo_all_lengths(void)
{
	static uint8_t bytes[GEOMETRY_MAX_BUFFER];
	size_t most = driver_payload(&h.driver);

	ck_assert_uint_eq(h.rpmsg.link.payload, most);
	for (size_t len = 0; len <= most; len++) {
		struct driver_message m;

		memset(bytes, (int)(len * 31 + 7), len);
		send_to_node(bytes, len);
		ck_assert_uint_eq(vcm_rpmsg_poll(&h.rpmsg), 1);
		ck_assert_uint_eq(heard.len, len);
		ck_assert_mem_eq(heard.bytes, bytes, len);
		ck_assert_int_eq(vcm_rpmsg_send(&h.rpmsg, heard.bytes, len), 0);
		m = next_message();
		/* It answers who asked. */
		ck_assert_uint_eq(m.dst, 2000);
		ck_assert_uint_eq(m.src, VCM_RPMSG_ADDR);
		ck_assert_uint_eq(m.len, len);
		ck_assert_mem_eq(m.data, bytes, len);
	}
	ck_assert_int_eq(vcm_rpmsg_send(&h.rpmsg, bytes, most + 1), -VCM_EMSGSIZE);
}

/* All rings that the host may make, for enough messages that the indices come round in the small ones. */
START_TEST(every_length_goes_both_ways_over_every_ring)
{
	static const uint32_t nums[] = { 1, 4, 8, 16, 32, 64 }, aligns[] = { 16, 64, 4096 };

	for (size_t i = 0; i < sizeof(nums) / sizeof(*nums); i++)
		for (size_t j = 0; j < sizeof(aligns) / sizeof(*aligns); j++) {
			struct geometry g;

			geometry_default(&g);
			g.num = nums[i];
			g.align = aligns[j];
			open_with(&g, false, false);
			go_up();
			/* A ring of one is full of the announcement. */
			if (g.num == 1)
				host_turn(&h);
			echo_all_lengths();
			host_close(&h);
		}
}
END_TEST

START_TEST(the_indices_come_round)
{
	open_with(NULL, false, false);
	go_up();
	for (uint32_t i = 0; i < 0x10000 + 100; i++) {
		struct driver_message m;

		send_to_node(&i, sizeof(i));
		vcm_rpmsg_poll(&h.rpmsg);
		ck_assert_int_eq(vcm_rpmsg_send(&h.rpmsg, heard.bytes, heard.len), 0);
		m = next_message();
		ck_assert_mem_eq(m.data, &i, sizeof(i));
	}
	host_close(&h);
}
END_TEST

START_TEST(a_full_ring_says_so_and_goes_on_when_there_is_room)
{
	int n = 0, r;

	open_with(NULL, false, false);
	go_up();
	while ((r = vcm_rpmsg_send(&h.rpmsg, "x", 1)) == 0)
		n++;
	ck_assert_int_eq(r, -VCM_EAGAIN);
	ck_assert_int_eq(n, 15); /* the announcement has the 16th */
	next_message();
	ck_assert_int_eq(vcm_rpmsg_send(&h.rpmsg, "x", 1), 0);
	host_close(&h);
}
END_TEST

START_TEST(a_polled_node_asks_not_to_be_rung_at)
{
	open_with(NULL, true, false);
	go_up();
	h.driver.stats.n_kicks = 0;
	send_to_node("x", 1);
	ck_assert_uint_eq(h.driver.stats.n_kicks, 0);
	host_close(&h);
	open_with(NULL, false, false);
	go_up();
	h.driver.stats.n_kicks = 0;
	send_to_node("x", 1);
	ck_assert_uint_eq(h.driver.stats.n_kicks, 1);
	host_close(&h);
}
END_TEST

START_TEST(a_polled_host_is_not_rung_at)
{
	open_with(NULL, false, false);
	go_up();
	driver_set_polled(&h.driver, true);
	h.n_node_kicks = 0;
	ck_assert_int_eq(vcm_rpmsg_send(&h.rpmsg, "x", 1), 0);
	ck_assert_uint_eq(h.n_node_kicks, 0);
	driver_set_polled(&h.driver, false);
	ck_assert_int_eq(vcm_rpmsg_send(&h.rpmsg, "x", 1), 0);
	ck_assert_uint_eq(h.n_node_kicks, 1);
	host_close(&h);
}
END_TEST

START_TEST(the_host_says_where_its_end_is)
{
	open_with(NULL, false, false);
	go_up();
	ck_assert_uint_eq(h.rpmsg.host_addr, VCM_RPMSG_ADDR);
	ck_assert_int_eq(driver_announce(&h.driver, "other", 77, false), 0);
	ck_assert_int_eq(driver_announce(&h.driver, "vcm", 4711, false), 0);
	ck_assert_int_eq(driver_announce(&h.driver, "vcm-and-more", 78, false), 0);
	ck_assert_int_eq(driver_announce(&h.driver, "vcm", 79, true), 0);
	driver_flush(&h.driver);
	vcm_rpmsg_poll(&h.rpmsg);
	ck_assert_uint_eq(h.rpmsg.host_addr, 4711);
	ck_assert_uint_eq(heard.n_up,
			  2); /* who waits for an answer from the other address begins anew */
	ck_assert_uint_eq(h.rpmsg.n_dropped, 3);
	ck_assert_int_eq(vcm_rpmsg_send(&h.rpmsg, "x", 1), 0);
	ck_assert_uint_eq(next_message().dst, 4711);
	host_close(&h);
}
END_TEST

START_TEST(what_is_for_nobody_is_dropped_and_its_buffer_goes_back)
{
	open_with(NULL, false, false);
	go_up();
	for (int i = 0; i < 100; i++) {
		ck_assert_int_eq(driver_send(&h.driver, 2000, 1025, "x", 1), 0);
		driver_flush(&h.driver);
		vcm_rpmsg_poll(&h.rpmsg);
	}
	ck_assert_uint_eq(heard.n, 0);
	ck_assert_uint_eq(h.rpmsg.n_dropped, 100);
	host_close(&h);
}
END_TEST

/* --- up and down -------------------------------------------------------------------------------------------------- */

static volatile uint8_t *status_byte(void)
{
	return h.window + h.geometry.table + TABLE_AT_STATUS;
}

START_TEST(it_answers_both_ways_to_reset_it)
{
	static const uint8_t ways[] = { STATUS_RESET, STATUS_NEEDS_RESET | 7, STATUS_NEEDS_RESET,
					STATUS_FAILED | 7 };

	for (size_t i = 0; i < sizeof(ways); i++) {
		open_with(NULL, false, false);
		go_up();
		h.n_node_kicks = 0;
		driver_stop(&h.driver, false);
		*status_byte() = ways[i];
		ck_assert_uint_eq(vcm_rpmsg_poll(&h.rpmsg), 1);
		ck_assert(!h.rpmsg.is_up);
		ck_assert_uint_eq(heard.n_down, 1);
		ck_assert_uint_eq(*status_byte(), STATUS_RESET);
		ck_assert_uint_eq(h.n_node_kicks, 1);
		ck_assert_int_eq(vcm_rpmsg_send(&h.rpmsg, "x", 1), -VCM_ENOTCONN);
		ck_assert_uint_eq(vcm_rpmsg_poll(&h.rpmsg), 0);
		host_start(&h);
		go_up();
		ck_assert_uint_eq(h.rpmsg.epoch, 2);
		send_to_node("x", 1);
		vcm_rpmsg_poll(&h.rpmsg);
		ck_assert_uint_eq(heard.n, 1);
		host_close(&h);
	}
}
END_TEST

/* Nothing of the old rings comes into the new life: neither what was sent to it, nor what it had sent. */
START_TEST(a_new_life_asks_for_new_rings_first)
{
	struct driver_message m;

	open_with(NULL, false, false);
	go_up();
	send_to_node("old", 3);
	ck_assert_int_eq(vcm_rpmsg_send(&h.rpmsg, "old", 3), 0);
	/* The CPU is reset: it knows nothing of that any more. */
	vcm_rpmsg_init(&h.rpmsg, &(struct vcm_rpmsg_setup){ .port = &h.port,
							    .table = h.window + h.geometry.table,
							    .table_len = 0x1000,
							    .restart = true,
							    .name = "vcm",
							    .receive = receive,
							    .reset = reset,
							    .ctx = &heard });
	ck_assert_uint_eq(vcm_rpmsg_poll(&h.rpmsg), 0);
	ck_assert_uint_eq(*status_byte(), STATUS_RESET);
	ck_assert_int_eq(driver_look(&h.driver), DRIVER_GONE);
	driver_stop(&h.driver, false);
	host_start(&h);
	go_up();
	ck_assert_uint_eq(vcm_rpmsg_poll(&h.rpmsg), 0);
	ck_assert_uint_eq(heard.n, 0);
	ck_assert_int_eq(driver_receive(&h.driver, &m), DRIVER_ANNOUNCED);
	ck_assert_int_eq(driver_receive(&h.driver, &m), DRIVER_NOTHING);
	host_close(&h);
}
END_TEST

START_TEST(it_waits_for_a_host_that_is_not_there_yet)
{
	open_with(NULL, false, true);
	driver_stop(&h.driver, false);
	memset(h.window, 0, TABLE_LEN);
	ck_assert_uint_eq(vcm_rpmsg_poll(&h.rpmsg), 0);
	host_start(&h);
	/* It cannot know that these rings are new. */
	ck_assert_uint_eq(vcm_rpmsg_poll(&h.rpmsg), 0);
	ck_assert(host_turn(&h));
	go_up();
	host_close(&h);
}
END_TEST

/* --- a host that breaks the rules --------------------------------------------------------------------------------- */

static void put16(uint64_t at, uint16_t v)
{
	memcpy(h.window + at, &v, sizeof(v));
}

static void put32(uint64_t at, uint32_t v)
{
	memcpy(h.window + at, &v, sizeof(v));
}

/* One descriptor of the ring to the node, as the host lent it for a message, with one thing that cannot be. */
enum { D_ADDR = 0, D_ADDR_HIGH = 4, D_LEN = 8, D_FLAGS = 12 };

static const struct {
	uint32_t at, value;
	bool is_16;
} wrong_descs[] = {
	{ D_ADDR, HOST_DA - 16, false },
	{ D_ADDR, HOST_DA + HOST_WINDOW - 16, false },
	{ D_ADDR, 0, false },
	{ D_ADDR, UINT32_MAX, false },
	{ D_ADDR, HOST_DA + 0x10001, false },
	{ D_ADDR_HIGH, 1, false },
	{ D_ADDR_HIGH, UINT32_MAX, false },
	{ D_LEN, HOST_WINDOW, false },
	{ D_LEN, UINT32_MAX, false },
	{ D_FLAGS, 1, true }, /* next */
	{ D_FLAGS, 2, true }, /* write */
	{ D_FLAGS, 4, true }, /* indirect */
	{ D_FLAGS, UINT16_MAX, true },
};

static void is_broken(void)
{
	vcm_rpmsg_poll(&h.rpmsg);
	ck_assert(!h.rpmsg.is_up);
	ck_assert_uint_eq(heard.n, 0);
	ck_assert_uint_eq(heard.n_down, 1);
	ck_assert_uint_eq(*status_byte(), STATUS_RESET);
	/* And the host may make new ones. */
	driver_stop(&h.driver, false);
	host_start(&h);
	go_up();
	host_close(&h);
}

START_TEST(a_descriptor_that_cannot_be_ends_the_epoch)
{
	for (size_t i = 0; i < sizeof(wrong_descs) / sizeof(*wrong_descs); i++) {
		uint64_t at;

		open_with(NULL, false, false);
		go_up();
		send_to_node("x", 1);
		/* All are the same to the node: it takes the one that the first slot names. */
		at = h.geometry.rings[RING_OUT] + wrong_descs[i].at;
		for (uint32_t d = 0; d < h.geometry.num; d++)
			wrong_descs[i].is_16 ? put16(at + 16 * d, (uint16_t)wrong_descs[i].value) :
					       put32(at + 16 * d, wrong_descs[i].value);
		is_broken();
	}
}
END_TEST

START_TEST(a_descriptor_that_does_not_exist_ends_the_epoch)
{
	open_with(NULL, false, false);
	go_up();
	send_to_node("x", 1);
	put16(h.geometry.rings[RING_OUT] + 16 * h.geometry.num + 4, (uint16_t)h.geometry.num);
	is_broken();
}
END_TEST

START_TEST(an_index_that_runs_ahead_ends_the_epoch)
{
	static const uint16_t ahead[] = { 17, 0x7fff, 0x8000, 0xffff };

	for (size_t i = 0; i < sizeof(ahead) / sizeof(*ahead); i++) {
		open_with(NULL, false, false);
		go_up();
		put16(h.geometry.rings[RING_OUT] + 16 * h.geometry.num + 2, ahead[i]);
		is_broken();
	}
}
END_TEST

START_TEST(a_buffer_that_is_too_short_to_send_in_ends_the_epoch)
{
	open_with(NULL, false, false);
	go_up();
	for (uint32_t d = 0; d < h.geometry.num; d++)
		put32(h.geometry.rings[RING_IN] + 16 * d + D_LEN, 15);
	ck_assert_int_eq(vcm_rpmsg_send(&h.rpmsg, "x", 1), -VCM_ENOTCONN);
	is_broken();
}
END_TEST

START_TEST(a_length_beyond_its_buffer_is_dropped)
{
	open_with(NULL, false, false);
	go_up();
	send_to_node("x", 1);
	for (uint32_t id = 0; id < h.geometry.num; id++)
		put16(geometry_buffer(&h.geometry, RING_OUT, id) + 12, 497);
	ck_assert_uint_eq(vcm_rpmsg_poll(&h.rpmsg), 1);
	ck_assert_uint_eq(heard.n, 0);
	ck_assert_uint_eq(h.rpmsg.n_dropped, 1);
	host_close(&h);
}
END_TEST

/* A host that fills the ring as fast as it is emptied does not keep the node from its work. */
START_TEST(one_turn_is_bounded)
{
	open_with(NULL, false, false);
	go_up();
	send_to_node("x", 1);
	put16(h.geometry.rings[RING_OUT] + 16 * h.geometry.num + 2, (uint16_t)h.geometry.num);
	ck_assert_uint_le(vcm_rpmsg_poll(&h.rpmsg), 64);
	host_close(&h);
}
END_TEST

/* A word of the table, and a value that makes it none that a node could use. */
static const struct {
	uint32_t at, value;
} wrong_tables[] = {
	{ 0, 0 },
	{ 0, 2 },
	{ 4, 0 },
	{ 16, 21 },
	{ 16, 22 },
	{ 16, 0x1000 },
	{ 16, 0x1000 - 64 },
	{ 16, UINT32_MAX },
	{ TABLE_ENTRY, 2 },
	{ TABLE_ENTRY + 4, 8 },
	{ TABLE_ENTRY + 24, 0x0107 },
	{ TABLE_ENTRY + 28, 0 },
	{ TABLE_ENTRY + 28, HOST_DA + HOST_WINDOW },
	{ TABLE_ENTRY + 28, HOST_DA + 8 },
	{ TABLE_ENTRY + 32, 0 },
	{ TABLE_ENTRY + 32, 3 },
	{ TABLE_ENTRY + 32, 0x80000000 },
	{ TABLE_ENTRY + 36, 0 },
	{ TABLE_ENTRY + 36, 12 },
	{ TABLE_ENTRY + 36, 0x10000 },
	{ TABLE_ENTRY + 36, 0x4000 },
};

START_TEST(a_table_that_cannot_be_is_not_followed)
{
	for (size_t i = 0; i < sizeof(wrong_tables) / sizeof(*wrong_tables); i++) {
		open_with(NULL, false, false);
		put32(wrong_tables[i].at, wrong_tables[i].value);
		ck_assert_msg(vcm_rpmsg_poll(&h.rpmsg) == 0 && !h.rpmsg.is_up, "the %zuth", i);
		host_close(&h);
	}
}
END_TEST

START_TEST(a_table_is_not_read_beyond_its_length)
{
	open_with(NULL, false, false);
	for (size_t len = 0; len < TABLE_LEN; len++) {
		h.rpmsg.setup.table_len = len;
		ck_assert_uint_eq(vcm_rpmsg_poll(&h.rpmsg), 0);
	}
	h.rpmsg.setup.table_len = TABLE_LEN;
	go_up();
	host_close(&h);
}
END_TEST

static void say(uint8_t status)
{
	table_set_status(&h.driver.shared, &h.driver.geometry, status);
}

START_TEST(a_host_may_say_more_of_itself_than_that_it_is_ready)
{
	open_with(NULL, false, false);
	say(VCM_STATUS_DRIVER_OK);
	go_up();
	say(0x0f);
	ck_assert_uint_eq(vcm_rpmsg_poll(&h.rpmsg), 0);
	ck_assert(h.rpmsg.is_up);
	say(0x0f | VCM_STATUS_FAILED);
	vcm_rpmsg_poll(&h.rpmsg);
	ck_assert(!h.rpmsg.is_up);
	host_close(&h);
}
END_TEST

#define AT_AGREED 36u /* of the table: the features that the host has taken */

static unsigned int accesses;

static void go_on(void *ctx _unused_, enum vcm_cache what _unused_,
		  const volatile void *at _unused_, size_t len _unused_)
{
	if (accesses-- == 0)
		host_start(&h);
}

/* Whatever it had read by then of what was before. */
START_TEST(a_host_that_gets_ready_at_any_instant_is_understood)
{
	for (unsigned int at = 0; at < 40; at++) {
		struct driver_message m;

		open_with(NULL, false, false);
		driver_stop(&h.driver, false);
		memset(h.window + h.geometry.table + AT_AGREED, 0, 4);
		accesses = at;
		h.port.cache = go_on;
		while (!h.rpmsg.is_up)
			vcm_rpmsg_poll(&h.rpmsg);
		ck_assert_int_eq(driver_receive(&h.driver, &m), DRIVER_ANNOUNCED);
		host_close(&h);
	}
}
END_TEST

/* Everything that is read was invalidated before, everything written is cleaned: seen as a count, as memory is coherent. */
START_TEST(a_cache_is_looked_after)
{
	unsigned int cleans, invalidates;

	open_with(NULL, false, false);
	go_up();
	cleans = h.n_cleans;
	invalidates = h.n_invalidates;
	ck_assert_int_eq(vcm_rpmsg_send(&h.rpmsg, "x", 1), 0);
	ck_assert_uint_ge(h.n_cleans, cleans + 3);           /* buffer, entry, index */
	ck_assert_uint_ge(h.n_invalidates, invalidates + 4); /* index, slot, descriptor, flags */
	h.port.cache = NULL;
	ck_assert_int_eq(vcm_rpmsg_send(&h.rpmsg, "x", 1), 0);
	host_close(&h);
}
END_TEST

SUITE_MAIN("remote/rpmsg", it_announces_itself_where_there_is_a_name_service,
	   it_is_silent_where_there_is_none, every_length_goes_both_ways_over_every_ring,
	   the_indices_come_round, a_full_ring_says_so_and_goes_on_when_there_is_room,
	   a_polled_node_asks_not_to_be_rung_at, a_polled_host_is_not_rung_at,
	   the_host_says_where_its_end_is, what_is_for_nobody_is_dropped_and_its_buffer_goes_back,
	   it_answers_both_ways_to_reset_it, a_new_life_asks_for_new_rings_first,
	   it_waits_for_a_host_that_is_not_there_yet, a_descriptor_that_cannot_be_ends_the_epoch,
	   a_descriptor_that_does_not_exist_ends_the_epoch, an_index_that_runs_ahead_ends_the_epoch,
	   a_buffer_that_is_too_short_to_send_in_ends_the_epoch,
	   a_length_beyond_its_buffer_is_dropped, one_turn_is_bounded,
	   a_table_that_cannot_be_is_not_followed, a_table_is_not_read_beyond_its_length,
	   a_host_may_say_more_of_itself_than_that_it_is_ready,
	   a_host_that_gets_ready_at_any_instant_is_understood, a_cache_is_looked_after)
