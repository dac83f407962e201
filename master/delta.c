#include "delta.h"

#include "lib/json.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <stdlib.h>

#define DEPTH 3 /* the list, an item, a value that is an object */

static void
item_free(void *p)
{
	struct delta_item *i = p;

	if (!i)
		return;
	free(i->before);
	free(i->after);
	free(i);
}

void
delta_deinit(struct delta *d)
{
	map_deinit(&d->items, item_free);
	d->bytes = 0;
	d->large = false;
}

bool
delta_is_empty(const struct delta *d)
{
	return !d->large && d->items.count == 0;
}

/* ---- changing ---- */

/* Once it is too much, it is so until it is emptied. */
static void
delta_enlarge(struct delta *d)
{
	delta_deinit(d);
	d->large = true;
}

void
delta_put(struct delta *d, struct slice key, struct slice before, struct slice after)
{
	struct delta_item **place, *i;

	if (d->large)
		return;
	place = (struct delta_item **)map_put(&d->items, key);
	i = *place;
	if (!i) {
		i = *place = xcalloc(1, sizeof *i);
		i->before = xstrndup(before.p, before.n);
	}
	if (slice_eq(slice_of(i->before), after)) {
		map_take(&d->items, key);
		item_free(i);
		return;
	}
	free(i->after);
	i->after = xstrndup(after.p, after.n);
	d->bytes += key.n + before.n + after.n;
	if (d->most && d->bytes > d->most)
		delta_enlarge(d);
}

void
delta_compose(struct delta *d, const struct delta *next)
{
	if (next->large)
		delta_enlarge(d);
	for (size_t k = 0; k < next->items.count && !d->large; k++) {
		const struct map_entry *e = &next->items.entries[k];
		const struct delta_item *i = e->value;

		delta_put(d, map_name(e), slice_of(i->before), slice_of(i->after));
	}
}

void
delta_invert(struct delta *d)
{
	for (size_t k = 0; k < d->items.count; k++) {
		struct delta_item *i = d->items.entries[k].value;
		char *before = i->before;

		i->before = i->after;
		i->after = before;
	}
}

/* ---- writing ---- */

static int
entry_compare(const void *a, const void *b)
{
	const struct map_entry *x = *(const struct map_entry *const *)a;
	const struct map_entry *y = *(const struct map_entry *const *)b;
	int r = memcmp(x->name, y->name, x->n < y->n ? x->n : y->n);

	return r ? r : (x->n > y->n) - (x->n < y->n);
}

const struct map_entry **
delta_sorted(const struct delta *d)
{
	const struct map_entry **sorted = xcalloc(d->items.count, sizeof *sorted);

	for (size_t i = 0; i < d->items.count; i++)
		sorted[i] = &d->items.entries[i];
	if (d->items.count > 1)
		qsort(sorted, d->items.count, sizeof *sorted, entry_compare);
	return sorted;
}

void
delta_write(const struct delta *d, struct buf *out)
{
	static const char large[] = "\"it is too large to be kept\"";
	const struct map_entry **sorted = delta_sorted(d);
	size_t start = out->n;

	buf_addc(out, '[');
	for (size_t k = 0; k < d->items.count; k++) {
		const struct delta_item *i = sorted[k]->value;

		buf_adds(out, k ? SLICE(",{\"key\":") : SLICE("{\"key\":"));
		buf_add_json(out, map_name(sorted[k]));
		buf_addf(out, ",\"before\":%s,\"after\":%s}", i->before, i->after);
	}
	buf_addc(out, ']');
	free(sorted);
	if (!d->large && out->n - start <= DELTA_MAX)
		return;
	out->n = start;
	buf_addf(out, "%s", large);
}

/* ---- reading ---- */

static int
name_compare(const void *a, const void *b)
{
	struct slice x = json_name(*(const struct json *const *)a);
	struct slice y = json_name(*(const struct json *const *)b);

	return strcmp(x.p, y.p);
}

/* An object of strings, with its names sorted. */
static bool
read_object(const struct json *v, struct buf *out)
{
	const struct json **members;
	size_t n = 0;

	for (const struct json *m = json_first(v); m; m = json_next(m), n++) {
		if (json_kind(m) != JSON_STRING)
			return false;
	}
	members = xcalloc(n, sizeof *members);
	n = 0;
	for (const struct json *m = json_first(v); m; m = json_next(m))
		members[n++] = m;
	if (n > 1)
		qsort(members, n, sizeof *members, name_compare);
	buf_addc(out, '{');
	for (size_t i = 0; i < n; i++) {
		buf_adds(out, i ? SLICE(",") : SLICE(""));
		buf_add_json(out, json_name(members[i]));
		buf_addc(out, ':');
		buf_add_json(out, json_text(members[i]));
	}
	buf_addc(out, '}');
	free(members);
	return true;
}

static bool
read_value(const struct json *v, struct buf *out)
{
	if (!v)
		return false;
	switch (json_kind(v)) {
	case JSON_NULL:
		buf_adds(out, SLICE("null"));
		return true;
	case JSON_FALSE:
		buf_adds(out, SLICE("false"));
		return true;
	case JSON_STRING:
		buf_add_json(out, json_text(v));
		return true;
	case JSON_OBJECT:
		return read_object(v, out);
	case JSON_TRUE:
	case JSON_NUMBER:
	case JSON_ARRAY:
		break;
	}
	return false;
}

static bool
read_item(struct delta *d, const struct json *item)
{
	struct buf before BUF_CLEAN = { 0 }, after BUF_CLEAN = { 0 };
	struct slice key = json_text(json_get(item, "key"));

	if (!key.p || map_get(&d->items, key) || !read_value(json_get(item, "before"), &before) ||
	    !read_value(json_get(item, "after"), &after))
		return false;
	delta_put(d, key, buf_slice(&before), buf_slice(&after));
	return true;
}

int
delta_read(struct delta *d, struct slice text)
{
	struct json *root = NULL;
	bool good = json_parse(text, DELTA_MAX, DEPTH, &root) == 0 && json_kind(root) == JSON_ARRAY;

	for (const struct json *i = good ? json_first(root) : NULL; i && good; i = json_next(i))
		good = read_item(d, i);
	json_free(root);
	return good ? 0 : -EINVAL;
}
