/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What lies in the memory that a remote CPU shares with us: the numbers of remoteproc, virtio and RPMsg, as Linux, OpenAMP
 * and rpmsg-lite speak them. Everything is little endian.
 *
 *	resource table	 0 version  4 number of entries  8 reserved x2  16 offset of the entry
 *	its vdev entry	 0 type  4 id  8 notifyid  12 dfeatures  16 gfeatures  20 config_len
 *			24 status u8  25 rings u8  26 reserved u8 x2  28 { da align num notifyid reserved } of each ring
 *	a ring		 descriptors { addr u64, len u32, flags u16, next u16 }
 *			 avail { flags, idx, ring[n], used_event } u16, then up to the alignment
 *			 used { flags u16, idx u16, { id u32, len u32 }[n], avail_event u16 }
 *	a message	 0 src u32  4 dst u32  8 reserved u32  12 len u16  14 flags u16  16 payload
 *	an announcement	 0 name[32]  32 addr u32  36 flags u32
 *	a fragment	 0 message u32  4 index u16  6 count u16  8 bytes
 */
#pragma once

#define TABLE_VERSION 1
#define TABLE_ENTRY 20    /* where the one entry begins */
#define TABLE_AT_RINGS 28 /* in it */
#define TABLE_RING_LEN 20
#define TABLE_LEN (TABLE_ENTRY + TABLE_AT_RINGS + 2 * TABLE_RING_LEN)
#define TABLE_AT_GFEATURES (TABLE_ENTRY + 16)
#define TABLE_AT_STATUS (TABLE_ENTRY + 24)
#define RSC_VDEV 3
#define VIRTIO_ID_RPMSG 7
#define VIRTIO_RPMSG_F_NS 1u /* bit 0 */

enum virtio_status {
	STATUS_RESET = 0,
	STATUS_ACK = 1,
	STATUS_DRIVER = 2,
	STATUS_DRIVER_OK = 4,
	STATUS_NEEDS_RESET = 0x40,
	STATUS_FAILED = 0x80,
};

#define DESC_LEN 16
#define DESC_F_WRITE 2
#define RING_F_QUIET 1 /* avail: NO_INTERRUPT, used: NO_NOTIFY */

#define RPMSG_HEADER 16
#define RPMSG_NS_ADDR 53
#define RPMSG_NAME 32
#define RPMSG_NS_LEN 40
#define RPMSG_NS_DESTROY 1u
#define RPMSG_FIRST_ADDR 1024
#define RPMSG_ADDR_ANY 0xffffffffu

#define FRAGMENT_HEADER 8
#define FRAGMENTS_MAX 64 /* of one message */
