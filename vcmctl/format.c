// SPDX-License-Identifier: BSD-3-Clause
#include "vcmctl/format.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vcm/attr.h>
#include <vcm/inspect.h>

#define NS_PER_S UINT64_C(1000000000)

const char *format_size(char buf[FORMAT_LEN], uint64_t bytes)
{
	static const char units[] = "EPTGMK";

	for (unsigned int i = 0, shift = 60; shift; i++, shift -= 10) {
		uint64_t unit = UINT64_C(1) << shift, rest = bytes & (unit - 1);

		if (bytes < unit || rest % (unit / 2))
			continue;
		snprintf(buf, FORMAT_LEN, "%" PRIu64 "%s%c", bytes >> shift, rest ? ".5" : "",
			 units[i]);
		return buf;
	}
	snprintf(buf, FORMAT_LEN, "%" PRIu64, bytes);
	return buf;
}

const char *format_addr(char buf[FORMAT_LEN], uint64_t addr)
{
	snprintf(buf, FORMAT_LEN, "0x%08" PRIx64, addr);
	return buf;
}

const char *format_duration(char buf[FORMAT_LEN], uint64_t ns)
{
	uint64_t s = ns / NS_PER_S, m = s / 60, h = m / 60, d = h / 24;

	if (s < 10)
		snprintf(buf, FORMAT_LEN, "%.2fs", (double)ns / (double)NS_PER_S);
	else if (m == 0)
		snprintf(buf, FORMAT_LEN, "%" PRIu64 "s", s);
	else if (h == 0)
		snprintf(buf, FORMAT_LEN, "%" PRIu64 ":%02" PRIu64, m, s % 60);
	else if (d == 0)
		snprintf(buf, FORMAT_LEN, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, h, m % 60,
			 s % 60);
	else
		snprintf(buf, FORMAT_LEN, "%" PRIu64 "d %" PRIu64 ":%02" PRIu64 ":%02" PRIu64, d,
			 h % 24, m % 60, s % 60);
	return buf;
}

/* Appends a word, after a blank if it is not the first. */
static void add_word(char buf[FORMAT_LEN], const char *word)
{
	size_t len = strlen(buf);

	snprintf(buf + len, FORMAT_LEN - len, "%s%s", len ? " " : "", word);
}

static const char *cache_name(uint64_t policy)
{
	static const char *const names[] = {
		[VCM_NOTCACHED] = "",
		[VCM_WB_WA] = "wb-wa",
		[VCM_WB_NWA] = "wb-nwa",
		[VCM_WT] = "wt",
		[VCM_INNER_WB_WA] = "inner-wb-wa",
		[VCM_INNER_WT_NWA] = "inner-wt",
		[VCM_INNER_WB_NWA] = "inner-wb-nwa",
		[VCM_OUTER_WB_WA] = "outer-wb-wa",
		[VCM_OUTER_WT_NWA] = "outer-wt",
		[VCM_OUTER_WB_NWA] = "outer-wb-nwa",
	};

	return policy < sizeof(names) / sizeof(*names) ? names[policy] : "cache?";
}

const char *format_res_attr(char buf[FORMAT_LEN], uint64_t attr)
{
	uint64_t access = attr & (VCM_READ | VCM_WRITE | VCM_EXECUTE);

	if (!access)
		access = VCM_READ | VCM_WRITE;
	snprintf(buf, FORMAT_LEN, "%s%s%s", access & VCM_READ ? "r" : "",
		 access & VCM_WRITE ? "w" : "", access & VCM_EXECUTE ? "x" : "");
	if ((attr & (VCM_USER | VCM_SUPERVISOR)) == VCM_SUPERVISOR)
		add_word(buf, "privileged");
	if (attr & VCM_SECURE)
		add_word(buf, "secure");
	if (*cache_name(attr & VCM_CACHE_POLICY))
		add_word(buf, cache_name(attr & VCM_CACHE_POLICY));
	return buf;
}

const char *format_phys_attr(char buf[FORMAT_LEN], uint64_t attr)
{
	static const struct {
		uint64_t bit;
		const char *word;
	} words[] = {
		{ VCM_4KB, "4K" },
		{ VCM_64KB, "64K" },
		{ VCM_1MB, "1M" },
		{ VCM_ALL, "all" },
		{ VCM_PHYS_CONT, "contiguous" },
		{ VCM_COHERENT, "coherent" },
	};

	*buf = '\0';
	if (!(attr & VCM_PAGE_SEL_MASK))
		add_word(buf, "all");
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (attr & words[i].bit)
			add_word(buf, words[i].word);
	return buf;
}

/* Of an export, and of an import: they may be of one physmem. */
static const char *access_word(uint64_t writable)
{
	return writable ? "" : " read-only";
}

const char *format_sharing(char buf[FORMAT_LEN], uint64_t bits)
{
	const char *comma = "";
	int n = 0;

	*buf = '\0';
	if (bits & VCM_SHARING_EXPORTED) {
		n = snprintf(buf, FORMAT_LEN, "exported%s",
			     access_word(bits & VCM_SHARING_EXPORTED_WRITABLE));
		comma = ", ";
	}
	if (bits & VCM_SHARING_IMPORTED) {
		n += snprintf(buf + n, FORMAT_LEN - (size_t)n, "%simported%s", comma,
			      access_word(!(bits & VCM_SHARING_READ_ONLY)));
		comma = ", ";
	}
	if (bits & VCM_SHARING_ORPHANED)
		snprintf(buf + n, FORMAT_LEN - (size_t)n, "%sorphaned", comma);
	return buf;
}

const char *format_page_sizes(char buf[FORMAT_LEN], uint64_t bits)
{
	char size[FORMAT_LEN];

	*buf = '\0';
	for (unsigned int i = 0; i < 64; i++)
		if (bits >> i & 1)
			add_word(buf, format_size(size, UINT64_C(1) << i));
	return buf;
}

const char *format_user(char buf[FORMAT_LEN], uint64_t uid)
{
	struct passwd pw, *found = NULL;
	char texts[1024];

	if (getpwuid_r((uid_t)uid, &pw, texts, sizeof(texts), &found) == 0 && found)
		snprintf(buf, FORMAT_LEN, "%s", pw.pw_name);
	else
		snprintf(buf, FORMAT_LEN, "%" PRIu64, uid);
	return buf;
}

/* The shift of a unit; -1 when there is no such unit. */
static int unit_shift(const char *unit)
{
	switch (toupper((unsigned char)*unit)) {
	case '\0':
		return 0;
	case 'K':
		return unit[1] ? -1 : 10;
	case 'M':
		return unit[1] ? -1 : 20;
	case 'G':
		return unit[1] ? -1 : 30;
	default:
		return -1;
	}
}

bool parse_number(const char *text, uint64_t *out)
{
	char *end;
	uint64_t v;
	int shift;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	v = strtoull(text, &end, text[1] == 'x' || text[1] == 'X' ? 16 : 10);
	shift = unit_shift(end);
	if (errno || shift < 0 || v > UINT64_MAX >> shift)
		return false;
	*out = v << shift;
	return true;
}

const char *format_kind(char buf[FORMAT_LEN], uint64_t memtype)
{
	if (memtype == VCM_INVALID)
		return "of a window";
	snprintf(buf, FORMAT_LEN, "of memtype %" PRIu64, memtype - VCM_MEMTYPE_0);
	return buf;
}
