// SPDX-License-Identifier: BSD-3-Clause
#include "tests/crash/keeper.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define FDS_MAX 4096
#define NAME_MAX_LEN 64
#define FDS_A_MESSAGE 253
#define FIRST_FD 3 /* where the protocol says that they begin */

struct kept {
	int fd;
	char name[NAME_MAX_LEN];
};

struct keeper {
	char program[4096], config[108], sock[108], notify[108];
	int fd; /* the notify socket */
	pid_t pid;
	pthread_t thread;
	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t ready;
	bool is_ready;
	struct kept kept[FDS_MAX];
	size_t n_kept;
};

struct message {
	char text[4096];
	int fds[FDS_A_MESSAGE];
	size_t n_fds;
};

/* --- messages */

/* False when there is none and flags say not to wait. */
static bool receive(int fd, int flags, struct message *m)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * FDS_A_MESSAGE)];
	} control;
	struct iovec iov = { m->text, sizeof(m->text) - 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	ssize_t n;

	do
		n = recvmsg(fd, &msg, flags | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return false;
	m->text[n] = '\0';
	m->n_fds = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_type != SCM_RIGHTS)
			continue;
		m->n_fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(m->fds, CMSG_DATA(c), m->n_fds * sizeof(int));
	}
	return true;
}

static bool has_line(const struct message *m, const char *line)
{
	const char *at = strstr(m->text, line);

	return at && (at == m->text || at[-1] == '\n') &&
	       (at[strlen(line)] == '\n' || !at[strlen(line)]);
}

static void name_of(const struct message *m, char out[NAME_MAX_LEN])
{
	const char *at = strstr(m->text, "FDNAME=");

	out[0] = '\0';
	if (at)
		sscanf(at, "FDNAME=%63[^\n]", out);
}

static void drop(struct keeper *k, const char *name)
{
	for (size_t i = k->n_kept; i-- > 0;)
		if (!strcmp(k->kept[i].name, name)) {
			close(k->kept[i].fd);
			k->kept[i] = k->kept[--k->n_kept];
		}
}

static void obey(struct keeper *k, struct message *m)
{
	char name[NAME_MAX_LEN];

	name_of(m, name);
	if (has_line(m, "FDSTOREREMOVE=1"))
		drop(k, name);
	if (has_line(m, "READY=1")) {
		k->is_ready = true;
		pthread_cond_broadcast(&k->ready);
	}
	for (size_t i = 0; i < m->n_fds; i++) {
		if (has_line(m, "FDSTORE=1") && k->n_kept < FDS_MAX) {
			k->kept[k->n_kept].fd = m->fds[i];
			memcpy(k->kept[k->n_kept++].name, name, sizeof(name));
		} else {
			close(m->fds[i]); /* of a barrier, too: that is the answer */
		}
	}
}

/* With the lock held from before an fd comes until it is where it belongs: nobody forks in between. */
static void *keep(void *arg)
{
	static struct message m;
	struct keeper *k = arg;
	struct pollfd fd = { .fd = k->fd, .events = POLLIN };
	bool is_over = false;

	while (!is_over) {
		poll(&fd, 1, -1);
		pthread_mutex_lock(&k->lock);
		if (receive(k->fd, MSG_DONTWAIT, &m)) {
			obey(k, &m);
			is_over = has_line(&m, "X_END=1");
		}
		pthread_mutex_unlock(&k->lock);
	}
	return NULL;
}

pid_t keeper_fork(struct keeper *k)
{
	pid_t pid;

	pthread_mutex_lock(&k->lock);
	pid = fork();
	for (size_t i = 0; pid == 0 && i < k->n_kept; i++)
		close(k->kept[i].fd);
	if (pid == 0)
		close(k->fd);
	pthread_mutex_unlock(&k->lock);
	return pid;
}

/* To the keeper itself: behind everything that was sent before. */
static void say(const struct keeper *k, const char *text)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	memcpy(addr.sun_path, k->notify, sizeof(addr.sun_path));
	if (fd < 0 ||
	    sendto(fd, text, strlen(text), 0, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		err(EXIT_FAILURE, "%s", k->notify);
	close(fd);
}

/* --- the daemon */

static void write_config(const struct keeper *k, const char *text)
{
	FILE *f = fopen(k->config, "we");

	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		err(EXIT_FAILURE, "%s", k->config);
}

struct keeper *keeper_new(const char *program, const char *dir, const char *config)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct keeper *k = calloc(1, sizeof(*k));

	if (!k)
		err(EXIT_FAILURE, "keeper");
	snprintf(k->program, sizeof(k->program), "%s", program);
	snprintf(k->config, sizeof(k->config), "%s/conf", dir);
	snprintf(k->sock, sizeof(k->sock), "%s/sock", dir);
	snprintf(k->notify, sizeof(k->notify), "%s/notify", dir);
	write_config(k, config);
	pthread_mutex_init(&k->lock, NULL);
	pthread_cond_init(&k->ready, NULL);
	memcpy(addr.sun_path, k->notify, sizeof(addr.sun_path));
	k->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (k->fd < 0 || bind(k->fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		err(EXIT_FAILURE, "%s", k->notify);
	if (pthread_create(&k->thread, NULL, keep, k) != 0)
		errx(EXIT_FAILURE, "no thread for the keeper");
	return k;
}

/* In the child: fds[i] becomes FIRST_FD + i, and stays open. */
static void place_fds(const int *fds, size_t n)
{
	static int high[FDS_MAX];

	for (size_t i = 0; i < n; i++)
		high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, FIRST_FD + (int)n);
	for (size_t i = 0; i < n; i++)
		if (high[i] < 0 || dup2(high[i], FIRST_FD + (int)i) < 0)
			_exit(126);
}

static _Noreturn void become_daemon(const struct keeper *k, const int *fds, char *names)
{
	char pid[32], n[32], notify[128];
	char *const env[] = { pid,
			      n,
			      names,
			      notify,
			      (char[]){ "FDSTORE=4096" },
			      (char[]){ "PATH=/usr/sbin:/usr/bin:/sbin:/bin" },
			      NULL };

	snprintf(pid, sizeof(pid), "LISTEN_PID=%d", (int)getpid());
	snprintf(n, sizeof(n), "LISTEN_FDS=%zu", k->n_kept);
	snprintf(notify, sizeof(notify), "NOTIFY_SOCKET=%s", k->notify);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	place_fds(fds, k->n_kept);
	execle(k->program, "vcmd", "--config", k->config, "--socket", k->sock, "--log-level",
	       "error", (char *)NULL, env);
	_exit(127);
}

void keeper_start(struct keeper *k)
{
	static char names[FDS_MAX * NAME_MAX_LEN + 32];
	static int fds[FDS_MAX];
	size_t len;

	pthread_mutex_lock(&k->lock);
	k->is_ready = false;
	len = (size_t)sprintf(names, "LISTEN_FDNAMES=");
	for (size_t i = 0; i < k->n_kept; i++) {
		fds[i] = k->kept[i].fd;
		len += (size_t)sprintf(names + len, "%s%s", i ? ":" : "", k->kept[i].name);
	}
	k->pid = fork();
	if (k->pid == 0)
		become_daemon(k, fds, names);
	pthread_mutex_unlock(&k->lock);
	if (k->pid < 0)
		err(EXIT_FAILURE, "fork");
}

void keeper_await_ready(struct keeper *k)
{
	pthread_mutex_lock(&k->lock);
	while (!k->is_ready)
		pthread_cond_wait(&k->ready, &k->lock);
	pthread_mutex_unlock(&k->lock);
}

pid_t keeper_pid(const struct keeper *k)
{
	return k->pid;
}

/* Everything that was sent before has been obeyed: this word was the last. */
static void settle(struct keeper *k)
{
	pthread_mutex_lock(&k->lock);
	k->is_ready = false;
	pthread_mutex_unlock(&k->lock);
	say(k, "READY=1");
	keeper_await_ready(k);
}

void keeper_set_program(struct keeper *k, const char *program)
{
	snprintf(k->program, sizeof(k->program), "%s", program);
}

int keeper_end(struct keeper *k, int number)
{
	int status = 0;

	kill(k->pid, number);
	waitpid(k->pid, &status, 0);
	settle(k);
	return status;
}

void keeper_kill(struct keeper *k)
{
	keeper_end(k, SIGKILL);
}

int keeper_stop(struct keeper *k)
{
	return keeper_end(k, SIGTERM);
}

size_t keeper_count(struct keeper *k, const char *prefix)
{
	size_t n = 0;

	settle(k);
	pthread_mutex_lock(&k->lock);
	for (size_t i = 0; i < k->n_kept; i++)
		n += !strncmp(k->kept[i].name, prefix, strlen(prefix));
	pthread_mutex_unlock(&k->lock);
	return n;
}

struct keeper *keeper_free(struct keeper *k)
{
	say(k, "X_END=1");
	pthread_join(k->thread, NULL);
	for (size_t i = 0; i < k->n_kept; i++)
		close(k->kept[i].fd);
	close(k->fd);
	unlink(k->notify);
	unlink(k->config);
	unlink(k->sock);
	pthread_cond_destroy(&k->ready);
	pthread_mutex_destroy(&k->lock);
	free(k);
	return NULL;
}
