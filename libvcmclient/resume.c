// SPDX-License-Identifier: BSD-3-Clause
#include "libvcmclient/resume.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "libvcmclient/hello.h"
#include "libvcmclient/session.h"

/* The folder tells of a new socket. Of one that somebody begins to listen on it does not: then a look now and then. */
#define LOOK_MS 10
#define LOOK_MAX_MS 500

#define RETRY 1

struct search {
	struct session *session;
	const struct connection_lost *lost;
	struct packet *packet;
	int64_t start_ms;
	int folder_fd; /* inotify; -1: there is no such folder */
	int look_ms;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int resume_init(struct resume *r, const char *path, const struct welcome *welcome)
{
	if (!welcome->grace || strlen(path) >= sizeof(r->path))
		return 0;
	r->poke_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->poke_fd < 0)
		return -errno;
	memcpy(r->path, path, strlen(path) + 1);
	memcpy(r->token, welcome->token, sizeof(r->token));
	r->session = welcome->session;
	r->grace = welcome->grace;
	atomic_store(&r->patience, welcome->grace);
	return 0;
}

void resume_deinit(struct resume *r)
{
	if (r->grace)
		fd_closep(&r->poke_fd);
	r->grace = 0;
}

void resume_hurry(struct resume *r, unsigned int ms)
{
	if (!r->grace || atomic_load(&r->patience) <= ms)
		return;
	atomic_store(&r->patience, ms);
	eventfd_write(r->poke_fd, 1);
}

/* 0 when the time is over. */
static int left_ms(const struct search *find)
{
	int64_t left = find->start_ms + atomic_load(&find->session->resume.patience) - now_ms();

	return left > 0 ? (int)left : 0;
}

/* Until fd is readable, or at most ms; whoever has been poked looks at the time again. */
static void wait_for(struct search *find, int fd, int ms)
{
	struct pollfd fds[] = { { .fd = fd, .events = POLLIN },
				{ .fd = find->session->resume.poke_fd, .events = POLLIN } };
	eventfd_t pokes;

	if (poll(fds, 2, ms) > 0 && fds[1].revents)
		eventfd_read(find->session->resume.poke_fd, &pokes);
}

static void watch_folder(struct search *find)
{
	char folder[sizeof(find->session->resume.path)];
	char *slash;

	memcpy(folder, find->session->resume.path, sizeof(folder));
	slash = strrchr(folder, '/');
	if (!slash)
		memcpy(folder, ".", sizeof("."));
	else
		slash[slash == folder] = '\0';
	find->folder_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (find->folder_fd >= 0 &&
	    inotify_add_watch(find->folder_fd, folder, IN_CREATE | IN_MOVED_TO | IN_ATTRIB) < 0)
		fd_closep(&find->folder_fd);
}

/* Nobody is there, or not yet. */
static void wait_for_socket(struct search *find)
{
	char events[1024];
	int left = left_ms(find);

	wait_for(find, find->folder_fd, find->look_ms < left ? find->look_ms : left);
	if (find->folder_fd >= 0)
		while (read(find->folder_fd, events, sizeof(events)) > 0)
			;
	else
		watch_folder(find);
	find->look_ms = find->look_ms < LOOK_MAX_MS ? 2 * find->look_ms : LOOK_MAX_MS;
}

static int say_hello(struct search *find, int fd, struct reason *why)
{
	const struct resume *resume = &find->session->resume;
	char name[PROTO_MAX_NAME + 1];
	struct request request = { .serial = find->lost->answered,
				   .ack = find->lost->answered - 1,
				   .is_hello = true,
				   .hello = { .version = PROTO_VERSION,
					      .name = name,
					      .session = resume->session,
					      .sent = find->lost->sent } };
	size_t len;
	int r;

	hello_program_name(name);
	memcpy(request.hello.token, resume->token, sizeof(resume->token));
	r = packet_encode(find->packet, &request, PROTO_MAX_MESSAGE, &len, why);
	if (r < 0)
		return r;
	return packet_send(find->packet, fd, len, 0) < 0 ? RETRY : 0;
}

/* A broker that has just been started answers when it has found everything again. */
static int hear_welcome(struct search *find, int fd, struct reason *why)
{
	int r;

	while ((r = packet_receive(find->packet, fd, MSG_DONTWAIT, why)) == -EAGAIN) {
		int left = left_ms(find);

		if (!left)
			return RETRY;
		wait_for(find, fd, left);
	}
	return r == -EPROTO || r == -ENOMEM ? r : r < 0 ? RETRY : 0;
}

static int check_welcome(struct search *find, struct reason *why)
{
	const struct reply *reply = &find->packet->reply;

	if (reply->status == -EAGAIN)
		return RETRY;
	if (reply->status < 0)
		return refuse(why, reply->status, "%s", reply->reason);
	if (!reply->welcome || reply->welcome->session != find->session->resume.session)
		return refuse(why, -EPROTO, "the broker did not welcome the session");
	return 0;
}

static int take_events(struct search *find, struct reason *why)
{
	_cleanup_(fd_closep) int fd = fdset_take(&find->packet->fds, 0);

	if (fd < 0)
		return refuse(why, find->packet->lost_fds ? -EMFILE : -EPROTO,
			      "the broker's event channel is missing");
	return events_replace(find->session->events, fd, why);
}

/* RETRY: the broker is not there, or went away meanwhile. */
static int try_once(struct search *find, int *out_fd, struct reason *why)
{
	_cleanup_(fd_closep) int fd = hello_socket(find->session->resume.path, SOCK_NONBLOCK, why);
	int r;

	if (fd < 0 || fcntl(fd, F_SETFL, 0) < 0) /* only connect() was not to block */
		return RETRY;
	r = say_hello(find, fd, why);
	if (r == 0)
		r = hear_welcome(find, fd, why);
	if (r == 0)
		r = check_welcome(find, why);
	if (r == 0)
		r = take_events(find, why);
	if (r == 0)
		*out_fd = steal_fd(&fd);
	return r;
}

int resume_find(struct session *s, const struct connection_lost *lost, int *out_fd,
		struct reason *why)
{
	_cleanup_(packet_freep) struct packet *packet = packet_new();
	struct search find = { .session = s,
			       .lost = lost,
			       .packet = packet,
			       .start_ms = now_ms(),
			       .folder_fd = -1,
			       .look_ms = LOOK_MS };
	int r;

	if (!packet)
		return refuse(why, -ENOMEM, "no memory");
	while ((r = try_once(&find, out_fd, why)) == RETRY && left_ms(&find))
		wait_for_socket(&find);
	fd_closep(&find.folder_fd);
	if (r == RETRY)
		return refuse(why, -ETIMEDOUT, "no broker took up the session within %u ms",
			      atomic_load(&s->resume.patience));
	return r;
}
