// SPDX-License-Identifier: BSD-3-Clause
#include "examples/node/ivshmem.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Who is who at the server. */
enum { ID_VCMD = 0, ID_MEMORY = -1 };

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

/* The version and our id come first, then each fd with its owner's id. */
int ivshmem_join(struct ivshmem *s, const char *path)
{
	int64_t version, id, who;
	int memory = -1, fd;

	s->server = connect_to(path);
	if (s->server < 0 || !receive(s->server, &version, &fd) || version != 0 ||
	    !receive(s->server, &id, &fd))
		return -1;
	while ((s->bell < 0 || memory < 0) && receive(s->server, &who, &fd))
		if (who == ID_MEMORY)
			memory = fd;
		else if (who == ID_VCMD && s->kick < 0)
			s->kick = fd;
		else if (who == id && s->bell < 0)
			s->bell = fd;
	return memory;
}
