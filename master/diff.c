#include "diff.h"

#include "lib/json.h"

#include <stdlib.h>

#define VALUE_MAX ((size_t)16 << 20) /* more than a delta may be */

static const struct diff_kind kinds[] = {
	{ "frontend", { "frontend:", 9 }, false },  { "backend", { "backend:", 8 }, false },
	{ "route", { "yett:route:", 11 }, true },   { "upstream", { "yett:upstream:", 14 }, true },
	{ "policy", { "yett:policy:", 12 }, true }, { "key", { "yett:key:", 9 }, true },
};

#define KINDS (sizeof kinds / sizeof kinds[0])

const struct diff_kind *
diff_kind_of(struct slice key, struct slice *name)
{
	static const struct diff_kind other = { "key", { "", 0 }, false };

	for (size_t i = 0; i < KINDS; i++) {
		if (slice_starts(key, kinds[i].prefix)) {
			*name = slice_make(key.p + kinds[i].prefix.n, key.n - kinds[i].prefix.n);
			return &kinds[i];
		}
	}
	*name = key;
	return &other;
}

const struct diff_kind *
diff_kind_named(const char *name)
{
	for (size_t i = 0; i < KINDS; i++) {
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	}
	return NULL;
}

/* ---- values ---- */

/* What a value of the store says: of a native rule, the JSON in its string. NULL when that is none,
 * or cannot be known. */
static struct json *
value_read(const struct diff_kind *kind, const char *text)
{
	struct json *v = NULL, *inner = NULL;

	if (json_parse(slice_of(text), VALUE_MAX, JSON_DEPTH_MAX, &v) < 0)
		return NULL;
	if (kind->native && json_kind(v) == JSON_STRING) {
		if (json_parse(json_text(v), VALUE_MAX, JSON_DEPTH_MAX, &inner) < 0)
			inner = NULL;
		json_free(v);
		return inner;
	}
	return v;
}

/* ---- what changed in a value ---- */

struct walk {
	struct buf *out;
	struct buf path; /* "a.b" */
	bool first;
};

static void
write_side(const struct json *v, struct buf *out)
{
	if (v)
		json_write(v, out);
	else
		buf_adds(out, SLICE("null"));
}

static void
write_change(struct walk *w, const struct json *before, const struct json *after)
{
	buf_adds(w->out, w->first ? SLICE("{\"key\":") : SLICE(",{\"key\":"));
	w->first = false;
	buf_add_json(w->out, buf_slice(&w->path));
	buf_adds(w->out, SLICE(",\"before\":"));
	write_side(before, w->out);
	buf_adds(w->out, SLICE(",\"after\":"));
	write_side(after, w->out);
	buf_addc(w->out, '}');
}

static bool
value_same(const struct json *a, const struct json *b)
{
	struct buf x BUF_CLEAN = { 0 }, y BUF_CLEAN = { 0 };

	json_write(a, &x);
	json_write(b, &y);
	return slice_eq(buf_slice(&x), buf_slice(&y));
}

static void compare(struct walk *w, const struct json *before, const struct json *after);

static void
compare_member(struct walk *w, struct slice name, const struct json *before,
	       const struct json *after)
{
	size_t n = w->path.n;

	if (n)
		buf_addc(&w->path, '.');
	buf_adds(&w->path, name);
	compare(w, before, after);
	w->path.n = n;
}

/* Either may be missing. Lists are compared as a whole: what their order means is theirs. */
static void
compare(struct walk *w, const struct json *before, const struct json *after)
{
	if (!before || !after || json_kind(before) != JSON_OBJECT ||
	    json_kind(after) != JSON_OBJECT) {
		if (!before || !after || !value_same(before, after))
			write_change(w, before, after);
		return;
	}
	for (const struct json *m = json_first(before); m; m = json_next(m))
		compare_member(w, json_name(m), m, json_get(after, json_name(m).p));
	for (const struct json *m = json_first(after); m; m = json_next(m)) {
		if (!json_get(before, json_name(m).p))
			compare_member(w, json_name(m), NULL, m);
	}
}

static void
write_changes(const struct diff_kind *kind, const struct delta_item *i, struct buf *out)
{
	struct json *before = value_read(kind, i->before), *after = value_read(kind, i->after);
	struct walk w = { .out = out, .first = true };

	buf_adds(out, SLICE(",\"changes\":"));
	if (!before || !after || json_kind(before) == JSON_FALSE ||
	    json_kind(after) == JSON_FALSE) {
		buf_adds(out, SLICE("null"));
	} else {
		if (json_kind(before) == JSON_STRING)
			buf_adds(&w.path, SLICE("backend")); /* all that a frontend says */
		buf_addc(out, '[');
		compare(&w, before, after);
		buf_addc(out, ']');
	}
	buf_deinit(&w.path);
	json_free(before);
	json_free(after);
}

/* ---- the whole ---- */

enum group { ADDED, REMOVED, CHANGED };

static enum group
group_of(const struct delta_item *i)
{
	if (strcmp(i->before, "null") == 0)
		return ADDED;
	return strcmp(i->after, "null") == 0 ? REMOVED : CHANGED;
}

static void
write_rule(const struct map_entry *e, enum group group, struct buf *out)
{
	const struct delta_item *i = e->value;
	struct slice name;
	const struct diff_kind *kind = diff_kind_of(map_name(e), &name);

	buf_addf(out, "{\"kind\":\"%s\",\"name\":", kind->name);
	buf_add_json(out, name);
	if (group == CHANGED) {
		write_changes(kind, i, out);
	} else {
		struct json *v = value_read(kind, group == ADDED ? i->after : i->before);

		buf_adds(out, SLICE(",\"value\":"));
		if (v)
			json_write(v, out);
		else
			buf_adds(out, SLICE("false"));
		json_free(v);
	}
	buf_addc(out, '}');
}

void
diff_write(const struct delta *d, struct buf *out)
{
	static const char *const names[] = { "{\"added\":[", "],\"removed\":[", "],\"changed\":[" };
	const struct map_entry **sorted = delta_sorted(d);

	for (enum group g = ADDED; g <= CHANGED; g++) {
		bool first = true;

		buf_adds(out, slice_of(names[g]));
		for (size_t k = 0; k < d->items.count; k++) {
			if (group_of(sorted[k]->value) != g)
				continue;
			if (!first)
				buf_addc(out, ',');
			first = false;
			write_rule(sorted[k], g, out);
		}
	}
	buf_adds(out, SLICE("]}"));
	free(sorted);
}
