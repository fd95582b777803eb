// SPDX-License-Identifier: BSD-3-Clause
/*
 * The devices of a configuration that the kernel's VFIO gives.
 */
#include <errno.h>
#include <string.h>

#include "backend/vfio/pci.h"
#include "base/mem.h"
#include "vcmd/config-build.h"
#include "vcmd/config.h"
#include "vcmd/settings.h"

static int build_address(const struct build *b, struct cfg_t *s, struct config_vfio *vfio)
{
	const struct value *device = settings_value(s, "device", 0);
	char address[PCI_ADDRESS_LEN];
	uint16_t rid;

	if (!device)
		return build_wrong(b, settings_line(s),
				   "the VFIO device has no address: device = \"0000:00:03.0\"");
	if (!pci_parse_address(device->text, address, &rid))
		return build_wrong(b, device->line, "device: '%.64s' is no PCI address",
				   device->text);
	for (size_t i = 0; i < b->c->n_vfios; i++)
		if (b->c->vfios[i].address && !strcmp(b->c->vfios[i].address, address))
			return build_wrong(b, device->line, "%s is device '%s' already", address,
					   b->c->vfios[i].name);
	vfio->address = mem_strdup(address);
	return vfio->address ? 0 : build_no_memory(b);
}

int build_vfio(struct build *b, struct cfg_t *s)
{
	struct config_vfio *vfio = BUILD_ADD(b->c->vfios, b->c->n_vfios);
	int r;

	if (!vfio)
		return build_no_memory(b);
	r = build_device_name(b, s, &vfio->name);
	if (!r)
		r = build_address(b, s, vfio);
	if (!r)
		r = build_rule(b, s, true, &vfio->allow);
	return r ? r : build_rule_of(b, s, "open-users", "open-groups", false, &vfio->open);
}

static bool same_ids(const uint32_t *a, size_t n_a, const uint32_t *b, size_t n_b)
{
	return n_a == n_b && (n_a == 0 || memcmp(a, b, n_a * sizeof(*a)) == 0);
}

static bool same_rule(const struct config_rule *a, const struct config_rule *b)
{
	return a->everybody == b->everybody && same_ids(a->uids, a->n_uids, b->uids, b->n_uids) &&
	       same_ids(a->gids, a->n_gids, b->gids, b->n_gids);
}

int config_check_groups(const struct config *c, const unsigned int *groups, struct reason *why)
{
	for (size_t i = 0; i < c->n_vfios; i++)
		for (size_t j = 0; j < i; j++) {
			const struct config_vfio *a = &c->vfios[j], *b = &c->vfios[i];

			if (groups[i] != groups[j] ||
			    (same_rule(&a->allow, &b->allow) && same_rule(&a->open, &b->open)))
				continue;
			return refuse(
				why, -EINVAL,
				"vfio %s and %s are in IOMMU group %u, so that each reaches what the "
				"other does: their allow- and open- users and groups must be the same",
				a->name, b->name, groups[i]);
		}
	return 0;
}
