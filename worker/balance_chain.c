/*
 * The plugins of redx. It balances in a chain: each plugin is given the servers that the ones
 * before it left, and leaves fewer, until there is one.
 */

#include "balance.h"

#include "sticky.h"

#include <math.h>

struct left {
	struct request *r;
	const struct table_upstream *up;
	const struct table_plugin *plugin;
	struct look *at;
	uint32_t n;
};

static double
score_of(const struct left *l, uint32_t i)
{
	return isfinite(l->at[i].e->score) ? l->at[i].e->score : 0;
}

static void
keep_one(struct left *l, uint32_t i)
{
	l->at[0] = l->at[i];
	l->n = 1;
}

static void
plugin_random(struct left *l)
{
	keep_one(l, (uint32_t)((uint64_t)look_random(l->r->worker) * l->n >> 24));
}

static double
extreme(const struct left *l, bool most)
{
	double found = score_of(l, 0);

	for (uint32_t i = 1; i < l->n; i++) {
		double score = score_of(l, i);

		if (most ? score > found : score < found)
			found = score;
	}
	return found;
}

/* All that are tied for the least or the most. */
static void
plugin_score(struct left *l)
{
	double wanted = extreme(l, l->plugin->kind == PLUGIN_SCORE_MOST);
	uint32_t n = 0;

	for (uint32_t i = 0; i < l->n; i++) {
		double score = score_of(l, i);

		if (score >= wanted && score <= wanted)
			l->at[n++] = l->at[i];
	}
	l->n = n;
}

/* The chances of one server; `from` - score or score - `from` is none for the worst of three. */
static double
chance_of(const struct left *l, uint32_t i, double least, double most)
{
	double score = score_of(l, i), chance;

	if (l->plugin->kind == PLUGIN_WEIGHTED_MOST)
		chance = l->n > 2 && score <= least ? 0 : score;
	else
		chance = (l->n > 2 ? most : l->plugin->max_score) - score;
	return chance > 0 ? chance : 0;
}

/* redx means: in proportion to the score, or to what it is below the highest one; that of two
 * servers would always be nothing for one of them, so there the backend has to say a highest. */
static void
plugin_weighted(struct left *l)
{
	double least = extreme(l, false), most = extreme(l, true), sum = 0, lot;
	uint32_t i = 0;

	if (most <= least ||
	    (l->plugin->kind == PLUGIN_WEIGHTED_LEAST && l->n == 2 && !l->plugin->has_max))
		return;
	for (uint32_t k = 0; k < l->n; k++)
		sum += chance_of(l, k, least, most);
	if (!(sum > 0) || !isfinite(sum))
		return;
	lot = sum * look_random(l->r->worker) * 0x1p-24;
	while (i + 1 < l->n && lot >= chance_of(l, i, least, most))
		lot -= chance_of(l, i++, least, most);
	keep_one(l, i);
}

static void
plugin_stickiness(struct left *l)
{
	for (uint32_t i = 0; i < l->n; i++) {
		if (sticky_is_named(l->r, l->up, l->at[i].e)) {
			keep_one(l, i);
			return;
		}
	}
}

static void (*const plugins[PLUGIN_N])(struct left *l) = {
	[PLUGIN_RANDOM] = plugin_random,          [PLUGIN_SCORE_LEAST] = plugin_score,
	[PLUGIN_SCORE_MOST] = plugin_score,       [PLUGIN_WEIGHTED_LEAST] = plugin_weighted,
	[PLUGIN_WEIGHTED_MOST] = plugin_weighted, [PLUGIN_STICKINESS] = plugin_stickiness,
};

/* Several are left: the one whose turn it is, or else any of them, since a neighbour of who was
 * left out would get two shares. */
static uint32_t
left_in_turn(const struct left *l, uint32_t turn)
{
	for (uint32_t i = 0; i < l->n; i++) {
		if (l->at[i].at == l->up->first + turn)
			return i;
	}
	return look_random(l->r->worker) % l->n;
}

struct choice
balance_chain(struct request *r, const struct table_upstream *up, uint32_t turn)
{
	struct left l = { r, up, .at = arena_alloc(&r->arena, up->count * sizeof *l.at) };

	for (uint32_t i = 0; i < up->count; i++) {
		l.at[l.n] = look_at(r, up, up->first + i);
		l.n += look_serves(r->worker, &l.at[l.n]);
	}
	for (uint32_t i = 0; i < up->plugins_count && l.n > 1; i++) {
		l.plugin =
		    table_plugin(r->table->segments[SEGMENT_ENDPOINTS], up->plugins_first + i);
		plugins[l.plugin->kind](&l);
	}
	if (l.n == 0)
		return (struct choice){ 0 };
	return (struct choice){ l.at[left_in_turn(&l, turn)].at, true, true };
}
