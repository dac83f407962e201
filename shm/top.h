#pragma once

/*
 * top: who asks most, in fixed memory, with an error that is known. Each worker counts names on its
 * own page by Space-Saving (Metwally, Agrawal, El Abbadi 2005): a name that has no row takes that
 * of the smallest, and its count. A reader makes one list of many pages, as mergeable summaries
 * (Agarwal et al. 2012), and a list can be cut and published as a page again: that is how the
 * master keeps what workers counted that are gone.
 *
 * Of every name, listed or not (then `at least` is 0), it holds that
 *	at least <= the true number of requests <= at least + slack
 * and slack <= total / TOP_ROWS, however many pages, cuts and publications lie behind the list. As
 * long as there are fewer names than rows, slack is 0 and all is exact.
 */

#include "lib/map.h"
#include "lib/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define TOP_ROWS 512
#define TOP_NAME_MAX 128 /* bytes; longer names are cut, not within a character of UTF-8 */

struct top_sums {
	uint64_t requests;
	/* Of those while the name had a row: at least. */
	uint64_t errors, bytes, duration_us; /* errors: answered 5xx, or not at all */
	uint64_t denied;                     /* answered 4xx */
};

struct top_row {
	uint32_t turn; /* odd while the row changes hands */
	uint32_t name_n;
	struct top_sums sums; /* requests with those of the names before it */
	char name[TOP_NAME_MAX];
};

struct top { /* on a page that has one writer */
	uint64_t total;
	uint64_t slack; /* of a page that was published; 0 on a worker's */
	struct top_row row[TOP_ROWS];
};

/* For a worker: counts on a page of zeroes, which must outlive it. Kept for itself is what finds a
 * row and the smallest one. */
struct top_writer;
struct top_writer *top_writer_new(struct top *page);
void top_writer_free(struct top_writer *w);
/* An empty name is counted in the total alone. At most 2^63 requests in all. */
void top_add(struct top_writer *w, struct slice name, const struct top_sums *more);

struct top_entry {
	char *name;
	size_t name_n;
	struct top_sums sums; /* requests: at least */
};

struct top_list {
	uint64_t total, slack;
	struct top_entry *entries; /* not sorted before top_list_sort */
	size_t count, cap;
	struct map by_name; /* of entry + 1 */
};

#define TOP_LIST_INIT                                                                              \
	{                                                                                          \
		0                                                                                  \
	}

/* Adds what a page holds, while its writer goes on; once for each page. Whatever the page holds,
 * nothing is read outside of it; what it says about names is its writer's word. */
void top_list_add(struct top_list *l, const struct top *page);
/* What each name of `now` has more than in `before`, which is the same at an earlier time, both
 * published. Of every name it holds for what it asked for between that
 *	difference - slack before <= the true number <= difference + slack now
 * and over any number of differences, each from where the last one ended, that the sum does not lag
 * by more than the last slack. The slack stays that of `now`. */
void top_list_differ(struct top_list *now, const struct top_list *before);
/* What the list says of a name, to be changed; zeroes where it said nothing. */
struct top_sums *top_list_sums(struct top_list *l, struct slice name);
/* Most requests first, then by name. */
void top_list_sort(struct top_list *l);
/* Onto a page that this process alone writes; cuts the list to what fits. Who reads it meanwhile
 * gets whole rows of both lists: say with a word of your own that it changes, as board.h does. */
void top_list_publish(struct top_list *l, struct top *page);
void top_list_deinit(struct top_list *l);
