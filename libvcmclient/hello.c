// SPDX-License-Identifier: BSD-3-Clause
#include "libvcmclient/hello.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "libvcmclient/session.h"

#define DEFAULT_SOCKET "/run/vcm/vcmd.sock"

static const char *socket_path(void)
{
	const char *path = secure_getenv("VCM_SOCKET");

	return path && *path ? path : DEFAULT_SOCKET;
}

int hello_socket(const char *path, int flags, struct reason *why)
{
	_cleanup_(fd_closep) int fd = -1;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int r;

	if (strlen(path) >= sizeof(addr.sun_path))
		return refuse(why, -ENAMETOOLONG, "the path of the socket is too long: %.100s...",
			      path);
	memcpy(addr.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0);
	if (fd < 0)
		return refuse(why, -errno, "socket: %s", strerrordesc_np(errno));
	do
		r = connect(fd, (const struct sockaddr *)&addr, sizeof(addr));
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return refuse(why, -errno, "cannot reach the broker at %s: %s", path,
			      strerrordesc_np(errno));
	return steal_fd(&fd);
}

void hello_program_name(char out[PROTO_MAX_NAME + 1])
{
	size_t n = 0;

	for (const char *p = program_invocation_short_name; *p && n < PROTO_MAX_NAME; p++)
		out[n++] = *p >= ' ' && *p <= '~' ? *p : '?';
	if (n == 0)
		out[n++] = '?';
	out[n] = '\0';
}

/* Out: the fd of the event channel. */
static int take_welcome(struct session *s, struct packet *packet, int *out_fd, struct reason *why)
{
	const struct welcome *welcome = packet->reply.welcome;

	if (packet->reply.status < 0)
		return refuse(why, packet->reply.status, "%s", packet->reply.reason);
	if (!welcome || welcome->max_ops == 0 || welcome->max_data == 0 ||
	    welcome->max_message == 0)
		return refuse(why, -EPROTO, "the broker did not say welcome");
	if (welcome->version != PROTO_VERSION)
		return refuse(why, -EPROTONOSUPPORT,
			      "the broker speaks version %u of the protocol, this library %u",
			      welcome->version, PROTO_VERSION);
	*out_fd = fdset_take(&packet->fds, 0);
	if (*out_fd < 0)
		return refuse(why, packet->lost_fds ? -EMFILE : -EPROTO,
			      "the broker's event channel is missing");
	s->max_ops = welcome->max_ops < PROTO_MAX_OPS ? welcome->max_ops : PROTO_MAX_OPS;
	s->max_data = welcome->max_data < PROTO_MAX_DATA ? welcome->max_data : PROTO_MAX_DATA;
	connection_set_max_message(s->connection, welcome->max_message);
	return 0;
}

static int find_again(void *ctx, const struct connection_lost *lost, int *out_fd,
		      struct reason *why)
{
	return resume_find(ctx, lost, out_fd, why);
}

/* The broker promises to know the session also when it has been restarted. */
static int prepare_resume(struct session *s, const struct welcome *welcome, struct reason *why)
{
	int r = resume_init(&s->resume, socket_path(), welcome);

	if (r < 0)
		return refuse(why, r, "eventfd: %s", strerrordesc_np(-r));
	if (s->resume.grace)
		connection_set_finder(s->connection, &(struct connection_finder){ find_again, s });
	return 0;
}

static int say_hello(struct session *s, int *out_fd, struct reason *why)
{
	char name[PROTO_MAX_NAME + 1];
	struct request request = { .is_hello = true,
				   .hello = { .version = PROTO_VERSION, .name = name } };
	struct packet *packet = NULL;
	int r;

	hello_program_name(name);
	r = connection_request(s->connection, &request, &packet, why);
	if (r < 0)
		return r;
	r = take_welcome(s, packet, out_fd, why);
	if (r == 0)
		r = prepare_resume(s, packet->reply.welcome, why);
	connection_put(s->connection, packet);
	return r;
}

static bool is_polling_wanted(void)
{
	const char *v = secure_getenv("VCM_POLL");

	return !v || strcmp(v, "0") != 0;
}

static int hello(struct session *s, struct reason *why)
{
	_cleanup_(fd_closep) int event_fd = -1;
	int r;

	r = say_hello(s, &event_fd, why);
	if (r < 0)
		return r;
	s->events = events_new(s, event_fd);
	if (!s->events)
		return refuse(why, -ENOMEM, "no memory");
	steal_fd(&event_fd);
	/* Without the thread that it takes, the next call will notice. */
	if (s->resume.grace)
		events_watch(s->events, NULL);
	return 0;
}

int hello_connect(struct session *s, struct reason *why)
{
	_cleanup_(fd_closep) int fd = -1;

	s->handles = handles_new();
	if (!s->handles)
		return refuse(why, -ENOMEM, "no memory");
	fd = hello_socket(socket_path(), 0, why);
	if (fd < 0)
		return fd;
	s->connection = connection_new(fd);
	if (!s->connection)
		return refuse(why, -ENOMEM, "no memory");
	steal_fd(&fd);
	connection_set_polling(s->connection, is_polling_wanted());
	return hello(s, why);
}
