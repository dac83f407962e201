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

/* ---- values ---- */

/* The name of a backend, once for all frontends that lead to it. */
struct word {
	size_t uses;
	char text[];
};

static struct map words; /* struct word; of all sets, which belong to one thread */

static const char *
word_take(struct slice text)
{
	struct word **place = (struct word **)map_put(&words, text), *w = *place;

	if (!w) {
		w = *place = xmalloc(sizeof *w + text.n + 1);
		w->uses = 0;
		memcpy(w->text, text.p, text.n);
		w->text[text.n] = '\0';
	}
	w->uses++;
	return w->text;
}

static void
word_release(const char *text, size_t n)
{
	struct word *w =
	    (struct word *)(void *)((char *)(uintptr_t)text - offsetof(struct word, text));

	if (--w->uses > 0)
		return;
	map_take(&words, slice_make(text, n));
	free(w);
	if (words.count == 0)
		map_deinit(&words, NULL);
}

static struct rules_frontend *
frontend_new(struct slice url, struct slice backend)
{
	struct rules_frontend *f = xmalloc(sizeof *f + url.n + 1);

	*f = (struct rules_frontend){ .backend = word_take(backend),
				      .url_n = (uint32_t)url.n,
				      .backend_n = (uint32_t)backend.n };
	memcpy(f->url, url.p, url.n);
	f->url[url.n] = '\0';
	return f;
}

void
frontend_free(void *p)
{
	struct rules_frontend *f = p;

	if (!f || (f->shared && f->shared--))
		return;
	word_release(f->backend, f->backend_n);
	free(f);
}

void *
frontend_share(void *p)
{
	struct rules_frontend *f = p;

	f->shared++;
	return f;
}

void
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

void *
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

bool
key_space(struct slice key, enum rules_space *space, struct slice *name)
{
	enum native_kind kind;

	if (slice_starts(key, FRONTEND)) {
		*space = SPACE_FRONTENDS;
		*name = slice_make(key.p + FRONTEND.n, key.n - FRONTEND.n);
		return true;
	}
	if (slice_starts(key, BACKEND)) {
		*space = SPACE_BACKENDS;
		*name = slice_make(key.p + BACKEND.n, key.n - BACKEND.n);
		return true;
	}
	if (!rules_native_key(key, &kind, name))
		return false;
	*space = SPACE_NATIVES + kind;
	return true;
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
	enum rules_space space;
	struct slice name;

	return key_space(key, &space, &name) && space_get(r, space, name);
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
	struct rules_refusal *f, *old;
	bool kept;

	key = key_cut(key);
	kept = in_force(r, key);
	old = space_get(r, SPACE_REFUSALS, key);
	if (old && old->kept == kept && strcmp(old->reason, reason) == 0)
		return -1;
	rules_begin(r, key, &before);
	if (old)
		refusal_release(r, old);
	f = xcalloc(1, sizeof *f);
	f->key = xstrndup(key.p, key.n);
	f->key_n = key.n;
	f->reason = xstrdup(reason);
	f->kept = kept;
	f->lost = !kept && is_lost(r, key, old);
	if (f->lost)
		r->sought[0] = '\0';
	r->lost += f->lost - (old && old->lost);
	space_put(r, SPACE_REFUSALS, slice_make(f->key, f->key_n), f);
	r->generation++;
	rules_end(r, key, &before);
	return -1;
}

void
rules_whole(struct rules *r)
{
	r->whole = true;
}

/* Nothing is refused, which is the common case of very many keys. */
static bool
none_refused(const struct rules *r)
{
	return r->spaces[SPACE_REFUSALS].count == 0 &&
	       (!r->under || r->under->spaces[SPACE_REFUSALS].count == 0);
}

bool
rules_unrefuse(struct rules *r, struct slice key)
{
	struct buf before BUF_CLEAN = { 0 };
	struct rules_refusal *f;

	key = key_cut(key);
	f = space_get(r, SPACE_REFUSALS, key);
	if (!f)
		return false;
	rules_begin(r, key, &before);
	r->lost -= f->lost;
	refusal_release(r, f);
	space_drop(r, SPACE_REFUSALS, key);
	r->generation++;
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

	if (none_refused(r))
		return false;
	key_of(&key, kind, name);
	return rules_unrefuse(r, buf_slice(&key));
}

/* ---- frontends ---- */

int
rules_set_frontend(struct rules *r, struct slice url, struct slice backend)
{
	const char *fault = rules_name_fault(url);
	struct buf key BUF_CLEAN = { 0 }, before BUF_CLEAN = { 0 };
	struct rules_frontend *f;
	bool changed;

	if (!backend.p)
		return rules_delete_frontend(r, url);
	if (fault)
		return refuse_named(r, FRONTEND, url, fault);
	if (rules_name_fault(backend))
		return refuse_named(r, FRONTEND, url,
				    "its value is no name of a backend (1 to 1024 bytes of text)");
	changed = unrefuse_named(r, FRONTEND, url);
	f = space_get(r, SPACE_FRONTENDS, url);
	if (f && slice_eq(slice_make(f->backend, f->backend_n), backend))
		return changed;
	key_of(&key, FRONTEND, url);
	rules_begin(r, buf_slice(&key), &before);
	f = frontend_new(url, backend);
	space_put(r, SPACE_FRONTENDS, slice_make(f->url, f->url_n), f);
	r->generation++;
	rules_end(r, buf_slice(&key), &before);
	return 1;
}

/* What stands for a key, which is no refusal. `refusal`: one of it was taken away before. */
static int
delete_value(struct rules *r, struct slice key, bool refusal)
{
	struct buf before BUF_CLEAN = { 0 };
	enum rules_space space;
	struct slice name;

	if (!key_space(key, &space, &name) || !space_get(r, space, name))
		return refusal;
	rules_begin(r, key, &before);
	space_drop(r, space, name);
	r->generation++;
	rules_end(r, key, &before);
	return 1;
}

int
rules_delete(struct rules *r, struct slice key)
{
	return delete_value(r, key, rules_unrefuse(r, key));
}

static int
delete_named(struct rules *r, struct slice kind, struct slice name)
{
	struct buf key BUF_CLEAN = { 0 };

	key_of(&key, kind, name);
	return rules_delete(r, buf_slice(&key));
}

int
rules_delete_frontend(struct rules *r, struct slice url)
{
	return delete_named(r, FRONTEND, url);
}

int
rules_delete_backend(struct rules *r, struct slice name)
{
	return delete_named(r, BACKEND, name);
}

int
rules_delete_native(struct rules *r, enum native_kind kind, struct slice name)
{
	return delete_named(r, rules_native_prefix(kind), name);
}

/* ---- backends ---- */

static int
backend_store(struct rules *r, struct rules_backend *b, bool changed)
{
	struct buf key BUF_CLEAN = { 0 }, before BUF_CLEAN = { 0 };
	const struct rules_backend *now = rules_backend_find(r, slice_of(b->name));

	if (now && backend_same(now, b)) {
		backend_free(b);
		return changed;
	}
	key_of(&key, BACKEND, slice_of(b->name));
	rules_begin(r, buf_slice(&key), &before);
	space_put(r, SPACE_BACKENDS, slice_of(b->name), b);
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

/* ---- reading ---- */

size_t
rules_frontends(const struct rules *r)
{
	return r->spaces[SPACE_FRONTENDS].count;
}

size_t
rules_backends(const struct rules *r)
{
	return r->spaces[SPACE_BACKENDS].count;
}

const struct rules_frontend *
rules_frontend_at(const struct rules *r, size_t i)
{
	return r->spaces[SPACE_FRONTENDS].entries[i].value;
}

const struct rules_frontend *
rules_frontend_find(const struct rules *r, struct slice url)
{
	return space_get(r, SPACE_FRONTENDS, url);
}

const struct rules_backend *
rules_backend_at(const struct rules *r, size_t i)
{
	return r->spaces[SPACE_BACKENDS].entries[i].value;
}

const struct rules_backend *
rules_backend_find(const struct rules *r, struct slice name)
{
	return space_get(r, SPACE_BACKENDS, name);
}

size_t
rules_refusals(const struct rules *r)
{
	return r->spaces[SPACE_REFUSALS].count;
}

const struct rules_refusal *
rules_refusal_at(const struct rules *r, size_t i)
{
	return r->spaces[SPACE_REFUSALS].entries[i].value;
}

const struct rules_refusal *
rules_refusal_find(const struct rules *r, struct slice key)
{
	return none_refused(r) ? NULL : space_get(r, SPACE_REFUSALS, key_cut(key));
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

size_t
rules_known(const struct rules *r)
{
	return (size_t)(r->known + (r->under ? r->under->known : 0));
}

bool
rules_knows(const struct rules *r, struct slice key)
{
	return in_force(r, key) || rules_is_refused(r, key);
}

/* ---- all keys ---- */

size_t
rules_keys(const struct rules *r)
{
	size_t n = 0;

	for (unsigned s = 0; s < SPACES; s++)
		n += r->spaces[s].count;
	return n;
}

/* The entry of an index, and its space. */
static const struct map_entry *
entry_at(const struct rules *r, size_t i, enum rules_space *space)
{
	unsigned s = 0;

	for (; i >= r->spaces[s].count; s++)
		i -= r->spaces[s].count;
	*space = (enum rules_space)s;
	return &r->spaces[s].entries[i];
}

static bool
entry_key(const struct map_entry *e, enum rules_space space, struct buf *key)
{
	switch (space) {
	case SPACE_FRONTENDS:
		key_of(key, FRONTEND, map_name(e));
		return true;
	case SPACE_BACKENDS:
		key_of(key, BACKEND, map_name(e));
		return true;
	case SPACE_REFUSALS:
		key_of(key, SLICE(""), map_name(e));
		return !((const struct rules_refusal *)e->value)->kept;
	case SPACE_NATIVES:
	default:
		key_of(key, rules_native_prefix((enum native_kind)(space - SPACE_NATIVES)),
		       map_name(e));
		return true;
	}
}

bool
rules_key_at(const struct rules *r, size_t i, struct buf *key)
{
	enum rules_space space;
	const struct map_entry *e = entry_at(r, i, &space);

	return entry_key(e, space, key);
}

static uint32_t *
met_of(enum rules_space space, void *value)
{
	switch (space) {
	case SPACE_FRONTENDS:
		return &((struct rules_frontend *)value)->met;
	case SPACE_BACKENDS:
		return &((struct rules_backend *)value)->met;
	case SPACE_REFUSALS:
		return &((struct rules_refusal *)value)->met;
	case SPACE_NATIVES:
	default:
		return native_met(value);
	}
}

bool
rules_meet(const struct rules *r, struct slice key, uint32_t number)
{
	enum rules_space space = SPACE_FRONTENDS;
	struct slice name;
	void *value = key_space(key, &space, &name) ? space_get(r, space, name) : NULL;
	void *refusal = (void *)(uintptr_t)rules_refusal_find(r, key);
	bool met = false;

	if (value) {
		met = *met_of(space, value) == number;
		*met_of(space, value) = number;
	}
	if (refusal) {
		met |= *met_of(SPACE_REFUSALS, refusal) == number;
		*met_of(SPACE_REFUSALS, refusal) = number;
	}
	return met;
}

bool
rules_unmet_at(const struct rules *r, size_t i, uint32_t number, struct buf *key)
{
	enum rules_space space;
	const struct map_entry *e = entry_at(r, i, &space);

	return *met_of(space, e->value) != number && entry_key(e, space, key);
}
