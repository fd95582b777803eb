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
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "examples/node/board.h"
#include "remote/error.h"

/* Who is who at the server. */
enum { ID_VCMD = 0, ID_MEMORY = -1 };

struct process {
	struct board board;
	int server, bell, kick; /* -1: none */
};

static struct process process = { .server = -1, .bell = -1, .kick = -1 };
static char arguments[256];

/* --- the ivshmem protocol ----------------------------------------------------------------------------------------- */

/* One message, and the fd that came with it (-1: none). False at the end. */
static bool receive(int server, int64_t *out, int *out_fd)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { out, sizeof(*out) };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	const struct cmsghdr *c;

	*out_fd = -1;
	if (recvmsg(server, &m, MSG_CMSG_CLOEXEC | MSG_WAITALL) != sizeof(*out))
		return false;
	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_type == SCM_RIGHTS)
		memcpy(out_fd, CMSG_DATA(c), sizeof(int));
	return true;
}

static int connect_to(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* The version and our id, then the memory, vcmd's eventfd and ours, one vector each. The memory's fd, or -1. */
static int join(const char *path)
{
	int64_t version, id, who;
	int memory = -1, fd;

	process.server = connect_to(path);
	if (process.server < 0 || !receive(process.server, &version, &fd) || version != 0 ||
	    !receive(process.server, &id, &fd))
		return -1;
	while ((process.bell < 0 || memory < 0) && receive(process.server, &who, &fd))
		if (who == ID_MEMORY)
			memory = fd;
		else if (who == ID_VCMD && process.kick < 0)
			process.kick = fd;
		else if (who == id && process.bell < 0)
			process.bell = fd;
	return memory;
}

/* --- the port ----------------------------------------------------------------------------------------------------- */

static void kick(void *ctx, uint32_t notify_id)
{
	const uint64_t one = 1;

	(void)ctx;
	(void)notify_id;
	if (process.kick >= 0 && write(process.kick, &one, sizeof(one)) < 0)
		perror("process: kick");
}

static int wait(void *ctx)
{
	struct pollfd fds[] = { { .fd = process.bell, .events = POLLIN },
				{ .fd = process.server, .events = POLLIN } };
	uint64_t n;

	(void)ctx;
	if (process.bell < 0) {
		sched_yield();
		return 0;
	}
	if (poll(fds, 2, -1) < 0)
		return errno == EINTR ? 0 : -VCM_EIO;
	/* vcmd has gone, and with it who would ring. */
	if (fds[1].revents)
		return -VCM_ENODEV;
	return read(process.bell, &n, sizeof(n)) == sizeof(n) ? 0 : -VCM_EIO;
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
	if (!map(is_socket ? join(argv[2]) : open(argv[2], O_RDWR | O_CLOEXEC))) {
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
