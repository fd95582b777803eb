// SPDX-License-Identifier: BSD-3-Clause
#include "backend/vfio/fault.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"

#define PATH_LEN 512
#define BUFFER_LEN 8192 /* the kernel's longest record of its log */
#define PREFIX "vcm_"   /* of our trace instances, followed by the process' id */

struct vfio_faults {
	enum vfio_fault_source source;
	int fd;
	char tracing[256], counts[256];
	char buffer[BUFFER_LEN];
	size_t n_buffer;
	struct vfio_fault found[VFIO_FAULT_RECORDS];
	unsigned int n_found, at_found;
	uint64_t n_irqs, n_told; /* LOG: interrupts so far, and faults that lines told of since */
	uint64_t turn;           /* LOG: begins whenever everything has been read */
};

/* --- what lines say --------------------------------------------------------------------------------------------------- */

static bool field(const char *line, const char *name, unsigned int i, uint64_t *out)
{
	char key[16];
	const char *at;

	snprintf(key, sizeof(key), " %s%u=", name, i);
	at = strstr(line, key);
	if (!at)
		return false;
	*out = strtoull(at + strlen(key), NULL, 0);
	return true;
}

/* What follows the name of the process that was interrupted: that is anybody's choice. */
static const char *event_of(const char *line)
{
	const char *event = NULL;

	while ((line = strstr(line, ": fault: (")))
		event = line++;
	return event;
}

/* "SECONDS.MICROSECONDS" ends there. */
static uint64_t time_of(const char *line, const char *end)
{
	uint64_t seconds, rest;
	char *dot;

	while (end > line && (isdigit((unsigned char)end[-1]) || end[-1] == '.'))
		end--;
	seconds = strtoull(end, &dot, 10);
	rest = *dot == '.' ? strtoull(dot + 1, NULL, 10) : 0;
	return seconds * 1000000 + rest;
}

unsigned int vfio_fault_parse_probe(const char *line, struct vfio_fault out[VFIO_FAULT_RECORDS])
{
	const char *event = event_of(line);
	uint64_t at = event ? time_of(line, event) : 0, lo, hi;
	unsigned int n = 0;

	if (!event)
		return 0;
	line = event;
	for (unsigned int i = 0; i < VFIO_FAULT_RECORDS; i++) {
		if (!field(line, "lo", i, &lo) || !field(line, "hi", i, &hi))
			break;
		if (!(hi >> 63)) /* F: the record holds a fault */
			continue;
		out[n++] = (struct vfio_fault){ .rid = (uint16_t)hi,
						.addr = lo & ~UINT64_C(0xfff),
						.reason = (uint32_t)(hi >> 32) & 0xff,
						.write = !(hi >> 62 & 1),
						.at = at };
	}
	return n;
}

bool vfio_fault_parse_log(const char *line, struct vfio_fault *out)
{
	const char *kind = strstr(line, "DMAR: [DMA "), *device, *addr, *reason;
	unsigned int bus, slot, function;

	device = kind ? strstr(kind, "Request device [") : NULL;
	addr = device ? strstr(device, "fault addr ") : NULL;
	reason = addr ? strstr(addr, "[fault reason ") : NULL;
	if (!reason || sscanf(device, "Request device [%2x:%2x.%1x]", &bus, &slot, &function) != 3)
		return false;
	*out = (struct vfio_fault){
		.rid = (uint16_t)(bus << 8 | (slot & 31) << 3 | (function & 7)),
		.addr = strtoull(addr + strlen("fault addr "), NULL, 16) & ~UINT64_C(0xfff),
		.reason = (uint32_t)strtoul(reason + strlen("[fault reason "), NULL, 16),
		.write = !strncmp(kind, "DMAR: [DMA Write", 16),
	};
	return true;
}

/* --- the probe -------------------------------------------------------------------------------------------------------- */

static int write_text(const char *path, int flags, const char *text)
{
	_cleanup_(fd_closep) int fd = open(path, O_WRONLY | O_CLOEXEC | flags);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return -errno;
	return 0;
}

static void remove_probe(const char *tracing, const char *name)
{
	char path[PATH_LEN], text[64];

	snprintf(path, sizeof(path), "%s/instances/%s/events/%s/fault/enable", tracing, name, name);
	write_text(path, 0, "0");
	snprintf(path, sizeof(path), "%s/instances/%s", tracing, name);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/kprobe_events", tracing);
	snprintf(text, sizeof(text), "-:%s/fault\n", name);
	write_text(path, O_APPEND, text);
}

/* Those of processes that could not remove theirs. */
static void remove_leftovers(const char *tracing)
{
	char path[PATH_LEN];
	const struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/instances", tracing);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		int pid = strncmp(e->d_name, PREFIX, strlen(PREFIX)) ?
				  0 :
				  atoi(e->d_name + strlen(PREFIX));

		snprintf(path, sizeof(path), "/proc/%d", pid);
		if (pid > 0 && (pid == getpid() || access(path, F_OK) < 0))
			remove_probe(tracing, e->d_name);
	}
	if (dir)
		closedir(dir);
}

/* Where the fault recording registers are, and how many: the same in every unit, or there is no one probe for all. */
static int find_registers(const char *iommus, uint64_t *out_cap, struct reason *why)
{
	const uint64_t where = UINT64_C(0xff) << 40 | UINT64_C(0x3ff) << 24;
	char path[PATH_LEN], text[32];
	const struct dirent *e;
	DIR *dir = opendir(iommus);
	unsigned int n = 0, n_same = 0;

	while (dir && (e = readdir(dir))) {
		FILE *f;

		snprintf(path, sizeof(path), "%s/%.64s/intel-iommu/cap", iommus, e->d_name);
		f = fopen(path, "re");
		if (f && fgets(text, sizeof(text), f)) {
			uint64_t cap = strtoull(text, NULL, 16);

			*out_cap = n++ ? *out_cap : cap;
			n_same += ((cap ^ *out_cap) & where) == 0;
		}
		if (f)
			fclose(f);
	}
	if (dir)
		closedir(dir);
	if (n && n == n_same)
		return 0;
	return refuse(why, -ENOTSUP, "%s",
		      n ? "its units have their fault registers in different places" :
			  "there is no Intel IOMMU");
}

/* struct intel_iommu begins with the address of its registers; FSTS is at 0x34. */
static void write_probe(char *text, size_t len, const char *name, uint64_t cap)
{
	unsigned int at = (unsigned int)(cap >> 24 & 0x3ff) * 16;
	unsigned int n = (unsigned int)(cap >> 40 & 0xff) + 1;
	int used = snprintf(text, len, "p:%s/fault dmar_fault fsts=+0x34(+0(%%si)):x32", name);

	for (unsigned int i = 0; i < n && i < VFIO_FAULT_RECORDS; i++, at += 16)
		used += snprintf(text + used, len - (size_t)used,
				 " lo%u=+0x%x(+0(%%si)):x64 hi%u=+0x%x(+0(%%si)):x64", i, at, i,
				 at + 8);
	snprintf(text + used, len - (size_t)used, "\n");
}

static int open_probe(struct vfio_faults *f, const char *iommus, struct reason *why)
{
	char name[32], path[PATH_LEN], text[1024];
	uint64_t cap = 0;
	int r = find_registers(iommus, &cap, why);

	if (r < 0)
		return r;
	remove_leftovers(f->tracing);
	snprintf(name, sizeof(name), PREFIX "%d", (int)getpid());
	write_probe(text, sizeof(text), name, cap);
	snprintf(path, sizeof(path), "%s/kprobe_events", f->tracing);
	r = write_text(path, O_APPEND, text);
	if (r < 0)
		return refuse(why, r, "%s: %s", path, strerror(-r));
	snprintf(path, sizeof(path), "%s/instances/%s", f->tracing, name);
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		r = -errno;
	snprintf(path, sizeof(path), "%s/instances/%s/trace_clock", f->tracing, name);
	if (r == 0)
		r = write_text(path, 0, "mono");
	if (r == 0)
		snprintf(path, sizeof(path), "%s/instances/%s/events/%s/fault/enable", f->tracing,
			 name, name);
	if (r == 0)
		r = write_text(path, 0, "1");
	if (r == 0) {
		snprintf(path, sizeof(path), "%s/instances/%s/trace_pipe", f->tracing, name);
		f->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		r = f->fd < 0 ? -errno : 0;
	}
	if (r == 0)
		return 0;
	remove_probe(f->tracing, name);
	return refuse(why, r, "%s: %s", path, strerror(-r));
}

/* --- the log ---------------------------------------------------------------------------------------------------------- */

static uint64_t count_irqs(const char *path)
{
	char line[4096], *rest, *end;
	uint64_t n = 0, one;
	FILE *file = fopen(path, "re");

	while (file && fgets(line, sizeof(line), file)) {
		rest = strstr(line, "dmar") ? strchr(line, ':') : NULL;
		for (rest = rest ? rest + 1 : NULL; rest; rest = end) {
			one = strtoull(rest, &end, 10);
			if (end == rest)
				break;
			n += one;
		}
	}
	if (file)
		fclose(file);
	return n;
}

static int open_log(struct vfio_faults *f, const char *path, struct reason *why)
{
	f->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (f->fd < 0)
		return refuse(why, -errno, "%s: %s", path, strerror(errno));
	lseek(f->fd, 0, SEEK_END);
	f->n_irqs = count_irqs(f->counts);
	return 0;
}

/* An interrupt is one fault at least, and more of them than lines are faults that nobody hears of. */
static void tell_untold(struct vfio_faults *f)
{
	uint64_t now = count_irqs(f->counts);

	if (now > f->n_irqs && now - f->n_irqs > f->n_told)
		log_warning("vfio: %" PRIu64
			    " or more faults that the kernel's log does not tell of",
			    now - f->n_irqs - f->n_told);
	f->n_irqs = now;
	f->n_told = 0;
}

/* --- both ------------------------------------------------------------------------------------------------------------- */

static void set_text(char *out, size_t len, const char *text, const char *instead)
{
	snprintf(out, len, "%s", text ? text : instead);
}

int vfio_faults_open(const struct vfio_faults_config *config, struct vfio_faults **out,
		     struct reason *why)
{
	struct vfio_faults *f = mem_new0(struct vfio_faults);
	struct reason probe = { "" }, log = { "" };

	if (!f)
		return refuse(why, -ENOMEM, "no memory");
	f->fd = -1;
	f->turn = 1;
	set_text(f->tracing, sizeof(f->tracing), config->tracing, "/sys/kernel/tracing");
	set_text(f->counts, sizeof(f->counts), config->counts, "/proc/interrupts");
	if (open_probe(f, config->iommus ? config->iommus : "/sys/class/iommu", &probe) == 0) {
		f->source = VFIO_FAULTS_PROBE;
	} else if (open_log(f, config->log ? config->log : "/dev/kmsg", &log) == 0) {
		f->source = VFIO_FAULTS_LOG;
		log_notice("vfio: faults are read from the kernel's log, which tells of few: %s",
			   probe.text);
	} else {
		mem_free(f);
		return refuse(why, -ENOTSUP, "%.110s; %.110s", probe.text, log.text);
	}
	*out = f;
	return 0;
}

struct vfio_faults *vfio_faults_free(struct vfio_faults *f)
{
	char name[32];

	if (!f)
		return NULL;
	fd_closep(&f->fd);
	if (f->source == VFIO_FAULTS_PROBE) {
		snprintf(name, sizeof(name), PREFIX "%d", (int)getpid());
		remove_probe(f->tracing, name);
	}
	return mem_free(f);
}

enum vfio_fault_source vfio_faults_source(const struct vfio_faults *f)
{
	return f->source;
}

int vfio_faults_fd(const struct vfio_faults *f)
{
	return f->fd;
}

/* A whole line is left at the start of the buffer, without its end; false when there is none yet. */
static bool next_line(struct vfio_faults *f, size_t *out_len)
{
	for (;;) {
		char *end = memchr(f->buffer, '\n', f->n_buffer);
		ssize_t n;

		if (end) {
			*end = 0;
			*out_len = (size_t)(end - f->buffer) + 1;
			return true;
		}
		if (f->n_buffer == sizeof(f->buffer)) /* what is that long is nothing for us */
			f->n_buffer = 0;
		n = read(f->fd, f->buffer + f->n_buffer, sizeof(f->buffer) - f->n_buffer);
		if (n < 0 && (errno == EPIPE || errno == EINTR)) /* lines that were overwritten */
			continue;
		if (n <= 0)
			return false;
		f->n_buffer += (size_t)n;
	}
}

bool vfio_faults_next(struct vfio_faults *f, struct vfio_fault *out)
{
	size_t len;

	while (f->at_found == f->n_found) {
		f->at_found = f->n_found = 0;
		if (!next_line(f, &len)) {
			if (f->source == VFIO_FAULTS_LOG)
				tell_untold(f);
			f->turn++;
			return false;
		}
		if (f->source == VFIO_FAULTS_PROBE) {
			f->n_found = vfio_fault_parse_probe(f->buffer, f->found);
		} else {
			f->n_found = vfio_fault_parse_log(f->buffer, f->found);
			f->found[0].at = f->turn;
		}
		f->n_told += f->n_found;
		f->n_buffer -= len;
		memmove(f->buffer, f->buffer + len, f->n_buffer);
	}
	*out = f->found[f->at_found++];
	return true;
}

/* To the next microsecond: lines have the nearest. */
static uint64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + ((uint64_t)now.tv_nsec + 999) / 1000;
}

uint64_t vfio_faults_mark(const struct vfio_faults *f)
{
	struct pollfd unread = { f->fd, POLLIN, 0 };

	if (f->source == VFIO_FAULTS_PROBE)
		return now_us();
	return f->n_buffer || poll(&unread, 1, 0) != 0 ? f->turn : f->turn - 1;
}
