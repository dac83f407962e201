#include "memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int
memfd_allocate(int fd, size_t size)
{
	while (fallocate(fd, 0, 0, (off_t)size)) {
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

int
memfd_make(const char *name, size_t size, int *out_fd)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r;

	if (fd < 0)
		return -errno;
	r = memfd_allocate(fd, size);
	if (!r && fchmod(fd, 0400))
		r = -errno;
	if (r) {
		close(fd);
		return r;
	}
	*out_fd = fd;
	return 0;
}

int
memfd_seal(int fd, int seals)
{
	return fcntl(fd, F_ADD_SEALS, seals) ? -errno : 0;
}

int
memfd_check(int fd, int seals, size_t *size)
{
	int have = fcntl(fd, F_GET_SEALS);
	struct stat st;

	if (have < 0 || (have & seals) != seals || fstat(fd, &st))
		return -EBADMSG;
	*size = (size_t)st.st_size;
	return 0;
}
