// SPDX-License-Identifier: BSD-3-Clause
// Memory in a node's window: the node uses the addresses that the broker says, and others see the same bytes.
#include "tests/suite.h"
#include "tests/vcmd/scene.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <vcm/attr.h>
#include <vcm/vcm.h>

#include "base/range.h"

#define POOL                                                                                       \
	"memtype 5 { pool { source = window node = dsp ranges = {\"0x38040000+512K\"}\n"           \
	"granule = 4K allow-nodes = {dsp} allow-users = {61001} map-users = {61001} } }\n"         \
	"master dsp0 { allow-nodes = {dsp} }\n"
#define WINDOW_MEMORY (VCM_MEMTYPE_0 + 5)

enum { MEM = 10, VCM, RES, AVCM, GIVEN };

static void open_it(void)
{
	scene_prepare("file = \"@/window\"", POOL);
	relay_open(&scene.relay, scene.window, SCENE_LEN, SCENE_DA);
	scene_start();
}

/* Its address on the node. */
static uint64_t alloc(struct peer *p, uint64_t len, uint32_t attr)
{
	uint64_t pa;

	ck_ok(CALL(p, PHYS_ALLOC, .handle = MEM, .arg = WINDOW_MEMORY, .len = len, .attr = attr));
	ck_ok(CALL(p, PHYS_NEXT, .on = MEM));
	pa = peer_value(p, 0);
	ck_assert_uint_ge(pa, 0x38040000);
	ck_assert_uint_lt(pa, 0x380c0000);
	return pa;
}

static char *on_node(uint64_t da)
{
	return (char *)scene.relay.base + (da - SCENE_DA);
}

START_TEST(memory_of_the_window_is_where_the_node_sees_it)
{
	struct peer *p;
	uint64_t pa;

	open_it();
	memset(scene.relay.base + 0x40000, 'o', 0x80000); /* what was there before */
	p = scene_peer();
	pa = alloc(p, SZ_64K, 0);
	ck_assert_int_eq(*on_node(pa), 0);
	ck_assert_int_eq(on_node(pa)[SZ_64K - 1], 0);
	memcpy(on_node(pa), "from the node", sizeof("from the node"));
	ck_ok(CALL(p, PHYS_FREE, .on = MEM));
	pa = alloc(p, SZ_64K, 0);
	ck_assert_int_eq(*on_node(pa), 0); /* the next one does not see it */
	scene_close();
}
END_TEST

/* The node's own device, which sees what the node does: an address is an address. */
START_TEST(a_region_of_the_nodes_own_device_holds_the_window)
{
	struct peer *p;
	uint64_t pa;

	open_it();
	p = scene_peer();
	pa = alloc(p, SZ_64K, VCM_PHYS_CONT);
	ck_ok(CALL(p, VCM_CREATE, .handle = VCM, .addr = pa, .len = SZ_64K));
	ck_ok(CALL(p, ASSOC, .handle = AVCM, .on = VCM, .target = peer_device(p, "dsp0")));
	ck_ok(CALL(p, ACTIVATE, .on = AVCM));
	ck_ok(CALL(p, RESERVE, .handle = RES, .on = VCM, .len = SZ_64K));
	ck_ok(CALL(p, BACK, .on = RES, .target = MEM));
	ck_ok(CALL(p, RES_INFO, .on = RES));
	ck_assert_uint_eq(peer_value(p, 1), pa);
	ck_ok(CALL(p, SIM_WRITE, .target = peer_device(p, "dsp0"), .addr = pa + 7, .data = "dma",
		   .n_data = 3));
	ck_assert(!memcmp(on_node(pa) + 7, "dma", 3));
	scene_close();
}
END_TEST

/* What a local process maps of memory that it was given. */
static char *map_given(struct peer *alice, uint64_t first, uint64_t second)
{
	const struct piece *piece;
	char *at;

	ck_ok(CALL(alice, IMPORT, .handle = GIVEN, .addr = first, .arg = second));
	ck_ok(CALL(alice, VCM_PREBUILT, .handle = VCM, .arg = VCM_PREBUILT_USER));
	ck_ok(CALL(alice, ASSOC, .handle = AVCM, .on = VCM, .target = peer_device(alice, "cpu")));
	ck_ok(CALL(alice, ACTIVATE, .on = AVCM));
	ck_ok(CALL(alice, RESERVE, .handle = RES, .on = VCM, .len = SZ_64K, .addr = 0x50000000));
	ck_ok(CALL(alice, BACK, .on = RES, .target = GIVEN));
	ck_assert_uint_eq(alice->reply.n_pieces, 1);
	piece = &alice->reply.pieces[0];
	at = mmap(NULL, SZ_64K, PROT_READ | PROT_WRITE, MAP_SHARED, alice->fds.fds[0],
		  (off_t)piece->offset);
	ck_assert_ptr_ne(at, MAP_FAILED);
	return at;
}

START_TEST(a_local_process_and_a_device_see_what_the_node_shares)
{
	struct peer *p, *alice;
	uint64_t pa, first, second;
	uint32_t video;
	char *at;

	if (!world_can_be_others())
		SUITE_SKIP("needs root, to be another user");
	open_it();
	p = scene_peer();
	pa = alloc(p, SZ_64K, VCM_COHERENT);
	memcpy(on_node(pa), "from the node", sizeof("from the node"));
	ck_ok(CALL(p, EXPORT, .on = MEM, .attr = VCM_SHARE_READ | VCM_SHARE_WRITE));
	first = peer_value(p, 0);
	second = peer_value(p, 1);
	alice = world_peer_as(scene.world, ALICE);
	at = map_given(alice, first, second);
	ck_assert_str_eq(at, "from the node");
	memcpy(at, "from Linux", sizeof("from Linux"));
	ck_assert_str_eq(on_node(pa), "from Linux");
	video = peer_device(alice, "video");
	ck_ok(CALL(alice, VCM_CREATE, .handle = 20, .addr = SCENE_AT, .len = SZ_1M));
	ck_ok(CALL(alice, ASSOC, .handle = 21, .on = 20, .target = video));
	ck_ok(CALL(alice, ACTIVATE, .on = 21));
	ck_ok(CALL(alice, RESERVE, .handle = 22, .on = 20, .len = SZ_64K));
	ck_ok(CALL(alice, BACK, .on = 22, .target = GIVEN));
	ck_ok(CALL(alice, SIM_READ, .target = video, .addr = SCENE_AT, .len = 11));
	ck_assert_str_eq((const char *)alice->reply.data, "from Linux");
	munmap(at, SZ_64K);
	scene_close();
}
END_TEST

START_TEST(a_node_is_given_memory_by_a_local_process)
{
	struct peer *p, *alice;
	uint64_t pa, first, second;

	if (!world_can_be_others())
		SUITE_SKIP("needs root, to be another user");
	open_it();
	p = scene_peer();
	alice = world_peer_as(scene.world, ALICE);
	pa = alloc(alice, SZ_64K, VCM_COHERENT);
	ck_ok(CALL(alice, EXPORT, .on = MEM, .attr = VCM_SHARE_READ));
	first = peer_value(alice, 0);
	second = peer_value(alice, 1);
	ck_status(CALL(p, IMPORT, .handle = GIVEN, .addr = first, .arg = second + 1), -EACCES);
	ck_ok(CALL(p, IMPORT, .handle = GIVEN, .addr = first, .arg = second));
	ck_ok(CALL(p, PHYS_NEXT, .on = GIVEN));
	ck_assert_uint_eq(peer_value(p, 0), pa);
	/* The one who gave it dies; the node keeps what it was given. */
	world_kill(scene.world, alice);
	ck_ok(CALL(p, PHYS_NEXT, .on = GIVEN));
	ck_ok(CALL(p, PHYS_FREE, .on = GIVEN));
	scene_close();
}
END_TEST

START_TEST(rights_and_quotas_of_a_node_are_its_own)
{
	struct peer *p;

	scene_prepare("file = \"@/window\" bytes = 64K objects = 200",
		      "memtype 1 { pool { ranges = {\"0x60000000+1M\"} granule = 4K } }\n"
		      "memtype 2 { pool { ranges = {\"0x70000000+1M\"} allow-users = {61001} } }\n"
		      "memtype 3 { pool { ranges = {\"0x71000000+1M\"} allow-nodes = {dsp} } }\n"
		      "smmu smmu1 { base = 0x07500000\n"
		      " context hers { mid = 0 allow-users = {61001} } }\n");
	relay_open(&scene.relay, scene.window, SCENE_LEN, SCENE_DA);
	scene_start();
	p = scene_peer();
	ck_status(CALL(p, PHYS_ALLOC, .handle = 1, .arg = VCM_MEMTYPE_0 + 2, .len = SZ_4K),
		  -EACCES);
	ck_ok(CALL(p, PHYS_ALLOC, .handle = 2, .arg = VCM_MEMTYPE_0 + 1, .len = SZ_64K));
	ck_status(CALL(p, PHYS_ALLOC, .handle = 3, .arg = VCM_MEMTYPE_0 + 1, .len = SZ_4K),
		  -EDQUOT);
	ck_ok(CALL(p, PHYS_FREE, .on = 2));
	ck_ok(CALL(p, VCM_CREATE, .handle = 4, .addr = SZ_1M, .len = SZ_1M));
	ck_status(CALL(p, ASSOC, .handle = 5, .on = 4, .target = peer_device(p, "hers")), -EACCES);
	ck_status(CALL(p, VCM_PREBUILT, .handle = 6, .arg = VCM_PREBUILT_KERNEL), -EACCES);
	for (uint32_t i = 10; CALL(p, VCM_CREATE, .handle = i, .addr = SZ_1M, .len = SZ_1M) == 0;
	     i++)
		ck_assert_uint_lt(i, 300);
	ck_assert_int_eq(p->reply.status, -EDQUOT);
	scene_close();
}
END_TEST

START_TEST(what_a_node_had_is_zeroed_before_it_is_anybody_elses)
{
	struct peer *p;
	uint64_t pa;

	open_it();
	p = scene_peer();
	pa = alloc(p, SZ_64K, 0);
	memcpy(on_node(pa), "secret", sizeof("secret"));
	relay_reset(&scene.relay, 0);
	peer_wait_gone(p);
	world_kill(scene.world, p);
	scene_until_none_left();
	ck_assert_int_eq(*on_node(pa), 0);
	scene_close();
}
END_TEST

SUITE_MAIN("node-memory", memory_of_the_window_is_where_the_node_sees_it,
	   a_region_of_the_nodes_own_device_holds_the_window,
	   a_local_process_and_a_device_see_what_the_node_shares,
	   a_node_is_given_memory_by_a_local_process, rights_and_quotas_of_a_node_are_its_own,
	   what_a_node_had_is_zeroed_before_it_is_anybody_elses)
