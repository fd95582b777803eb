// SPDX-License-Identifier: BSD-3-Clause
#include "tests/crash/victim.h"

#include <dirent.h>
#include <err.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/crash/bus.h"
#include "tests/crash/crash.h"
#include "tests/crash/keeper.h"

#define SYSTEM_BUS "/run/dbus/system_bus_socket"
#define LINE_MAX_LEN 1024

const char *const victim_hows[N_VICTIM_HOWS] = {
	[VICTIM_KILL] = "kill",       [VICTIM_ABORT] = "abort", [VICTIM_RESTART] = "restart",
	[VICTIM_UPGRADE] = "upgrade", [VICTIM_HANG] = "hang",
};

static struct victim_options options;
static struct keeper *keeper; /* NULL: it is a unit */
static char dir[64];
static struct crash_bus bus;
static char bus_address[80];
static bool has_bus;

void victim_print_config(FILE *f)
{
	fprintf(f, "grace = %u\n", getenv("VCM_UNDER_VALGRIND") ? 60000u : 20000u);
	fputs("fault-timeout = 60000\n"
	      "memtype 0 { pool { ranges = {\"0x40000000+512M\"} } }\n"
	      "smmu crash {\n\tbase = 0x1000000\n\tbanks = 128\n",
	      f);
	for (unsigned int i = 0; i < CRASH_CLIENTS_MAX; i++)
		fprintf(f,
			"\tcontext " CRASH_CONTEXT " { mid = %u }\n\tcontext " CRASH_ENGINE
			" { mid = %u }\n",
			i, 2 * i, i, 2 * i + 1);
	fputs("}\n", f);
}

/* --- one of the test's own */

static char *config_text(void)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		err(EXIT_FAILURE, "config");
	fputs("stock = 0\n", f);
	if (has_bus)
		fprintf(f, "dbus = \"%s\"\n", bus_address);
	victim_print_config(f);
	fclose(f);
	return text;
}

static void begin_own(void)
{
	char sock[80], *text;

	snprintf(dir, sizeof(dir), "/tmp/vcm-crash-XXXXXX");
	if (!mkdtemp(dir))
		err(EXIT_FAILURE, "%s", dir);
	snprintf(sock, sizeof(sock), "%s/sock", dir);
	setenv("VCM_SOCKET", sock, 1);
	has_bus = crash_bus_start(&bus, dir);
	snprintf(bus_address, sizeof(bus_address), "unix:path=%s", bus.socket);
	text = config_text();
	keeper = keeper_new(options.vcmd, dir, text);
	free(text);
	keeper_start(keeper);
	keeper_await_ready(keeper);
}

static void end_own(int number)
{
	int status = keeper_end(keeper, number);

	if (number == SIGTERM && status != 0)
		errx(EXIT_FAILURE, "the daemon does not end well: %#x", (unsigned int)status);
}

static void strike_own(unsigned int round)
{
	static const int signals[N_VICTIM_HOWS] = {
		[VICTIM_KILL] = SIGKILL,    [VICTIM_ABORT] = SIGABRT, [VICTIM_RESTART] = SIGTERM,
		[VICTIM_UPGRADE] = SIGTERM, [VICTIM_HANG] = SIGKILL,
	};

	end_own(signals[options.how]);
	if (options.how == VICTIM_UPGRADE)
		keeper_set_program(keeper, round % 2 ? options.next : options.vcmd);
	keeper_start(keeper);
}

/* --- a unit */

__attribute__((format(printf, 1, 2))) static void command(const char *format, ...)
{
	char line[LINE_MAX_LEN];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (system(line) != 0) /* NOLINT(bugprone-command-processor): whoever runs this says what */
		errx(EXIT_FAILURE, "failed: %s", line);
}

static unsigned int property(const char *name)
{
	char line[LINE_MAX_LEN];
	unsigned int v;
	FILE *f;

	snprintf(line, sizeof(line), "systemctl show -P %s %s", name, options.unit);
	f = popen(line, "re"); /* NOLINT(bugprone-command-processor): whoever runs this says what */
	if (!f || fscanf(f, "%u", &v) != 1 || pclose(f) != 0)
		errx(EXIT_FAILURE, "failed: %s", line);
	return v;
}

static void strike_unit(unsigned int round)
{
	if (options.prepare)
		command("ROUND=%u; %s", round, options.prepare);
	switch (options.how) {
	case VICTIM_KILL:
		command("systemctl kill --signal=KILL --kill-whom=main %s", options.unit);
		break;
	case VICTIM_ABORT:
		command("systemctl kill --signal=ABRT --kill-whom=main %s", options.unit);
		break;
	case VICTIM_RESTART:
	case VICTIM_UPGRADE:
		command("systemctl restart %s", options.unit);
		break;
	case VICTIM_HANG:
		command("systemctl kill --signal=STOP --kill-whom=main %s", options.unit);
		break;
	case N_VICTIM_HOWS:
		break;
	}
}

/* --- either */

void victim_begin(const struct victim_options *which)
{
	options = *which;
	if (options.unit)
		has_bus = access(SYSTEM_BUS, F_OK) == 0;
	else
		begin_own();
}

void victim_strike(unsigned int round)
{
	if (keeper)
		strike_own(round);
	else
		strike_unit(round);
}

const char *victim_bus(void)
{
	return has_bus ? bus_address : NULL;
}

pid_t victim_fork(void)
{
	return keeper ? keeper_fork(keeper) : fork();
}

static unsigned int count_fds(pid_t pid)
{
	char path[64];
	unsigned int n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	d = opendir(path);
	if (!d)
		err(EXIT_FAILURE, "%s", path);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* What systemd keeps has no names that it tells: the journal's chunks are the few that may be more. */
struct victim_fds victim_count_fds(void)
{
	struct victim_fds fds;

	if (!keeper) {
		fds.kept = property("NFileDescriptorStore");
		fds.open = count_fds((pid_t)property("MainPID")) - fds.kept;
		return fds;
	}
	fds.kept = (unsigned int)keeper_count(keeper, "arena-");
	fds.open = count_fds(keeper_pid(keeper)) - (unsigned int)keeper_count(keeper, "journal-");
	return fds;
}

void victim_end(void)
{
	if (!keeper)
		return;
	end_own(SIGTERM);
	keeper = keeper_free(keeper);
	crash_bus_stop(&bus);
	rmdir(dir);
}
