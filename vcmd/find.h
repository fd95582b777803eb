/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A handle of the session as the object that it names; NULL, with call->why, when it names none of that kind.
 */
#pragma once

#include "graph/avcm.h"
#include "graph/bound.h"
#include "graph/physmem.h"
#include "graph/res.h"
#include "graph/session.h"
#include "graph/vcm.h"
#include "vcmd/call.h"

static inline struct vcm *find_vcm(const struct call *c, uint32_t handle)
{
	return (struct vcm *)session_find(c->session, handle, OBJECT_VCM, c->why);
}

static inline struct res *find_res(const struct call *c, uint32_t handle)
{
	return (struct res *)session_find(c->session, handle, OBJECT_RES, c->why);
}

static inline struct bound *find_bound(const struct call *c, uint32_t handle)
{
	return (struct bound *)session_find(c->session, handle, OBJECT_BOUND, c->why);
}

static inline struct avcm *find_avcm(const struct call *c, uint32_t handle)
{
	return (struct avcm *)session_find(c->session, handle, OBJECT_AVCM, c->why);
}

static inline struct physmem *find_physmem(const struct call *c, uint32_t handle)
{
	return (struct physmem *)session_find(c->session, handle, OBJECT_PHYSMEM, c->why);
}
