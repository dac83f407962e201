#include "balance.h"

#include "sticky.h"

#define LOOK_AT_ALL 32u /* endpoints; of more, so many are looked at: */
#define LOOKS 16u
#define LOTS 8u /* drawn until one serves */

static const struct choice nobody = { 0 };

/* The one at this place of the circle of weights. */
static uint32_t
at_weight(const struct segment *seg, const struct table_upstream *up, uint64_t at)
{
	for (uint32_t i = 0; i < up->count; i++) {
		const struct table_endpoint *e = table_endpoint(seg, up->first + i);

		if (!e || at < e->weight)
			return i;
		at -= e->weight;
	}
	return 0;
}

static bool
weighs_the_same(const struct table_upstream *up)
{
	return up->weight_total <= up->count;
}

/* Whose turn is it? */
static uint32_t
turn_of(const struct segment *seg, const struct table_upstream *up, uint32_t turn)
{
	if (weighs_the_same(up))
		return turn % up->count;
	return at_weight(seg, up, (uint64_t)turn * up->stride % up->weight_total);
}

#define TURNS 64u /* that are passed over until somebody is looked for elsewhere */

/* Whose turn it is of those that may serve: who may not passes the turn on, and not to a neighbour,
 * which would get two shares. *serves: false when nobody was met that may. */
static uint32_t
take_turn(struct request *r, const struct table_upstream *up, bool *serves)
{
	const struct segment *seg = r->table->segments[SEGMENT_ENDPOINTS];
	uint32_t *turns = &r->table->turns[r->upstream_index];
	uint32_t most = up->count < TURNS ? up->count : TURNS, turn;

	do {
		struct look l;

		turn = turn_of(seg, up, (*turns)++);
		l = look_at(r, up, up->first + turn);
		*serves = look_serves(r->worker, &l);
	} while (!*serves && --most > 0);
	return turn;
}

/* None that is looked for was found: the best of all others. */
static struct choice
last_resort(const struct request *r, const struct table_upstream *up, const struct look *best)
{
	enum standing least = up->flags & UPSTREAM_ALL_DOWN_FAIL ? STANDING_FULL : STANDING_DEAD;
	struct choice c = { .endpoint = best->at, .resolved = best->standing != STANDING_UNFIT };

	if (best->standing >= least)
		c.full = look_is_full(r->worker, up, best->e);
	c.found = best->standing >= least && !c.full;
	c.last = c.found && best->standing < STANDING_FULL;
	return c;
}

/* From `turn` on the first that may serve. */
static struct choice
choose_any(struct request *r, const struct table_upstream *up, uint32_t turn)
{
	struct look best = { .standing = STANDING_UNFIT };

	for (uint32_t i = 0; i < up->count; i++) {
		struct look l = look_at(r, up, up->first + (turn + i) % up->count);

		if (look_serves(r->worker, &l))
			return (struct choice){ l.at, true, true };
		if (look_is_better(&l, &best))
			best = l;
	}
	return last_resort(r, up, &best);
}

/* The fewest requests under way for its weight, so far. */
struct contest {
	struct choice choice;
	uint64_t load, weight;
};

static void
contest_enter(struct contest *c, struct worker *w, const struct look *l)
{
	uint64_t load = look_load(w, l->e), weight = (uint64_t)l->e->weight * l->share;

	load += load >
		0; /* with it as one more; but of those that have nothing to do the turn decides */
	if (c->choice.found && load * c->weight >= c->load * weight)
		return;
	*c = (struct contest){ { l->at, true, true }, load, weight };
}

/* Of those that may serve the one with the fewest requests under way for its weight, and of equals
 * the one whose turn comes first. Many are not all looked at: the best of a few at random is nearly
 * as good. */
static struct choice
choose_least(struct request *r, const struct table_upstream *up, uint32_t turn)
{
	uint32_t looks = up->count <= LOOK_AT_ALL ? up->count : LOOKS;
	struct contest best = { 0 };

	for (uint32_t i = 0; i < looks; i++) {
		uint32_t skip = looks == up->count ? i : look_random(r->worker);
		struct look l = look_at(r, up, up->first + (turn + skip) % up->count);

		if (l.standing < STANDING_RISING)
			continue;
		if (!look_is_counted(l.e))
			return nobody;
		contest_enter(&best, r->worker, &l);
	}
	return best.choice;
}

/* Any of them, with chances by weight. */
static struct look
draw(struct request *r, const struct table_upstream *up)
{
	const struct segment *seg = r->table->segments[SEGMENT_ENDPOINTS];
	uint64_t lot = look_random(r->worker);

	if (weighs_the_same(up))
		return look_at(r, up, up->first + (uint32_t)(lot * up->count >> 24));
	return look_at(r, up, up->first + at_weight(seg, up, lot * up->weight_total >> 24));
}

static struct choice
choose_random(struct request *r, const struct table_upstream *up)
{
	for (unsigned i = 0; i < LOTS; i++) {
		struct look l = draw(r, up);

		if (look_serves(r->worker, &l))
			return (struct choice){ l.at, true, true };
	}
	return nobody;
}

static struct choice
choose_two(struct request *r, const struct table_upstream *up)
{
	struct look first = { .e = NULL };
	struct contest best = { 0 };

	for (unsigned i = 0; i < LOTS; i++) {
		struct look l = draw(r, up);

		if (l.standing < STANDING_RISING || (first.e && l.at == first.at))
			continue;
		if (!look_is_counted(l.e))
			return nobody;
		contest_enter(&best, r->worker, &l);
		if (first.e)
			break;
		first = l;
	}
	return best.choice;
}

/* Those that a turn is nothing to, and those that it decides between equals of. */
static struct choice (*const drawn[BALANCE_N])(struct request *r,
					       const struct table_upstream *up) = {
	[BALANCE_RANDOM] = choose_random,
	[BALANCE_TWO] = choose_two,
	[BALANCE_HASH] = balance_hash,
};
static struct choice (*const turned[BALANCE_N])(struct request *r, const struct table_upstream *up,
						uint32_t turn) = {
	[BALANCE_LEAST] = choose_least, [BALANCE_CHAIN] = balance_chain, /* BALANCE_ROUND_ROBIN: the
									    turn is all */
};

struct choice
balance_choose(struct request *r, const struct table_upstream *up)
{
	struct choice choice = nobody;
	bool serves;
	uint32_t turn;

	if (up->sticky && up->balance != BALANCE_CHAIN)
		choice = sticky_choose(r, up);
	if (!choice.found && drawn[up->balance])
		choice = drawn[up->balance](r, up);
	if (choice.found)
		return choice;
	turn = take_turn(r, up, &serves);
	if (turned[up->balance])
		choice = turned[up->balance](r, up, turn);
	if (!choice.found && serves)
		choice = (struct choice){ up->first + turn, true, true };
	return choice.found ? choice : choose_any(r, up, turn);
}
