// SPDX-License-Identifier: BSD-3-Clause
#include "tests/client/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <vcm/vcm.h>

#include "base/fdset.h"
#include "tests/suite.h"

void peer_listen(struct peer *p)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	memcpy(addr.sun_path, p->path, strlen(p->path));
	p->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(p->listen_fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(listen(p->listen_fd, 8), 0);
}

void peer_leave(struct peer *p)
{
	unlink(p->path);
	close(p->listen_fd);
	p->listen_fd = -1;
}

void peer_open(struct peer *p)
{
	memset(p, 0, sizeof(*p));
	p->fd = p->event_fd = -1;
	p->in = codec_new();
	p->out = codec_new();
	p->welcome = (struct welcome){ .version = PROTO_VERSION,
				       .max_message = PROTO_MAX_MESSAGE,
				       .max_ops = PROTO_MAX_OPS,
				       .max_data = PROTO_MAX_DATA,
				       .session = 1 };
	snprintf(p->dir, sizeof(p->dir), "/tmp/vcm-peer-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(p->dir));
	snprintf(p->path, sizeof(p->path), "%s/sock", p->dir);
	peer_listen(p);
	setenv("VCM_SOCKET", p->path, 1);
}

void peer_receive(struct peer *p)
{
	struct reason why = { "" };
	ssize_t n = recv(p->fd, p->bytes, sizeof(p->bytes), 0);

	ck_assert_msg(n > 0, "the library has hung up");
	ck_assert_msg(request_decode(p->in, p->bytes, (size_t)n, &p->request, &why) == 0, "%s",
		      why.text);
}

const struct op *peer_expect(struct peer *p, uint32_t code)
{
	peer_receive(p);
	ck_assert_uint_eq(p->request.n_ops, 1);
	ck_assert_str_eq(op_name(p->request.ops[0].code), op_name(code));
	return &p->request.ops[0];
}

static void send_on(struct peer *p, int fd, const struct reply *reply, const int *fds, size_t n_fds)
{
	static __thread uint8_t bytes[PROTO_MAX_MESSAGE];
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int) * FDSET_MAX)];
	} control = { .bytes = "" };
	struct iovec iov = { .iov_base = bytes };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	long n = reply_encode(p->out, reply, bytes, sizeof(bytes));

	ck_assert_int_gt(n, 0);
	iov.iov_len = (size_t)n;
	if (n_fds) {
		control.header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
						   .cmsg_type = SCM_RIGHTS,
						   .cmsg_len = CMSG_LEN(sizeof(int) * n_fds) };
		memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * n_fds);
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
	}
	ck_assert_int_eq(sendmsg(fd, &msg, MSG_NOSIGNAL), n);
}

void peer_send(struct peer *p, const struct reply *reply, const int *fds, size_t n_fds)
{
	send_on(p, p->fd, reply, fds, n_fds);
}

void peer_answer(struct peer *p, size_t n_values, const uint64_t *values)
{
	const struct reply reply = { .serial = p->request.serial,
				     .values = values,
				     .n_values = n_values };

	peer_send(p, &reply, NULL, 0);
}

void peer_refuse(struct peer *p, int status, const char *reason)
{
	const struct reply reply = { .serial = p->request.serial,
				     .status = status,
				     .reason = reason };

	peer_send(p, &reply, NULL, 0);
}

void peer_goodbye(struct peer *p)
{
	peer_expect(p, OP_BYE);
	peer_answer(p, 0, NULL);
}

void peer_fault(struct peer *p, const struct fault_event *fault)
{
	const struct reply reply = { .serial = 0, .fault = fault };

	send_on(p, p->event_fd, &reply, NULL, 0);
}

void peer_send_garbage(struct peer *p)
{
	ck_assert_int_eq(send(p->fd, "\377\377\377\377", 4, MSG_NOSIGNAL), 4);
}

static void accept_hello(struct peer *p)
{
	/* cppcheck-suppress nullPointer ; it does not matter who it is */
	p->fd = accept4(p->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(p->fd, 0);
	peer_receive(p);
	ck_assert(p->request.is_hello);
	ck_assert_uint_eq(p->request.hello.version, PROTO_VERSION);
}

static void say_welcome(struct peer *p)
{
	struct reply reply = { .serial = p->request.serial, .welcome = &p->welcome };
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	peer_send(p, &reply, &pair[1], 1);
	close(pair[1]);
	p->event_fd = pair[0];
}

void peer_welcome(struct peer *p)
{
	accept_hello(p);
	ck_assert_uint_eq(p->request.serial, 1);
	ck_assert_uint_eq(p->request.hello.session, 0);
	say_welcome(p);
}

void peer_hang_up(struct peer *p)
{
	close(p->fd);
	close(p->event_fd);
	p->fd = p->event_fd = -1;
}

void peer_accept_again(struct peer *p)
{
	accept_hello(p);
	ck_assert_uint_eq(p->request.hello.session, p->welcome.session);
	ck_assert_mem_eq(p->request.hello.token, p->welcome.token, PROTO_TOKEN_LEN);
}

void peer_resume(struct peer *p)
{
	peer_accept_again(p);
	say_welcome(p);
}

static void *play(void *arg)
{
	struct peer *p = arg;

	p->script(p);
	return NULL;
}

void peer_play(struct peer *p, peer_script script)
{
	p->script = script;
	ck_assert_int_eq(pthread_create(&p->thread, NULL, play, p), 0);
}

void peer_start(struct peer *p, peer_script script)
{
	peer_open(p);
	peer_play(p, peer_welcome);
	ck_assert_int_eq(vcm_sys_init(), 0);
	peer_join(p);
	peer_play(p, script);
}

void peer_join(struct peer *p)
{
	pthread_join(p->thread, NULL);
}

void peer_close(struct peer *p)
{
	if (p->fd >= 0)
		close(p->fd);
	if (p->event_fd >= 0)
		close(p->event_fd);
	while (vcm_sys_destroy() == 0)
		;
	if (p->listen_fd >= 0)
		close(p->listen_fd);
	codec_free(p->in);
	codec_free(p->out);
	unlink(p->path);
	rmdir(p->dir);
}
