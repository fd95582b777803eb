// SPDX-License-Identifier: BSD-3-Clause
/*
 * The register driver over registers that are mapped: every access goes through a window on a file, and from there, by a
 * mapping that knows nothing of the window, to the model. So the driver does with mapped registers what it does with the
 * model, at the offsets and in the widths that real ones have.
 *
 *	driver -> window -> file <- word_of() -> model
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <vcm/attr.h>

#include "backend/smmu/driver.h"
#include "backend/uio/window.h"
#include "base/log.h"
#include "tests/backend/machine.h"
#include "tests/suite.h"

#define REGISTERS_LEN 0x100000
#define VA 0x10000000UL
#define PA ((unsigned long)RAM_PA)
#define SMEARED 0xDEADBEEFu

static struct machine machine;
static struct smmu_driver drv;
static struct smmu_dev *dev;

/* Between window and model. */
static struct window *window;
static uint8_t *file;
static const struct mmio *model;
static size_t n_reads, n_writes;

static uint32_t *word_of(uint32_t offset)
{
	ck_assert_uint_eq(offset % 4, 0);
	ck_assert_uint_lt(offset, REGISTERS_LEN);
	return (uint32_t *)(void *)(file + offset);
}

/* What lies around a word is nobody's to touch. */
static void smear_around(uint32_t offset)
{
	if (offset >= 4)
		*word_of(offset - 4) = SMEARED;
	if (offset + 4 < REGISTERS_LEN)
		*word_of(offset + 4) = SMEARED;
}

static void ck_around(uint32_t offset)
{
	if (offset >= 4)
		ck_assert_uint_eq(*word_of(offset - 4), SMEARED);
	if (offset + 4 < REGISTERS_LEN)
		ck_assert_uint_eq(*word_of(offset + 4), SMEARED);
}

static uint32_t relay_read32(void *ctx _unused_, uint32_t offset)
{
	smear_around(offset);
	*word_of(offset) = mmio_read32(model, offset);
	n_reads++;
	return mmio_read32(window_mmio(window), offset);
}

static void relay_write32(void *ctx _unused_, uint32_t offset, uint32_t value)
{
	smear_around(offset);
	*word_of(offset) = ~value;
	mmio_write32(window_mmio(window), offset, value);
	ck_around(offset);
	n_writes++;
	mmio_write32(model, offset, *word_of(offset));
}

static const struct mmio_ops relay_ops = { .read32 = relay_read32, .write32 = relay_write32 };
static const struct mmio relay = { .ops = &relay_ops };

static void open_registers(void)
{
	int fd = memfd_create("registers", MFD_CLOEXEC);
	struct reason why = { "" };
	char path[64];

	ck_assert_int_eq(ftruncate(fd, REGISTERS_LEN), 0);
	file = mmap(NULL, REGISTERS_LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(file, MAP_FAILED);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ck_assert_msg(
		!window_open_mem(&(struct window_mem_config){ .len = REGISTERS_LEN, .path = path },
				 &window, &why),
		"%s", why.text);
	close(fd);
}

static void setup(void)
{
	log_set_level(LOG_L_ERROR);
	open_registers();
	machine_init_hardware(&machine, 16, 16);
	model = machine.tap.hardware;
	machine.tap.hardware = &relay;
	drv = (struct smmu_driver){ .name = "smmu1",
				    .io = &machine.tap.io,
				    .format = machine.format };
	ck_assert_int_eq(smmu_drvdata_init(&drv, 0x7500000, sim_irq_fd(machine.sim)), 0);
	dev = smmu_ctx_init(3);
	ck_assert_ptr_nonnull(dev);
	ck_assert_int_eq(smmu_ctx_set_name(dev, "vcodec_a_mm1"), 0);
	ck_assert_int_eq(smmu_ctx_bind(dev, &drv), 0);
}

static void teardown(void)
{
	if (smmu_is_active(dev))
		ck_assert_int_eq(smmu_deactivate(dev), 0);
	ck_assert_int_eq(smmu_ctx_deinit(dev), 0);
	smmu_drvdata_deinit(&drv);
	machine.tap.hardware = model;
	machine_deinit(&machine);
	window_free(window);
	munmap(file, REGISTERS_LEN);
}

static void map(unsigned long va, unsigned long len, unsigned int attr)
{
	ck_assert_int_eq(smmu_update_start(dev), 0);
	ck_assert_int_eq(smmu_map(dev, PA, va, len, attr), 0);
	ck_assert_int_eq(smmu_update_done(dev), 0);
}

START_TEST(bytes_move_through_a_table_that_mapped_registers_have_set)
{
	char text[8] = "";

	setup();
	map(VA, SZ_64K, VCM_READ | VCM_WRITE);
	ck_assert_int_eq(smmu_activate(dev), 0);
	ck_assert_int_eq(machine_write(&machine, 3, VA + 0x8000, "mapped", 7), 0);
	ck_assert_int_eq(machine_read(&machine, 3, VA + 0x8000, text, 7), 0);
	ck_assert_str_eq(text, "mapped");
	ck_assert_mem_eq(machine.ram + 0x8000, "mapped", 7);
	/* A result that comes back in a register. */
	ck_assert_uint_eq(smmu_translate(dev, VA + 0x8123), PA + 0x8123);
	ck_assert_uint_gt(n_reads, 0);
	ck_assert_uint_gt(n_writes, 10);
	teardown();
}
END_TEST

START_TEST(nothing_stale_is_reached_after_an_unmap)
{
	char byte;

	setup();
	map(VA, SZ_4K, VCM_READ | VCM_WRITE);
	ck_assert_int_eq(smmu_activate(dev), 0);
	ck_assert_int_eq(machine_read(&machine, 3, VA, &byte, 1), 0); /* it is in the TLB now */
	ck_assert_int_eq(smmu_update_start(dev), 0);
	ck_assert_int_eq(smmu_unmap(dev, VA, SZ_4K), 0);
	ck_assert_int_eq(smmu_update_done(dev), 0);
	ck_assert_uint_eq(smmu_translate(dev, VA), 0);
	ck_assert_int_eq(smmu_deactivate(dev), 0);
	ck_assert_int_eq(machine_read(&machine, 3, VA, &byte, 1), -EFAULT);
	teardown();
}
END_TEST

SUITE_MAIN("smmu-window", bytes_move_through_a_table_that_mapped_registers_have_set,
	   nothing_stale_is_reached_after_an_unmap)
