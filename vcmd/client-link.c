// SPDX-License-Identifier: BSD-3-Clause
/* A client whose packets come over a socket. */
#include "vcmd/client.h"

#include "vcmd/link.h"
#include "vcmd/transport.h"

static void link_packet(void *ctx, const void *buf, size_t len)
{
	client_packet(ctx, buf, len);
}

static void link_gone(void *ctx, const char *why)
{
	client_gone(ctx, why);
}

const struct link_handler client_link_handler = {
	.packet = link_packet,
	.gone = link_gone,
};

static int over_link_send(void *l, const void *buf, size_t len, const int *fds, size_t n_fds)
{
	return link_send(l, buf, len, fds, n_fds);
}

static int over_link_send_event(void *l, const void *buf, size_t len)
{
	return link_send_event(l, buf, len);
}

static int over_link_open_events(void *l)
{
	return link_open_events(l);
}

static void over_link_break_off(void *l, const char *why)
{
	link_break(l, why);
}

static void over_link_pause(void *l)
{
	link_pause(l);
}

static void over_link_resume(void *l)
{
	link_resume(l);
}

static const struct transport_peer *over_link_peer(const void *l)
{
	return link_peer(l);
}

static void over_link_close(void *l)
{
	link_free(l);
}

const struct transport client_over_link = {
	.send = over_link_send,
	.send_event = over_link_send_event,
	.open_events = over_link_open_events,
	.break_off = over_link_break_off,
	.pause = over_link_pause,
	.resume = over_link_resume,
	.peer = over_link_peer,
	.close = over_link_close,
};
