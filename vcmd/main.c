// SPDX-License-Identifier: BSD-3-Clause
/*
 * vcmd: reads what it is told, puts the parts together, and runs until it is told to stop.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/reason.h"
#include "vcmd/broker.h"
#include "vcmd/bus.h"
#include "vcmd/config.h"
#include "vcmd/console.h"
#include "vcmd/journald.h"
#include "vcmd/listener.h"
#include "vcmd/loop.h"
#include "vcmd/reload.h"
#include "vcmd/seccomp.h"
#include "vcmd/service.h"
#include "vcmd/store.h"
#include "vcmd/turn-away.h"

#define EXIT_USAGE 2

struct options {
	const char *config, *socket, *dbus; /* NULL: not said */
	bool check, no_seccomp, no_persist, has_level;
};

/* The daemon that runs. */
struct program {
	const struct options *options;
	struct config *config;
	struct loop *loop;
	struct store *store;
	struct broker *broker;
	struct bus *bus; /* NULL: none */
	struct listener *listener;
	struct service *service;
	int handed; /* the listening socket, until the listener has it; -1 */
};

static void print_usage(FILE *to)
{
	fputs("usage: vcmd [--config FILE] [--socket PATH] [--dbus BUS] [--log-level LEVEL]\n"
	      "            [--no-seccomp] [--no-persist] [--check]\n"
	      "       vcmd --version | --help\n"
	      "\n"
	      "The VCM broker, in the foreground.\n"
	      "  --config FILE      read FILE instead of " CONFIG_PATH "\n"
	      "  --socket PATH      listen there, whatever the configuration says\n"
	      "  --dbus BUS         serve org.vcmd.Vcm1 on it: off, system, session or an address\n"
	      "  --log-level LEVEL  error, warning, notice, info or debug\n"
	      "  --no-seccomp       do not confine the daemon to the system calls that it needs\n"
	      "  --no-persist       let nothing outlive this process, and give up what an earlier one left\n"
	      "  --check            check the configuration and leave\n",
	      to);
}

/* -1: go on; else what to exit with. */
static int parse_option(int c, struct options *o)
{
	enum log_level level;

	switch (c) {
	case 'c':
		o->config = optarg;
		return -1;
	case 's':
		o->socket = optarg;
		return -1;
	case 'd':
		o->dbus = optarg;
		return -1;
	case 'l':
		if (log_level_parse(optarg, &level) < 0) {
			fprintf(stderr,
				"vcmd: --log-level is error, warning, notice, info or debug, not %s\n",
				optarg);
			return EXIT_USAGE;
		}
		log_set_level(level);
		o->has_level = true;
		return -1;
	case 'k':
		o->check = true;
		return -1;
	case 'n':
		o->no_seccomp = true;
		return -1;
	case 'p':
		o->no_persist = true;
		return -1;
	case 'v':
		puts("vcmd " PACKAGE_VERSION);
		return EXIT_SUCCESS;
	case 'h':
		print_usage(stdout);
		return EXIT_SUCCESS;
	default:
		print_usage(stderr);
		return EXIT_USAGE;
	}
}

static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option known[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "socket", required_argument, NULL, 's' },
		{ "dbus", required_argument, NULL, 'd' },
		{ "log-level", required_argument, NULL, 'l' },
		{ "no-seccomp", no_argument, NULL, 'n' },
		{ "no-persist", no_argument, NULL, 'p' },
		{ "check", no_argument, NULL, 'k' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c, status = -1;

	while (status < 0 && (c = getopt_long(argc, argv, "", known, NULL)) != -1)
		status = parse_option(c, o);
	if (status < 0 && optind < argc) {
		fprintf(stderr, "vcmd: %s: takes no arguments\n", argv[optind]);
		status = EXIT_USAGE;
	}
	return status;
}

static int load(const struct options *o, struct config **out, struct reason *why)
{
	if (!o->config && access(CONFIG_PATH, F_OK) < 0 && errno == ENOENT) {
		*out = config_default();
		return *out ? 0 : refuse(why, -ENOMEM, "out of memory");
	}
	return config_load(o->config ? o->config : CONFIG_PATH, out, why);
}

/* Ten thousand sessions are twenty thousand fds. */
static void raise_limits(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return;
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		log_warning("the limit of open files stays where it is: %s", strerror(errno));
}

static void on_connection(void *ctx, int fd)
{
	struct program *p = ctx;

	broker_accept(p->broker, fd);
}

static void on_stop(void *ctx, int signo)
{
	struct program *p = ctx;

	log_info("stopping: %s", strsignal(signo));
	if (p->service)
		service_stopping(p->service);
	loop_stop(p->loop);
}

/* What the command line says counts for more. */
static void use_level(const struct program *p)
{
	if (!p->options->has_level)
		log_set_level(p->config->log_level);
}

static int do_reload(struct program *p, struct reason *why)
{
	struct config *to = NULL;
	int r = load(p->options, &to, why);

	if (r == 0)
		r = reload(p->broker, to, why);
	if (r < 0) {
		config_free(to);
		return r;
	}
	config_free(p->config);
	p->config = to;
	use_level(p);
	return 0;
}

/* All of it or nothing: whoever asked hears it, and so does the log. */
static int on_reload(void *ctx, struct reason *why)
{
	struct program *p = ctx;
	int r;

	service_reloading(p->service);
	r = do_reload(p, why);
	if (r < 0)
		log_error("not reloaded, nothing has changed: %s", why->text);
	else
		log_notice("reloaded %s",
			   p->config->path ? p->config->path : "the built-in configuration");
	service_ready(p->service);
	return r;
}

static void on_hangup(void *ctx, int signo _unused_)
{
	struct reason why = { "" };

	on_reload(ctx, &why);
}

static int catch_signals(struct program *p, struct reason *why)
{
	signal(SIGPIPE, SIG_IGN);
	if (loop_signal(p->loop, SIGTERM, on_stop, p) < 0 ||
	    loop_signal(p->loop, SIGINT, on_stop, p) < 0 ||
	    loop_signal(p->loop, SIGHUP, on_hangup, p) < 0)
		return refuse(why, -ENOMEM, "signals cannot be caught");
	return 0;
}

/* In the reverse order of their making. */
static void program_deinit(struct program *p)
{
	service_free(p->service);
	listener_free(p->listener);
	broker_free(p->broker);
	bus_free(p->bus);
	store_free(p->store);
	loop_free(p->loop);
	config_free(p->config);
	fd_closep(&p->handed);
}

static int listen_on(struct program *p, struct reason *why)
{
	const struct listener_config config = {
		.path = p->options->socket ? p->options->socket : p->config->socket,
		.mode = p->config->socket_mode,
		.group = p->config->socket_group,
		.handed = p->handed,
	};
	int r = listener_new(p->loop, &config, on_connection, p, &p->listener, why);

	if (r == 0)
		p->handed = -1;
	return r;
}

/* Everything but the listening socket is what an earlier run has left. Both are looked for now, while no fd of those has
 * been closed yet: libsystemd would find none. */
static int take_over(struct program *p, struct reason *why)
{
	p->handed = listener_take_handed();
	p->store = store_new(p->loop, !p->options->no_persist);
	if (!p->store || store_take_handed(p->store) < 0)
		return refuse(why, -ENOMEM, "no memory for the fd store");
	if (p->options->no_persist)
		log_notice("nothing outlives this process: --no-persist");
	else if (!store_is_kept(p->store))
		log_info("nothing outlives this process: nobody keeps its fds ($FDSTORE)");
	return 0;
}

/* What no part has known by its name. */
static void drop_unknown(struct store *s)
{
	const char *name;

	while ((name = store_left(s, ""))) {
		log_warning("an fd named '%s' was handed over, which is not known here", name);
		store_drop(s, name);
	}
}

/* The system's service manager sets this for the process that it starts, and no shell passes it on as ours. */
static bool is_system_service(void)
{
	const char *pid = getenv("SYSTEMD_EXEC_PID");

	return pid && getppid() == 1 && strtol(pid, NULL, 10) == getpid();
}

static const char *which_bus(const struct program *p)
{
	if (p->options->dbus)
		return p->options->dbus;
	if (p->config->dbus)
		return p->config->dbus;
	return is_system_service() ? "system" : "off";
}

static int join_bus(struct program *p, struct reason *why)
{
	const char *where = which_bus(p);

	if (!strcmp(where, "off"))
		return 0;
	p->bus = bus_new(p->broker, where);
	return p->bus ? 0 : refuse(why, -ENOMEM, "no memory for the message bus");
}

/* Each part finds the ones before it. */
static int set_up(struct program *p, struct reason *why)
{
	int r;

	p->loop = loop_new(p->config->poll_us);
	if (!p->loop)
		return refuse(why, -ENOMEM, "the event loop cannot be made");
	r = catch_signals(p, why);
	if (r < 0)
		return r;
	r = take_over(p, why);
	if (r < 0)
		return r;
	p->broker = broker_new(p->loop, p->config, p->store, why);
	if (!p->broker)
		return -EINVAL;
	drop_unknown(p->store);
	r = listen_on(p, why);
	if (r == 0)
		r = join_bus(p, why);
	if (r < 0)
		return r;
	p->service = service_new(p->loop, p->broker, listener_name(p->listener), why);
	if (!p->service)
		return -EINVAL;
	p->broker->reload = on_reload;
	p->broker->reload_ctx = p;
	return 0;
}

static int start(struct program *p, struct reason *why)
{
	int r = p->options->no_seccomp ? 0 : seccomp_confine(why);

	return r < 0 ? r : set_up(p, why);
}

static int serve(struct program *p, struct reason *why)
{
	int r = start(p, why);

	if (r < 0)
		return r;
	log_info("listening on %s", listener_name(p->listener));
	service_ready(p->service);
	r = loop_run(p->loop);
	return r < 0 ? refuse(why, r, "the event loop failed: %s", strerror(-r)) : 0;
}

/* With what another has left it is started again; else only by who comes, so that those who wait are to go. */
static int refuse_config(const struct options *o, const struct reason *why)
{
	_cleanup_(fd_closep) int fd = -1;

	log_error("vcmd: %s", why->text);
	if (o->check || store_is_handed())
		return EXIT_FAILURE;
	fd = listener_take_handed();
	if (fd >= 0)
		turn_away(fd, "the broker's configuration is wrong: its log says where");
	return EX_CONFIG;
}

int main(int argc, char **argv)
{
	struct options options = { .config = NULL };
	_cleanup_(program_deinit) struct program p = { .options = &options, .handed = -1 };
	struct reason why = { "" };
	int status = parse_options(argc, argv, &options);

	if (status >= 0)
		return status;
	umask(0077);
	if (load(&options, &p.config, &why) < 0)
		return refuse_config(&options, &why);
	if (options.check) {
		printf("%s: ok\n", p.config->path ? p.config->path : "the built-in configuration");
		return EXIT_SUCCESS;
	}
	if (!journald_take_log())
		console_take_log();
	use_level(&p);
	raise_limits();
	if (serve(&p, &why) < 0) {
		log_error("vcmd: %s", why.text);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
