// SPDX-License-Identifier: BSD-3-Clause
// Giving PCI devices to vfio-pci, and back. The broker has no part in it: it cannot start before its devices are there.
#include <stdio.h>

#include "backend/vfio/pci.h"
#include "vcmctl/broker.h"
#include "vcmctl/command.h"

static enum exit_code told(int r, const char *address, const struct reason *why)
{
	if (r == 0)
		return EXIT_OK;
	fprintf(stderr, "vcmctl: %s: %s\n", address, why->text);
	return EXIT_FAILED;
}

static enum exit_code bind_device(const struct call *call)
{
	struct reason why = { "" };

	return told(pci_bind(NULL, call->args[0], &why), call->args[0], &why);
}

static enum exit_code unbind_device(const struct call *call)
{
	struct reason why = { "" };

	return told(pci_unbind(NULL, call->args[0], &why), call->args[0], &why);
}

const struct command cmd_device_bind = {
	.name = "device bind",
	.synopsis = "device bind PCI",
	.summary = "give a PCI device to vfio-pci (as root)",
	.n_args = 1,
	.run = bind_device,
};

const struct command cmd_device_unbind = {
	.name = "device unbind",
	.synopsis = "device unbind PCI",
	.summary = "give it back to its driver",
	.n_args = 1,
	.run = unbind_device,
};
