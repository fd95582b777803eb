// SPDX-License-Identifier: BSD-3-Clause
/* The model's way from a stream id and an address to a physical address: IHI 0070 chapters 3.3, 5, and DDI 0487 D8. */
#include <errno.h>
#include <string.h>

#include "tests/backend/smmuv3-inside.h"

static uint64_t bits(uint64_t v, unsigned int high, unsigned int low)
{
	return v >> low & (UINT64_MAX >> (63 - (high - low)));
}

static bool fetch(struct v3_model *m, uint64_t pa, void *buf, size_t len)
{
	return !m->bus.ops->read(m->bus.ctx, pa, buf, len);
}

/* --- caches ----------------------------------------------------------------------------------------------------------- */

void v3_model_forget_stream(struct v3_model *m, uint32_t stream)
{
	for (unsigned int i = 0; i < N_STES; i++) {
		if (m->stes[i].stream == stream)
			m->stes[i].valid = false;
	}
}

void v3_model_forget_streams(struct v3_model *m)
{
	for (unsigned int i = 0; i < N_STES; i++)
		m->stes[i].valid = false;
}

void v3_model_forget_va(struct v3_model *m, uint16_t asid, uint64_t va, bool leaf)
{
	for (unsigned int i = 0; i < N_TLB; i++) {
		struct tlb_entry *e = &m->tlb[i];

		if (e->asid == asid && va - e->va < e->size)
			e->valid = false;
	}
	for (unsigned int i = 0; i < N_TABLES && !leaf; i++) {
		if (m->tables[i].asid == asid && m->tables[i].va == va >> 21)
			m->tables[i].valid = false;
	}
}

void v3_model_forget_asid(struct v3_model *m, uint16_t asid)
{
	for (unsigned int i = 0; i < N_TLB; i++) {
		/* A global entry stays, whatever ASID is named. */
		if (m->tlb[i].asid == asid && bits(m->tlb[i].descriptor, 11, 11))
			m->tlb[i].valid = false;
	}
	for (unsigned int i = 0; i < N_TABLES; i++) {
		if (m->tables[i].asid == asid)
			m->tables[i].valid = false;
	}
}

void v3_model_forget_all(struct v3_model *m)
{
	memset(m->tlb, 0, sizeof(m->tlb));
	memset(m->tables, 0, sizeof(m->tables));
}

/* --- the stream's configuration ------------------------------------------------------------------------------------- */

static unsigned int find_ste(struct v3_model *m, uint32_t stream, uint64_t *out_pa)
{
	uint64_t base = bits(v3_model_reg64(m, 0x80), 51, 6) << 6, l1;
	uint32_t config = *v3_model_reg(m, 0x88);
	unsigned int log2 = config & 63, split = config >> 6 & 31;

	if (log2 < 32 && stream >> log2)
		return 0x02; /* C_BAD_STREAMID */
	if ((config >> 16 & 3) == 0) {
		*out_pa = base + (uint64_t)stream * 64;
		return 0;
	}
	if (!fetch(m, base + (uint64_t)(stream >> split) * 8, &l1, 8))
		return 0x03; /* F_STE_FETCH */
	if (!(l1 & 31) || bits(stream, split - 1, 0) >> ((l1 & 31) - 1))
		return 0x02;
	*out_pa = (bits(l1, 51, 6) << 6) + bits(stream, split - 1, 0) * 64;
	return 0;
}

static unsigned int check_cd(const struct v3_model *m, const uint64_t *cd)
{
	uint64_t asid = bits(cd[0], 63, 48);
	bool stall = bits(cd[0], 44, 44);

	/* V, AA64, T0SZ of 48 bits, granule of 4 KB, little-endian, and S only where the model may stall. */
	if (!bits(cd[0], 31, 31) || !bits(cd[0], 41, 41) || bits(cd[0], 5, 0) != 16 ||
	    bits(cd[0], 7, 6) != 0 || bits(cd[0], 15, 15) || !bits(cd[0], 30, 30) ||
	    (stall && m->config.stall_model == V3_STALL_NEVER) ||
	    (!stall && m->config.stall_model == V3_STALL_FORCED) || (m->config.asid8 && asid > 255))
		return 0x0A; /* C_BAD_CD */
	return 0;
}

static unsigned int load(struct v3_model *m, uint32_t stream, struct ste_entry **out)
{
	struct ste_entry *e;
	unsigned int id;
	uint64_t pa;

	for (unsigned int i = 0; i < N_STES; i++) {
		if (m->stes[i].valid && m->stes[i].stream == stream) {
			*out = &m->stes[i];
			return 0;
		}
	}
	e = &m->stes[m->next_ste++ % N_STES];
	*e = (struct ste_entry){ .stream = stream };
	id = find_ste(m, stream, &pa);
	if (id)
		return id;
	if (!fetch(m, pa, e->ste, sizeof(e->ste)))
		return 0x03;
	if (!(e->ste[0] & 1))
		return 0x04; /* C_BAD_STE */
	if (bits(e->ste[0], 3, 1) == 5) {
		if (bits(e->ste[0], 63, 59))
			return 0x04;
		if (!fetch(m, bits(e->ste[0], 51, 6) << 6, e->cd, sizeof(e->cd)))
			return 0x09; /* F_CD_FETCH */
		id = check_cd(m, e->cd);
		if (id)
			return id;
	} else if (bits(e->ste[0], 3, 1) != 0 && bits(e->ste[0], 3, 1) != 4) {
		return 0x04;
	}
	e->valid = true;
	*out = e;
	return 0;
}

/* --- tables ----------------------------------------------------------------------------------------------------------- */

static unsigned int oas_of(const uint64_t *cd)
{
	static const unsigned int by_ips[] = { 32, 36, 40, 42, 44, 48, 48, 48 };

	return by_ips[bits(cd[0], 34, 32)];
}

static bool cached_table(const struct v3_model *m, uint16_t asid, uint64_t va, uint64_t *out_pa)
{
	for (unsigned int i = 0; i < N_TABLES; i++) {
		if (m->tables[i].valid && m->tables[i].asid == asid &&
		    m->tables[i].va == va >> 21) {
			*out_pa = m->tables[i].pa;
			return true;
		}
	}
	return false;
}

static unsigned int walk_tables(struct v3_model *m, const uint64_t *cd, uint64_t va,
				struct tlb_entry *out)
{
	uint16_t asid = (uint16_t)bits(cd[0], 63, 48);
	uint64_t table = bits(cd[1], 51, 4) << 4, d;
	unsigned int level = 0;

	if (cached_table(m, asid, va, &table))
		level = 3;
	for (;; level++) {
		unsigned int shift = 39 - 9 * level;

		if (!fetch(m, table + bits(va, shift + 8, shift) * 8, &d, 8))
			return 0x0B; /* F_WALK_EABT */
		if (!(d & 1) || (level == 3 && !(d & 2)) || (level == 0 && !(d & 2)))
			return 0x10; /* F_TRANSLATION */
		if (bits(d, 47, 12) << 12 >> oas_of(cd))
			return 0x11; /* F_ADDR_SIZE */
		if (level == 3 || !(d & 2)) {
			uint64_t size = UINT64_C(1) << shift;

			if (!bits(d, 10, 10))
				return 0x12; /* F_ACCESS */
			/* The output address of a block is aligned, or the descriptor is wrong. */
			if (bits(d, 47, 12) << 12 & (size - 1))
				return 0x11;
			if (level == 3 && bits(d, 52, 52) && m->turn++ % 2) {
				size = 0x10000;
				d &= ~UINT64_C(0xF000);
			}
			*out = (struct tlb_entry){ true, asid, va & ~(size - 1), size, d };
			return 0;
		}
		table = bits(d, 47, 12) << 12;
		if (level == 2)
			m->tables[m->next_table++ % N_TABLES] =
				(struct table_entry){ true, asid, va >> 21, table };
	}
}

/* The TLB, or a walk whose result it keeps. */
static unsigned int look_up(struct v3_model *m, const uint64_t *cd, uint64_t va,
			    struct tlb_entry *out)
{
	uint16_t asid = (uint16_t)bits(cd[0], 63, 48);
	unsigned int n = 0, id;

	for (unsigned int i = 0; i < N_TLB; i++) {
		const struct tlb_entry *e = &m->tlb[i];

		if (!e->valid || va - e->va >= e->size ||
		    (e->asid != asid && bits(e->descriptor, 11, 11)))
			continue;
		if (n++ && e->size != out->size)
			return 0x20; /* F_TLB_CONFLICT */
		*out = *e;
	}
	if (n)
		return 0;
	id = walk_tables(m, cd, va, out);
	if (!id)
		m->tlb[m->next_tlb++ % N_TLB] = *out;
	return id;
}

static bool is_permitted(uint64_t d, unsigned int how)
{
	bool user = bits(d, 6, 6), readonly = bits(d, 7, 7), privileged = how & V3_PRIVILEGED;

	if (!privileged && !user)
		return false;
	if ((how & V3_WRITE) && readonly)
		return false;
	if (!(how & V3_INSTRUCTION))
		return true;
	/* What the unprivileged may write the privileged may not execute. */
	if (privileged)
		return !bits(d, 53, 53) && !(user && !readonly);
	return !bits(d, 54, 54);
}

int v3_model_walk(struct v3_model *m, const struct transaction *t, uint64_t *out_pa,
		  struct fault_record *out_fault)
{
	struct ste_entry *e = NULL;
	struct tlb_entry tlb;

	*out_fault = (struct fault_record){ .id = load(m, t->stream, &e) };
	if (out_fault->id)
		return 1;
	if (bits(e->ste[0], 3, 1) == 0)
		return 1;
	if (bits(e->ste[0], 3, 1) == 4) {
		m->n_bypassed++;
		*out_pa = t->va;
		return 0;
	}
	out_fault->stall = bits(e->cd[0], 44, 44);
	if (t->va >> 48 || bits(e->cd[0], 14, 14)) /* EPD0 */
		out_fault->id = 0x10;
	else
		out_fault->id = look_up(m, e->cd, t->va, &tlb);
	if (!out_fault->id && !is_permitted(tlb.descriptor, t->how))
		out_fault->id = 0x13; /* F_PERMISSION */
	if (out_fault->id) {
		out_fault->stall &= out_fault->id >= 0x10 && out_fault->id <= 0x13;
		if (!bits(e->cd[0], 45, 45) && !out_fault->stall)
			out_fault->id = 0; /* CD.R */
		return 1;
	}
	m->mair = (unsigned int)(e->cd[3] >> 8 * bits(tlb.descriptor, 4, 2) & 0xFF);
	m->sh = (unsigned int)bits(tlb.descriptor, 9, 8);
	*out_pa = (bits(tlb.descriptor, 47, 12) << 12 & ~(tlb.size - 1)) | (t->va & (tlb.size - 1));
	return 0;
}
