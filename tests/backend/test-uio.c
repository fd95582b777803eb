// SPDX-License-Identifier: BSD-3-Clause
/*
 * Registers through files: a folder in the form of sysfs, and files that stand for /dev/uioN and /dev/mem. A file keeps
 * what is written through its mapping, so each access shows where it went and how wide it was. A file is also read and
 * written at one position, as the interrupt's words are: what they were can be looked up.
 * Mutations that it was seen to catch: region 0 for region 1; the offset in the page left out; two devices of a name taken
 * for one; the length not compared; 0 written for 1.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#include "backend/uio/window.h"
#include "base/mem.h"
#include "tests/suite.h"

static char root[] = "/tmp/test-uio-XXXXXX";
static long page;
static struct reason why;

static void in_root(char *path, size_t len, const char *name)
{
	ck_assert(snprintf(path, len, "%s/%s", root, name) < (int)len);
}

static void put(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	in_root(path, sizeof(path), name);
	for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		mkdir(path, 0755);
		*slash = '/';
	}
	f = fopen(path, "we");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static uint32_t word_at(const char *name, long at)
{
	uint32_t word = 0;
	char path[256];
	FILE *f;

	in_root(path, sizeof(path), name);
	f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	ck_assert(!fseek(f, at, SEEK_SET));
	ck_assert_uint_eq(fread(&word, 4, 1, f), 1);
	fclose(f);
	return word;
}

static void put_device(const char *device, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "sys/%s/name", device);
	put(path, name);
	snprintf(path, sizeof(path), "sys/%s/maps/map1/addr", device);
	put(path, "0x0000000009050000\n");
	snprintf(path, sizeof(path), "sys/%s/maps/map1/size", device);
	put(path, "0x0000000000002000\n");
	snprintf(path, sizeof(path), "sys/%s/maps/map1/offset", device);
	put(path, "0x0\n");
	snprintf(path, sizeof(path), "dev/%s", device);
	put(path, "");
	in_root(path, sizeof(path), "dev");
	snprintf(path + strlen(path), sizeof(path) - strlen(path), "/%s", device);
	ck_assert(!truncate(path, 4 * page));
}

static void setup(void)
{
	page = sysconf(_SC_PAGESIZE);
	ck_assert_ptr_nonnull(mkdtemp(root));
	put_device("uio0", "other\n");
	put_device("uio7", "smmu\n");
}

static void teardown(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -r '%s'", root);
	ck_assert(!system(command)); /* NOLINT(cert-env33-c) */
}

static int open_uio(const char *name, unsigned int map, uint64_t len, struct window **out)
{
	char sysfs[128], dev[128];
	struct window_uio_config config = {
		.name = name, .map = map, .len = len, .sysfs = sysfs, .dev = dev
	};

	in_root(sysfs, sizeof(sysfs), "sys");
	in_root(dev, sizeof(dev), "dev");
	return window_open_uio(&config, out, &why);
}

START_TEST(a_device_is_found_by_name_and_its_region_is_mapped)
{
	struct window *w;

	setup();
	ck_assert_msg(!open_uio("smmu", 1, 0x2000, &w), "%s", why.text);
	ck_assert_uint_eq(window_base(w), 0x9050000);
	mmio_write32(window_mmio(w), 0x24, 0x11223344);
	ck_assert_uint_eq(mmio_read32(window_mmio(w), 0x24), 0x11223344);
	ck_assert_uint_eq(word_at("dev/uio7", page + 0x24), 0x11223344);
	ck_assert_uint_eq(word_at("dev/uio7", page + 0x20), 0);
	ck_assert_uint_eq(word_at("dev/uio7", page + 0x28), 0);
	ck_assert_uint_eq(word_at("dev/uio0", page + 0x24), 0);
	window_free(w);
	teardown();
}
END_TEST

START_TEST(registers_that_begin_within_a_page_are_found_there)
{
	struct window *w;

	setup();
	put("sys/uio7/maps/map1/offset", "0x400\n");
	ck_assert(!open_uio("smmu", 1, 0x1000, &w));
	ck_assert_uint_eq(window_base(w), 0x9050400);
	mmio_write32(window_mmio(w), 0xFFC, 5);
	ck_assert_uint_eq(word_at("dev/uio7", page + 0x400 + 0xFFC), 5);
	window_free(w);
	teardown();
}
END_TEST

START_TEST(the_interrupt_is_read_and_enabled_again)
{
	struct window *w;

	setup();
	ck_assert(!open_uio("smmu", 1, 0x1000, &w));
	/* At opening one word was read, then 1 was written. */
	ck_assert_uint_eq(word_at("dev/uio7", 4), 1);
	ck_assert_uint_eq(word_at("dev/uio7", 12), 0);
	window_irq(w)->ack(window_irq(w)->ctx);
	ck_assert_uint_eq(word_at("dev/uio7", 8), 0);
	ck_assert_uint_eq(word_at("dev/uio7", 12), 1);
	ck_assert_int_ge(window_irq(w)->fd, 0);
	window_free(w);
	teardown();
}
END_TEST

START_TEST(what_is_not_one_device_of_that_form_is_refused)
{
	struct window *w = NULL;

	setup();
	ck_assert_int_eq(open_uio("nobody", 1, 0x1000, &w), -ENODEV);
	ck_assert_int_eq(open_uio("smm", 1, 0x1000, &w), -ENODEV);
	ck_assert_int_eq(open_uio("smmu", 0, 0x1000, &w), -EINVAL);
	ck_assert_int_eq(open_uio("smmu", 1, 0x2004, &w), -EINVAL);
	ck_assert_int_eq(open_uio("smmu", 1, 0, &w), -EINVAL);
	put("sys/uio7/maps/map1/offset", "0x10000000\n");
	ck_assert_int_eq(open_uio("smmu", 1, 0x1000, &w), -EINVAL);
	put("sys/uio7/maps/map1/offset", "0x0\n");
	put("sys/uio7/maps/map1/size", "big\n");
	ck_assert_int_eq(open_uio("smmu", 1, 0x1000, &w), -EINVAL);
	put_device("uio8", "smmu\n");
	ck_assert_int_eq(open_uio("smmu", 1, 0x1000, &w), -ENODEV);
	ck_assert_ptr_nonnull(strstr(why.text, "more than one"));
	put("sys/uio8/name", "third\n");
	put("sys/uio7/name", "\n");
	mem_fail_nth(1);
	ck_assert_int_eq(open_uio("third", 1, 0x1000, &w), -ENOMEM);
	ck_assert(!open_uio("third", 1, 0x1000, &w));
	window_free(w);
	ck_assert_ptr_null(window_free(NULL));
	teardown();
}
END_TEST

START_TEST(a_device_that_cannot_be_opened_says_why)
{
	char path[128];
	struct window *w = NULL;

	setup();
	in_root(path, sizeof(path), "dev/uio7");
	ck_assert(!unlink(path));
	ck_assert_int_eq(open_uio("smmu", 1, 0x1000, &w), -ENOENT);
	ck_assert_ptr_nonnull(strstr(why.text, "uio7"));
	teardown();
}
END_TEST

START_TEST(memory_is_mapped_at_its_address_and_polled)
{
	char path[128];
	struct window_mem_config config = { .base = 2 * (uint64_t)sysconf(_SC_PAGESIZE),
					    .len = (uint64_t)sysconf(_SC_PAGESIZE),
					    .poll_ms = 1,
					    .path = path };
	struct pollfd p = { .events = POLLIN };
	struct window *w;

	setup();
	in_root(path, sizeof(path), "dev/uio0");
	ck_assert_msg(!window_open_mem(&config, &w, &why), "%s", why.text);
	ck_assert_uint_eq(window_base(w), config.base);
	mmio_write32(window_mmio(w), 8, 0xABCD);
	ck_assert_uint_eq(word_at("dev/uio0", 2 * page + 8), 0xABCD);
	p.fd = window_irq(w)->fd;
	for (unsigned int i = 0; i < 3; i++) {
		ck_assert_int_eq(poll(&p, 1, 5000), 1);
		window_irq(w)->ack(window_irq(w)->ctx);
	}
	window_free(w);
	teardown();
}
END_TEST

START_TEST(memory_that_is_not_made_of_pages_is_refused)
{
	char path[128];
	struct window_mem_config config = { .base = 4096, .len = 4095, .path = path };
	struct window *w = NULL;

	setup();
	in_root(path, sizeof(path), "dev/uio0");
	ck_assert_int_eq(window_open_mem(&config, &w, &why), -EINVAL);
	config = (struct window_mem_config){ .base = 4, .len = (uint64_t)page, .path = path };
	ck_assert_int_eq(window_open_mem(&config, &w, &why), -EINVAL);
	config.base = 0;
	config.len = 0;
	ck_assert_int_eq(window_open_mem(&config, &w, &why), -EINVAL);
	config.len = (uint64_t)page;
	mem_fail_nth(1);
	ck_assert_int_eq(window_open_mem(&config, &w, &why), -ENOMEM);
	in_root(path, sizeof(path), "dev/none");
	ck_assert_int_eq(window_open_mem(&config, &w, &why), -ENOENT);
	teardown();
}
END_TEST

SUITE_MAIN("uio", a_device_is_found_by_name_and_its_region_is_mapped,
	   registers_that_begin_within_a_page_are_found_there,
	   the_interrupt_is_read_and_enabled_again, what_is_not_one_device_of_that_form_is_refused,
	   a_device_that_cannot_be_opened_says_why, memory_is_mapped_at_its_address_and_polled,
	   memory_that_is_not_made_of_pages_is_refused)
