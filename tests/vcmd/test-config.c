// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "tests/suite.h"
#include "tests/vcmd/conf.h"

static void check_machine(const struct config *c)
{
	static const struct range first[] = { { 0x40000000, 0x4fffffff },
					      { 0x60000000, 0x63ffffff },
					      { 0x70000000, 0x71ffffff } };
	static const uint64_t cont[] = { 64 * SZ_1M, 16 * SZ_1M, 0 };

	ck_assert_uint_eq(c->n_pools, 3);
	for (unsigned int i = 0; i < 3; i++) {
		ck_assert_uint_eq(c->pools[i].memtype, i);
		ck_assert_int_eq(c->pools[i].source, SOURCE_MEMFD);
		ck_assert_uint_eq(c->pools[i].n_ranges, 1);
		ck_assert_uint_eq(c->pools[i].ranges[0].first, first[i].first);
		ck_assert_uint_eq(c->pools[i].ranges[0].last, first[i].last);
		ck_assert_uint_eq(c->pools[i].cont_len, cont[i]);
		ck_assert(!c->pools[i].secure && c->pools[i].allow.everybody);
	}
	ck_assert_uint_eq(c->n_smmus, 2);
	ck_assert_str_eq(c->smmus[0].name, "smmu0");
	ck_assert_uint_eq(c->smmus[0].n_contexts, 3);
	ck_assert_str_eq(c->smmus[0].contexts[0].name, "vcodec_a_mm1");
	ck_assert_str_eq(c->smmus[0].contexts[1].name, "vcodec_a_stream");
	ck_assert_str_eq(c->smmus[0].contexts[2].name, "vcodec_b_mm2");
	ck_assert_uint_eq(c->smmus[0].contexts[2].mid, 2);
	ck_assert(c->smmus[0].contexts[0].allow.everybody);
	ck_assert_uint_eq(c->smmus[0].n_banks, 8);
	ck_assert_str_eq(c->smmus[1].contexts[0].name, "mdp_port0");
	ck_assert_str_eq(c->smmus[1].contexts[1].name, "mdp_port1");
	ck_assert_uint_eq(c->smmus[1].n_contexts, 2);
	ck_assert_uint_eq(c->n_masters, 1);
	ck_assert_str_eq(c->masters[0].name, "dma0");
	ck_assert(c->masters[0].allow.everybody);
	ck_assert_uint_eq(c->n_windows, 0);
}

static void check_default(const struct config *c)
{
	check_machine(c);
	ck_assert_str_eq(c->socket, CONFIG_SOCKET);
	ck_assert_uint_eq(c->socket_mode, 0660);
	ck_assert_uint_eq(c->fault_timeout_ms, 1000);
	ck_assert_uint_eq(c->poll_us, 50);
	ck_assert_uint_eq(c->memory.tables.first, 0x80000000);
	ck_assert_uint_eq(range_len(c->memory.tables), 64 * SZ_1M);
	ck_assert_uint_eq(c->memory.stock_len, 64 * SZ_1M);
	ck_assert_uint_eq(c->kernel_window.first, 0x7f0000000000);
	ck_assert_uint_eq(range_len(c->kernel_window), 1024 * SZ_1M);
	ck_assert_uint_eq(c->limits.bytes, 4096 * SZ_1M);
	ck_assert_uint_eq(c->limits.objects, 4000000);
	ck_assert_uint_eq(c->limits.sessions, 16384);
	ck_assert_uint_eq(c->limits.in_flight, 256);
	ck_assert_uint_eq(c->limits.table_bytes, 64 * SZ_1M);
	ck_assert(!c->access.everybody && !c->access.n_uids);
	ck_assert(!c->kernel.everybody && !c->kernel.n_uids && !c->kernel.n_gids);
	ck_assert(!c->inspect.everybody && !c->inspect.n_uids && !c->inspect.n_gids);
	ck_assert(!c->simulate.everybody && !c->simulate.n_uids && !c->simulate.n_gids);
}

START_TEST(config_built_in_is_the_machine_of_the_design)
{
	_cleanup_(config_freep) struct config *c = config_default();

	ck_assert_ptr_nonnull(c);
	ck_assert_ptr_null(c->path);
	check_default(c);
}
END_TEST

START_TEST(config_of_an_empty_file_is_the_built_in_one)
{
	static const char *const nothing[] = { "", "\n", "# nothing", "/* nothing */ // at all\n" };

	for (size_t i = 0; i < sizeof(nothing) / sizeof(*nothing); i++) {
		_cleanup_(config_freep) struct config *c = load(nothing[i]);

		check_default(c);
		ck_assert_str_eq(c->path, path);
	}
}
END_TEST

START_TEST(config_example_is_the_built_in_one)
{
	_cleanup_(config_freep) struct config *c = NULL;
	const char *srcdir = getenv("VCM_SRCDIR");
	struct reason why = { "" };
	char example[4096];

	snprintf(example, sizeof(example), "%s/examples/vcmd.conf", srcdir ? srcdir : ".");
	ck_assert_msg(!config_load(example, &c, &why), "%s", why.text);
	check_default(c);
}
END_TEST

START_TEST(config_without_a_machine_keeps_the_built_in_one)
{
	_cleanup_(config_freep) struct config *c = load("poll = 0\nlimits { sessions = 7 }\n");

	check_machine(c);
	ck_assert_uint_eq(c->poll_us, 0);
	ck_assert_uint_eq(c->limits.sessions, 7);
	ck_assert_uint_eq(c->limits.in_flight, 256);
}
END_TEST

/* Its ranges are what somebody has written; hardware would find Linux's memory there. */
START_TEST(config_window_on_a_file_has_no_bus_addresses)
{
	_cleanup_(config_freep) struct config *c = load(
		"memtype 0 { pool { source = window file = \"/dev/shm/x\" ranges = "
		"{\"0x71000000+1M\"} } }\n"
		"memtype 1 { pool { source = window file = \"/dev/mem\" offset = 0x1000 ranges = "
		"{\"0x72000000+1M\"} } }\n"
		"memtype 2 { pool { source = window file = \"/dev/dax0.0\" offset = 0 ranges = "
		"{\"0x73000000+1M\"} } }\n"
		"memtype 3 { pool { ranges = {\"0x74000000+1M\"} } }\n");

	ck_assert(config_pool_is_physical(&c->pools[0]));
	ck_assert(!config_pool_has_bus_addresses(&c->pools[0]));
	ck_assert(!config_pool_has_bus_addresses(&c->pools[1]));
	ck_assert(config_pool_has_bus_addresses(&c->pools[2]));
	ck_assert(!config_pool_has_bus_addresses(&c->pools[3]));
}
END_TEST

START_TEST(config_names_hardware_and_its_memory)
{
	_cleanup_(config_freep) struct config *c =
		load("table-memory { source = window file = \"/dev/mem\" ranges = "
		     "{\"0x70000000+1M\"} }\n"
		     "memtype 0 { pool { source = pagemap length = 8M } }\n"
		     "memtype 1 { pool { source = window device = carve region = 1 ranges = "
		     "{\"0x71000000+1M\"} } }\n"
		     "smmuv3 v0 { registers = uio device = smmuv3 context edu { pci = "
		     "\"0000:01:02.3\" } }\n"
		     "smmuv3 v1 { registers = mem base = 0x9050000 poll-interval = 5 context dma { "
		     "stream = 0x50 stall = true } }\n"
		     "smmuv3 v2 { registers = vfio base = 0x9090000 device = \"9090000.smmuv3\" "
		     "region = 1 context d { stream = 1 } }\n");

	ck_assert_int_eq(c->table_memory->source, SOURCE_WINDOW);
	ck_assert_uint_eq(c->table_memory->bytes.offset, 0x70000000);
	ck_assert_uint_eq(c->pools[0].len, 8 * SZ_1M);
	ck_assert_uint_eq(c->pools[0].granule, SZ_2M);
	ck_assert(config_pool_is_physical(&c->pools[0]));
	ck_assert(config_pool_has_bus_addresses(&c->pools[0]));
	ck_assert(config_pool_has_bus_addresses(&c->pools[1]));
	ck_assert(config_pool_has_bus_addresses(c->table_memory));
	ck_assert_str_eq(c->pools[1].bytes.device, "carve");
	ck_assert_uint_eq(c->pools[1].bytes.region, 1);
	ck_assert(c->smmus[0].v3 && c->smmus[0].registers == REGISTERS_UIO);
	ck_assert_uint_eq(c->smmus[0].contexts[0].mid, 0x113);
	ck_assert_uint_eq(c->smmus[1].poll_ms, 5);
	ck_assert(c->smmus[2].registers == REGISTERS_VFIO && c->smmus[2].region == 1);
	ck_assert_str_eq(c->smmus[2].device, "9090000.smmuv3");
	ck_assert_uint_eq(c->smmus[1].contexts[0].mid, 0x50);
	ck_assert(c->smmus[1].contexts[0].stall && !c->smmus[0].contexts[0].stall);
}
END_TEST

START_TEST(config_with_a_machine_has_nothing_else)
{
	_cleanup_(config_freep) struct config *c = load("master m {}\n");

	ck_assert_uint_eq(c->n_pools, 0);
	ck_assert_uint_eq(c->n_smmus, 0);
	ck_assert_uint_eq(c->n_masters, 1);
}
END_TEST

START_TEST(config_takes_all_that_can_be_said)
{
	_cleanup_(config_freep) struct config *c =
		load("socket = \"/tmp/a b\" socket-mode = 600 socket-group = root\n"
		     "fault-timeout = 0x10 stock = 0 tables = \"0x10000+64K\"\n"
		     "kernel-window = '0x10000+2M'\n"
		     "memtype 31 { pool { source = hugetlb ranges = {\"0x200000+2M\", "
		     "\"0x400000+2M\"} contiguous = 2M granule = 2M secure = yes "
		     "allow-users = {root, 1234} } }\n"
		     "memtype 30 { pool { ranges = \"0x600000+4K\" } }\n"
		     "smmu s { base = 0x1000000 banks = 254 tlb-entries = 1 }\n"
		     "smmu t { base = 0x1100000 tlb-entries = 32 tlb-ways = 32\n"
		     "	context c { mid = 127 allow-groups = {root} } }\n"
		     "window \"0xfffffffffffff000+4K\" { allow-users = {\"*\"} }\n"
		     "vfio v { device = \"0a:1f.7\" open-groups = {77} }\n"
		     "access { allow-users = {} } kernel { allow-groups = {77} }\n");

	ck_assert_str_eq(c->socket, "/tmp/a b");
	ck_assert_uint_eq(c->socket_mode, 0600);
	ck_assert_str_eq(c->socket_group, "root");
	ck_assert_uint_eq(c->fault_timeout_ms, 16);
	ck_assert_uint_eq(c->n_pools, 2);
	ck_assert_uint_eq(c->pools[0].memtype, 31);
	ck_assert_int_eq(c->pools[0].source, SOURCE_HUGETLB);
	ck_assert_uint_eq(c->pools[0].n_ranges, 2);
	ck_assert_uint_eq(c->pools[0].granule, 2 * SZ_1M);
	ck_assert(c->pools[0].secure && !c->pools[0].allow.everybody);
	ck_assert_uint_eq(c->pools[0].allow.n_uids, 2);
	ck_assert_uint_eq(c->pools[0].allow.uids[1], 1234);
	ck_assert(c->pools[1].allow.everybody);
	ck_assert_uint_eq(c->smmus[0].tlb_ways, 1);
	ck_assert_uint_eq(c->smmus[1].tlb_ways, 32);
	ck_assert(!c->smmus[1].contexts[0].allow.everybody);
	ck_assert_uint_eq(c->windows[0].range.last, UINT64_MAX);
	ck_assert(c->windows[0].allow.everybody);
	ck_assert_str_eq(c->vfios[0].name, "v");
	ck_assert_str_eq(c->vfios[0].address, "0000:0a:1f.7");
	ck_assert(c->vfios[0].allow.everybody && !c->vfios[0].open.everybody);
	ck_assert_uint_eq(c->vfios[0].open.gids[0], 77);
	ck_assert(!c->access.everybody && !c->access.n_gids);
	ck_assert_uint_eq(c->kernel.gids[0], 77);
}
END_TEST

START_TEST(config_node_has_the_defaults_of_remotes)
{
	_cleanup_(config_freep) struct config *c = load("node dsp { file = /dev/shm/dsp }\n");
	const struct config_node *n = c->nodes;
	struct geometry g;

	geometry_default(&g);
	ck_assert_uint_eq(c->n_nodes, 1);
	ck_assert_str_eq(n->name, "dsp");
	ck_assert_str_eq(n->file, "/dev/shm/dsp");
	ck_assert_uint_eq(n->geometry.table, g.table);
	ck_assert_mem_eq(n->geometry.rings, g.rings, sizeof(g.rings));
	ck_assert_uint_eq(n->geometry.buffers, g.buffers);
	ck_assert_uint_eq(n->geometry.num, g.num);
	ck_assert_uint_eq(n->geometry.align, g.align);
	ck_assert_uint_eq(n->geometry.buffer_len, g.buffer_len);
	ck_assert_mem_eq(n->geometry.notify_ids, g.notify_ids, sizeof(g.notify_ids));
	ck_assert(n->geometry.ns == g.ns);
	ck_assert_uint_eq(n->base, 0x38000000);
	ck_assert_uint_eq(n->len, SZ_1M);
	ck_assert_uint_eq(n->address, 1024);
	ck_assert_int_eq(n->kick, KICK_POLL);
	ck_assert_uint_eq(n->uid, CONFIG_NODE_UID);
	ck_assert_uint_eq(n->limits.bytes, c->limits.bytes);
	ck_assert_uint_eq(c->n_pools, 3); /* the machine is the built-in one */
}
END_TEST

START_TEST(config_node_takes_all_that_can_be_said)
{
	_cleanup_(config_freep) struct config *c = load(
		"node a { socket = /run/a vectors = 2 }\n"
		"node b { file = /dev/mem offset = 0x90000000 length = 4M base = 0x10000000\n"
		" table = 0x1000 vring0 = 0x2000 vring1 = 0x3000 buffers = 0x4000\n"
		" descriptors = 32 alignment = 64 buffer = 1K name-service = false address = 60\n"
		" uio = /dev/uio3 map = 1 doorbell = /dev/uio4 doorbell-map = 2\n"
		" doorbell-offset = 12 doorbell-value = 0x10000\n"
		" heartbeat = 500 reset-timeout = 20 user = 1000\n"
		" bytes = 1M objects = 5 in-flight = 6 table-bytes = 64K\n"
		" arenas = 7 }\n"
		"node c { rpmsg = /dev/rpmsg_ctrl0 address = 1030 remote-address = 1031 }\n"
		"limits { bytes = 8M }\n"
		"simulate { allow-nodes = { a, b } }\n");
	const struct config_node *a = &c->nodes[0], *b = &c->nodes[1];

	ck_assert_str_eq(c->nodes[2].rpmsg, "/dev/rpmsg_ctrl0");
	ck_assert_uint_eq(c->nodes[2].address, 1030);
	ck_assert_uint_eq(c->nodes[2].remote_address, 1031);
	ck_assert_int_eq(a->kick, KICK_EVENTFD);
	ck_assert_uint_eq(a->vectors, 2);
	ck_assert_uint_eq(a->limits.bytes, 8 * SZ_1M);
	ck_assert_uint_eq(b->offset, 0x90000000);
	ck_assert_uint_eq(b->geometry.rings[RING_OUT], 0x3000);
	ck_assert_uint_eq(b->geometry.num, 32);
	ck_assert_uint_eq(b->geometry.buffer_len, 1024);
	ck_assert(!b->geometry.ns);
	ck_assert_int_eq(b->kick, KICK_UIO);
	ck_assert_uint_eq(b->map, 1);
	ck_assert_uint_eq(b->doorbell_map, 2);
	ck_assert_uint_eq(b->doorbell_offset, 12);
	ck_assert_uint_eq(b->doorbell_value, 0x10000);
	ck_assert_uint_eq(b->heartbeat_ms, 500);
	ck_assert_uint_eq(b->reset_timeout_ms, 20);
	ck_assert_uint_eq(b->uid, 1000);
	ck_assert_uint_eq(b->limits.bytes, SZ_1M);
	ck_assert_uint_eq(b->limits.arenas, 7);
	ck_assert_uint_eq(b->limits.in_flight, 6);
	ck_assert(config_rule_allows(&c->simulate, CONFIG_NODE_UID, NULL, 0));
	ck_assert(config_rule_allows(&c->simulate, CONFIG_NODE_UID + 1, NULL, 0));
	ck_assert(!config_rule_allows(&c->simulate, CONFIG_NODE_UID + 3, NULL, 0));
}
END_TEST

START_TEST(config_access_is_the_group_of_the_socket_unless_it_says_more)
{
	_cleanup_(config_freep) struct config *c = load("socket-group = daemon\n");
	_cleanup_(config_freep) struct config *said =
		load("socket-group = daemon\naccess { allow-users = {9} }\n");

	ck_assert_uint_eq(c->access.n_gids, 1);
	ck_assert_uint_eq(said->access.n_gids, 0);
	ck_assert_uint_eq(said->access.uids[0], 9);
}
END_TEST

START_TEST(config_rule_names_users_and_groups)
{
	uid_t uids[] = { 1001, 1002 };
	gid_t gids[] = { 2001 }, theirs[] = { 1, 2001 }, others[] = { 1, 2 };
	struct config_rule rule = { .uids = uids, .n_uids = 2, .gids = gids, .n_gids = 1 };

	ck_assert(config_rule_allows(&rule, 1002, others, 2));
	ck_assert(config_rule_allows(&rule, 1003, theirs, 2));
	ck_assert(!config_rule_allows(&rule, 1003, others, 2));
	ck_assert(!config_rule_allows(&rule, 1003, NULL, 0));
	ck_assert(config_rule_allows(&(struct config_rule){ .everybody = true }, 1003, NULL, 0));
}
END_TEST

START_TEST(config_devices_of_one_group_are_for_the_same_users)
{
	static const unsigned int apart[] = { 1, 2, 3 }, pair[] = { 1, 2, 1 },
				  other[] = { 1, 1, 2 };
	_cleanup_(config_freep) struct config *c =
		load("vfio a { device = \"00:03.0\" allow-users = {0} open-users = {0} }\n"
		     "vfio b { device = \"00:04.0\" allow-users = {0} }\n"
		     "vfio c { device = \"00:05.0\" allow-users = {0} open-users = {0} }\n");
	struct reason why = { "" };

	ck_assert_int_eq(config_check_groups(c, apart, &why), 0);
	ck_assert_int_eq(config_check_groups(c, pair, &why), 0);
	ck_assert_int_eq(config_check_groups(c, other, &why), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why.text, "vfio a and b are in IOMMU group 1"));
	c->vfios[2].open.uids[0] = 7;
	ck_assert_int_eq(config_check_groups(c, pair, &why), -EINVAL);
	c->vfios[2].open.uids[0] = 0;
	c->vfios[2].allow.everybody = true;
	ck_assert_int_eq(config_check_groups(c, pair, &why), -EINVAL);
}
END_TEST

START_TEST(config_rule_always_allows_root_and_the_daemons_user)
{
	struct config_rule nobody = { .everybody = false };

	ck_assert(config_rule_allows(&nobody, 0, NULL, 0));
	ck_assert(config_rule_allows(&nobody, geteuid(), NULL, 0));
	ck_assert(!config_rule_allows(&nobody, 12345, NULL, 0));
}
END_TEST

START_TEST(config_is_loaded_whole_or_not_at_all)
{
	static const char text[] =
		"socket = /tmp/s socket-group = root access { allow-users = {1, 2} }\n"
		"memtype 0 { pool { ranges = {\"0x200000+2M\"} allow-groups = {root} } }\n"
		"smmu s { base = 0x1000000 context c { mid = 0 allow-users = {root} } }\n"
		"master m {} window \"0x10000+4K\" { allow-users = {root} } limits {}\n";
	_cleanup_(fd_closep) _unused_ int fd = file_of(text, strlen(text));
	size_t nth = 0;
	int r;

	do {
		_cleanup_(config_freep) struct config *c = NULL;
		struct reason why = { "" };

		mem_fail_nth(++nth);
		r = config_load(path, &c, &why);
		if (!mem_fail_fired())
			break;
		ck_assert_int_eq(r, -ENOMEM);
		ck_assert_ptr_null(c);
		ck_assert_str_ne(why.text, "");
	} while (1);
	ck_assert_int_eq(r, 0);
	ck_assert_uint_gt(nth, 30);
}
END_TEST

START_TEST(config_built_in_is_made_whole_or_not_at_all)
{
	for (size_t nth = 1;; nth++) {
		_cleanup_(config_freep) struct config *c = NULL;

		mem_fail_nth(nth);
		c = config_default();
		if (!mem_fail_fired())
			break;
		ck_assert_ptr_null(c);
	}
}
END_TEST

SUITE_MAIN("config", config_built_in_is_the_machine_of_the_design,
	   config_of_an_empty_file_is_the_built_in_one, config_example_is_the_built_in_one,
	   config_without_a_machine_keeps_the_built_in_one, config_names_hardware_and_its_memory,
	   config_window_on_a_file_has_no_bus_addresses, config_with_a_machine_has_nothing_else,
	   config_takes_all_that_can_be_said, config_node_has_the_defaults_of_remotes,
	   config_node_takes_all_that_can_be_said,
	   config_access_is_the_group_of_the_socket_unless_it_says_more,
	   config_rule_names_users_and_groups, config_devices_of_one_group_are_for_the_same_users,
	   config_rule_always_allows_root_and_the_daemons_user,
	   config_is_loaded_whole_or_not_at_all, config_built_in_is_made_whole_or_not_at_all)
