// SPDX-License-Identifier: BSD-3-Clause
// The graph for graphviz: devices left, memory right; a vcm is a record with a field for each reservation.
#include "vcmctl/graph.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <vcm/attr.h>

/* As part of a label, also of a record's, between double quotes. */
static void print_label(const char *text)
{
	for (; *text; text++) {
		if (strchr("\\\"{}|<>", *text))
			putchar('\\');
		putchar(*text);
	}
}

static void print_device(const struct line *device)
{
	printf("\td%" PRIu64 " [shape=box, label=\"", device->n[VCM_DEVICE_NUMBER]);
	print_label(line_text(device, 0));
	puts("\"];");
}

static void print_vcm(const struct graph *g, const struct line *vcm)
{
	struct lines res = graph_vcm_reservations(g, vcm);
	char buf[FORMAT_LEN], addr[FORMAT_LEN], size[FORMAT_LEN], attr[FORMAT_LEN];

	printf("\tv%" PRIu64 "_%" PRIu64 " [shape=record, label=\"vcm %" PRIu64 " of ",
	       vcm->n[VCM_VCM_SESSION], vcm->n[VCM_VCM_HANDLE], vcm->n[VCM_VCM_HANDLE]);
	print_label(graph_program(buf, g, vcm->n[VCM_VCM_SESSION]));
	fputs("\\n", stdout);
	print_label(graph_vcm_extent(buf, vcm));
	for (size_t i = 0; i < res.n; i++)
		printf("|<r%" PRIu64 "> %s + %s %s", res.first[i].n[VCM_RES_HANDLE],
		       graph_res_addr(addr, &res.first[i]),
		       format_size(size, res.first[i].n[VCM_RES_LEN]),
		       format_res_attr(attr, res.first[i].n[VCM_RES_ATTR]));
	puts("\"];");
}

static void print_memory(const struct line *physmem)
{
	char size[FORMAT_LEN], addr[FORMAT_LEN], kind[FORMAT_LEN];

	printf("\tm%" PRIu64 " [shape=cylinder, label=\"memory %" PRIu64 "\\n%s %s"
	       "\\n%s\"];\n",
	       physmem->n[VCM_PHYSMEM_MEMORY], physmem->n[VCM_PHYSMEM_MEMORY],
	       format_size(size, physmem->n[VCM_PHYSMEM_LEN]),
	       format_kind(kind, physmem->n[VCM_PHYSMEM_MEMTYPE]),
	       format_addr(addr, physmem->n[VCM_PHYSMEM_FIRST]));
}

static void print_nodes(const struct graph *g)
{
	for (size_t i = 0; i < g->devices.n_lines; i++)
		print_device(&g->devices.lines[i]);
	for (size_t i = 0; i < g->vcms.n_lines; i++)
		print_vcm(g, &g->vcms.lines[i]);
	for (size_t i = 0; i < g->physmems.n_lines;) {
		print_memory(&g->physmems.lines[i]);
		i += graph_memory_handles(g, &g->physmems.lines[i]).n;
	}
}

/* Only between nodes that are there: graphviz would make up the others. */
static void print_edges(const struct graph *g)
{
	for (size_t i = 0; i < g->assocs.n_lines; i++) {
		const uint64_t *a = g->assocs.lines[i].n;

		if (graph_device(g, a[VCM_ASSOC_DEVICE]) &&
		    graph_vcm(g, a[VCM_ASSOC_SESSION], a[VCM_ASSOC_VCM]))
			printf("\td%" PRIu64 " -> v%" PRIu64 "_%" PRIu64 " [style=%s];\n",
			       a[VCM_ASSOC_DEVICE], a[VCM_ASSOC_SESSION], a[VCM_ASSOC_VCM],
			       a[VCM_ASSOC_IS_ACTIVE] ? "bold" : "dashed");
	}
	for (size_t i = 0; i < g->by_memory.n_lines; i++) {
		const uint64_t *r = g->by_memory.lines[i].n;

		if (graph_vcm(g, r[VCM_RES_SESSION], r[VCM_RES_VCM]) &&
		    graph_memory(g, r[VCM_RES_MEMORY]))
			printf("\tv%" PRIu64 "_%" PRIu64 ":r%" PRIu64 " -> m%" PRIu64 ";\n",
			       r[VCM_RES_SESSION], r[VCM_RES_VCM], r[VCM_RES_HANDLE],
			       r[VCM_RES_MEMORY]);
	}
}

void graph_print_dot(const struct graph *g)
{
	puts("digraph vcm {\n\trankdir=LR;\n\tnode [fontname=monospace];");
	print_nodes(g);
	print_edges(g);
	puts("}");
}
