/*
 * Sets of rules beside one another: copies, and drafts, which have what differs from the set under
 * them and nothing else, so that a change costs what it changes, however many rules there are.
 */

#include "rules_backend.h"
#include "rules_own.h"

#include "lib/xalloc.h"

#include <stdlib.h>

static void *
backend_share(void *p)
{
	struct rules_backend *b = p;

	b->shared++;
	return b;
}

static void
backend_release(void *p)
{
	backend_free(p);
}

static const struct {
	void (*free)(void *value);
	void *(*share)(void *value);
} kinds[SPACES] = {
	[SPACE_FRONTENDS] = { frontend_free, frontend_share },
	[SPACE_BACKENDS] = { backend_release, backend_share },
	[SPACE_REFUSALS] = { refusal_free, refusal_copy },
	[SPACE_NATIVES + NATIVE_ROUTE] = { native_free, native_share },
	[SPACE_NATIVES + NATIVE_UPSTREAM] = { native_free, native_share },
	[SPACE_NATIVES + NATIVE_POLICY] = { native_free, native_share },
	[SPACE_NATIVES + NATIVE_KEY] = { native_free, native_share },
};

/* ---- one name ---- */

void *
space_get(const struct rules *r, enum rules_space space, struct slice name)
{
	void **place = map_find(&r->spaces[space], name);

	if (place)
		return *place;
	return r->under ? map_get(&r->under->spaces[space], name) : NULL;
}

void
space_put(struct rules *r, enum rules_space space, struct slice name, void *value)
{
	kinds[space].free(map_set(&r->spaces[space], name, value));
}

void
space_share(struct rules *r, enum rules_space space, struct slice name, void *value)
{
	/* The name of a frontend is its own. */
	if (space == SPACE_FRONTENDS)
		name = slice_make(((struct rules_frontend *)value)->url, name.n);
	space_put(r, space, name, kinds[space].share(value));
}

void
space_drop(struct rules *r, enum rules_space space, struct slice name)
{
	void *own, *below = r->under ? map_get(&r->under->spaces[space], name) : NULL;

	if (below) {
		/* The name of a frontend has to last as long as the hole. */
		if (space == SPACE_FRONTENDS)
			name = slice_make(((struct rules_frontend *)below)->url, name.n);
		own = map_set(&r->spaces[space], name, NULL);
		r->holes = true;
	} else {
		own = map_take(&r->spaces[space], name);
	}
	kinds[space].free(own);
}

struct rules_refusal *
refusal_own(struct rules *r, struct slice key)
{
	struct rules_refusal *f = space_get(r, SPACE_REFUSALS, key);

	if (f && !map_get(&r->spaces[SPACE_REFUSALS], key)) {
		f = refusal_copy(f);
		space_put(r, SPACE_REFUSALS, key, f);
	}
	return f;
}

void
refusal_set_lost(struct rules *r, struct rules_refusal *f, bool lost)
{
	r->lost += lost - f->lost;
	f->lost = lost;
}

/* ---- sets ---- */

struct rules *
rules_new(void)
{
	struct rules *r = xcalloc(1, sizeof *r);

	r->spaces[SPACE_FRONTENDS].borrows = true;
	r->touched.all = r->unsaved.all = true;
	return r;
}

static void
rules_clear(struct rules *r)
{
	for (unsigned s = 0; s < SPACES; s++)
		map_deinit(&r->spaces[s], kinds[s].free);
	delta_deinit(&r->changes);
	map_deinit(&r->touched.keys, NULL);
	map_deinit(&r->unsaved.keys, NULL);
}

void
rules_free(struct rules *r)
{
	if (!r)
		return;
	rules_clear(r);
	free(r);
}

struct rules *
rules_copy(const struct rules *r)
{
	struct rules *to = rules_new();

	for (unsigned s = 0; s < SPACES; s++)
		map_copy(&to->spaces[s], &r->spaces[s], kinds[s].share);
	to->known = r->known;
	to->lost = r->lost;
	to->whole = r->whole;
	memcpy(to->sought, r->sought, sizeof to->sought);
	to->generation = r->generation;
	to->upstreams = r->upstreams;
	to->api_keys = r->api_keys;
	to->digest = r->digest;
	to->touched.all = to->unsaved.all = false;
	return to;
}

struct rules *
rules_draft(const struct rules *r)
{
	struct rules *d = rules_new();

	d->under = r;
	d->whole = r->whole;
	memcpy(d->sought, r->sought, sizeof d->sought);
	d->generation = d->born = r->generation;
	d->changes.most = DELTA_MAX;
	d->touched.all = d->unsaved.all = false;
	return d;
}

bool
rules_differ(const struct rules *draft)
{
	return draft->generation != draft->born;
}

/* ---- bringing in ---- */

static void
space_merge(struct rules *r, struct rules *draft, enum rules_space space)
{
	struct map *to = &r->spaces[space], *from = &draft->spaces[space];

	if (to->count == 0 && !draft->holes) {
		struct map empty = *to;

		*to = *from;
		*from = empty;
		return;
	}
	for (size_t i = 0; i < from->count; i++) {
		struct map_entry *e = &from->entries[i];

		if (e->value)
			space_put(r, space, map_name(e), e->value);
		else
			space_drop(r, space, map_name(e));
		e->value = NULL;
	}
}

static void
draft_merge(struct rules *r, struct rules *draft)
{
	for (unsigned s = 0; s < SPACES; s++)
		space_merge(r, draft, s);
	r->known += draft->known;
	r->lost += draft->lost;
	memcpy(r->sought, draft->sought, sizeof r->sought);
	if (draft->upstreams)
		r->upstreams = draft->upstreams;
	if (draft->api_keys)
		r->api_keys = draft->api_keys;
	digest_join(&r->digest, &draft->digest);
}

/* All but the changes and what was touched. */
static void
rules_swap(struct rules *r, struct rules *from)
{
	struct rules before = *r;

	*r = *from;
	r->changes = before.changes;
	r->touched = before.touched;
	r->unsaved = before.unsaved;
	before.changes = from->changes;
	before.touched = from->touched;
	before.unsaved = from->unsaved;
	*from = before;
}

void
rules_replace(struct rules *r, struct rules *from)
{
	uint64_t generation = r->generation + 1;

	r->changes.most = DELTA_MAX;
	if (from->under)
		draft_merge(r, from);
	else
		rules_swap(r, from);
	delta_compose(&r->changes, &from->changes);
	rules_touch_as(r, from);
	r->generation = generation;
	rules_free(from);
}
