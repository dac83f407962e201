#include "lease.h"

#include "board.h"

#define ATTEMPTS 4096 /* no honest load comes near */

/* A word is, from its top: 40 bits of units, offset so that a row may owe; 23 bits of time in
 * 128 ms; one that says that somebody has asked for more. */
#define UNITS_SHIFT 24
#define UNITS_ZERO (INT64_C(1) << 39)
#define TIME_SHIFT 7 /* of ms */
#define TIME_MASK ((UINT64_C(1) << 23) - 1)
#define ASKED UINT64_C(1)
#define EMPTY ((uint64_t)UNITS_ZERO << UNITS_SHIFT)

static int64_t
units_of(uint64_t word)
{
	return (int64_t)(word >> UNITS_SHIFT) - UNITS_ZERO;
}

static uint64_t
with_units(uint64_t word, int64_t units)
{
	if (units > LEASE_UNITS_MAX)
		units = LEASE_UNITS_MAX;
	if (units < -LEASE_UNITS_MAX)
		units = -LEASE_UNITS_MAX;
	return (uint64_t)(units + UNITS_ZERO) << UNITS_SHIFT |
	       (word & ((UINT64_C(1) << UNITS_SHIFT) - 1));
}

static uint64_t
with_time(uint64_t word, uint64_t until_ms)
{
	return (word & ~(TIME_MASK << 1)) | (until_ms >> TIME_SHIFT & TIME_MASK) << 1;
}

/* Twelve days ahead and twelve behind cannot be told apart from each other: a row that nobody
 * renewed for so long has lost its key. */
static bool
is_good(uint64_t word, uint64_t now_ms)
{
	uint64_t ahead = ((word >> 1) - (now_ms >> TIME_SHIFT)) & TIME_MASK;

	return ahead <= (LEASE_GOOD_MS >> TIME_SHIFT) + 1;
}

/* As rate_swap. */
static bool
row_swap(struct lease_row *row, struct lease_row *seen, uint64_t tag, uint64_t word)
{
	union {
		struct lease_row row;
		unsigned __int128 word;
	} is, want = { .row = *seen }, to = { .row = { tag, word } };

	is.word = __sync_val_compare_and_swap((unsigned __int128 *)row, want.word, to.word);
	if (is.word == want.word)
		return true;
	*seen = is.row;
	return false;
}

static struct lease_row
row_read(const struct lease_row *row)
{
	return (struct lease_row){ __atomic_load_n(&row->tag, __ATOMIC_ACQUIRE),
				   __atomic_load_n(&row->word, __ATOMIC_ACQUIRE) };
}

static uint32_t
first_of(const struct lease_table *t, uint64_t key)
{
	return (uint32_t)(key % t->head.sets) * LEASE_ROWS;
}

static uint32_t
row_of(const struct lease_table *t, uint64_t key)
{
	uint32_t first = first_of(t, key);

	for (uint32_t i = first; i < first + LEASE_ROWS; i++) {
		if (__atomic_load_n(&t->rows[i].tag, __ATOMIC_ACQUIRE) == key)
			return i;
	}
	return LEASE_NO_ROW;
}

static uint64_t
from_now(uint64_t ms, uint64_t now_ms)
{
	return ms > now_ms ? ms - now_ms : 0;
}

/* What a row says; the word that it is to have then. */
static uint64_t
decide(const struct lease_table *t, uint64_t word, uint64_t cost, uint64_t now_ms,
       struct lease_result *out)
{
	const struct lease_news *news = &t->news[out->row];
	int64_t units = units_of(word);
	uint64_t closed = from_now(board_get(&news->closed_ms), now_ms);

	out->ask = false;
	out->reset_ms = from_now(board_get(&news->reset_ms), now_ms);
	out->left = board_get(&news->left);
	if (!is_good(word, now_ms) || board_get(&t->memory->up) == 0) {
		out->verdict = LEASE_ALONE;
		return word;
	}
	out->verdict = LEASE_TAKEN;
	if (units >= (int64_t)cost)
		units -= (int64_t)cost;
	else
		out->verdict = closed ? LEASE_CLOSED : LEASE_MORE;
	out->retry_ms = closed;
	if (units > 0)
		out->left += (uint64_t)units;
	out->ask = !(word & ASKED) && !closed &&
		   (out->verdict == LEASE_MORE || (uint64_t)units < board_get(&news->low));
	return with_units(word, units) | (out->ask ? ASKED : 0);
}

static void
none(const struct lease_table *t, struct lease_result *out)
{
	bool up = board_get(&t->memory->up) != 0;

	*out = (struct lease_result){ .verdict = up ? LEASE_MORE : LEASE_ALONE,
				      .row = LEASE_NO_ROW,
				      .ask = up };
}

void
lease_take(struct lease_table *t, uint64_t key, uint64_t cost, uint64_t now_ms,
	   struct lease_result *out)
{
	struct lease_row seen;

	out->row = row_of(t, key);
	if (out->row == LEASE_NO_ROW) {
		none(t, out);
		return;
	}
	seen = row_read(&t->rows[out->row]);
	for (int i = 0; i < ATTEMPTS && seen.tag == key; i++) {
		uint64_t word = decide(t, seen.word, cost, now_ms, out);

		if (word == seen.word || row_swap(&t->rows[out->row], &seen, key, word))
			return;
	}
	none(t, out);
}

void
lease_look(const struct lease_table *t, uint64_t key, uint64_t cost, uint64_t now_ms,
	   struct lease_result *out)
{
	out->row = row_of(t, key);
	if (out->row == LEASE_NO_ROW)
		none(t, out);
	else
		(void)decide(t, row_read(&t->rows[out->row]).word, cost, now_ms, out);
	out->ask = false;
}

/* Adds to the units of a row as long as it is the key's. */
static bool
add(struct lease_table *t, uint32_t row, uint64_t key, int64_t units)
{
	struct lease_row seen = row_read(&t->rows[row]);

	for (int i = 0; i < ATTEMPTS && seen.tag == key; i++) {
		if (row_swap(&t->rows[row], &seen, key,
			     with_units(seen.word, units_of(seen.word) + units)))
			return true;
	}
	return false;
}

bool
lease_charge(struct lease_table *t, uint64_t key, uint64_t cost)
{
	uint32_t row = row_of(t, key);

	return row != LEASE_NO_ROW && add(t, row, key, -(int64_t)cost);
}

void
lease_return(struct lease_table *t, uint64_t key, uint64_t cost)
{
	uint32_t row = row_of(t, key);

	if (row != LEASE_NO_ROW)
		(void)add(t, row, key, (int64_t)cost);
}

/* ---- the master's part ---- */

uint32_t
lease_open(struct lease_table *t, uint64_t key, uint64_t now_ms)
{
	uint32_t first = first_of(t, key), row = row_of(t, key);

	for (uint32_t i = first; i < first + LEASE_ROWS && row == LEASE_NO_ROW; i++) {
		struct lease_row seen = row_read(&t->rows[i]);

		if (seen.tag)
			continue;
		t->news[i] = (struct lease_news){ 0 };
		if (row_swap(&t->rows[i], &seen, key, with_time(EMPTY, now_ms + LEASE_GOOD_MS)))
			row = i;
	}
	return row;
}

int64_t
lease_units(const struct lease_table *t, uint32_t row)
{
	return units_of(row_read(&t->rows[row]).word);
}

bool
lease_wants(const struct lease_table *t, uint32_t row)
{
	return row_read(&t->rows[row]).word & ASKED;
}

/* Makes of the row's word another, until nobody was faster. */
static void
change(struct lease_table *t, uint32_t row, int64_t units, uint64_t now_ms, uint64_t keep)
{
	struct lease_row seen = row_read(&t->rows[row]);
	bool done = false;

	for (int i = 0; i < ATTEMPTS && !done; i++) {
		uint64_t word = with_units(seen.word, units_of(seen.word) + units) & keep;

		done = row_swap(&t->rows[row], &seen, seen.tag,
				with_time(word, now_ms + LEASE_GOOD_MS));
	}
}

void
lease_put(struct lease_table *t, uint32_t row, int64_t units, uint64_t now_ms)
{
	change(t, row, units, now_ms, ~ASKED);
}

void
lease_renew(struct lease_table *t, uint32_t row, uint64_t now_ms)
{
	change(t, row, 0, now_ms, UINT64_MAX);
}

static int64_t
replace(struct lease_table *t, uint32_t row, bool keep)
{
	struct lease_row seen = row_read(&t->rows[row]);

	for (int i = 0; i < ATTEMPTS; i++) {
		uint64_t word = keep ? with_units(seen.word, 0) : 0;

		if (row_swap(&t->rows[row], &seen, keep ? seen.tag : 0, word))
			return units_of(seen.word);
	}
	return 0;
}

int64_t
lease_drain(struct lease_table *t, uint32_t row)
{
	return replace(t, row, true);
}

int64_t
lease_close(struct lease_table *t, uint32_t row)
{
	return replace(t, row, false);
}
