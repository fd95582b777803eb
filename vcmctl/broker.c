// SPDX-License-Identifier: BSD-3-Clause
#include "vcmctl/broker.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vcm/smmu.h>
#include <vcm/vcm.h>

static bool is_joined;

void broker_set_socket(const char *path)
{
	setenv("VCM_SOCKET", path, 1);
}

bool broker_join(void)
{
	int r = vcm_sys_init();

	if (r < 0) {
		tell_failure(r, "no broker");
		if (r == -ENOENT || r == -ECONNREFUSED)
			fputs("Is vcmd running? --socket names another one.\n", stderr);
		return false;
	}
	is_joined = true;
	return true;
}

void broker_leave(void)
{
	if (is_joined)
		vcm_sys_destroy();
	is_joined = false;
}

bool broker_find_device(char *name, size_t *out_dev_id)
{
	struct smmu_dev *dev = smmu_get_ctx_instance(name);

	if (!dev) {
		tell_failure(-errno, "no device '%s'", name);
		return false;
	}
	*out_dev_id = (size_t)dev;
	return true;
}

void tell_failure(int err, const char *fmt, ...)
{
	const char *why = vcm_last_error();
	va_list args;

	if (!*why)
		why = strerror(-err);
	fputs("vcmctl: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, ": %s\n", why);
}

void tell_misuse(const char *fmt, ...)
{
	va_list args;

	fputs("vcmctl: ", stderr);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputs("\nTry 'vcmctl --help'.\n", stderr);
}
