/* SPDX-License-Identifier: BSD-3-Clause */
/* Copyright (c) 2010, Code Aurora Forum. All rights reserved.
 *
 * Redistribution and use in source and binary forms, with or without
 * modification, are permitted provided that the following conditions are
 * met:
 *     * Redistributions of source code must retain the above copyright
 *       notice, this list of conditions and the following disclaimer.
 *     * Redistributions in binary form must reproduce the above
 *       copyright notice, this list of conditions and the following
 *       disclaimer in the documentation and/or other materials provided
 *       with the distribution.
 *     * Neither the name of Code Aurora Forum, Inc. nor the names of its
 *       contributors may be used to endorse or promote products derived
 *       from this software without specific prior written permission.
 *
 * THIS SOFTWARE IS PROVIDED "AS IS" AND ANY EXPRESS OR IMPLIED
 * WARRANTIES, INCLUDING, BUT NOT LIMITED TO, THE IMPLIED WARRANTIES OF
 * MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NON-INFRINGEMENT
 * ARE DISCLAIMED.  IN NO EVENT SHALL THE COPYRIGHT OWNER OR CONTRIBUTORS
 * BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL, SPECIAL, EXEMPLARY, OR
 * CONSEQUENTIAL DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF
 * SUBSTITUTE GOODS OR SERVICES; LOSS OF USE, DATA, OR PROFITS; OR
 * BUSINESS INTERRUPTION) HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY,
 * WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING NEGLIGENCE
 * OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE OF THIS SOFTWARE, EVEN
 * IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.
 *
 */

#ifndef _VCM_H_
#define _VCM_H_

#include <stddef.h>
#include <stdint.h>

#include <vcm/attr.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The virtual contiguous memory API: the posting of June 2010, function by
 * function, followed by what a user-space broker adds to it (from "Additions"
 * on).
 *
 * The values of all constants, memory types and enumerations are in
 * <vcm/attr.h>. The structures are opaque: their pointers name objects of the
 * broker, are never dereferenced, and a pointer that is NULL, stale or of
 * another kind is answered with the documented error.
 *
 * All functions may be called by many threads at once. Those that return int
 * return 0 or a negative errno number; the others return the error value that
 * is documented with them and set errno, and set errno to 0 when they succeed,
 * so that an error value which is also a legal value can be told apart.
 * vcm_last_error() says why in words. Before vcm_sys_init(), after
 * vcm_sys_destroy(), in a forked child and after the broker went away the
 * error is ENOTCONN (ECONNRESET for the calls that were waiting). One answer
 * needs no broker: vcm_get_dev_addr() of a VCM_PREBUILT_USER reservation.
 *
 * What is not repeated with each function: any call may fail with ENOMEM, when
 * the broker or this process is out of memory; what makes an object, or needs
 * page tables, with EDQUOT, when the user has as many as the configuration
 * allows; what names a device, a memory type or a window with EACCES, when the
 * configuration does not give it to the user; a question about what the
 * thread's open batch creates with EINPROGRESS; and what the broker has ended
 * over three times with ECANCELED: it is not done.
 *
 * Addresses and lengths are bytes.
 */

/*
 * Reservation Attributes
 *
 * Used in vcm_reserve(), vcm_reserve_at(), vcm_set_res_attr() and
 * vcm_reserve_bound().
 *
 *	VCM_READ	Specifies that the reservation can be read.
 *	VCM_WRITE	Specifies that the reservation can be written.
 *	VCM_EXECUTE	Specifies that the reservation can be executed.
 *	VCM_USER	Specifies that this reservation is used for
 *			userspace access.
 *	VCM_SUPERVISOR	Specifies that this reservation is used for
 *				supervisor access.
 *	VCM_SECURE	Specifies that the target of the reservation is
 *			secure. The usage of this setting is TBD.
 *
 *	Caching behavior as a 4 bit field:
 *		VCM_NOTCACHED		The VCM region is not cached.
 *		VCM_INNER_WB_WA		The VCM region is inner cached
 *					and is write-back and write-allocate.
 *		VCM_INNER_WT_NWA	The VCM region is inner cached and is
 *					write-through and no-write-allocate.
 *		VCM_INNER_WB_NWA	The VCM region is inner cached and is
 *					write-back and no-write-allocate.
 *		VCM_OUTER_WB_WA		The VCM region is outer cached and is
 *					write-back and write-allocate.
 *		VCM_OUTER_WT_NWA	The VCM region is outer cached and is
 *					write-through and no-write-allocate.
 *		VCM_OUTER_WB_NWA	The VCM region is outer cached and is
 *					write-back and no-write-allocate.
 *		VCM_WB_WA		The VCM region is cached and is write
 *					-back and write-allocate.
 *		VCM_WT_NWA		The VCM region is cached and is write
 *					-through and no-write-allocate.
 *		VCM_WB_NWA		The VCM region is cached and is write
 *					-back and no-write-allocate.
 */

/* VCM_ALIGN_ATTR(order): order of alignment (power of 2). Ie, 12 = 4k, 13 = 8k, 14 = 16k
 * Alignments of less than 1MB on buffers of size 1MB or greater should be
 * avoided. Alignments of less than 64KB on buffers of size 64KB or greater
 * should be avoided. Strictly speaking, it will work, but will result in
 * suboptimal performance, and a warning will be printed to that effect if
 * VCM_PERF_WARN is enabled.
 */

/*
 * Physical Allocation Attributes
 *
 * Used in vcm_phys_alloc().
 *
 *	Alignment as a power of 2 starting at 4 KB. 5 bit field.
 *	1 = 4KB, 2 = 8KB, etc.
 *
 *			Specifies that the reservation should have the
 *			alignment specified.
 *
 *	VCM_4KB		Specifies that the reservation should use 4KB pages.
 *	VCM_64KB	Specifies that the reservation should use 64KB pages.
 *	VCM_1MB		specifies that the reservation should use 1MB pages.
 *	VCM_ALL		Specifies that the reservation should use all
 *			available page sizes.
 *	VCM_PHYS_CONT	Specifies that a reservation should be backed with
 *			physically contiguous memory.
 *	VCM_COHERENT	Specifies that the reservation must be kept coherent
 *			because it's shared.
 */

/*
 * Association Attributes
 *
 * Used in vcm_assoc(), vcm_set_assoc_attr().
 *
 * 	VCM_USE_LOW_BASE	Use the low base register.
 *	VCM_USE_HIGH_BASE	Use the high base register.
 *
 *	VCM_SPLIT		A 5 bit field that defines the
 *				high/low split.  This value defines
 *				the number of 0's left-filled into the
 *				split register. Addresses that match
 *				this will use VCM_USE_LOW_BASE
 *				otherwise they'll use
 *				VCM_USE_HIGH_BASE. An all 0's value
 *				directs all translations to
 *				VCM_USE_LOW_BASE.
 */

/*
 * External VCMs
 *
 * Used in vcm_create_from_prebuilt()
 *
 * Externally created VCM IDs for creating kernel and user space
 * mappings to VCMs and kernel and user space buffers out of
 * VCM_MEMTYPE_0,1,2, etc.
 *
 *	VCM_PREBUILT_KERNEL	The broker's own address space.
 *	VCM_PREBUILT_USER	The calling process's address space.
 */

/**
 * enum memtarget_t - A logical location in a VCM.
 *
 * VCM_START	Indicates the start of a VCM_REGION.
 */

/**
 * enum memtype_t - A logical location in a VCM.
 *
 * VCM_MEMTYPE_0	Generic memory type 0
 * VCM_MEMTYPE_1	Generic memory type 1
 * VCM_MEMTYPE_2	Generic memory type 2
 *
 * A memtype encapsulates a platform specific memory arrangement. The
 * memtype needn't refer to a single type of memory, it can refer to a
 * set of memories that can back a reservation.
 *
 */

/**
 * vcm_handler - The signature of the fault hook.
 * @dev_id	The device id of the faulting device.
 * @data	The generic data pointer.
 * @fault_data	System specific common fault data.
 *
 * The handler returns VCM_FAULT_RETRY (1) to have the transaction retried,
 * VCM_FAULT_TERMINATE (0) to have it terminated, or a negative errno number
 * when it failed: then the transaction is terminated, and the failure logged
 * and counted. @fault_data is a struct vcm_fault, valid during the call.
 *
 * The broker waits a limited time for each verdict (fault-timeout), but not
 * for the transaction: one that is retried and faults again asks again, as
 * often as the handler says so. A handler that cannot help must not answer
 * VCM_FAULT_RETRY. It returns: a call that waits in its thread does, too.
 */
typedef int (*vcm_handler)(size_t dev_id, void *data, void *fault_data);


/**
 * vcm - A Virtually Contiguous Memory region.
 * @start_addr	The starting address of the VCM region.
 * @len 	The len of the VCM region. This must be at least
 *		vcm_min() bytes.
 */
struct vcm;

/**
 * avcm - A VCM to device association
 * @vcm		The VCM region of interest.
 * @dev_id	The device to associate the VCM with.
 * @attr	See 'Association Attributes'.
 */
struct avcm;

/**
 * bound - A boundary to reserve from in a VCM region.
 * @vcm		The VCM that needs a bound.
 * @len		The len of the bound.
 */
struct bound;


/**
 * physmem - A physical memory allocation.
 * @memtype	The memory type of the VCM region.
 * @len		The len of the physical memory allocation.
 * @attr 	See 'Physical Allocation Attributes'.
 *
 */

struct physmem;

/**
 * res - A reservation in a VCM region.
 * @vcm		The VCM region to reserve from.
 * @len		The length of the reservation. Must be at least vcm_min()
 *		bytes.
 * @attr	See 'Reservation Attributes'.
 */
struct res;

/*
 * The block sizes of physical memory, those of VCM_1MB, VCM_64KB and VCM_4KB.
 * The posting declares this array; its number and contents are its
 * allocator's, which it leaves out. Here each program has its own, so that it
 * is no part of the library's ABI.
 */
#define NUM_CHUNK_SIZES	3
static const int chunk_sizes[NUM_CHUNK_SIZES] = { 0x100000, 0x10000, 0x1000 };


/*
 * Virtual contiguous memory (VCM) region primitives.
 *
 * Current memory mapping software uses a CPU centric management
 * model. This makes sense in general, average hardware only contains an
 * CPU MMU and possibly a graphics MMU. If every device in the system
 * has one or more MMUs a CPU centric MM programming model breaks down.
 *
 * Looking at mapping from a system-wide perspective reveals a general
 * graph problem. Each node that talks to memory, either through an MMU
 * or directly (via physical memory) can be thought of as the device end
 * of a mapping edge. The other edge is the physical memory that is
 * mapped.
 *
 * In the direct mapped case, it is useful to give the device an
 * MMU. This one-to-one MMU allows direct mapped devices to
 * participate in graph management, they simply see memory through a
 * one-to-one mapping.
 *
 * The CPU nodes can also be brought under the same mapping
 * abstraction with the use of a light overlay on the existing
 * VMM. This light overlay brings the VMM's page table abstraction for
 * each process and the kernel into the graph management API.
 *
 * Taken together this system wide approach provides a capability that
 * is greater than the sum of its parts by allowing users to reason
 * about system wide mapping issues without getting bogged down in CPU
 * centric device page table management issues.
 */


/*
 * Creating, freeing and managing VCMs.
 *
 * A VCM region is a virtual space that can be reserved from and
 * associated with one or more devices. At creation the user can
 * specify an offset to start addresses and a length of the entire VCM
 * region. Reservations out of a VCM region are always contiguous.
 */

/**
 * vcm_create() - Create a VCM region
 * @start_addr	The starting address of the VCM region.
 * @len		The len of the VCM region. This must be at least
 *		vcm_get_min_page_size() bytes.
 *
 * A VCM typically abstracts a page table.
 *
 * All functions in this API are passed and return opaque things
 * because the underlying implementations will vary. The goal
 * is really graph management. vcm_create() creates the "device end"
 * of an edge in the mapping graph.
 *
 * The return value is non-zero if a VCM has successfully been
 * created. It will return zero if a VCM region cannot be created or
 * len is invalid. Then errno is:
 * EINVAL	the region holds no whole page, goes beyond 2^52, or starts at
 *		1, which is the error value of addresses.
 */
struct vcm *vcm_create(size_t start_addr, size_t len);


/**
 * vcm_create_from_prebuilt() - Create a VCM region from an existing region
 * @ext_vcm_id	An external opaque value that allows the
 *		implementation to reference an already built table.
 *
 * The ext_vcm_id will probably reference a page table that's been built
 * by the VM.
 *
 * The platform specific implementation will provide this.
 *
 * The return value is non-zero if a VCM has successfully been created. It is
 * 0, with errno, on failure:
 * EINVAL	there is no such prebuilt VCM,
 * EACCES	the user may not use the broker's own address space,
 * EOPNOTSUPP	the process is not one of this machine's.
 */
struct vcm *vcm_create_from_prebuilt(size_t ext_vcm_id);


/**
 * vcm_clone() - Clone a VCM
 * @vcm_id	A VCM to clone from.
 *
 * Perform a VCM "deep copy." The resulting VCM will match the original at
 * the point of cloning. Subsequent updates to either VCM will only be
 * seen by that VCM.
 *
 * The return value is non-zero if a VCM has been successfully cloned. A VCM
 * of more than 16384 reservations or bounds is not: errno is E2BIG. It is
 * EINVAL when vcm_id is invalid or prebuilt.
 */
struct vcm *vcm_clone(struct vcm *vcm_id);


/**
 * vcm_get_start_addr() - Get the starting address of the VCM region.
 * @vcm_id	The VCM we're interested in getting the starting address of.
 *
 * The return value will be 1 if an error has occurred.
 */
size_t vcm_get_start_addr(struct vcm *vcm_id);


/**
 * vcm_get_len() - Get the length of the VCM region.
 * @vcm_id	The VCM we're interested in reading the length from.
 *
 * The return value will be non-zero for a valid VCM. VCM regions
 * cannot have 0 len.
 */
size_t vcm_get_len(struct vcm *vcm_id);


/**
 * vcm_free() - Free a VCM.
 * @vcm_id	The VCM we're interested in freeing.
 *
 * The return value is 0 if the VCM has been freed or:
 * -EBUSY	The VCM region contains reservations or bounds or has been
 *		associated (active or not) and cannot be freed.
 * -EINVAL	The vcm argument is invalid.
 */
int vcm_free(struct vcm *vcm_id);


/*
 * Creating, freeing and managing reservations out of a VCM.
 *
 */

/**
 * vcm_reserve() - Create a reservation from a VCM region.
 * @vcm_id	The VCM region to reserve from.
 * @len		The length of the reservation. Must be at least
 * 		vcm_get_min_page_size() bytes.
 * @attr	See 'Reservation Attributes'.
 *
 * A reservation, res_t, is a contiguous range from a VCM region.
 *
 * The return value is non-zero if a reservation has been successfully
 * created. It is 0 if any of the parameters are invalid. Then errno is:
 * EINVAL	vcm_id, len (a multiple of 4 KB, not 0) or attr is invalid,
 * ENOSPC	the region has no such room left,
 * ENOMEM	VCM_PREBUILT_USER: the process's address space has none.
 */
struct res *vcm_reserve(struct vcm *vcm_id, size_t len, uint32_t attr);


/**
 * vcm_reserve_at() - Make a reservation at a given logical location.
 * @memtarget	A logical location to start the reservation from.
 * @vcm_id	The VCM region to start the reservation from.
 * @len		The length of the reservation.
 * @attr	See 'Reservation Attributes'.
 *
 * The return value is non-zero if a reservation has been successfully
 * created. It is 0, with errno, on failure:
 * EINVAL	vcm_id, memtarget, len or attr is invalid, the start is not
 *		aligned as attr asks, or the region is prebuilt or one-to-one,
 * EBUSY	the start is reserved,
 * ENOSPC	the region is shorter.
 */
struct res *vcm_reserve_at(enum memtarget_t memtarget, struct vcm *vcm_id,
		     size_t len, uint32_t attr);


/**
 * vcm_get_vcm_from_res() - Return the VCM region of a reservation.
 * @res_id	The reservation to return the VCM region of.
 *
 * Te return value will be non-zero if the reservation is valid. A valid
 * reservation is always associated with a VCM region; there is no such
 * thing as an orphan reservation.
 */
struct vcm *vcm_get_vcm_from_res(struct res *res_id);


/**
 * vcm_unreserve() - Unreserve the reservation.
 * @res_id	The reservation to unreserve.
 *
 * The return value will be 0 if the reservation was successfully
 * unreserved and:
 * -EBUSY	The reservation is still backed,
 * -EINVAL	The vcm argument is invalid.
 */
int vcm_unreserve(struct res *res_id);


/**
 * vcm_get_res_len() - Return a reservations contiguous length.
 * @res_id	The reservation of interest.
 *
 * The return value will be 0 if res is invalid; reservations cannot
 * have 0 length so there's no error return value ambiguity.
 */
size_t vcm_get_res_len(struct res *res_id);


/**
 * vcm_set_res_attr() - Set attributes of an existing reservation.
 * @res_id	An existing reservation of interest.
 * @attr	See 'Reservation Attributes'.
 *
 * This function can only be used on an existing reservation; there
 * are no orphan reservations. All attributes can be set on a existing
 * reservation.
 *
 * The return value will be 0 for a success, otherwise it will be:
 * -EINVAL	res or attr are invalid, the alignment would change, or
 *		VCM_SECURE would while it is backed,
 * -EBUSY	other reservations map the same memory: its caching behavior
 *		cannot change for one of them,
 * -EACCES	it would be written, and its memory was imported to be read.
 *
 * VCM_PREBUILT_USER: when the process cannot change its mapping, the reason is
 * what mprotect() says, and the attributes are as before.
 */
int vcm_set_res_attr(struct res *res_id, uint32_t attr);


/**
 * vcm_get_res_attr() - Return a reservation's attributes.
 * @res_id	An existing reservation of interest.
 *
 * The return value will be 0 if res is invalid.
 */
uint32_t vcm_get_res_attr(struct res *res_id);


/**
 * vcm_get_num_res() - Return the number of reservations in a VCM region.
 * @vcm_id	The VCM region of interest.
 */
size_t vcm_get_num_res(struct vcm *vcm_id);


/**
 * vcm_get_next_res() - Read each reservation one at a time.
 * @vcm_id	The VCM region of interest.
 * @res_id	Contains the last reservation. Pass NULL on the first call.
 *
 * This function works like a foreach reservation in a VCM region.
 *
 * The return value will be non-zero for each reservation in a VCM. A
 * zero indicates no further reservations.
 */
struct res *vcm_get_next_res(struct vcm *vcm_id, struct res *res_id);


/**
 * vcm_res_copy() - Copy len bytes from one reservation to another.
 * @to		The reservation to copy to.
 * @from	The reservation to copy from.
 * @len		The length of bytes to copy.
 *
 * The return value is the number of bytes copied. It is 0, with errno, on
 * failure:
 * EINVAL	a reservation is invalid or a window, or the bytes go beyond it,
 * ENOMEM	a reservation is not backed,
 * EACCES	the memory is secure, or would be written and was imported to
 *		be read,
 * EFAULT	the bytes cannot be reached: who maps the memory has spoilt it,
 * ECONNRESET	the broker ended meanwhile, and part of it may be copied.
 */
size_t vcm_res_copy(struct res *to, size_t to_off, struct res *from, size_t
		    from_off, size_t len);


/**
 * vcm_get_min_page_size() - Return the minimum page size supported by
 * 			     the architecture.
 */
size_t vcm_get_min_page_size(void);


/**
 * vcm_back() - Physically back a reservation.
 * @res_id	The reservation containing the virtual contiguous region to
 * 		back.
 * @physmem_id	The physical memory that will back the virtual contiguous
 * 		memory region.
 *
 * One VCM can be associated with multiple devices. When you vcm_back()
 * each association must be active. This is not strictly necessary. It may
 * be changed in the future.
 *
 * This function returns 0 on a successful physical backing. Otherwise
 * it returns:
 * -EINVAL	res or physmem is invalid or res's len
 *		is different from physmem's len.
 * -EAGAIN	try again, one of the devices hasn't been activated.
 *
 * and what the posting does not say:
 * -EINVAL	one of both is VCM_SECURE and the other is not, or a CPU would
 *		map secure memory or a window; other reservations map the
 *		memory with another caching behavior; or one-to-one: the
 *		memory is scattered, outside of the region, or not aligned as
 *		the reservation asks,
 * -EBUSY	res is backed already,
 * -EACCES	the memory was imported to be read, and res is to be written,
 *		or is one-to-one; or the user may not map memory of that kind,
 * -ENOMEM	there is no memory for page tables; or, VCM_PREBUILT_USER, the
 *		process has no room for mappings,
 * -EMFILE	VCM_PREBUILT_USER: the process has too many descriptors.
 */
int vcm_back(struct res *res_id, struct physmem *physmem_id);


/**
 * vcm_unback() - Unback a reservation.
 * @res_id	The reservation to unback.
 *
 * One VCM can be associated with multiple devices. When you vcm_unback()
 * each association must be active.
 *
 * This function returns 0 on a successful unbacking. Otherwise
 * it returns:
 * -EINVAL	res is invalid, or not backed.
 * -EAGAIN	try again, one of the devices hasn't been activated.
 */
int vcm_unback(struct res *res_id);


/**
 * vcm_phys_alloc() - Allocate physical memory for the VCM region.
 * @memtype	The memory type to allocate.
 * @len		The length of the allocation.
 * @attr	See 'Physical Allocation Attributes'.
 *
 * This function will allocate chunks of memory according to the attr
 * it is passed.
 *
 * The return value is non-zero if physical memory has been
 * successfully allocated. It is 0, with errno, on failure:
 * EINVAL	memtype or attr is invalid, or len is 0 or no multiple of 4 KB,
 *		or of the block size where only one is allowed,
 * ENOMEM	the memtype has not as much left, or not in such blocks,
 * EDQUOT	the user may not have as much.
 */
struct physmem *vcm_phys_alloc(enum memtype_t memtype, size_t len,
			       uint32_t attr);


/**
 * vcm_phys_free() - Free a physical allocation.
 * @physmem_id	The physical allocation to free.
 *
 * The return value is 0 if the physical allocation has been freed or:
 * -EBUSY	Their are reservation mapping the physical memory, or aliases
 *		of it in the same session (vcm_map_phys_addr(), vcm_import()).
 * -EINVAL	The physmem argument is invalid.
 */
int vcm_phys_free(struct physmem *physmem_id);


/**
 * vcm_get_physmem_from_res() - Return a reservation's physmem_id
 * @ res_id	An existing reservation of interest.
 *
 * The return value will be non-zero on success, otherwise it will be:
 * -EINVAL	res is invalid
 * -ENOMEM	res is unbacked
 *
 * A pointer cannot be that: it is 0, with errno EINVAL or ENOMEM.
 */
struct physmem *vcm_get_physmem_from_res(struct res *res_id);


/**
 * vcm_get_memtype_of_physalloc() - Return the memtype of a reservation.
 * @physmem_id	The physical allocation of interest.
 *
 * This function returns the memtype of a reservation or VCM_INVALID
 * if res is invalid.
 */
enum memtype_t vcm_get_memtype_of_physalloc(struct physmem *physmem_id);


/*
 * Associate a VCM with a device, activate that association and remove it.
 *
 */

/**
 * vcm_assoc() - Associate a VCM with a device.
 * @vcm_id	The VCM region of interest.
 * @dev_id	The device to associate the VCM with.
 * @attr	See 'Association Attributes'.
 *
 * This function returns non-zero if a association is made. It returns 0
 * if any of its parameters are invalid or VCM_ATTR_VALID is not present.
 * (There is no VCM_ATTR_VALID.) Then errno is:
 * EINVAL	vcm_id, dev_id or attr is invalid, or the device takes no such
 *		region: not its kind, or addresses that it does not reach.
 * E2BIG	vcm_id has more than 262144 reservations, and backing: it gets the
 *		tables of such a device before it is backed.
 * EDQUOT	vcm_id has 4096 associations.
 */
struct avcm *vcm_assoc(struct vcm *vcm_id, size_t dev_id, uint32_t attr);


/**
 * vcm_deassoc() - Deassociate a VCM from a device.
 * @avcm_id	The association we want to break.
 *
 * The function returns 0 on success or:
 * -EBUSY	The association is currently activated.
 * -EINVAL	The avcm parameter is invalid.
 */
int vcm_deassoc(struct avcm *avcm_id);


/**
 * vcm_set_assoc_attr() - Set an AVCM's attributes.
 * @avcm_id	The AVCM of interest.
 * @attr	The new attr. See 'Association Attributes'.
 *
 * Every attribute can be set at runtime if an association isn't activated.
 *
 * This function returns 0 on success or:
 * -EBUSY	The association is currently activated.
 * -EINVAL	The avcm parameter is invalid, or attr is, for that device.
 */
int vcm_set_assoc_attr(struct avcm *avcm_id, uint32_t attr);


/**
 * vcm_get_assoc_attr() - Return an AVCM's attributes.
 * @avcm_id	The AVCM of interest.
 *
 * This function returns 0 on error.
 */
uint32_t vcm_get_assoc_attr(struct avcm *avcm_id);


/**
 * vcm_activate() - Activate an AVCM.
 * @avcm_id	The AVCM to activate.
 *
 * You have to deactivate, before you activate.
 *
 * This function returns 0 on success or:
 * -EINVAL   	avcm is invalid
 * -ENODEV	no device, or none of its hardware contexts is free
 * -EBUSY	device is already active
 * -1		hardware failure
 */
int vcm_activate(struct avcm *avcm_id);


/**
 * vcm_deactivate() - Deactivate an association.
 * @avcm_id	The AVCM to deactivate.
 *
 * This function returns 0 on success or:
 * -ENOENT     	avcm is not activate
 * -EINVAL	avcm is invalid
 * -1		hardware failure
 */
int vcm_deactivate(struct avcm *avcm_id);


/**
 * vcm_is_active() - Query if an AVCM is active.
 * @avcm_id	The AVCM of interest.
 *
 * returns 0 for not active, 1 for active or -EINVAL for error.
 *
 */
int vcm_is_active(struct avcm *avcm_id);



/*
 * Create, manage and remove a boundary in a VCM.
 */

/**
 * vcm_create_bound() - Create a bound in a VCM.
 * @vcm_id 	The VCM that needs a bound.
 * @len		The len of the bound.
 *
 * The allocator picks the virtual addresses of the bound.
 *
 * This function returns non-zero if a bound was created. It returns 0, with
 * errno, on failure:
 * EINVAL	vcm_id or len is invalid, or the region is one-to-one,
 * ENOSPC	the region has no such room left.
 */
struct bound *vcm_create_bound(struct vcm *vcm_id, size_t len);


/**
 * vcm_free_bound() - Free a bound.
 * @bound_id	The bound to remove.
 *
 * This function returns 0 if bound has been removed or:
 * -EBUSY	The bound contains reservations and cannot be removed.
 * -EINVAL	The bound is invalid.
 */
int vcm_free_bound(struct bound *bound_id);


/**
 * vcm_reserve_from_bound() - Make a reservation from a bounded area.
 * @bound_id	The bound to reserve from.
 * @len		The len of the reservation.
 * @attr	See 'Reservation Attributes'.
 *
 * The return value is non-zero on success. It is 0 if any parameter
 * is invalid (EINVAL), or there is no such room left in the bound (ENOSPC).
 */
struct res *vcm_reserve_from_bound(struct bound *bound_id, size_t len,
				   uint32_t attr);


/**
 * vcm_get_bound_start_addr() - Return the starting device address of the bound.
 * @bound_id	The bound of interest.
 *
 * On success this function returns the starting addres of the bound. On error
 * it returns:
 * 1	bound_id is invalid.
 */
size_t vcm_get_bound_start_addr(struct bound *bound_id);


/**
 * vcm_get_bound_len() - Return the len of a bound.
 * @bound_id	The bound of interest.
 *
 * This function return non-zero on success, 0 on failure.
 */
size_t vcm_get_bound_len(struct bound *bound_id);



/*
 * Perform low-level control over VCM regions and reservations.
 */

/**
 * vcm_map_phys_addr() - Produce a physmem_id from a contiguous
 *                       physical address
 *
 * @phys	The physical address of the contiguous range.
 * @len		The len of the contiguous address range.
 *
 * Returns non-zero on success, 0 on failure. Then errno is:
 * EINVAL	the range is not of whole pages, in no physmem of this session
 *		and no window, or beyond the segment that holds its start.
 * EDQUOT	the memory has 65536 of these, imports among them.
 */
struct physmem *vcm_map_phys_addr(size_t phys, size_t len);


/**
 * vcm_get_next_phys_addr() - Get the next physical addr and len of a
 * 			      physmem_id.
 * @res_id	The physmem_id of interest.
 * @phys	The current physical address. Set this to NULL to start the
 *		iteration.
 * @len		An output: the len of the next physical segment.
 *
 * physmem_id's may contain physically discontiguous sections. This
 * function returns the next physical address and len. Pass NULL to
 * phys to get the first physical address. The len of the physical
 * segment is returned in *len.
 *
 * Returns 0 if there is no next physical address. errno is 0 then, and EINVAL
 * when physmem_id is invalid or phys is not in it.
 */
size_t vcm_get_next_phys_addr(struct physmem *physmem_id, size_t phys,
			      size_t *len);


/**
 * vcm_get_dev_addr() - Return the device address of a reservation.
 * @res_id	The reservation of interest.
 *
 *
 * On success this function returns the device address of a reservation. On
 * error it returns:
 * 1	res_id is invalid (EINVAL), or one-to-one and not backed (ENODATA).
 *
 * The address of a VCM_PREBUILT_USER reservation is the library's to know: it
 * is told until vcm_sys_destroy(), also after the broker went away. What is
 * mapped there stays so long, too.
 *
 * Note: This may return a kernel address if the reservation was
 * created from vcm_create_from_prebuilt() and the prebuilt ext_vcm_id
 * references a VM page table.
 */
size_t vcm_get_dev_addr(struct res *res_id);


/**
 * vcm_get_res() - Return the reservation from a device address and a VCM
 * @dev_addr	The device address of interest.
 * @vcm_id	The VCM that contains the reservation
 *
 * This function returns 0 if there is no reservation whose device
 * address is dev_addr (ENOENT), or vcm_id is invalid (EINVAL).
 */
struct res *vcm_get_res(size_t dev_addr, struct vcm *vcm_id);


/**
 * vcm_translate() - Translate from one device address to another.
 * @src_dev_id	The source device address.
 * @src_vcm_id	The source VCM region.
 * @dst_vcm_id	The destination VCM region.
 *
 * Derive the device address from a VCM region that maps the same physical
 * memory as a device address from another VCM region.
 *
 * On success this function returns the device address of a translation. On
 * error it returns:
 * 1	res_id is invalid.
 *
 * Then errno is:
 * EINVAL	a VCM region is invalid,
 * ENOENT	no reservation of the source is at that address, or none of the
 *		destination maps the memory,
 * ENOMEM	the reservation of the source is not backed.
 */
size_t vcm_translate(size_t src_dev_id, struct vcm *src_vcm_id,
		     struct vcm *dst_vcm_id);


/**
 * vcm_get_phys_num_res() - Return the number of reservations mapping a
 *           		    physical address.
 * @phys	The physical address to read.
 */
size_t vcm_get_phys_num_res(size_t phys);


/**
 * vcm_get_next_phys_res() - Return the next reservation mapped to a physical
 *			     address.
 * @phys	The physical address to map.
 * @res_id	The starting reservation. Set this to NULL for the first
 *		reservation.
 * @len		The virtual length of the reservation
 *
 * This function returns 0 for the last reservation or no reservation. errno is
 * 0 then, and EINVAL when res_id is invalid or does not map phys.
 */
struct res *vcm_get_next_phys_res(size_t phys, struct res *res_id, size_t *len);


/**
 * vcm_get_pgtbl_pa() - Return the physcial address of a VCM's page table.
 * @vcm_id	The VCM region of interest.
 *
 * This function returns non-zero on success. It returns 0, with errno, on
 * failure:
 * EINVAL	vcm_id is invalid,
 * ENODATA	the region has no page table: it is associated with no device
 *		behind an IOMMU.
 */
size_t vcm_get_pgtbl_pa(struct vcm *vcm_id);


/**
 * vcm_get_cont_memtype_pa() - Return the phys base addr of a memtype's
 * 			       first contiguous region.
 * @memtype	The memtype of interest.
 *
 * This function returns non-zero on success. A zero return indicates that
 * the given memtype does not have a contiguous region (errno is 0) or that the
 * memtype is invalid (EINVAL).
 */
size_t vcm_get_cont_memtype_pa(enum memtype_t memtype);


/**
 * vcm_get_cont_memtype_len() - Return the len of a memtype's
 * 			       	first contiguous region.
 * @memtype	The memtype of interest.
 *
 * This function returns non-zero on success. A zero return indicates that
 * the given memtype does not have a contiguous region (errno is 0) or that the
 * memtype is invalid (EINVAL).
 */
size_t vcm_get_cont_memtype_len(enum memtype_t memtype);


/**
 * vcm_dev_addr_to_phys_addr() - Perform a device address page-table lookup.
 * @dev_id	The device that has the table.
 * @dev_addr	The device address to map.
 *
 * This function returns the pa of a va from a device's page-table. It will
 * fault if the dev_addr is not mapped: it returns 0, and errno is EFAULT. It is
 * EINVAL when there is no such device.
 */
size_t vcm_dev_addr_to_phys_addr(size_t dev_id, size_t dev_addr);


/*
 * Fault Hooks
 *
 * vcm_hook()
 */

/**
 * vcm_hook() - Add a fault handler.
 * @dev_id	The device.
 * @handler	The handler, in the place of the one that the session has for
 *		the device. NULL removes that.
 * @data	A private piece of data that will get passed to the handler.
 *
 * This function returns 0 for a successful registration or:
 * -EINVAL	The arguments are invalid.
 * -EAGAIN	VCM_EVENT_THREAD: the process can have no further thread.
 */
int vcm_hook(size_t dev_id, vcm_handler handler, void *data);



/*
 * Low level, platform agnostic, HW control.
 *
 * vcm_hw_ver()
 */

/**
 * vcm_hw_ver() - Return the hardware version of a device, if it has one.
 * @dev_id	The device.
 *
 * This function returns 0 for a device without one (errno is 0), and when there
 * is no such device (EINVAL).
 */
size_t vcm_hw_ver(size_t dev_id);



/* bring-up init, destroy */

/**
 * vcm_sys_init() - Connect the process to the broker.
 *
 * Through the socket that the environment variable VCM_SOCKET names, else
 * /run/vcm/vcmd.sock. Calls are counted: only the first one connects. A forked
 * child is not connected and may call this itself. VCM_POLL=0 in the
 * environment keeps calls from polling for their answer before they sleep.
 *
 * This function returns 0 on success or:
 * -ENOENT, -ECONNREFUSED	no broker is there,
 * -EACCES			the socket may not be used by this user,
 * -EDQUOT			the user has too many sessions,
 * -ENOTCONN			an earlier connection broke: vcm_sys_destroy() it
 *				first,
 * and what else connecting can bring.
 */
int vcm_sys_init(void);

/**
 * vcm_sys_destroy() - Undo one vcm_sys_init().
 *
 * The last one ends the session: it returns when the broker has taken back
 * everything that the session had. All pointers are invalid from then on, and
 * the memory of VCM_PREBUILT_USER reservations is unmapped.
 *
 * This function returns 0 on success or:
 * -ENOTCONN	vcm_sys_init() was not called.
 */
int vcm_sys_destroy(void);


/*
 * Additions
 *
 * What follows is not in the posting.
 */

/* Other spellings that the posting's text uses for three of the functions. */

/* vcm_create_from_prebuilt() */
struct vcm *vcm_from_prebuilt(size_t ext_vcm_id);
/* vcm_reserve_from_bound() */
struct res *vcm_reserve_bound(struct bound *bound_id, size_t len,
			      uint32_t attr);
/* vcm_get_min_page_size() */
size_t vcm_min(void);


/**
 * vcm_last_error() - Why the last call of this thread failed.
 *
 * Which object, which rule, what to do about it: one line of English, "" when
 * the last call succeeded. The text is the library's and stands until the
 * thread's next call of this API.
 */
const char *vcm_last_error(void);


/**
 * vcm_dev_open() - Open a device to drive it.
 * @dev_id	A device that the broker has through VFIO.
 *
 * The descriptor is that of the kernel's VFIO device: regions (registers) by
 * mmap() or read and write, interrupts by ioctl(), as <linux/vfio.h> says. The
 * broker keeps the device's group: what the device reaches is what is active on
 * it, whatever is done with the descriptor. It is the caller's to close.
 *
 * Activation lets the device be a bus master, deactivation ends that.
 *
 * This function returns a descriptor or:
 * -EINVAL	there is no such device,
 * -ENODEV	it is no VFIO device,
 * -EACCES	the user may not drive it,
 * -EMFILE	the process has too many descriptors.
 */
int vcm_dev_open(size_t dev_id);


/**
 * vcm_find_res() - Return the reservation that contains a device address.
 * @dev_addr	The device address of interest.
 * @vcm_id	The VCM that contains the reservation.
 *
 * As vcm_get_res(), for any address of the reservation and not only its first.
 *
 * This function returns 0 if there is no such reservation (ENOENT), or vcm_id is
 * invalid (EINVAL).
 */
struct res *vcm_find_res(size_t dev_addr, struct vcm *vcm_id);


/**
 * vcm_get_next_bound() - Read each bound one at a time.
 * @vcm_id	The VCM region of interest.
 * @bound_id	Contains the last bound. Pass NULL on the first call.
 *
 * This function works like a foreach bound in a VCM region. It finds the
 * bounds of a clone.
 *
 * The return value will be non-zero for each bound in a VCM. A zero indicates
 * no further bounds.
 */
struct bound *vcm_get_next_bound(struct vcm *vcm_id, struct bound *bound_id);


/**
 * vcm_activate_ex() - Activate an AVCM, with flags.
 * @avcm_id	The AVCM to activate.
 * @flags	0, or VCM_ACTIVATE_SWITCH: take the place of the VCM that this
 *		session has active on the device, without a gap where the
 *		device can do that.
 *
 * This function returns what vcm_activate() returns, and -EINVAL for unknown
 * flags.
 */
int vcm_activate_ex(struct avcm *avcm_id, uint32_t flags);


/*
 * Sharing: memory of one session in another, of the same user or not.
 *
 * The session that has the memory exports it, which gives a token; whoever is
 * told the token imports it, and has a struct physmem of its own over the same
 * bytes, to be backed, cloned, asked about and freed as any other. A token is
 * worth something in any session of the same broker, as often as it is shown,
 * until the physmem that it was made for is freed or its session ends, or
 * until it is revoked. What was imported by then stays: the memory lives as
 * long as anybody has it, and vcm_phys_free() of the exporter never waits for
 * another session. Imported where it was exported, it is an alias, to be freed
 * first.
 *
 * Another user can import only memory that was allocated with VCM_COHERENT,
 * and only all of it. It counts against the quota of every user that has it.
 *
 * All that has been said about memory types holds for all mappings of the
 * memory, in whatever session. What was imported to be read can back only
 * reservations without VCM_WRITE (so not those with neither VCM_READ,
 * VCM_WRITE nor VCM_EXECUTE), and vcm_res_copy() does not write to it.
 */

/* The rights that are given. VCM_SHARE_WRITE includes VCM_SHARE_READ. */
enum vcm_share_rights {
	VCM_SHARE_READ = 1,
	VCM_SHARE_WRITE = 2
};

/* 128 random bits, for programs (and nodes) to pass on as they like. */
struct vcm_token {
	unsigned char bytes[16];
};

/**
 * vcm_export() - Make a token that stands for a physmem.
 * @physmem_id	The physmem; it may be an import itself, or an alias.
 * @rights	Of enum vcm_share_rights. 0 revokes all tokens of the physmem.
 * @token	An output. NULL is fine when rights is 0.
 *
 * Exporting the same rights again gives the same token. Never part of a batch:
 * it acts at once.
 *
 * This function returns 0 or:
 * -EINVAL	physmem_id is invalid, or a window's alias, or the rights are,
 * -EACCES	rights has VCM_SHARE_WRITE, and the physmem was imported to be
 *		read,
 * -EDQUOT	the user has too many objects,
 * -EINPROGRESS	the batch that creates the physmem is not committed.
 */
int vcm_export(struct physmem *physmem_id, uint32_t rights,
	       struct vcm_token *token);

/**
 * vcm_export_fd() - Make a descriptor that stands for a physmem.
 * @physmem_id	The physmem.
 * @rights	Of enum vcm_share_rights, not 0.
 *
 * The descriptor holds the token of vcm_export() and nothing else: it is none
 * of the memory. It is the caller's, close-on-exec, and can be sent over a
 * Unix socket. Closing it changes nothing.
 *
 * This function returns a descriptor, or what vcm_export() returns, or:
 * -EMFILE, -ENFILE, -ENOMEM	there is no room for a descriptor.
 */
int vcm_export_fd(struct physmem *physmem_id, uint32_t rights);

/**
 * vcm_import() - Produce a physmem from a token.
 * @token	The token.
 *
 * The return value is non-zero on success. It is 0, with errno, on failure:
 * EINVAL	token is NULL,
 * EACCES	the token is wrong, or worth nothing any more; or the memory is
 *		another user's, and not VCM_COHERENT or not whole,
 * EDQUOT	the user may not have as much memory, or as many objects; or
 *		the memory has 1024 imports,
 * EAGAIN	the user has shown many wrong tokens: try again later.
 */
struct physmem *vcm_import(const struct vcm_token *token);

/**
 * vcm_import_fd() - Produce a physmem from a descriptor.
 * @fd		A descriptor of vcm_export_fd(). It stays the caller's.
 *
 * The return value is non-zero on success. It is 0, with errno, on failure:
 * EBADF, EINVAL	fd is no descriptor, or none of vcm_export_fd(),
 * and what vcm_import() says.
 */
struct physmem *vcm_import_fd(int fd);


/*
 * Batches: many calls, one message, all or nothing.
 *
 * Between vcm_batch_begin() and vcm_batch_commit() the calls of this thread
 * that change something are collected. They return at once what they will
 * return if the batch is committed: int functions 0, creating functions the
 * pointer of the new object, which can be used in the same batch.
 *
 * A question about an object that existed before the batch is answered at
 * once, as it was before the batch. A question about an object that the batch
 * creates (its address, for instance) has no answer yet: the documented error
 * value, with EINPROGRESS. vcm_res_copy(), vcm_export(), vcm_hook(), smmu_*() and
 * vcm_sim_*() are never part of a batch: they act at once.
 *
 * A call that cannot be collected (a pointer that is no object, no memory, too
 * many calls) fails at once; so do the calls after it, and so will the commit,
 * with the same error and the index that the call would have had.
 */

/**
 * vcm_batch_begin() - Begin to collect the calls of this thread.
 *
 * This function returns 0 or:
 * -EBUSY	a batch is open in this thread,
 * -ENOTCONN	there is no connection,
 * -ENOMEM	no memory.
 */
int vcm_batch_begin(void);

/**
 * vcm_batch_commit() - Do what was collected: everything or nothing.
 * @failed	An output, only written on failure: which of the collected
 *		calls failed, counted from 0; their number when it is none in
 *		particular. NULL is fine.
 *
 * The batch ends, however this ends. After a failure nothing has happened and
 * all pointers that were created in the batch are invalid.
 *
 * The one exception: when this process cannot map the memory of a
 * VCM_PREBUILT_USER reservation (-ENOMEM for want of mappings, -EMFILE for
 * want of descriptors), that vcm_back() is undone and reported, and the rest
 * of the batch stands.
 *
 * This function returns 0 or the error of the call that failed, or:
 * -EINVAL	no batch is open in this thread,
 * -E2BIG	the batch does not fit into one message, or maps, clones or looks
 *		through too much for one: others would feel it,
 * -ENOTCONN	the connection has ended.
 */
int vcm_batch_commit(size_t *failed);

/* Forgets what was collected; the pointers created in the batch are invalid.
 * Does nothing when no batch is open. */
void vcm_batch_abort(void);


/*
 * Faults
 */

/* The flags of struct vcm_fault. */
enum vcm_fault_flags {
	VCM_FAULT_F_WRITE = 1,		/* a write; otherwise a read */
	VCM_FAULT_F_EXECUTE = 2,	/* an instruction fetch */
	VCM_FAULT_F_PRIVILEGED = 4,
	VCM_FAULT_F_PERMISSION = 8,	/* mapped, but not for this access */
	VCM_FAULT_F_STALLED = 16	/* the transaction waits for the verdict */
};

/**
 * struct vcm_fault - What a handler gets as its fault_data.
 *
 * It may grow at its end: @size says how much of it is there.
 */
struct vcm_fault {
	size_t size;		/* bytes of this structure */
	size_t dev_addr;	/* the address that faulted, page exact at least */
	size_t len;		/* bytes of the transaction, 0 if unknown */
	uint32_t flags;		/* enum vcm_fault_flags */
	uint32_t context;	/* the hardware context */
	uint32_t fsr;		/* the context's fault registers, as they were */
	uint32_t fsynr0;
	uint32_t fsynr1;
	uint64_t time_ns;	/* CLOCK_MONOTONIC */
};

/* Who runs the handlers. */
enum vcm_event_mode {
	VCM_EVENT_THREAD,	/* a thread of the library's (the default) */
	VCM_EVENT_LOOP		/* vcm_dispatch(), and every call that waits */
};

/**
 * vcm_set_event_mode() - Choose who runs the fault handlers.
 * @mode	VCM_EVENT_THREAD: handlers run in a thread of the library's,
 *		one at a time, with all signals blocked. VCM_EVENT_LOOP: they
 *		run inside vcm_dispatch(), and inside any call of this API that
 *		has to wait for the broker.
 *
 * Handlers nest, in both modes: a call that a handler makes, and that has to
 * wait for the broker, runs the handlers of the faults that come meanwhile, in
 * the same thread, 16 deep at most. So a handler may use a device that faults
 * in turn; and it should not hold over a call a lock that another handler
 * takes.
 *
 * Holds for the whole process, also before vcm_sys_init(); a call that waits
 * already goes on as it began. A handler may call
 * every function of this API; inside a handler no batch is open.
 * When vcm_hook() has removed or replaced a handler, the old one is not running
 * any more, unless vcm_hook() was called by a handler.
 *
 * This function returns 0 or -EINVAL for an unknown mode.
 */
int vcm_set_event_mode(enum vcm_event_mode mode);

/**
 * vcm_get_fd() - The descriptor to poll for faults in VCM_EVENT_LOOP mode.
 *
 * Readable when vcm_dispatch() has something to do. It is the library's: it
 * may be polled, nothing else, until vcm_sys_destroy().
 *
 * This function returns a descriptor or:
 * -ENOTCONN	there is no connection,
 * -EINVAL	the mode is VCM_EVENT_THREAD.
 */
int vcm_get_fd(void);

/**
 * vcm_dispatch() - Run the handlers of the faults that are there.
 * @timeout_ms	How long to wait for the first one: 0 not at all, negative
 *		without end.
 *
 * This function returns the number of faults that were dealt with, 0 when the
 * time is over, or:
 * -EINTR	a signal came while it waited,
 * -ENOTCONN	there is no connection, or it has ended,
 * -EINVAL	the mode is VCM_EVENT_THREAD.
 */
int vcm_dispatch(int timeout_ms);

#ifdef __cplusplus
}
#endif

#endif /* _VCM_H_ */
