// SPDX-License-Identifier: BSD-3-Clause
/*
 * The devices of a configuration that the kernel's VFIO gives.
 */
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
