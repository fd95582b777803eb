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
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/reason.h"
#include "vcmd/broker.h"
#include "vcmd/config.h"
#include "vcmd/listener.h"
#include "vcmd/loop.h"

#define EXIT_USAGE 2

struct options {
	const char *config, *socket; /* NULL: not said */
	bool check;
};

static void print_usage(FILE *to)
{
	fputs("usage: vcmd [--config FILE] [--socket PATH] [--log-level LEVEL] [--check]\n"
	      "       vcmd --version | --help\n"
	      "\n"
	      "The VCM broker, in the foreground.\n"
	      "  --config FILE      read FILE instead of " CONFIG_PATH "\n"
	      "  --socket PATH      listen there, whatever the configuration says\n"
	      "  --log-level LEVEL  error, warning, notice, info or debug\n"
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
	case 'l':
		if (log_level_parse(optarg, &level) < 0) {
			fprintf(stderr,
				"vcmd: --log-level is error, warning, notice, info or debug, not %s\n",
				optarg);
			return EXIT_USAGE;
		}
		log_set_level(level);
		return -1;
	case 'k':
		o->check = true;
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
		{ "log-level", required_argument, NULL, 'l' },
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

CLEANUP_DEFINE(struct config *, config_free)
CLEANUP_DEFINE(struct loop *, loop_free)
CLEANUP_DEFINE(struct broker *, broker_free)
CLEANUP_DEFINE(struct listener *, listener_free)

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
	broker_accept(ctx, fd);
}

static void on_stop(void *ctx, int signo)
{
	log_info("stopping: %s", strsignal(signo));
	sd_notify(0, "STOPPING=1");
	loop_stop(ctx);
}

static int catch_signals(struct loop *loop, struct reason *why)
{
	signal(SIGPIPE, SIG_IGN);
	if (loop_signal(loop, SIGTERM, on_stop, loop) < 0 ||
	    loop_signal(loop, SIGINT, on_stop, loop) < 0)
		return refuse(why, -ENOMEM, "signals cannot be caught");
	return 0;
}

static int serve(const struct config *config, const char *socket, struct reason *why)
{
	const struct listener_config listen_on = {
		.path = socket ? socket : config->socket,
		.mode = config->socket_mode,
		.group = config->socket_group,
	};
	_cleanup_(loop_freep) struct loop *loop = loop_new(config->poll_us);
	_cleanup_(broker_freep) struct broker *broker = NULL;
	_cleanup_(listener_freep) struct listener *listener = NULL;
	int r;

	if (!loop)
		return refuse(why, -ENOMEM, "the event loop cannot be made");
	r = catch_signals(loop, why);
	if (r < 0)
		return r;
	broker = broker_new(loop, config, why);
	if (!broker)
		return -EINVAL;
	r = listener_new(loop, &listen_on, on_connection, broker, &listener, why);
	if (r < 0)
		return r;
	log_info("listening on %s", listener_name(listener));
	sd_notifyf(0, "READY=1\nSTATUS=Listening on %s", listener_name(listener));
	r = loop_run(loop);
	return r < 0 ? refuse(why, r, "the event loop failed: %s", strerror(-r)) : 0;
}

int main(int argc, char **argv)
{
	_cleanup_(config_freep) struct config *config = NULL;
	struct options options = { .config = NULL };
	struct reason why = { "" };
	int status = parse_options(argc, argv, &options);

	if (status >= 0)
		return status;
	umask(0077);
	if (load(&options, &config, &why) < 0) {
		log_error("vcmd: %s", why.text);
		return EXIT_FAILURE;
	}
	if (options.check) {
		printf("%s: ok\n", config->path ? config->path : "the built-in configuration");
		return EXIT_SUCCESS;
	}
	raise_limits();
	if (serve(config, options.socket, &why) < 0) {
		log_error("vcmd: %s", why.text);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
