// SPDX-License-Identifier: BSD-3-Clause
/* Commands go in, event records come out; what goes wrong with either is a global error. */
#include "backend/smmuv3/device.h"

#include <errno.h>
#include <stdatomic.h>

#include "backend/smmuv3/a64-table.h"
#include "backend/smmuv3/registers.h"
#include "base/log.h"

#define COMMAND_WORDS 2U
#define ABORTS_MAX                                                                                 \
	3 /* fetches of a command that fail in a row; each may be the last one that does */

static uint32_t n_entries(const struct v3_queue *q)
{
	return UINT32_C(1) << q->log2;
}

static uint32_t wrap(const struct v3_queue *q, uint32_t n)
{
	return n & (2 * n_entries(q) - 1);
}

static uint32_t n_used(const struct v3_queue *q)
{
	return wrap(q, q->prod - q->cons);
}

static uint64_t *entry(const struct v3_queue *q, uint32_t n, unsigned int words)
{
	return q->at + (size_t)(n & (n_entries(q) - 1)) * words;
}

static int queue_init(struct smmuv3 *s, struct v3_queue *q, unsigned int log2, unsigned int max,
		      unsigned int words)
{
	q->log2 = log2 < max ? log2 : max;
	return v3_alloc(s, (size_t)n_entries(q) * words * 8, &q->pa, &q->at, &q->len);
}

int v3_queues_init(struct smmuv3 *s, unsigned int log2)
{
	uint32_t idr1 = v3_read(s, V3_IDR1);

	if (IDR1_CMDQS(idr1) < 1)
		return -EIO; /* no room for a command and its SYNC */
	if (queue_init(s, &s->cmdq, log2 ? log2 : 8, IDR1_CMDQS(idr1), COMMAND_WORDS))
		return -ENOMEM;
	return queue_init(s, &s->evtq, log2 ? log2 : 7, IDR1_EVTQS(idr1), EVENT_WORDS);
}

/* --- commands ----------------------------------------------------------------------------------------------------------- */

static void put(struct v3_queue *q, uint64_t word0, uint64_t word1)
{
	uint64_t *at = entry(q, q->prod, COMMAND_WORDS);

	a64_store(&at[0], word0);
	a64_store(&at[1], word1);
	q->prod = wrap(q, q->prod + 1);
}

static void run_full_queue(struct smmuv3 *s)
{
	bool failed = v3_sync(s) != 0;

	s->cmd_failed |= failed;
}

void v3_command(struct smmuv3 *s, uint64_t word0, uint64_t word1)
{
	/* One place is for the SYNC. */
	if (n_used(&s->cmdq) + 1 >= n_entries(&s->cmdq))
		run_full_queue(s);
	put(&s->cmdq, word0, word1);
}

/*
 * The hardware stands at the command that CONS names and goes on when GERRORN has followed GERROR. An illegal command
 * becomes a SYNC, as in Linux's driver; what it was to do is not done, so the sync fails. A fetch that was aborted is
 * tried again.
 */
static int recover(struct smmuv3 *s, uint32_t cons, unsigned int *n_aborts)
{
	uint64_t *at = entry(&s->cmdq, cons, COMMAND_WORDS);

	switch (CMDQ_CONS_ERR(cons)) {
	case CERROR_ABT:
		if (++*n_aborts > ABORTS_MAX)
			return -EIO;
		log_warning("%s: a fetch of a command was aborted: again", s->name);
		break;
	case CERROR_ATC_INV_SYNC:
		s->cmd_failed = true;
		break;
	default:
		log_error("%s: command 0x%016llx 0x%016llx is refused (CERROR %u)", s->name,
			  (unsigned long long)at[0], (unsigned long long)at[1],
			  CMDQ_CONS_ERR(cons));
		s->cmd_failed = true;
		a64_store(&at[0], CMD_SYNC);
		a64_store(&at[1], 0);
	}
	v3_write(s, V3_GERRORN, v3_read(s, V3_GERRORN) ^ GERROR_CMDQ);
	return 0;
}

static bool has_command_error(const struct smmuv3 *s)
{
	return (v3_read(s, V3_GERROR) ^ v3_read(s, V3_GERRORN)) & GERROR_CMDQ;
}

/* A SYNC is consumed when all before it has taken effect (IHI 0070, 4.7.3). */
static int await(struct smmuv3 *s)
{
	uint64_t deadline = v3_deadline(s);
	unsigned int n_aborts = 0, n_errors = 0;

	for (;;) {
		bool late = v3_is_late(deadline);
		uint32_t cons = v3_read(s, V3_CMDQ_CONS);

		if (wrap(&s->cmdq, cons) == s->cmdq.prod)
			return 0;
		if (has_command_error(s)) {
			/* Each command can be refused once. */
			if (++n_errors > n_entries(&s->cmdq) + ABORTS_MAX ||
			    recover(s, v3_read(s, V3_CMDQ_CONS), &n_aborts))
				return -EIO;
			deadline = v3_deadline(s);
		} else if (late) {
			return -EIO;
		}
	}
}

int v3_sync(struct smmuv3 *s)
{
	bool failed;

	if (s->stopped) {
		s->cmdq.cons = s->cmdq.prod;
		return -EIO;
	}
	put(&s->cmdq, CMD_SYNC, 0);
	v3_write(s, V3_CMDQ_PROD, s->cmdq.prod);
	if (await(s)) {
		v3_stop(s, "the command queue stands still");
		return -EIO;
	}
	s->cmdq.cons = s->cmdq.prod;
	failed = s->cmd_failed;
	s->cmd_failed = false;
	return failed ? -EIO : 0;
}

/* --- events --------------------------------------------------------------------------------------------------------------- */

/*
 * Hardware toggles OVFLG when it drops the first record of a full queue, and drops no more silently until OVACKFLG is the
 * same again (IHI 0070, 7.4): that is written with the next CONS.
 */
static void look_for_events(struct smmuv3 *s)
{
	uint32_t prod = v3_read(s, V3_EVTQ_PROD);

	atomic_thread_fence(memory_order_acquire);
	s->evtq.prod = wrap(&s->evtq, prod);
	if ((prod & QUEUE_OVERFLOW) == s->overflow)
		return;
	s->overflow = prod & QUEUE_OVERFLOW;
	log_warning("%s: the event queue was full: faults went unrecorded", s->name);
	v3_write(s, V3_EVTQ_CONS, s->evtq.cons | s->overflow);
}

uint32_t v3_events_pending(struct smmuv3 *s)
{
	look_for_events(s);
	return n_used(&s->evtq);
}

bool v3_event(struct smmuv3 *s, uint64_t record[4])
{
	const uint64_t *at;

	if (!n_used(&s->evtq) && !v3_events_pending(s))
		return false;
	at = entry(&s->evtq, s->evtq.cons, EVENT_WORDS);
	for (unsigned int i = 0; i < EVENT_WORDS; i++)
		record[i] = at[i];
	s->evtq.cons = wrap(&s->evtq, s->evtq.cons + 1);
	s->n_events++;
	v3_write(s, V3_EVTQ_CONS, s->evtq.cons | s->overflow);
	return true;
}

/* --- global errors -------------------------------------------------------------------------------------------------------- */

/* An error of the command queue is left to whoever waits for it. */
void v3_check_errors(struct smmuv3 *s)
{
	uint32_t error = v3_read(s, V3_GERROR), acked = v3_read(s, V3_GERRORN);
	uint32_t active = (error ^ acked) & GERROR_ALL & ~GERROR_CMDQ;

	if (!active)
		return;
	if (active & GERROR_EVTQ_ABT)
		log_warning("%s: a write of an event record was aborted: faults went unrecorded",
			    s->name);
	if (active & ~(GERROR_EVTQ_ABT | GERROR_SFM))
		log_warning("%s: global error 0x%x", s->name, active);
	v3_write(s, V3_GERRORN, acked ^ active);
	if (active & GERROR_SFM)
		v3_stop(s, "the hardware has failed (service failure mode)");
}
