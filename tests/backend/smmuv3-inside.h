/* SPDX-License-Identifier: BSD-3-Clause */
/* The inside of the SMMUv3 model, shared by its registers and queues (smmuv3-model.c) and its walker (smmuv3-walk.c). */
#pragma once

#include "tests/backend/smmuv3-model.h"

#define N_STES 64
#define N_TLB 64
#define N_TABLES 16
#define N_STALLS 64

struct ste_entry {
	bool valid, has_cd;
	uint32_t stream;
	uint64_t ste[8], cd[8];
};

struct tlb_entry {
	bool valid;
	uint16_t asid;
	uint64_t va, size, descriptor;
};

/* The address of a last-level table, by the 2 MB that it serves. */
struct table_entry {
	bool valid;
	uint16_t asid;
	uint64_t va, pa;
};

struct transaction {
	bool used;
	uint32_t stream;
	unsigned int how;
	uint64_t va;
	void *buf;
	size_t len;
	uint16_t stag;
};

struct v3_model {
	struct v3_model_config config;
	struct bus bus;
	struct mmio mmio;
	struct irq irq;
	uint32_t reg[0x100 / 4];
	uint32_t evtq_prod, evtq_cons;
	struct ste_entry stes[N_STES];
	struct tlb_entry tlb[N_TLB];
	struct table_entry tables[N_TABLES];
	unsigned int next_ste, next_tlb, next_table, turn;
	struct transaction stalls[N_STALLS];
	uint16_t next_stag;
	struct {
		uint32_t stream;
		int result;
	} results[16];
	unsigned int fail[V3_FAILURES], refused;
	unsigned int n_commands[256], n_bypassed, mair, sh;
};

/* A fault, as the event record says it. */
struct fault_record {
	unsigned int id;
	bool stall;
};

/* 0 and the physical address; or 1 and *out_fault (id 0: aborted without a record). */
int v3_model_walk(struct v3_model *m, const struct transaction *t, uint64_t *out_pa,
		  struct fault_record *out_fault);
/* What commands do to the caches. */
void v3_model_forget_stream(struct v3_model *m, uint32_t stream);
void v3_model_forget_streams(struct v3_model *m);
void v3_model_forget_va(struct v3_model *m, uint16_t asid, uint64_t va, bool leaf);
void v3_model_forget_asid(struct v3_model *m, uint16_t asid);
void v3_model_forget_all(struct v3_model *m);

static inline uint32_t *v3_model_reg(struct v3_model *m, uint32_t offset)
{
	return &m->reg[offset / 4];
}

static inline uint64_t v3_model_reg64(struct v3_model *m, uint32_t offset)
{
	return *v3_model_reg(m, offset) | (uint64_t)*v3_model_reg(m, offset + 4) << 32;
}
