// SPDX-License-Identifier: BSD-3-Clause
/* What happens in the broker, as it happens: a line each. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vcm/manage.h>
#include <vcm/vcm.h>

#include "vcmctl/broker.h"
#include "vcmctl/cleanup.h"
#include "vcmctl/column.h"

/* What stands behind the handle of an object, for people. */
enum shape {
	SHAPE_SESSION,
	SHAPE_RANGE,
	SHAPE_IN_VCM,
	SHAPE_ASSOC,
	SHAPE_FAULT,
	SHAPE_PRESSURE,
	SHAPE_NONE
};

static const struct {
	const char *name;
	enum shape shape;
} kinds[] = {
	[VCM_EVENT_SESSION_BEGINS] = { "session begins", SHAPE_SESSION },
	[VCM_EVENT_SESSION_ENDS] = { "session ends", SHAPE_SESSION },
	[VCM_EVENT_VCM_NEW] = { "vcm", SHAPE_RANGE },
	[VCM_EVENT_VCM_GONE] = { "vcm gone", SHAPE_RANGE },
	[VCM_EVENT_RES_NEW] = { "res", SHAPE_IN_VCM },
	[VCM_EVENT_RES_GONE] = { "res gone", SHAPE_IN_VCM },
	[VCM_EVENT_BACKED] = { "res backed", SHAPE_IN_VCM },
	[VCM_EVENT_UNBACKED] = { "res unbacked", SHAPE_IN_VCM },
	[VCM_EVENT_BOUND_NEW] = { "bound", SHAPE_IN_VCM },
	[VCM_EVENT_BOUND_GONE] = { "bound gone", SHAPE_IN_VCM },
	[VCM_EVENT_ASSOC_NEW] = { "assoc", SHAPE_ASSOC },
	[VCM_EVENT_ASSOC_GONE] = { "assoc gone", SHAPE_ASSOC },
	[VCM_EVENT_ACTIVE] = { "assoc active", SHAPE_ASSOC },
	[VCM_EVENT_INACTIVE] = { "assoc inactive", SHAPE_ASSOC },
	[VCM_EVENT_PHYSMEM_NEW] = { "physmem", SHAPE_RANGE },
	[VCM_EVENT_PHYSMEM_GONE] = { "physmem gone", SHAPE_RANGE },
	[VCM_EVENT_FAULT] = { "fault", SHAPE_FAULT },
	[VCM_EVENT_PRESSURE] = { "pressure", SHAPE_PRESSURE },
	[VCM_EVENT_RELOAD] = { "reload", SHAPE_NONE },
};

#define N_KINDS (sizeof(kinds) / sizeof(*kinds))

static const char *kind_name(uint64_t kind)
{
	return kind < N_KINDS && kinds[kind].name ? kinds[kind].name : "something newer";
}

static enum shape kind_shape(uint64_t kind)
{
	return kind < N_KINDS && kinds[kind].name ? kinds[kind].shape : SHAPE_NONE;
}

static void print_object(const uint64_t *n)
{
	char addr[FORMAT_LEN], len[FORMAT_LEN];

	printf(" %" PRIu64 ": %s at %s", n[VCM_EVENT_HANDLE], format_size(len, n[VCM_EVENT_LEN]),
	       format_addr(addr, n[VCM_EVENT_ADDR]));
}

static void print_fault(const struct vcm_row *e)
{
	char addr[FORMAT_LEN];

	printf(" of %s: %s of %s %s", e->s[0],
	       e->n[VCM_EVENT_FLAGS] & VCM_FAULT_F_WRITE ? "write" : "read",
	       format_addr(addr, e->n[VCM_EVENT_ADDR]),
	       e->n[VCM_EVENT_FLAGS] & VCM_FAULT_F_PERMISSION ? "not allowed" : "not mapped");
}

static void print_text(const struct vcm_row *e)
{
	const uint64_t *n = e->n;

	printf("%" PRIu64 ".%06" PRIu64 " ", n[VCM_EVENT_TIME] / 1000000000,
	       n[VCM_EVENT_TIME] / 1000 % 1000000);
	if (n[VCM_EVENT_SESSION])
		printf("session %" PRIu64 ": ", n[VCM_EVENT_SESSION]);
	fputs(kind_name(n[VCM_EVENT_KIND]), stdout);
	switch (kind_shape(n[VCM_EVENT_KIND])) {
	case SHAPE_SESSION:
		printf(": %s, pid %" PRIu64 ", uid %" PRIu64, e->s[0], n[VCM_EVENT_PID],
		       n[VCM_EVENT_UID]);
		break;
	case SHAPE_RANGE:
		print_object(n);
		break;
	case SHAPE_IN_VCM:
		print_object(n);
		printf(" of vcm %" PRIu64, n[VCM_EVENT_VCM]);
		break;
	case SHAPE_ASSOC:
		printf(" %" PRIu64 ": vcm %" PRIu64 " with %s", n[VCM_EVENT_HANDLE],
		       n[VCM_EVENT_VCM], e->s[0]);
		break;
	case SHAPE_FAULT:
		print_fault(e);
		break;
	case SHAPE_PRESSURE:
		printf(" on memtype %" PRIu64, n[VCM_EVENT_MEMTYPE] - VCM_MEMTYPE_0);
		break;
	case SHAPE_NONE:
		break;
	}
	putchar('\n');
}

/* Whether 0 is what the event says there, and not that it says nothing. */
static bool may_be_zero(enum shape shape, unsigned int column)
{
	if (column == VCM_EVENT_UID)
		return shape == SHAPE_SESSION;
	return shape == SHAPE_FAULT && (column == VCM_EVENT_ADDR || column == VCM_EVENT_FLAGS);
}

/* The numbers of an event as they are, without those that it has not. */
static void print_json(const struct vcm_row *e)
{
	static const char *const keys[VCM_EVENT_N] = {
		[VCM_EVENT_TIME] = "time_ns",
		[VCM_EVENT_SESSION] = "session",
		[VCM_EVENT_HANDLE] = "handle",
		[VCM_EVENT_VCM] = "vcm",
		[VCM_EVENT_DEVICE] = "device_number",
		[VCM_EVENT_ADDR] = "addr",
		[VCM_EVENT_LEN] = "len",
		[VCM_EVENT_UID] = "uid",
		[VCM_EVENT_PID] = "pid",
		[VCM_EVENT_FLAGS] = "flags",
		[VCM_EVENT_MEMTYPE] = "memtype",
	};
	_cleanup_(json_putp) json_object *j = json_object_new_object();
	enum shape shape = kind_shape(e->n[VCM_EVENT_KIND]);

	json_object_object_add(j, "event", json_object_new_string(kind_name(e->n[VCM_EVENT_KIND])));
	for (unsigned int i = 0; i < VCM_EVENT_N; i++)
		if (keys[i] && (e->n[i] || may_be_zero(shape, i)))
			json_object_object_add(
				j, keys[i],
				json_object_new_uint64(i == VCM_EVENT_MEMTYPE ?
							       e->n[i] - VCM_MEMTYPE_0 :
							       e->n[i]));
	if (*e->s[0])
		json_object_object_add(j, shape == SHAPE_SESSION ? "program" : "device",
				       json_object_new_string(e->s[0]));
	puts(json_object_to_json_string_ext(j, JSON_C_TO_STRING_PLAIN));
}

struct watch {
	const struct call *call;
	uint64_t left; /* 0: for ever */
};

static int on_event(void *ctx, const struct vcm_row *e, uint64_t lost)
{
	struct watch *w = ctx;

	if (lost)
		fprintf(stderr, "vcmctl: %" PRIu64 " events came too fast, and are lost\n", lost);
	if (w->call->options & OPTION_JSON)
		print_json(e);
	else
		print_text(e);
	if (fflush(stdout) != 0 || (w->left && --w->left == 0))
		return 1;
	return 0;
}

/* Who reads may go while nothing happens: then this ends as it does with the next event. */
static void *watch_reader(void *ctx)
{
	struct pollfd out = { .fd = STDOUT_FILENO };

	while (poll(&out, 1, -1) < 0 && errno == EINTR)
		;
	raise(SIGPIPE);
	return ctx;
}

/* A file or a terminal has no reader who goes. */
static void start_watching(void)
{
	struct stat st;
	pthread_t thread;

	if (fstat(STDOUT_FILENO, &st) == 0 && S_ISFIFO(st.st_mode) &&
	    pthread_create(&thread, NULL, watch_reader, NULL) == 0)
		pthread_detach(thread);
}

static enum exit_code run(const struct call *call)
{
	struct watch w = { .call = call };
	int r;

	if (call->args[0] && (!parse_number(call->args[0], &w.left) || !w.left)) {
		tell_misuse("monitor: '%s' is no number of events", call->args[0]);
		return EXIT_USAGE;
	}
	if (!broker_join())
		return EXIT_FAILED;
	start_watching();
	r = vcm_monitor(on_event, &w);
	if (r >= 0)
		return EXIT_OK;
	tell_failure(r, "the broker does not say what happens");
	return EXIT_FAILED;
}

const struct command cmd_monitor = {
	.name = "monitor",
	.synopsis = "monitor [N]",
	.summary = "what happens, as it happens (N events)",
	.options = OPTION_JSON,
	.n_args = 1,
	.n_optional = 1,
	.run = run,
};
