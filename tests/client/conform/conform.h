/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The conformance suite: every documented return value of every function of the posting, against the daemon, through the
 * socket. One file a noun, one program; each case has a session of its own, which must leave nothing behind.
 */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include <vcm/sim.h>
#include <vcm/smmu.h>
#include <vcm/vcm.h>

#include "base/range.h"
#include "tests/suite.h"

/* The cases of each file. */
void conform_vcm(TCase *tcase);
void conform_res(TCase *tcase);
void conform_back(TCase *tcase);
void conform_phys(TCase *tcase);
void conform_assoc(TCase *tcase);
void conform_bound(TCase *tcase);
void conform_address(TCase *tcase);
void conform_device(TCase *tcase);
void conform_share(TCase *tcase);

#define CONFORM_CASES(name, ...)                                                                   \
	void name(TCase *tcase)                                                                    \
	{                                                                                          \
		const TTest *const cases[] = { __VA_ARGS__, NULL };                                \
                                                                                                   \
		for (size_t i = 0; cases[i]; i++)                                                  \
			tcase_add_test(tcase, cases[i]);                                           \
	}

/* The dev_id of a device, which must exist. Two that share the one bank of "tiny", and the usual ones. */
size_t conform_device_named(const char *name);
#define A_STREAM conform_device_named("vcodec_a_stream")
#define B_MM2 conform_device_named("vcodec_b_mm2")
#define MDP conform_device_named("mdp_port0")
#define TINY_A conform_device_named("tiny_a")
#define TINY_B conform_device_named("tiny_b")
#define DMA conform_device_named("dma0")
#define CPU conform_device_named("cpu")
#define NO_DEVICE ((size_t)0xdead)

#define WINDOW_AT ((size_t)0x90000000) /* a window that the configuration opens */
#define VCM_MEMTYPE_SECURE ((enum memtype_t)4)

/* What an address of the API is to the CPU, where it is one. */
static inline void *conform_pointer(size_t addr)
{
	return (void *)addr; /* NOLINT(performance-no-int-to-ptr) */
}

/* A call of this thread has failed: what comes next must not have its reason. */
void conform_fail(void);
/* p, which must be an object that call has just made. */
void *conform_made(void *p, const char *call);
/* r, which must be 0. */
void conform_done(int r, const char *call);

/* A live object of each kind, whose pointers serve as wrong ones elsewhere; made on first use in a case. */
enum conform_kind { A_VCM, A_RES, A_BOUND, AN_AVCM, A_PHYSMEM, N_KINDS };

/* Pointers that are no object of that kind: NULL, garbage, gone, of each other kind. The list ends with n. */
#define N_WRONG (5 + N_KINDS)
void conform_wrong(enum conform_kind kind, void *out[N_WRONG]);

/* The call, with p being every wrong pointer of a kind in turn, gives value, with errno (for int functions too). */
#define ALL_WRONG(kind, call, value, error)                                                        \
	do {                                                                                       \
		void *wrong_[N_WRONG];                                                             \
                                                                                                   \
		conform_wrong(kind, wrong_);                                                       \
		for (size_t i_ = 0; i_ < N_WRONG; i_++) {                                          \
			void *p = wrong_[i_];                                                      \
                                                                                                   \
			errno = 0;                                                                 \
			ck_assert_msg((uintptr_t)(call) == (uintptr_t)(value), "%s, p = %p",       \
				      #call, p);                                                   \
			ck_assert_msg(errno == (error), "%s, p = %p: errno %d", #call, p, errno);  \
			ck_assert_msg(vcm_last_error()[0], "%s, p = %p: no reason", #call, p);     \
		}                                                                                  \
	} while (0)

/* The call gives value and errno, and a reason if that is an error. */
#define GIVES(call, value, error)                                                                  \
	do {                                                                                       \
		uintptr_t value_;                                                                  \
                                                                                                   \
		conform_fail();                                                                    \
		errno = -1;                                                                        \
		value_ = (uintptr_t)(call);                                                        \
		ck_assert_msg(value_ == (uintptr_t)(value), "%s = %#lx: %s", #call,                \
			      (unsigned long)value_, vcm_last_error());                            \
		ck_assert_msg(errno == (error), "%s: errno %d: %s", #call, errno,                  \
			      vcm_last_error());                                                   \
		ck_assert_msg(!(error) == !vcm_last_error()[0], "%s: \"%s\"", #call,               \
			      vcm_last_error());                                                   \
	} while (0)
/* An int function: 0, or a negative errno number. */
#define DONE(call) (conform_fail(), conform_done(call, #call))
#define FAILS(call, error)                                                                         \
	do {                                                                                       \
		int result_ = (call);                                                              \
                                                                                                   \
		ck_assert_msg(result_ == -(error), "%s = %d: %s", #call, result_,                  \
			      vcm_last_error());                                                   \
		ck_assert_msg(vcm_last_error()[0], "%s: no reason", #call);                        \
	} while (0)
/* A creating function: the pointer, or NULL and errno. */
#define MADE(call) ((__typeof__(call))(conform_fail(), conform_made(call, #call)))
#define REFUSED(call, error) GIVES(call, NULL, error)

/* A device vcm of 256 MB from 1 MB, associated and active on a device; the parts alone. */
struct vcm *conform_vcm_made(void);
struct avcm *conform_active(struct vcm *v, size_t dev_id);
struct vcm *conform_vcm_on(size_t dev_id);
/* The process's own address space, active on cpu. */
struct vcm *conform_user(void);
/* From here on the free memory of a memtype of n * 64 KB, which is half of it, is in pieces of 64 KB. */
#define CONFORM_SCATTER_MAX 1024
void conform_scatter(enum memtype_t memtype, size_t n);
/* A reservation of v that is backed by new memory. */
struct res *conform_backed(struct vcm *v, size_t len, uint32_t attr);
