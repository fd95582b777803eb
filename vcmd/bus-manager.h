/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The methods of the interface org.vcmd.Vcm1.Manager: sessions, and what a caller wants to be told.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "vcmd/bus-method.h"

int bus_manager_open(sd_bus_message *m, void *userdata, sd_bus_error *error);
int bus_manager_resume(sd_bus_message *m, void *userdata, sd_bus_error *error);
int bus_manager_hold(sd_bus_message *m, void *userdata, sd_bus_error *error);
int bus_manager_find(sd_bus_message *m, void *userdata, sd_bus_error *error);
int bus_manager_subscribe(sd_bus_message *m, void *userdata, sd_bus_error *error);
int bus_manager_unsubscribe(sd_bus_message *m, void *userdata, sd_bus_error *error);

/* clang-format off */
#define BUS_MANAGER_METHODS \
	SD_BUS_METHOD_WITH_NAMES("OpenSession", "sb", N(name) N(shared), \
				 "toay", N(id) N(session) N(token), \
				 bus_manager_open, SD_BUS_VTABLE_UNPRIVILEGED), \
	SD_BUS_METHOD_WITH_NAMES("ResumeSession", "tayb", \
				 N(id) N(token) N(shared), \
				 "toay", N(id) N(session) N(token), \
				 bus_manager_resume, SD_BUS_VTABLE_UNPRIVILEGED), \
	SD_BUS_METHOD_WITH_NAMES("HoldSession", "s", N(name), "", "", \
				 bus_manager_hold, SD_BUS_VTABLE_UNPRIVILEGED), \
	SD_BUS_METHOD_WITH_NAMES("FindSession", "s", N(name), \
				 "o", N(session), bus_manager_find, \
				 SD_BUS_VTABLE_UNPRIVILEGED), \
	SD_BUS_METHOD_WITH_NAMES("Subscribe", "", "", "", "", bus_manager_subscribe, \
				 SD_BUS_VTABLE_UNPRIVILEGED), \
	SD_BUS_METHOD_WITH_NAMES("Unsubscribe", "", "", "", "", bus_manager_unsubscribe, \
				 SD_BUS_VTABLE_UNPRIVILEGED),
/* clang-format on */
