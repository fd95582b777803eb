/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The properties of the bus's objects: columns of the rows of <vcm/inspect.h>.
 *
 *	X(name, type, column, flag of sd-bus, whether it is a text)
 */
#pragma once

#include <vcm/inspect.h>

/* clang-format off */
#define FIXED SD_BUS_VTABLE_PROPERTY_CONST
#define CHANGES SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
#define SILENT 0 /* read it when it matters: it changes with every call of somebody */

#define BUS_MANAGER_PROPERTIES(X) \
	X(Version, "s", 0, FIXED, true) \
	X(Configuration, "s", 1, SILENT, true) \
	X(UptimeNSec, "t", VCM_STATUS_UPTIME, SILENT, false) \
	X(Sessions, "t", VCM_STATUS_SESSIONS, SILENT, false) \
	X(Objects, "t", VCM_STATUS_OBJECTS, SILENT, false) \
	X(Used, "t", VCM_STATUS_USED, SILENT, false) \
	X(TableBytes, "t", VCM_STATUS_TABLES, SILENT, false) \
	X(Requests, "t", VCM_STATUS_REQUESTS, SILENT, false) \
	X(Refused, "t", VCM_STATUS_REFUSED, SILENT, false) \
	X(Faults, "t", VCM_STATUS_FAULTS, SILENT, false) \
	X(FailedHandlers, "t", VCM_STATUS_FAILED_HANDLERS, SILENT, false) \
	X(Quarantined, "t", VCM_STATUS_QUARANTINED, SILENT, false) \
	X(Active, "t", VCM_STATUS_ACTIVE, SILENT, false) \
	X(Stock, "t", VCM_STATUS_STOCK, SILENT, false)

#define BUS_DEVICE_PROPERTIES(X) \
	X(Name, "s", 0, FIXED, true) \
	X(Backend, "s", 1, FIXED, true) \
	X(Smmu, "s", 2, FIXED, true) \
	X(About, "s", 3, FIXED, true) \
	X(Number, "u", VCM_DEVICE_NUMBER, FIXED, false) \
	X(Kind, "u", VCM_DEVICE_KIND, FIXED, false) \
	X(Active, "u", VCM_DEVICE_ACTIVE, SILENT, false) \
	X(AddressBits, "u", VCM_DEVICE_VA_BITS, FIXED, false) \
	X(PageSizes, "t", VCM_DEVICE_PAGE_SIZES, FIXED, false) \
	X(Base, "t", VCM_DEVICE_BASE, FIXED, false) \
	X(HardwareVersion, "t", VCM_DEVICE_HW_VERSION, FIXED, false) \
	X(Capabilities, "u", VCM_DEVICE_CAPS, FIXED, false) \
	X(Faults, "t", VCM_DEVICE_FAULTS, SILENT, false)

#define BUS_POOL_PROPERTIES(X) \
	X(Source, "s", 0, FIXED, true) \
	X(Flags, "s", 1, FIXED, true) \
	X(Memtype, "u", VCM_POOL_MEMTYPE, FIXED, false) \
	X(First, "t", VCM_POOL_FIRST, FIXED, false) \
	X(Last, "t", VCM_POOL_LAST, FIXED, false) \
	X(Size, "t", VCM_POOL_SIZE, FIXED, false) \
	X(Granule, "t", VCM_POOL_GRANULE, FIXED, false) \
	X(ContiguousFirst, "t", VCM_POOL_CONT_FIRST, FIXED, false) \
	X(ContiguousLength, "t", VCM_POOL_CONT_LEN, FIXED, false) \
	X(Used, "t", VCM_POOL_USED, CHANGES, false) \
	X(HighWater, "t", VCM_POOL_HIGH_WATER, CHANGES, false) \
	X(LargestFree, "t", VCM_POOL_LARGEST_FREE, CHANGES, false) \
	X(Arenas, "t", VCM_POOL_ARENAS, CHANGES, false) \
	X(Cached, "t", VCM_POOL_CACHED, CHANGES, false) \
	X(FailedForSize, "t", VCM_POOL_FAILED_SIZE, CHANGES, false) \
	X(FailedForFragmentation, "t", VCM_POOL_FAILED_FRAGMENTED, CHANGES, false) \
	X(Quarantined, "t", VCM_POOL_QUARANTINED, CHANGES, false)

#define BUS_NODE_PROPERTIES(X) \
	X(Name, "s", 0, FIXED, true) \
	X(Carrier, "s", 1, FIXED, true) \
	X(Kick, "s", 2, SILENT, true) \
	X(State, "s", 3, SILENT, true) \
	X(Epoch, "t", VCM_NODE_EPOCH, SILENT, false) \
	X(Descriptors, "u", VCM_NODE_DESCRIPTORS, FIXED, false) \
	X(BufferLength, "u", VCM_NODE_BUFFER, FIXED, false) \
	X(In, "t", VCM_NODE_IN, SILENT, false) \
	X(Out, "t", VCM_NODE_OUT, SILENT, false) \
	X(BytesIn, "t", VCM_NODE_BYTES_IN, SILENT, false) \
	X(BytesOut, "t", VCM_NODE_BYTES_OUT, SILENT, false) \
	X(Dropped, "t", VCM_NODE_DROPPED, SILENT, false) \
	X(Resets, "t", VCM_NODE_RESETS, SILENT, false) \
	X(Kicks, "t", VCM_NODE_KICKS, SILENT, false) \
	X(Heard, "t", VCM_NODE_HEARD, SILENT, false)

#define BUS_SESSION_PROPERTIES(X) \
	X(Name, "s", 0, FIXED, true) \
	X(Id, "t", VCM_SESSION_ID, FIXED, false) \
	X(Uid, "u", VCM_SESSION_UID, FIXED, false) \
	X(Gid, "u", VCM_SESSION_GID, FIXED, false) \
	X(Pid, "u", VCM_SESSION_PID, FIXED, false) \
	X(Vcms, "t", VCM_SESSION_VCMS, SILENT, false) \
	X(Reservations, "t", VCM_SESSION_RESERVATIONS, SILENT, false) \
	X(Physmems, "t", VCM_SESSION_PHYSMEMS, SILENT, false) \
	X(Associations, "t", VCM_SESSION_ASSOCS, SILENT, false) \
	X(Bytes, "t", VCM_SESSION_BYTES, SILENT, false) \
	X(InFlight, "t", VCM_SESSION_IN_FLIGHT, SILENT, false) \
	X(Requests, "t", VCM_SESSION_REQUESTS, SILENT, false) \
	X(Refused, "t", VCM_SESSION_REFUSED, SILENT, false)

#define BUS_VCM_PROPERTIES(X) \
	X(Handle, "u", VCM_VCM_HANDLE, FIXED, false) \
	X(Type, "u", VCM_VCM_TYPE, FIXED, false) \
	X(Start, "t", VCM_VCM_START, FIXED, false) \
	X(Length, "t", VCM_VCM_LEN, FIXED, false) \
	X(Reservations, "t", VCM_VCM_RESERVATIONS, SILENT, false) \
	X(Table, "t", VCM_VCM_TABLE, SILENT, false)

#define BUS_RES_PROPERTIES(X) \
	X(Handle, "u", VCM_RES_HANDLE, FIXED, false) \
	X(Vcm, "u", VCM_RES_VCM, FIXED, false) \
	X(Bound, "u", VCM_RES_BOUND, FIXED, false) \
	X(Length, "t", VCM_RES_LEN, FIXED, false) \
	X(Address, "t", VCM_RES_ADDR, CHANGES, false) \
	X(Attributes, "u", VCM_RES_ATTR, CHANGES, false) \
	X(Physmem, "u", VCM_RES_PHYSMEM, CHANGES, false) \
	X(Memory, "t", VCM_RES_MEMORY, CHANGES, false)

#define BUS_BOUND_PROPERTIES(X) \
	X(Handle, "u", VCM_BOUND_HANDLE, FIXED, false) \
	X(Vcm, "u", VCM_BOUND_VCM, FIXED, false) \
	X(Start, "t", VCM_BOUND_START, FIXED, false) \
	X(Length, "t", VCM_BOUND_LEN, FIXED, false)

#define BUS_AVCM_PROPERTIES(X) \
	X(Handle, "u", VCM_ASSOC_HANDLE, FIXED, false) \
	X(Vcm, "u", VCM_ASSOC_VCM, FIXED, false) \
	X(Device, "u", VCM_ASSOC_DEVICE, FIXED, false) \
	X(DeviceName, "s", 0, FIXED, true) \
	X(Attributes, "u", VCM_ASSOC_ATTR, CHANGES, false) \
	X(Active, "b", VCM_ASSOC_IS_ACTIVE, CHANGES, false)

#define BUS_PHYSMEM_PROPERTIES(X) \
	X(Handle, "u", VCM_PHYSMEM_HANDLE, FIXED, false) \
	X(Memory, "t", VCM_PHYSMEM_MEMORY, FIXED, false) \
	X(Memtype, "u", VCM_PHYSMEM_MEMTYPE, FIXED, false) \
	X(Length, "t", VCM_PHYSMEM_LEN, FIXED, false) \
	X(Attributes, "u", VCM_PHYSMEM_ATTR, FIXED, false) \
	X(Physical, "t", VCM_PHYSMEM_FIRST, FIXED, false) \
	X(Segments, "t", VCM_PHYSMEM_SEGMENTS, FIXED, false) \
	X(Mappings, "t", VCM_PHYSMEM_MAPPINGS, SILENT, false) \
	X(Sharing, "u", VCM_PHYSMEM_SHARING, SILENT, false)
/* clang-format on */
