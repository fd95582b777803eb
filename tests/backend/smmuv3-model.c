// SPDX-License-Identifier: BSD-3-Clause
#include "tests/backend/smmuv3-model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/backend/smmuv3-inside.h"

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "smmuv3 model: %s\n", what);
	abort();
}

static bool fails(struct v3_model *m, enum v3_failure what)
{
	if (!m->fail[what])
		return false;
	m->fail[what]--;
	return true;
}

static void interrupt(struct v3_model *m, uint32_t enable_bit)
{
	uint64_t one = 1;

	if (*v3_model_reg(m, 0x50) & enable_bit)
		must(write(m->irq.fd, &one, sizeof(one)) == sizeof(one), "the interrupt");
}

void v3_model_raise(struct v3_model *m, uint32_t error)
{
	uint32_t *gerror = v3_model_reg(m, 0x60), active = *gerror ^ *v3_model_reg(m, 0x64);

	if (!(error & ~active))
		return;
	*gerror ^= error & ~active;
	interrupt(m, 1);
}

/* --- events ------------------------------------------------------------------------------------------------------------ */

static void event_lost(struct v3_model *m, uint32_t cons)
{
	if (m->config.error_when_full)
		v3_model_raise(m, 4);
	else if (!((m->evtq_prod ^ cons) & 0x80000000))
		m->evtq_prod ^= 0x80000000;
}

void v3_model_record(struct v3_model *m, const uint64_t record[4])
{
	uint64_t base = v3_model_reg64(m, 0xA0);
	uint32_t n = 1U << (base & 31), prod = m->evtq_prod & (2 * n - 1),
		 cons = m->evtq_cons & (2 * n - 1);
	uint64_t pa = (base & UINT64_C(0xFFFFFFFFFFFE0)) + (uint64_t)(prod & (n - 1)) * 32;

	if (!(*v3_model_reg(m, 0x24) & 4))
		return;
	if (((prod - cons) & (2 * n - 1)) == n) {
		event_lost(m, m->evtq_cons);
		return;
	}
	if (fails(m, V3_FAIL_EVENT_WRITE) || m->bus.ops->write(m->bus.ctx, pa, record, 32)) {
		v3_model_raise(m, 4);
		return;
	}
	m->evtq_prod = (m->evtq_prod & 0x80000000) | ((prod + 1) & (2 * n - 1));
	if (prod == cons)
		interrupt(m, 4);
}

static void record_fault(struct v3_model *m, const struct transaction *t, unsigned int id)
{
	uint64_t record[4] = { id | (uint64_t)t->stream << 32, 0, 0, 0 };

	/* Those of the configuration carry no address. */
	if (id >= 0x0B) {
		record[1] = (uint64_t) !!(t->how & V3_PRIVILEGED) << 33 |
			    (uint64_t) !!(t->how & V3_INSTRUCTION) << 34 |
			    (uint64_t) !(t->how & V3_WRITE) << 35;
		record[2] = t->va;
	}
	if (t->used)
		record[1] |= t->stag | UINT64_C(1) << 31;
	v3_model_record(m, record);
}

/* --- transactions ------------------------------------------------------------------------------------------------------ */

static int transfer(struct v3_model *m, const struct transaction *t, uint64_t pa)
{
	int r = (t->how & V3_WRITE) ? m->bus.ops->write(m->bus.ctx, pa, t->buf, t->len) :
				      m->bus.ops->read(m->bus.ctx, pa, t->buf, t->len);

	return r ? -EFAULT : 0;
}

static struct transaction *stall(struct v3_model *m, const struct transaction *t)
{
	for (unsigned int i = 0; i < N_STALLS; i++) {
		if (m->stalls[i].used)
			continue;
		m->stalls[i] = *t;
		m->stalls[i].used = true;
		m->stalls[i].stag = ++m->next_stag;
		return &m->stalls[i];
	}
	must(false, "too many stalls");
	return NULL;
}

/* IHI 0070, 3.9 and CR0.ATSCHK: nothing passes while it is off; else all does, or what STE.EATS allows. */
static int run_translated(struct v3_model *m, const struct transaction *t)
{
	if (!(*v3_model_reg(m, 0x24) & 1))
		return -EFAULT;
	if (!(*v3_model_reg(m, 0x24) & 1U << 4)) {
		m->n_bypassed++;
		return transfer(m, t, t->va);
	}
	record_fault(m, t, 0x07); /* F_TRANSL_FORBIDDEN */
	return -EFAULT;
}

static int run(struct v3_model *m, const struct transaction *t)
{
	struct fault_record fault;
	uint64_t pa;

	if (t->how & V3_TRANSLATED)
		return run_translated(m, t);
	if (!(*v3_model_reg(m, 0x24) & 1)) {
		if (*v3_model_reg(m, 0x44) & 1U << 20)
			return -EFAULT;
		m->n_bypassed++;
		return transfer(m, t, t->va);
	}
	if (!v3_model_walk(m, t, &pa, &fault))
		return transfer(m, t, pa);
	if (fault.stall) {
		record_fault(m, stall(m, t), fault.id);
		return -EINPROGRESS;
	}
	if (fault.id)
		record_fault(m, t, fault.id);
	return -EFAULT;
}

static void set_result(struct v3_model *m, uint32_t stream, int result)
{
	for (unsigned int i = 0; i < 16; i++) {
		if (m->results[i].stream != stream + 1 && m->results[i].stream)
			continue;
		m->results[i].stream = stream + 1;
		m->results[i].result = result;
		return;
	}
	must(false, "too many streams");
}

int v3_model_access(struct v3_model *m, uint32_t stream, unsigned int how, uint64_t va, void *buf,
		    size_t len)
{
	struct transaction t = { .stream = stream, .how = how, .va = va, .buf = buf, .len = len };
	int r = run(m, &t);

	if (r == -EINPROGRESS)
		set_result(m, stream, r);
	return r;
}

int v3_model_result(struct v3_model *m, uint32_t stream)
{
	for (unsigned int i = 0; i < 16; i++) {
		if (m->results[i].stream == stream + 1)
			return m->results[i].result;
	}
	return 0;
}

/* The actions of CMD_RESUME (IHI 0070, 4.6.1): to terminate is to let reads be 0 and writes be lost, as if nothing were wrong. */
enum { RESUME_TERMINATE, RESUME_RETRY, RESUME_ABORT };

static void resume(struct v3_model *m, struct transaction *stalled, unsigned int action)
{
	struct transaction t = *stalled;

	stalled->used = false;
	t.used = false;
	if (action == RESUME_TERMINATE && !(t.how & V3_WRITE))
		memset(t.buf, 0, t.len);
	set_result(m, t.stream,
		   action == RESUME_RETRY     ? run(m, &t) :
		   action == RESUME_TERMINATE ? 0 :
						-EFAULT);
}

static void resume_stag(struct v3_model *m, uint32_t stream, uint16_t stag, unsigned int action)
{
	for (unsigned int i = 0; i < N_STALLS; i++) {
		struct transaction *t = &m->stalls[i];

		if (t->used && t->stream == stream && t->stag == stag) {
			resume(m, t, action);
			return;
		}
	}
}

static void terminate_stream(struct v3_model *m, uint32_t stream)
{
	for (unsigned int i = 0; i < N_STALLS; i++) {
		if (m->stalls[i].used && m->stalls[i].stream == stream)
			resume(m, &m->stalls[i], RESUME_ABORT);
	}
}

/* --- commands ---------------------------------------------------------------------------------------------------------- */

/* False: CERROR_ILL. */
static bool execute(struct v3_model *m, uint64_t w0, uint64_t w1)
{
	unsigned int op = w0 & 0xFF;

	if (m->fail[V3_FAIL_ILLEGAL] && op == m->refused) {
		m->fail[V3_FAIL_ILLEGAL]--;
		return false;
	}
	m->n_commands[op]++;
	switch (op) {
	case 0x03:
		v3_model_forget_stream(m, (uint32_t)(w0 >> 32));
		return true;
	case 0x04:
		if ((w1 & 31) == 31)
			v3_model_forget_streams(m);
		return true;
	case 0x11:
		v3_model_forget_asid(m, (uint16_t)(w0 >> 48));
		return true;
	case 0x12:
		v3_model_forget_va(m, (uint16_t)(w0 >> 48), w1 & ~UINT64_C(0xFFF), w1 & 1);
		return true;
	case 0x30:
		v3_model_forget_all(m);
		return true;
	case 0x44:
		if (m->config.stall_model == V3_STALL_NEVER)
			return false;
		resume_stag(m, (uint32_t)(w0 >> 32), (uint16_t)w1, w0 >> 12 & 3);
		return true;
	case 0x45:
		if (m->config.stall_model == V3_STALL_NEVER)
			return false;
		terminate_stream(m, (uint32_t)(w0 >> 32));
		return true;
	case 0x46:
		return (w0 >> 12 & 3) == 0;
	}
	return false;
}

static void stop_queue(struct v3_model *m, uint32_t why)
{
	uint32_t *cons = v3_model_reg(m, 0x9C);

	*cons = (*cons & 0xFFFFFF) | why << 24;
	v3_model_raise(m, 1);
}

static void consume(struct v3_model *m)
{
	uint64_t base = v3_model_reg64(m, 0x90), command[2];
	uint32_t n = 1U << (base & 31), *cons = v3_model_reg(m, 0x9C);

	if (!(*v3_model_reg(m, 0x24) & 8))
		return;
	if ((*v3_model_reg(m, 0x60) ^ *v3_model_reg(m, 0x64)) & 1)
		return;
	while ((*cons ^ *v3_model_reg(m, 0x98)) & (2 * n - 1)) {
		uint64_t pa = (base & UINT64_C(0xFFFFFFFFFFFE0)) + (uint64_t)(*cons & (n - 1)) * 16;

		if (fails(m, V3_FAIL_FETCH) || m->bus.ops->read(m->bus.ctx, pa, command, 16)) {
			stop_queue(m, 2);
			return;
		}
		if ((command[0] & 0xFF) == 0x46 && fails(m, V3_FAIL_ATC_SYNC)) {
			stop_queue(m, 3);
			return;
		}
		if (!execute(m, command[0], command[1])) {
			stop_queue(m, 1);
			return;
		}
		*cons = (*cons + 1) & (2 * n - 1);
	}
}

/* --- registers --------------------------------------------------------------------------------------------------------- */

static uint32_t reg_read(void *ctx, uint32_t offset)
{
	struct v3_model *m = ctx;

	if (offset == 0x100A8)
		return m->evtq_prod;
	if (offset == 0x100AC)
		return m->evtq_cons;
	must(offset < sizeof(m->reg), "a register that there is");
	return *v3_model_reg(m, offset);
}

static void write_control(struct v3_model *m, uint32_t offset, uint32_t value)
{
	uint32_t enabled = *v3_model_reg(m, 0x24), irqs = *v3_model_reg(m, 0x54);

	if (offset == 0x20 && !fails(m, V3_FAIL_ENABLE))
		*v3_model_reg(m, 0x24) = value & ~(m->config.ats ? 0 : 1U << 4);
	if (offset == 0x44 && !fails(m, V3_FAIL_GBPA))
		*v3_model_reg(m, 0x44) = value & ~(1U << 31);
	if (offset == 0x50)
		*v3_model_reg(m, 0x54) = value;
	/* What is in use does not change: IHI 0070, 6.3 says so of each of them. */
	must(!(enabled & 1) ||
		     (offset != 0x28 && offset != 0x2C && !(offset >= 0x80 && offset < 0x8C)),
	     "stream table and attributes change only while the SMMU is off");
	must((!(irqs & 1) || offset < 0x68 || offset >= 0x78) &&
		     (!(irqs & 4) || offset < 0xB0 || offset >= 0xC0),
	     "where an interrupt goes changes only while it is off");
	must(offset != 0x20 ||
		     ((!(value & 8) || (v3_model_reg64(m, 0x90) & 31) <= m->config.queue_bits) &&
		      (!(value & 4) || (v3_model_reg64(m, 0xA0) & 31) <= m->config.queue_bits)),
	     "a queue is no longer than the hardware says");
	must(!(enabled & 8) || (offset & ~7U) != 0x90, "the command queue moves while it is on");
	must(!(enabled & 4) || (offset & ~7U) != 0xA0, "the event queue moves while it is on");
}

static void reg_write(void *ctx, uint32_t offset, uint32_t value)
{
	struct v3_model *m = ctx;

	if (offset == 0x100A8) {
		m->evtq_prod = value;
		return;
	}
	if (offset == 0x100AC) {
		m->evtq_cons = value;
		return;
	}
	must(offset < sizeof(m->reg), "a register that there is");
	must(offset >= 0x20 && offset != 0x24 && offset != 0x54 && offset != 0x60,
	     "a register that can be written");
	*v3_model_reg(m, offset) = value;
	write_control(m, offset, value);
	if ((offset == 0x98 && !fails(m, V3_FAIL_HANG)) || offset == 0x64)
		consume(m);
}

static void irq_ack(void *ctx)
{
	struct v3_model *m = ctx;
	uint64_t n;

	while (read(m->irq.fd, &n, sizeof(n)) == sizeof(n))
		;
}

/* --- life -------------------------------------------------------------------------------------------------------------- */

static void identify(struct v3_model *m)
{
	const struct v3_model_config *c = &m->config;

	*v3_model_reg(m, 0x00) = 2 | 2U << 2 | (c->incoherent ? 0 : 1U << 4) |
				 (c->asid8 ? 0 : 1U << 12) | (c->ats ? 1U << 10 : 0) | 1U << 13 |
				 2U << 21 | c->stall_model << 24 | (c->linear_only ? 0 : 1U << 27);
	*v3_model_reg(m, 0x04) = c->sid_bits | c->queue_bits << 16 | c->queue_bits << 21;
	*v3_model_reg(m, 0x0C) = c->bbm_needed ? 1U << 11 : 2U << 11;
	*v3_model_reg(m, 0x14) = 1U << 4 | c->oas;
	*v3_model_reg(m, 0x18) = 0x12345678;
}

struct v3_model *v3_model_new(const struct v3_model_config *config, const struct bus *bus)
{
	static const struct mmio_ops ops = { reg_read, reg_write };
	struct v3_model *m = calloc(1, sizeof(*m));

	must(m, "no memory");
	m->config = *config;
	if (!m->config.sid_bits)
		m->config.sid_bits = 16;
	if (!m->config.queue_bits)
		m->config.queue_bits = 8;
	if (!m->config.oas)
		m->config.oas = 5;
	m->bus = *bus;
	m->mmio = (struct mmio){ &ops, m };
	m->irq = (struct irq){ eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), irq_ack, m };
	must(m->irq.fd >= 0, "no eventfd");
	identify(m);
	return m;
}

void v3_model_free(struct v3_model *m)
{
	if (!m)
		return;
	close(m->irq.fd);
	free(m);
}

const struct mmio *v3_model_mmio(struct v3_model *m)
{
	return &m->mmio;
}

const struct irq *v3_model_irq(struct v3_model *m)
{
	return &m->irq;
}

unsigned int v3_model_n_stalled(const struct v3_model *m)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < N_STALLS; i++)
		n += m->stalls[i].used;
	return n;
}

unsigned int v3_model_mair(const struct v3_model *m)
{
	return m->mair;
}

unsigned int v3_model_sh(const struct v3_model *m)
{
	return m->sh;
}

unsigned int v3_model_n_bypassed(const struct v3_model *m)
{
	return m->n_bypassed;
}

unsigned int v3_model_n_commands(const struct v3_model *m, unsigned int opcode)
{
	return m->n_commands[opcode];
}

void v3_model_fail(struct v3_model *m, enum v3_failure what, unsigned int count)
{
	m->fail[what] = count;
}

void v3_model_refuse(struct v3_model *m, unsigned int opcode, unsigned int count)
{
	m->refused = opcode;
	m->fail[V3_FAIL_ILLEGAL] = count;
}
