// SPDX-License-Identifier: BSD-3-Clause
#include "base/log.h"

#include <errno.h>
#include <string.h>

#include "tests/suite.h"

/* What the log wrote to standard error between capture_begin() and capture_end(). */
static char captured[4096];
static int saved = -1, ends[2] = { -1, -1 };

static void capture_begin(void)
{
	ck_assert_int_eq(pipe(ends), 0);
	saved = dup(STDERR_FILENO);
	ck_assert_int_ge(saved, 0);
	ck_assert_int_ge(dup2(ends[1], STDERR_FILENO), 0);
}

static const char *capture_end(void)
{
	ssize_t n;

	fflush(stderr);
	ck_assert_int_ge(dup2(saved, STDERR_FILENO), 0);
	close(saved);
	close(ends[1]);
	n = read(ends[0], captured, sizeof(captured) - 1);
	ck_assert_int_ge(n, 0);
	captured[n] = 0;
	close(ends[0]);
	return captured;
}

START_TEST(log_drops_what_is_above_its_level)
{
	unsetenv("JOURNAL_STREAM");
	log_set_level(LOG_L_WARNING);
	capture_begin();
	log_notice("quiet");
	log_debug("quiet");
	log_warning("loud %d", 1);
	log_error("loud %d", 2);
	ck_assert_str_eq(capture_end(), "loud 1\nloud 2\n");
}
END_TEST

START_TEST(log_starts_at_notice)
{
	ck_assert_int_eq(log_get_level(), LOG_L_NOTICE);
}
END_TEST

START_TEST(log_of_a_hostile_name_stays_one_line)
{
	unsetenv("JOURNAL_STREAM");
	capture_begin();
	log_error("session '%s'", "a\n<0>forged\r\033[2J\t");
	ck_assert_str_eq(capture_end(), "session 'a?<0>forged??[2J?'\n");
}
END_TEST

START_TEST(log_cuts_what_is_longer_than_a_line)
{
	static char longest[3000];
	const char *line;

	unsetenv("JOURNAL_STREAM");
	memset(longest, 'x', sizeof(longest) - 1);
	capture_begin();
	log_error("%s", longest);
	line = capture_end();
	ck_assert_uint_gt(strlen(line), 500);
	ck_assert_uint_lt(strlen(line), sizeof(longest) - 1);
	ck_assert_ptr_eq(strchr(line, '\n'), line + strlen(line) - 1);
}
END_TEST

START_TEST(log_tells_the_journal_its_level)
{
	setenv("JOURNAL_STREAM", "8:1", 1);
	capture_begin();
	log_error("bad");
	ck_assert_str_eq(capture_end(), "<3>bad\n");
}
END_TEST

static struct {
	int n;
	enum log_level level;
	struct log_about about;
	char line[64];
} sunk;

static void on_line(enum log_level level, const struct log_about *about, const char *line)
{
	sunk.n++;
	sunk.level = level;
	sunk.about = *about;
	snprintf(sunk.line, sizeof(sunk.line), "%s", line);
}

START_TEST(log_gives_a_sink_what_a_line_is_about)
{
	unsetenv("JOURNAL_STREAM");
	log_set_sink(on_line);
	capture_begin();
	log_about(LOG_L_WARNING, LOG_ABOUT(.session = 7, .vcm = 3, .device = "mdp"), "no\n%d", 5);
	ck_assert_int_eq(sunk.n, 1);
	ck_assert_int_eq(sunk.level, LOG_L_WARNING);
	ck_assert_uint_eq(sunk.about.session, 7);
	ck_assert_uint_eq(sunk.about.vcm, 3);
	ck_assert_str_eq(sunk.about.device, "mdp");
	ck_assert_ptr_null(sunk.about.operation);
	ck_assert_str_eq(sunk.line, "no?5");
	log_about(LOG_L_DEBUG, LOG_ABOUT(.session = 7), "quiet");
	ck_assert_int_eq(sunk.n, 1);
	log_error("of nothing");
	ck_assert_int_eq(sunk.n, 2);
	ck_assert_uint_eq(sunk.about.session, 0);
	log_set_sink(NULL);
	log_about(LOG_L_ERROR, LOG_ABOUT(.device = "mdp"), "plain");
	ck_assert_str_eq(capture_end(), "plain\n");
	ck_assert_int_eq(sunk.n, 2);
}
END_TEST

START_TEST(log_levels_have_exact_names)
{
	enum log_level level = LOG_L_INFO;

	ck_assert_int_eq(log_level_parse("error", &level), 0);
	ck_assert_int_eq(level, LOG_L_ERROR);
	ck_assert_int_eq(log_level_parse("debug", &level), 0);
	ck_assert_int_eq(level, LOG_L_DEBUG);
	ck_assert_int_eq(log_level_parse("", &level), -EINVAL);
	ck_assert_int_eq(log_level_parse("Debug", &level), -EINVAL);
	ck_assert_int_eq(log_level_parse("debugging", &level), -EINVAL);
	ck_assert_int_eq(level, LOG_L_DEBUG);
}
END_TEST

SUITE_MAIN("log", log_drops_what_is_above_its_level, log_starts_at_notice,
	   log_of_a_hostile_name_stays_one_line, log_cuts_what_is_longer_than_a_line,
	   log_tells_the_journal_its_level, log_gives_a_sink_what_a_line_is_about,
	   log_levels_have_exact_names)
