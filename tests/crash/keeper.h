/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A broker of the test's own, and what keeps its fds when it is killed: systemd's fd store as far as it matters here, and
 * nothing of systemd.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

struct keeper;

/* program: of the daemon; the folder is for its socket and config, the latter with that text. Nothing runs yet. */
struct keeper *keeper_new(const char *program, const char *dir, const char *config);
/* Starts it, with everything that is kept. It says when it is ready; a client need not know. */
void keeper_start(struct keeper *k);
/* Returns when it has said so. */
void keeper_await_ready(struct keeper *k);
pid_t keeper_pid(const struct keeper *k);
/* fork(), and in the child none of the fds that are kept or on their way: a barrier would wait for it. */
pid_t keeper_fork(struct keeper *k);
/* What is started from now on. */
void keeper_set_program(struct keeper *k, const char *program);
/* Ends it by a signal, and takes what it had sent before. The status of its end. */
int keeper_end(struct keeper *k, int number);
/* Ends it at once, and takes what it had sent before. */
void keeper_kill(struct keeper *k);
/* Ends it by SIGTERM; the status of its end. */
int keeper_stop(struct keeper *k);
/* Fds that are kept and whose names begin so, of all that was sent up to now. */
size_t keeper_count(struct keeper *k, const char *prefix);
struct keeper *keeper_free(struct keeper *k);
