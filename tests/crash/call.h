/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls of a broker that comes and goes, over a message bus: whoever calls has a session, and when the broker has gone waits for
 * the next one, resumes it, and asks again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "base/cleanup.h"

#define CALL_NAME "org.vcmd.Vcm1"
#define CALL_OPERATIONS CALL_NAME ".Operations"
#define CALL_STEPS_MAX 8
#define CALL_USEC (120 * UINT64_C(1000000)) /* for an answer */

/* This process's. */
struct call_session {
	unsigned int number; /* for what it says */
	const char *address; /* NULL: the system's bus */
	sd_bus *bus;
	char path[64];
	unsigned int n_lives; /* it was opened, or resumed */
	uint32_t ticket;
};
extern struct call_session me;
/* The last error's name, without what all have; "": there was none. */
extern _Thread_local char call_refused[64];

_Noreturn void call_fail(const char *what, int line);
#define MUST(fact)                                                                                 \
	do {                                                                                       \
		if (!(fact))                                                                       \
			call_fail(#fact, __LINE__);                                                \
	} while (0)

enum call_result {
	CALL_DONE,
	CALL_REFUSED,
	CALL_GONE, /* the broker, or the session as far as it knows */
};

/* A connection of its own. */
sd_bus *call_join(void);
/* me.bus, and who has the broker's name. */
void call_begin(void);
/* The session, of whichever broker there is: a new one, or the one that there was. Waits for it. */
void call_have_session(void);

sd_bus_message *call_new(sd_bus *on, const char *at, const char *interface, const char *member);
/* One attempt; the message is consumed. */
enum call_result call_try(sd_bus *on, sd_bus_message *m, sd_bus_message **out);
/* What r and an error are, and what the error is called. */
enum call_result call_result(int r, const sd_bus_error *error);
void call_note(const sd_bus_error *error);
/* NULL when it is refused. It is asked again of the next broker when this one goes: for what may be done twice. */
sd_bus_message *call_ask(const char *member, const char *types, ...);
#define call_must(...)                                                                             \
	do {                                                                                       \
		sd_bus_message_unref(call_ask(__VA_ARGS__));                                       \
		MUST(!*call_refused);                                                              \
	} while (0)

/* --- what is done once */

struct call_argument {
	const char *name;
	char type; /* 0: no more */
	uint64_t v;
};

struct call_step {
	const char *method;
	struct call_argument args[7];
};

/* All of them or none, whoever carries them out. The values called `address` of each, 0 where there is none; NULL is fine. */
bool call_once(const struct call_step *steps, size_t n, uint64_t *out_addresses);

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
		const struct call_step steps_[] = { __VA_ARGS__ };                                 \
                                                                                                   \
		call_once(steps_, sizeof(steps_) / sizeof(*steps_), NULL);                         \
	})
