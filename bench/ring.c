// SPDX-License-Identifier: BSD-3-Clause
#include "bench/ring.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "bench/measure.h"
#include "remote/error.h"
#include "rpmsg/driver.h"

#define WINDOW_LEN (1024u * 1024)
#define WAIT_MS 5000

/* --- the board ---------------------------------------------------------------------------------------------------- */

static void ring(int fd)
{
	const uint64_t one = 1;

	if (fd >= 0 && write(fd, &one, sizeof(one)) < 0)
		_exit(EXIT_FAILURE);
}

/* False when nobody rings. */
static bool await_ring(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t n;

	return poll(&p, 1, WAIT_MS) == 1 && read(fd, &n, sizeof(n)) == sizeof(n);
}

static void board_kick(void *ctx, uint32_t notify_id _unused_)
{
	ring(((const struct board *)ctx)->kick);
}

static int board_wait(void *ctx)
{
	const struct board *b = ctx;

	return b->bell < 0 || await_ring(b->bell) ? 0 : -VCM_ETIMEDOUT;
}

static void *board_address(void *ctx, uint64_t da, size_t len)
{
	const struct board *b = ctx;

	if (da < BOARD_BASE || da - BOARD_BASE > b->len || len > b->len - (da - BOARD_BASE))
		return NULL;
	return b->window + (da - BOARD_BASE);
}

void board_init(struct board *b)
{
	b->port = (struct vcm_port){
		.kick = board_kick, .wait = board_wait, .address = board_address, .ctx = b
	};
}

/* --- the answering process ---------------------------------------------------------------------------------------- */

struct host {
	struct driver driver;
	int kick, bell;
};

static void on_kick(void *ctx, enum ring which _unused_)
{
	ring(((const struct host *)ctx)->kick);
}

/* Whether anything came. */
static bool answer_all(struct host *h, size_t reply_len)
{
	static const uint8_t reply[512];
	struct driver_message m;
	enum driver_event e;
	bool any = false;

	while ((e = driver_receive(&h->driver, &m)) != DRIVER_NOTHING) {
		any = true;
		if (e == DRIVER_MESSAGE)
			driver_send(&h->driver, VCM_RPMSG_ADDR, m.src, reply, reply_len);
	}
	if (any)
		driver_flush(&h->driver);
	return any;
}

static void answer(struct host *h, const struct ring_echo *e, int cpu, size_t reply_len)
{
	const struct shared shared = { e->board.window, e->board.len, BOARD_BASE };
	struct geometry g;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	measure_pin(0, cpu);
	geometry_default(&g);
	driver_init(&h->driver, &shared, &g, on_kick, h);
	driver_start(&h->driver);
	driver_set_polled(&h->driver, h->bell < 0);
	for (;;)
		if (!answer_all(h, reply_len) && h->bell >= 0 && !await_ring(h->bell))
			_exit(EXIT_FAILURE);
}

/* --- the asking end ----------------------------------------------------------------------------------------------- */

static void on_back(void *ctx, const volatile void *payload _unused_, size_t len _unused_)
{
	((struct ring_echo *)ctx)->n_back++;
}

static void on_reset(void *ctx _unused_, bool is_up _unused_)
{
}

static int run(struct ring_echo *e)
{
	return e->rpmsg.link.run(e->rpmsg.link.ctx, 1) < 0 ? -ETIMEDOUT : 0;
}

static int go_up(struct ring_echo *e, bool spinning)
{
	int r = 0;

	vcm_rpmsg_init(&e->rpmsg, &(struct vcm_rpmsg_setup){ .port = &e->board.port,
							     .table = e->board.window,
							     .table_len = 4096,
							     .polled = spinning,
							     .name = "vcm",
							     .receive = on_back,
							     .reset = on_reset,
							     .ctx = e });
	while (!e->rpmsg.is_up && r == 0)
		r = run(e);
	return r;
}

int ring_echo_start(struct ring_echo *e, int cpu, bool spinning, size_t request_len,
		    size_t reply_len)
{
	static struct host host;
	void *at =
		mmap(NULL, WINDOW_LEN, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int r;

	*e = (struct ring_echo){ .board = BOARD_NULL, .request_len = request_len };
	if (at == MAP_FAILED)
		return -errno;
	e->board.window = at;
	e->board.len = WINDOW_LEN;
	host.kick = host.bell = -1;
	if (!spinning) {
		e->board.bell = host.kick = eventfd(0, EFD_CLOEXEC);
		e->board.kick = host.bell = eventfd(0, EFD_CLOEXEC);
	}
	board_init(&e->board);
	e->pid = fork();
	if (e->pid == 0)
		answer(&host, e, cpu, reply_len);
	if (e->pid < 0)
		return -errno;
	r = go_up(e, spinning);
	ring_echo_rest(e, true);
	return r;
}

void ring_echo_rest(const struct ring_echo *e, bool rest)
{
	kill(e->pid, rest ? SIGSTOP : SIGCONT);
}

int ring_echo_ask(struct ring_echo *e, size_t n)
{
	int r = 0;

	e->n_back = 0;
	for (size_t i = 0; i < n && r == 0;) {
		r = vcm_rpmsg_send(&e->rpmsg, e->payload, e->request_len);
		i += r == 0;
		if (r == -VCM_EAGAIN)
			r = run(e);
	}
	while (e->n_back < n && r == 0)
		r = run(e);
	return r;
}

void ring_echo_stop(struct ring_echo *e)
{
	if (e->pid > 0) {
		kill(e->pid, SIGKILL);
		waitpid(e->pid, NULL, 0);
	}
	fd_closep(&e->board.kick);
	fd_closep(&e->board.bell);
	if (e->board.window)
		munmap(e->board.window, e->board.len);
	e->pid = 0;
	e->board = BOARD_NULL;
}
