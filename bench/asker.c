// SPDX-License-Identifier: BSD-3-Clause
#include "bench/asker.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vcm/attr.h>

#include "base/range.h"
#include "proto/op.h"

static int open_board(struct asker *a)
{
	char path[128];
	int fd;

	a->board = BOARD_NULL;
	a->ivshmem = IVSHMEM_NULL;
	daemon_path(a->daemon, a->spinning ? "window" : "node.sock", path);
	fd = a->spinning ? open(path, O_RDWR | O_CLOEXEC) : ivshmem_join(&a->ivshmem, path);
	if (fd < 0)
		return -ENOENT;
	a->board.kick = a->ivshmem.kick;
	a->board.bell = a->ivshmem.bell;
	a->board.len = DAEMON_WINDOW_LEN;
	a->board.window = mmap(NULL, a->board.len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	board_init(&a->board);
	return a->board.window == MAP_FAILED ? -errno : 0;
}

static int attach(struct asker *a)
{
	struct vcm_pending p = { .data = NULL };
	struct vcm_op op = { .code = OP_VCM_CREATE, .addr = 0x10000000, .len = 0x10000000 };
	int r;

	vcm_rpmsg_init(&a->rpmsg, &(struct vcm_rpmsg_setup){ .port = &a->board.port,
							     .table = a->board.window,
							     .table_len = 4096,
							     .polled = a->spinning,
							     .restart = true,
							     .name = "vcm",
							     .receive = vcm_node_receive,
							     .reset = vcm_node_reset,
							     .ctx = &a->node });
	vcm_node_init(&a->node, &a->rpmsg.link, "bench");
	if (vcm_node_attach(&a->node) < 0)
		return -ECONNREFUSED;
	a->vcm = op.handle = vcm_node_new_handle(&a->node);
	r = vcm_node_call(&a->node, &p, &op);
	if (r < 0)
		return r;
	a->res = vcm_node_new_handle(&a->node);
	return vcm_node_call(&a->node, &p,
			     &(struct vcm_op){ .code = OP_RESERVE,
					       .handle = a->res,
					       .on = a->vcm,
					       .len = SZ_64K,
					       .attr = VCM_READ });
}

int asker_open(struct asker *a)
{
	int r = open_board(a);

	return r == 0 ? attach(a) : r;
}
