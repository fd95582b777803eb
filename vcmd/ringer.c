// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/ringer.h"

#include <errno.h>
#include <linux/aio_abi.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"

/* Reads whose ends have not been collected; the kernel takes no more than it has room to tell of. */
#define MAX_ENDED 32

struct ringer {
	aio_context_t context; /* 0: none */
	int nothing;           /* an empty memfd */
	unsigned int n_ended;
};

CLEANUP_DEFINE(struct ringer *, ringer_free)

int ringer_new(struct ringer **out, struct reason *why)
{
	_cleanup_(ringer_freep) struct ringer *r = mem_new0(struct ringer);

	if (!r)
		return refuse(why, -ENOMEM, "out of memory");
	r->nothing = memfd_create("nothing", MFD_CLOEXEC);
	if (r->nothing < 0)
		return refuse(why, -errno, "memfd_create: %s", strerror(errno));
	if (syscall(SYS_io_setup, MAX_ENDED, &r->context) < 0)
		return refuse(why, -errno, "eventfds cannot be rung, as io_setup says: %s",
			      strerror(errno));
	*out = STEAL_PTR(r);
	return 0;
}

static int collect(struct ringer *r)
{
	struct io_event ended[MAX_ENDED];

	if (syscall(SYS_io_getevents, r->context, 0L, (long)MAX_ENDED, ended, NULL) < 0)
		return -errno;
	r->n_ended = 0;
	return 0;
}

int ringer_ring(struct ringer *r, int eventfd)
{
	struct iocb read = { .aio_lio_opcode = IOCB_CMD_PREAD,
			     .aio_fildes = (uint32_t)r->nothing,
			     .aio_flags = IOCB_FLAG_RESFD,
			     .aio_resfd = (uint32_t)eventfd };
	struct iocb *reads[] = { &read };
	int err = r->n_ended == MAX_ENDED ? collect(r) : 0;

	if (err < 0)
		return err;
	if (syscall(SYS_io_submit, r->context, 1L, reads) < 0)
		return -errno;
	r->n_ended++;
	return 0;
}

struct ringer *ringer_free(struct ringer *r)
{
	if (!r)
		return NULL;
	if (r->context)
		syscall(SYS_io_destroy, r->context);
	fd_closep(&r->nothing);
	return mem_free(r);
}
