// SPDX-License-Identifier: BSD-3-Clause
// Options and the choice of a command. What a command does is in its own file.
#include <ctype.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "vcmctl/broker.h"
#include "vcmctl/command.h"

static const struct command *const commands[] = {
	&cmd_status,        &cmd_devices,      &cmd_pools,        &cmd_nodes,
	&cmd_sessions,      &cmd_who,          &cmd_graph,        &cmd_top,
	&cmd_faults,        &cmd_fault_list,   &cmd_fault_inject, &cmd_dev_read,
	&cmd_dev_write,     &cmd_session_kill, &cmd_reload,       &cmd_device_bind,
	&cmd_device_unbind, &cmd_monitor,      &cmd_journal_show, &cmd_journal_verify,
};

#define N_COMMANDS (sizeof(commands) / sizeof(void *))

/* What getopt returns: a bit of enum option, or one of these. */
enum { GOT_SOCKET = 256, GOT_HELP, GOT_VERSION };

/* No option is short: these are numbers with a minus, which getopt is not to call options. */
#define DIGITS "0123456789"

static const struct option long_options[] = {
	{ "dot", no_argument, NULL, OPTION_DOT },
	{ "hex", required_argument, NULL, OPTION_HEX },
	{ "json", no_argument, NULL, OPTION_JSON },
	{ "raw", no_argument, NULL, OPTION_RAW },
	{ "text", required_argument, NULL, OPTION_TEXT },
	{ "socket", required_argument, NULL, GOT_SOCKET },
	{ "help", no_argument, NULL, GOT_HELP },
	{ "version", no_argument, NULL, GOT_VERSION },
	{ NULL },
};

static void print_help(void)
{
	puts("Usage: vcmctl [--socket PATH] [--json] COMMAND\n\nCommands:");
	for (size_t i = 0; i < N_COMMANDS; i++)
		printf("  %-26s %s\n", commands[i]->synopsis, commands[i]->summary);
	puts("\nOptions:\n"
	     "  --socket PATH              the broker's socket, instead of $VCM_SOCKET and\n"
	     "                             /run/vcm/vcmd.sock\n"
	     "  --json                     for programs, instead of tables for people\n"
	     "  --dot                      graph: for graphviz\n"
	     "  --raw                      dev read: the bytes as they are\n"
	     "  --hex BYTES                dev write: these bytes, as in 'de ad be ef'\n"
	     "  --text TEXT                dev write: this text\n"
	     "  --help, --version\n"
	     "\nNumbers are decimal or 0x hexadecimal, and may end in K, M or G.");
}

/* How many of the words are the command's name: 0 when they are another. */
static size_t match(const struct command *c, char *const *words, size_t n_words)
{
	const char *second = strchr(c->name, ' ');
	size_t len = second ? (size_t)(second - c->name) : strlen(c->name);

	if (!n_words || strlen(words[0]) != len || strncmp(words[0], c->name, len) != 0)
		return 0;
	if (!second)
		return 1;
	return n_words > 1 && strcmp(words[1], second + 1) == 0 ? 2 : 0;
}

static const struct command *find(char *const *words, size_t n_words, size_t *out_n)
{
	for (size_t i = 0; i < N_COMMANDS; i++) {
		*out_n = match(commands[i], words, n_words);
		if (*out_n)
			return commands[i];
	}
	if (n_words == 1 && strcmp(words[0], "dev") == 0)
		tell_misuse("dev read or dev write?");
	else if (n_words == 1 && strcmp(words[0], "fault") == 0)
		tell_misuse("fault list or fault inject?");
	else if (n_words == 1 && strcmp(words[0], "session") == 0)
		tell_misuse("session kill?");
	else if (n_words == 1 && strcmp(words[0], "journal") == 0)
		tell_misuse("journal show or journal verify?");
	else if (n_words == 1 && strcmp(words[0], "device") == 0)
		tell_misuse("device bind or device unbind?");
	else if (n_words)
		tell_misuse("there is no command '%s%s%s'", words[0], n_words > 1 ? " " : "",
			    n_words > 1 ? words[1] : "");
	else
		tell_misuse("which command?");
	return NULL;
}

static bool options_agree(const struct command *c, unsigned int options)
{
	if (options & ~c->options)
		tell_misuse("%s: an option that does not belong here", c->name);
	else if (options & OPTION_HEX && options & OPTION_TEXT)
		tell_misuse("%s: --hex or --text, not both", c->name);
	else if (options & OPTION_RAW && options & OPTION_JSON)
		tell_misuse("%s: --raw or --json, not both", c->name);
	else
		return true;
	return false;
}

static enum exit_code run(char *const *words, size_t n_words, struct call *call)
{
	const struct command *c;
	enum exit_code code;
	size_t n_name;

	c = find(words, n_words, &n_name);
	if (!c)
		return EXIT_USAGE;
	if (!options_agree(c, call->options))
		return EXIT_USAGE;
	if (n_words - n_name > c->n_args || n_words - n_name < c->n_args - c->n_optional) {
		tell_misuse("usage: vcmctl %s", c->synopsis);
		return EXIT_USAGE;
	}
	call->args = words + n_name;
	code = c->run(call);
	broker_leave();
	return code;
}

/* Of a word such as -15 getopt has read the first digit only, and stands on it still. */
static void tell_negative(char *const *argv, int digit)
{
	const char *word = argv[optind - 1];

	if (word[0] != '-' || word[1] != digit || word[2])
		word = argv[optind];
	tell_misuse("'%s': no number is negative here", word);
}

/* What has been printed may not have arrived: a full disk is a failure too. */
static enum exit_code finish(enum exit_code code)
{
	if (fflush(stdout) != 0)
		perror("vcmctl: standard output");
	else if (ferror(stdout)) /* before, and why is forgotten */
		fputs("vcmctl: standard output: not all could be written\n", stderr);
	else
		return code;
	return EXIT_FAILED;
}

int main(int argc, char **argv)
{
	struct call call = { .options = 0 };
	int got;

	while ((got = getopt_long(argc, argv, DIGITS, long_options, NULL)) != -1) {
		if (got < GOT_SOCKET && isdigit(got)) {
			tell_negative(argv, got);
			return EXIT_USAGE;
		}
		switch (got) {
		case GOT_SOCKET:
			broker_set_socket(optarg);
			break;
		case GOT_HELP:
			print_help();
			return finish(EXIT_OK);
		case GOT_VERSION:
			puts("vcmctl " PACKAGE_VERSION);
			return finish(EXIT_OK);
		case '?':
			fputs("Try 'vcmctl --help'.\n", stderr);
			return EXIT_USAGE;
		default:
			call.options |= (unsigned int)got;
			call.bytes = optarg ? optarg : call.bytes;
		}
	}
	return finish(run(argv + optind, (size_t)(argc - optind), &call));
}
