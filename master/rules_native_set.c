/*
 * Native rules in a set: which are taken, which are refused, and what the refused ones close.
 */

#include "rules.h"

#include "rules_backend.h"
#include "rules_own.h"
#include "settings.h"
#include "value_text.h"

static void
key_of(struct buf *out, enum native_kind kind, struct slice name)
{
	buf_adds(out, rules_native_prefix(kind));
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

/* The rule, if it is good; else NULL, and what is wrong with it, with a NUL behind. */
static struct rules_native *
judge(enum native_kind kind, struct slice name, struct slice text, struct buf *why)
{
	struct arena arena = { 0 };
	const char *fault = native_name_fault(name);
	struct rules_native *n = NULL;
	void *entry;

	if (!fault && text.n > RULE_MAX)
		fault = "it has more than 64 KiB; make several rules of it";
	if (!fault && memchr(text.p, '\0', text.n))
		fault = "it holds a NUL byte; remove it";
	if (fault)
		buf_addf(why, "%s", fault);
	else if (config_rule_read(kind, NULL, name, text, &arena, &entry, why) == 0)
		n = native_new(kind, name, text, kind == NATIVE_ROUTE ? entry : NULL);
	buf_addc(why, '\0');
	arena_deinit(&arena);
	return n;
}

void
refusal_value(const struct rules_refusal *f, struct buf *out)
{
	if (f->native && rules_is_utf8(rules_native_text(f->native)))
		buf_add_json(out, rules_native_text(f->native));
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
	if (now->native && slice_eq(rules_native_text(now->native), text))
		return -1;
	refusal_hold(r, refusal_own(r, key), native_new(kind, name, text, NULL));
	r->generation++;
	return -1;
}

int
rules_set_native(struct rules *r, enum native_kind kind, struct slice name, struct slice json)
{
	struct buf key BUF_CLEAN = { 0 }, before BUF_CLEAN = { 0 }, why BUF_CLEAN = { 0 };
	const struct rules_native *now = rules_native_find(r, kind, name);
	struct rules_native *next;
	bool changed;

	if (!json.p)
		return rules_delete_native(r, kind, name);
	key_of(&key, kind, name);
	next = judge(kind, name, json, &why);
	if (!next)
		return refuse(r, buf_slice(&key), why.p, kind, name, json);
	changed = rules_unrefuse(r, buf_slice(&key));
	if (now && slice_eq(rules_native_text(now), json)) {
		native_free(next);
		return changed;
	}
	rules_begin(r, buf_slice(&key), &before);
	space_put(r, SPACE_NATIVES + kind, name, next);
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
