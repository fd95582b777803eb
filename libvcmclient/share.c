// SPDX-License-Identifier: BSD-3-Clause
/*
 * The functions of the API that share memory. A token travels as bytes, or inside of a sealed memfd: whoever holds that can
 * read the token and nothing else, and what it is worth the broker says.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vcm/vcm.h>

#include "libvcmclient/call.h"
#include "libvcmclient/error.h"

#define SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static const char magic[8] = "vcmtoken";

struct capability {
	char magic[sizeof(magic)];
	struct vcm_token token;
};

/* What the broker answers, and asks for: the two halves, little endian. */
enum { EXPORT_FIRST, EXPORT_SECOND };

static void put_half(unsigned char *at, uint64_t half)
{
	for (unsigned int i = 0; i < sizeof(half); i++)
		at[i] = (unsigned char)(half >> 8 * i);
}

static uint64_t get_half(const unsigned char *at)
{
	uint64_t half = 0;

	for (unsigned int i = 0; i < sizeof(half); i++)
		half |= (uint64_t)at[i] << 8 * i;
	return half;
}

static int export(struct physmem *physmem_id, uint32_t rights, struct vcm_token *token)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_EXPORT);

	call_on(&c, HANDLE_PHYSMEM, physmem_id);
	if (c.err == 0 && rights && !token)
		call_fail(&c, refuse(error_reason(), -EINVAL, "there is nowhere to put the token"));
	c.op.attr = rights;
	call_ask(&c);
	if (c.err == 0 && token) {
		put_half(token->bytes, c.packet->reply.values[EXPORT_FIRST]);
		put_half(token->bytes + sizeof(uint64_t), c.packet->reply.values[EXPORT_SECOND]);
	}
	return error_status(c.err);
}

int vcm_export(struct physmem *physmem_id, uint32_t rights, struct vcm_token *token)
{
	return export(physmem_id, rights, token);
}

/* A descriptor that holds the token, for good. */
static int capability_new(const struct vcm_token *token, struct reason *why)
{
	_cleanup_(fd_closep) int fd = memfd_create("vcm-token", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct capability c = { .token = *token };

	memcpy(c.magic, magic, sizeof(magic));
	if (fd < 0)
		return refuse(why, -errno, "memfd_create: %s", strerrordesc_np(errno));
	if (pwrite(fd, &c, sizeof(c), 0) != sizeof(c) || fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return refuse(why, -ENOMEM, "the token cannot be put into a descriptor");
	return steal_fd(&fd);
}

int vcm_export_fd(struct physmem *physmem_id, uint32_t rights)
{
	int r = rights ? 0 : -EINVAL, cancel_state;
	struct vcm_token token;

	error_clear();
	if (r < 0)
		return error_status(refuse(error_reason(), r, "a descriptor without rights"));
	r = export(physmem_id, rights, &token);
	if (r < 0)
		return r;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
	r = capability_new(&token, error_reason());
	pthread_setcancelstate(cancel_state, NULL);
	return error_status(r);
}

static struct physmem *import(const struct vcm_token *token, int err)
{
	_cleanup_(call_deinit) struct call c = call_begin(OP_IMPORT);

	if (c.err == 0 && err < 0)
		call_fail(&c, err);
	if (c.err == 0) {
		c.op.addr = get_half(token->bytes);
		c.op.arg = get_half(token->bytes + sizeof(uint64_t));
	}
	call_creates(&c, HANDLE_PHYSMEM, false);
	call_do(&c);
	return call_made(&c);
}

struct physmem *vcm_import(const struct vcm_token *token)
{
	return import(token, token ? 0 : -EINVAL);
}

/* The seals show that it is a file in memory, which nothing that it is read from can block on or change. */
static int capability_read(int fd, struct vcm_token *out)
{
	struct capability c;
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0)
		return errno == EBADF ? -EBADF : -EINVAL;
	if ((seals & SEALS) != SEALS || fstat(fd, &st) < 0 || st.st_size != sizeof(c) ||
	    pread(fd, &c, sizeof(c), 0) != sizeof(c) || memcmp(c.magic, magic, sizeof(magic)) != 0)
		return -EINVAL;
	*out = c.token;
	return 0;
}

struct physmem *vcm_import_fd(int fd)
{
	struct vcm_token token = { { 0 } };
	int r = capability_read(fd, &token);

	return import(&token, r);
}
