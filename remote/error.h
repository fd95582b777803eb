/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The errno numbers of Linux, for a machine that has no <errno.h> or one with other numbers: what the API returns is the
 * same on a node as on the host.
 */
#pragma once

enum vcm_error {
	VCM_ENOENT = 2,
	VCM_EIO = 5,
	VCM_E2BIG = 7,
	VCM_EAGAIN = 11,
	VCM_ENOMEM = 12,
	VCM_EACCES = 13,
	VCM_EFAULT = 14,
	VCM_EBUSY = 16,
	VCM_ENODEV = 19,
	VCM_EINVAL = 22,
	VCM_ENOSYS = 38,
	VCM_ENODATA = 61,
	VCM_EPROTO = 71,
	VCM_EOVERFLOW = 75,
	VCM_EMSGSIZE = 90,
	VCM_ECONNRESET = 104,
	VCM_ENOTCONN = 107,
	VCM_ETIMEDOUT = 110,
	VCM_EINPROGRESS = 115,
};
