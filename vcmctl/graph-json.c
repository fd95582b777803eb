// SPDX-License-Identifier: BSD-3-Clause
// The graph for programs: vcms with what they hold, and the memory.
#include "vcmctl/graph.h"

#include <vcm/attr.h>

#include "vcmctl/cleanup.h"
#include "vcmctl/column.h"

static const char *show_type(char buf[FORMAT_LEN], const struct line *l, unsigned int at)
{
	(void)buf;
	switch ((enum vcm_type)l->n[at]) {
	case VCM_DEVICE:
		return "device";
	case VCM_EXT_KERNEL:
		return "kernel";
	case VCM_EXT_USER:
		return "user";
	case VCM_ONE_TO_ONE:
		return "one-to-one";
	}
	return "other";
}

static const char *show_phys_attr(char buf[FORMAT_LEN], const struct line *l, unsigned int at)
{
	return format_phys_attr(buf, l->n[at]);
}

static const struct column vcm_columns[] = {
	{ NULL, "session", COLUMN_NUMBER, show_count, VCM_VCM_SESSION },
	{ NULL, "vcm", COLUMN_NUMBER, show_count, VCM_VCM_HANDLE },
	{ NULL, "type", COLUMN_WORD, show_type, VCM_VCM_TYPE },
	{ NULL, "start", COLUMN_ADDR, show_addr, VCM_VCM_START },
	{ NULL, "len", COLUMN_NUMBER, show_size, VCM_VCM_LEN },
	{ NULL, "table", COLUMN_ADDR, show_addr, VCM_VCM_TABLE },
};
static const struct column session_columns[] = {
	{ NULL, "program", COLUMN_WORD, show_text, 0 },
	{ NULL, "pid", COLUMN_NUMBER, show_count, VCM_SESSION_PID },
	{ NULL, "uid", COLUMN_NUMBER, show_count, VCM_SESSION_UID },
};
static const struct column assoc_columns[] = {
	{ NULL, "avcm", COLUMN_NUMBER, show_count, VCM_ASSOC_HANDLE },
	{ NULL, "device", COLUMN_WORD, show_text, 0 },
	{ NULL, "attr", COLUMN_NUMBER, show_count, VCM_ASSOC_ATTR },
	{ NULL, "is_active", COLUMN_TRUTH, show_yes, VCM_ASSOC_IS_ACTIVE },
};
static const struct column bound_columns[] = {
	{ NULL, "bound", COLUMN_NUMBER, show_count, VCM_BOUND_HANDLE },
	{ NULL, "start", COLUMN_ADDR, show_addr, VCM_BOUND_START },
	{ NULL, "len", COLUMN_NUMBER, show_size, VCM_BOUND_LEN },
};
static const struct column res_columns[] = {
	{ NULL, "res", COLUMN_NUMBER, show_count, VCM_RES_HANDLE },
	{ NULL, "addr", COLUMN_ADDR, show_addr, VCM_RES_ADDR },
	{ NULL, "len", COLUMN_NUMBER, show_size, VCM_RES_LEN },
	{ NULL, "attr", COLUMN_NUMBER, show_count, VCM_RES_ATTR },
	{ NULL, "access", COLUMN_WORD, show_res_attr, VCM_RES_ATTR },
	{ NULL, "bound", COLUMN_NUMBER, show_count, VCM_RES_BOUND },
	{ NULL, "physmem", COLUMN_NUMBER, show_count, VCM_RES_PHYSMEM },
	{ NULL, "memory", COLUMN_NUMBER, show_count, VCM_RES_MEMORY },
};
static const struct column memory_columns[] = {
	{ NULL, "memory", COLUMN_NUMBER, show_count, VCM_PHYSMEM_MEMORY },
	{ NULL, "memtype", COLUMN_INDEX, show_memtype, VCM_PHYSMEM_MEMTYPE },
	{ NULL, "len", COLUMN_NUMBER, show_size, VCM_PHYSMEM_LEN },
	{ NULL, "attr", COLUMN_NUMBER, show_count, VCM_PHYSMEM_ATTR },
	{ NULL, "asked_for", COLUMN_WORD, show_phys_attr, VCM_PHYSMEM_ATTR },
	{ NULL, "first", COLUMN_ADDR, show_addr, VCM_PHYSMEM_FIRST },
	{ NULL, "segments", COLUMN_NUMBER, show_count, VCM_PHYSMEM_SEGMENTS },
};
static const struct column handle_columns[] = {
	{ NULL, "session", COLUMN_NUMBER, show_count, VCM_PHYSMEM_SESSION },
	{ NULL, "physmem", COLUMN_NUMBER, show_count, VCM_PHYSMEM_HANDLE },
	{ NULL, "mappings", COLUMN_NUMBER, show_count, VCM_PHYSMEM_MAPPINGS },
	{ NULL, "sharing", COLUMN_WORD, show_sharing, VCM_PHYSMEM_SHARING },
};
static const struct column device_columns[] = {
	{ NULL, "device", COLUMN_WORD, show_text, 0 },
	{ NULL, "number", COLUMN_NUMBER, show_count, VCM_DEVICE_NUMBER },
	{ NULL, "backend", COLUMN_WORD, show_text, 1 },
};

#define TO_JSON(columns, line) columns_to_json(columns, sizeof(columns) / sizeof(*(columns)), line)
#define LIST_TO_JSON(columns, lines)                                                               \
	list_to_json(columns, sizeof(columns) / sizeof(*(columns)), lines)

static json_object *list_to_json(const struct column *columns, size_t n, struct lines lines)
{
	json_object *list = json_object_new_array();

	for (size_t i = 0; i < lines.n; i++)
		json_object_array_add(list, columns_to_json(columns, n, &lines.first[i]));
	return list;
}

static json_object *vcm_to_json(const struct graph *g, const struct line *vcm)
{
	json_object *j = TO_JSON(vcm_columns, vcm);
	const struct line *session = graph_session(g, vcm->n[VCM_VCM_SESSION]);

	json_object_object_add(j, "owner", session ? TO_JSON(session_columns, session) : NULL);
	json_object_object_add(j, "assocs", LIST_TO_JSON(assoc_columns, graph_vcm_assocs(g, vcm)));
	json_object_object_add(j, "bounds", LIST_TO_JSON(bound_columns, graph_vcm_bounds(g, vcm)));
	json_object_object_add(j, "reservations",
			       LIST_TO_JSON(res_columns, graph_vcm_reservations(g, vcm)));
	return j;
}

static json_object *memory_to_json(const struct graph *g)
{
	json_object *list = json_object_new_array();

	for (size_t i = 0; i < g->physmems.n_lines;) {
		struct lines handles = graph_memory_handles(g, &g->physmems.lines[i]);
		json_object *j = TO_JSON(memory_columns, handles.first);
		uint64_t memory = handles.first->n[VCM_PHYSMEM_MEMORY];

		json_object_object_add(
			j, "mappings",
			json_object_new_uint64(graph_memory_reservations(g, memory).n));
		json_object_object_add(j, "physmems", LIST_TO_JSON(handle_columns, handles));
		json_object_array_add(list, j);
		i += handles.n;
	}
	return list;
}

void graph_print_json(const struct graph *g)
{
	_cleanup_(json_putp) json_object *j = json_object_new_object();
	const struct lines devices = { g->devices.lines, g->devices.n_lines };
	json_object *vcms = json_object_new_array();

	for (size_t i = 0; i < g->vcms.n_lines; i++)
		json_object_array_add(vcms, vcm_to_json(g, &g->vcms.lines[i]));
	json_object_object_add(j, "devices", LIST_TO_JSON(device_columns, devices));
	json_object_object_add(j, "vcms", vcms);
	json_object_object_add(j, "memory", memory_to_json(g));
	json_print(j);
}
