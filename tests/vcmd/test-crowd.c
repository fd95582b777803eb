// SPDX-License-Identifier: BSD-3-Clause
/* Many sessions, of which many do not read: each costs what is bounded, and only itself. */
#include <check.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <vcm/inspect.h>

#include "tests/suite.h"
#include "tests/vcmd/daemon.h"

#define CONFIG "stock = 0\n"
#define N_SESSIONS 400
#define N_SLOW 100
#define FULL_MS 20 /* who is not read from for so long has filled everything */
/* KB that may be queued for one (vcmd/link.c: 256 KB), with what the heap makes of it; and of a session that has nothing. */
#define SLOW_KB 320
#define SESSION_KB 8

/* Asks for long answers until no more is taken, and reads none of them. */
static void flood(struct peer *p)
{
	const struct op op = { .code = OP_INSPECT, .arg = VCM_TABLE_DEVICES, .name = "" };
	struct pollfd fd = { .fd = p->fd, .events = POLLOUT };

	do {
		struct request req = { .serial = ++p->serial, .ops = &op, .n_ops = 1 };
		long n = request_encode(p->codec, &req, p->buf, sizeof(p->buf));

		ck_assert_int_gt(n, 0);
		if (send(p->fd, p->buf, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) == n)
			continue;
		p->serial--;
		if (poll(&fd, 1, FULL_MS) == 0)
			return;
	} while (p->serial < 100000);
	ck_abort_msg("the daemon takes whatever it is sent");
}

START_TEST(who_does_not_read_costs_what_is_bounded)
{
	unsigned int n = suite_scaled(N_SESSIONS, 1, 10), n_slow = suite_scaled(N_SLOW, 1, 10);
	struct peer *peers[N_SESSIONS], *other;
	size_t alone, among, flooded;
	struct daemon d;

	daemon_start(&d, CONFIG);
	other = daemon_peer(&d);
	alone = daemon_resident(&d);
	for (unsigned int i = 0; i < n; i++)
		peers[i] = daemon_peer(&d);
	ck_assert_uint_eq(peer_status(other, VCM_STATUS_SESSIONS), n + 1);
	among = daemon_resident(&d);
	for (unsigned int i = 0; i < n_slow; i++)
		flood(peers[i]);
	ck_assert_uint_eq(peer_status(other, VCM_STATUS_SESSIONS), n + 1);
	flooded = daemon_resident(&d);
	if (!SUITE_IS_SANITIZED && !getenv("VCM_UNDER_VALGRIND")) {
		ck_assert_uint_le(among, alone + (size_t)n * SESSION_KB);
		ck_assert_uint_le(flooded, among + (size_t)n_slow * SLOW_KB);
	}
	for (unsigned int i = 0; i < n; i++)
		peer_free(peers[i]);
	peer_await_nothing(other);
	peer_free(other);
	daemon_stop(&d);
}
END_TEST

SUITE_MAIN("vcmd-crowd", who_does_not_read_costs_what_is_bounded)
