/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration: what vcmd.conf(5) says, or the built-in machine, as checked values. It opens nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/log.h"
#include "base/range.h"
#include "base/reason.h"
#include "memory/memory.h"
#include "rpmsg/geometry.h"

#define CONFIG_PATH SYSCONFDIR "/vcm/vcmd.conf"
#define CONFIG_SOCKET "/run/vcm/vcmd.sock"

/* Who may: root and the daemon's own user always may. An empty rule is nobody else. */
struct config_rule {
	bool everybody;
	uid_t *uids;
	size_t n_uids;
	gid_t *gids;
	size_t n_gids;
};

/* What a window's bytes are a part of: a file, or a region of a UIO device. */
struct config_bytes {
	char *file;
	uint64_t offset;     /* of the first range */
	char *device;        /* what its UIO driver calls it; NULL: the file */
	unsigned int region; /* of it */
};

/* One pool of a memtype: disjoint ranges of physical addresses, checked against every other pool's. */
struct config_pool {
	unsigned int memtype; /* 0 is VCM_MEMTYPE_0 */
	enum memory_source source;
	struct range *ranges;
	size_t n_ranges;
	uint64_t cont_len; /* bytes of the first range that are its contiguous region, 0: none */
	uint64_t granule;  /* bytes, 0: chosen by the size */
	bool secure;
	uint64_t len;              /* of a pagemap pool, whose ranges are the kernel's choice */
	struct config_bytes bytes; /* of a window */
	struct config_rule map;    /* who may map a window, all of which is seen by that */
	struct config_rule allow;
};

/* How the registers of an IOMMU are reached. */
enum config_registers {
	REGISTERS_MODEL, /* there are none: it is simulated */
	REGISTERS_UIO,
	REGISTERS_MEM,  /* /dev/mem */
	REGISTERS_VFIO, /* a device of the platform in VFIO */
};

struct config_context {
	char *name;
	unsigned int mid; /* of an smmu; of an smmuv3 its stream id */
	bool stall;       /* smmuv3: faults may wait for a verdict */
	struct config_rule allow;
};

/* An IOMMU that is driven by its registers. */
struct config_smmu {
	char *name;
	bool v3; /* an ARM SMMUv3; else a Qualcomm System MMU */
	enum config_registers registers;
	uint64_t base;        /* physical; 0: what the UIO device says */
	char *device;         /* of UIO: what its driver calls it; of VFIO: its name in sysfs */
	unsigned int region;  /* of it */
	unsigned int poll_ms; /* without an interrupt */
	unsigned int n_banks, tlb_entries, tlb_ways; /* of the simulated model */
	struct config_context *contexts;
	size_t n_contexts;
};

/* A PCI device behind an IOMMU that the kernel drives, through VFIO. */
struct config_vfio {
	char *name;
	char *address; /* "0000:00:03.0" */
	struct config_rule allow;
	struct config_rule open; /* who may have its file; nobody else by default */
};

/* A bus master without an IOMMU. */
struct config_master {
	char *name;
	struct config_rule allow;
};

/* Physical addresses that vcm_map_phys_addr() may name without a physmem. */
struct config_window {
	struct range range;
	struct config_rule allow;
};

struct config_limits {    /* for each user; root has none but in_flight */
	uint64_t bytes;   /* of arenas */
	uint64_t objects; /* about 256 bytes of the broker's memory each */
	uint64_t sessions;
	uint64_t in_flight;   /* requests of one session */
	uint64_t table_bytes; /* of page tables */
	uint64_t arenas;      /* each may be an open file */
};

enum config_kick {
	KICK_EVENTFD, /* through the ivshmem socket */
	KICK_UIO,     /* the interrupt of a UIO device */
	KICK_POLL,    /* none: each looks */
};

/* Uids of nodes that act as nobody else; no user of the system has one. */
#define CONFIG_NODE_UID 0xffff0000u
#define CONFIG_MAX_NODES 256

/* A remote CPU that shares memory with us. */
struct config_node {
	char *name;
	char *rpmsg;          /* the kernel's control device: then there is no window of ours */
	char *file;           /* of the window; NULL: a memfd, or the UIO device's map */
	char *uio;            /* device */
	char *socket;         /* of the ivshmem server; NULL: none */
	unsigned int map;     /* of the UIO device */
	unsigned int vectors; /* of an ivshmem device */
	char *doorbell; /* a UIO device, or NULL: to kick, a value is written into a map of it */
	unsigned int doorbell_map, doorbell_value;
	uint64_t doorbell_offset;
	uint64_t offset, len; /* of the window in its file */
	uint64_t base;        /* its address on the node */
	struct geometry geometry;
	uint32_t address;        /* of our end of the service */
	uint32_t remote_address; /* of the node, where the kernel has to know it */
	enum config_kick kick;
	unsigned int heartbeat_ms; /* 0: it need not give signs of life */
	unsigned int reset_timeout_ms;
	uid_t uid; /* CONFIG_NODE_UID + its index, unless it acts as a user */
	struct config_limits limits;
};

struct config {
	char *path; /* NULL: built in */
	char *socket;
	char *dbus; /* off, system, session, or an address; NULL: nothing said */
	mode_t socket_mode;
	char *socket_group; /* NULL: the daemon's */
	unsigned int fault_timeout_ms;
	unsigned int grace_ms; /* how long a session waits for its client after a restart */
	unsigned int hello_ms; /* how long a connection may have no session */
	unsigned int poll_us;  /* 0: never; at most 50 */
	struct memory_config memory;
	struct range kernel_window; /* addresses of VCM_PREBUILT_KERNEL */
	struct config_pool *pools;
	size_t n_pools;
	struct config_pool *table_memory; /* for hardware that walks real memory; NULL: none */
	struct config_smmu *smmus;
	size_t n_smmus;
	struct config_vfio *vfios;
	size_t n_vfios;
	struct config_master *masters;
	size_t n_masters;
	struct config_window *windows;
	size_t n_windows;
	struct config_node *nodes;
	size_t n_nodes;
	struct config_rule access;  /* who may connect at all: the group of the socket by default */
	struct config_rule kernel;  /* VCM_PREBUILT_KERNEL */
	struct config_rule inspect; /* other users' rows, who maps what */
	struct config_rule simulate; /* act as a device that is others'; break simulated hardware */
	struct config_rule manage;   /* end others' sessions, reload */
	struct config_limits limits;
	enum log_level log_level;
	size_t n_more; /* references but the first */
};

/* Devices of one IOMMU group reach what each of them reaches: groups[i] is of vfios[i]. 0; -EINVAL: two of a group are for
 * others. */
int config_check_groups(const struct config *c, const unsigned int *groups, struct reason *why);

/* The machine of DESIGN: three memtypes, smmu0, smmu1, dma0. NULL without memory. */
struct config *config_default(void);
/* 0; -ENOENT, -EACCES... of the file; -EINVAL with "file:line: what is wrong" in why; -ENOMEM. */
int config_load(const char *path, struct config **out, struct reason *why);
/* One more reference, for who keeps what it says after another has taken its place. Returns c. */
struct config *config_ref(struct config *c);
/* Gives up a reference; with the last it goes. Returns NULL; NULL is fine. */
struct config *config_free(struct config *c);
/* Whether its addresses are chosen outside this process. */
bool config_pool_is_physical(const struct config_pool *p);
/* Whether they are the bus's: hardware can reach it by them. A file of the configuration's has none, whatever its ranges say. */
bool config_pool_has_bus_addresses(const struct config_pool *p);
/* What a user may have; a node that acts as a user has what that user has. */
const struct config_limits *config_limits_of(const struct config *c, uid_t uid);
/* Whether a peer is named by the rule (or is root, or the daemon's own user). */
bool config_rule_allows(const struct config_rule *rule, uid_t uid, const gid_t *gids,
			size_t n_gids);
