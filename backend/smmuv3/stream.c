// SPDX-License-Identifier: BSD-3-Clause
/*
 * The stream table and the context descriptors.
 *
 *	STE of context 0 --> cds[1] or cds[2] --> a table	active
 *	STE of context 1 --> cds[0]				parked: EPD0 and EPD1, every address faults
 *	any other STE	     V = 0				aborted, and recorded as C_BAD_STE
 *
 * A context's two descriptors take turns: the one that is not in use is written, and one store to the STE's first word
 * switches to it. CFGI_STE drops the descriptors cached for the stream, too (IHI 0070, 4.3.1), so the other one may be
 * written again after the sync.
 */
#include "backend/smmuv3/device.h"

#include <errno.h>

#include "backend/smmuv3/a64-table.h"
#include "backend/smmuv3/registers.h"

#define L2_ENTRIES (1U << STRTAB_SPLIT)

/* --- descriptors ------------------------------------------------------------------------------------------------------ */

/* Of context i: 1 + 2 * i and the next. */
static uint64_t *cd_at(const struct smmuv3 *s, unsigned int n)
{
	return s->cds + (size_t)n * CD_WORDS;
}

static uint64_t cd_pa(const struct smmuv3 *s, unsigned int n)
{
	return s->cds_pa + (uint64_t)n * CD_LEN;
}

static uint64_t ips(unsigned int pa_bits)
{
	static const uint8_t by_value[] = { 32, 36, 40, 42, 44, 48 };
	uint64_t v = 0;

	while (by_value[v] != pa_bits)
		v++;
	return v << CD0_IPS_SHIFT;
}

static uint64_t cd_word0(const struct smmuv3 *s)
{
	return CD0_V | CD0_T0SZ(A64_VA_BITS) | CD0_EPD1 | CD0_AA64 | CD0_R | CD0_A | CD0_ASET |
	       ips(s->pa_bits) | (s->coherent ? CD0_COHERENT : 0) | (s->must_stall ? CD0_S : 0);
}

static void cd_park(const struct smmuv3 *s)
{
	uint64_t *cd = cd_at(s, 0);

	cd[3] = a64_mair();
	a64_store(&cd[0], cd_word0(s) | CD0_EPD0);
}

static void cd_write(const struct smmuv3 *s, uint64_t *cd, const struct v3_context *c,
		     const struct v3_space *space)
{
	cd[1] = a64_ops.root(space->table);
	cd[2] = 0;
	cd[3] = a64_mair();
	a64_store(&cd[0], cd_word0(s) | (uint64_t)space->asid << CD0_ASID_SHIFT |
				  (c->stall && s->can_stall ? CD0_S : 0));
}

/* --- the stream table ------------------------------------------------------------------------------------------------- */

static uint64_t *l1_of(const struct smmuv3 *s, uint32_t stream)
{
	return &s->strtab[stream >> STRTAB_SPLIT];
}

static uint64_t *ste_of(const struct smmuv3 *s, uint32_t stream)
{
	if (!s->two_level)
		return s->strtab + (size_t)stream * STE_WORDS;
	return (uint64_t *)s->bus.ops->view(s->bus.ctx, *l1_of(s, stream) & L1STD_L2, V3_L2_BYTES) +
	       (size_t)(stream & (L2_ENTRIES - 1)) * STE_WORDS;
}

static int need_l2(struct smmuv3 *s, uint32_t stream)
{
	uint64_t pa, *at;
	size_t len;

	if (!s->two_level || *l1_of(s, stream))
		return 0;
	if (v3_alloc(s, V3_L2_BYTES, &pa, &at, &len))
		return -ENOMEM;
	a64_store(l1_of(s, stream), pa | (STRTAB_SPLIT + 1)); /* Span: 2^(n-1) entries */
	return 0;
}

static void ste_init(const struct smmuv3 *s, uint32_t stream)
{
	uint64_t *ste = ste_of(s, stream);

	ste[1] = STE1_SHCFG_INCOMING | (s->coherent ? STE1_COHERENT : 0);
	a64_store(&ste[0], STE0_V | STE0_S1 | cd_pa(s, 0));
}

size_t v3_strtab_bytes(const struct smmuv3 *s)
{
	return s->two_level ? (size_t)8 << (s->sid_bits - STRTAB_SPLIT) :
			      (size_t)STE_LEN << s->sid_bits;
}

static size_t n_l1(const struct smmuv3 *s)
{
	return s->two_level ? (size_t)1 << (s->sid_bits - STRTAB_SPLIT) : 0;
}

int v3_each_l2(struct smmuv3 *s, int (*fn)(struct smmuv3 *s, uint64_t pa))
{
	int r = 0;

	for (size_t i = 0; i < n_l1(s) && r >= 0; i++)
		if (s->strtab[i])
			r = fn(s, s->strtab[i] & L1STD_L2);
	return r < 0 ? r : 0;
}

int v3_each_stream(struct smmuv3 *s, int (*fn)(struct smmuv3 *s, uint32_t stream, uint64_t *ste))
{
	int r = 0;

	for (uint64_t i = 0; i < UINT64_C(1) << s->sid_bits && r == 0; i++) {
		uint32_t stream = (uint32_t)i;

		if (s->two_level && !*l1_of(s, stream))
			i |= L2_ENTRIES - 1;
		else
			r = fn(s, stream, ste_of(s, stream));
	}
	return r;
}

static const struct v3_context *context_of(const struct smmuv3 *s, uint32_t stream)
{
	for (unsigned int i = 0; i < s->n_contexts; i++)
		if (s->contexts[i].stream == stream)
			return &s->contexts[i];
	return NULL;
}

/* The descriptors, and room for the entry of each stream. */
static int make_room(struct smmuv3 *s, struct reason *why)
{
	if (v3_alloc(s, (1 + 2 * (size_t)s->n_contexts) * CD_LEN, &s->cds_pa, &s->cds,
		     &s->cds_len) ||
	    (!s->strtab &&
	     v3_alloc(s, v3_strtab_bytes(s), &s->strtab_pa, &s->strtab, &s->strtab_len)))
		return refuse(why, -ENOMEM, "%s: no table memory", s->name);
	cd_park(s);
	for (unsigned int i = 0; i < s->n_contexts; i++) {
		uint32_t stream = s->contexts[i].stream;

		if (context_of(s, stream) != &s->contexts[i])
			return refuse(why, -EINVAL, "%s: context %s shares stream %u with another",
				      s->name, s->contexts[i].name, stream);
		if (need_l2(s, stream))
			return refuse(why, -ENOMEM, "%s: no table memory", s->name);
	}
	return 0;
}

int v3_streams_init(struct smmuv3 *s, struct reason *why)
{
	int r = make_room(s, why);

	for (unsigned int i = 0; i < s->n_contexts && r == 0; i++)
		ste_init(s, s->contexts[i].stream);
	return r;
}

static int abort_stranger(struct smmuv3 *s, uint32_t stream, uint64_t *ste)
{
	if (ste[0] && !context_of(s, stream))
		a64_store(&ste[0], 0);
	return 0;
}

/* What stalls was told to a process that is no more. */
static void adopt_stream(struct smmuv3 *s, struct v3_context *c)
{
	uint64_t *ste = ste_of(s, c->stream);

	c->left_asid = ste[0] ? v3_left_asid(s, ste[0]) : 0;
	if (!c->left_asid)
		ste_init(s, c->stream);
	if (s->can_stall)
		v3_command(s, CMD_STALL_TERM | (uint64_t)c->stream << CMD_SID_SHIFT, 0);
}

int v3_streams_adopt(struct smmuv3 *s, struct reason *why)
{
	int r = make_room(s, why);

	if (r)
		return r;
	v3_each_stream(s, abort_stranger);
	for (unsigned int i = 0; i < s->n_contexts; i++)
		adopt_stream(s, &s->contexts[i]);
	v3_command(s, CMD_CFGI_ALL, CMD1_RANGE_ALL);
	v3_command(s, CMD_TLBI_NSNH_ALL, 0);
	return v3_sync(s) ? refuse(why, -EIO, "%s does not take over its streams", s->name) : 0;
}

static int free_l2(struct smmuv3 *s, uint64_t pa)
{
	s->bus.ops->table_free(s->bus.ctx, pa, V3_L2_BYTES);
	return 0;
}

void v3_streams_deinit(struct smmuv3 *s)
{
	if (s->strtab)
		v3_each_l2(s, free_l2);
	if (s->strtab)
		s->bus.ops->table_free(s->bus.ctx, s->strtab_pa, s->strtab_len);
	if (s->cds)
		s->bus.ops->table_free(s->bus.ctx, s->cds_pa, s->cds_len);
}

/* --- switching ---------------------------------------------------------------------------------------------------------- */

static int point(struct smmuv3 *s, const struct v3_context *c, uint64_t word0)
{
	a64_store(ste_of(s, c->stream), word0);
	v3_command(s, CMD_CFGI_STE | (uint64_t)c->stream << CMD_SID_SHIFT, CMD1_LEAF);
	return v3_sync(s);
}

int v3_stream_switch(struct smmuv3 *s, struct v3_context *c, struct v3_space *space)
{
	unsigned int first = 1 + 2 * (unsigned int)(c - s->contexts), next = !c->cd;
	uint64_t old = ste_of(s, c->stream)[0];
	unsigned int n = space ? first + next : 0;

	/* It aborts everything: that is what a context without a table is to have. */
	if (s->stopped) {
		if (!space && !s->lost)
			c->space = NULL;
		return space || s->lost ? -EIO : 0;
	}
	if (space)
		cd_write(s, cd_at(s, n), c, space);
	if (point(s, c, STE0_V | STE0_S1 | cd_pa(s, n))) {
		/* What it did with the switch is not known. */
		if (point(s, c, old))
			v3_stop(s, "a stream can be switched neither there nor back");
		return -EIO;
	}
	if (space)
		c->cd = next;
	c->space = space;
	v3_left_forget(s, c);
	return 0;
}
