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
#include "tests/crash/crash.h"

#define NAME "org.vcmd.Vcm1"
#define ROOT "/org/vcmd/Vcm1"
#define MANAGER NAME ".Manager"
#define OPERATIONS NAME ".Operations"
#define N_BUFFERS 8
#define CHECK_EVERY 24 /* operations */
#define CHUNK ((size_t)SZ_4K)
#define ENGINE_LEN ((size_t)SZ_64K)
#define HOLE_LEN ((size_t)SZ_64K)
#define ANSWER_USEC (120 * UINT64_C(1000000))
#define PIECES_MAX 512
#define STEPS_MAX 8
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

static const size_t lens[] = { SZ_4K, SZ_4K, 3 * SZ_4K, SZ_64K, SZ_64K + SZ_4K, SZ_1M };
static const uint32_t attrs[] = { 0, VCM_PHYS_CONT, VCM_COHERENT, VCM_4KB };

struct buffer {
	uint32_t handle;
	bool exists;
	size_t len;
	uint64_t addr; /* the device's */
	uint64_t *at;
	uint64_t seed;
};

struct argument {
	const char *name;
	char type; /* 0: no more */
	uint64_t v;
};

struct step {
	const char *method;
	struct argument args[7];
};

static struct crash_shared *shared;
static unsigned int which, random_state;
static const char *address; /* NULL: the system's bus */
static sd_bus *bus;
static bool has_owner;
static unsigned int n_lives; /* of the session: it was opened, or resumed */
static uint64_t session;
static char path[64];
static uint8_t token[16];
static uint32_t ticket;
static uint32_t device, engine;
static struct buffer buffers[N_BUFFERS], engine_buffer = { .handle = ENGINE_BUFFER };
static uint64_t hole_addr, fault_id; /* 0: nothing faults */
static bool hole_is_filled;
static _Thread_local char
	refused[64]; /* the last error's name, without what all have; "": there was none */

static _Noreturn void fail(const char *what, int line)
{
	fprintf(stderr, "caller %u, line %d: %s: %s\n", which, line, what, refused);
	_exit(1);
}

#define MUST(fact)                                                                                 \
	do {                                                                                       \
		if (!(fact))                                                                       \
			fail(#fact, __LINE__);                                                     \
	} while (0)

static unsigned int pick(unsigned int n)
{
	return (unsigned int)rand_r(&random_state) % n;
}

/* --- calls */

enum tried {
	DONE,
	REFUSED,
	GONE, /* the broker, or the session as far as it knows */
};

static enum tried tried(int r, const sd_bus_error *error)
{
	static const char *const gone[] = {
		SD_BUS_ERROR_NO_REPLY,          SD_BUS_ERROR_SERVICE_UNKNOWN,
		SD_BUS_ERROR_NAME_HAS_NO_OWNER, SD_BUS_ERROR_UNKNOWN_METHOD,
		SD_BUS_ERROR_UNKNOWN_OBJECT,    NAME ".Error.ECONNRESET",
	};

	if (r >= 0)
		return DONE;
	for (size_t i = 0; i < sizeof(gone) / sizeof(*gone); i++)
		if (sd_bus_error_has_name(error, gone[i]))
			return GONE;
	return REFUSED;
}

static void note(const sd_bus_error *error)
{
	const char *name = error->name ? error->name : "";

	if (!strncmp(name, NAME ".Error.", strlen(NAME ".Error.")))
		name += strlen(NAME ".Error.");
	snprintf(refused, sizeof(refused), "%s", name);
}

/* The message is consumed. */
static enum tried try(sd_bus *on, sd_bus_message *m, sd_bus_message **out)
{
	_cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
	int r;

	sd_bus_message_set_auto_start(m, 0);
	r = sd_bus_call(on, m, ANSWER_USEC, &error, out);
	sd_bus_message_unref(m);
	note(&error);
	return tried(r, &error);
}

static sd_bus_message *new_call(sd_bus *on, const char *at, const char *interface,
				const char *member)
{
	sd_bus_message *m = NULL;

	MUST(sd_bus_message_new_method_call(on, &m, NAME, at, interface, member) >= 0);
	return m;
}

/* --- a broker that comes and goes */

static int on_owner(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	const char *name, *old, *new;

	(void)userdata;
	(void)error;
	MUST(sd_bus_message_read(m, "sss", &name, &old, &new) >= 0);
	has_owner = *new;
	return 0;
}

static void await_owner(void)
{
	int r;

	for (;;) {
		while ((r = sd_bus_process(bus, NULL)) > 0)
			;
		MUST(r >= 0);
		if (has_owner)
			return;
		MUST(sd_bus_wait(bus, UINT64_MAX) >= 0);
	}
}

static void take_session(sd_bus_message *reply)
{
	const void *bytes;
	const char *at;
	size_t n;

	MUST(sd_bus_message_read(reply, "to", &session, &at) >= 0);
	MUST(sd_bus_message_read_array(reply, 'y', &bytes, &n) >= 0 && n == sizeof(token));
	snprintf(path, sizeof(path), "%s", at);
	memcpy(token, bytes, n);
}

static sd_bus_message *session_call(void)
{
	sd_bus_message *m = new_call(bus, ROOT, MANAGER, session ? "ResumeSession" : "OpenSession");

	if (!session) {
		MUST(sd_bus_message_append(m, "sb", "caller", 1) >= 0);
		return m;
	}
	MUST(sd_bus_message_append(m, "t", session) >= 0);
	MUST(sd_bus_message_append_array(m, 'y', token, sizeof(token)) >= 0);
	MUST(sd_bus_message_append(m, "b", 1) >= 0);
	return m;
}

/* The session, of whichever broker there is: a new one, or the one that there was. */
static void have_session(void)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	enum tried how = GONE;

	while (how == GONE) {
		await_owner();
		how = try(bus, session_call(), &reply);
		/* Gone, and nobody has said so yet. */
		if (how == GONE)
			MUST(sd_bus_wait(bus, 10000) >= 0);
	}
	MUST(how == DONE);
	take_session(reply);
	n_lives++;
}

/* NULL when it is refused. It is asked again of the next broker when this one goes: for what may be done twice. */
static sd_bus_message *ask(const char *member, const char *types, ...)
{
	sd_bus_message *m, *reply = NULL;
	enum tried how;
	va_list args;

	for (;;) {
		m = new_call(bus, path, OPERATIONS, member);
		va_start(args, types);
		MUST(sd_bus_message_appendv(m, types, args) >= 0);
		va_end(args);
		how = try(bus, m, &reply);
		if (how != GONE)
			return how == DONE ? reply : NULL;
		have_session();
	}
}

#define do_call(...)                                                                               \
	do {                                                                                       \
		sd_bus_message_unref(ask(__VA_ARGS__));                                            \
		MUST(!*refused);                                                                   \
	} while (0)

/* --- what is done once */

static void append_step(sd_bus_message *m, const struct step *s)
{
	MUST(sd_bus_message_open_container(m, 'r', "sa{sv}") >= 0);
	MUST(sd_bus_message_append(m, "s", s->method) >= 0);
	MUST(sd_bus_message_open_container(m, 'a', "{sv}") >= 0);
	for (const struct argument *a = s->args; a->type; a++)
		MUST((a->type == 't' ? sd_bus_message_append(m, "{sv}", a->name, "t", a->v) :
				       sd_bus_message_append(m, "{sv}", a->name,
							     (const char[]){ a->type, 0 },
							     (uint32_t)a->v)) >= 0);
	MUST(sd_bus_message_close_container(m) >= 0);
	MUST(sd_bus_message_close_container(m) >= 0);
}

static sd_bus_message *once_call(const struct step *steps, size_t n)
{
	sd_bus_message *m = new_call(bus, path, OPERATIONS, "Once");

	MUST(sd_bus_message_append(m, "uu", ticket, ticket - 1) >= 0);
	MUST(sd_bus_message_open_container(m, 'a', "(sa{sv})") >= 0);
	for (size_t i = 0; i < n; i++)
		append_step(m, &steps[i]);
	MUST(sd_bus_message_close_container(m) >= 0);
	return m;
}

/* The values called `address` of each step; 0 where there is none. */
static void take_addresses(sd_bus_message *reply, uint64_t *out, size_t n)
{
	const char *name;

	MUST(sd_bus_message_enter_container(reply, 'a', "a{sv}") > 0);
	for (size_t i = 0; i < n; i++) {
		out[i] = 0;
		MUST(sd_bus_message_enter_container(reply, 'a', "{sv}") > 0);
		while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
			MUST(sd_bus_message_read(reply, "s", &name) >= 0);
			if (!strcmp(name, "address"))
				MUST(sd_bus_message_read(reply, "v", "t", &out[i]) >= 0);
			else
				MUST(sd_bus_message_skip(reply, "v") >= 0);
			MUST(sd_bus_message_exit_container(reply) >= 0);
		}
		MUST(sd_bus_message_exit_container(reply) >= 0);
	}
}

/* All of them or none, whoever carries them out. */
static bool once(const struct step *steps, size_t n, uint64_t *out_addresses)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	enum tried how;

	ticket++;
	while ((how = try(bus, once_call(steps, n), &reply)) == GONE)
		have_session();
	if (how == DONE && out_addresses)
		take_addresses(reply, out_addresses, n);
	return how == DONE;
}

#define U(name, v)                                                                                 \
	{                                                                                          \
#name, 'u', v                                                                      \
	}
#define T(name, v)                                                                                 \
	{                                                                                          \
#name, 't', v                                                                      \
	}
#define STEP(method, ...)                                                                          \
	{                                                                                          \
#method,                                                                           \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define ONCE(...)                                                                                  \
	__extension__({                                                                            \
		const struct step steps_[] = { __VA_ARGS__ };                                      \
                                                                                                   \
		once(steps_, sizeof(steps_) / sizeof(*steps_), NULL);                              \
	})

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
			ask("GetMemory", "ut", CPU_RES_OF(b->handle), (uint64_t)at);
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
	MUST(mmap((char *)b->at + at, p->len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
		  (off_t)p->offset) != MAP_FAILED);
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
	b->seed = (uint64_t)pick(1u << 30) << 32 | pick(1u << 30);
	for (size_t i = 0; i < b->len / sizeof(*b->at); i++)
		b->at[i] = crash_word(b->seed, i);
}

static void check_bytes(const struct buffer *b)
{
	for (size_t i = 0; i < b->len / sizeof(*b->at); i++)
		MUST(b->at[i] == crash_word(b->seed, i));
}

/* --- transactions */

static sd_bus_message *write_call(sd_bus *on, uint32_t dev, uint64_t addr, const void *bytes)
{
	sd_bus_message *m = new_call(on, path, OPERATIONS, "SimWrite");

	MUST(sd_bus_message_append(m, "ut", dev, addr) >= 0);
	MUST(sd_bus_message_append_array(m, 'y', bytes, CHUNK) >= 0);
	return m;
}

static sd_bus_message *read_call(sd_bus *on, uint32_t dev, uint64_t addr, size_t len)
{
	sd_bus_message *m = new_call(on, path, OPERATIONS, "SimRead");

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
	size_t offset = pick((unsigned int)(b->len / CHUNK)) * CHUNK;
	enum tried how;

	while ((how = try(bus, read_call(bus, device, b->addr + offset, CHUNK), &reply)) == GONE)
		have_session();
	MUST(how == DONE && has_bytes(reply, (const char *)b->at + offset));
}

/* --- what a caller does */

static void make(struct buffer *b, uint32_t region)
{
	const uint32_t h = b->handle;
	uint64_t addresses[STEPS_MAX];
	void *at = mmap(NULL, b->len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const struct step steps[] = {
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
	MUST(once(steps, 5, addresses));
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
	b->len = lens[pick(6)];
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
	MUST(!strcmp(refused, "EINVAL"));
}

static void device_writes(void)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	struct buffer *b = any_buffer();
	enum tried how;
	size_t offset;

	if (!b)
		return;
	offset = pick((unsigned int)(b->len / CHUNK)) * CHUNK;
	while ((how = try(bus, write_call(bus, device, b->addr + offset, (char *)b->at + offset),
			  &reply)) == GONE)
		have_session();
	MUST(how == DONE);
	check_device(b);
}

static void copy_buffers(void)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	struct buffer *a = any_buffer(), *b = any_buffer();
	uint64_t n;

	if (!a || !b || a == b || a->len != b->len)
		return;
	reply = ask("Copy", "ututt", RES_OF(a->handle), UINT64_C(0), CPU_RES_OF(b->handle),
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
	fprintf(stderr, "caller %u: device %u faulted at %#llx of a live mapping\n", which, dev,
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
	sd_bus_message_unref(ask("FaultReply", "tu", id, VCM_FAULT_RETRY));
	MUST(!*refused || !strcmp(refused, "EINVAL"));
}

struct waiting {
	bool is_over;
	enum tried how;
};

static int on_read(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
	struct waiting *w = userdata;
	const sd_bus_error *e = sd_bus_message_get_error(m);

	(void)error;
	w->is_over = true;
	w->how = e ? tried(-EIO, e) : DONE;
	if (e)
		note(e);
	return 0;
}

static enum tried read_hole(void)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *m =
		read_call(bus, device, hole_addr + pick(HOLE_LEN), 1);
	struct waiting w = { .is_over = false };
	int r;

	sd_bus_message_set_auto_start(m, 0);
	MUST(sd_bus_call_async(bus, NULL, m, on_read, &w, ANSWER_USEC) >= 0);
	while (!w.is_over) {
		r = sd_bus_process(bus, NULL);
		MUST(r >= 0);
		if (fault_id)
			answer_fault();
		else if (r == 0)
			MUST(sd_bus_wait(bus, UINT64_MAX) >= 0);
	}
	return w.how;
}

static void fault(void)
{
	unsigned int life = n_lives;
	enum tried how;

	while ((how = read_hole()) == GONE) {
		if (n_lives == life) /* otherwise who answered the fault has seen to it */
			have_session();
		life = n_lives;
	}
	MUST(how == DONE && hole_is_filled);
	MUST(ONCE(STEP(Unback, U(reservation, HOLE))));
	hole_is_filled = false;
}

/* --- what there should be */

static void check_buffer(struct buffer *b)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *info =
		ask("GetReservation", "u", RES_OF(b->handle));
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *translated =
		ask("Translate", "uut", REGION, USER, b->addr);
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
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *info = ask("GetVcm", "u", vcm);
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
	atomic_store(&shared->checked[which], round);
	eventfd_write(shared->news_fd, 1);
}

static void do_something(void)
{
	static void (*const all[])(void) = {
		change_buffer, change_buffer, change_buffer, change_buffer, device_writes,
		copy_buffers,  change_access, fault,         fault,         fail_a_batch,
	};

	all[pick(sizeof(all) / sizeof(*all))]();
	atomic_fetch_add(&shared->n_ops[which], 1);
}

/* --- the device that never rests */

static sd_bus *join_bus(void)
{
	sd_bus *sd = NULL;

	MUST((address ? sd_bus_new(&sd) : sd_bus_open_system(&sd)) >= 0);
	if (address) {
		MUST(sd_bus_set_address(sd, address) >= 0);
		MUST(sd_bus_set_bus_client(sd, 1) >= 0);
		MUST(sd_bus_start(sd) >= 0);
	}
	return sd;
}

/* A second name: until the first one has the session again, there is none for it. False: it is over meanwhile. */
static bool transact_once(sd_bus *on, uint64_t addr, const uint64_t *out, bool reads)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
	enum tried how;

	for (;;) {
		how = try(on,
			  reads ? read_call(on, engine, addr, CHUNK) :
				  write_call(on, engine, addr, out),
			  &reply);
		if (how != GONE)
			break;
		if (atomic_load(&shared->is_over))
			return false;
		poll(NULL, 0, 10);
	}
	MUST(how == DONE && (!reads || has_bytes(reply, out)));
	return true;
}

static void *transact(void *arg)
{
	static uint64_t out[CHUNK / sizeof(uint64_t)];
	sd_bus *on = join_bus();

	for (uint64_t n = 0; !atomic_load(&shared->is_over); n++) {
		size_t offset = n % (ENGINE_LEN / CHUNK) * CHUNK;

		for (size_t i = 0; i < CHUNK / sizeof(*out); i++)
			out[i] = n ^ i;
		if (!transact_once(on, engine_buffer.addr + offset, out, false) ||
		    !transact_once(on, engine_buffer.addr + offset, out, true))
			break;
		MUST(memcmp((char *)engine_buffer.at + offset, out, CHUNK) == 0);
		atomic_fetch_add(&shared->n_transactions[which], 1);
	}
	sd_bus_close_unref(on);
	return arg;
}

/* --- a life */

static uint32_t device_named(const char *name)
{
	_cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = ask("FindDevice", "s", name);
	uint32_t number;

	MUST(reply && sd_bus_message_read(reply, "u", &number) > 0);
	return number;
}

static void begin_bus(void)
{
	bus = join_bus();
	MUST(sd_bus_add_match(bus, NULL,
			      "type='signal',sender='org.freedesktop.DBus',"
			      "member='NameOwnerChanged',arg0='" NAME "'",
			      on_owner, NULL) >= 0);
	MUST(sd_bus_match_signal(bus, NULL, NULL, NULL, NAME ".Session", "Fault", on_fault, NULL) >=
	     0);
	has_owner = sd_bus_get_name_creds(bus, NAME, 0, NULL) >= 0;
}

static void begin(void)
{
	uint64_t addresses[1];
	char name[32];

	begin_bus();
	have_session();
	snprintf(name, sizeof(name), CRASH_CONTEXT, which);
	device = device_named(name);
	snprintf(name, sizeof(name), CRASH_ENGINE, which);
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
	MUST(once(&(const struct step)STEP(Reserve, U(handle, HOLE), U(vcm, REGION),
					   T(length, HOLE_LEN), U(attributes, RW)),
		  1, addresses));
	hole_addr = addresses[0];
	MUST(ONCE(STEP(AllocatePhysmem, U(handle, FILLING), U(memtype, VCM_MEMTYPE_0),
		       T(length, HOLE_LEN))));
	do_call("Hook", "ub", device, 1);
	do_call("Hook", "ub", engine, 1);
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
	do_call("CloseSession", "");
	sd_bus_flush_close_unref(bus);
}

void crash_caller(struct crash_shared *with, unsigned int number, unsigned int seed,
		  const char *bus_address)
{
	pthread_t thread;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	shared = with;
	which = number;
	random_state = seed;
	address = bus_address;
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
