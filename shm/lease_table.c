#include "lease.h"

#include "memfd.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

static size_t
bytes_of(uint32_t sets)
{
	return sizeof(struct lease_memory) +
	       (size_t)sets * LEASE_ROWS * (sizeof(struct lease_row) + sizeof(struct lease_news));
}

static void
lay_out(const struct lease_head *head, void *memory, struct lease_table *out)
{
	*out = (struct lease_table){ .head = *head, .memory = memory };
	out->rows = (void *)(out->memory + 1);
	out->news = (void *)(out->rows + (size_t)head->sets * LEASE_ROWS);
}

int
lease_create(uint32_t sets, const uint8_t secret[SIPHASH_SECRET], struct lease_table *out,
	     int *out_fd)
{
	struct lease_head head = { LEASE_MAGIC, LEASE_FORMAT, sets, 0, { 0 } };
	void *memory;
	int r;

	if (sets == 0 || sets > LEASE_SETS_MAX)
		return -EINVAL;
	memcpy(head.secret, secret, sizeof head.secret);
	r = memfd_share("yett-lease", bytes_of(sets), &memory, out_fd);
	if (r)
		return r;
	lay_out(&head, memory, out);
	return 0;
}

int
lease_attach(int fd, const struct lease_head *head, struct lease_table *out)
{
	bool fits = head->magic == LEASE_MAGIC && head->format == LEASE_FORMAT && head->sets > 0 &&
		    head->sets <= LEASE_SETS_MAX;
	void *memory;
	int r = memfd_join(fd, fits ? bytes_of(head->sets) : 0, &memory);

	if (r)
		return r;
	lay_out(head, memory, out);
	return 0;
}

void
lease_detach(struct lease_table *t)
{
	if (t->memory)
		munmap(t->memory, bytes_of(t->head.sets));
	t->memory = NULL;
	explicit_bzero(&t->head, sizeof t->head);
}
