// SPDX-License-Identifier: BSD-3-Clause
/*
 * Values that are words: one of a few, and names of what is outside.
 */
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "backend/vfio/pci.h"
#include "base/log.h"
#include "vcmd/config.h"
#include "vcmd/settings-value.h"
#include "vcmd/settings.h"

int value_log_level(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	enum log_level level;

	if (log_level_parse(text, &level) < 0)
		return value_wrong(cfg, "%s: '%s' is not error, warning, notice, info or debug",
				   opt->name, text);
	return value_give_number(cfg, opt, text, (uint64_t)level, result);
}

int value_mode(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	size_t digits = strspn(text, "01234567");
	unsigned long mode = strtoul(text, NULL, 8);

	if (!digits || digits > 4 || text[digits] || mode > 0777)
		return value_wrong(cfg, "%s: '%s' is not a mode, such as 0660", opt->name, text);
	return value_give_number(cfg, opt, text, mode, result);
}

int value_source(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	if (!strcmp(text, "memfd"))
		return value_give_number(cfg, opt, text, SOURCE_MEMFD, result);
	if (!strcmp(text, "hugetlb"))
		return value_give_number(cfg, opt, text, SOURCE_HUGETLB, result);
	if (!strcmp(text, "window"))
		return value_give_number(cfg, opt, text, SOURCE_WINDOW, result);
	if (!strcmp(text, "pagemap"))
		return value_give_number(cfg, opt, text, SOURCE_PAGEMAP, result);
	return value_wrong(cfg, "%s: '%s' is neither memfd, hugetlb, window nor pagemap", opt->name,
			   text);
}

int value_registers(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	static const char *const kinds[] = { "model", "uio", "mem", "vfio" };

	_Static_assert(REGISTERS_MODEL == 0 && REGISTERS_UIO == 1 && REGISTERS_MEM == 2 &&
			       REGISTERS_VFIO == 3,
		       "in this order");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(text, kinds[i]))
			return value_give_number(cfg, opt, text, i, result);
	return value_wrong(cfg, "%s: '%s' is neither model, uio, mem nor vfio", opt->name, text);
}

/* "0000:00:01.0" as the requester id that its transactions carry: bus << 8 | device << 3 | function. */
int value_pci(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	char address[PCI_ADDRESS_LEN];
	uint16_t rid;

	if (!pci_parse_address(text, address, &rid))
		return value_wrong(cfg, "%s: '%s' is not a PCI address, such as 0000:00:01.0",
				   opt->name, text);
	return value_give_number(cfg, opt, text, rid, result);
}

int value_text(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	if (!text[0])
		return value_wrong(cfg, "%s is empty", opt->name);
	return value_give(value_new(cfg, opt, text), result);
}

int value_path(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	if (text[0] != '/')
		return value_wrong(cfg, "%s: '%s' is not an absolute path", opt->name, text);
	return value_give(value_new(cfg, opt, text), result);
}

int value_kick(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	if (!strcmp(text, "eventfd"))
		return value_give_number(cfg, opt, text, KICK_EVENTFD, result);
	if (!strcmp(text, "uio"))
		return value_give_number(cfg, opt, text, KICK_UIO, result);
	if (!strcmp(text, "poll"))
		return value_give_number(cfg, opt, text, KICK_POLL, result);
	return value_wrong(cfg, "%s: '%s' is neither eventfd, uio nor poll", opt->name, text);
}

int value_socket(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	if (text[0] != '/')
		return value_wrong(cfg, "%s: '%s' is not an absolute path", opt->name, text);
	if (strlen(text) > SETTINGS_MAX_SOCKET)
		return value_wrong(cfg, "%s: longer than %d bytes", opt->name, SETTINGS_MAX_SOCKET);
	return value_give(value_new(cfg, opt, text), result);
}

int value_bus(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	if (strcmp(text, "off") != 0 && strcmp(text, "system") != 0 &&
	    strcmp(text, "session") != 0 && !strchr(text, ':'))
		return value_wrong(cfg, "%s: '%s' is neither off, system, session nor an address",
				   opt->name, text);
	return value_give(value_new(cfg, opt, text), result);
}

/* The two ids that mean "none" to the kernel name nobody. */
static bool parse_id(const char *text, uint64_t *out)
{
	const char *end = "";

	if (!strcmp(text, "*")) {
		*out = SETTINGS_ANYBODY;
		return true;
	}
	return value_digits(text, &end, out) && !*end && *out < UINT32_MAX;
}

int value_user(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	const struct passwd *user;
	uint64_t id;

	if (parse_id(text, &id))
		return value_give_number(cfg, opt, text, id, result);
	user = getpwnam(text);
	if (!user)
		return value_wrong(cfg, "%s: there is no user '%s'", opt->name, text);
	return value_give_number(cfg, opt, text, user->pw_uid, result);
}

int value_group(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	const struct group *group;
	uint64_t id;

	if (parse_id(text, &id))
		return value_give_number(cfg, opt, text, id, result);
	group = getgrnam(text);
	if (!group)
		return value_wrong(cfg, "%s: there is no group '%s'", opt->name, text);
	return value_give_number(cfg, opt, text, group->gr_gid, result);
}

/* Which nodes there are, is known when the whole file has been read. */
int value_node(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	return value_give(value_new(cfg, opt, text), result);
}

/* Of the socket: by name, and one that exists. */
int value_group_name(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	const struct group *group = getgrnam(text);

	if (!group)
		return value_wrong(cfg, "%s: there is no group '%s'", opt->name, text);
	return value_give_number(cfg, opt, text, group->gr_gid, result);
}
