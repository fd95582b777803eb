// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "tests/suite.h"

CLEANUP_DEFINE(struct config *, config_free)

static char path[64];

/* The text as a file; its name is in path. */
static int file_of(const char *text, size_t len)
{
	int fd = memfd_create("conf", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	log_set_level(LOG_L_ERROR); /* its mode lets everybody write */
	return fd;
}

static struct config *load(const char *text)
{
	_cleanup_(fd_closep) _unused_ int fd = file_of(text, strlen(text));
	struct reason why = { "" };
	struct config *c = NULL;
	int r = config_load(path, &c, &why);

	ck_assert_msg(r == 0, "%s\n%s", why.text, text);
	return c;
}

static const struct refused {
	const char *text;
	unsigned int line;
	const char *reason; /* a part of it */
} refused[] = {
	/* syntax */
	{ "poll = 50\nfrobnicate = 1\n", 2, "no such option 'frobnicate'" },
	{ "limits {\n bytes = 4G\n spoons = 1\n}\n", 3, "no such option 'spoons'" },
	{ "limits {\n bytes = 4G\n", 1, "this brace is never closed" },
	{ "\n}\n", 2, "this brace closes nothing" },
	{ "socket = \"/run/a\n", 1, "this string does not end on its line" },
	{ "poll = 50\nsocket = '/run/a", 2, "this string does not end on its line" },
	{ "poll = 50 /* why\n not\n", 1, "this comment does not end" },
	{ "/*/ poll = 50\n", 1, "this comment does not end" },
	{ "poll\n", 2, "premature end of file" },
	{ "\n\"\" = 1\n", 2, "" },
	{ "poll 50\n", 1, "missing equal sign" },
	{ "poll = \n\n50 60\n", 3, "no such option '60'" },
	{ "memtype {\n}\n", 1, "missing title" },
	{ "/* one\n two */ # three\n// four\npoll = x\n", 4, "'x' is not a number" },
	{ "socket = \"${HOME}/x\"\n", 1, "${...} has no meaning here" },
	{ "\nsocket = ${HOME}\n", 2, "${...} has no meaning here" },
	{ "a{b{c{d{e{f{g{h{i{}}}}}}}}}\n", 1, "do not nest that deep" },
	{ "poll = 1\n\001\n", 2, "a control character" },
	{ "poll = 50;\n", 1, "'50;' is not a number" },
	/* given twice */
	{ "poll = 50\npoll = 40\n", 2, "poll is given twice" },
	{ "limits { bytes = 1G\nbytes = 1G }\n", 2, "bytes is given twice" },
	{ "limits {}\nlimits {}\n", 2, "limits is given twice" },
	{ "access {}\n\naccess {}\n", 3, "access is given twice" },
	{ "kernel {} kernel {}\n", 1, "kernel is given twice" },
	{ "access { allow-users = {0}\nallow-users = {1} }\n", 2, "allow-users is given twice" },
	{ "memtype 0 { pool { ranges = {\"4K+4K\"} } }\nmemtype 0 {\n}\n", 1,
	  "'4K+4K' is not a range" },
	{ "memtype 0 { pool { ranges = {\"0x1000+4K\"} } }\nmemtype 0 {\n}\n", 2,
	  "duplicate title '0'" },
	{ "smmu a { base = 0x100000\n}\nsmmu a {\n}\n", 3, "duplicate title 'a'" },
	{ "smmu a { base = 0x100000\n context x { mid = 0 }\n context x { mid = 1 }\n}\n", 3,
	  "duplicate title 'x'" },
	{ "smmu a { base = 0x100000\n context x { mid = 0 } }\n"
	  "smmu b { base = 0x200000\n context x {\n mid = 0 } }\n",
	  4, "another device named 'x'" },
	{ "smmu a { base = 0x100000\n context x { mid = 0 } }\nmaster x {}\n", 3,
	  "another device named 'x'" },
	{ "smmu a { base = 0x100000\n context cpu { mid = 0 } }\n", 2,
	  "another device named 'cpu'" },
	{ "master cpu {}\n", 1, "another device named 'cpu'" },
	/* values */
	{ "poll = 51\n", 1, "poll is 0 to 50" },
	{ "poll = -1\n", 1, "'-1' is not a number" },
	{ "poll = 0x\n", 1, "'0x' is not a number" },
	{ "poll = 5K\n", 1, "'5K' is not a number" },
	{ "fault-timeout = 0\n", 1, "fault-timeout is 1 to 600000" },
	{ "grace = 0\n", 1, "grace is 1 to 3600000" },
	{ "stock = 8Q\n", 1, "'8Q' is not a length" },
	{ "stock = 18446744073709551616\n", 1, "is not a length" },
	{ "stock = 99999999999T\n", 1, "is not a length" },
	{ "limits {\n in-flight = 0\n}\n", 2, "in-flight is 1 to" },
	{ "socket = run/vcmd.sock\n", 1, "not an absolute path" },
	{ "socket = \"/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\n",
	  1, "longer than 107 bytes" },
	{ "socket-mode = 0888\n", 1, "'0888' is not a mode" },
	{ "socket-mode = 7777\n", 1, "'7777' is not a mode" },
	{ "socket-group = no-such-group-here\n", 1, "there is no group 'no-such-group-here'" },
	{ "access {\n allow-users = {root,\n nobody-at-all}\n}\n", 3,
	  "there is no user 'nobody-at-all'" },
	{ "access {\n allow-groups = {root, none-at-all}\n}\n", 2,
	  "there is no group 'none-at-all'" },
	{ "access { allow-users = {4294967295} }\n", 1, "there is no user '4294967295'" },
	{ "access { allow-users = {\"\"} }\n", 1, "there is no user ''" },
	/* memory */
	{ "memtype 0 {\n}\n", 1, "memtype 0 has no pool" },
	{ "memtype zero { pool { ranges = {\"0x1000+4K\"} } }\n", 1,
	  "is not a number from 0 to 31" },
	{ "memtype 00 { pool { ranges = {\"0x1000+4K\"} } }\n", 1, "is not a number from 0 to 31" },
	{ "memtype 32 { pool { ranges = {\"0x1000+4K\"} } }\n", 1, "is not a number from 0 to 31" },
	{ "memtype \"\" { pool { ranges = {\"0x1000+4K\"} } }\n", 1,
	  "is not a number from 0 to 31" },
	{ "memtype 0 {\n pool {\n secure = true\n }\n}\n", 2, "this pool has no ranges" },
	{ "memtype 0 { pool { ranges = {} } }\n", 1, "this pool has no ranges" },
	{ "memtype 0 { pool {\n source = disk\n} }\n", 2,
	  "neither memfd, hugetlb, window nor pagemap" },
	{ "memtype 0 { pool {\n secure = maybe\n} }\n", 2, "neither true nor false" },
	{ "memtype 0 { pool { ranges = {\"0x1000+4K\",\n\"0x1000\"} } }\n", 2, "is not a range" },
	{ "memtype 0 { pool { ranges = {\"0x1001+4K\"} } }\n", 1, "not made of 4K pages" },
	{ "memtype 0 { pool { ranges = {\"0x1000+5000\"} } }\n", 1, "not made of 4K pages" },
	{ "memtype 0 { pool { ranges = {\"0x0+4K\"} } }\n", 1, "page 0" },
	{ "memtype 0 { pool { ranges = {\"0x1000+0\"} } }\n", 1, "is not a range" },
	{ "memtype 0 { pool { ranges = {\"0xfffffffffffff000+8K\"} } }\n", 1, "is not a range" },
	{ "memtype 0 { pool { ranges = {\"0x10000+64K\",\n\"0x1f000+64K\"} } }\n", 2,
	  "the pool overlaps the pool of line 1" },
	{ "memtype 0 { pool { ranges = {\"0x10000+64K\"} } }\n\n"
	  "memtype 1 { pool { ranges = {\"0x10000+4K\"} } }\n",
	  3, "the pool overlaps the pool of line 1" },
	{ "memtype 0 { pool { ranges = {\"0x80000000+64K\"} } }\n", 1,
	  "overlaps the table memory at 0x80000000, which is built in" },
	{ "tables = \"0x90000000+1M\"\nmemtype 0 { pool { ranges = {\"0x90000000+64K\"} } }\n", 2,
	  "overlaps the table memory of line 1" },
	{ "memtype 0 { pool { ranges = {\"0x10000+64K\"}\n contiguous = 128K } }\n", 2,
	  "does not fit into the pool's first range" },
	{ "memtype 0 { pool { ranges = {\"0x10000+64K\"}\n contiguous = 5000 } }\n", 2,
	  "not a multiple of 4K" },
	{ "memtype 0 { pool { ranges = {\"0x10000+64K\"}\n granule = 12K } }\n", 2,
	  "not a power of two" },
	{ "memtype 0 { pool { granule = 64K\n ranges = {\"0x11000+64K\"} } }\n", 2,
	  "not made of granules" },
	{ "kernel-window = \"0x800000000000+4K\"\n", 1, "not in the address space" },
	{ "window \"0xa0000000\" {}\n", 1, "is not a range" },
	{ "memtype 0 { pool { ranges = {\"0x10000+64K\"} } }\nwindow \"0x10000+4K\" {}\n", 2,
	  "the window overlaps the pool of line 1" },
	{ "window \"0x10000+4K\" {}\nwindow \"0x10000+8K\" {}\n", 2,
	  "the window overlaps the window of line 1" },
	/* devices */
	{ "smmu a {\n}\n", 1, "has no base" },
	{ "smmu a {\n base = 0x7300001\n}\n", 2, "not a multiple of 4K" },
	{ "smmu a {\n base = 0xfffffffffffff000\n}\n", 2, "no room for registers" },
	{ "smmu a { base = 0x100000 }\nsmmu b {\n base = 0x180000 }\n", 3,
	  "overlaps the SMMU's registers of line 1" },
	{ "smmu \"a b\" { base = 0x100000 }\n", 1, "'a b' is not a name" },
	{ "smmu a { base = 0x100000\n context \"x\\ty\" { mid = 0 } }\n", 2, "is not a name" },
	{ "smmu a { base = 0x100000\n context \"\" { mid = 0 } }\n", 2, "is not a name" },
	{ "master aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa {}\n", 1,
	  "is not a name" },
	{ "smmu a { base = 0x100000\n banks = 255 }\n", 2, "banks is 1 to 254" },
	{ "smmu a { base = 0x100000\n banks = 0 }\n", 2, "banks is 1 to 254" },
	{ "smmu a { base = 0x100000\n context x {\n } }\n", 2, "the context has no mid" },
	{ "smmu a { base = 0x100000\n context x {\n mid = 128 } }\n", 3, "mid is 0 to 127" },
	{ "smmu a { base = 0x100000\n context x { mid = 1 }\n context y { mid = 1 } }\n", 3,
	  "mid 1 is that of context 'x' already" },
	{ "smmuv3 v { base = 0x100000\n}\n", 1, "an SMMUv3 is real" },
	{ "smmuv3 v { base = 0x100000\n registers = model }\n", 2, "an SMMUv3 is real" },
	{ "smmuv3 v { registers = mem\n}\n", 1, "the SMMU has no base" },
	{ "smmuv3 v { registers = uio\n}\n", 1, "the UIO device is not named" },
	{ "smmuv3 v { registers = io\n}\n", 1, "'io' is neither model, uio nor mem" },
	{ "smmu v { base = 0x100000\n device = x }\n", 2, "device is for registers = uio only" },
	{ "smmu v { base = 0x100000 registers = mem\n banks = 4 }\n", 2,
	  "banks is for registers = model only" },
	{ "smmuv3 v { base = 0x100000 registers = mem }\nsmmu v { base = 0x200000 }\n", 1,
	  "another SMMU named 'v'" },
	{ "smmuv3 v { base = 0x100000 registers = mem }\nmemtype 0 { pool { ranges = "
	  "{\"0x100000+64K\"} } }\n",
	  1, "overlaps" },
	{ "smmuv3 v { base = 0x100000 registers = mem\n context a {\n} }\n", 2,
	  "neither stream nor pci" },
	{ "smmuv3 v { base = 0x100000 registers = mem context a {\n stream = 1\n pci = "
	  "\"0000:00:01.0\"\n} }\n",
	  3, "a stream and a pci address" },
	{ "smmuv3 v { base = 0x100000 registers = mem\n context a { pci = \"00:01.0\" } }\n", 2,
	  "not a PCI address" },
	{ "smmuv3 v { base = 0x100000 registers = mem\n context a { pci = \"0000:00:20.0\" } }\n",
	  2, "not a PCI address" },
	{ "smmuv3 v { base = 0x100000 registers = mem context a { pci = \"0000:00:01.0\"\n stall = "
	  "true } }\n",
	  2, "a PCI function cannot stall" },
	{ "smmuv3 v { base = 0x100000 registers = mem context a { stream = 8 }\n context b { pci = "
	  "\"0000:00:01.0\" } }\n",
	  2, "is that of context 'a' already" },
	{ "memtype 0 { pool { source = window\n ranges = {\"0x100000+4K\"} } }\n", 1,
	  "one of file, device and node" },
	{ "memtype 0 { pool { source = window file = \"/dev/mem\"\n device = x ranges = "
	  "{\"0x100000+4K\"} } }\n",
	  1, "one of file, device and node" },
	{ "memtype 0 { pool { file = \"/dev/mem\"\n ranges = {\"0x100000+4K\"} } }\n", 1,
	  "file is for source = window only" },
	{ "memtype 0 { pool { source = window device = x\n map-users = {0} ranges = "
	  "{\"0x100000+4K\"} } }\n",
	  1, "as a whole only" },
	{ "memtype 0 { pool { source = pagemap\n} }\n", 1, "the pool has no length" },
	{ "memtype 0 { pool { source = pagemap\n length = 3M } }\n", 2, "not a multiple of 2M" },
	{ "memtype 0 { pool { source = pagemap length = 2M\n ranges = {\"0x100000+4K\"} } }\n", 2,
	  "ranges is for source = memfd, hugetlb or window only" },
	{ "table-memory {\n ranges = {\"0x100000+4K\"} }\n", 1, "is window or pagemap" },
	{ "table-memory { source = pagemap length = 2M }\ntable-memory {\n}\n", 2,
	  "table-memory is given twice" },
	{ "node a {\n}\n", 1, "this node has no window" },
	{ "node \"a b\" { file = /f }\n", 1, "'a b' is no name of a node" },
	{ "node a { file = f }\n", 1, "not an absolute path" },
	{ "node a { file = /f }\nnode a { file = /g }\n", 2, "duplicate title 'a'" },
	{ "node a {\n file = /f\n descriptors = 3 }\n", 1, "no power of two" },
	{ "node a { file = /f\n descriptors = 512 }\n", 2, "descriptors is 1 to 256" },
	{ "node a { file = /f\n alignment = 8192 }\n", 2, "alignment is 16 to 4096" },
	{ "node a { file = /f buffer = 100 }\n", 1, "no multiple of 8" },
	{ "node a { file = /f vring0 = 0x1010 }\n", 1, "multiple of its alignment" },
	{ "node a { file = /f vring1 = 0x2000 }\n", 1, "ring 1 lies in ring 0" },
	{ "node a { file = /f length = 64K }\n", 1, "behind the window" },
	{ "node a { file = /f base = 0xfffff000 }\n", 1, "below 4 GB" },
	{ "node a { file = /f base = 0x38000001 }\n", 1, "not a multiple of 4K" },
	{ "node a { file = /f\n kick = eventfd }\n", 2, "this node has none" },
	{ "node a { file = /f\n kick = uio }\n", 2, "has no uio device" },
	{ "node a { file = /f\n kick = bell }\n", 2, "neither eventfd, uio nor poll" },
	{ "node a { rpmsg = /dev/rpmsg_ctrl0 file = /f }\n", 1, "has no window of ours" },
	{ "node a { socket = /s length = 3M }\n", 1, "power of two" },
	{ "node a { socket = /s file = /f offset = 1M }\n", 1, "no offset" },
	{ "node a { socket = /s uio = /dev/uio0 }\n", 1, "hands out no uio device" },
	{ "node a { socket = /s\n vectors = 3 }\n", 2, "vectors is 1 to 2" },
	{ "node a { file = /f\n user = \"*\" }\n", 2, "acts as one user" },
	{ "node a { file = /f\n address = 0 }\n", 2, "address is 1 to" },
	{ "node a { file = /f doorbell = /dev/uio0 doorbell-offset = 2 }\n", 1, "4 bytes" },
	{ "memtype 0 { pool { source = window\n node = a ranges = {\"0x38014000+4K\"} } }\n", 2,
	  "there is no node 'a'" },
	{ "node a { socket = /s }\nmemtype 0 { pool { source = window\n node = a ranges = "
	  "{\"0x38014000+4K\"} } }\n",
	  3, "is in no file" },
	{ "node a { file = /s }\nmemtype 0 { pool { source = window\n node = a ranges = "
	  "{\"0x38013000+4K\"} } }\n",
	  3, "is from 0x38014000 to 0x380fffff" },
	{ "node a { file = /s }\nmemtype 0 { pool { source = window\n node = a ranges = "
	  "{\"0x38014000+1M\"} } }\n",
	  3, "is from 0x38014000 to 0x380fffff" },
	{ "node a { file = /s }\nmemtype 0 { pool { node = a\n ranges = {\"0x38014000+4K\"} } }\n",
	  2, "node is for source = window only" },
	{ "node a { file = /f }\ninspect {\n allow-nodes = {a,\n b} }\n", 4,
	  "there is no node 'b'" },
	{ "memtype 0 { pool { ranges = {\"0x10000+64K\"} }\n"
	  " pool { ranges = {\"0x20000+64K\"}\n secure = yes } }\n",
	  3, "a pool that is secure and one that is not" },
	{ "smmu a { base = 0x100000\n tlb-entries = 48 }\n", 2, "not a power of two" },
	{ "smmu a { base = 0x100000\n tlb-entries = 64\n tlb-ways = 3 }\n", 3,
	  "does not divide the 64 entries" },
	{ "smmu a { base = 0x100000\n tlb-entries = 8\n tlb-ways = 16 }\n", 3,
	  "does not divide the 8 entries" },
	{ "vfio v {\n}\n", 1, "the VFIO device has no address" },
	{ "vfio v {\n device = \"00:20.0\" }\n", 2, "'00:20.0' is no PCI address" },
	{ "vfio v { device = \"00:03.0\" }\nvfio w {\n device = \"0000:00:03.0\" }\n", 3,
	  "0000:00:03.0 is device 'v' already" },
	{ "master v {}\nvfio cpu { device = \"00:03.0\" }\n", 2, "another device named 'cpu'" },
	{ "vfio v { device = \"00:03.0\" }\nmaster v {}\n", 2, "another device named 'v'" },
	{ "vfio v { device = \"00:03.0\"\n open-users = {nobody-at-all} }\n", 2,
	  "there is no user" },
};

#define N_REFUSED (sizeof(refused) / sizeof(*refused))

START_TEST(config_refuses_with_file_line_and_reason)
{
	for (size_t i = 0; i < N_REFUSED; i++) {
		_cleanup_(fd_closep) _unused_ int fd =
			file_of(refused[i].text, strlen(refused[i].text));
		_cleanup_(config_freep) struct config *c = NULL;
		struct reason why = { "" };
		char where[96];

		ck_assert_msg(config_load(path, &c, &why) == -EINVAL, "accepted:\n%s",
			      refused[i].text);
		snprintf(where, sizeof(where), "%s:%u: ", path, refused[i].line);
		ck_assert_msg(!strncmp(why.text, where, strlen(where)) &&
				      strstr(why.text, refused[i].reason),
			      "said: %s\nnot:  %s%s\nof:\n%s", why.text, where, refused[i].reason,
			      refused[i].text);
	}
}
END_TEST

START_TEST(config_refuses_what_is_no_text)
{
	_cleanup_(config_freep) struct config *c = NULL;
	_cleanup_(fd_closep) _unused_ int zero = file_of("poll = 50\n\0poll = 50\n", 21);
	struct reason why = { "" };

	ck_assert_int_eq(config_load(path, &c, &why), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why.text, ":2: a zero byte"));
	ck_assert_int_eq(config_load("/no/such/file", &c, &why), -ENOENT);
	ck_assert_ptr_nonnull(strstr(why.text, "/no/such/file: "));
	ck_assert_int_eq(config_load("/", &c, &why), -EISDIR);
	ck_assert_int_eq(config_load("/dev/zero", &c, &why), -EINVAL);
	ck_assert_ptr_nonnull(strstr(why.text, "longer than"));
}
END_TEST

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
		     "stream = 0x50 stall = true } }\n");

	ck_assert_int_eq(c->table_memory->source, SOURCE_WINDOW);
	ck_assert_uint_eq(c->table_memory->bytes.offset, 0x70000000);
	ck_assert_uint_eq(c->pools[0].len, 8 * SZ_1M);
	ck_assert_uint_eq(c->pools[0].granule, SZ_2M);
	ck_assert(config_pool_is_physical(&c->pools[0]));
	ck_assert_str_eq(c->pools[1].bytes.device, "carve");
	ck_assert_uint_eq(c->pools[1].bytes.region, 1);
	ck_assert(c->smmus[0].v3 && c->smmus[0].registers == REGISTERS_UIO);
	ck_assert_uint_eq(c->smmus[0].contexts[0].mid, 0x113);
	ck_assert_uint_eq(c->smmus[1].poll_ms, 5);
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
		" bytes = 1M objects = 5 in-flight = 6 table-bytes = 64K }\n"
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

SUITE_MAIN("config", config_refuses_with_file_line_and_reason, config_refuses_what_is_no_text,
	   config_built_in_is_the_machine_of_the_design,
	   config_of_an_empty_file_is_the_built_in_one, config_example_is_the_built_in_one,
	   config_without_a_machine_keeps_the_built_in_one, config_names_hardware_and_its_memory,
	   config_with_a_machine_has_nothing_else, config_takes_all_that_can_be_said,
	   config_node_has_the_defaults_of_remotes, config_node_takes_all_that_can_be_said,
	   config_access_is_the_group_of_the_socket_unless_it_says_more,
	   config_rule_names_users_and_groups, config_rule_always_allows_root_and_the_daemons_user,
	   config_is_loaded_whole_or_not_at_all, config_built_in_is_made_whole_or_not_at_all)
