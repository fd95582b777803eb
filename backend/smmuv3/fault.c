// SPDX-License-Identifier: BSD-3-Clause
/* Event records become faults of contexts; stalled transactions get their verdict. */
#include "backend/smmuv3/device.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>

#include "backend/smmuv3/registers.h"
#include "base/log.h"

static struct v3_context *context_of(const struct smmuv3 *s, uint32_t stream)
{
	for (unsigned int i = 0; i < s->n_contexts; i++) {
		if (s->contexts[i].stream == stream)
			return &s->contexts[i];
	}
	return NULL;
}

/* Those of descriptors and tables that cannot be fetched or are wrong have none, or that of the descriptor. */
static bool has_address(uint32_t id)
{
	switch (id) {
	case F_UUT:
	case F_BAD_ATS_TREQ:
	case F_TRANSL_FORBIDDEN:
	case F_WALK_EABT:
	case F_TRANSLATION:
	case F_ADDR_SIZE:
	case F_ACCESS:
	case F_PERMISSION:
	case F_TLB_CONFLICT:
		return true;
	}
	return false;
}

static struct fault fault_of(const struct smmuv3 *s, const struct v3_context *c,
			     const uint64_t record[4])
{
	uint32_t id = EVENT_ID(record[0]);
	bool at = has_address(id);

	return (struct fault){
		.context = (unsigned int)(c - s->contexts),
		.addr = at ? record[2] : 0,
		.write = at && !(record[1] & EVENT1_RNW),
		.execute = at && (record[1] & EVENT1_IND),
		.privileged = at && (record[1] & EVENT1_PNU),
		.permission = id == F_PERMISSION,
		.fsr = id,
		.fsynr0 = EVENT_SID(record[0]),
		.fsynr1 = (uint32_t)(record[1] >> 32),
	};
}

/* --- stalls --------------------------------------------------------------------------------------------------------------- */

static void resume(struct smmuv3 *s, const struct v3_context *c, uint16_t stag, uint64_t response)
{
	v3_command(s, CMD_RESUME | response | (uint64_t)c->stream << CMD_SID_SHIFT, stag);
}

enum stall {
	STALL_NONE,   /* over, or never was */
	STALL_FIRST,  /* to be reported: its verdict is asked for */
	STALL_BEHIND, /* waits for the verdict of another */
};

static enum stall note_stall(struct smmuv3 *s, struct v3_context *c, const uint64_t record[4])
{
	uint16_t stag = (uint16_t)EVENT_STAG(record[1]);

	if (!(record[1] & EVENT1_STALL) || s->n_events <= c->forgotten)
		return STALL_NONE;
	if (c->n_waiting == V3_WAITING_MAX || !c->space) {
		/* More than anybody can be asked about; or, where hardware must stall, parked. */
		resume(s, c, stag, RESUME_ABORT);
		v3_sync(s);
		return STALL_NONE;
	}
	c->waiting[c->n_waiting++] = stag;
	return c->n_waiting == 1 ? STALL_FIRST : STALL_BEHIND;
}

int v3_fault_resume(struct backend *b, unsigned int context, bool retry)
{
	struct smmuv3 *s = (struct smmuv3 *)(void *)b;
	struct v3_context *c = context < s->n_contexts ? &s->contexts[context] : NULL;

	if (!c || !c->n_waiting)
		return -ENOENT;
	for (unsigned int i = 0; i < c->n_waiting; i++)
		resume(s, c, c->waiting[i], retry || i ? RESUME_RETRY : RESUME_ABORT);
	c->n_waiting = 0;
	v3_sync(s); /* what is not resumed because that fails is aborted, by the stop */
	return 0;
}

void v3_faults_abort(struct smmuv3 *s, struct v3_context *c)
{
	if (!c->n_waiting)
		return;
	for (unsigned int i = 0; i < c->n_waiting; i++)
		resume(s, c, c->waiting[i], RESUME_ABORT);
	c->n_waiting = 0;
	v3_sync(s);
}

void v3_faults_forget(struct smmuv3 *s, struct v3_context *c)
{
	c->n_waiting = 0;
	if (!s->can_stall)
		return;
	v3_command(s, CMD_STALL_TERM | (uint64_t)c->stream << CMD_SID_SHIFT, 0);
	v3_sync(s);
	c->forgotten = s->n_events + v3_events_pending(s);
}

void v3_faults_part(struct smmuv3 *s, struct v3_context *c)
{
	c->former = s->n_events + v3_events_pending(s);
}

/* --- the queue ------------------------------------------------------------------------------------------------------------ */

/* Nobody can be asked: a master that the configuration does not know. The 1st, 2nd, 4th, 8th... such event has a line. */
static void report_stranger(struct smmuv3 *s, const uint64_t record[4])
{
	s->n_strangers++;
	if (s->n_strangers & (s->n_strangers - 1))
		return;
	log_warning("%s: fault of unknown stream %u at 0x%llx (event 0x%02x, %llu of such now)",
		    s->name, EVENT_SID(record[0]), (unsigned long long)record[2],
		    EVENT_ID(record[0]), (unsigned long long)s->n_strangers);
}

/* False: nobody is to be told. */
static bool is_fault(struct smmuv3 *s, const uint64_t record[4], struct fault *out)
{
	uint32_t stream = EVENT_SID(record[0]);
	struct v3_context *c = context_of(s, stream);
	enum stall stall;

	if (EVENT_ID(record[0]) == E_PAGE_REQUEST)
		return false; /* a hint: nothing was refused */
	if (!c) {
		report_stranger(s, record);
		return false;
	}
	stall = note_stall(s, c, record);
	*out = fault_of(s, c, record);
	out->stalled = stall == STALL_FIRST;
	out->former = s->n_events <= c->former;
	return stall != STALL_BEHIND;
}

enum found {
	FOUND_NOTHING,
	FOUND_FAULT,
	FOUND_NOISE, /* a queue's length of records for nobody, and there may be more */
};

static enum found look(struct smmuv3 *s, struct fault *out)
{
	uint64_t record[4];

	for (uint32_t i = 0; i >> s->evtq.log2 == 0; i++) {
		if (!v3_event(s, record))
			return FOUND_NOTHING;
		if (is_fault(s, record, out))
			return FOUND_FAULT;
	}
	return FOUND_NOISE;
}

static enum found look_and_ack(struct smmuv3 *s, struct fault *out)
{
	enum found found = look(s, out);

	if (found != FOUND_NOTHING)
		return found;
	/* What comes after this is an interrupt again; what came before it is seen here. */
	s->irq->ack(s->irq->ctx);
	v3_check_errors(s);
	return look(s, out);
}

int v3_fault_next(struct backend *b, struct fault *out)
{
	struct smmuv3 *s = (struct smmuv3 *)(void *)b;
	eventfd_t again;
	enum found found;

	(void)eventfd_read(s->again_fd, &again);
	found = look_and_ack(s, out);
	/* A queue that is not empty does not interrupt again. */
	if (found != FOUND_NOTHING)
		(void)eventfd_write(s->again_fd, 1);
	return found == FOUND_FAULT;
}
