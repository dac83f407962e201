#include "limiter.h"

#include "units.h"
#include "peers.h"
#include "worker.h"

#include "lib/clock.h"

#include <assert.h>

#define CHARGE_BYTES 65536u /* before they are charged while they still flow */

/* ---- what kind it is ---- */

static bool
is_real(const struct limit_use *u)
{
	return !u->shadow;
}

static bool
is_rate(const struct limit_use *u)
{
	return u->applies && u->counts != LIMIT_UNDER_WAY;
}

/* Bytes are charged when they pass: until then it is enough that there is room for one. */
static bool
is_taken(const struct request *r, const struct limit_use *u)
{
	return u->counts == LIMIT_REQUESTS && !r->rehearsed;
}

/* ---- requests at a time ---- */

static void
enter(struct request *r, struct limit_use *u)
{
	struct worker *w = r->worker;
	const struct worker_peers *p = w->peers;
	uint32_t most = (uint32_t)u->rate.burst;

	if (r->rehearsed) {
		u->refuses = limiter_under_way(w, u->key) >= most;
		return;
	}
	u->row = busy_enter(&w->page->busy, p->busy, p->busy_count, u->key, most);
	u->refuses = u->row >= BUSY_FULL;
	if (u->row == BUSY_FULL)
		board_add(&w->page->counts.counter[COUNTER_concurrency_full], 1);
}

static void
leave(struct request *r)
{
	for (uint32_t i = 0; i < r->limits->count; i++) {
		struct limit_use *u = &r->limits->use[i];

		busy_leave(&r->worker->page->busy, u->row);
		u->row = BUSY_REFUSED;
	}
}

uint64_t
limiter_under_way(const struct worker *w, uint64_t key)
{
	uint64_t sum = busy_count(&w->page->busy, key);

	for (size_t i = 0; i < w->peers->busy_count; i++)
		sum += busy_count(w->peers->busy[i], key);
	return sum;
}

/* ---- rates ---- */

static void
note_shared(struct request *r, const struct limit_use *u)
{
	if (u->result.shared)
		board_add(&r->worker->page->counts.counter[COUNTER_rates_shared], 1);
}

static void
look(struct request *r, struct limit_use *u, uint64_t now)
{
	if (u->fleet) {
		units_look(r, u, now);
		return;
	}
	rate_peek(&r->worker->rates, u->key, &u->rate, 1, now, &u->result);
	u->refuses = !u->result.allowed;
	note_shared(r, u);
}

static void
take(struct request *r, struct limit_use *u, uint64_t now)
{
	if (u->fleet) {
		units_take(r, u, now);
		return;
	}
	rate_take(&r->worker->rates, u->key, &u->rate, 1, now, &u->result);
	u->refuses = !u->result.allowed;
	note_shared(r, u);
}

/* Those before `end` have let it in, and it is refused all the same. */
static void
give_back(struct request *r, uint32_t end, uint64_t then)
{
	uint64_t now = clock_mono_ns();

	for (uint32_t i = 0; i < end; i++) {
		struct limit_use *u = &r->limits->use[i];

		if (!is_real(u) || !is_rate(u) || !is_taken(r, u))
			continue;
		if (u->fleet)
			units_return(r, u);
		else
			rate_return(&r->worker->rates, u->key, &u->rate, 1, then, &u->result, now);
	}
}

/* All of them are looked at, so that the answer tells of each. */
static bool
all_look_open(struct request *r, uint64_t now)
{
	bool open = true;

	for (uint32_t i = 0; i < r->limits->count; i++) {
		struct limit_use *u = &r->limits->use[i];

		if (!is_real(u) || !is_rate(u))
			continue;
		look(r, u, now);
		open &= !u->refuses;
	}
	return open;
}

/* Between looking and taking another worker may have been faster. */
static bool
all_taken(struct request *r, uint64_t now)
{
	for (uint32_t i = 0; i < r->limits->count; i++) {
		struct limit_use *u = &r->limits->use[i];

		if (!is_real(u) || !is_rate(u) || !is_taken(r, u))
			continue;
		take(r, u, now);
		if (!u->refuses)
			continue;
		give_back(r, i, now);
		return false;
	}
	return true;
}

/* ---- the policy ---- */

static void
use_init(struct request *r, struct limit_use *u, const struct table_limit *l)
{
	*u = (struct limit_use){
		.limit = l,
		.rate = l->rate,
		.counts = l->counts,
		.slot = l->slot < BOARD_LIMITS ? l->slot : 0,
		.row = BUSY_REFUSED,
		.shadow = (l->flags & LIMIT_SHADOW) != 0,
	};
	u->applies = limit_key(r, l, &u->key);
	if (u->applies && l->flags & LIMIT_FLEET)
		u->fleet = units_describe(r, l, u->key);
}

static struct limit_uses *
uses_make(struct request *r)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	uint32_t n = r->policy.limits_count;
	struct limit_uses *all = arena_alloc(&r->arena, sizeof *all + n * sizeof all->use[0]);

	*all = (struct limit_uses){ .count = n };
	for (uint32_t i = 0; i < n; i++) {
		const struct table_limit *l = table_limited(rules, r->policy.limits_first + i);

		use_init(r, &all->use[i], l);
		all->bytes |=
		    all->use[i].applies && l->counts >= LIMIT_BYTES_IN && l->counts <= LIMIT_BYTES;
		all->rates += is_real(&all->use[i]) && is_rate(&all->use[i]);
	}
	return all;
}

static bool
all_entered(struct request *r)
{
	for (uint32_t i = 0; i < r->limits->count; i++) {
		struct limit_use *u = &r->limits->use[i];

		if (!is_real(u) || !u->applies || u->counts != LIMIT_UNDER_WAY)
			continue;
		enter(r, u);
		if (u->refuses)
			return false;
	}
	return true;
}

/* Each by itself, and only for those that pass. */
static void
ask_shadows(struct request *r, uint64_t now)
{
	for (uint32_t i = 0; i < r->limits->count; i++) {
		struct limit_use *u = &r->limits->use[i];

		if (!u->shadow || !u->applies)
			continue;
		if (u->counts == LIMIT_UNDER_WAY)
			enter(r, u);
		else if (is_taken(r, u))
			take(r, u, now);
		else
			look(r, u, now);
		if (u->refuses && !r->rehearsed)
			board_add(&r->worker->page->counts.limit[u->slot].shadowed, 1);
	}
}

static enum verdict
refuse(struct request *r)
{
	const struct limit_use *u = limiter_refusing(r);

	assert(u); /* that is why */
	leave(r);
	r->limits->bytes = false; /* what a refusal costs is not charged */
	r->limits->setting = arena_string(
	    &r->arena, seg_string(r->table->segments[SEGMENT_RULES], u->limit->setting));
	r->reason = u->counts == LIMIT_UNDER_WAY ? REASON_concurrency_limited : REASON_rate_limited;
	if (!r->rehearsed)
		board_add(&r->worker->page->counts.limit[u->slot].refused, 1);
	return REPLY;
}

/* Nothing refuses it but that which waits. */
static bool
only_waits(const struct request *r)
{
	bool waits = false;

	for (uint32_t i = 0; i < r->limits->count; i++) {
		const struct limit_use *u = &r->limits->use[i];

		if (u->refuses && !u->shadow && !u->waits)
			return false;
		waits |= u->waits;
	}
	return waits;
}

static enum verdict
refuse_or_wait(struct request *r)
{
	if (!only_waits(r))
		return refuse(r);
	leave(r);
	r->limits->bytes = false; /* who goes away meanwhile has passed nothing */
	return WAIT;
}

static enum verdict
decide(struct request *r)
{
	uint64_t now = clock_mono_ns();

	r->limits = uses_make(r);
	if (!all_entered(r)) {
		(void)all_look_open(r, now); /* for what the answer tells */
		return refuse(r);
	}
	if ((r->limits->rates > 1 || r->limits->bytes || r->rehearsed) && !all_look_open(r, now))
		return refuse_or_wait(r);
	if (!all_taken(r, now))
		return refuse_or_wait(r);
	ask_shadows(r, now);
	return PASS;
}

enum verdict
limiter_policy(struct request *r)
{
	enum verdict verdict;

	if (r->policy.limits_count == 0)
		return PASS;
	if (r->units_until && worker_now(r->worker) >= r->units_until)
		r->units_late = true;
	do
		verdict = decide(r);
	while (verdict == WAIT && !units_wait(r));
	return verdict;
}

const struct limit_use *
limiter_refusing(const struct request *r)
{
	const struct limit_use *worst = NULL;

	for (uint32_t i = 0; r->limits && i < r->limits->count; i++) {
		const struct limit_use *u = &r->limits->use[i];

		if (u->refuses && !u->shadow &&
		    (!worst || u->result.retry_ns > worst->result.retry_ns))
			worst = u;
	}
	return worst;
}

/* ---- afterwards ---- */

static uint64_t
bytes_of(const struct limit_use *u, uint64_t in, uint64_t out)
{
	switch ((enum limit_counts)u->counts) {
	case LIMIT_BYTES_IN:
		return in;
	case LIMIT_BYTES_OUT:
		return out;
	case LIMIT_BYTES:
		return in + out;
	case LIMIT_REQUESTS:
	case LIMIT_UNDER_WAY:
	case LIMIT_COUNTS_N:
		break;
	}
	return 0;
}

static void
charge(struct request *r, uint64_t in, uint64_t out)
{
	uint64_t now = clock_mono_ns();

	for (uint32_t i = 0; i < r->limits->count; i++) {
		struct limit_use *u = &r->limits->use[i];
		uint64_t bytes = u->applies ? bytes_of(u, in, out) : 0;
		struct rate_result unused;

		if (bytes > 0 && u->fleet)
			units_charge(r, u, bytes);
		else if (bytes > 0)
			rate_charge(&r->worker->rates, u->key, &u->rate, bytes, now, &unused);
	}
}

void
limiter_passed(struct request *r, bool end)
{
	struct limit_uses *all = r->limits;
	uint64_t in = r->bytes_in - all->in, out = r->bytes_out - all->out;

	if (!all->bytes || (!end && in + out < CHARGE_BYTES))
		return;
	all->in = r->bytes_in;
	all->out = r->bytes_out;
	charge(r, in, out);
}

void
limiter_end(struct request *r)
{
	if (r->rehearsed)
		return;
	limiter_passed(r, true);
	leave(r);
}
