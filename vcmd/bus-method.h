/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The methods of the interface org.vcmd.Vcm1.Operations: one for each operation of proto/op.h, with its arguments as D-Bus
 * types, and which field of struct op, or which value of the answer, each of them is.
 *
 *	X(name, code, arguments: types, fields, names, results: types, fields, names)
 *
 *	fields of arguments: h handle  o on  t target  a addr  l len  r attr  g arg  n name  d data
 *	fields of results:   h the handle  v the next value  m pieces: a(utt) and their fds  d data  R rows
 *	                     f the fd
 *
 * A type is one letter but for data (ay), pieces (a(utt)ah) and rows (a(atas)).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-bus-vtable.h>

#include "proto/op.h"

/* A name among the arguments or results. */
#define N(name) #name "\0"
/* clang-format off */
#define BUS_METHODS(X) \
	/* vcm */ \
	X(CreateVcm, VCM_CREATE, "utt", "hal", N(handle) N(start) N(length), \
	  "uu", "hv", N(handle) N(type)) \
	X(CreatePrebuilt, VCM_PREBUILT, "uu", "hg", N(handle) N(prebuilt), \
	  "uu", "hv", N(handle) N(type)) \
	X(CloneVcm, VCM_CLONE, "uu", "ho", N(handle) N(vcm), "u", "h", N(handle)) \
	X(FreeVcm, VCM_FREE, "u", "o", N(vcm), "", "", "") \
	X(GetVcm, VCM_INFO, "u", "o", N(vcm), \
	  "ttut", "vvvv", N(start) N(length) N(type) N(reservations)) \
	X(GetPageTable, VCM_PGTBL, "u", "o", N(vcm), "t", "v", N(physical)) \
	/* reservations */ \
	X(Reserve, RESERVE, "uutut", "holra", N(handle) N(vcm) N(length) N(attributes) N(address), \
	  "ut", "hv", N(handle) N(address)) \
	X(ReserveAt, RESERVE_AT, "uutuu", "holrg", \
	  N(handle) N(vcm) N(length) N(attributes) N(memtarget), "ut", "hv", N(handle) N(address)) \
	X(ReserveFromBound, RESERVE_BOUND, "uutu", "holr", \
	  N(handle) N(bound) N(length) N(attributes), "ut", "hv", N(handle) N(address)) \
	X(Unreserve, UNRESERVE, "u", "o", N(reservation), "", "", "") \
	X(GetReservation, RES_INFO, "u", "o", N(reservation), \
	  "uttuu", "vvvvv", N(vcm) N(address) N(length) N(attributes) N(physmem)) \
	X(SetReservationAttributes, RES_SET_ATTR, "uu", "or", N(reservation) N(attributes), \
	  "", "", "") \
	X(NextReservation, RES_NEXT, "uu", "ot", N(vcm) N(after), "u", "v", N(reservation)) \
	X(Copy, RES_COPY, "ututt", "oatgl", \
	  N(to) N(to_offset) N(from) N(from_offset) N(length), "t", "v", N(copied)) \
	X(GetReservationAt, RES_GET, "ut", "oa", N(vcm) N(address), "u", "v", N(reservation)) \
	X(FindReservation, RES_FIND, "ut", "oa", N(vcm) N(address), "u", "v", N(reservation)) \
	X(Back, BACK, "uu", "ot", N(reservation) N(physmem), \
	  "a(utt)ah", "m", N(pieces) N(fds)) \
	X(Unback, UNBACK, "u", "o", N(reservation), "", "", "") \
	X(GetMemory, PIECES, "ut", "oa", N(reservation) N(offset), \
	  "a(utt)ah", "m", N(pieces) N(fds)) \
	X(Translate, TRANSLATE, "uut", "ota", N(from) N(to) N(address), "t", "v", N(address)) \
	/* memory */ \
	X(AllocatePhysmem, PHYS_ALLOC, "uutu", "hglr", \
	  N(handle) N(memtype) N(length) N(attributes), "u", "h", N(handle)) \
	X(FreePhysmem, PHYS_FREE, "u", "o", N(physmem), "", "", "") \
	X(GetPhysmem, PHYS_INFO, "u", "o", N(physmem), \
	  "utu", "vvv", N(memtype) N(length) N(attributes)) \
	X(NextSegment, PHYS_NEXT, "ut", "oa", N(physmem) N(physical), \
	  "tt", "vv", N(physical) N(length)) \
	X(MapPhysical, PHYS_MAP, "utt", "hal", N(handle) N(physical) N(length), \
	  "u", "h", N(handle)) \
	X(CountReservationsOf, PHYS_NUM_RES, "t", "a", N(physical), "t", "v", N(count)) \
	X(NextReservationOf, PHYS_NEXT_RES, "tu", "at", N(physical) N(after), \
	  "ut", "vv", N(reservation) N(length)) \
	X(GetContiguousRegion, MEMTYPE_CONT, "u", "g", N(memtype), \
	  "tt", "vv", N(physical) N(length)) \
	X(Export, EXPORT, "uu", "or", N(physmem) N(rights), "tt", "vv", N(first) N(second)) \
	X(Import, IMPORT, "utt", "hag", N(handle) N(first) N(second), "u", "h", N(handle)) \
	/* associations */ \
	X(Associate, ASSOC, "uuuu", "hotr", N(handle) N(vcm) N(device) N(attributes), \
	  "u", "h", N(handle)) \
	X(Deassociate, DEASSOC, "u", "o", N(association), "", "", "") \
	X(SetAssociationAttributes, ASSOC_SET_ATTR, "uu", "or", N(association) N(attributes), \
	  "", "", "") \
	X(GetAssociation, ASSOC_INFO, "u", "o", N(association), \
	  "uuub", "vvvv", N(vcm) N(device) N(attributes) N(active)) \
	X(Activate, ACTIVATE, "uu", "or", N(association) N(flags), "", "", "") \
	X(Deactivate, DEACTIVATE, "u", "o", N(association), "", "", "") \
	/* bounds */ \
	X(CreateBound, BOUND_CREATE, "uutt", "hola", N(handle) N(vcm) N(length) N(address), \
	  "ut", "hv", N(handle) N(start)) \
	X(FreeBound, BOUND_FREE, "u", "o", N(bound), "", "", "") \
	X(GetBound, BOUND_INFO, "u", "o", N(bound), "utt", "vvv", N(vcm) N(start) N(length)) \
	X(NextBound, BOUND_NEXT, "uu", "ot", N(vcm) N(after), "u", "v", N(bound)) \
	/* devices */ \
	X(FindDevice, DEV_GET, "s", "n", N(name), "ut", "vv", N(device) N(base)) \
	X(GetDevice, DEV_INFO, "u", "t", N(device), "tt", "vv", N(base) N(version)) \
	X(DeviceToPhysical, DEV_TO_PHYS, "ut", "ta", N(device) N(address), "t", "v", N(physical)) \
	X(Hook, HOOK, "ub", "tg", N(device) N(set), "", "", "") \
	X(FaultReply, FAULT_REPLY, "tu", "ag", N(fault) N(verdict), "", "", "") \
	X(OpenDevice, DEV_OPEN, "u", "t", N(device), "h", "f", N(fd)) \
	X(SimRead, SIM_READ, "utt", "tal", N(device) N(address) N(length), "ay", "d", N(data)) \
	X(SimWrite, SIM_WRITE, "utay", "tad", N(device) N(address) N(data), "", "", "") \
	X(SimFail, SIM_FAIL, "uuu", "tgl", N(device) N(what) N(times), "", "", "") \
	X(SimStats, SIM_STATS, "ub", "tg", N(device) N(reset), \
	  "ttttt", "vvvvv", N(hits) N(misses) N(walk_reads) N(faults) N(invalidations)) \
	/* the rest */ \
	X(Inspect, INSPECT, "utt", "gal", N(table) N(cursor) N(physical), \
	  "ta(atas)", "vR", N(next) N(rows)) \
	X(KillSession, SESSION_KILL, "t", "g", N(session), "", "", "") \
	X(Reload, RELOAD, "", "", "", "", "", "") \
	X(Ping, PING, "", "", "", "", "", "") \
	X(CloseSession, BYE, "", "", "", "", "", "")
/* clang-format on */

struct bus_method {
	const char *name;
	uint32_t code;
	const char *in, *in_fields, *in_names; /* names: each ends with a 0 */
	const char *out, *out_fields, *out_names;
};

/* NULL when there is none. */
const struct bus_method *bus_method_find(const char *name);
/* The i-th; NULL beyond the last. */
const struct bus_method *bus_method_at(size_t i);
/* Whether the field is among the arguments. */
bool bus_method_takes(const struct bus_method *m, char field);
