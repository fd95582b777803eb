// SPDX-License-Identifier: BSD-3-Clause
/* What is no configuration, and what is said of it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/suite.h"
#include "tests/vcmd/conf.h"

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
	{ "hello-timeout = 0\n", 1, "hello-timeout is 1 to 3600000" },
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
	{ "smmuv3 v { registers = vfio base = 0x100000\n}\n", 1, "the VFIO device is not named" },
	{ "smmuv3 v { registers = vfio device = x\n}\n", 1, "the SMMU has no base" },
	{ "smmuv3 v { registers = uio device = x }\nsmmuv3 w { registers = uio device = x }\n", 2,
	  "region 0 of device 'x' is SMMU 'v' already" },
	{ "smmuv3 v { registers = io\n}\n", 1, "'io' is neither model, uio, mem nor vfio" },
	{ "smmu v { base = 0x100000\n device = x }\n", 2,
	  "device is for registers = uio and vfio only" },
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
	{ "smmuv3 v { base = 0x100000 registers = mem\n context a { pci = \"00:01\" } }\n", 2,
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
	{ "node a { file = /s }\nnode b { file = /s }\n", 2,
	  "the node's window has bytes of /s that the node's window of line 1 has" },
	{ "node a { file = /s offset = 1M }\nnode b { socket = /x file = /s length = 2M }\n", 2,
	  "bytes of /s" },
	{ "node a { uio = /dev/uio0 }\nnode b { uio = /dev/uio0 }\n", 2, "bytes of /dev/uio0" },
	{ "node a { file = /s }\nmemtype 0 { pool { source = window\n file = /s offset = 512K "
	  "ranges = {\"0x50000000+64K\"} } }\n",
	  2, "the pool has bytes of /s that the node's window of line 1 has" },
	{ "node a { file = /s }\nmemtype 0 { pool {\n ranges = {\"0x380ff000+8K\"} } }\n", 3,
	  "overlaps the window of node a, 0x38000000 to 0x380fffff" },
	{ "node a { file = /s }\nnode b { file = /t }\nmemtype 0 { pool { source = window node = b\n"
	  " ranges = {\"0x38014000+4K\"} } }\n",
	  4, "overlaps the window of node a" },
	{ "memtype 0 { pool { source = window file = /s ranges = {\"0x100000+64K\"} } }\n"
	  "memtype 1 { pool { source = window file = /s offset = 60K ranges = {\"0x200000+4K\"} } }\n",
	  2, "the pool has bytes of /s that the pool of line 1 has" },
	{ "node a { file = /s offset = 0xfffffffffffff000 }\n", 1, "ends behind every file" },
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

SUITE_MAIN("config-refused", config_refuses_with_file_line_and_reason,
	   config_refuses_what_is_no_text)
