#include "rules_recover.h"

#include "history.h"
#include "rules_own.h"

#include "lib/json.h"
#include "lib/xalloc.h"

#include <stdio.h>
#include <stdlib.h>

/* What the key was before it was refused; NULL: this revision does not say. */
static const char *
last_good(const struct delta_item *item)
{
	if (strcmp(item->after, "false") != 0)
		return item->after;
	return strcmp(item->before, "false") != 0 ? item->before : NULL;
}

/* The refusal stays, with the good value below it. One that was good once and is no longer is as
 * good as none. */
static void
put_below(struct rules *r, const struct rules_refusal *refusal, struct slice value)
{
	struct slice key = slice_make(refusal->key, refusal->key_n);
	char *name = xstrndup(key.p, key.n), *reason = xstrdup(refusal->reason);
	struct rules_native *native = native_share(refusal->native);
	struct rules_refusal *f;

	key.p = name;
	rules_unrefuse(r, key);
	rules_put(r, key, value);
	rules_unrefuse(r, key);
	rules_refuse(r, key, reason);
	f = refusal_own(r, key);
	refusal_hold(r, f, native);
	refusal_set_lost(r, f, !f->kept);
	free(reason);
	free(name);
}

static bool
any_lost(const struct rules *r)
{
	return r->lost + (r->under ? r->under->lost : 0) > 0;
}

static void
recover_from(struct rules *r, const struct delta *d)
{
	for (size_t i = 0; i < d->items.count; i++) {
		struct slice key = map_name(&d->items.entries[i]);
		const char *value = last_good(d->items.entries[i].value);
		const struct rules_refusal *f = rules_refusal_find(r, key);

		if (!f || !f->lost || !value)
			continue;
		if (strcmp(value, "null") != 0) {
			put_below(r, f, slice_of(value));
		} else {
			refusal_set_lost(r, refusal_own(r, key), false);
			rules_touch(r, key);
			r->generation++;
		}
	}
}

/* The refusal of the next key that the revision says it of, and that is refused here; NULL: there
 * is none. `at`: the key before it, NULL to begin with. */
static const struct rules_refusal *
next_never(const struct rules *r, const struct json *never, const struct json **at)
{
	const struct rules_refusal *f = NULL;

	while (!f && (*at = *at ? json_next(*at) : json_first(never)) != NULL) {
		if (json_kind(*at) == JSON_STRING)
			f = rules_refusal_find(r, json_text(*at));
	}
	return f;
}

static struct json *
read_never(const struct revision *revision)
{
	struct json *never = NULL;

	if (revision->never)
		(void)!json_parse(slice_of(revision->never), REVISION_NEVER_MAX, 1, &never);
	return never;
}

/* What the newest one says of those whose values the revisions do not have (any more). */
static void
recover_never(struct rules *r, const struct revision *newest)
{
	struct json *never = read_never(newest);
	const struct json *at = NULL;
	const struct rules_refusal *f;

	while (never && (f = next_never(r, never, &at)) != NULL) {
		struct slice key = slice_make(f->key, f->key_n);

		r->generation += f->lost;
		rules_touch(r, key);
		if (f->lost)
			refusal_set_lost(r, refusal_own(r, key), false);
	}
	json_free(never);
}

bool
rules_knows_better(const struct rules *r, const struct revision *revision)
{
	struct json *never = read_never(revision);
	const struct rules_refusal *f;
	const struct json *at = NULL;
	bool better = false;

	while (never && !better && (f = next_never(r, never, &at)) != NULL)
		better = f->kept;
	json_free(never);
	return better;
}

void
rules_never(const struct rules *r, bool first, struct buf *out)
{
	for (size_t i = 0; i < rules_refusals(r); i++) {
		const struct rules_refusal *f = rules_refusal_at(r, i);
		struct slice name, key = slice_make(f->key, f->key_n);
		enum native_kind kind;

		if (f->kept || (f->lost && !first) || !rules_native_key(key, &kind, &name) ||
		    native_name_fault(name))
			continue;
		buf_adds(out, out->n ? SLICE(",") : SLICE("["));
		buf_add_json(out, key);
	}
	if (out->n)
		buf_addc(out, ']');
	if (out->n > REVISION_NEVER_MAX)
		out->n = 0;
}

void
rules_recover(struct rules *r, const struct history *h)
{
	const struct revision *newest = history_newest(h);

	if (!newest || strcmp(r->sought, newest->id) == 0)
		return;
	for (size_t i = h->count; i-- > 0 && any_lost(r);) {
		struct delta d DELTA_CLEAN = { 0 };

		if (h->at[i]->delta && delta_read(&d, slice_of(h->at[i]->delta)) == 0)
			recover_from(r, &d);
	}
	recover_never(r, newest);
	snprintf(r->sought, sizeof r->sought, "%s", newest->id);
}
