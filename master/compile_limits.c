/*
 * Limits, as the table has them: those with a name in the file once, those that a route has itself
 * with the route, and for each different set of them one run that policies refer to.
 */

#include "compile_candidate.h"
#include "limit_spec.h"

#include <stdio.h>

struct run {
	struct limit_run of;
	char why[160]; /* what could not be made; "": nothing */
};

/* ---- one limit ---- */

static bool
add_keys(struct work *w, const struct limit_spec *spec, struct table_limit *l)
{
	struct table_limit_key keys[LIMIT_KEYS_MAX];

	for (size_t i = 0; i < spec->keys_count; i++) {
		struct table_limit_key key = {
			.by = spec->keys[i].by,
			.name = seg_builder_string(&w->b->seg, spec->keys[i].name),
		};

		if (key.by == LIMIT_BY_CLAIM) {
			key.fact = table_builder_fact(w->b, spec->keys[i].name);
			if (key.fact == TRIE_NONE)
				return false;
		}
		keys[i] = key;
	}
	l->keys_count = (uint32_t)spec->keys_count;
	for (size_t i = 0; i < spec->keys_count; i++) {
		uint32_t at =
		    seg_builder_add(&w->b->seg, RULES_LIMIT_KEYS, &keys[i], sizeof keys[i]);

		l->keys_first = i == 0 ? at : l->keys_first;
	}
	return true;
}

/* Its index; TRIE_NONE: rules ask for too many claims. */
static uint32_t
add_limit(struct work *w, const struct limit_spec *spec, struct slice name, struct slice setting,
	  struct slice label)
{
	struct table_limit l = {
		.counts = spec->counts,
		.flags = spec->flags,
		.missing = spec->missing,
		.slot = slots_get(w->in->slots->limits, name),
		.seconds = spec->seconds,
		.window = spec->window,
		.rate = spec->rate,
		.name = seg_builder_string(&w->b->seg, name),
		.setting = seg_builder_string(&w->b->seg, setting),
		.label = seg_builder_string(&w->b->seg, label),
	};

	if (!add_keys(w, spec, &l))
		return TRIE_NONE;
	return seg_builder_add(&w->b->seg, RULES_LIMITS, &l, sizeof l);
}

static void
add_named(struct work *w, const char *section, const struct config_limit *all, size_t count,
	  bool under_way)
{
	for (size_t i = 0; i < count; i++) {
		struct buf BUF_CLEAN name = { 0 }, why = { 0 };
		struct limit_spec spec;
		const char *key;

		buf_addf(&name, "%s.%s", section, all[i].name);
		if (!limit_spec_of(&all[i], under_way, &spec, &key, &why) ||
		    add_limit(w, &spec, buf_slice(&name), buf_slice(&name),
			      slice_of(all[i].name)) == TRIE_NONE)
			w->overfull = true; /* what is wrong with its text was told before */
	}
}

/* ---- sets of them ---- */

static void
run_add(struct run *run, uint32_t index)
{
	for (uint32_t i = 0; i < run->of.count; i++) {
		if (run->of.index[i] == index)
			return;
	}
	if (run->of.count < LIMITS_MAX)
		run->of.index[run->of.count++] = index;
	else
		snprintf(run->why, sizeof run->why, "there are more than %u limits", LIMITS_MAX);
}

struct naming {
	const char *whose, *section; /* "file:users", "rates" */
	const char *where, *label;   /* "routes[]", "route" */
	const struct config_limit *all;
	size_t count;
	uint32_t first; /* index of those with a name */
	bool under_way;
};

static uint32_t
find_named(const struct naming *n, const char *name)
{
	for (size_t i = 0; i < n->count; i++) {
		if (strcmp(n->all[i].name, name) == 0)
			return n->first + (uint32_t)i;
	}
	return TRIE_NONE;
}

static uint32_t
add_own(struct work *w, const struct naming *n, const char *text, size_t i, size_t number)
{
	struct buf BUF_CLEAN name = { 0 }, setting = { 0 }, label = { 0 }, why = { 0 };
	struct limit_spec spec;

	if (!limit_spec_read(slice_of(text), n->under_way, &spec, &why))
		return TRIE_NONE;
	buf_addf(&name, "%s.%s[%zu]", n->whose, n->section, i);
	buf_addf(&setting, "%s.%s", n->where, n->section);
	buf_addf(&label, "%s", n->label);
	if (number > 1)
		buf_addf(&label, "-%zu", number);
	return add_limit(w, &spec, buf_slice(&name), buf_slice(&setting), buf_slice(&label));
}

static void
run_add_texts(struct work *w, const struct naming *n, const char *const *texts, size_t count,
	      struct run *run)
{
	size_t own = 0;

	for (size_t i = 0; i < count; i++) {
		bool named = limit_spec_is_name(texts[i]);
		uint32_t index =
		    named ? find_named(n, texts[i]) : add_own(w, n, texts[i], i, ++own);

		if (index != TRIE_NONE)
			run_add(run, index);
		else
			snprintf(run->why, sizeof run->why, "%s: \"%.80s\" cannot be had",
				 n->section, texts[i]);
	}
}

/* Of a route (NULL: of all). */
static void
run_add_limited(struct work *w, const struct config_route *r, const char *whose, struct run *run)
{
	const struct config_limited *l = r ? &r->limited : &w->in->config->limited;
	const struct config *c = w->in->config;
	const struct naming rates = { whose,
				      "rates",
				      r ? "routes[]" : "limits",
				      r ? "route" : "all",
				      c->rates,
				      c->rates_count,
				      0,
				      false };
	const struct naming concurrency = { whose,
					    "concurrency",
					    rates.where,
					    rates.label,
					    c->concurrency,
					    c->concurrency_count,
					    (uint32_t)c->rates_count,
					    true };

	run_add_texts(w, &concurrency, l->concurrency, l->concurrency_count, run);
	run_add_texts(w, &rates, l->rates, l->rates_count, run);
}

/* One that is there already serves again. */
static uint32_t
run_place(struct work *w, const struct run *run)
{
	struct slice bytes =
	    slice_make((const char *)run->of.index, run->of.count * sizeof run->of.index[0]);
	void **seen = map_put(&w->limited, bytes);
	uint32_t first = (uint32_t)(uintptr_t)*seen;

	if (first)
		return first - 1;
	for (uint32_t i = 0; i < run->of.count; i++) {
		uint32_t at = seg_builder_add(&w->b->seg, RULES_LIMITED, &run->of.index[i],
					      sizeof run->of.index[i]);

		first = i == 0 ? at + 1 : first;
	}
	*seen = (void *)(uintptr_t)first;
	return first - 1;
}

/* ---- all of them ---- */

/* What the default policy of a base has is what limits all routes. */
static void
all_of_base(struct work *w, const struct segment *base)
{
	const struct table_policy *p = table_policy(base, 0);
	struct run run = { .of.count = 0 };

	for (uint32_t i = 0; i < p->limits_count; i++) {
		const uint32_t *index =
		    seg_at(base, RULES_LIMITED, p->limits_first + i, sizeof *index);

		if (index)
			run_add(&run, *index);
	}
	w->limit_all = run.of;
}

void
compile_limits(struct work *w)
{
	const struct config *c = w->in->config;
	struct run run = { .of.count = 0 };

	if (w->b->seg.base) {
		all_of_base(w, w->b->seg.base);
		return;
	}
	add_named(w, "rates", c->rates, c->rates_count, false);
	add_named(w, "concurrency", c->concurrency, c->concurrency_count, true);
	run_add_limited(w, NULL, "limits", &run);
	w->overfull |= *run.why != '\0';
	w->limit_all = run.of;
}

bool
compile_limits_own(const struct config_route *r)
{
	const struct config_limited *l = &r->limited;
	bool own = false;

	for (size_t i = 0; i < l->rates_count; i++)
		own |= !limit_spec_is_name(l->rates[i]);
	for (size_t i = 0; i < l->concurrency_count; i++)
		own |= !limit_spec_is_name(l->concurrency[i]);
	return own;
}

const char *
compile_limited(struct work *w, const struct config_route *r, const char *id,
		struct table_policy *p)
{
	const struct segment *base = w->b->seg.base;
	struct run run = { .of = w->limit_all };

	if (base && (!r || r->limited.rates_count + r->limited.concurrency_count == 0)) {
		p->limits_first = table_policy(base, 0)->limits_first;
		p->limits_count = run.of.count;
		return NULL;
	}
	if (r)
		run_add_limited(w, r, id, &run);
	p->limits_count = run.of.count;
	p->limits_first = run.of.count ? run_place(w, &run) : 0;
	if (!*run.why)
		return NULL;
	w->overfull |= base != NULL;
	return compile_text(w, slice_of(run.why));
}
