// SPDX-License-Identifier: BSD-3-Clause
/*
 * arm64-crash ROUNDS [VCMD [CONFIG]]: a broker that is killed again and again while edu moves bytes through an SMMUv3, of
 * reserved memory and of huge pages that the kernel gave. The SMMU goes on without it, and with the next one: no transfer is
 * lost, none goes where it should not, and nothing faults. What had been taken away before stays away.
 */
#include <pthread.h>
#include <sys/stat.h>

#include "tests/crash/keeper.h"
#include "tests/e2e/arm64-client.h"

#define DIR "/tmp/crash"
#define BUFFER_LEN 0x4000u
#define SMMU_PA 0x09050000UL
#define CR0ACK 0x24u
#define SMMUEN 1u

static volatile unsigned int n_faults;

/* A transfer takes so long that it misses most moments: so the SMMU is looked at, too. */
static struct {
	volatile uint8_t *registers;
	pthread_t thread;
	volatile bool stop;
	unsigned long n_looks, n_off;
} watch;

static void *look_on(void *unused)
{
	(void)unused;
	for (; !watch.stop; watch.n_looks++)
		watch.n_off += !(*(volatile uint32_t *)(watch.registers + CR0ACK) & SMMUEN);
	return NULL;
}

static void watch_start(void)
{
	int fd = open("/dev/mem", O_RDONLY | O_SYNC | O_CLOEXEC);
	void *at = mmap(NULL, 0x1000, PROT_READ, MAP_SHARED, fd, (off_t)SMMU_PA);

	need(fd >= 0 && at != MAP_FAILED);
	close(fd);
	watch.registers = at;
	need(pthread_create(&watch.thread, NULL, look_on, NULL) == 0);
}

static void watch_end(void)
{
	watch.stop = true;
	pthread_join(watch.thread, NULL);
	expect(watch.n_looks > 1000 && watch.n_off == 0);
	end_case("at no moment of it was the SMMU off");
}

static int on_fault(size_t dev_id, void *data, void *fault)
{
	(void)dev_id;
	(void)data;
	(void)fault;
	n_faults++;
	return VCM_FAULT_TERMINATE;
}

static const char *config(const char *path)
{
	static char text[4096];
	FILE *f = fopen(path, "re");
	size_t len = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	need(len > 0 && len < sizeof(text) - 1);
	fclose(f);
	return text;
}

/* The transfer that is under way when the broker dies, one while nobody is there, those while the next one starts, and one
 * when it serves: each arrives. */
static void one_round(struct keeper *k, const struct buffer *to, uint8_t seed)
{
	size_t off = 0;

	fill(to->at, to->len, 0xee);
	edu_start(to->addr, SMALL, true);
	keeper_kill(k);
	edu_wait();
	expect(is_pattern(to->at, SMALL, seed));
	edu_write(to->addr + 0x1000, SMALL);
	expect(is_pattern(to->at + 0x1000, SMALL, seed));
	keeper_start(k);
	for (unsigned int i = 0; i < 8; i++, off += SMALL) {
		edu_write(to->addr + 0x2000 + off, SMALL);
		expect(is_pattern(to->at + 0x2000 + off, SMALL, seed));
	}
	keeper_await_ready(k);
	edu_write(to->addr + 0x3000, SMALL);
	expect(is_pattern(to->at + 0x3000, SMALL, seed));
	expect(is_all(to->at + SMALL, 0x1000 - SMALL, 0xee));
	expect(n_faults == 0);
}

/* What is taken away just before the end stays away: while nobody is there, and after. */
static void what_went_stays_away(struct keeper *k, const struct buffer *b)
{
	fill(b->at, b->len, 0xee);
	edu_write(b->addr, SMALL);
	expect(!is_all(b->at, SMALL, 0xee));
	fill(b->at, b->len, 0xee);
	expect(vcm_unback(b->res) == 0);
	keeper_kill(k);
	edu_write(b->addr, SMALL);
	keeper_start(k);
	edu_write(b->addr, SMALL);
	keeper_await_ready(k);
	edu_write(b->addr, SMALL);
	expect(is_all(b->at, b->len, 0xee));
	expect(vcm_back(b->res, b->mem) == 0);
	edu_write(b->addr, SMALL);
	expect(!is_all(b->at, SMALL, 0xee));
}

struct pair {
	struct buffer from, to;
};

static struct pair pair_new(enum memtype_t memtype, size_t len)
{
	return (struct pair){ buffer_new(region.vcm, memtype, len, VCM_4KB, RW),
			      buffer_new(region.vcm, memtype, len, VCM_4KB, RW) };
}

static void pair_free(const struct pair *p)
{
	buffer_free(&p->from);
	buffer_free(&p->to);
}

static void across(struct keeper *k, const struct pair *p, unsigned int rounds)
{
	for (unsigned int i = 0; i < rounds && !case_failed; i++) {
		pattern(p->from.at, p->from.len, (uint8_t)i);
		edu_read(p->from.addr, SMALL);
		one_round(k, &p->to, (uint8_t)i);
	}
}

int main(int argc, char **argv)
{
	unsigned int rounds = argc > 1 ? (unsigned int)atoi(argv[1]) : 3;
	struct pair window, pages;
	struct keeper *k;

	setvbuf(stdout, NULL, _IOLBF, 0);
	mkdir(DIR, 0755);
	setenv("VCM_SOCKET", DIR "/sock", 1);
	k = keeper_new(argc > 2 ? argv[2] : "/usr/sbin/vcmd", DIR,
		       config(argc > 3 ? argv[3] : "/etc/vcm/vcmd.conf"));
	keeper_start(k);
	keeper_await_ready(k);
	open_all();
	need(vcm_hook(dev, on_fault, NULL) == 0);
	watch_start();
	window = pair_new(VCM_MEMTYPE_1, BUFFER_LEN);
	pages = pair_new(VCM_MEMTYPE_0, SZ_2M);
	across(k, &window, rounds);
	end_case(
		"edu's transfers in reserved memory go on across SIGKILL and restart of the broker");
	across(k, &pages, rounds);
	end_case("and so do those in huge pages of the kernel's");
	/* From here on there are faults. */
	what_went_stays_away(k, &window.to);
	what_went_stays_away(k, &pages.to);
	end_case("what was taken away stays away, and is given again");
	watch_end();
	expect(vcm_hook(dev, NULL, NULL) == 0);
	pair_free(&window);
	pair_free(&pages);
	close_all();
	expect(keeper_stop(k) == 0);
	keeper_free(k);
	end_case("nothing is left behind");
	return n_failed != 0;
}
