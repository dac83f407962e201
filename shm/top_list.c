#include "top.h"

#include "board.h"

#include "lib/xalloc.h"

#include <stdlib.h>

#define TRIES 8

static struct top_entry *
entry_of(struct top_list *l, struct slice name)
{
	void **place = map_put(&l->by_name, name);

	if (!*place) {
		if (l->count == l->cap) {
			l->cap = l->cap ? 2 * l->cap : 64;
			l->entries = xrealloc(l->entries, l->cap * sizeof *l->entries);
		}
		l->entries[l->count++] =
		    (struct top_entry){ .name = xstrndup(name.p, name.n), .name_n = name.n };
		*place = (void *)(uintptr_t)l->count;
	}
	return &l->entries[(uintptr_t)*place - 1];
}

struct top_sums *
top_list_sums(struct top_list *l, struct slice name)
{
	return &entry_of(l, name)->sums;
}

/* A row that is in one hand; false when it is free, or changes hands all the time: then it is one
 * of the smallest, as if it were not there. */
static bool
row_read(const struct top_row *row, struct top_row *out)
{
	for (int i = 0; i < TRIES; i++) {
		uint32_t turn = __atomic_load_n(&row->turn, __ATOMIC_ACQUIRE);

		memcpy(out, row, sizeof *out);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (turn % 2 == 0 && __atomic_load_n(&row->turn, __ATOMIC_RELAXED) == turn)
			return out->name_n > 0 && out->name_n <= TOP_NAME_MAX;
	}
	return false;
}

/* The count of the smallest row, or 0 as long as some are free. */
static uint64_t
page_least(const struct top *page)
{
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < TOP_ROWS; i++) {
		uint64_t n = board_get(&page->row[i].sums.requests);

		least = n < least ? n : least;
	}
	return least;
}

void
top_list_add(struct top_list *l, const struct top *page)
{
	struct top_row *rows = xmalloc(sizeof page->row);
	uint64_t least;
	size_t n = 0;

	for (unsigned i = 0; i < TOP_ROWS; i++)
		n += row_read(&page->row[i], &rows[n]);
	/* After them: the smallest only grows, and a name that came to a row meanwhile must not be
	 * taken for one that earned its count. */
	least = page_least(page);
	l->slack += board_get(&page->slack) + least;
	l->total += board_get(&page->total);
	for (size_t i = 0; i < n; i++) {
		struct top_entry *e;

		if (rows[i].sums.requests <= least)
			continue;
		e = entry_of(l, slice_make(rows[i].name, rows[i].name_n));
		e->sums.requests += rows[i].sums.requests - least;
		e->sums.errors += rows[i].sums.errors;
		e->sums.bytes += rows[i].sums.bytes;
		e->sums.duration_us += rows[i].sums.duration_us;
		e->sums.denied += rows[i].sums.denied;
	}
	free(rows);
}

static int
compare_entries(const void *a, const void *b)
{
	const struct top_entry *x = a, *y = b;
	size_t n = x->name_n < y->name_n ? x->name_n : y->name_n;
	int order;

	if (x->sums.requests != y->sums.requests)
		return x->sums.requests < y->sums.requests ? 1 : -1;
	order = memcmp(x->name, y->name, n);
	if (order == 0)
		order = x->name_n < y->name_n ? -1 : x->name_n > y->name_n;
	return order;
}

void
top_list_sort(struct top_list *l)
{
	if (l->count > 0)
		qsort(l->entries, l->count, sizeof *l->entries, compare_entries);
	for (size_t i = 0; i < l->count; i++)
		*map_put(&l->by_name, slice_make(l->entries[i].name, l->entries[i].name_n)) =
		    (void *)(uintptr_t)(i + 1);
}

/* To fewer than TOP_ROWS entries, as Misra and Gries would: what the first one that goes has is
 * taken from all and becomes slack. It is taken from TOP_ROWS at least, so slack stays below
 * total / TOP_ROWS. A page with a free row is one without a smallest. */
static void
list_cut(struct top_list *l)
{
	uint64_t cut;
	size_t kept = 0;

	top_list_sort(l);
	if (l->count < TOP_ROWS)
		return;
	cut = l->entries[TOP_ROWS - 1].sums.requests;
	l->slack += cut;
	map_deinit(&l->by_name, NULL);
	for (size_t i = 0; i < l->count; i++) {
		struct top_entry *e = &l->entries[i];

		if (e->sums.requests <= cut) {
			free(e->name);
			continue;
		}
		e->sums.requests -= cut;
		l->entries[kept++] = *e;
	}
	l->count = kept;
	top_list_sort(l);
}

/* Turns by turns, so that no reader takes one name's numbers for another's. */
static void
row_publish(struct top_row *row, const struct top_entry *e)
{
	__atomic_store_n(&row->turn, row->turn + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	row->name_n = e ? (uint32_t)e->name_n : 0;
	if (e)
		memcpy(row->name, e->name, e->name_n);
	board_set(&row->sums.requests, e ? e->sums.requests : 0);
	board_set(&row->sums.errors, e ? e->sums.errors : 0);
	board_set(&row->sums.bytes, e ? e->sums.bytes : 0);
	board_set(&row->sums.duration_us, e ? e->sums.duration_us : 0);
	board_set(&row->sums.denied, e ? e->sums.denied : 0);
	__atomic_store_n(&row->turn, row->turn + 1, __ATOMIC_RELEASE);
}

void
top_list_publish(struct top_list *l, struct top *page)
{
	list_cut(l);
	board_set(&page->total, l->total);
	board_set(&page->slack, l->slack);
	for (size_t i = 0; i < TOP_ROWS; i++)
		row_publish(&page->row[i], i < l->count ? &l->entries[i] : NULL);
}

/* By how much a counter rose; one that fell was begun anew, and what it has now may be old. */
static void
word_differ(uint64_t *now, uint64_t before)
{
	*now = *now > before ? *now - before : 0;
}

void
top_list_differ(struct top_list *now, const struct top_list *before)
{
	word_differ(&now->total, before->total);
	for (size_t i = 0; i < now->count; i++) {
		struct top_entry *e = &now->entries[i];
		uintptr_t place =
		    (uintptr_t)map_get(&before->by_name, slice_make(e->name, e->name_n));
		const struct top_sums *old = place ? &before->entries[place - 1].sums : NULL;

		if (!old)
			continue;
		word_differ(&e->sums.requests, old->requests);
		word_differ(&e->sums.errors, old->errors);
		word_differ(&e->sums.bytes, old->bytes);
		word_differ(&e->sums.duration_us, old->duration_us);
		word_differ(&e->sums.denied, old->denied);
	}
}

void
top_list_deinit(struct top_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->entries[i].name);
	free(l->entries);
	map_deinit(&l->by_name, NULL);
	*l = (struct top_list)TOP_LIST_INIT;
}
