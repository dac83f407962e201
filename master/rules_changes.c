/*
 * What the keys of a set stand for, as text; and from that its digest, and what changed since a
 * mark.
 */

#include "rules_own.h"

#include "rules_backend.h"

#include "lib/json.h"
#include "lib/xalloc.h"

#include <stdlib.h>

#define FRONTEND SLICE("frontend:")
#define BACKEND SLICE("backend:")
#define TOUCHED_MAX 4096

static struct slice
after(struct slice key, struct slice prefix)
{
	return slice_make(key.p + prefix.n, key.n - prefix.n);
}

void
rules_value(const struct rules *r, struct slice key, struct buf *out)
{
	enum native_kind kind;
	struct slice name;

	if (rules_refusal_find(r, key)) {
		buf_adds(out, SLICE("false"));
	} else if (slice_starts(key, FRONTEND)) {
		const struct rules_frontend *f = rules_frontend_find(r, after(key, FRONTEND));

		if (f)
			buf_add_json(out, slice_of(f->backend));
	} else if (slice_starts(key, BACKEND)) {
		const struct rules_backend *b = rules_backend_find(r, after(key, BACKEND));

		if (b)
			backend_write(b, out);
	} else if (rules_native_key(key, &kind, &name)) {
		const struct rules_native *n = rules_native_find(r, kind, name);

		if (n)
			buf_add_json(out, rules_native_text(n));
	}
	if (out->n == 0)
		buf_adds(out, SLICE("null"));
}

static int
put_backend(struct rules *r, struct slice name, const struct json *object)
{
	struct slice *fields;
	size_t count = 0;
	int result;

	for (const struct json *m = json_first(object); m; m = json_next(m))
		count += 2;
	fields = xcalloc(count, sizeof *fields);
	count = 0;
	for (const struct json *m = json_first(object); m; m = json_next(m)) {
		fields[count++] = json_name(m);
		fields[count++] = json_text(m);
	}
	result = rules_set_backend(r, name, fields, count);
	free(fields);
	return result;
}

int
rules_put(struct rules *r, struct slice key, struct slice value)
{
	struct json *v = NULL;
	enum native_kind kind;
	struct slice name;
	int result = -1;

	if (json_parse(value, value.n, 1, &v) < 0)
		return -1;
	if (json_kind(v) == JSON_NULL)
		result = rules_delete(r, key);
	else if (slice_starts(key, FRONTEND) && json_kind(v) == JSON_STRING)
		result = rules_set_frontend(r, after(key, FRONTEND), json_text(v));
	else if (slice_starts(key, BACKEND) && json_kind(v) == JSON_OBJECT)
		result = put_backend(r, after(key, BACKEND), v);
	else if (rules_native_key(key, &kind, &name) && json_kind(v) == JSON_STRING)
		result = rules_set_native(r, kind, name, json_text(v));
	json_free(v);
	return result;
}

void
rules_begin(const struct rules *r, struct slice key, struct buf *before)
{
	rules_value(r, key, before);
}

void
rules_end(struct rules *r, struct slice key, const struct buf *before)
{
	static uint64_t last; /* of all sets */
	struct slice was = buf_slice(before), is;
	struct buf after BUF_CLEAN = { 0 };

	rules_touch(r, key);
	rules_value(r, key, &after);
	is = buf_slice(&after);
	if (slice_eq(was, is))
		return;
	r->known += slice_eq(was, SLICE("null"));
	r->known -= slice_eq(is, SLICE("null"));
	if (slice_starts(key, rules_native_prefix(NATIVE_KEY)))
		r->api_keys = ++last;
	else if (!slice_starts(key, FRONTEND))
		r->upstreams = ++last;
	if (!slice_eq(was, SLICE("null")))
		digest_remove(&r->digest, key, was);
	if (!slice_eq(is, SLICE("null")))
		digest_add(&r->digest, key, is);
	/* A key that JSON could not give back as it is might become another key's: such a one is
	 * always refused, so nobody misses it. */
	if (!memchr(key.p, '\0', key.n) && rules_is_utf8(key))
		delta_put(&r->changes, key, was, is);
}

static void
touch(struct touched *t, struct slice key)
{
	if (!t->all)
		*map_put(&t->keys, key) = t;
	if (t->keys.count <= TOUCHED_MAX)
		return;
	t->all = true;
	map_deinit(&t->keys, NULL);
}

static void
touched_none(struct touched *t)
{
	map_deinit(&t->keys, NULL);
	t->all = false;
}

void
rules_touch(struct rules *r, struct slice key)
{
	touch(&r->touched, key);
	touch(&r->unsaved, key);
}

void
rules_touch_as(struct rules *r, const struct rules *other)
{
	for (size_t i = 0; i < other->touched.keys.count; i++)
		rules_touch(r, map_name(&other->touched.keys.entries[i]));
	if (!other->touched.all)
		return;
	touched_none(&r->touched);
	touched_none(&r->unsaved);
	r->touched.all = r->unsaved.all = true;
}

const struct map *
rules_touched(const struct rules *r)
{
	return r->touched.all ? NULL : &r->touched.keys;
}

void
rules_settle(struct rules *r)
{
	touched_none(&r->touched);
}

const struct map *
rules_unsaved(const struct rules *r)
{
	return r->unsaved.all ? NULL : &r->unsaved.keys;
}

void
rules_saved(struct rules *r, bool saved)
{
	touched_none(&r->unsaved);
	r->unsaved.all = !saved;
}

void
rules_digest(const struct rules *r, char out[DIGEST_TEXT])
{
	digest_text(&r->digest, out);
}

void
rules_digest_behind(const struct rules *r, const struct delta *d, char out[DIGEST_TEXT])
{
	struct digest digest = r->digest;

	for (size_t i = 0; i < d->items.count; i++) {
		const struct map_entry *e = &d->items.entries[i];
		const struct delta_item *item = e->value;
		const struct rules_refusal *f = rules_refusal_find(r, map_name(e));
		struct buf before BUF_CLEAN = { 0 };

		if (f)
			refusal_value(f, &before);
		else
			buf_adds(&before, slice_of(item->before));
		if (!slice_eq(buf_slice(&before), SLICE("null")))
			digest_remove(&digest, map_name(e), buf_slice(&before));
		if (strcmp(item->after, "null") != 0)
			digest_add(&digest, map_name(e), slice_of(item->after));
	}
	digest_text(&digest, out);
}

const struct delta *
rules_changes(const struct rules *r)
{
	return &r->changes;
}

void
rules_mark(struct rules *r)
{
	delta_deinit(&r->changes);
}
