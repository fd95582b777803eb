// SPDX-License-Identifier: BSD-3-Clause
#include "libvcmclient/session.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

#include <vcm/vcm.h>

#include "base/mem.h"
#include "libvcmclient/batch.h"
#include "libvcmclient/error.h"
#include "libvcmclient/hello.h"

/* How long the end of a session waits for a broker that is not there. */
#define GOODBYE_MS 2000

static pthread_mutex_t init_lock =
	PTHREAD_MUTEX_INITIALIZER;                       /* one connects; taken before the other */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* for what follows */
static struct session *current;
static unsigned int n_inits;
static struct session
	*volatile inherited; /* the parent's: never used, never freed, never forgotten */

static struct session *session_free(struct session *s)
{
	int cancel_state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	events_free(s->events);
	handles_free(s->handles);
	arenas_deinit(&s->arenas);
	devices_deinit(&s->devices);
	connection_free(s->connection);
	resume_deinit(&s->resume);
	mem_free(s);
	pthread_setcancelstate(cancel_state, NULL);
	return NULL;
}

struct session *session_ref(struct session *s)
{
	pthread_mutex_lock(&lock);
	s->n_refs++;
	pthread_mutex_unlock(&lock);
	return s;
}

struct session *session_unref(struct session *s)
{
	bool is_last;

	if (!s)
		return NULL;
	pthread_mutex_lock(&lock);
	is_last = --s->n_refs == 0;
	pthread_mutex_unlock(&lock);
	return is_last ? session_free(s) : NULL;
}

struct entry entry_begin_unguarded(void)
{
	struct entry entry = { .session = NULL, .cancel_state = ENTRY_UNGUARDED };

	error_clear();
	pthread_mutex_lock(&lock);
	if (current) {
		current->n_refs++;
		entry.session = current;
	}
	pthread_mutex_unlock(&lock);
	if (!entry.session)
		refuse(error_reason(), -ENOTCONN,
		       "not connected: this process did not call vcm_sys_init()");
	return entry;
}

void entry_guard(struct entry *entry)
{
	if (entry->cancel_state == ENTRY_UNGUARDED)
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &entry->cancel_state);
}

struct entry entry_begin(void)
{
	struct entry entry = entry_begin_unguarded();

	entry_guard(&entry);
	return entry;
}

void entry_leave(struct entry *entry)
{
	int saved_errno = errno;

	entry->session = session_unref(entry->session);
	if (entry->cancel_state != ENTRY_UNGUARDED)
		pthread_setcancelstate(entry->cancel_state, NULL);
	errno = saved_errno;
}

/* --- fork ------------------------------------------------------------------------------------------------------- */

static void before_fork(void)
{
	pthread_mutex_lock(&lock);
	handles_before_fork();
}

static void after_fork_in_parent(void)
{
	handles_after_fork();
	pthread_mutex_unlock(&lock);
}

static void after_fork_in_child(void)
{
	handles_after_fork();
	pthread_mutex_init(&init_lock, NULL);
	pthread_mutex_init(&lock, NULL);
	batch_forked();
	n_inits = 0;
	if (!current)
		return;
	/* Once more than there are users, so that it is never freed. */
	current->n_refs++;
	connection_forked(current->connection);
	resume_deinit(&current->resume);
	events_forked(current->events);
	inherited = STEAL_PTR(current);
}

static void watch_forks(void)
{
	pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

/* --- begin and end ---------------------------------------------------------------------------------------------- */

static int session_new(struct session **out, struct reason *why)
{
	_cleanup_(session_unrefp) struct session *s = mem_new0(struct session);
	int r;

	if (!s)
		return refuse(why, -ENOMEM, "no memory");
	s->n_refs = 1;
	arenas_init(&s->arenas);
	devices_init(&s->devices);
	r = hello_connect(s, why);
	if (r < 0)
		return r;
	*out = STEAL_PTR(s);
	return 0;
}

/* One more user of the session that there is: 1; 0 when there is none. */
static int session_share(struct reason *why)
{
	int r = 0;

	pthread_mutex_lock(&lock);
	if (current && connection_error(current->connection) < 0)
		r = refuse(why, -ENOTCONN,
			   "the connection has broken: call vcm_sys_destroy() first");
	else if (current)
		r = 1;
	if (r > 0)
		n_inits++;
	pthread_mutex_unlock(&lock);
	return r;
}

static int session_init(struct reason *why)
{
	struct session *s = NULL;
	int r = session_share(why);

	if (r != 0)
		return r < 0 ? r : 0;
	r = session_new(&s, why);
	if (r < 0)
		return r;
	pthread_mutex_lock(&lock);
	current = s;
	n_inits = 1;
	pthread_mutex_unlock(&lock);
	return 0;
}

int vcm_sys_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int r, cancel_state;

	pthread_once(&once, watch_forks);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	error_clear();
	pthread_mutex_lock(&init_lock);
	r = session_init(error_reason());
	pthread_mutex_unlock(&init_lock);
	pthread_setcancelstate(cancel_state, NULL);
	return error_status(r);
}

/* No new call finds the session. Faults find no handler any more, and the broker terminates what waits for one. */
static void session_end(struct session *s)
{
	const struct op op = { .code = OP_BYE, .name = "" };
	const struct request request = { .ops = &op, .n_ops = 1 };
	struct packet *packet = NULL;

	resume_hurry(&s->resume, GOODBYE_MS);
	events_stop(s->events);
	if (connection_request(s->connection, &request, &packet, NULL) == 0)
		connection_put(s->connection, packet);
	connection_break(s->connection, -ENOTCONN, "the session has ended");
	handles_close(s->handles);
}

int vcm_sys_destroy(void)
{
	_cleanup_(entry_leave) struct entry entry = entry_begin();
	struct session *last = NULL;

	if (!entry.session)
		return error_status(-ENOTCONN);
	pthread_mutex_lock(&lock);
	if (current == entry.session && --n_inits == 0)
		last = STEAL_PTR(current);
	pthread_mutex_unlock(&lock);
	if (last) {
		session_end(last);
		session_unref(last);
	}
	return error_status(0);
}
