#include "memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SHARED_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) /* its size is fixed */

static int
memfd_allocate(int fd, size_t size)
{
	while (fallocate(fd, 0, 0, (off_t)size)) {
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

static int
memfd_new(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	return fd < 0 ? -errno : fd;
}

int
memfd_make(const char *name, size_t size, int *out_fd)
{
	int fd = memfd_new(name);
	int r;

	if (fd < 0)
		return fd;
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

static int
memfd_fill(int fd, const struct slice *parts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t done = 0; done < parts[i].n;) {
			ssize_t r = write(fd, parts[i].p + done, parts[i].n - done);

			if (r < 0 && errno == EINTR)
				continue;
			if (r <= 0)
				return r < 0 ? -errno : -EIO;
			done += (size_t)r;
		}
	}
	return 0;
}

int
memfd_of(const char *name, const struct slice *parts, size_t n, int *out_fd)
{
	int fd = memfd_new(name), r;

	if (fd < 0)
		return fd;
	r = memfd_fill(fd, parts, n);
	if (r == 0)
		r = memfd_seal(fd, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
	if (r < 0)
		close(fd);
	else
		*out_fd = fd;
	return r;
}

int
memfd_stat(int fd, struct stat *out)
{
	return syscall(SYS_fstat, fd, out) < 0 ? -errno : 0;
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

	if (have < 0 || (have & seals) != seals || memfd_stat(fd, &st) < 0)
		return -EBADMSG;
	*size = (size_t)st.st_size;
	return 0;
}

int
memfd_map(int fd, struct slice *out)
{
	size_t size = 0;
	void *p;

	if (memfd_check(fd, F_SEAL_WRITE | F_SEAL_SHRINK, &size) < 0 || size == 0)
		return -EBADMSG;
	p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	*out = slice_make(p, size);
	return 0;
}

void
memfd_unmap(struct slice memory)
{
	if (memory.n)
		munmap((void *)memory.p, memory.n);
}

static int
map_shared(int fd, size_t size, void **out)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return -errno;
	*out = p;
	return 0;
}

int
memfd_share(const char *name, size_t size, void **out, int *out_fd)
{
	int fd, r = memfd_make(name, size, &fd);

	if (r)
		return r;
	r = memfd_seal(fd, SHARED_SEALS);
	if (!r)
		r = map_shared(fd, size, out);
	if (r)
		close(fd);
	else
		*out_fd = fd;
	return r;
}

int
memfd_join(int fd, size_t size, void **out)
{
	size_t is;
	int r = -EBADMSG;

	if (!memfd_check(fd, SHARED_SEALS, &is) && is == size && !map_shared(fd, size, out))
		r = 0;
	if (fd >= 0)
		close(fd);
	return r;
}
