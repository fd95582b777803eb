// SPDX-License-Identifier: BSD-3-Clause
/*
 * A worker of the storm: it does what it is told, with whatever <vcm/vcm.h> it is linked with.
 *
 *	storm-client			a client of $VCM_SOCKET
 *	storm-node SOCKET		a node, with the memory that this ivshmem server gives; STORM_NODE is defined
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <vcm/sim.h>
#include <vcm/smmu.h>
#include <vcm/vcm.h>

#include "tests/remote/storm.h"

#define WORDS (STORM_LEN / sizeof(uint64_t))

struct slot {
	struct physmem *memory;
	struct res *res; /* of a client: in its own address space */
	uint64_t *at;
};

static struct slot slots[STORM_SLOTS];

/* Before this is 0, the slot has a pointer. */
static int show(struct slot *s);
static int hide(struct slot *s);
static int last_error(void);

#ifdef STORM_NODE
#include <poll.h>

#include "examples/node/ivshmem.h"
#include "remote/api.h"
#include "remote/error.h"
#include "remote/rpmsg.h"

#define BASE 0x38000000u

static struct ivshmem ivshmem = IVSHMEM_NULL;
static uint8_t *window;
static size_t window_len;
static uint64_t base;
static struct vcm_rpmsg rpmsg;
static struct vcm_node node;
static struct vcm_port port;

static void kick(void *ctx, uint32_t notify_id)
{
	const uint64_t one = 1;

	(void)ctx;
	(void)notify_id;
	if (write(ivshmem.kick, &one, sizeof(one)) < 0)
		exit(EXIT_FAILURE);
}

static int wait(void *ctx)
{
	struct pollfd p = { .fd = ivshmem.bell, .events = POLLIN };
	uint64_t n;

	(void)ctx;
	if (poll(&p, 1, 20000) != 1 || read(ivshmem.bell, &n, sizeof(n)) < 0)
		return -VCM_ETIMEDOUT;
	return 0;
}

static void *address(void *ctx, uint64_t da, size_t len)
{
	(void)ctx;
	if (da < base || da - base > window_len || len > window_len - (da - base))
		return NULL;
	return window + (da - base);
}

/* Whoever was killed before may still be there, for its server. */
static int join(const char *path)
{
	const struct timespec nap = { .tv_nsec = 2000000 };
	int fd = -1;

	for (int i = 0; i < 5000 && fd < 0; i++) {
		ivshmem = IVSHMEM_NULL;
		fd = ivshmem_join(&ivshmem, path);
		if (fd < 0) {
			close(ivshmem.server);
			nanosleep(&nap, NULL);
		}
	}
	return fd;
}

static const char *server;

static bool attach_again(void)
{
	int fd = join(server);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return false;
	window_len = (size_t)st.st_size;
	window = mmap(NULL, window_len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	port = (struct vcm_port){ .kick = kick, .wait = wait, .address = address };
	vcm_rpmsg_init(&rpmsg, &(struct vcm_rpmsg_setup){ .port = &port,
							  .table = window,
							  .table_len = 4096,
							  .restart = true,
							  .name = "vcm",
							  .receive = vcm_node_receive,
							  .reset = vcm_node_reset,
							  .ctx = &node });
	vcm_node_init(&node, &rpmsg.link, "storm");
	vcm_node_use(&node);
	return window != MAP_FAILED && vcm_sys_init() == 0;
}

static bool attach(int argc, char **argv)
{
	if (argc != 3)
		return false;
	server = argv[1];
	base = strtoull(argv[2], NULL, 0);
	return attach_again();
}

static int start_anew(void)
{
	munmap(window, window_len);
	close(ivshmem.server);
	close(ivshmem.kick);
	close(ivshmem.bell);
	memset(slots, 0, sizeof(slots));
	return attach_again() ? 0 : -ECONNREFUSED;
}

/* Only what is in the node's own window can be seen, and the others never have it do anything else. */
static int show(struct slot *s)
{
	size_t len = 0, pa = vcm_get_next_phys_addr(s->memory, 0, &len);

	s->at = pa ? address(NULL, pa, STORM_LEN) : NULL;
	return s->at && len == STORM_LEN ? 0 : -EFAULT;
}

static int hide(struct slot *s)
{
	s->at = NULL;
	return 0;
}

static int last_error(void)
{
	return -vcm_errno();
}
#else
static struct vcm *own;

static bool attach(int argc, char **argv)
{
	char cpu[] = "cpu";

	(void)argc;
	(void)argv;
	if (vcm_sys_init() < 0)
		return false;
	own = vcm_create_from_prebuilt(VCM_PREBUILT_USER);
	return vcm_activate(vcm_assoc(own, (size_t)smmu_get_ctx_instance(cpu), 0)) == 0;
}

static int show(struct slot *s)
{
	s->res = vcm_reserve(own, STORM_LEN, VCM_READ | VCM_WRITE);
	if (!s->res || vcm_back(s->res, s->memory) < 0)
		return -errno;
	s->at = (uint64_t *)vcm_get_dev_addr(s->res); /* NOLINT(performance-no-int-to-ptr) */
	return 0;
}

static int start_anew(void)
{
	return -EOPNOTSUPP; /* the library sees to it that nobody need */
}

static int hide(struct slot *s)
{
	int r = vcm_unback(s->res);

	s->at = NULL;
	return r < 0 ? r : vcm_unreserve(s->res);
}

static int last_error(void)
{
	return -errno;
}
#endif

/* --- the orders --------------------------------------------------------------------------------------------------- */

static int take(struct slot *s, struct physmem *memory)
{
	if (!memory)
		return last_error();
	s->memory = memory;
	return show(s);
}

static int give_back(struct slot *s)
{
	int r = hide(s);

	return r < 0 ? r : vcm_phys_free(s->memory);
}

static void fill(uint64_t *words, uint64_t value)
{
	for (size_t i = 0; i < WORDS; i++)
		words[i] = value;
}

static int all_of(const uint64_t *words, uint64_t *out)
{
	*out = words[0];
	for (size_t i = 1; i < WORDS; i++)
		if (words[i] != words[0])
			return -EIO;
	return 0;
}

/* The slot's memory in a region of the device's, for as long as this lasts. */
static int as_device(const struct slot *s, bool writes, uint64_t *value)
{
	char name[] = STORM_DEVICE;
	size_t device = (size_t)smmu_get_ctx_instance(name), at;
	struct vcm *v = vcm_create(0x100000, 0x100000);
	struct res *r = vcm_reserve(v, STORM_LEN, VCM_READ | VCM_WRITE);
	struct avcm *a = vcm_assoc(v, device, 0);
	uint64_t words[WORDS];
	int status = vcm_activate(a), done;

	if (status == 0)
		status = vcm_back(r, s->memory);
	at = vcm_get_dev_addr(r);
	fill(words, *value);
	if (status == 0)
		status = writes ? vcm_sim_write(device, at, words, sizeof(words)) :
				  vcm_sim_read(device, at, words, sizeof(words));
	if (status == 0 && !writes)
		status = all_of(words, value);
	done = vcm_unback(r) | vcm_unreserve(r) | vcm_deactivate(a) | vcm_deassoc(a) | vcm_free(v);
	return status < 0 ? status : done;
}

static int obey(const struct storm_order *o, struct storm_answer *a)
{
	struct slot *s = &slots[o->slot % STORM_SLOTS];

	a->value = o->value;
	switch (o->op) {
	case STORM_ALLOC:
		return take(s, vcm_phys_alloc(STORM_MEMTYPE + (enum memtype_t)o->value, STORM_LEN,
					      VCM_COHERENT));
	case STORM_IMPORT:
		return take(s, vcm_import(&o->token));
	case STORM_FREE:
		return give_back(s);
	case STORM_EXPORT:
		return vcm_export(s->memory, VCM_SHARE_WRITE, &a->token);
	case STORM_WRITE:
		fill(s->at, o->value);
		return 0;
	case STORM_READ:
		return all_of(s->at, &a->value);
	case STORM_DEVICE_WRITE:
	case STORM_DEVICE_READ:
		return as_device(s, o->op == STORM_DEVICE_WRITE, &a->value);
	case STORM_ATTACH:
		return start_anew();
	}
	return -ENOSYS;
}

int main(int argc, char **argv)
{
	struct storm_answer answer = { .status = 0 };
	struct storm_order order;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!attach(argc, argv)) {
		fprintf(stderr, "storm: a worker cannot attach: %s\n", vcm_last_error());
		return EXIT_FAILURE;
	}
	while (send(STORM_FD, &answer, sizeof(answer), MSG_NOSIGNAL) == sizeof(answer) &&
	       recv(STORM_FD, &order, sizeof(order), 0) == sizeof(order)) {
		memset(&answer, 0, sizeof(answer));
		answer.status = obey(&order, &answer);
		if (answer.status < 0)
			fprintf(stderr, "storm: order %d: %d: %s\n", (int)order.op, answer.status,
				vcm_last_error());
	}
	return vcm_sys_destroy() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
