// SPDX-License-Identifier: BSD-3-Clause
// The graph for people: a tree from the devices to the memory, then the memory with the way back.
#include "vcmctl/graph.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <vcm/attr.h>

/* What stands left of a line: "|   |-- " and the like. */
struct branch {
	char text[32];
};

static struct branch branch_under(const struct branch *b, bool is_last)
{
	struct branch under;

	snprintf(under.text, sizeof(under.text), "%.20s%s", b->text, is_last ? "    " : "|   ");
	return under;
}

static void print_branch(const struct branch *b, bool is_last)
{
	printf("%s%s", b->text, is_last ? "`-- " : "|-- ");
}

static void print_reservation(const struct graph *g, const struct line *res)
{
	char addr[FORMAT_LEN], size[FORMAT_LEN], attr[FORMAT_LEN];
	uint64_t memory = res->n[VCM_RES_MEMORY];

	printf("%s + %-5s %-3s -> ", graph_res_addr(addr, res),
	       format_size(size, res->n[VCM_RES_LEN]), format_res_attr(attr, res->n[VCM_RES_ATTR]));
	if (!memory)
		puts("nothing yet");
	else
		printf("memory %" PRIu64 "%s\n", memory,
		       graph_memory_reservations(g, memory).n > 1 ? " (shared)" : "");
}

static void print_reservations(const struct graph *g, struct lines res, const struct branch *b,
			       bool more)
{
	for (size_t i = 0; i < res.n; i++) {
		print_branch(b, !more && i == res.n - 1);
		print_reservation(g, &res.first[i]);
	}
}

static void print_bound(const struct graph *g, const struct line *vcm, const struct line *bound,
			const struct branch *b)
{
	char addr[FORMAT_LEN], size[FORMAT_LEN];

	printf("bound %" PRIu64 "  %s + %s\n", bound->n[VCM_BOUND_HANDLE],
	       format_addr(addr, bound->n[VCM_BOUND_START]),
	       format_size(size, bound->n[VCM_BOUND_LEN]));
	print_reservations(g, graph_bound_reservations(g, vcm, bound->n[VCM_BOUND_HANDLE]), b,
			   false);
}

static void print_vcm_contents(const struct graph *g, const struct line *vcm,
			       const struct branch *b)
{
	struct lines bounds = graph_vcm_bounds(g, vcm);

	print_reservations(g, graph_bound_reservations(g, vcm, 0), b, bounds.n != 0);
	for (size_t i = 0; i < bounds.n; i++) {
		struct branch under = branch_under(b, i == bounds.n - 1);

		print_branch(b, i == bounds.n - 1);
		print_bound(g, vcm, &bounds.first[i], &under);
	}
}

static void print_vcm_name(const struct graph *g, const struct line *vcm)
{
	char program[FORMAT_LEN], extent[FORMAT_LEN];

	printf("vcm %" PRIu64 " of %s  %s", vcm->n[VCM_VCM_HANDLE],
	       graph_program(program, g, vcm->n[VCM_VCM_SESSION]), graph_vcm_extent(extent, vcm));
}

/* A vcm is drawn whole under the first of its devices only. */
static void print_assoc(const struct graph *g, const struct line *assoc, const struct branch *b)
{
	const struct line *vcm = graph_vcm(g, assoc->n[VCM_ASSOC_SESSION], assoc->n[VCM_ASSOC_VCM]);
	const struct line *first;

	if (!vcm) {
		puts("(gone)");
		return;
	}
	first = graph_vcm_assocs(g, vcm).first;
	print_vcm_name(g, vcm);
	printf("  %s", assoc->n[VCM_ASSOC_IS_ACTIVE] ? "active" : "not active");
	if (first != assoc) {
		printf("  (as under %s)\n", line_text(first, 0));
		return;
	}
	putchar('\n');
	print_vcm_contents(g, vcm, b);
}

static void print_device(const struct graph *g, const struct line *device)
{
	static const struct branch root = { "" };
	const struct line *assoc = graph_next_assoc(g, device, NULL);

	if (!assoc)
		return;
	printf("%s\n", line_text(device, 0));
	while (assoc) {
		const struct line *next = graph_next_assoc(g, device, assoc);
		struct branch under = branch_under(&root, !next);

		print_branch(&root, !next);
		print_assoc(g, assoc, &under);
		assoc = next;
	}
	putchar('\n');
}

static void print_vcms_without_device(const struct graph *g)
{
	static const struct branch root = { "" };
	bool any = false;

	for (size_t i = 0; i < g->vcms.n_lines; i++) {
		const struct line *vcm = &g->vcms.lines[i];

		if (graph_vcm_assocs(g, vcm).n)
			continue;
		if (!any)
			puts("without a device");
		any = true;
		print_vcm_name(g, vcm);
		putchar('\n');
		print_vcm_contents(g, vcm, &root);
	}
	if (any)
		putchar('\n');
}

static void print_idle_devices(const struct graph *g)
{
	bool any = false;

	for (size_t i = 0; i < g->devices.n_lines; i++) {
		if (graph_next_assoc(g, &g->devices.lines[i], NULL))
			continue;
		printf("%s%s",
		       any ? ", " : "devices without a vcm: ", line_text(&g->devices.lines[i], 0));
		any = true;
	}
	if (any)
		putchar('\n');
}

/* One line for each device that sees the reservation, or one for the vcm where none does. */
static void print_way_back(const struct graph *g, const struct line *res, bool is_last)
{
	static const struct branch root = { "" };
	const struct line *vcm = graph_vcm(g, res->n[VCM_RES_SESSION], res->n[VCM_RES_VCM]);
	struct lines assocs = vcm ? graph_vcm_assocs(g, vcm) : (struct lines){ NULL, 0 };
	char addr[FORMAT_LEN], program[FORMAT_LEN];

	graph_program(program, g, res->n[VCM_RES_SESSION]);
	if (!assocs.n) {
		print_branch(&root, is_last);
		printf("vcm %" PRIu64 " of %s at %s\n", res->n[VCM_RES_VCM], program,
		       graph_res_addr(addr, res));
	}
	for (size_t i = 0; i < assocs.n; i++) {
		const struct line *assoc = &assocs.first[i];

		print_branch(&root, is_last && i == assocs.n - 1);
		printf("%s at %s for %s%s\n", line_text(assoc, 0), graph_res_addr(addr, res),
		       program, assoc->n[VCM_ASSOC_IS_ACTIVE] ? "" : ", not active");
	}
}

static size_t count_shared(struct lines handles)
{
	size_t n = 0;

	for (size_t i = 0; i < handles.n; i++)
		n += handles.first[i].n[VCM_PHYSMEM_SHARING] != 0;
	return n;
}

/* Who has given it away, and who has got it. */
static void print_sharing(const struct graph *g, struct lines handles, size_t left)
{
	static const struct branch root = { "" };
	char program[FORMAT_LEN], sharing[FORMAT_LEN];

	for (size_t i = 0; i < handles.n && left; i++) {
		const uint64_t *n = handles.first[i].n;

		if (!n[VCM_PHYSMEM_SHARING])
			continue;
		print_branch(&root, --left == 0);
		printf("%s: physmem %" PRIu64 " of %s\n",
		       format_sharing(sharing, n[VCM_PHYSMEM_SHARING]), n[VCM_PHYSMEM_HANDLE],
		       graph_program(program, g, n[VCM_PHYSMEM_SESSION]));
	}
}

static void print_memory(const struct graph *g, const struct line *physmem)
{
	struct lines res = graph_memory_reservations(g, physmem->n[VCM_PHYSMEM_MEMORY]);
	struct lines handles = graph_memory_handles(g, physmem);
	size_t n_shared = count_shared(handles);
	uint64_t segments = physmem->n[VCM_PHYSMEM_SEGMENTS];
	char size[FORMAT_LEN], addr[FORMAT_LEN], program[FORMAT_LEN], kind[FORMAT_LEN];

	printf("memory %" PRIu64 "  %s %s at %s", physmem->n[VCM_PHYSMEM_MEMORY],
	       format_size(size, physmem->n[VCM_PHYSMEM_LEN]),
	       format_kind(kind, physmem->n[VCM_PHYSMEM_MEMTYPE]),
	       format_addr(addr, physmem->n[VCM_PHYSMEM_FIRST]));
	if (segments > 1)
		printf(", %" PRIu64 " segments", segments);
	if (!res.n)
		printf(", mapped by nobody, held by %s",
		       graph_program(program, g, physmem->n[VCM_PHYSMEM_SESSION]));
	putchar('\n');
	for (size_t i = 0; i < res.n; i++)
		print_way_back(g, &res.first[i], !n_shared && i == res.n - 1);
	print_sharing(g, handles, n_shared);
}

void graph_print_text(const struct graph *g)
{
	for (size_t i = 0; i < g->devices.n_lines; i++)
		print_device(g, &g->devices.lines[i]);
	print_vcms_without_device(g);
	for (size_t i = 0; i < g->physmems.n_lines;) {
		print_memory(g, &g->physmems.lines[i]);
		i += graph_memory_handles(g, &g->physmems.lines[i]).n;
	}
	if (g->physmems.n_lines)
		putchar('\n');
	else
		puts("no memory is allocated\n");
	print_idle_devices(g);
}
