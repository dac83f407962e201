/*
 * Native rules: routes, upstreams, policies and API keys of our own, each a JSON object under a key
 * of its own. The text is the rule; what it says is read from it for the configuration that it
 * stands beside, and kept until there is another one.
 */

#include "rules.h"

#include "rules_backend.h"
#include "rules_own.h"
#include "settings.h"
#include "value_text.h"

#include "lib/xalloc.h"

#include <stdlib.h>

struct rules_native {
	enum native_kind kind;
	char *name, *text;
	unsigned shared; /* sets that hold it beside the first (rules_copy) */
	uint32_t met;    /* rules_meet */
	bool targets;    /* rules_native_targets */
	struct arena arena;
	void *entry;       /* in the arena: what it says, and */
	const char *fault; /* what is wrong with it, NULL for nothing; read for: */
	const struct config *config;
	uint64_t serial; /* of that configuration; 0: nothing was read */
};

static const struct {
	struct slice prefix;
} keys[NATIVE_KINDS] = {
	[NATIVE_ROUTE] = { { "yett:route:", 11 } },
	[NATIVE_UPSTREAM] = { { "yett:upstream:", 14 } },
	[NATIVE_POLICY] = { { "yett:policy:", 12 } },
	[NATIVE_KEY] = { { "yett:key:", 9 } },
};

struct slice
rules_native_prefix(enum native_kind kind)
{
	return keys[kind].prefix;
}

bool
rules_native_key(struct slice key, enum native_kind *kind, struct slice *name)
{
	for (unsigned k = 0; k < NATIVE_KINDS; k++) {
		struct slice prefix = keys[k].prefix;

		if (!slice_starts(key, prefix))
			continue;
		*kind = (enum native_kind)k;
		*name = slice_make(key.p + prefix.n, key.n - prefix.n);
		return true;
	}
	return false;
}

/* ---- one of them ---- */

static struct rules_native *
native_new(enum native_kind kind, struct slice name, struct slice text)
{
	struct rules_native *n = xcalloc(1, sizeof *n);

	n->kind = kind;
	n->name = xstrndup(name.p, name.n);
	n->text = xstrndup(text.p, text.n);
	/* A name may be written with escapes. */
	n->targets =
	    kind == NATIVE_ROUTE && (strstr(n->text, "\"target\"") || strchr(n->text, '\\'));
	return n;
}

void
native_free(void *p)
{
	struct rules_native *n = p;

	if (!n || (n->shared && n->shared--))
		return;
	arena_deinit(&n->arena);
	free(n->name);
	free(n->text);
	free(n);
}

void *
native_share(void *p)
{
	struct rules_native *n = p;

	if (n)
		n->shared++;
	return n;
}

uint32_t *
native_met(void *p)
{
	return &((struct rules_native *)p)->met;
}

const char *
rules_native_name(const struct rules_native *n)
{
	return n->name;
}

struct slice
rules_native_text(const struct rules_native *n)
{
	return slice_of(n->text);
}

bool
rules_native_targets(const struct rules_native *n)
{
	return n->targets;
}

const void *
rules_native_read(struct rules_native *n, const struct config *c)
{
	struct buf BUF_CLEAN why = { 0 };

	if (n->serial && n->serial == c->serial && n->config == c)
		return n->entry;
	arena_deinit(&n->arena);
	n->arena = (struct arena){ 0 };
	n->fault = NULL;
	/* A refused one is read for what is left of it. */
	if (config_rule_read(n->kind, c, slice_of(n->name), slice_of(n->text), &n->arena, &n->entry,
			     &why) != 0)
		n->fault = arena_string(&n->arena, buf_slice(&why));
	n->config = c;
	n->serial = c->serial;
	return n->entry;
}

const char *
rules_native_fault(struct rules_native *n, const struct config *c)
{
	rules_native_read(n, c);
	return n->fault;
}

/* ---- the set ---- */

static void
key_of(struct buf *out, enum native_kind kind, struct slice name)
{
	buf_adds(out, keys[kind].prefix);
	buf_adds(out, name);
}

const char *
native_name_fault(struct slice name)
{
	const struct setting plain = { .type = SETTING_NAME };

	if (name.n == 0 || name.n > RULE_NAME_MAX)
		return "the name of a rule has 1 to 128 characters";
	if (value_fault(&plain, name))
		return "the name of a rule has letters, digits, '.', '_' and '-' alone";
	return NULL;
}

/* What is wrong with the rule, with a NUL behind; nothing: it is good. */
static void
judge(enum native_kind kind, struct slice name, struct slice text, struct buf *why)
{
	struct arena arena = { 0 };
	const char *fault = native_name_fault(name);
	void *entry;

	if (!fault && text.n > RULE_MAX)
		fault = "it has more than 64 KiB; make several rules of it";
	if (!fault && memchr(text.p, '\0', text.n))
		fault = "it holds a NUL byte; remove it";
	if (fault)
		buf_addf(why, "%s", fault);
	else if (config_rule_read(kind, NULL, name, text, &arena, &entry, why) == 0)
		why->n = 0;
	if (why->n > 0)
		buf_addc(why, '\0');
	arena_deinit(&arena);
}

void
refusal_value(const struct rules_refusal *f, struct buf *out)
{
	if (f->native && rules_is_utf8(slice_of(f->native->text)))
		buf_add_json(out, slice_of(f->native->text));
	else
		buf_adds(out, SLICE("false"));
}

void
refusal_release(struct rules *r, const struct rules_refusal *f)
{
	struct buf was BUF_CLEAN = { 0 };
	struct slice key = slice_make(f->key, f->key_n);

	refusal_value(f, &was);
	digest_remove(&r->digest, key, buf_slice(&was));
	digest_add(&r->digest, key, SLICE("false"));
}

void
refusal_hold(struct rules *r, struct rules_refusal *f, struct rules_native *native)
{
	struct buf is BUF_CLEAN = { 0 };
	struct slice key = slice_make(f->key, f->key_n);

	refusal_release(r, f);
	native_free(f->native);
	f->native = native;
	refusal_value(f, &is);
	digest_remove(&r->digest, key, SLICE("false"));
	digest_add(&r->digest, key, buf_slice(&is));
}

/* Refuses the key, and keeps the value that is at fault: what can be read of it still closes what
 * it would have closed. */
static int
refuse(struct rules *r, struct slice key, const char *why, enum native_kind kind, struct slice name,
       struct slice text)
{
	const struct rules_refusal *now;

	rules_refuse(r, key, why);
	now = rules_refusal_find(r, key);
	if (native_name_fault(name) || text.n > RULE_MAX || memchr(text.p, '\0', text.n))
		return -1;
	if (now->native && slice_eq(slice_of(now->native->text), text))
		return -1;
	refusal_hold(r, refusal_own(r, key), native_new(kind, name, text));
	r->generation++;
	return -1;
}

int
rules_set_native(struct rules *r, enum native_kind kind, struct slice name, struct slice json)
{
	struct buf key BUF_CLEAN = { 0 }, before BUF_CLEAN = { 0 }, why BUF_CLEAN = { 0 };
	const struct rules_native *now = rules_native_find(r, kind, name);
	bool changed;

	if (!json.p)
		return rules_delete_native(r, kind, name);
	key_of(&key, kind, name);
	judge(kind, name, json, &why);
	if (why.n > 0)
		return refuse(r, buf_slice(&key), why.p, kind, name, json);
	changed = rules_unrefuse(r, buf_slice(&key));
	if (now && slice_eq(slice_of(now->text), json))
		return changed;
	rules_begin(r, buf_slice(&key), &before);
	space_put(r, SPACE_NATIVES + kind, name, native_new(kind, name, json));
	r->generation++;
	rules_end(r, buf_slice(&key), &before);
	return 1;
}

enum rules_closing
rules_closes(const struct rules_refusal *f, const struct config *c)
{
	enum native_kind kind;
	const void *entry;
	struct slice name;

	if (!f->lost || !rules_native_key(slice_make(f->key, f->key_n), &kind, &name) ||
	    kind == NATIVE_UPSTREAM || kind == NATIVE_KEY)
		return CLOSES_NO_MORE;
	entry = f->native ? rules_native_read(f->native, c) : NULL;
	if (kind == NATIVE_POLICY)
		return !entry || ((const struct config_policy *)entry)->unread ? CLOSES_BY_TOKEN
									       : CLOSES_NO_MORE;
	return entry ? CLOSES_NO_MORE : CLOSES_ALL;
}

size_t
rules_natives(const struct rules *r, enum native_kind kind)
{
	return r->spaces[SPACE_NATIVES + kind].count;
}

struct rules_native *
rules_native_at(const struct rules *r, enum native_kind kind, size_t i)
{
	return r->spaces[SPACE_NATIVES + kind].entries[i].value;
}

struct rules_native *
rules_native_find(const struct rules *r, enum native_kind kind, struct slice name)
{
	return space_get(r, SPACE_NATIVES + kind, name);
}
