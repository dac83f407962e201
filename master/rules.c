/*
 * The rules of Redis, each key with its last good version. Decides what a good value is, and
 * nothing about matching.
 */

#include "rules.h"

#include "rules_backend.h"
#include "rules_own.h"

#include "lib/xalloc.h"

#include <stdlib.h>

#define FRONTEND SLICE("frontend:")
#define BACKEND SLICE("backend:")

const char *
rules_source_name(enum rules_source source)
{
	static const char *const names[] = {
		[SOURCE_FILE] = "file", [SOURCE_RULE] = "rule", [SOURCE_REDX] = "redis"
	};

	return names[source];
}

/* ---- life ---- */

static void
frontend_free(void *p)
{
	struct rules_frontend *f = p;

	if (!f || (f->shared && f->shared--))
		return;
	free(f->url);
	free(f->backend);
	free(f);
}

static void
backend_release(void *p)
{
	backend_free(p);
}

static void
refusal_free(void *p)
{
	struct rules_refusal *f = p;

	if (!f)
		return;
	free(f->key);
	free(f->reason);
	native_free(f->native);
	free(f);
}

struct rules *
rules_new(void)
{
	struct rules *r = xcalloc(1, sizeof *r);

	r->touched_all = true;
	return r;
}

static void
rules_clear(struct rules *r)
{
	map_deinit(&r->frontends, frontend_free);
	map_deinit(&r->backends, backend_release);
	for (unsigned k = 0; k < NATIVE_KINDS; k++)
		map_deinit(&r->natives[k], native_free);
	map_deinit(&r->refusals, refusal_free);
	delta_deinit(&r->changes);
	map_deinit(&r->touched, NULL);
	r->refused = 0;
}

static void *
frontend_share(void *p)
{
	struct rules_frontend *f = p;

	f->shared++;
	return f;
}

static void *
backend_share(void *p)
{
	struct rules_backend *b = p;

	b->shared++;
	return b;
}

static void *
refusal_copy(void *p)
{
	const struct rules_refusal *from = p;
	struct rules_refusal *f = xcalloc(1, sizeof *f);

	*f = *from;
	f->key = xstrndup(from->key, from->key_n);
	f->reason = xstrdup(from->reason);
	f->native = native_share(from->native);
	return f;
}

struct rules *
rules_copy(const struct rules *r)
{
	struct rules *to = xcalloc(1, sizeof *to);

	map_copy(&to->frontends, &r->frontends, frontend_share);
	map_copy(&to->backends, &r->backends, backend_share);
	for (unsigned k = 0; k < NATIVE_KINDS; k++)
		map_copy(&to->natives[k], &r->natives[k], native_share);
	map_copy(&to->refusals, &r->refusals, refusal_copy);
	to->refused = r->refused;
	to->whole = r->whole;
	memcpy(to->sought, r->sought, sizeof to->sought);
	to->generation = r->generation;
	to->upstreams = r->upstreams;
	to->api_keys = r->api_keys;
	to->digest = r->digest;
	return to;
}

void
rules_free(struct rules *r)
{
	if (!r)
		return;
	rules_clear(r);
	free(r);
}

void
rules_replace(struct rules *r, struct rules *from)
{
	uint64_t generation = r->generation + 1;
	struct delta changes = r->changes;
	struct map touched = from->touched;

	delta_compose(&changes, &from->changes);
	delta_deinit(&from->changes);
	r->changes = (struct delta){ 0 };
	from->touched = r->touched;
	from->touched_all |= r->touched_all;
	r->touched = (struct map)MAP_INIT;
	rules_clear(r);
	*r = *from;
	for (size_t i = 0; i < touched.count; i++)
		rules_touch(r, map_name(&touched.entries[i]));
	map_deinit(&touched, NULL);
	r->changes = changes;
	r->generation = generation;
	free(from);
}

/* ---- refusals ---- */

static struct slice
key_cut(struct slice key)
{
	return slice_make(key.p, key.n < RULES_KEY_MAX ? key.n : RULES_KEY_MAX);
}

static void
key_of(struct buf *out, struct slice kind, struct slice name)
{
	out->n = 0;
	buf_adds(out, kind);
	buf_adds(out, name);
}

static bool
in_force(const struct rules *r, struct slice key)
{
	enum native_kind kind;
	struct slice name;

	if (slice_starts(key, FRONTEND))
		return map_get(&r->frontends, slice_make(key.p + FRONTEND.n, key.n - FRONTEND.n)) !=
		       NULL;
	if (slice_starts(key, BACKEND))
		return map_get(&r->backends, slice_make(key.p + BACKEND.n, key.n - BACKEND.n)) !=
		       NULL;
	return rules_native_key(key, &kind, &name) && map_get(&r->natives[kind], name);
}

/* May a key that is refused, and has no good version here, have had one? */
static bool
is_lost(const struct rules *r, struct slice key, const struct rules_refusal *before)
{
	enum native_kind kind;
	struct slice name;

	if (before ? !before->lost : r->whole)
		return false;
	return !rules_native_key(key, &kind, &name) || !native_name_fault(name);
}

int
rules_refuse(struct rules *r, struct slice key, const char *reason)
{
	struct buf before BUF_CLEAN = { 0 };
	struct rules_refusal **place, *f;
	bool kept, lost;

	key = key_cut(key);
	rules_begin(r, key, &before);
	kept = in_force(r, key);
	place = (struct rules_refusal **)map_put(&r->refusals, key);
	f = *place;
	if (f && f->kept == kept && strcmp(f->reason, reason) == 0)
		return -1;
	lost = !kept && is_lost(r, key, f);
	if (f && !f->kept)
		r->refused--;
	if (f)
		refusal_hold(r, f, NULL);
	refusal_free(f);
	f = xcalloc(1, sizeof *f);
	f->key = xstrndup(key.p, key.n);
	f->key_n = key.n;
	f->reason = xstrdup(reason);
	f->kept = kept;
	f->lost = lost;
	if (lost)
		r->sought[0] = '\0';
	*place = f;
	r->refused += !kept;
	r->generation++;
	rules_end(r, key, &before);
	return -1;
}

void
rules_whole(struct rules *r)
{
	r->whole = true;
}

bool
rules_unrefuse(struct rules *r, struct slice key)
{
	struct buf before BUF_CLEAN = { 0 };
	struct rules_refusal *f;

	key = key_cut(key);
	f = map_get(&r->refusals, key);
	if (!f)
		return false;
	rules_begin(r, key, &before);
	map_take(&r->refusals, key);
	r->refused -= !f->kept;
	r->generation++;
	refusal_hold(r, f, NULL);
	refusal_free(f);
	rules_end(r, key, &before);
	return true;
}

static int
refuse_named(struct rules *r, struct slice kind, struct slice name, const char *reason)
{
	struct buf key BUF_CLEAN = { 0 };

	key_of(&key, kind, name);
	return rules_refuse(r, buf_slice(&key), reason);
}

static bool
unrefuse_named(struct rules *r, struct slice kind, struct slice name)
{
	struct buf key BUF_CLEAN = { 0 };

	key_of(&key, kind, name);
	return rules_unrefuse(r, buf_slice(&key));
}

/* ---- frontends ---- */

int
rules_set_frontend(struct rules *r, struct slice url, struct slice backend)
{
	const char *fault = rules_name_fault(url);
	struct buf key BUF_CLEAN = { 0 }, before BUF_CLEAN = { 0 };
	struct rules_frontend **place, *f;
	bool changed;

	if (!backend.p)
		return rules_delete_frontend(r, url);
	if (fault)
		return refuse_named(r, FRONTEND, url, fault);
	if (rules_name_fault(backend))
		return refuse_named(r, FRONTEND, url,
				    "its value is no name of a backend (1 to 1024 bytes of text)");
	changed = unrefuse_named(r, FRONTEND, url);
	place = (struct rules_frontend **)map_put(&r->frontends, url);
	if (*place && slice_eq(slice_of((*place)->backend), backend))
		return changed;
	key_of(&key, FRONTEND, url);
	rules_begin(r, buf_slice(&key), &before);
	frontend_free(*place);
	f = xcalloc(1, sizeof *f);
	f->url = xstrndup(url.p, url.n);
	f->url_n = url.n;
	f->backend = xstrndup(backend.p, backend.n);
	f->backend_n = backend.n;
	*place = f;
	r->generation++;
	rules_end(r, buf_slice(&key), &before);
	return 1;
}

int
rules_delete_frontend(struct rules *r, struct slice url)
{
	bool refusal = unrefuse_named(r, FRONTEND, url);
	struct buf key BUF_CLEAN = { 0 }, before BUF_CLEAN = { 0 };

	if (!map_get(&r->frontends, url))
		return refusal;
	key_of(&key, FRONTEND, url);
	rules_begin(r, buf_slice(&key), &before);
	frontend_free(map_take(&r->frontends, url));
	r->generation++;
	rules_end(r, buf_slice(&key), &before);
	return 1;
}

/* ---- backends ---- */

static int
backend_store(struct rules *r, struct rules_backend *b, bool changed)
{
	struct buf key BUF_CLEAN = { 0 }, before BUF_CLEAN = { 0 };
	struct rules_backend **place =
	    (struct rules_backend **)map_put(&r->backends, slice_of(b->name));

	if (*place && backend_same(*place, b)) {
		backend_free(b);
		return changed;
	}
	key_of(&key, BACKEND, slice_of(b->name));
	rules_begin(r, buf_slice(&key), &before);
	backend_free(*place);
	*place = b;
	r->generation++;
	rules_end(r, buf_slice(&key), &before);
	return 1;
}

int
rules_set_backend(struct rules *r, struct slice name, const struct slice *fields, size_t count)
{
	const char *fault = rules_name_fault(name);
	struct buf why BUF_CLEAN = { 0 };
	struct rules_backend *b;

	if (fault)
		return refuse_named(r, BACKEND, name, fault);
	b = backend_make(name, fields, count, &why);
	if (!b)
		return refuse_named(r, BACKEND, name, why.p);
	return backend_store(r, b, unrefuse_named(r, BACKEND, name));
}

int
rules_delete_backend(struct rules *r, struct slice name)
{
	bool refusal = unrefuse_named(r, BACKEND, name);
	struct buf key BUF_CLEAN = { 0 }, before BUF_CLEAN = { 0 };

	if (!map_get(&r->backends, name))
		return refusal;
	key_of(&key, BACKEND, name);
	rules_begin(r, buf_slice(&key), &before);
	backend_free(map_take(&r->backends, name));
	r->generation++;
	rules_end(r, buf_slice(&key), &before);
	return 1;
}

int
rules_delete(struct rules *r, struct slice key)
{
	enum native_kind kind;
	struct slice name;

	if (slice_starts(key, FRONTEND))
		return rules_delete_frontend(r, slice_make(key.p + FRONTEND.n, key.n - FRONTEND.n));
	if (slice_starts(key, BACKEND))
		return rules_delete_backend(r, slice_make(key.p + BACKEND.n, key.n - BACKEND.n));
	if (rules_native_key(key, &kind, &name))
		return rules_delete_native(r, kind, name);
	return rules_unrefuse(r, key);
}

/* ---- reading ---- */

size_t
rules_frontends(const struct rules *r)
{
	return r->frontends.count;
}

size_t
rules_backends(const struct rules *r)
{
	return r->backends.count;
}

const struct rules_frontend *
rules_frontend_at(const struct rules *r, size_t i)
{
	return r->frontends.entries[i].value;
}

const struct rules_frontend *
rules_frontend_find(const struct rules *r, struct slice url)
{
	return map_get(&r->frontends, url);
}

const struct rules_backend *
rules_backend_at(const struct rules *r, size_t i)
{
	return r->backends.entries[i].value;
}

const struct rules_backend *
rules_backend_find(const struct rules *r, struct slice name)
{
	return map_get(&r->backends, name);
}

size_t
rules_refusals(const struct rules *r)
{
	return r->refusals.count;
}

const struct rules_refusal *
rules_refusal_at(const struct rules *r, size_t i)
{
	return r->refusals.entries[i].value;
}

const struct rules_refusal *
rules_refusal_find(const struct rules *r, struct slice key)
{
	return map_get(&r->refusals, key_cut(key));
}

bool
rules_is_refused(const struct rules *r, struct slice key)
{
	const struct rules_refusal *f = rules_refusal_find(r, key);

	return f && !f->kept;
}

uint64_t
rules_generation(const struct rules *r)
{
	return r->generation;
}

uint64_t
rules_upstreams(const struct rules *r)
{
	return r->upstreams;
}

uint64_t
rules_api_keys(const struct rules *r)
{
	return r->api_keys;
}

static size_t
natives_count(const struct rules *r)
{
	size_t n = 0;

	for (unsigned k = 0; k < NATIVE_KINDS; k++)
		n += r->natives[k].count;
	return n;
}

size_t
rules_known(const struct rules *r)
{
	return r->frontends.count + r->backends.count + natives_count(r) + r->refused;
}

bool
rules_knows(const struct rules *r, struct slice key)
{
	return in_force(r, key) || rules_is_refused(r, key);
}

size_t
rules_keys(const struct rules *r)
{
	return r->frontends.count + r->backends.count + natives_count(r) + r->refusals.count;
}

bool
rules_key_at(const struct rules *r, size_t i, struct buf *key)
{
	const struct rules_refusal *f;

	if (i < r->frontends.count) {
		key_of(key, FRONTEND, map_name(&r->frontends.entries[i]));
		return true;
	}
	i -= r->frontends.count;
	if (i < r->backends.count) {
		key_of(key, BACKEND, map_name(&r->backends.entries[i]));
		return true;
	}
	i -= r->backends.count;
	for (unsigned k = 0; k < NATIVE_KINDS; k++) {
		if (i < r->natives[k].count) {
			key_of(key, rules_native_prefix(k), map_name(&r->natives[k].entries[i]));
			return true;
		}
		i -= r->natives[k].count;
	}
	f = rules_refusal_at(r, i);
	key_of(key, SLICE(""), slice_make(f->key, f->key_n));
	return !f->kept;
}
