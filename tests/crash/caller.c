// SPDX-License-Identifier: BSD-3-Clause
/*
 * A client that has no libvcmclient: it calls the broker over a message bus. When the broker has gone it waits for the next one,
 * shows its token, and asks again what it was not answered, with the ticket that it had. Its session is shared with a second
 * name on the bus, which lets a device write and read all the time.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <vcm/attr.h>
#include <vcm/vcm.h>

#include "base/cleanup.h"
#include "base/range.h"
#include "tests/crash/bytes.h"
#include "tests/crash/call.h"
#include "tests/crash/crash.h"

#define N_BUFFERS 8
#define PIECES_MAX 512
#define RW (VCM_READ | VCM_WRITE)

/* Handles. A buffer has three from its own on. */
enum {
	REGION = 1,
	REGION_AVCM,
	USER,
	USER_AVCM,
	ENGINE,
	ENGINE_AVCM,
	HOLE,
	FILLING,
	ENGINE_BUFFER = 20,
	BUFFERS = 100,
};
#define MEM_OF(handle) (handle)
#define RES_OF(handle) ((handle) + 1)
#define CPU_RES_OF(handle) ((handle) + 2)

static const uint32_t attrs[] = { 0, VCM_PHYS_CONT, VCM_COHERENT, VCM_4KB };

struct buffer {
	uint32_t handle;
	bool exists;
	size_t len;
	uint64_t addr; /* the device's */
	uint64_t *at;
	uint64_t seed;
};

static struct crash_shared *shared;
static unsigned int random_state;
static uint32_t device, engine;
static struct buffer buffers[N_BUFFERS], engine_buffer = { .handle = ENGINE_BUFFER };
static uint64_t hole_addr, fault_id; /* 0: nothing faults */
static bool hole_is_filled;

static unsigned int pick(unsigned int n)
{
	return crash_pick(&random_state, n);
}

/* --- memory */

struct piece {
	uint32_t fd;
	uint64_t offset, len;
};

/* The fds stay the message's. */
static size_t take_pieces(sd_bus_message *reply, struct piece *pieces, int *fds)
{
	size_t n = 0, n_fds = 0;

	MUST(sd_bus_message_enter_container(reply, 'a', "(utt)") >= 0);
	while (sd_bus_message_read(reply, "(utt)", &pieces[n].fd, &pieces[n].offset,
				   &pieces[n].len) > 0)
		MUST(++n < PIECES_MAX);
	MUST(sd_bus_message_exit_container(reply) >= 0);
	MUST(sd_bus_message_enter_container(reply, 'a', "h") >= 0);
	while (sd_bus_message_read(reply, "h", &fds[n_fds]) > 0)
		MUST(++n_fds < PIECES_MAX);
	for (size_t i = 0; i < n; i++)
		MUST(pieces[i].fd < n_fds);
	return n;
}

/* Calls `use` with each piece of a buffer's memory, and where in the buffer it is. */
static void each_piece(struct buffer *b,
		       void (*use)(struct buffer *b, size_t at, const struct piece *p, int fd))
{
	size_t at = 0;

	while (at < b->len) {
		_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply =
			call_ask("GetMemory", "ut", CPU_RES_OF(b->handle), (uint64_t)at);
		struct piece pieces[PIECES_MAX];
		int fds[PIECES_MAX];
		size_t n;

		MUST(reply);
		n = take_pieces(reply, pieces, fds);
		MUST(n > 0);
		for (size_t i = 0; i < n; i++) {
			MUST(pieces[i].len <= b->len - at);
			use(b, at, &pieces[i], fds[pieces[i].fd]);
			at += pieces[i].len;
		}
	}
}

static void map_piece(struct buffer *b, size_t at, const struct piece *p, int fd)
{
	void *mapped = mmap((char *)b->at + at, p->len, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_FIXED, fd, (off_t)p->offset);

	MUST(mapped != MAP_FAILED);
}

/* It is what is mapped, not something else that looks like it once. */
static void compare_piece(struct buffer *b, size_t at, const struct piece *p, int fd)
{
	char bytes[CHUNK];

	MUST(pread(fd, bytes, sizeof(bytes), (off_t)p->offset) == sizeof(bytes));
	MUST(memcmp(bytes, (char *)b->at + at, sizeof(bytes)) == 0);
}

static void write_bytes(struct buffer *b)
{
	b->seed = crash_fill(&random_state, b->at, b->len);
}

static void check_bytes(const struct buffer *b)
{
	MUST(crash_is_filled(b->at, b->len, b->seed));
}

/* --- transactions */

static sd_bus_message *write_call(sd_bus *on, uint32_t dev, uint64_t addr, const void *bytes)
{
	sd_bus_message *m = call_new(on, me.path, CALL_OPERATIONS, "SimWrite");

	MUST(sd_bus_message_append(m, "ut", dev, addr) >= 0);
	MUST(sd_bus_message_append_array(m, 'y', bytes, CHUNK) >= 0);
	return m;
}

static sd_bus_message *read_call(sd_bus *on, uint32_t dev, uint64_t addr, size_t len)
{
	sd_bus_message *m = call_new(on, me.path, CALL_OPERATIONS, "SimRead");

	MUST(sd_bus_message_append(m, "utt", dev, addr, (uint64_t)len) >= 0);
	return m;
}

static bool has_bytes(sd_bus_message *reply, const void *bytes)
{
	const void *seen;
	size_t n;

	return sd_bus_message_read_array(reply, 'y', &seen, &n) > 0 && n == CHUNK &&
	       memcmp(seen, bytes, n) == 0;
}

static void check_device(const struct buffer *b)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	size_t offset = crash_offset(&random_state, b->len);
	enum call_result how;

	while ((how = call_try(me.bus, read_call(me.bus, device, b->addr + offset, CHUNK),
			       &reply)) == CALL_GONE)
		call_have_session();
	MUST(how == CALL_DONE && has_bytes(reply, (const char *)b->at + offset));
}

/* --- what a caller does */

static void make(struct buffer *b, uint32_t region)
{
	const uint32_t h = b->handle;
	uint64_t addresses[CALL_STEPS_MAX];
	void *at = mmap(NULL, b->len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const struct call_step steps[] = {
		STEP(AllocatePhysmem, U(handle, MEM_OF(h)), U(memtype, VCM_MEMTYPE_0),
		     T(length, b->len), U(attributes, attrs[pick(4)])),
		STEP(Reserve, U(handle, RES_OF(h)), U(vcm, region), T(length, b->len),
		     U(attributes, RW)),
		STEP(Reserve, U(handle, CPU_RES_OF(h)), U(vcm, USER), T(length, b->len),
		     U(attributes, RW), T(address, (uintptr_t)at)),
		STEP(Back, U(reservation, RES_OF(h)), U(physmem, MEM_OF(h))),
		STEP(Back, U(reservation, CPU_RES_OF(h)), U(physmem, MEM_OF(h))),
	};

	MUST(at != MAP_FAILED);
	MUST(call_once(steps, 5, addresses));
	MUST(addresses[2] == (uintptr_t)at);
	b->at = at;
	b->addr = addresses[1];
	b->exists = true;
	each_piece(b, map_piece);
}

static void drop(struct buffer *b)
{
	const uint32_t h = b->handle;

	check_bytes(b);
	if (pick(2)) {
		MUST(ONCE(STEP(Unback, U(reservation, RES_OF(h)))));
		MUST(ONCE(STEP(Unback, U(reservation, CPU_RES_OF(h))),
			  STEP(Unreserve, U(reservation, RES_OF(h)))));
		MUST(ONCE(STEP(Unreserve, U(reservation, CPU_RES_OF(h)))));
		MUST(ONCE(STEP(FreePhysmem, U(physmem, MEM_OF(h)))));
	} else {
		MUST(ONCE(STEP(Unback, U(reservation, RES_OF(h))),
			  STEP(Unback, U(reservation, CPU_RES_OF(h))),
			  STEP(Unreserve, U(reservation, RES_OF(h))),
			  STEP(Unreserve, U(reservation, CPU_RES_OF(h))),
			  STEP(FreePhysmem, U(physmem, MEM_OF(h)))));
	}
	munmap(b->at, b->len);
	b->exists = false;
}

static struct buffer *any_buffer(void)
{
	struct buffer *b = &buffers[pick(N_BUFFERS)];

	return b->exists ? b : NULL;
}

static void change_buffer(void)
{
	struct buffer *b = &buffers[pick(N_BUFFERS)];

	if (b->exists) {
		drop(b);
		return;
	}
	b->len = crash_len(&random_state);
	make(b, REGION);
	write_bytes(b);
}

/* A batch of which the last operation is wrong leaves nothing. */
static void fail_a_batch(void)
{
	MUST(!ONCE(STEP(AllocatePhysmem, U(handle, 50), U(memtype, VCM_MEMTYPE_0),
			T(length, SZ_64K)),
		   STEP(Reserve, U(handle, 51), U(vcm, REGION), T(length, SZ_4K)),
		   STEP(Back, U(reservation, 51), U(physmem, 50))));
	MUST(!strcmp(call_refused, "EINVAL"));
}

static void device_writes(void)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	struct buffer *b = any_buffer();
	enum call_result how;
	size_t offset;

	if (!b)
		return;
	offset = crash_offset(&random_state, b->len);
	while ((how = call_try(me.bus,
			       write_call(me.bus, device, b->addr + offset, (char *)b->at + offset),
			       &reply)) == CALL_GONE)
		call_have_session();
	MUST(how == CALL_DONE);
	check_device(b);
}

static void copy_buffers(void)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	struct buffer *a = any_buffer(), *b = any_buffer();
	uint64_t n;

	if (!a || !b || a == b || a->len != b->len)
		return;
	reply = call_ask("Copy", "ututt", RES_OF(a->handle), UINT64_C(0), CPU_RES_OF(b->handle),
			 UINT64_C(0), (uint64_t)a->len);
	MUST(reply && sd_bus_message_read(reply, "t", &n) > 0 && n == a->len);
	a->seed = b->seed;
	check_bytes(a);
}

static void change_access(void)
{
	struct buffer *b = any_buffer();

	if (!b)
		return;
	MUST(ONCE(STEP(SetReservationAttributes, U(reservation, RES_OF(b->handle)),
		       U(attributes, VCM_READ))));
	check_device(b);
	MUST(ONCE(STEP(SetReservationAttributes, U(reservation, RES_OF(b->handle)),
		       U(attributes, RW))));
}

/* --- faults */

static int on_fault(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	uint32_t dev;
	uint64_t addr;

	(void)userdata;
	(void)error;
	MUST(sd_bus_message_read(m, "tut", &fault_id, &dev, &addr) >= 0);
	if (dev == device && addr >= hole_addr && addr - hole_addr < HOLE_LEN)
		return 0;
	fprintf(stderr, "caller %u: device %u faulted at %#llx of a live mapping\n", me.number, dev,
		(unsigned long long)addr);
	_exit(1);
}

/* Nothing is there until it is put there. The verdict may come too late: of a broker that has gone. */
static void answer_fault(void)
{
	uint64_t id = fault_id;

	fault_id = 0;
	if (!hole_is_filled)
		MUST(ONCE(STEP(Back, U(reservation, HOLE), U(physmem, FILLING))));
	hole_is_filled = true;
	sd_bus_message_unref(call_ask("FaultReply", "tu", id, VCM_FAULT_RETRY));
	MUST(!*call_refused || !strcmp(call_refused, "EINVAL"));
}

struct waiting {
	bool is_over;
	enum call_result how;
};

static int on_read(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct waiting *w = userdata;
	const sd_bus_error *e = sd_bus_message_get_error(m);

	(void)error;
	w->is_over = true;
	w->how = e ? call_result(-EIO, e) : CALL_DONE;
	if (e)
		call_note(e);
	return 0;
}

static enum call_result read_hole(void)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m =
		read_call(me.bus, device, hole_addr + pick(HOLE_LEN), 1);
	struct waiting w = { .is_over = false };
	int r;

	sd_bus_message_set_auto_start(m, 0);
	MUST(sd_bus_call_async(me.bus, NULL, m, on_read, &w, CALL_USEC) >= 0);
	while (!w.is_over) {
		r = sd_bus_process(me.bus, NULL);
		MUST(r >= 0);
		if (fault_id)
			answer_fault();
		else if (r == 0)
			MUST(sd_bus_wait(me.bus, UINT64_MAX) >= 0);
	}
	return w.how;
}

static void fault(void)
{
	unsigned int life = me.n_lives;
	enum call_result how;

	while ((how = read_hole()) == CALL_GONE) {
		if (me.n_lives == life) /* otherwise who answered the fault has seen to it */
			call_have_session();
		life = me.n_lives;
	}
	MUST(how == CALL_DONE && hole_is_filled);
	MUST(ONCE(STEP(Unback, U(reservation, HOLE))));
	hole_is_filled = false;
}

/* --- what there should be */

static void check_buffer(struct buffer *b)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *info =
		call_ask("GetReservation", "u", RES_OF(b->handle));
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *translated =
		call_ask("Translate", "uut", REGION, USER, b->addr);
	uint32_t vcm, attributes, physmem;
	uint64_t addr, len, at;

	check_bytes(b);
	check_device(b);
	MUST(info &&
	     sd_bus_message_read(info, "uttuu", &vcm, &addr, &len, &attributes, &physmem) > 0);
	MUST(vcm == REGION && addr == b->addr && len == b->len && physmem == MEM_OF(b->handle));
	MUST(translated && sd_bus_message_read(translated, "t", &at) > 0 && at == (uintptr_t)b->at);
	each_piece(b, compare_piece);
}

static void check_count(uint32_t vcm, uint64_t n)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *info = call_ask("GetVcm", "u", vcm);
	uint64_t start, len, seen;
	uint32_t type;

	MUST(info && sd_bus_message_read(info, "ttut", &start, &len, &type, &seen) > 0);
	MUST(seen == n);
}

static void check_all(void)
{
	unsigned int round = atomic_load(&shared->round);
	uint64_t n = 0;

	for (size_t i = 0; i < N_BUFFERS; i++)
		if (buffers[i].exists) {
			check_buffer(&buffers[i]);
			n++;
		}
	check_count(REGION, n + 1);
	check_count(USER, n + 1);
	check_count(ENGINE, 1);
	atomic_store(&shared->checked[me.number], round);
	eventfd_write(shared->news_fd, 1);
}

static void do_something(void)
{
	static void (*const all[])(void) = {
		change_buffer, change_buffer, change_buffer, change_buffer, device_writes,
		copy_buffers,  change_access, fault,         fault,         fail_a_batch,
	};

	all[pick(sizeof(all) / sizeof(*all))]();
	atomic_fetch_add(&shared->n_ops[me.number], 1);
}

/* --- the device that never rests */

/* A second name: until the first one has the session again, there is none for it. False: it is over meanwhile. */
static bool transact_once(sd_bus *on, uint64_t addr, const uint64_t *out, bool reads)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	enum call_result how;

	for (;;) {
		how = call_try(on,
			       reads ? read_call(on, engine, addr, CHUNK) :
				       write_call(on, engine, addr, out),
			       &reply);
		if (how != CALL_GONE)
			break;
		if (atomic_load(&shared->is_over))
			return false;
		poll(NULL, 0, 10);
	}
	MUST(how == CALL_DONE && (!reads || has_bytes(reply, out)));
	return true;
}

static void *transact(void *arg)
{
	static uint64_t out[CHUNK / sizeof(uint64_t)];
	sd_bus *on = call_join();

	for (uint64_t n = 0; !atomic_load(&shared->is_over); n++) {
		size_t offset = crash_engine(out, n);

		if (!transact_once(on, engine_buffer.addr + offset, out, false) ||
		    !transact_once(on, engine_buffer.addr + offset, out, true))
			break;
		MUST(memcmp((char *)engine_buffer.at + offset, out, CHUNK) == 0);
		atomic_fetch_add(&shared->n_transactions[me.number], 1);
	}
	sd_bus_close_unref(on);
	return arg;
}

/* --- a life */

static uint32_t device_named(const char *name)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = call_ask("FindDevice", "s", name);
	uint32_t number;

	MUST(reply && sd_bus_message_read(reply, "u", &number) > 0);
	return number;
}

static void begin(void)
{
	uint64_t addresses[1];
	char name[32];

	call_begin();
	MUST(sd_bus_match_signal(me.bus, NULL, NULL, NULL, CALL_NAME ".Session", "Fault", on_fault,
				 NULL) >= 0);
	call_have_session();
	snprintf(name, sizeof(name), CRASH_CONTEXT, me.number);
	device = device_named(name);
	snprintf(name, sizeof(name), CRASH_ENGINE, me.number);
	engine = device_named(name);
	MUST(ONCE(STEP(CreateVcm, U(handle, REGION), T(start, SZ_16M), T(length, 8 * SZ_16M)),
		  STEP(Associate, U(handle, REGION_AVCM), U(vcm, REGION), U(device, device)),
		  STEP(Activate, U(association, REGION_AVCM))));
	MUST(ONCE(STEP(CreateVcm, U(handle, ENGINE), T(start, SZ_16M), T(length, SZ_16M)),
		  STEP(Associate, U(handle, ENGINE_AVCM), U(vcm, ENGINE), U(device, engine)),
		  STEP(Activate, U(association, ENGINE_AVCM))));
	MUST(ONCE(STEP(CreatePrebuilt, U(handle, USER), U(prebuilt, VCM_PREBUILT_USER)),
		  STEP(Associate, U(handle, USER_AVCM), U(vcm, USER),
		       U(device, device_named("cpu"))),
		  STEP(Activate, U(association, USER_AVCM))));
	MUST(call_once(&(const struct call_step)STEP(Reserve, U(handle, HOLE), U(vcm, REGION),
						     T(length, HOLE_LEN), U(attributes, RW)),
		       1, addresses));
	hole_addr = addresses[0];
	MUST(ONCE(STEP(AllocatePhysmem, U(handle, FILLING), U(memtype, VCM_MEMTYPE_0),
		       T(length, HOLE_LEN))));
	call_must("Hook", "ub", device, 1);
	call_must("Hook", "ub", engine, 1);
	engine_buffer.len = ENGINE_LEN;
	make(&engine_buffer, ENGINE);
	for (uint32_t i = 0; i < N_BUFFERS; i++)
		buffers[i].handle = BUFFERS + i * 3;
}

/* Half of it by hand, the rest is the broker's to take back. */
static void end(void)
{
	for (size_t i = 0; i < N_BUFFERS; i += 2)
		if (buffers[i].exists)
			drop(&buffers[i]);
	call_must("CloseSession", "");
	sd_bus_flush_close_unref(me.bus);
}

void crash_caller(struct crash_shared *with, unsigned int number, unsigned int seed,
		  const char *bus_address)
{
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	shared = with;
	me.number = number;
	random_state = seed;
	me.address = bus_address;
	begin();
	MUST(pthread_create(&thread, NULL, transact, NULL) == 0);
	for (unsigned int n = 0; !atomic_load(&shared->is_over); n++) {
		if (n % CHECK_EVERY == 0)
			check_all();
		do_something();
	}
	check_all();
	MUST(pthread_join(thread, NULL) == 0);
	end();
	_exit(0);
}
