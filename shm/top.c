#include "top.h"

#include "board.h"

#include "lib/siphash.h"
#include "lib/xalloc.h"

#include <stdlib.h>
#include <sys/random.h>

#define SLOTS (2 * TOP_ROWS)

struct top_writer {
	struct top *page;
	uint8_t secret[SIPHASH_SECRET]; /* names come from clients */
	uint32_t used;
	uint64_t hash[TOP_ROWS];
	uint16_t heap[TOP_ROWS];  /* rows, the smallest first */
	uint16_t place[TOP_ROWS]; /* of a row in the heap */
	uint16_t slots[SLOTS];    /* row + 1, by hash; 0: free */
};

struct top_writer *
top_writer_new(struct top *page)
{
	struct top_writer *w = xcalloc(1, sizeof *w);

	w->page = page;
	/* Without a secret names could be made to meet, which costs time and nothing else. */
	(void)!getrandom(w->secret, sizeof w->secret, GRND_NONBLOCK);
	return w;
}

void
top_writer_free(struct top_writer *w)
{
	free(w);
}

static struct slice
name_cut(struct slice name)
{
	if (name.n <= TOP_NAME_MAX)
		return name;
	name.n = TOP_NAME_MAX;
	while (name.n > 0 && ((unsigned char)name.p[name.n] & 0xc0) == 0x80)
		name.n--;
	return name;
}

static uint64_t
count_at(const struct top_writer *w, uint32_t place)
{
	return w->page->row[w->heap[place]].sums.requests;
}

static void
heap_swap(struct top_writer *w, uint32_t a, uint32_t b)
{
	uint16_t row = w->heap[a];

	w->heap[a] = w->heap[b];
	w->heap[b] = row;
	w->place[w->heap[a]] = (uint16_t)a;
	w->place[w->heap[b]] = (uint16_t)b;
}

static void
heap_up(struct top_writer *w, uint32_t at)
{
	for (; at > 0 && count_at(w, at) < count_at(w, (at - 1) / 2); at = (at - 1) / 2)
		heap_swap(w, at, (at - 1) / 2);
}

static void
heap_down(struct top_writer *w, uint32_t at)
{
	for (;;) {
		uint32_t least = at;

		for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < w->used; child++) {
			if (count_at(w, child) < count_at(w, least))
				least = child;
		}
		if (least == at)
			return;
		heap_swap(w, at, least);
		at = least;
	}
}

/* Where the name's row is, or would be noted. */
static uint32_t
slot_of(const struct top_writer *w, struct slice name, uint64_t hash)
{
	uint32_t at = (uint32_t)hash % SLOTS;

	for (; w->slots[at]; at = (at + 1) % SLOTS) {
		uint32_t row = w->slots[at] - 1u;
		const struct top_row *r = &w->page->row[row];

		if (w->hash[row] == hash && slice_eq(name, slice_make(r->name, r->name_n)))
			break;
	}
	return at;
}

/* Frees a slot, and moves up what was put behind it for want of it. */
static void
slot_free(struct top_writer *w, uint32_t hole)
{
	uint32_t at = hole;

	w->slots[hole] = 0;
	for (;;) {
		uint32_t home;

		at = (at + 1) % SLOTS;
		if (!w->slots[at])
			return;
		home = (uint32_t)w->hash[w->slots[at] - 1u] % SLOTS;
		if ((at - home) % SLOTS < (at - hole) % SLOTS)
			continue;
		w->slots[hole] = w->slots[at];
		w->slots[at] = 0;
		hole = at;
	}
}

static uint32_t
slot_of_row(const struct top_writer *w, uint32_t row)
{
	uint32_t at = (uint32_t)w->hash[row] % SLOTS;

	while (w->slots[at] != row + 1u)
		at = (at + 1) % SLOTS;
	return at;
}

/* A row for a name that has none: a new one, or the smallest. */
static uint32_t
row_take(struct top_writer *w)
{
	if (w->used < TOP_ROWS) {
		w->heap[w->used] = w->place[w->used] = (uint16_t)w->used;
		return w->used++;
	}
	slot_free(w, slot_of_row(w, w->heap[0]));
	return w->heap[0];
}

static void
row_rename(struct top_row *r, struct slice name)
{
	__atomic_store_n(&r->turn, r->turn + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	r->name_n = (uint32_t)name.n;
	memcpy(r->name, name.p, name.n);
	board_set(&r->sums.errors, 0);
	board_set(&r->sums.bytes, 0);
	board_set(&r->sums.duration_us, 0);
	board_set(&r->sums.denied, 0);
	__atomic_store_n(&r->turn, r->turn + 1, __ATOMIC_RELEASE);
}

void
top_add(struct top_writer *w, struct slice name, const struct top_sums *more)
{
	struct siphash h;
	uint64_t hash;
	uint32_t slot, row;
	struct top_sums *sums;

	board_add(&w->page->total, more->requests);
	name = name_cut(name);
	if (name.n == 0)
		return;
	siphash_init(&h, w->secret);
	siphash_add(&h, name);
	hash = siphash_end(&h);
	slot = slot_of(w, name, hash);
	if (!w->slots[slot]) {
		row = row_take(w);
		row_rename(&w->page->row[row], name);
		w->hash[row] = hash;
		w->slots[slot_of(w, name, hash)] = (uint16_t)(row + 1);
	} else {
		row = w->slots[slot] - 1u;
	}
	sums = &w->page->row[row].sums;
	board_add(&sums->requests, more->requests);
	board_add(&sums->errors, more->errors);
	board_add(&sums->bytes, more->bytes);
	board_add(&sums->duration_us, more->duration_us);
	board_add(&sums->denied, more->denied);
	heap_up(w, w->place[row]);
	heap_down(w, w->place[row]);
}
