// SPDX-License-Identifier: BSD-3-Clause
/*
 * A broker that ends at any moment, and the one that follows it.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <vcm/vcm.h>

#include "base/mem.h"
#include "graph/graph.h"
#include "graph/arena.h"
#include "graph/vcm.h"
#include "tests/suite.h"
#include "tests/vcmd/inventory.h"
#include "tests/vcmd/keeper.h"
#include "tests/vcmd/stage.h"
#include "vcmd/broker.h"
#include "vcmd/client.h"
#include "vcmd/config.h"
#include "vcmd/journal.h"
#include "vcmd/loop.h"
#include "vcmd/resume.h"
#include "vcmd/store.h"

#define STORE_MAX 1000
#define NAME_LEN 64

#define FEW_OBJECTS                                                                                \
	"memtype 0 { pool { ranges = {\"0x40000000+16M\"} } }\n"                                   \
	"stock = 0\naccess { allow-users = { \"*\" } }\nlimits { objects = 100 }\n"

static struct keeper *keeper;
static struct world *w;

static void begin(void)
{
	keeper = keeper_new(STORE_MAX);
	w = world_new_kept(NULL, keeper);
}

/* The broker dies, another one starts. */
static void restart(void)
{
	w = world_crash(w);
	w = world_new_kept(NULL, keeper);
	world_check(w);
}

static bool nobody_waits(struct world *world, void *ctx _unused_)
{
	return world->broker->n_clients == 0;
}

/* Sessions that nobody comes back to end; then nothing is left, in the broker or in the store. */
static void finish(void)
{
	struct client *c;

	w->config->grace_ms = 0;
	TAILQ_FOREACH(c, &w->broker->clients, entry)
		resume_wait(c);
	for (size_t i = 0; i < WORLD_PEERS; i++)
		if (w->peers[i])
			world_kill(w, w->peers[i]);
	world_until(w, nobody_waits, NULL);
	w = world_free(w);
	ck_assert_uint_eq(keeper_count(keeper, "arena-"), 0);
	keeper_free(keeper);
}

/* Nothing is lost, and everything is where it was. */
static void restart_and_compare(void)
{
	char *before = inventory(w->broker);

	restart();
	ck_assert_int_eq(w->broker->restored.journal.damage, JOURNAL_WHOLE);
	ck_assert_uint_eq(w->broker->restored.journal.n_warnings, 0);
	ck_assert_uint_eq(w->broker->restored.n_lost, 0);
	ck_assert_uint_eq(w->broker->restored.n_closed, 0);
	inventory_equal(before, inventory(w->broker));
}

/* Its tables were made before there was a limit to meet. */
START_TEST(a_large_region_comes_back_with_its_association)
{
	static struct op ops[PROTO_MAX_OPS];
	struct peer *p;

	begin();
	p = world_peer(w);
	ck_ok(CALL(p, VCM_CREATE, .handle = 1, .addr = SZ_1M, .len = 1025 * SZ_1M));
	ck_ok(CALL(p, ASSOC, .handle = 2, .on = 1, .target = peer_device(p, "vcodec_a_mm1")));
	ck_ok(CALL(p, ACTIVATE, .on = 2));
	ck_ok(CALL(p, PHYS_ALLOC, .handle = 3, .arg = VCM_MEMTYPE_0, .len = SZ_4K));
	ck_ok(CALL(p, RESERVE, .handle = 4, .on = 1, .len = SZ_4K));
	ck_ok(CALL(p, BACK, .on = 4, .target = 3));
	for (uint32_t n = 0; n < VCM_TABLE_MAX; n += PROTO_MAX_OPS) {
		for (uint32_t i = 0; i < PROTO_MAX_OPS; i++)
			ops[i] = (struct op){
				.code = OP_RESERVE, .handle = 5 + n + i, .on = 1, .len = SZ_4K
			};
		ck_ok(peer_call(p, ops, PROTO_MAX_OPS));
	}
	restart();
	ck_assert_uint_eq(w->broker->restored.n_lost, 0);
	finish();
}
END_TEST

START_TEST(an_empty_broker_comes_back_empty)
{
	begin();
	restart_and_compare();
	restart_and_compare();
	finish();
}
END_TEST

START_TEST(one_of_everything_comes_back)
{
	struct peer *p;

	begin();
	p = world_peer(w);
	stage_set(p);
	ck_ok(CALL(p, HOOK, .target = peer_device(p, "vcodec_a_mm1"), .arg = 1));
	ck_ok(CALL(p, VCM_CLONE, .handle = NEW, .on = REGION));
	ck_ok(CALL(p, SIM_WRITE, .target = peer_device(p, "vcodec_a_mm1"), .addr = 0x10010000,
		   .data = "hello", .n_data = 5));
	restart_and_compare();
	/* And again, from what the second has written. */
	restart_and_compare();
	finish();
}
END_TEST

/* --- memory on its way into the store */

static const struct op alloc_16m = { .code = OP_PHYS_ALLOC,
				     .handle = MEM,
				     .arg = VCM_MEMTYPE_0,
				     .len = SZ_16M };

START_TEST(new_memory_waits_for_the_store_and_nobody_else_does)
{
	struct peer *p, *q;
	uint64_t alloc, info;

	begin();
	p = world_peer(w);
	q = world_peer(w);
	keeper_hold(keeper, true);
	alloc = peer_send(p, &alloc_16m, 1);
	info = SEND(p, PHYS_INFO, .on = MEM);
	ck_ok(CALL(q, VCM_CREATE, .handle = 1, .addr = REGION_AT, .len = SZ_16M));
	ck_ok(CALL(q, RESERVE, .handle = 2, .on = 1, .len = SZ_4K));
	ck_assert_uint_eq(world_used(w), 0);
	keeper_hold(keeper, false);
	ck_ok(peer_wait(p, alloc));
	ck_ok(peer_wait(p, info));
	ck_assert_uint_eq(peer_value(p, 1), SZ_16M);
	ck_assert_uint_eq(keeper_count(keeper, "arena-"), 1);
	/* What fits an arena that is there does not wait. */
	ck_ok(CALL(p, PHYS_ALLOC, .handle = SPARE, .arg = VCM_MEMTYPE_0, .len = SZ_4K));
	keeper_hold(keeper, true);
	ck_ok(CALL(p, PHYS_ALLOC, .handle = CONT, .arg = VCM_MEMTYPE_0, .len = SZ_4K));
	keeper_hold(keeper, false);
	restart_and_compare();
	finish();
}
END_TEST

START_TEST(a_batch_waits_for_all_its_memory_at_once)
{
	struct op ops[20];
	struct peer *p;

	begin();
	p = world_peer(w);
	for (uint32_t i = 0; i < 20; i++)
		ops[i] = (struct op){ .code = OP_PHYS_ALLOC,
				      .handle = i + 1,
				      .arg = VCM_MEMTYPE_0,
				      .attr = VCM_COHERENT,
				      .len = (i % 3 + 1) * SZ_64K };
	ck_ok(BATCH(p, ops));
	ck_assert_uint_eq(keeper_count(keeper, "arena-"), 20);
	restart_and_compare();
	finish();
}
END_TEST

START_TEST(a_client_that_ends_while_its_memory_is_on_its_way_leaves_nothing)
{
	struct peer *p;

	begin();
	p = world_peer(w);
	ck_ok(CALL(p, MEMTYPE_CONT, .arg = VCM_MEMTYPE_0));
	keeper_hold(keeper, true);
	peer_send(p, &alloc_16m, 1);
	ck_ok(CALL(world_peer(w), MEMTYPE_CONT, .arg = VCM_MEMTYPE_0));
	world_kill(w, p);
	world_settle(w);
	keeper_hold(keeper, false);
	ck_assert_uint_eq(keeper_count(keeper, "arena-"), 0);
	finish();
}
END_TEST

START_TEST(what_was_on_its_way_when_the_broker_died_has_not_happened)
{
	struct peer *p, before;

	begin();
	p = world_peer(w);
	ck_ok(CALL(p, VCM_CREATE, .handle = REGION, .addr = REGION_AT, .len = SZ_16M));
	keeper_hold(keeper, true);
	peer_send(p, &alloc_16m, 1);
	ck_ok(CALL(world_peer(w), MEMTYPE_CONT, .arg = VCM_MEMTYPE_0));
	before = *p;
	w = world_crash(w);
	keeper_hold(keeper, false);
	w = world_new_kept(NULL, keeper);
	world_check(w);
	ck_assert_uint_eq(keeper_count(keeper, "arena-"), 0);
	ck_assert_uint_eq(world_used(w), 0);
	/* Asked again, it happens once. */
	p = world_connect(w);
	ck_ok(peer_resume(p, &before, before.serial - 1));
	p->serial = before.serial - 1;
	ck_ok(peer_call(p, &alloc_16m, 1));
	ck_assert_uint_eq(world_used(w), SZ_16M);
	finish();
}
END_TEST

/* Whose last answer, the address of a reservation, did not arrive: what it asks next has that serial again. */
static struct peer *come_back_without_an_answer(uint64_t *out_addr)
{
	struct peer *p, before;

	begin();
	p = world_peer(w);
	ck_ok(CALL(p, VCM_CREATE, .handle = REGION, .addr = REGION_AT, .len = SZ_16M));
	ck_ok(CALL(p, RESERVE, .handle = RES, .on = REGION, .len = SZ_4K));
	*out_addr = peer_value(p, 0);
	before = *p;
	restart();
	p = world_connect(w);
	ck_ok(peer_resume(p, &before, before.serial - 1));
	p->serial = before.serial - 1;
	return p;
}

START_TEST(what_was_answered_is_answered_again_and_not_done_again)
{
	uint64_t addr;
	struct peer *p = come_back_without_an_answer(&addr);

	ck_ok(CALL(p, RESERVE, .handle = RES, .on = REGION, .len = SZ_4K));
	ck_assert_uint_eq(peer_value(p, 0), addr);
	/* The next one is new. */
	ck_status(CALL(p, RESERVE, .handle = RES, .on = REGION, .len = SZ_4K), -EINVAL);
	finish();
}
END_TEST

/* Its client has given up to ask, as it may be what ends brokers. */
START_TEST(what_is_withdrawn_is_answered_where_it_was_done_and_else_not_done)
{
	uint64_t addr;
	struct peer *p = come_back_without_an_answer(&addr);

	ck_ok(CALL(p, WITHDRAW, .name = "reserve"));
	ck_assert_uint_eq(peer_value(p, 0), addr);
	ck_status(CALL(p, WITHDRAW, .name = "reserve"), -ECANCELED);
	ck_status(CALL(p, WITHDRAW, .name = "sim_write", .arg = 1), -ECONNRESET);
	ck_ok(CALL(p, RES_INFO, .on = RES));
	finish();
}
END_TEST

START_TEST(a_full_store_is_no_memory)
{
	struct peer *p;
	int status = 0;
	uint32_t n = 0;

	keeper = keeper_new(16);
	w = world_new_kept(NULL, keeper);
	p = world_peer(w);
	while (status == 0 && n < 20)
		status = CALL(p, PHYS_ALLOC, .handle = ++n, .arg = VCM_MEMTYPE_0,
			      .attr = VCM_COHERENT, .len = SZ_64K);
	ck_assert_int_eq(status, -ENOMEM);
	ck_assert_ptr_nonnull(strstr(p->reply.reason, "FileDescriptorStoreMax"));
	world_check(w);
	restart_and_compare();
	finish();
}
END_TEST

/* --- damage */

#define N_STATES 64

/* What the broker had after each record, by its number. */
static char *states[N_STATES];

static void note(void)
{
	struct journal_stats stats;

	journal_get_stats(w->broker->journal, &stats);
	ck_assert(stats.n_records < N_STATES);
	for (uint64_t i = stats.n_records; i > 0 && !states[i]; i--)
		states[i] = inventory(w->broker);
}

static void note_call(struct peer *p, const struct op *op)
{
	ck_ok(peer_call(p, op, 1));
	note();
}

/* A bit of everything, an operation at a time. */
static void live(void)
{
	struct peer *p = world_peer(w);
	uint32_t device = peer_device(p, "vcodec_a_mm1");
	const struct op ops[] = {
		{ .code = OP_VCM_CREATE, .handle = REGION, .addr = REGION_AT, .len = SZ_16M },
		{ .code = OP_ASSOC, .handle = AVCM, .on = REGION, .target = device },
		{ .code = OP_ACTIVATE, .on = AVCM },
		{ .code = OP_RESERVE, .handle = RES, .on = REGION, .len = SZ_64K },
		{ .code = OP_PHYS_ALLOC, .handle = MEM, .arg = VCM_MEMTYPE_0, .len = SZ_64K },
		{ .code = OP_BACK, .on = RES, .target = MEM },
		{ .code = OP_BOUND_CREATE, .handle = BOUND, .on = REGION, .len = SZ_1M },
		{ .code = OP_RESERVE_BOUND, .handle = IN_BOUND, .on = BOUND, .len = SZ_4K },
		{ .code = OP_EXPORT, .on = MEM, .attr = VCM_SHARE_READ },
		{ .code = OP_UNBACK, .on = RES },
		{ .code = OP_UNRESERVE, .on = RES },
	};

	note();
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		note_call(p, &ops[i]);
}

/* The only chunk that is written to, as it is. */
static void *journal_bytes(size_t *out_len, char *out_name)
{
	const char *name;
	uint8_t *bytes;
	int fd = -1;

	for (size_t i = 0; keeper_nth(keeper, "journal-", i, &name, &fd); i++) {
		struct chunk_head head;

		ck_assert(pread(fd, &head, sizeof(head), 0) == sizeof(head));
		if (!head.magic)
			continue;
		snprintf(out_name, NAME_LEN, "%s", name);
		*out_len = head.end[0] + 64;
		bytes = malloc(*out_len);
		ck_assert(pread(fd, bytes, *out_len, 0) == (ssize_t)*out_len);
		return bytes;
	}
	ck_abort_msg("no journal");
	return NULL;
}

static int sealed_file(const void *bytes, size_t len, size_t file_len)
{
	int fd = memfd_create("journal", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	ck_assert(fd >= 0 && ftruncate(fd, (off_t)file_len) == 0);
	ck_assert(pwrite(fd, bytes, len, 0) == (ssize_t)len);
	ck_assert(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0);
	return fd;
}

/* What is back is what was there after the last record that is said to be whole, and nothing else. */
static void restart_from(int journal, const char *name, int arena, const char *arena_name)
{
	struct keeper *before = keeper;
	const struct restore_report *r;
	int fd;

	keeper = keeper_new(STORE_MAX);
	fd = fcntl(arena, F_DUPFD_CLOEXEC, 0);
	keeper_put(keeper, arena_name, fd);
	keeper_put(keeper, name, journal);
	w = world_new_kept(NULL, keeper);
	world_check(w);
	r = &w->broker->restored;
	ck_assert(r->journal.last < N_STATES);
	if (r->journal.last > 1)
		inventory_equal(strdup(states[r->journal.last]), inventory(w->broker));
	else
		ck_assert_uint_eq(world_used(w), 0);
	ck_assert_uint_eq(r->n_lost, 0);
	w = world_crash(w);
	keeper_free(keeper);
	keeper = before;
}

static void damage_all(size_t step, bool cut)
{
	char name[NAME_LEN], arena_name[NAME_LEN];
	const char *found;
	size_t len = 0;
	uint8_t *bytes;
	int arena;

	begin();
	live();
	bytes = journal_bytes(&len, name);
	ck_assert(keeper_nth(keeper, "arena-", 0, &found, &arena));
	snprintf(arena_name, sizeof(arena_name), "%s", found);
	arena = fcntl(arena, F_DUPFD_CLOEXEC, 0);
	w = world_crash(w);
	for (size_t at = 0; at < len; at += step) {
		bytes[at] ^= cut ? 0 : 0x10;
		restart_from(sealed_file(bytes, cut ? at : len, cut ? at + 1 : SZ_1M), name, arena,
			     arena_name);
		bytes[at] ^= cut ? 0 : 0x10;
	}
	close(arena);
	free(bytes);
	for (size_t i = 0; i < N_STATES; i++)
		free(states[i]);
	keeper = keeper_free(keeper);
}

START_TEST(a_byte_of_the_journal_that_has_changed_brings_no_wrong_object_back)
{
	damage_all(getenv("VCM_UNDER_VALGRIND") ? 131 : 5, false);
}
END_TEST

START_TEST(a_journal_that_is_cut_brings_back_what_is_whole)
{
	damage_all(getenv("VCM_UNDER_VALGRIND") ? 131 : 7, true);
}
END_TEST

START_TEST(memory_of_which_more_may_be_in_use_is_not_given_out_again)
{
	char name[NAME_LEN];
	const struct arena *a;
	const struct pool *pool;
	size_t len = 0;
	uint8_t *bytes;
	int fd;

	begin();
	live();
	bytes = journal_bytes(&len, name);
	bytes[len - 64 - 20] ^= 1; /* in the last record */
	fd = sealed_file(bytes, len, SZ_1M);
	keeper_replace(keeper, name, fd);
	close(fd);
	w = world_crash(w);
	w = world_new_kept(NULL, keeper);
	world_check(w);
	ck_assert_int_eq(w->broker->restored.journal.damage, JOURNAL_CORRUPT);
	TAILQ_FOREACH(pool, &w->broker->graph->pools, link)
		TAILQ_FOREACH(a, &pool->arenas, link)
			ck_assert(a->quarantined);
	/* That it is not whole is not forgotten by another crash. */
	for (int i = 0; i < 2; i++) {
		ck_assert(TAILQ_FIRST(&w->broker->clients)->incomplete);
		restart();
		ck_assert_int_eq(w->broker->restored.journal.damage, JOURNAL_WHOLE);
	}
	free(bytes);
	w = world_crash(w);
	keeper = keeper_free(keeper);
}
END_TEST

START_TEST(an_arena_that_is_not_what_it_was_is_lost_with_what_is_in_it)
{
	struct peer *p;
	const char *name;
	int fd, other;

	begin();
	p = world_peer(w);
	stage_set(p);
	ck_assert(keeper_nth(keeper, "arena-", 0, &name, &fd));
	other = memfd_create("arena",
			     MFD_CLOEXEC | MFD_ALLOW_SEALING); /* of no length, not sealed */
	keeper_replace(keeper, name, other);
	close(other);
	restart();
	ck_assert_int_eq(w->broker->restored.journal.damage, JOURNAL_WHOLE);
	/* The arena, a physmem or more, and what it backed. */
	ck_assert_uint_ge(w->broker->restored.n_lost, 2);
	ck_assert_uint_eq(w->broker->restored.n_arenas, 2);
	ck_assert(TAILQ_FIRST(&w->broker->clients)->incomplete);
	finish();
}
END_TEST

/* --- a chunk that is not there */

static void lose_chunk(uint64_t number)
{
	char name[NAME_LEN];

	snprintf(name, sizeof(name), "journal-%llu", (unsigned long long)number);
	keeper_replace(keeper, name, -1);
}

/* The one that is kept ready: a process that is killed leaves it. */
static void put_spare(const char *name)
{
	static const uint8_t zeroes[JOURNAL_CHUNK_MIN];

	keeper_put(keeper, name, sealed_file(zeroes, sizeof(zeroes), sizeof(zeroes)));
}

/* Acknowledges nothing, and so keeps the journal long. */
static void fill_chunks(struct peer *p, size_t n)
{
	struct journal_stats stats;

	ck_ok(CALL(p, VCM_CREATE, .handle = 901, .addr = 0x80000000, .len = SZ_16M));
	do {
		for (int i = 0; i < 50; i++) {
			ck_ok(CALL(p, RESERVE, .handle = 902, .on = 901, .len = SZ_4K));
			ck_ok(CALL(p, UNRESERVE, .on = 902));
		}
		journal_get_stats(w->broker->journal, &stats);
	} while (stats.n_chunks < n);
}

/* The session is not whole, and what may be in use is not given out. */
static void expect_loss(uint64_t chunk)
{
	const struct restore_report *r = &w->broker->restored;
	const struct client *c;

	ck_assert_int_eq(r->journal.damage, JOURNAL_MISSING);
	ck_assert_uint_eq(r->journal.chunk, chunk);
	TAILQ_FOREACH(c, &w->broker->clients, entry)
		ck_assert(c->incomplete);
}

START_TEST(the_last_chunk_is_missed_with_and_without_the_one_that_was_kept_ready)
{
	for (int with_spare = 0; with_spare < 2; with_spare++) {
		struct peer *p;

		begin();
		p = world_peer(w);
		stage_set(p);
		fill_chunks(p, 2);
		ck_ok(CALL(p, PHYS_ALLOC, .handle = 903, .arg = VCM_MEMTYPE_0, .len = SZ_4K));
		w = world_crash(w);
		lose_chunk(2);
		if (with_spare)
			put_spare("journal-3");
		w = world_new_kept(NULL, keeper);
		world_check(w);
		ck_assert_uint_gt(w->broker->restored.n_objects, 0);
		expect_loss(2);
		w = world_crash(w);
		keeper = keeper_free(keeper);
	}
}
END_TEST

START_TEST(a_journal_of_which_nothing_is_left_is_missed)
{
	for (int what = 0; what < 2; what++) {
		begin();
		stage_set(world_peer(w));
		w = world_crash(w);
		lose_chunk(1);
		if (!what)
			put_spare("journal-2");
		w = world_new_kept(NULL, keeper);
		world_check(w);
		ck_assert_uint_eq(w->broker->restored.n_objects, 0);
		expect_loss(what ? 0 : 1);
		/* That is over, and known. */
		restart();
		ck_assert_int_eq(w->broker->restored.journal.damage, JOURNAL_WHOLE);
		w = world_crash(w);
		keeper = keeper_free(keeper);
	}
}
END_TEST

START_TEST(what_is_no_chunk_is_a_loss)
{
	int fd = memfd_create("journal", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	begin();
	stage_set(world_peer(w));
	world_settle(w);
	w = world_crash(w);
	keeper_put(keeper, "journal-7", fd);
	w = world_new_kept(NULL, keeper);
	world_check(w);
	expect_loss(7);
	ck_assert_uint_gt(w->broker->restored.n_objects, 0);
	w = world_crash(w);
	keeper = keeper_free(keeper);
}
END_TEST

/* --- a session that is being taken back */

START_TEST(a_session_that_was_ending_ends)
{
	struct client *c;
	struct peer *p;

	begin();
	p = world_peer(w);
	ck_ok(CALL(p, VCM_CREATE, .handle = 1, .addr = REGION_AT, .len = SZ_16M));
	for (uint32_t i = 0; i < 600; i++)
		ck_ok(CALL(p, RESERVE, .handle = i + 2, .on = 1, .len = SZ_4K));
	c = TAILQ_FIRST(&w->broker->clients);
	client_end(c); /* a slice of it, and the rest in idle moments, which do not come */
	restart();
	c = TAILQ_FIRST(&w->broker->clients);
	ck_assert(c && c->over && w->broker->graph->n_objects > 300);
	/* Also when the next one dies before it is through. */
	restart();
	c = TAILQ_FIRST(&w->broker->clients);
	ck_assert(c && c->over);
	world_until(w, nobody_waits, NULL);
	ck_assert_uint_eq(w->broker->graph->n_objects, 0);
	finish();
}
END_TEST

/* --- want of memory */

/* What it has is another's memory by now: no session of it comes back, and so nobody who could say what it may have. */
START_TEST(a_user_who_is_known_by_shared_memory_only_has_limits)
{
	struct peer *alice, *bob;
	uint64_t n = 0;

	if (!world_can_be_others())
		SUITE_SKIP("needs root, to be two users");
	keeper = keeper_new(STORE_MAX);
	w = world_new_kept(FEW_OBJECTS, keeper);
	alice = world_peer_as(w, ALICE);
	bob = world_peer_as(w, BOB);
	ck_ok(CALL(alice, PHYS_ALLOC, .handle = 1, .arg = VCM_MEMTYPE_0, .len = SZ_64K,
		   .attr = VCM_COHERENT));
	ck_ok(CALL(alice, EXPORT, .on = 1, .attr = VCM_SHARE_READ));
	ck_ok(CALL(bob, IMPORT, .handle = 1, .addr = peer_value(alice, 0),
		   .arg = peer_value(alice, 1)));
	world_kill(w, alice);
	world_settle(w);
	w = world_crash(w);
	w = world_new_kept(FEW_OBJECTS, keeper);
	ck_assert_uint_eq(w->broker->restored.n_lost, 0);
	alice = world_peer_as(w, ALICE);
	while (n <= 100 &&
	       CALL(alice, VCM_CREATE, .handle = (uint32_t)n + 1, .addr = SZ_1M, .len = SZ_1M) == 0)
		n++;
	ck_assert_msg(n > 0 && n < 100, "%u", (unsigned int)n);
	ck_status(alice->reply.status, -EDQUOT);
	finish();
}
END_TEST

START_TEST(a_restore_that_fails_for_want_of_memory_can_be_tried_again)
{
	struct reason why;
	char *had;

	begin();
	stage_set(world_peer(w));
	had = inventory(w->broker);
	w = world_crash(w);
	for (size_t nth = 1;; nth += nth < 30 ? 1 : getenv("VCM_UNDER_VALGRIND") ? 97 : 3) {
		struct config *config = config_default();
		struct loop *loop = loop_new(0);
		struct store *store = store_new(loop, true);
		struct broker *b;

		config->memory.stock_len = 0;
		keeper_hand_over(keeper, store);
		mem_fail_nth(nth);
		b = broker_new(loop, config, store, &why);
		if (!mem_fail_fired()) {
			ck_assert(b != NULL);
			inventory_equal(had, inventory(b));
			broker_free(b);
			b = NULL;
			had = NULL;
		}
		broker_free(b);
		store_free(store);
		loop_free(loop);
		config_free(config);
		if (!had)
			break;
	}
	w = world_new_kept(NULL, keeper);
	finish();
}
END_TEST

/* Chunks are made while it goes on, and given up when they are needed no more. */
START_TEST(a_long_life_leaves_a_short_journal)
{
	struct journal_stats stats;
	struct peer *p;

	begin();
	p = world_peer(w);
	p->acks = true;
	ck_ok(CALL(p, VCM_CREATE, .handle = 1, .addr = REGION_AT, .len = SZ_16M));
	for (int i = 0; i < 1000; i++) {
		struct op ops[200];

		for (uint32_t k = 0; k < 100; k++) {
			ops[k] = (struct op){
				.code = OP_RESERVE, .handle = k + 2, .on = 1, .len = SZ_4K
			};
			ops[k + 100] = (struct op){ .code = OP_UNRESERVE, .on = k + 2 };
		}
		ck_ok(BATCH(p, ops));
	}
	journal_get_stats(w->broker->journal, &stats);
	ck_assert_uint_gt(stats.bytes, 5 * SZ_1M);
	ck_assert_uint_gt(stats.n_compactions, 2);
	ck_assert_uint_le(stats.n_chunks, 6);
	ck_assert_uint_le(keeper_count(keeper, "journal-"), stats.n_chunks + 1);
	restart_and_compare();
	finish();
}
END_TEST

SUITE_MAIN("restore", a_large_region_comes_back_with_its_association,
	   an_empty_broker_comes_back_empty, one_of_everything_comes_back,
	   new_memory_waits_for_the_store_and_nobody_else_does,
	   a_batch_waits_for_all_its_memory_at_once,
	   a_client_that_ends_while_its_memory_is_on_its_way_leaves_nothing,
	   what_was_on_its_way_when_the_broker_died_has_not_happened,
	   what_was_answered_is_answered_again_and_not_done_again,
	   what_is_withdrawn_is_answered_where_it_was_done_and_else_not_done,
	   a_full_store_is_no_memory,
	   a_byte_of_the_journal_that_has_changed_brings_no_wrong_object_back,
	   a_journal_that_is_cut_brings_back_what_is_whole,
	   memory_of_which_more_may_be_in_use_is_not_given_out_again,
	   an_arena_that_is_not_what_it_was_is_lost_with_what_is_in_it,
	   the_last_chunk_is_missed_with_and_without_the_one_that_was_kept_ready,
	   a_journal_of_which_nothing_is_left_is_missed, what_is_no_chunk_is_a_loss,
	   a_session_that_was_ending_ends, a_user_who_is_known_by_shared_memory_only_has_limits,
	   a_restore_that_fails_for_want_of_memory_can_be_tried_again,
	   a_long_life_leaves_a_short_journal)
