// SPDX-License-Identifier: BSD-3-Clause
/*
 * A configuration that takes the place of another, where two devices are in one IOMMU group: each reaches what the other does,
 * so that their rules are the same, then too. The devices are the model's.
 * Mutation that it was seen to catch: a reload that does not look at groups.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "backend/vfio/open.h"
#include "backend/vfio/vfio.h"
#include "base/mem.h"
#include "graph/device.h"
#include "graph/graph.h"
#include "tests/backend/vfio-model.h"
#include "tests/suite.h"
#include "tests/vcmd/conf.h"
#include "tests/vcmd/world.h"
#include "vcmd/broker.h"
#include "vcmd/config.h"
#include "vcmd/machine.h"
#include "vcmd/reload.h"

#define TOP                                                                                        \
	"stock = 0\nsocket-mode = 0666\naccess { allow-users = {\"*\"} }\nmemtype 0 { pool { ranges = {\"0x40000000+64M\"} } }\n"
#define ALONE "vfio edu { device = \"00:03.0\" allow-users = {0} }\n"
#define LEFT "vfio left { device = \"00:04.0\" allow-users = {%s} }\n"
#define RIGHT "vfio right { device = \"00:05.0\" allow-users = {%s} }\n"

static struct vfio_model model;

int __wrap_vfio_files_open(const char *const *addresses, size_t n, const struct vfio_given *given,
			   struct vfio_files *out, struct reason *why);
int __wrap_vfio_new(const struct vfio_config *config, struct vfio_format *format,
		    struct backend **out, struct reason *why);
int __real_vfio_new(const struct vfio_config *config, struct vfio_format *format,
		    struct backend **out, struct reason *why);

static int some_fd(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

/* The first device is alone in its group. */
int __wrap_vfio_files_open(const char *const *addresses _unused_, size_t n,
			   const struct vfio_given *given _unused_, struct vfio_files *out,
			   struct reason *why _unused_)
{
	ck_assert_uint_eq(n, MODEL_DEVICES);
	*out = (struct vfio_files){ .groups = mem_zalloc_n(MODEL_GROUPS, sizeof(*out->groups)),
				    .n_groups = MODEL_GROUPS,
				    .devices = mem_zalloc_n(n, sizeof(*out->devices)),
				    .n_devices = n };
	for (size_t i = 0; i < MODEL_GROUPS; i++) {
		model.containers[i].fd = some_fd();
		out->groups[i] =
			(struct vfio_open_group){ (unsigned int)i + 5, model.containers[i].fd,
						  some_fd(), false };
	}
	for (size_t i = 0; i < n; i++) {
		model.devices[i].fd = some_fd();
		out->devices[i].fd = model.devices[i].fd;
		out->devices[i].group = i > 0;
	}
	return 0;
}

int __wrap_vfio_new(const struct vfio_config *config, struct vfio_format *format,
		    struct backend **out, struct reason *why)
{
	struct vfio_config changed = *config;

	changed.kernel = &model.kernel;
	return __real_vfio_new(&changed, format, out, why);
}

/* Who may use the two that are together. */
static const char *rules(const char *left, const char *right)
{
	static char text[1024];

	snprintf(text, sizeof(text), TOP ALONE LEFT RIGHT, left, right);
	return text;
}

static const struct config_rule *rule_of(struct world *w, const char *name)
{
	const struct device *d = device_by_name(w->broker->graph, name);
	const struct machine_device *hw = d->hw;

	return hw->allow;
}

START_TEST(devices_of_one_group_keep_one_rule_in_a_reload)
{
	struct reason why = { "" };
	struct world *w;

	model_init(&model);
	w = world_new(rules("0", "0"));
	ck_assert_int_eq(world_reload(w, rules("0", "7"), &why), -EINVAL);
	ck_assert_msg(strstr(why.text, "vfio left and right are in IOMMU group 6"), "%s", why.text);
	ck_assert_uint_eq(rule_of(w, "right")->uids[0], 0);
	ck_assert_msg(world_reload(w, rules("7", "7"), &why) == 0, "%s", why.text);
	ck_assert_uint_eq(rule_of(w, "left")->uids[0], 7);
	ck_assert_uint_eq(rule_of(w, "right")->uids[0], 7);
	ck_assert_uint_eq(rule_of(w, "edu")->uids[0], 0);
	world_free(w);
}
END_TEST

SUITE_MAIN("machine-vfio", devices_of_one_group_keep_one_rule_in_a_reload)
