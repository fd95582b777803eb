// SPDX-License-Identifier: BSD-3-Clause
#include "vcmd/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <pwd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "vcmd/loop.h"

#define BACKLOG 1024
#define ACCEPTS_A_TURN 64
#define LOG_EVERY_MS 10000
#define RETRY_MS 100
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83 /* Linux 6.16 */
#endif

struct listener {
	struct loop *loop;
	int fd;
	int spare;  /* to be given up for an accept() when there are no fds left */
	char *path; /* NULL: not ours to unlink */
	dev_t dev;
	ino_t ino;
	struct loop_fd *watch;
	struct loop_timer *quiet; /* runs: that we are short of fds has been said */
	struct loop_timer *retry; /* runs: we do not accept */
	bool is_quiet;
	unsigned long n_refused;
	listener_fn fn;
	void *ctx;
};

/* --- accepting */

static void on_quiet_end(void *ctx)
{
	struct listener *l = ctx;

	l->is_quiet = false;
	if (l->n_refused)
		log_warning("listener: refused %lu more connections: no file descriptors left",
			    l->n_refused);
	l->n_refused = 0;
}

static void say_short(struct listener *l, int err)
{
	if (l->is_quiet) {
		l->n_refused++;
		return;
	}
	log_warning("listener: refused a connection: %s", strerror(err));
	l->is_quiet = true;
	loop_timer_set(l->quiet, LOG_EVERY_MS);
}

static void on_retry(void *ctx)
{
	struct listener *l = ctx;

	if (loop_watch_set(l->watch, LOOP_READ) < 0)
		loop_timer_set(l->retry, RETRY_MS);
}

/*
 * Nothing takes fds from a client: who sends one is told EPERM. A connection has this from its listener, unless it was made before
 * we had that. An older kernel lets them come, and drops them where they are received: a socket that lingers keeps us for as long.
 */
static void refuse_fds(int fd)
{
	setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &(int){ 0 }, sizeof(int));
}

static int take_one(const struct listener *l)
{
	/* cppcheck-suppress nullPointer ; link.c asks who it is */
	int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0)
		refuse_fds(fd);
	return fd;
}

/* Takes a connection and drops it. False when not even that works. */
static bool accept_and_close(struct listener *l)
{
	_cleanup_(fd_closep) int fd = -1;
	bool done;

	fd_closep(&l->spare);
	fd = take_one(l);
	done = fd >= 0 || errno == EAGAIN;
	fd_closep(&fd);
	l->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return done;
}

/* Whether to go on accepting in this turn. */
static bool on_accept_error(struct listener *l, int err)
{
	switch (err) {
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		say_short(l, err);
		if (accept_and_close(l))
			return true;
		/* The socket stays readable: not to spin, leave it alone for a while. */
		loop_watch_set(l->watch, 0);
		loop_timer_set(l->retry, RETRY_MS);
		return false;
	case EINTR:
	case ECONNABORTED:
	case EPROTO:
	case EPERM:
		return true;
	case EAGAIN:
		return false;
	default:
		log_error("listener: accept: %s", strerror(err));
		loop_watch_set(l->watch, 0);
		loop_timer_set(l->retry, RETRY_MS);
		return false;
	}
}

static void on_readable(void *ctx, _unused_ unsigned int what)
{
	struct listener *l = ctx;

	for (int i = 0; i < ACCEPTS_A_TURN; i++) {
		_cleanup_(fd_closep) int fd = take_one(l);

		if (fd >= 0)
			l->fn(l->ctx, steal_fd(&fd));
		else if (!on_accept_error(l, errno))
			return;
	}
}

/* --- a socket from the service manager */

static void free_names(char ***names)
{
	for (char **p = *names; p && *p; p++)
		free(*p);
	free(*names);
}

static bool is_listening(int fd)
{
	int on = 0;
	socklen_t len = sizeof(on);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == 0 && on;
}

int listener_take_handed(void)
{
	char **names _cleanup_(free_names) = NULL;
	int n = sd_listen_fds_with_names(0, &names), found = -1;

	for (int i = 0; i < n; i++) {
		int fd = SD_LISTEN_FDS_START + i;

		if (!strcmp(names[i], LISTENER_NAME) && found < 0) {
			found = fd;
		} else if (is_listening(fd)) {
			log_warning("listener: the service manager hands over a socket named '%s', "
				    "which is not known here",
				    names[i]);
			close(fd);
		}
	}
	return found;
}

/* Where it is bound; NULL when that is not a path. */
static const char *path_of(const struct sockaddr_un *addr, socklen_t len)
{
	if (len <= offsetof(struct sockaddr_un, sun_path) || !addr->sun_path[0])
		return NULL;
	return addr->sun_path;
}

/* What comes from outside must be what it is called: a connection, or a stream, would be served as if it were a listener. */
static int check_handed(const struct listener_config *c, struct reason *why)
{
	union {
		struct sockaddr any;
		struct sockaddr_un un;
		char room[sizeof(struct sockaddr_un) +
			  1]; /* a path may fill all of it, without a 0 */
	} addr = { .room = "" };
	socklen_t len = sizeof(addr.un);
	const char *path;

	if (sd_is_socket_unix(c->handed, SOCK_SEQPACKET, 1, NULL, 0) <= 0)
		return refuse(why, -EINVAL,
			      "the socket from the service manager is no listening Unix socket of "
			      "the type SOCK_SEQPACKET (ListenSequentialPacket=)");
	if (getsockname(c->handed, &addr.any, &len) < 0)
		return refuse(why, -errno, "the socket from the service manager: %s",
			      strerror(errno));
	path = path_of(&addr.un, len);
	if (!path)
		return refuse(why, -EINVAL,
			      "the socket from the service manager is not bound to a path");
	if (strcmp(path, c->path) != 0)
		log_notice("listener: the service manager's socket is %s: %s is not used", path,
			   c->path);
	return 0;
}

static int use_handed(struct listener *l, const struct listener_config *c, struct reason *why)
{
	int flags, r = check_handed(c, why);

	if (r < 0)
		return r;
	flags = fcntl(c->handed, F_GETFL);
	if (flags < 0 || fcntl(c->handed, F_SETFL, flags | O_NONBLOCK) < 0)
		return refuse(why, -errno, "the socket from the service manager: %s",
			      strerror(errno));
	l->fd = c->handed;
	return 0;
}

/* --- a socket of our own */

static int address_of(const char *path, struct sockaddr_un *out, struct reason *why)
{
	size_t len = strlen(path);

	if (!len || len >= sizeof(out->sun_path))
		return refuse(why, -ENAMETOOLONG, "%s: a socket path has 1 to %zu bytes", path,
			      sizeof(out->sun_path) - 1);
	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(out->sun_path, path, len + 1);
	return 0;
}

/* 0 when the path is free now, perhaps because a dead daemon's socket was removed. */
static int make_way(const struct sockaddr_un *addr, struct reason *why)
{
	_cleanup_(fd_closep) int probe = -1;
	struct stat st;

	if (lstat(addr->sun_path, &st) < 0)
		return errno == ENOENT ?
			       0 :
			       refuse(why, -errno, "%s: %s", addr->sun_path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return refuse(why, -EEXIST, "%s exists and is not a socket", addr->sun_path);
	probe = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (probe < 0)
		return refuse(why, -errno, "socket: %s", strerror(errno));
	if (!connect(probe, (const struct sockaddr *)addr, sizeof(*addr)) || errno == EAGAIN)
		return refuse(why, -EADDRINUSE, "another vcmd answers on %s", addr->sun_path);
	if (errno != ECONNREFUSED)
		return refuse(why, -EADDRINUSE, "%s is in use: %s", addr->sun_path,
			      strerror(errno));
	if (unlink(addr->sun_path) < 0 && errno != ENOENT)
		return refuse(why, -errno, "%s: cannot replace a dead daemon's socket: %s",
			      addr->sun_path, strerror(errno));
	return 0;
}

/* Whoever starts at the same time waits for its turn on the folder: no lock file is left behind. */
static int lock_folder(const char *path, int *out, struct reason *why)
{
	_cleanup_(mem_freep) char *copy = mem_strdup(path);
	_cleanup_(fd_closep) int fd = -1;
	const char *folder;

	if (!copy)
		return refuse(why, -ENOMEM, "out of memory");
	folder = dirname(copy);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return refuse(why, -ENOENT,
			      "there is no folder %s for the socket: make it (as the service's "
			      "RuntimeDirectory= does), or listen elsewhere with --socket",
			      folder);
	if (fd < 0)
		return refuse(why, -errno, "%s: %s", folder, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return refuse(why, -EBUSY, "another vcmd is starting in %s", folder);
	*out = steal_fd(&fd);
	return 0;
}

/* Without a group the socket keeps the process's own, which nobody meant to let in. */
static void say_no_group(const struct listener_config *c)
{
	const struct passwd *user = getpwuid(geteuid());

	if (c->group || c->mode & S_IRWXO)
		return;
	log_notice("listener: there is no group vcm: only %s%s may connect, unless the "
		   "configuration says more",
		   user ? user->pw_name : "the daemon's user", geteuid() ? " and root" : "");
}

/* Nobody can connect before listen(), so there is no moment with wrong rights. */
static int set_rights(const struct listener_config *c, struct reason *why)
{
	mode_t mode = c->mode;
	struct group *group = c->group ? getgrnam(c->group) : NULL;

	if (c->group && !group)
		return refuse(why, -EINVAL, "%s: there is no group %s", c->path, c->group);
	say_no_group(c);
	if (group && chown(c->path, (uid_t)-1, group->gr_gid) < 0) {
		log_warning(
			"listener: %s: cannot be given to the group %s: %s; no group may connect",
			c->path, c->group, strerror(errno));
		mode &= ~(mode_t)S_IRWXG;
	}
	if (chmod(c->path, mode) < 0)
		return refuse(why, -errno, "%s: %s", c->path, strerror(errno));
	return 0;
}

static int bind_own(struct listener *l, const struct listener_config *c, struct reason *why)
{
	_cleanup_(fd_closep) int lock = -1;
	struct sockaddr_un addr;
	struct stat st;
	int r;

	r = address_of(c->path, &addr, why);
	if (!r)
		r = lock_folder(c->path, &lock, why);
	if (!r)
		r = make_way(&addr, why);
	if (r < 0)
		return r;
	l->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0 || bind(l->fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return refuse(why, -errno, "%s: %s", c->path, strerror(errno));
	l->path = mem_strdup(c->path);
	if (!l->path) {
		unlink(c->path);
		return refuse(why, -ENOMEM, "out of memory");
	}
	if (lstat(c->path, &st) < 0)
		return refuse(why, -errno, "%s: %s", c->path, strerror(errno));
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	r = set_rights(c, why);
	if (!r && listen(l->fd, BACKLOG) < 0)
		r = refuse(why, -errno, "%s: %s", c->path, strerror(errno));
	return r;
}

/* --- life */

static int listener_start(struct listener *l, struct reason *why)
{
	refuse_fds(l->fd);
	l->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (l->spare < 0)
		return refuse(why, -errno, "/dev/null: %s", strerror(errno));
	l->quiet = loop_timer_new(l->loop, on_quiet_end, l);
	l->retry = loop_timer_new(l->loop, on_retry, l);
	l->watch = loop_watch(l->loop, l->fd, LOOP_READ, false, on_readable, l);
	if (!l->quiet || !l->retry || !l->watch)
		return refuse(why, -ENOMEM, "out of memory");
	return 0;
}

CLEANUP_DEFINE(struct listener *, listener_free)

int listener_new(struct loop *loop, const struct listener_config *config, listener_fn fn, void *ctx,
		 struct listener **out, struct reason *why)
{
	_cleanup_(listener_freep) struct listener *l = mem_new0(struct listener);
	int r;

	if (!l)
		return refuse(why, -ENOMEM, "out of memory");
	l->loop = loop;
	l->fd = -1;
	l->spare = -1;
	l->fn = fn;
	l->ctx = ctx;
	r = config->handed >= 0 ? use_handed(l, config, why) : bind_own(l, config, why);
	if (r >= 0)
		r = listener_start(l, why);
	if (r < 0) {
		if (config->handed >= 0)
			l->fd = -1; /* the caller's still */
		return r;
	}
	*out = STEAL_PTR(l);
	return 0;
}

static void unlink_own(struct listener *l)
{
	struct stat st;

	if (l->path && !lstat(l->path, &st) && st.st_dev == l->dev && st.st_ino == l->ino)
		unlink(l->path);
	mem_free(l->path);
}

struct listener *listener_free(struct listener *l)
{
	if (!l)
		return NULL;
	loop_unwatch(l->watch);
	loop_timer_free(l->retry);
	loop_timer_free(l->quiet);
	unlink_own(l);
	fd_closep(&l->spare);
	fd_closep(&l->fd);
	return mem_free(l);
}

const char *listener_name(const struct listener *l)
{
	return l->path ? l->path : "the socket from the service manager";
}
