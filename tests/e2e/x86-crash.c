// SPDX-License-Identifier: BSD-3-Clause
/*
 * x86-crash ROUNDS: a broker that is killed again and again while edu0 moves bytes. The files that it has stored are kept, and
 * the next broker finds them: no transfer is lost, none goes where it should not, and the program goes on as if nothing were.
 *
 * x86-crash alone PID: the same once, with nobody to keep anything: what the device reaches stays as it was, or is its own.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/crash/keeper.h"
#include "tests/e2e/x86-client.h"

#define DIR "/tmp/crash"

static size_t dev;
static struct edu edu;
static struct region region;
static volatile unsigned int n_faults;

static int on_fault(size_t dev_id, void *data, void *fault)
{
	(void)dev_id;
	(void)data;
	(void)fault;
	n_faults++;
	return VCM_FAULT_TERMINATE;
}

static void join(void)
{
	int fd;

	need(vcm_sys_init() == 0);
	cpu_open();
	dev = device("edu0");
	fd = vcm_dev_open(dev);
	need(fd >= 0 && edu_open(&edu, fd) == 0);
	need(vcm_hook(dev, on_fault, NULL) == 0);
	region.vcm = vcm_create(START, LEN);
	need(region.vcm);
	region.avcm = vcm_assoc(region.vcm, dev, 0);
	need(region.avcm && vcm_activate(region.avcm) == 0);
}

static void leave(void)
{
	expect(vcm_deactivate(region.avcm) == 0);
	expect(vcm_deassoc(region.avcm) == 0);
	expect(vcm_free(region.vcm) == 0);
	expect(vcm_sys_destroy() == 0);
}

static const char *config(void)
{
	static char text[4096];
	FILE *f = fopen("/etc/vcm/vcmd.conf", "re");

	need(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = 0;
	fclose(f);
	return text;
}

/* Bytes of the first buffer go into the second through the device; the broker is killed in the middle of the second half. */
static void one_round(struct keeper *k, const struct buffer *from, const struct buffer *to,
		      unsigned int round)
{
	size_t off = round % 8 * EDU_CHUNK;

	pattern(from->at, from->len, (uint8_t)round);
	memset(to->at, 0xee, to->len);
	edu_read(&edu, from->addr + off);
	edu_start(&edu, to->addr + off, EDU_CHUNK, true);
	keeper_kill(k);
	if (round % 2)
		edu_wait(&edu); /* while nobody is there */
	keeper_start(k);
	keeper_await_ready(k);
	edu_wait(&edu);
	expect(is_pattern(to->at, EDU_CHUNK, (uint8_t)round, off));
	expect(is_all(to->at, off, 0xee));
	expect(is_all(to->at + off + EDU_CHUNK, to->len - off - EDU_CHUNK, 0xee));
	expect(is_pattern(from->at, from->len, (uint8_t)round, 0));
	/* What was there is there, and can be changed. */
	expect(vcm_is_active(region.avcm) == 1);
	expect(vcm_get_physmem_from_res(to->res) == to->mem);
	expect(n_faults == 0);
}

/* What the new broker has taken over it can take away. */
static void ends_as_usual(const struct buffer *b)
{
	memset(b->at, 0x11, b->len);
	expect(vcm_unback(b->res) == 0);
	edu_write(&edu, b->addr);
	expect(is_all(b->at, b->len, 0x11));
	expect(vcm_back(b->res, b->mem) == 0);
	edu_write(&edu, b->addr);
	expect(!is_all(b->at, EDU_CHUNK, 0x11));
	end_case("what was taken over is taken away, and given again");
}

static int with_a_keeper(unsigned int rounds)
{
	struct keeper *k;
	struct buffer from, to, huge;

	mkdir(DIR, 0755);
	setenv("VCM_SOCKET", DIR "/sock", 1);
	k = keeper_new("/usr/sbin/vcmd", DIR, config());
	keeper_start(k);
	keeper_await_ready(k);
	join();
	from = buffer_new(region.vcm, VCM_MEMTYPE_0, 0x4000, VCM_4KB, RW);
	to = buffer_new(region.vcm, VCM_MEMTYPE_0, 0x4000, VCM_4KB, RW);
	huge = buffer_new(region.vcm, VCM_MEMTYPE_1, 0x200000, VCM_ALL, RW);
	for (unsigned int i = 0; i < rounds && !case_failed; i++)
		one_round(k, &from, i % 3 == 2 ? &huge : &to, i);
	end_case("edu's transfers go on across SIGKILL and restart of the broker");
	/* Two devices in two groups, with a container each; and the mark. */
	expect(keeper_count(k, "vfio-") == 7);
	ends_as_usual(&to);
	buffer_free(&from);
	buffer_free(&to);
	buffer_free(&huge);
	leave();
	close(edu.fd);
	expect(keeper_stop(k) == 0);
	keeper_free(k);
	end_case("nothing is left behind");
	return n_failed != 0;
}

/* The broker dies in the middle of a transfer, for good. The kernel keeps what is mapped as long as the device's file is
 * open here: the bytes arrive where they should, which is still this process's memory and nobody else's. */
static int alone(pid_t broker)
{
	struct buffer b;

	join();
	b = buffer_new(region.vcm, VCM_MEMTYPE_0, 0x4000, VCM_ALL, RW);
	pattern(b.at, EDU_CHUNK, 5);
	edu_read(&edu, b.addr);
	memset(b.at, 0xee, b.len);
	edu_start(&edu, b.addr + EDU_CHUNK, EDU_CHUNK, true);
	need(kill(broker, SIGKILL) == 0);
	edu_wait(&edu);
	expect(!memcmp(b.at, b.at + 2 * EDU_CHUNK, EDU_CHUNK));
	for (size_t i = 0; i < EDU_CHUNK; i++)
		case_failed |= b.at[EDU_CHUNK + i] != (uint8_t)(i * 7 + (i >> 8) * 13 + 5);
	end_case("a transfer that outlives the broker goes where it went, and nowhere else");
	puts("ready");
	pause();
	return 0;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 2 && !strcmp(argv[1], "alone"))
		return alone(atoi(argv[2]));
	return with_a_keeper(argc > 1 ? (unsigned int)atoi(argv[1]) : 6);
}
