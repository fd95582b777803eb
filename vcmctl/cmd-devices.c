// SPDX-License-Identifier: BSD-3-Clause
#include <stdio.h>
#include <string.h>

#include "vcmctl/column.h"

/* Texts of a line. */
enum { TEXT_ABOUT = 3 };

static const char *show_kind(char buf[FORMAT_LEN], const struct line *l, unsigned int at)
{
	(void)buf;
	switch ((enum vcm_device_kind)l->n[at]) {
	case VCM_KIND_CPU:
		return "cpu";
	case VCM_KIND_ONE_TO_ONE:
		return "one-to-one";
	case VCM_KIND_IOMMU:
		return "iommu";
	}
	return "other";
}

static const char *show_pages(char buf[FORMAT_LEN], const struct line *l, unsigned int at)
{
	return format_page_sizes(buf, l->n[at]);
}

static const char *show_caps(char buf[FORMAT_LEN], const struct line *l, unsigned int at)
{
	uint64_t caps = l->n[at];

	snprintf(buf, FORMAT_LEN, "%s%s%s%s", caps & VCM_CAP_SPLIT ? " split" : "",
		 caps & VCM_CAP_STALL ? " stall" : "",
		 caps & VCM_CAP_ATOMIC_SWITCH ? " switch" : "",
		 caps & VCM_CAP_SIMULATED ? " simulated" : "");
	return *buf ? buf + 1 : buf;
}

/* The nth word of what is said of a VFIO device: its address, its driver. */
static const char *show_word(char buf[FORMAT_LEN], const struct line *l, unsigned int at)
{
	const char *text = line_text(l, TEXT_ABOUT), *next;

	for (; at && (next = strchr(text, ' ')); at--)
		text = next + 1;
	snprintf(buf, FORMAT_LEN, "%.*s", at ? 0 : (int)strcspn(text, " "), text);
	return buf;
}

static const char *show_reserved(char buf[FORMAT_LEN], const struct line *l, unsigned int at)
{
	const char *text = line_text(l, TEXT_ABOUT);

	(void)buf;
	for (; at && text; at--) {
		text = strchr(text, ' ');
		text = text ? text + 1 : NULL;
	}
	return text ? text : "";
}

static const char *show_group(char buf[FORMAT_LEN], const struct line *l, unsigned int at)
{
	return *line_text(l, TEXT_ABOUT) ? show_count(buf, l, at) : "";
}

static const struct column columns[] = {
	{ "NAME", "name", COLUMN_WORD, show_text, 0 },
	{ NULL, "number", COLUMN_NUMBER, show_count, VCM_DEVICE_NUMBER },
	{ "KIND", "kind", COLUMN_WORD, show_kind, VCM_DEVICE_KIND },
	{ "BACKEND", "backend", COLUMN_WORD, show_text, 1 },
	{ "SMMU", "smmu", COLUMN_WORD, show_text, 2 },
	{ "ACTIVE", "active", COLUMN_NUMBER, show_count, VCM_DEVICE_ACTIVE },
	{ "BITS", "va_bits", COLUMN_NUMBER, show_count_if, VCM_DEVICE_VA_BITS },
	{ "PAGES", NULL, COLUMN_WORD, show_pages, VCM_DEVICE_PAGE_SIZES },
	{ NULL, "page_sizes", COLUMN_NUMBER, show_count, VCM_DEVICE_PAGE_SIZES },
	{ "BASE", "base", COLUMN_ADDR, show_addr_if, VCM_DEVICE_BASE },
	{ NULL, "hw_version", COLUMN_NUMBER, show_count, VCM_DEVICE_HW_VERSION },
	{ "FAULTS", "faults", COLUMN_NUMBER, show_count, VCM_DEVICE_FAULTS },
	{ "CAN", "capabilities", COLUMN_WORD, show_caps, VCM_DEVICE_CAPS },
	{ "PCI", "pci", COLUMN_WORD, show_word, 0, true },
	{ "DRIVER", "driver", COLUMN_WORD, show_word, 1, true },
	{ "GROUP", "group", COLUMN_NUMBER, show_group, VCM_DEVICE_GROUP, true },
	{ "LEFT", "mappings_left", COLUMN_NUMBER, show_group, VCM_DEVICE_MAPPINGS_LEFT, true },
	{ "RESERVED", "reserved", COLUMN_WORD, show_reserved, 2, true },
};

static enum exit_code run(const struct call *call)
{
	return columns_show(columns, sizeof(columns) / sizeof(*columns), VCM_TABLE_DEVICES, 0, call,
			    "no devices");
}

const struct command cmd_devices = {
	.name = "devices",
	.synopsis = "devices",
	.summary = "what regions can be associated with",
	.options = OPTION_JSON,
	.run = run,
};
