// SPDX-License-Identifier: BSD-3-Clause
#include "tests/rpmsg/relay.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"

#define PAYLOAD (512 - 16)
#define DRIVER_OK 4
#define NEEDS_RESET 0x40

static void kick(void *ctx, uint32_t id)
{
	const struct relay *r = ctx;
	const uint64_t one = 1;

	(void)id;
	if (r->kick >= 0)
		ck_assert(write(r->kick, &one, sizeof(one)) == sizeof(one) || errno == EAGAIN);
}

static void map(struct relay *r, int fd, uint64_t da)
{
	struct stat st;

	ck_assert(fstat(fd, &st) == 0);
	r->len = (uint64_t)st.st_size;
	r->da = da;
	r->base = mmap(NULL, r->len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(r->base, MAP_FAILED);
	r->firmware.base = r->base;
}

static void init(struct relay *r)
{
	memset(r, 0, sizeof(*r));
	r->pair = r->kick = r->bell = r->server = r->listener = -1;
	assembly_init(&r->in, r->in_buf, RELAY_MAX);
}

void relay_open(struct relay *r, const char *path, uint64_t len, uint64_t da)
{
	int fd _cleanup_(fd_closep) = open(path, O_RDWR | O_CLOEXEC);

	init(r);
	ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
	map(r, fd, da);
	r->len = len;
}

/* --- the ivshmem server */

static bool hear(int server, int64_t *value, int *fd)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .space = { 0 } };
	struct iovec iov = { .iov_base = value, .iov_len = sizeof(*value) };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *c;

	*fd = -1;
	if (recvmsg(server, &msg, MSG_CMSG_CLOEXEC) != sizeof(*value))
		return false;
	c = CMSG_FIRSTHDR(&msg);
	if (c)
		memcpy(fd, CMSG_DATA(c), sizeof(int));
	return true;
}

static void hear_all(struct relay *r, uint64_t da, unsigned int n_vectors)
{
	int64_t own, value;
	int fd;

	ck_assert(hear(r->server, &own, &fd) && fd < 0);
	ck_assert(hear(r->server, &value, &fd) && value == -1 && fd >= 0);
	map(r, fd, da);
	close(fd);
	for (unsigned int i = 0; i < 2 * n_vectors; i++) {
		ck_assert(hear(r->server, &value, &fd) && fd >= 0);
		ck_assert_int_eq(value == own, i >= n_vectors);
		if (i == 0)
			r->kick = fd;
		else if (i == 2 * n_vectors - 1)
			r->bell = fd;
		else
			close(fd);
	}
}

bool relay_join(struct relay *r, const char *path, uint64_t da, unsigned int n_vectors)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int64_t version;
	int fd;

	init(r);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	r->server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert(r->server >= 0);
	if (connect(r->server, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return false;
	if (!hear(r->server, &version, &fd))
		return false;
	ck_assert_int_eq(version, 0);
	hear_all(r, da, n_vectors);
	return true;
}

void relay_close(struct relay *r)
{
	fd_closep(&r->pair);
	fd_closep(&r->kick);
	fd_closep(&r->bell);
	fd_closep(&r->server);
	if (r->base)
		munmap(r->base, r->len);
	r->base = NULL;
}

/* --- life */

static void forget(struct relay *r)
{
	r->attached = false;
	r->vcmd = 0;
	r->n_sent = 0;
	r->n_out = 0;
	assembly_init(&r->in, r->in_buf, RELAY_MAX);
	fd_closep(&r->pair);
}

static void offer(struct relay *r)
{
	r->n_sent = 0;
	assembly_init(&r->in, r->in_buf, RELAY_MAX);
	if (r->firmware.ns)
		firmware_announce(&r->firmware, "vcm", RELAY_ADDR, false);
	else
		r->vcmd = 1024;
}

static bool attach(struct relay *r)
{
	if (!firmware_attach(&r->firmware, r->base, r->len, r->da))
		return false;
	r->firmware.kick = kick;
	r->firmware.ctx = r;
	r->attached = true;
	r->n_starts++;
	if (r->pair >= 0)
		offer(r);
	return true;
}

void relay_reset(struct relay *r, uint8_t status)
{
	forget(r);
	r->asks = status & NEEDS_RESET;
	*firmware_status(&r->firmware) = status;
	kick(r, 2);
}

int relay_connect(struct relay *r)
{
	int pair[2];

	ck_assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	fd_closep(&r->pair);
	r->pair = pair[0];
	r->n_out = 0;
	if (r->attached)
		offer(r);
	return pair[1];
}

/* --- packets */

static bool send_some(struct relay *r)
{
	uint8_t fragment[PAYLOAD];
	size_t count = fragment_count(r->n_out, PAYLOAD), len;
	bool any = false;

	while (r->next < count) {
		len = fragment_write(fragment, PAYLOAD, r->n_sent, r->out_buf, r->n_out, r->next);
		if (!firmware_send(&r->firmware, RELAY_ADDR, r->vcmd, fragment, len))
			return any;
		any = true;
		r->next++;
	}
	r->n_out = 0;
	return any;
}

static bool take_packet(struct relay *r)
{
	ssize_t n = recv(r->pair, r->out_buf, sizeof(r->out_buf), MSG_DONTWAIT);

	if (n > 0) {
		r->n_out = (size_t)n;
		r->next = 0;
		r->n_sent++;
		return true;
	}
	if (n == 0) {
		if (r->firmware.ns)
			firmware_announce(&r->firmware, "vcm", RELAY_ADDR, true);
		fd_closep(&r->pair);
	}
	return false;
}

static void give_packet(struct relay *r)
{
	if (r->pair >= 0)
		ck_assert(send(r->pair, r->in.data, r->in.len, MSG_NOSIGNAL) ==
				  (ssize_t)r->in.len ||
			  errno == EPIPE || errno == ECONNRESET);
}

static bool receive_one(struct relay *r)
{
	static struct firmware_message m;
	struct reason why;
	uint32_t flags;

	if (!firmware_receive(&r->firmware, &m))
		return false;
	if (m.dst == 53) {
		memcpy(&flags, m.data + 36, 4);
		ck_assert_uint_eq(m.len, 40);
		ck_assert_str_eq((char *)m.data, "vcm");
		memcpy(&r->vcmd, m.data + 32, 4);
		return true;
	}
	ck_assert_uint_eq(m.dst, RELAY_ADDR);
	switch (assembly_take(&r->in, m.data, m.len, &why)) {
	case ASSEMBLY_DONE:
		give_packet(r);
		break;
	case ASSEMBLY_MORE:
		break;
	case ASSEMBLY_AGAIN:
	case ASSEMBLY_NOTHING:
	case ASSEMBLY_WRONG:
		ck_abort_msg("vcmd sends fragments that are none: %s", why.text);
	}
	return true;
}

/* What the application above an RPMsg stack does: look at the status itself. */
static bool look(struct relay *r)
{
	uint8_t status = *firmware_status(&r->firmware);

	if (r->asks && (status & NEEDS_RESET || !(status & DRIVER_OK)))
		return false;
	r->asks = false;
	if (status & NEEDS_RESET) {
		r->n_teardowns++;
		relay_reset(r, 0);
		return true;
	}
	if (!(status & DRIVER_OK) && r->attached)
		forget(r); /* vcmd has started anew */
	return !r->attached && attach(r);
}

bool relay_pump(struct relay *r)
{
	bool any = look(r);
	uint64_t n;

	if (r->bell >= 0 && read(r->bell, &n, sizeof(n)) == sizeof(n))
		any = true;
	while (r->attached && receive_one(r))
		any = true;
	if (!r->attached || !r->vcmd)
		return any;
	if (r->n_out)
		any |= send_some(r);
	while (r->pair >= 0 && !r->n_out && take_packet(r)) {
		send_some(r);
		any = true;
	}
	return any;
}

/* Whoever was there before may not have been noticed to be dead yet; and vcmd may be about to start. */
static void join(struct relay *r, const char *path, unsigned int n_vectors, uint64_t da)
{
	for (int i = 0; i < 10000; i++) {
		if (relay_join(r, path, da, n_vectors))
			return;
		fd_closep(&r->server);
		poll(NULL, 0, 1);
	}
	ck_abort_msg("%s lets nobody in", path);
}

static bool has_lost_server(const struct relay *r)
{
	char c;

	return r->server >= 0 && recv(r->server, &c, 1, MSG_DONTWAIT) == 0;
}

static void take_peer(struct relay *r)
{
	if (r->pair >= 0 || r->listener < 0)
		return;
	/* cppcheck-suppress nullPointer ; whoever comes is the peer */
	r->pair = accept4(r->listener, NULL, NULL, SOCK_NONBLOCK);
	if (r->pair >= 0 && r->attached)
		offer(r);
}

static void run(struct relay *r, const char *path, unsigned int n_vectors)
{
	for (;;) {
		struct pollfd fds[] = { { .fd = r->pair, .events = r->n_out ? 0 : POLLIN },
					{ .fd = r->bell, .events = POLLIN },
					{ .fd = r->listener, .events = r->pair < 0 ? POLLIN : 0 } };

		take_peer(r);
		if (has_lost_server(r)) {
			int listener = r->listener;

			r->listener = -1;
			relay_close(r);
			join(r, path, n_vectors, r->da);
			r->listener = listener;
		}
		if (!relay_pump(r))
			poll(fds, 3, 1);
	}
}

static bool does_listen(int fd)
{
	int listens = 0;
	socklen_t len = sizeof(listens);

	getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len);
	return listens;
}

static void begin(struct relay *r, const char *path, unsigned int n_vectors, uint64_t da)
{
	struct stat st;

	if (n_vectors) {
		join(r, path, n_vectors, da);
		return;
	}
	ck_assert(stat(path, &st) == 0);
	relay_open(r, path, (uint64_t)st.st_size, da);
	relay_reset(r, 0); /* whoever was here before */
}

pid_t relay_spawn(int peer, const char *path, unsigned int n_vectors, uint64_t da)
{
	static struct relay r;
	pid_t pid = fork();

	ck_assert(pid >= 0);
	if (pid > 0) {
		close(peer);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	begin(&r, path, n_vectors, da);
	*(does_listen(peer) ? &r.listener : &r.pair) = peer;
	run(&r, path, n_vectors);
	_exit(0);
}
