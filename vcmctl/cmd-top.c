// SPDX-License-Identifier: BSD-3-Clause
/*
 * What the broker holds and how busy it is, again and again: on a terminal each picture takes the place of the last, else
 * they follow one another.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "vcmctl/broker.h"
#include "vcmctl/cleanup.h"
#include "vcmctl/column.h"

#define NS_PER_S UINT64_C(1000000000)
/* A line that is too long for the terminal is cut, not wrapped. */
#define HOME "\033[H\033[J\033[?7l"
#define END "\033[?7h"
#define PICTURE_MAX 65536 /* it is written at once */
#define OTHER_LINES 7     /* of a picture: those that are neither of pools nor of sessions */

/* Where the rates stand in a session's line, beyond what the broker sends. */
#define RATE VCM_SESSION_N

static const char *show_rate(char buf[FORMAT_LEN], const struct line *l, unsigned int at)
{
	snprintf(buf, FORMAT_LEN, "%" PRIu64, l->n[at]);
	return buf;
}

static const struct column pool_columns[] = {
	{ "MEMTYPE", "memtype", COLUMN_INDEX, show_memtype, VCM_POOL_MEMTYPE },
	{ "FIRST", "first", COLUMN_ADDR, show_addr, VCM_POOL_FIRST },
	{ "SIZE", "size", COLUMN_NUMBER, show_size, VCM_POOL_SIZE },
	{ "USED", "used", COLUMN_NUMBER, show_size, VCM_POOL_USED },
	{ "MOST", "high_water", COLUMN_NUMBER, show_size, VCM_POOL_HIGH_WATER },
	{ "LARGEST", "largest_free", COLUMN_NUMBER, show_size, VCM_POOL_LARGEST_FREE },
};

static const struct column session_columns[] = {
	{ "ID", "id", COLUMN_NUMBER, show_count, VCM_SESSION_ID },
	{ "USER", NULL, COLUMN_WORD, show_user, VCM_SESSION_UID },
	{ NULL, "uid", COLUMN_NUMBER, show_count, VCM_SESSION_UID },
	{ "PID", "pid", COLUMN_NUMBER, show_count, VCM_SESSION_PID },
	{ "PROGRAM", "program", COLUMN_WORD, show_text, 0 },
	{ "MEMORY", "bytes", COLUMN_NUMBER, show_size, VCM_SESSION_BYTES },
	{ "RESERVATIONS", "reservations", COLUMN_NUMBER, show_count, VCM_SESSION_RESERVATIONS },
	{ "REQUESTS/S", "requests_per_s", COLUMN_NUMBER, show_rate, RATE },
	{ "REFUSED", "refused", COLUMN_NUMBER, show_count, VCM_SESSION_REFUSED },
};

_Static_assert(RATE < VCM_ROW_MAX_N, "a line has room for the rate");

#define N(columns) (sizeof(columns) / sizeof(*(columns)))

struct picture {
	uint64_t time_ns;
	struct table status, pools, sessions;
};

static void picture_deinit(struct picture *p)
{
	table_deinit(&p->status);
	table_deinit(&p->pools);
	table_deinit(&p->sessions);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static int picture_take(struct picture *p)
{
	int r;

	p->time_ns = now_ns();
	r = table_load(&p->status, VCM_TABLE_STATUS, 0);
	if (r == 0 && !p->status.n_lines)
		r = -EPROTO;
	if (r == 0)
		r = table_load(&p->pools, VCM_TABLE_POOLS, 0);
	if (r == 0)
		r = table_load(&p->sessions, VCM_TABLE_SESSIONS, 0);
	return r;
}

static uint64_t rate(uint64_t before, uint64_t now, uint64_t ns)
{
	return now > before && ns ? (uint64_t)((double)(now - before) * NS_PER_S / (double)ns) : 0;
}

static const struct line *find_session(const struct picture *p, uint64_t id)
{
	for (size_t i = 0; i < p->sessions.n_lines; i++)
		if (p->sessions.lines[i].n[VCM_SESSION_ID] == id)
			return &p->sessions.lines[i];
	return NULL;
}

/* Of a session that is new since, all its requests. */
static void add_rates(struct picture *p, const struct picture *before)
{
	for (size_t i = 0; i < p->sessions.n_lines; i++) {
		struct line *l = &p->sessions.lines[i];
		const struct line *was = find_session(before, l->n[VCM_SESSION_ID]);

		l->n[RATE] = rate(was ? was->n[VCM_SESSION_REQUESTS] : 0,
				  l->n[VCM_SESSION_REQUESTS], p->time_ns - before->time_ns);
		l->n_n = RATE + 1;
	}
}

static int busiest_first(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	if (x->n[RATE] != y->n[RATE])
		return x->n[RATE] < y->n[RATE] ? 1 : -1;
	return x->n[VCM_SESSION_ID] < y->n[VCM_SESSION_ID] ? -1 : 1;
}

static uint64_t total_rate(const struct picture *p, const struct picture *before)
{
	return rate(before->status.lines[0].n[VCM_STATUS_REQUESTS],
		    p->status.lines[0].n[VCM_STATUS_REQUESTS], p->time_ns - before->time_ns);
}

static void print_count(uint64_t n, const char *what)
{
	printf(", %" PRIu64 " %s%s", n, what, n == 1 ? "" : "s");
}

static void print_summary(const uint64_t *n, uint64_t per_s)
{
	char used[FORMAT_LEN], up[FORMAT_LEN];

	printf("up %s", format_duration(up, n[VCM_STATUS_UPTIME]));
	print_count(n[VCM_STATUS_SESSIONS], "session");
	print_count(n[VCM_STATUS_OBJECTS], "object");
	printf(", %s of memory, %" PRIu64 " active", format_size(used, n[VCM_STATUS_USED]),
	       n[VCM_STATUS_ACTIVE]);
	print_count(n[VCM_STATUS_FAULTS], "fault");
	printf(", %" PRIu64 " requests/s\n\n", per_s);
}

/* How many of so many sessions there is room for; a line says how many there is not. */
static size_t fitting(const struct picture *p)
{
	size_t other = p->pools.n_lines + OTHER_LINES;
	struct winsize w;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) < 0 || !w.ws_row)
		return p->sessions.n_lines;
	if (w.ws_row <= other)
		return 1;
	return w.ws_row - other < p->sessions.n_lines ? w.ws_row - other : p->sessions.n_lines;
}

static void print_text(const struct picture *p, uint64_t per_s)
{
	bool is_terminal = isatty(STDOUT_FILENO);
	struct table shown = p->sessions;

	if (is_terminal)
		fputs(HOME, stdout);
	print_summary(p->status.lines[0].n, per_s);
	columns_print(pool_columns, N(pool_columns), &p->pools, "no pools");
	putchar('\n');
	if (is_terminal)
		shown.n_lines = fitting(p);
	columns_print(session_columns, N(session_columns), &shown, "no sessions");
	if (shown.n_lines < p->sessions.n_lines)
		printf("and %zu more", p->sessions.n_lines - shown.n_lines);
	fputs(is_terminal ? END : "\n", stdout);
}

static json_object *rows(const struct column *columns, size_t n, const struct table *t)
{
	json_object *list = json_object_new_array();

	for (size_t i = 0; i < t->n_lines; i++)
		json_object_array_add(list, columns_to_json(columns, n, &t->lines[i]));
	return list;
}

/* One object a line. */
static void print_json(const struct picture *p, uint64_t per_s)
{
	_cleanup_(json_putp) json_object *j = json_object_new_object();

	json_object_object_add(j, "time_ns", json_object_new_uint64(p->time_ns));
	json_object_object_add(j, "requests_per_s", json_object_new_uint64(per_s));
	json_object_object_add(j, "pools", rows(pool_columns, N(pool_columns), &p->pools));
	json_object_object_add(j, "sessions",
			       rows(session_columns, N(session_columns), &p->sessions));
	puts(json_object_to_json_string_ext(j, JSON_C_TO_STRING_PLAIN));
}

static bool print(const struct call *call, struct picture *p, const struct picture *before)
{
	uint64_t per_s = total_rate(p, before);

	add_rates(p, before);
	qsort(p->sessions.lines, p->sessions.n_lines, sizeof(*p->sessions.lines), busiest_first);
	if (call->options & OPTION_JSON)
		print_json(p, per_s);
	else
		print_text(p, per_s);
	return fflush(stdout) == 0;
}

static void wait_a_second(uint64_t from_ns)
{
	const uint64_t until = from_ns + NS_PER_S;
	const struct timespec t = { .tv_sec = (time_t)(until / NS_PER_S),
				    .tv_nsec = (long)(until % NS_PER_S) };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

/* count 0: for ever. The first picture is not shown: there is nothing yet to reckon its rates from. */
static enum exit_code watch(const struct call *call, uint64_t count)
{
	_cleanup_(picture_deinit) struct picture before = { 0 };
	int r = picture_take(&before);

	for (uint64_t i = 0; r == 0 && (!count || i < count); i++) {
		struct picture now = { 0 };

		wait_a_second(before.time_ns);
		r = picture_take(&now);
		if (r == 0 && !print(call, &now, &before)) {
			picture_deinit(&now);
			return EXIT_FAILED;
		}
		picture_deinit(&before);
		before = now;
	}
	if (r == 0)
		return EXIT_OK;
	tell_failure(r, "the broker does not say how it is");
	return EXIT_FAILED;
}

static enum exit_code run(const struct call *call)
{
	uint64_t count = 0;

	if (call->args[0] && (!parse_number(call->args[0], &count) || !count)) {
		tell_misuse("top: '%s' is no number of pictures", call->args[0]);
		return EXIT_USAGE;
	}
	if (!broker_join())
		return EXIT_FAILED;
	if (isatty(STDOUT_FILENO))
		setvbuf(stdout, NULL, _IOFBF, PICTURE_MAX);
	return watch(call, count);
}

const struct command cmd_top = {
	.name = "top",
	.synopsis = "top [N]",
	.summary = "pools, sessions and rates, each second (N times)",
	.options = OPTION_JSON,
	.n_args = 1,
	.n_optional = 1,
	.run = run,
};
