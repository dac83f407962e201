#include "rate.h"

#include "rate_rows.h"

#include <errno.h>

static uint64_t
min64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Time that units take, saturating. */
static uint64_t
time_of(const struct rate_limit *l, uint64_t units)
{
	unsigned __int128 t;

	if (units <= 1)
		return units ? l->interval_ns : 0;
	t = (unsigned __int128)units * l->period_ns / l->count;
	return t > RATE_CLAIM ? RATE_CLAIM : (uint64_t)t;
}

/* The most units that take no more than this time: time_of() turned round, which rounds down. */
static uint64_t
units_of(const struct rate_limit *l, uint64_t ns)
{
	unsigned __int128 n = (unsigned __int128)(ns + 1) * l->count + l->period_ns - 1;

	return min64((uint64_t)(n / l->period_ns) - 1, l->burst);
}

int
rate_limit_init(struct rate_limit *l, uint64_t count, uint64_t seconds, uint64_t burst)
{
	if (count == 0 || seconds == 0 || burst == 0)
		return -EINVAL;
	if (count > RATE_COUNT_MAX || seconds > RATE_SECONDS_MAX || burst > RATE_COUNT_MAX)
		return -ERANGE;
	*l = (struct rate_limit){ .count = count,
				  .period_ns = seconds * UINT64_C(1000000000),
				  .burst = burst };
	l->interval_ns = l->period_ns / count;
	l->burst_ns = time_of(l, burst);
	return l->burst_ns > RATE_BURST_NS ? -ERANGE : 0;
}

void
rate_limit_share(const struct rate_limit *l, uint64_t n, struct rate_limit *out)
{
	n = n > 1 ? min64(n, UINT32_MAX) : 1;
	*out = (struct rate_limit){
		.count = l->count,
		.period_ns = l->period_ns > RATE_NEVER / n ? RATE_NEVER : l->period_ns * n,
		.burst = l->burst / n ? l->burst / n : 1,
	};
	/* One that comes back later than a burst may would never pass. */
	if (out->period_ns / out->count > RATE_BURST_NS)
		*out = (struct rate_limit){ .count = 1, .period_ns = RATE_BURST_NS, .burst = 1 };
	out->interval_ns = out->period_ns / out->count;
	out->burst_ns = min64(time_of(out, out->burst), RATE_BURST_NS);
}

void
rate_key_begin(const struct rate_table *t, struct siphash *h)
{
	siphash_init(h, t->head.secret);
}

uint64_t
rate_key_end(struct siphash *h)
{
	uint64_t tag = siphash_end(h);

	return tag ? tag : 1;
}

uint64_t
rate_key(const struct rate_table *t, const struct slice *parts, size_t n)
{
	struct siphash h;

	rate_key_begin(t, &h);
	for (size_t i = 0; i < n; i++)
		siphash_add_part(&h, parts[i]);
	return rate_key_end(&h);
}

struct question {
	const struct rate_limit *limit;
	uint64_t now;
	uint64_t cost_ns;
	uint64_t ahead_ns; /* farther than this from now no row may be */
	bool force;
	bool look;        /* nothing is spent */
	uint64_t back_ns; /* to be taken off, whatever is there */
	int attempts;     /* left; then it is refused */
};

/* What becomes of a row that is refilled at `due`, and what the caller hears. */
static uint64_t
decide(const struct question *q, uint64_t due, struct rate_result *out)
{
	const struct rate_limit *l = q->limit;
	uint64_t from = due > q->now ? min64(due - q->now, q->ahead_ns) : 0;
	uint64_t after = from + q->cost_ns;

	out->allowed = after <= l->burst_ns;
	out->retry_ns = out->allowed ? 0 : after - l->burst_ns;
	if (q->cost_ns > l->burst_ns)
		out->retry_ns = RATE_NEVER;
	if (q->back_ns)
		from -= min64(from, q->back_ns);
	else if (q->force)
		from = from > 2 * l->burst_ns ? from : min64(after, 2 * l->burst_ns);
	else if (out->allowed && !q->look)
		from = after;
	out->remaining = from <= l->burst_ns ? units_of(l, l->burst_ns - from) : 0;
	out->reset_ns = from;
	return from || q->back_ns ? q->now + from : due;
}

/* Decides by a row; false when it is no longer the key's. A refusal swaps too: it was decided by
 * two words that were read one after the other. */
static bool
settle(struct question *q, struct rate_row *row, struct rate_row *seen, struct rate_result *out)
{
	uint64_t tag = seen->tag;

	while (q->attempts-- > 0) {
		if (rate_swap(row, seen, tag, decide(q, seen->due, out)))
			return true;
		if (seen->tag != tag || (seen->due & RATE_CLAIM))
			return false;
	}
	return false;
}

/* The row for keys of this limit that have none. */
static struct rate_row *
shared_row(const struct question *q, struct rate_set *set)
{
	bool brief = q->limit->burst_ns <= RATE_SHORT_NS;

	return &set->shared[brief ? RATE_SHARED_SHORT : RATE_SHARED_LONG];
}

/* False when the key has got a row meanwhile: what was spent here stays spent. */
static bool
settle_shared(struct question q, struct rate_set *set, uint64_t tag, struct rate_result *out)
{
	struct rate_row *row = shared_row(&q, set);
	struct rate_row seen = { rate_load(&row->tag), rate_load(&row->due) };

	/* Not this limit's bound alone, or the briefest one would forget what the others spent. */
	q.ahead_ns = 2 * (q.limit->burst_ns <= RATE_SHORT_NS ? RATE_SHORT_NS : RATE_BURST_NS);
	for (int i = 0; i < RATE_ATTEMPTS; i++) {
		if (!rate_swap(row, &seen, 0, decide(&q, seen.due & ~RATE_CLAIM, out)))
			continue;
		out->shared = true;
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		return !rate_is_there(set, tag);
	}
	*out = (struct rate_result){ .shared = true,
				     .retry_ns = q.limit->burst_ns,
				     .reset_ns = q.limit->burst_ns };
	return true;
}

/* What a key's first row begins with: it may have passed by the shared row before. */
static uint64_t
first_due(const struct question *q, struct rate_set *set)
{
	uint64_t due = rate_load(&shared_row(q, set)->due) & ~RATE_CLAIM;

	return due > q->now ? q->now + min64(due - q->now, q->limit->burst_ns) : 0;
}

/* Gives the key a row and decides; false: look again. */
static bool
settle_first(struct rate_table *t, struct rate_set *set, uint64_t tag, struct question *q,
	     struct rate_row *claim, struct rate_result *out)
{
	struct rate_row *row;

	switch (rate_claim(t, set, tag, q->now, claim, &row)) {
	case RATE_AGAIN:
		return false;
	case RATE_FULL:
		return settle_shared(*q, set, tag, out);
	case RATE_CLAIMED:
		break;
	}
	return rate_swap(row, claim, tag, decide(q, first_due(q, set), out));
}

static void
ask(struct rate_table *t, uint64_t tag, struct question *q, struct rate_result *out)
{
	struct rate_set *set = rate_set_of(t, tag);
	struct rate_row seen, claim = { 0 }, *row;

	out->shared = false;
	while (q->attempts-- > 0) {
		row = rate_find(set, tag, &seen);
		if (row ? settle(q, row, &seen, out) : settle_first(t, set, tag, q, &claim, out))
			return;
		out->shared = false;
	}
	*out =
	    (struct rate_result){ .retry_ns = q->limit->burst_ns, .reset_ns = q->limit->burst_ns };
}

static struct question
question_of(const struct rate_limit *l, uint64_t cost, uint64_t now)
{
	return (struct question){ .limit = l,
				  .now = now,
				  .cost_ns = time_of(l, cost),
				  .ahead_ns = 2 * l->burst_ns,
				  .attempts = RATE_ATTEMPTS };
}

void
rate_take(struct rate_table *t, uint64_t key, const struct rate_limit *l, uint64_t cost,
	  uint64_t now, struct rate_result *out)
{
	struct question q = question_of(l, cost, now);

	ask(t, key, &q, out);
}

void
rate_charge(struct rate_table *t, uint64_t key, const struct rate_limit *l, uint64_t cost,
	    uint64_t now, struct rate_result *out)
{
	struct question q = question_of(l, cost, now);

	q.force = true;
	ask(t, key, &q, out);
}

/* Until when the row is taken that would decide; 0: for no time. */
static uint64_t
peek_due(const struct question *q, struct rate_set *set, uint64_t tag, bool *shared)
{
	struct rate_row seen, *row;

	for (int i = 0; i < RATE_ATTEMPTS && (row = rate_find(set, tag, &seen)) != NULL; i++) {
		if (rate_load(&row->tag) == tag) /* so it was the key's when its time was read */
			return seen.due;
	}
	*shared = !rate_has_room(set, q->now);
	return *shared ? rate_load(&shared_row(q, set)->due) & ~RATE_CLAIM : 0;
}

void
rate_peek(const struct rate_table *t, uint64_t key, const struct rate_limit *l, uint64_t cost,
	  uint64_t now, struct rate_result *out)
{
	struct question q = question_of(l, cost, now);
	uint64_t due;

	q.look = true;
	out->shared = false;
	due = peek_due(&q, rate_set_of(t, key), key, &out->shared);
	decide(&q, due, out);
}

void
rate_return(struct rate_table *t, uint64_t key, const struct rate_limit *l, uint64_t cost,
	    uint64_t then, const struct rate_result *taken, uint64_t now)
{
	struct question q = question_of(l, 0, now);
	uint64_t gone = now > then ? now - then : 0;
	struct rate_set *set = rate_set_of(t, key);
	struct rate_row seen, *row;
	struct rate_result out;

	/* Time has given back some of it where little else was spent. */
	q.back_ns = taken->reset_ns > gone ? min64(time_of(l, cost), taken->reset_ns - gone) : 0;
	if (q.back_ns == 0)
		return;
	if (taken->shared) {
		(void)settle_shared(q, set, key, &out);
		return;
	}
	/* One that lost its row meanwhile had it all back. */
	while (q.attempts > 0 && (row = rate_find(set, key, &seen)) != NULL) {
		if (settle(&q, row, &seen, &out))
			return;
	}
}
