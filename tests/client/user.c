// SPDX-License-Identifier: BSD-3-Clause
#include "tests/client/user.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vcm/vcm.h>

#include "base/range.h"
#include "tests/suite.h"

/* An address of the wire in this process. */
void *user_at(uint64_t addr)
{
	return (void *)(uintptr_t)addr; /* NOLINT(performance-no-int-to-ptr) */
}

/* Memory whose every page says where it is. */
int user_arena_fd(char letter, size_t n_pages)
{
	int fd = memfd_create("arena", MFD_CLOEXEC);

	ck_assert_int_eq(ftruncate(fd, (off_t)(n_pages * SZ_4K)), 0);
	for (size_t i = 0; i < n_pages; i++) {
		char text[32] = "";

		snprintf(text, sizeof(text), "%c%zu", letter, i);
		ck_assert_int_eq(pwrite(fd, text, sizeof(text), (off_t)(i * SZ_4K)), sizeof(text));
	}
	return fd;
}

void user_answer_pieces(struct peer *p, const struct piece *pieces, size_t n, const int *fds,
			size_t n_fds)
{
	const struct reply reply = { .serial = p->request.serial, .pieces = pieces, .n_pieces = n };

	peer_send(p, &reply, fds, n_fds);
}

/* The vcm is 1, the reservation 2, at the address that the library has chosen. */
uint64_t user_serve_reserve(struct peer *p)
{
	const struct op *op;

	ck_assert_uint_eq(peer_expect(p, OP_VCM_PREBUILT)->arg, VCM_PREBUILT_USER);
	peer_answer(p, 1, (uint64_t[]){ VCM_EXT_USER });
	op = peer_expect(p, OP_RESERVE);
	ck_assert_uint_eq(op->on, 1);
	ck_assert_uint_eq(op->handle, 2);
	ck_assert_uint_ne(op->addr, 0);
	peer_answer(p, 1, (uint64_t[]){ op->addr });
	return op->addr;
}

void user_serve_physmem(struct peer *p)
{
	ck_assert_uint_eq(peer_expect(p, OP_PHYS_ALLOC)->handle, 3);
	peer_answer(p, 0, NULL);
}

struct res *user_reserve(size_t len, uint32_t attr)
{
	struct vcm *v = vcm_create_from_prebuilt(VCM_PREBUILT_USER);
	struct res *r = vcm_reserve(v, len, attr);

	ck_assert_ptr_nonnull(r);
	return r;
}

bool user_is_mapped(const void *p)
{
	unsigned char present;

	return mincore(user_at((uintptr_t)p & ~(SZ_4K - 1)), 1, &present) == 0;
}

/* What the kernel says that this process may do at p: "rw-s" and the like. */
static void permissions(const void *p, char out[5])
{
	FILE *maps = fopen("/proc/self/maps", "re");
	uintptr_t first, end;
	char line[512];

	ck_assert_ptr_nonnull(maps);
	memcpy(out, "----", 5);
	while (fgets(line, sizeof(line), maps))
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &first, &end) == 2 &&
		    (uintptr_t)p >= first && (uintptr_t)p < end)
			memcpy(out, strchr(line, ' ') + 1, 4);
	fclose(maps);
}

bool user_is_readable(const void *p)
{
	char can[5];

	permissions(p, can);
	return can[0] == 'r';
}

bool user_is_writable(const void *p)
{
	char can[5];

	permissions(p, can);
	return can[1] == 'w';
}
