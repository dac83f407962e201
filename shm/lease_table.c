#include "lease.h"

#include "memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static size_t
bytes_of(uint32_t sets)
{
	return sizeof(struct lease_memory) +
	       (size_t)sets * LEASE_ROWS * (sizeof(struct lease_row) + sizeof(struct lease_news));
}

static int
map_rows(int fd, const struct lease_head *head, struct lease_table *out)
{
	void *p = mmap(NULL, bytes_of(head->sets), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return -errno;
	*out = (struct lease_table){ .head = *head, .memory = p };
	out->rows = (void *)(out->memory + 1);
	out->news = (void *)(out->rows + (size_t)head->sets * LEASE_ROWS);
	return 0;
}

int
lease_create(uint32_t sets, const uint8_t secret[SIPHASH_SECRET], struct lease_table *out,
	     int *out_fd)
{
	struct lease_head head = { LEASE_MAGIC, LEASE_FORMAT, sets, 0, { 0 } };
	int fd, r;

	if (sets == 0 || sets > LEASE_SETS_MAX)
		return -EINVAL;
	memcpy(head.secret, secret, sizeof head.secret);
	r = memfd_make("yett-lease", bytes_of(sets), &fd);
	if (r)
		return r;
	r = memfd_seal(fd, SEALS);
	if (!r)
		r = map_rows(fd, &head, out);
	if (r)
		close(fd);
	else
		*out_fd = fd;
	return r;
}

int
lease_attach(int fd, const struct lease_head *head, struct lease_table *out)
{
	int r = -EBADMSG;
	size_t size;

	if (!memfd_check(fd, SEALS, &size) && head->magic == LEASE_MAGIC &&
	    head->format == LEASE_FORMAT && head->sets > 0 && head->sets <= LEASE_SETS_MAX &&
	    size == bytes_of(head->sets) && !map_rows(fd, head, out))
		r = 0;
	if (fd >= 0)
		close(fd);
	return r;
}

void
lease_detach(struct lease_table *t)
{
	if (t->memory)
		munmap(t->memory, bytes_of(t->head.sets));
	t->memory = NULL;
	explicit_bzero(&t->head, sizeof t->head);
}
