/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the guest (main.c) and the Linux process (share.c) of this example leave in a page for each other.
 */
#pragma once

#include <stdint.h>

#include <vcm/vcm.h>

#define PAGE_LEN 4096u
#define PAGE_MEMTYPE VCM_MEMTYPE_2 /* the window, in vcmd.conf */
#define PAGE_DEVICE "mdp_port0"    /* the guest's own device */

#define PAGE_FROM_GUEST "written by a CPU without a system"
#define PAGE_FROM_LINUX "written by a process of Linux"
#define PAGE_FROM_GUEST_TOO "and answered by the CPU without a system"

enum page_state { PAGE_EMPTY, PAGE_WRITTEN, PAGE_ANSWERED, PAGE_DONE };

struct page {
	uint32_t state;         /* enum page_state: what is below is there */
	struct vcm_token token; /* of the other's page */
	char text[64];
};
