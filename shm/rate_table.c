#include "memfd.h"
#include "rate_rows.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

static size_t
bytes_of(uint32_t sets)
{
	return (size_t)sets * sizeof(struct rate_set);
}

static int
fill_random(void *p, size_t n)
{
	return getrandom(p, n, 0) == (ssize_t)n ? 0 : -EIO;
}

static int
lay_out(const struct rate_head *head, void *memory, struct rate_table *out)
{
	int r;

	*out = (struct rate_table){ .head = *head, .sets = memory };
	r = fill_random(&out->nonce, sizeof out->nonce);
	if (r)
		rate_detach(out);
	return r;
}

int
rate_create(uint32_t sets, const uint8_t *secret, struct rate_table *out, int *out_fd)
{
	struct rate_head head = { RATE_MAGIC, RATE_FORMAT, sets, { 0 } };
	void *memory;
	int fd, r;

	if (sets == 0 || sets > RATE_SETS_MAX)
		return -EINVAL;
	if (secret)
		memcpy(head.secret, secret, sizeof head.secret);
	r = secret ? 0 : fill_random(head.secret, sizeof head.secret);
	if (!r)
		r = memfd_share("yett-rate", bytes_of(sets), &memory, &fd);
	if (r)
		return r;
	r = lay_out(&head, memory, out);
	if (r)
		close(fd);
	else
		*out_fd = fd;
	return r;
}

int
rate_attach(int fd, const struct rate_head *head, struct rate_table *out)
{
	bool fits = head->magic == RATE_MAGIC && head->format == RATE_FORMAT && head->sets > 0 &&
		    head->sets <= RATE_SETS_MAX;
	void *memory;
	int r = memfd_join(fd, fits ? bytes_of(head->sets) : 0, &memory);

	if (r)
		return r;
	return lay_out(head, memory, out) ? -EBADMSG : 0;
}

void
rate_detach(struct rate_table *t)
{
	if (t->sets)
		munmap(t->sets, bytes_of(t->head.sets));
	t->sets = NULL;
	explicit_bzero(&t->head, sizeof t->head);
}

static void
shared_raise(struct rate_set *set, unsigned which, uint64_t due)
{
	if (due > set->shared[which].due)
		set->shared[which].due = due;
}

/* A row of a brief limit is never far ahead; one that is not far ahead may be of any. */
static void
row_place(struct rate_set *set, const struct rate_row *row, uint64_t now)
{
	for (unsigned i = 0; i < RATE_ROWS; i++) {
		if (set->row[i].tag != 0)
			continue;
		set->row[i] = *row;
		return;
	}
	shared_raise(set, RATE_SHARED_LONG, row->due);
	if (row->due - now <= 2 * RATE_SHORT_NS)
		shared_raise(set, RATE_SHARED_SHORT, row->due);
}

static bool
is_live(const struct rate_row *row, uint64_t now)
{
	return row->due > now && row->due - now <= 2 * RATE_BURST_NS;
}

/* Into all sets where the keys of this one may come to lie. */
static void
shared_place(struct rate_table *to, const struct rate_table *from, uint32_t set, unsigned which,
	     uint64_t due)
{
	uint64_t first = (uint64_t)set * to->head.sets / from->head.sets;
	uint64_t last = ((uint64_t)(set + 1) * to->head.sets - 1) / from->head.sets;

	for (uint64_t i = first; i <= last; i++)
		shared_raise(&to->sets[i], which, due);
}

void
rate_seed(struct rate_table *to, const struct rate_table *from, uint64_t now)
{
	for (uint32_t s = 0; s < from->head.sets; s++) {
		const struct rate_set *set = &from->sets[s];

		for (unsigned i = 0; i < RATE_ROWS; i++) {
			struct rate_row row = { rate_load(&set->row[i].tag),
						rate_load(&set->row[i].due) };

			if (row.tag && is_live(&row, now))
				row_place(rate_set_of(to, row.tag), &row, now);
		}
		for (unsigned i = 0; i < RATE_SHARED_N; i++) {
			struct rate_row row = { 1, rate_load(&set->shared[i].due) };

			if (is_live(&row, now))
				shared_place(to, from, s, i, row.due);
		}
	}
}
