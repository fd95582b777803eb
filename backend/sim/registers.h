/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The model's register file. Whatever is not modelled reads as zero and ignores writes; so does an offset that is not
 * aligned, or outside the window. PRRR, NMRR, TLBLCKR, BFBCR and the like keep what is written, and do nothing.
 */
#pragma once

#include "backend/mmio.h"

/* ctx is a struct sim. */
extern const struct mmio_ops sim_mmio_ops;
