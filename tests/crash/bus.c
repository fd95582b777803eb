// SPDX-License-Identifier: BSD-3-Clause
#include "tests/crash/bus.h"

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void write_config(const struct crash_bus *bus)
{
	FILE *f = fopen(bus->config, "we");

	if (!f)
		err(EXIT_FAILURE, "%s", bus->config);
	fprintf(f,
		"<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\"\n"
		" \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
		"<busconfig><type>session</type><listen>unix:path=%s</listen>\n"
		"<policy context=\"default\"><allow user=\"*\"/><allow own=\"*\"/>\n"
		"<allow send_destination=\"*\"/><allow receive_sender=\"*\"/></policy></busconfig>\n",
		bus->socket);
	if (fclose(f) != 0)
		err(EXIT_FAILURE, "%s", bus->config);
}

static _Noreturn void become_bus(const struct crash_bus *bus, int out)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(out, STDOUT_FILENO);
	execlp("dbus-daemon", "dbus-daemon", "--nofork", "--print-address=1", "--config-file",
	       bus->config, (char *)NULL);
	_exit(127);
}

bool crash_bus_start(struct crash_bus *bus, const char *dir)
{
	int out[2];
	char c;

	snprintf(bus->socket, sizeof(bus->socket), "%s/bus", dir);
	snprintf(bus->config, sizeof(bus->config), "%s/bus.conf", dir);
	write_config(bus);
	if (pipe(out) < 0)
		err(EXIT_FAILURE, "pipe");
	bus->pid = fork();
	if (bus->pid < 0)
		err(EXIT_FAILURE, "fork");
	if (bus->pid == 0)
		become_bus(bus, out[1]);
	close(out[1]);
	if (read(out[0], &c, 1) != 1)
		crash_bus_stop(bus);
	close(out[0]);
	return bus->pid != 0;
}

void crash_bus_stop(struct crash_bus *bus)
{
	if (!bus->pid)
		return;
	kill(bus->pid, SIGKILL);
	waitpid(bus->pid, NULL, 0);
	bus->pid = 0;
	unlink(bus->socket);
	unlink(bus->config);
}
