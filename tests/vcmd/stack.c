// SPDX-License-Identifier: BSD-3-Clause
#include "tests/vcmd/stack.h"

#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define RING_QUIET 1

struct stack stack;

void stack_ring(void *ctx _unused_, uint32_t id _unused_)
{
	const uint64_t one = 1;

	if (stack.node.kick >= 0)
		ck_assert(write(stack.node.kick, &one, sizeof(one)) == sizeof(one));
}

void stack_await_bell(void)
{
	struct pollfd p = { .fd = stack.node.bell, .events = POLLIN };
	uint64_t n;

	if (stack.node.bell < 0) {
		poll(NULL, 0, 1);
		return;
	}
	ck_assert_int_eq(poll(&p, 1, STACK_WAIT_MS), 1);
	ck_assert(read(stack.node.bell, &n, sizeof(n)) == sizeof(n));
}

const struct firmware_message *stack_next_message(void)
{
	static struct firmware_message m;

	while (!firmware_receive(&stack.node.firmware, &m))
		stack_await_bell();
	return &m;
}

void stack_send_packet(const struct request *request)
{
	static uint8_t message[4096], fragment[STACK_PAYLOAD];
	long n = request_encode(stack.codec, request, message, sizeof(message));

	ck_assert_int_gt(n, 0);
	stack.n_sent++;
	for (size_t i = 0; i < fragment_count((size_t)n, STACK_PAYLOAD); i++) {
		size_t len = fragment_write(fragment, STACK_PAYLOAD, stack.n_sent, message,
					    (size_t)n, (uint16_t)i);

		while (!firmware_send(&stack.node.firmware, stack.addr, stack.host, fragment, len))
			poll(NULL, 0, 1); /* as both stacks wait for a buffer */
	}
}

const struct reply *stack_await_reply(void)
{
	static struct reply reply;
	struct reason why;

	for (;;) {
		const struct firmware_message *m = stack_next_message();

		if (m->dst == 53) /* nobody has asked for announcements */
			continue;
		ck_assert_uint_eq(m->dst, stack.addr);
		ck_assert_uint_eq(m->src, STACK_OURS);
		if (assembly_take(&stack.node.in, m->data, m->len, &why) != ASSEMBLY_DONE)
			continue;
		ck_assert_msg(reply_decode(stack.codec, stack.node.in.data, stack.node.in.len,
					   &reply, &why) == 0,
			      "%s", why.text);
		return &reply;
	}
}

void stack_say_hello(void)
{
	stack.serial++;
	stack_send_packet(
		&(struct request){ .serial = stack.serial,
				   .is_hello = true,
				   .hello = { .version = PROTO_VERSION, .name = "stack" } });
	ck_assert_ptr_nonnull(stack_await_reply()->welcome);
}

void stack_call_in_lengths(size_t step)
{
	static uint8_t bytes[STACK_PAYLOAD];
	struct op ping = { .code = OP_PING, .data = bytes };

	for (size_t len = 0; len <= 8; len++)
		while (!firmware_send(&stack.node.firmware, stack.addr, stack.host, bytes, len))
			poll(NULL, 0, 1);
	for (ping.n_data = 0; ping.n_data <= STACK_PAYLOAD; ping.n_data += step) {
		const struct reply *r;

		stack.serial++;
		stack_send_packet(
			&(struct request){ .serial = stack.serial, .ops = &ping, .n_ops = 1 });
		r = stack_await_reply();
		ck_assert_uint_eq(r->serial, stack.serial);
		ck_assert_int_eq(r->status, 0);
	}
}

static uint16_t *lite_queue(struct firmware_ring *r, uint8_t *at, const struct stack_platform *p)
{
	size_t used = 16ul * p->buffer_count + 2ul * (3 + p->buffer_count);

	*r = (struct firmware_ring){ .num = p->buffer_count,
				     .desc = at,
				     .avail = (uint16_t *)(at + 16ul * p->buffer_count),
				     .used = (uint16_t *)(at + (used + p->align - 1) / p->align *
								       p->align) };
	/* It chains what it does not own. */
	for (uint16_t i = 0; i < p->buffer_count; i++)
		memcpy(at + 16ul * i + 14, &(uint16_t){ (uint16_t)(i + 1) }, 2);
	return r->used;
}

void stack_lite_init(const struct stack_platform *p, bool has_missed_it)
{
	struct firmware *f = &stack.node.firmware;

	if (has_missed_it)
		stack_await_bell();
	f->base = stack.node.base;
	f->len = stack.node.len;
	f->da = stack.node.da;
	lite_queue(&f->tx, stack.node.base, p)[0] |= RING_QUIET;
	lite_queue(&f->rx, stack.node.base + p->vring_size, p);
	stack_await_bell();
	stack.addr = 1; /* its first endpoint's */
	stack.host = STACK_OURS;
}

bool stack_is_dead(struct world *w _unused_, void *ctx)
{
	int status;
	pid_t pid = *(const pid_t *)ctx, dead = waitpid(pid, &status, WNOHANG);

	ck_assert(dead == 0 || (dead == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0));
	return dead == pid;
}
