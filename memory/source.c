// SPDX-License-Identifier: BSD-3-Clause
#include "memory/source.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/files.h"
#include "base/log.h"
#include "base/range.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif
#ifndef MFD_HUGE_2MB
#define MFD_HUGE_2MB (21U << 26)
#endif

/* Descriptors that memory leaves to connections. */
#define FILES_PART 16
#define FILES_MOST 1024

int source_error(int err)
{
	return err == EMFILE || err == ENFILE ? -err : -ENOMEM;
}

/* Kernels that know the flag may insist on it (vm.memfd_noexec), older ones refuse it. */
static int file_new(const char *name, unsigned int flags)
{
	int fd = memfd_create(name, flags | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, flags);
	return fd;
}

int source_open(enum memory_source source, uint64_t len)
{
	_cleanup_(fd_closep) int fd = -1;
	unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;

	if (source == SOURCE_HUGETLB && !is_aligned(len, SZ_2M))
		return -EINVAL;
	fd = file_new("vcm", flags | (source == SOURCE_HUGETLB ? MFD_HUGETLB | MFD_HUGE_2MB : 0));
	if (fd >= 0 && !files_leave(fd, FILES_PART, FILES_MOST))
		return -EMFILE;
	if (fd < 0 || fchmod(fd, S_IRUSR | S_IWUSR) < 0 || ftruncate(fd, (off_t)len) < 0)
		return source_error(errno);
	if (source == SOURCE_HUGETLB && source_allocate(fd, 0, len) < 0)
		return -ENOMEM;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return source_error(errno);
	return steal_fd(&fd);
}

int source_check(int fd, uint64_t len, enum memory_source *out)
{
	const int needed = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	struct statfs fs;
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || (seals & needed) != needed || (seals & F_SEAL_WRITE))
		return -EINVAL;
	if (fstat(fd, &st) < 0 || fstatfs(fd, &fs) < 0 || !S_ISREG(st.st_mode) || st.st_size < 0 ||
	    (uint64_t)st.st_size != len)
		return -EINVAL;
	*out = fs.f_type == HUGETLBFS_MAGIC ? SOURCE_HUGETLB : SOURCE_MEMFD;
	return 0;
}

int source_open_read_only(int fd)
{
	_cleanup_(fd_closep) int ro = -1;
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ro = open(path, O_RDONLY | O_CLOEXEC);
	if (ro < 0)
		return -errno;
	/* cppcheck-suppress resourceLeak; it is the caller's */
	return steal_fd(&ro);
}

int source_allocate(int fd, uint64_t at, uint64_t len)
{
	int r;

	do
		r = fallocate(fd, 0, (off_t)at, (off_t)len);
	while (r < 0 && errno == EINTR);
	return r < 0 ? source_error(errno) : 0;
}

void source_punch(int fd, uint64_t at, uint64_t len)
{
	int r;

	do
		r = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)at,
			      (off_t)len);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		log_warning(
			"memory: the pages of a closed arena stay until its last fd is closed: %m");
}
