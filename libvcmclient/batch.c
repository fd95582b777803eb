// SPDX-License-Identifier: BSD-3-Clause
#include "libvcmclient/batch.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>

#include <vcm/vcm.h>

#include "base/mem.h"
#include "libvcmclient/error.h"
#include "libvcmclient/session.h"

struct batch {
	struct session *session; /* a reference */
	struct op *ops;
	struct step *steps;
	size_t n, cap;
	int err; /* of the call that could not be collected */
	struct reason why;
};

static __thread struct batch *open_batch;

static struct batch *batch_free(struct batch *batch)
{
	if (!batch)
		return NULL;
	while (batch->n > 0)
		step_undo(batch->session, &batch->steps[--batch->n]);
	session_unref(batch->session);
	mem_free(batch->ops);
	mem_free(batch->steps);
	return mem_free(batch);
}
CLEANUP_DEFINE(struct batch *, batch_free)

bool batch_is_open(void)
{
	return open_batch;
}

struct batch *batch_park(void)
{
	return STEAL_PTR(open_batch);
}

void batch_unpark(struct batch *batch)
{
	/* What a handler began and did not end ends with it. */
	batch_free(open_batch);
	open_batch = batch;
}

void batch_forked(void)
{
	open_batch = NULL;
}

static int make_room(struct batch *batch)
{
	size_t cap = batch->cap ? 2 * batch->cap : 32;
	struct step *steps;
	struct op *ops;

	if (batch->n < batch->cap)
		return 0;
	ops = mem_realloc_n(batch->ops, cap, sizeof(*ops));
	if (!ops)
		return -ENOMEM;
	batch->ops = ops;
	steps = mem_realloc_n(batch->steps, cap, sizeof(*steps));
	if (!steps)
		return -ENOMEM;
	batch->steps = steps;
	batch->cap = cap;
	return 0;
}

static int collect(struct batch *batch, const struct session *s, const struct op *op,
		   struct step *step, struct reason *why)
{
	int r;

	if (batch->err < 0)
		return refuse(why, batch->err, "the batch has failed already: %s", batch->why.text);
	if (batch->session != s)
		return refuse(why, -ENOTCONN, "the batch belongs to a session that has ended");
	if (batch->n >= s->max_ops)
		return refuse(why, -E2BIG, "a batch holds %u calls at most", s->max_ops);
	r = make_room(batch);
	if (r < 0)
		return refuse(why, r, "no memory");
	batch->ops[batch->n] = *op;
	batch->steps[batch->n++] = *step;
	*step = STEP_NULL;
	return 0;
}

int batch_collect(struct session *s, const struct op *op, struct step *step, int err,
		  struct reason *why)
{
	struct batch *batch = open_batch;
	int r = err;

	assert(batch);
	if (r == 0)
		r = collect(batch, s, op, step, why);
	if (r < 0 && batch->err == 0) {
		batch->err = r;
		batch->why = *why;
	}
	return r;
}

/* A thread that ends leaves no batch behind. */
static pthread_key_t key;

static void thread_ends(void *unused)
{
	(void)unused;
	open_batch = batch_free(open_batch);
}

static void make_key(void)
{
	pthread_key_create(&key, thread_ends);
}

static int begin(struct session *s, struct reason *why)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	int r;

	if (!s)
		return -ENOTCONN;
	if (open_batch)
		return refuse(why, -EBUSY, "a batch is open in this thread");
	r = connection_check(s->connection, why);
	if (r < 0)
		return r;
	pthread_once(&once, make_key);
	open_batch = mem_new0(struct batch);
	if (!open_batch || pthread_setspecific(key, open_batch) != 0) {
		open_batch = mem_free(open_batch);
		return refuse(why, -ENOMEM, "no memory");
	}
	open_batch->session = session_ref(s);
	return 0;
}

int vcm_batch_begin(void)
{
	_cleanup_(entry_leave) struct entry entry = entry_begin();

	return error_status(begin(entry.session, error_reason()));
}

/* The objects may be seen by other threads as soon as the broker knows them. */
static int run(struct batch *batch, size_t *out_failed, struct reason *why)
{
	struct packet *packet = NULL;
	size_t n = batch->n;
	int r;

	*out_failed = n;
	if (batch->err < 0)
		return refuse(why, batch->err, "%s", batch->why.text);
	if (n == 0)
		return connection_check(batch->session->connection, why);
	for (size_t i = 0; i < n; i++)
		if (batch->steps[i].creates)
			handles_settle(batch->session->handles, batch->steps[i].creates);
	batch->n = 0;
	r = transaction_run(batch->session, batch->ops, batch->steps, n, &packet, out_failed, why);
	connection_put(batch->session->connection, packet);
	return r == -EMSGSIZE ? -E2BIG : r;
}

static int commit(size_t *out_failed, struct reason *why)
{
	_cleanup_(batch_freep) struct batch *batch = batch_park();

	if (!batch)
		return refuse(why, -EINVAL, "no batch is open in this thread");
	return run(batch, out_failed, why);
}

int vcm_batch_commit(size_t *failed)
{
	_cleanup_(entry_leave) _unused_ struct entry entry = entry_begin();
	size_t index = 0;
	int r;

	error_clear();
	r = commit(&index, error_reason());
	if (r < 0 && failed)
		*failed = index;
	return error_status(r);
}

void vcm_batch_abort(void)
{
	_cleanup_(entry_leave) _unused_ struct entry entry = entry_begin();

	error_clear();
	open_batch = batch_free(open_batch);
}
