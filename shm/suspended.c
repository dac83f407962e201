#include "suspended.h"

#include "board.h"
#include "memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#define STATE_BITS 2
#define STATE(word) ((enum suspended_state)((word) & ((1u << STATE_BITS) - 1)))
#define TRIES 64 /* of a reader whose rows change under it */

const char *const suspended_kind_name[SUSPENDED_KINDS] = {
	[SUSPENDED_SUB] = "sub", [SUSPENDED_SID] = "sid", [SUSPENDED_JTI] = "jti",
	[SUSPENDED_ALL] = "all", [SUSPENDED_KEY] = "key",
};

static size_t
bytes_of(uint32_t rows)
{
	return sizeof(struct suspended_page) + (size_t)rows * sizeof(struct suspended_row);
}

uint64_t
suspended_tag(const struct suspended *t, enum suspended_kind kind, struct slice id)
{
	const char letter = (char)kind;
	struct siphash h;

	siphash_init(&h, t->page->secret);
	siphash_add(&h, slice_make(&letter, 1));
	siphash_add(&h, id);
	return siphash_end(&h);
}

/* ---- the reader ---- */

int
suspended_attach(int fd, struct suspended *out)
{
	struct suspended t = { 0 };
	const void *page;
	size_t size;
	int r = memfd_check(fd, F_SEAL_SHRINK | F_SEAL_GROW, &size);

	if (r < 0 || size < bytes_of(1)) {
		if (fd >= 0)
			close(fd);
		return -EBADMSG;
	}
	if (board_map(fd, size, &page) < 0)
		return -EBADMSG;
	/* It is only read from here on. */
	t.page = (struct suspended_page *)(uintptr_t)page;
	t.rows = t.page->rows;
	if (t.page->magic != SUSPENDED_MAGIC || t.page->format != SUSPENDED_FORMAT || t.rows == 0 ||
	    t.rows > SUSPENDED_ROWS_MAX || (t.rows & (t.rows - 1)) || bytes_of(t.rows) != size) {
		board_unmap(page, size);
		return -EBADMSG;
	}
	*out = t;
	return 0;
}

void
suspended_detach(struct suspended *t)
{
	if (t->page)
		board_unmap(t->page, bytes_of(t->rows));
	t->page = NULL;
}

/* SUSPENDED_BUSY: it changes. Else *out holds what belongs together. */
static enum suspended_state
row_read(const struct suspended_row *row, struct suspended_row *out)
{
	uint64_t word = suspended_load(&row->word);

	if (STATE(word) == SUSPENDED_BUSY)
		return SUSPENDED_BUSY;
	out->tag = __atomic_load_n(&row->tag, __ATOMIC_RELAXED);
	out->until = __atomic_load_n(&row->until, __ATOMIC_RELAXED);
	out->before = __atomic_load_n(&row->before, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&row->word, __ATOMIC_RELAXED) == word ? STATE(word) : SUSPENDED_BUSY;
}

static enum suspended_state
look(const struct suspended *t, uint64_t tag, struct suspended_row *out)
{
	for (uint32_t i = 0; i < t->rows; i++) {
		enum suspended_state state =
		    row_read(&t->page->row[(tag + i) & (t->rows - 1)], out);

		if (state == SUSPENDED_FREE || state == SUSPENDED_BUSY || out->tag == tag)
			return state;
	}
	return SUSPENDED_FREE;
}

void
suspended_find(const struct suspended *t, enum suspended_kind kind, struct slice id,
	       struct suspended_fact *out)
{
	uint64_t tag = suspended_tag(t, kind, id);
	struct suspended_row row = { 0 };

	for (int i = 0; i < TRIES; i++) {
		uint64_t moves = suspended_load(&t->page->moves);

		out->state = look(t, tag, &row);
		out->until = (int64_t)row.until;
		out->before = (int64_t)row.before;
		if (out->state == SUSPENDED_CLEAN || out->state == SUSPENDED_IN_FORCE)
			return;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (out->state == SUSPENDED_FREE && suspended_load(&t->page->moves) == moves)
			return;
	}
	out->state = SUSPENDED_BUSY;
}

/* ---- the writer ---- */

int
suspended_create(uint32_t most, struct suspended *out, int *out_fd)
{
	uint32_t rows = 1024;
	void *memory;
	int r;

	while (rows < SUSPENDED_ROWS_MAX && rows / 2 < most)
		rows *= 2;
	r = board_create(bytes_of(rows), &memory, out_fd);
	if (r < 0)
		return r;
	*out = (struct suspended){ .page = memory, .rows = rows };
	if (getrandom(out->page->secret, sizeof out->page->secret, 0) != sizeof out->page->secret) {
		suspended_detach(out);
		close(*out_fd);
		return -EIO;
	}
	out->page->magic = SUSPENDED_MAGIC;
	out->page->format = SUSPENDED_FORMAT;
	out->page->rows = rows;
	return 0;
}

static void
store(uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static void
row_write(struct suspended_row *row, enum suspended_state state, const struct suspended_row *as)
{
	uint64_t next = (row->word >> STATE_BITS) + 1;

	store(&row->word, next << STATE_BITS | SUSPENDED_BUSY);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	__atomic_store_n(&row->tag, as->tag, __ATOMIC_RELAXED);
	__atomic_store_n(&row->until, as->until, __ATOMIC_RELAXED);
	__atomic_store_n(&row->before, as->before, __ATOMIC_RELAXED);
	store(&row->word, (next + 1) << STATE_BITS | state);
}

/* The row of the tag, or a free one for it; NULL when there is none. */
static struct suspended_row *
place(struct suspended *t, uint64_t tag)
{
	for (uint32_t i = 0; i < t->rows; i++) {
		struct suspended_row *row = &t->page->row[(tag + i) & (t->rows - 1)];

		if (STATE(row->word) == SUSPENDED_FREE || row->tag == tag)
			return row;
	}
	return NULL;
}

static void
settle(struct suspended *t)
{
	uint64_t any = t->page->flags;

	for (int i = 0; i < SUSPENDED_KINDS; i++)
		any |= t->page->count[i];
	store(&t->page->any, any);
}

bool
suspended_put(struct suspended *t, enum suspended_kind kind, struct slice id,
	      const struct suspended_fact *fact)
{
	struct suspended_row as = { .tag = suspended_tag(t, kind, id),
				    .until = (uint64_t)fact->until,
				    .before = (uint64_t)fact->before };
	struct suspended_row *row = place(t, as.tag);
	uint64_t used = 0;

	for (int i = 0; i < SUSPENDED_KINDS; i++)
		used += t->page->count[i];
	/* One stays free, where those end that look in vain. */
	if (!row || (STATE(row->word) == SUSPENDED_FREE && used + 1 >= t->rows))
		return false;
	if (STATE(row->word) == SUSPENDED_FREE)
		store(&t->page->count[kind], t->page->count[kind] + 1);
	row_write(row, fact->state, &as);
	settle(t);
	return true;
}

/* Must a row that belongs at `home` and lies at `at` go to `hole` before it, or is it lost? */
static bool
moves_up(uint32_t home, uint32_t hole, uint32_t at)
{
	return hole <= at ? home <= hole || home > at : home <= hole && home > at;
}

void
suspended_take(struct suspended *t, enum suspended_kind kind, struct slice id)
{
	struct suspended_row *rows = t->page->row, none = { 0 };
	uint64_t tag = suspended_tag(t, kind, id);
	struct suspended_row *row = place(t, tag);
	uint32_t mask = t->rows - 1, hole;

	if (!row || STATE(row->word) == SUSPENDED_FREE)
		return;
	hole = (uint32_t)(row - rows);
	for (uint32_t at = (hole + 1) & mask; STATE(rows[at].word) != SUSPENDED_FREE;
	     at = (at + 1) & mask) {
		if (!moves_up((uint32_t)rows[at].tag & mask, hole, at))
			continue;
		row_write(&rows[hole], STATE(rows[at].word), &rows[at]);
		store(&t->page->moves, t->page->moves + 1);
		hole = at;
	}
	row_write(&rows[hole], SUSPENDED_FREE, &none);
	store(&t->page->count[kind], t->page->count[kind] - 1);
	settle(t);
}

void
suspended_set_flags(struct suspended *t, uint64_t flags)
{
	store(&t->page->flags, flags);
	settle(t);
}
