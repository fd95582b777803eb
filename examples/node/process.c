// SPDX-License-Identifier: BSD-3-Clause
/*
 * The machine as a process of Linux, which has nothing of the others but the shared memory: for trying out firmware, and for
 * machines without QEMU.
 *
 *	process --socket PATH [WORD...]		of an ivshmem server (vcmd), with eventfds to ring with
 *	process --file PATH [WORD...]		the memory alone, which it looks at all the time
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "examples/node/board.h"
#include "examples/node/ivshmem.h"
#include "remote/error.h"

struct process {
	struct board board;
	struct ivshmem ivshmem;
};

static struct process process = { .ivshmem = IVSHMEM_NULL };
static char arguments[256];

/* --- the port ----------------------------------------------------------------------------------------------------- */

static void kick(void *ctx, uint32_t notify_id)
{
	const uint64_t one = 1;

	(void)ctx;
	(void)notify_id;
	if (process.ivshmem.kick >= 0 && write(process.ivshmem.kick, &one, sizeof(one)) < 0)
		perror("process: kick");
}

static int wait(void *ctx)
{
	struct pollfd fds[] = { { .fd = process.ivshmem.bell, .events = POLLIN },
				{ .fd = process.ivshmem.server, .events = POLLIN } };
	uint64_t n;

	(void)ctx;
	if (process.ivshmem.bell < 0) {
		sched_yield();
		return 0;
	}
	if (poll(fds, 2, -1) < 0)
		return errno == EINTR ? 0 : -VCM_EIO;
	/* vcmd has gone, and with it who would ring. */
	if (fds[1].revents)
		return -VCM_ENODEV;
	return read(process.ivshmem.bell, &n, sizeof(n)) == sizeof(n) ? 0 : -VCM_EIO;
}

static void *address(void *ctx, uint64_t da, size_t len)
{
	const struct board *b = &process.board;

	(void)ctx;
	if (da < BOARD_BASE || da - BOARD_BASE > b->len || len > b->len - (da - BOARD_BASE))
		return NULL;
	return b->window + (da - BOARD_BASE);
}

/* --- the rest of the board ---------------------------------------------------------------------------------------- */

void board_print(const char *text)
{
	fputs(text, stdout);
	fflush(stdout);
}

void board_print_hex(const void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		printf("%02x", ((const unsigned char *)bytes)[i]);
}

void board_print_number(uint32_t v)
{
	printf("%u", v);
}

bool board_has_argument(const struct board *b, const char *word)
{
	(void)b;
	return strstr(arguments, word);
}

static bool map(int fd)
{
	struct stat st;
	void *at;

	if (fd < 0 || fstat(fd, &st) < 0)
		return false;
	at = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	process.board.window = at;
	process.board.len = (size_t)st.st_size;
	return at != MAP_FAILED;
}

int main(int argc, char **argv)
{
	bool is_socket = argc > 2 && !strcmp(argv[1], "--socket");

	if (!is_socket && !(argc > 2 && !strcmp(argv[1], "--file"))) {
		fprintf(stderr, "usage: process --socket PATH | --file PATH [WORD...]\n");
		return EXIT_FAILURE;
	}
	if (!map(is_socket ? ivshmem_join(&process.ivshmem, argv[2]) :
			     open(argv[2], O_RDWR | O_CLOEXEC))) {
		fprintf(stderr, "process: %s gives no memory: %s\n", argv[2], strerror(errno));
		return EXIT_FAILURE;
	}
	for (int i = 3; i < argc; i++)
		snprintf(arguments + strlen(arguments), sizeof(arguments) - strlen(arguments),
			 "%s ", argv[i]);
	process.board.has_doorbell = is_socket;
	process.board.arguments = arguments;
	process.board.port = (struct vcm_port){ .kick = kick, .wait = wait, .address = address };
	return guest_main(&process.board);
}
