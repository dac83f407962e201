/*
 * Our own rules, one by one: the JSON object that stands under "yett:route:NAME" and the like.
 */

#include "api.h"

#include "change.h"
#include "config_rule.h"
#include "master.h"

#include "lib/json.h"

#define RULE_DEPTH 16

static const struct {
	struct slice word, list;
} kinds[NATIVE_KINDS] = {
	[NATIVE_ROUTE] = { { "route", 5 }, { "routes", 6 } },
	[NATIVE_UPSTREAM] = { { "upstream", 8 }, { "upstreams", 9 } },
	[NATIVE_POLICY] = { { "policy", 6 }, { "policies", 8 } },
	[NATIVE_KEY] = { { "key", 3 }, { "api_keys", 8 } },
};

/* The key that the path names; empty, with the answer given, when there is no such kind. */
static struct slice
find_key(struct api_call *c, enum native_kind *kind)
{
	struct buf key BUF_CLEAN = { 0 };

	for (unsigned k = 0; k < NATIVE_KINDS; k++) {
		if (!slice_eq(c->param[0], kinds[k].word))
			continue;
		*kind = (enum native_kind)k;
		buf_adds(&key, rules_native_prefix(*kind));
		buf_adds(&key, c->param[1]);
		return arena_copy(&c->arena, buf_slice(&key));
	}
	api_reply_message(c, 404,
			  "There is no such kind of rule; it is route, upstream, policy or key",
			  SLICE(""));
	return SLICE("");
}

/* What is stored may be no JSON, if it is refused. */
static void
add_text(struct buf *out, struct slice text)
{
	struct json *json;

	if (json_parse(text, RULE_MAX, RULE_DEPTH, &json) < 0) {
		buf_add_json(out, text);
		return;
	}
	json_free(json);
	buf_adds(out, text);
}

static void
add_kind(struct buf *out, const struct rules *r, enum native_kind kind)
{
	buf_addf(out, "%s\"%.*s\":{", kind ? "," : "{", SLICE_F(kinds[kind].list));
	for (size_t i = 0; i < rules_natives(r, kind); i++) {
		const struct rules_native *n = rules_native_at(r, kind, i);

		buf_adds(out, i ? SLICE(",") : SLICE(""));
		buf_add_json(out, slice_of(rules_native_name(n)));
		buf_addc(out, ':');
		buf_adds(out, rules_native_text(n));
	}
	buf_addc(out, '}');
}

static void
add_refused(struct buf *out, const struct rules *r)
{
	const char *comma = "";

	buf_adds(out, SLICE(",\"refused\":["));
	for (size_t i = 0; i < rules_refusals(r); i++) {
		const struct rules_refusal *f = rules_refusal_at(r, i);
		struct slice name, key = slice_make(f->key, f->key_n);
		enum native_kind kind;

		if (!rules_native_key(key, &kind, &name))
			continue;
		buf_addf(out, "%s{\"key\":", comma);
		buf_add_json(out, key);
		buf_adds(out, SLICE(",\"reason\":"));
		buf_add_json(out, slice_of(f->reason));
		buf_addc(out, '}');
		comma = ",";
	}
	buf_addc(out, ']');
}

void
api_rules(struct api_call *c)
{
	struct buf data BUF_CLEAN = { 0 };

	for (unsigned k = 0; k < NATIVE_KINDS; k++)
		add_kind(&data, c->master->rules, (enum native_kind)k);
	add_refused(&data, c->master->rules);
	buf_addc(&data, '}');
	api_reply_message(c, 200, "OK", buf_slice(&data));
}

/* The value that is stored: where it is refused, with the reason. */
void
api_rule(struct api_call *c)
{
	const struct rules *r = c->master->rules;
	const struct rules_native *n;
	const struct rules_refusal *f;
	struct buf data BUF_CLEAN = { 0 }, more BUF_CLEAN = { 0 };
	enum native_kind kind;
	struct slice key = find_key(c, &kind);

	if (key.n == 0)
		return;
	n = rules_native_find(r, kind, c->param[1]);
	f = rules_refusal_find(r, key);
	if (f) {
		buf_adds(&more, SLICE(",\"refused\":"));
		buf_add_json(&more, slice_of(f->reason));
		n = f->native ? f->native : n;
	}
	if (!n && !f) {
		api_reply_message(c, 404, "Entry does not exist", SLICE(""));
		return;
	}
	if (n)
		add_text(&data, rules_native_text(n));
	api_reply_more(c, 200, "OK", buf_slice(&data), buf_slice(&more), NULL);
}

/* What is wrong with the rule beside the configuration; the answer is given. The store, which other
 * gateways write too, asks only whether it is good by itself. */
static bool
refuse_beside(struct api_call *c, enum native_kind kind, struct slice key)
{
	struct buf why BUF_CLEAN = { 0 }, text BUF_CLEAN = { 0 };
	struct arena arena = { 0 };
	void *entry;
	int r = config_rule_read(kind, c->master->config, c->param[1], c->text.part[CALL_BODY],
				 &arena, &entry, &why);

	arena_deinit(&arena);
	if (r == 0)
		return false;
	buf_addf(&text, "%.*s: %.*s", SLICE_F(key), SLICE_F(buf_slice(&why)));
	buf_addc(&text, '\0');
	api_reply_message(c, 400, text.p, SLICE(""));
	return true;
}

void
api_rule_set(struct api_call *c)
{
	enum native_kind kind;
	struct slice key = find_key(c, &kind);
	struct change *change;

	if (key.n == 0 || refuse_beside(c, kind, key))
		return;
	change = api_new_change(c);
	change_set(change, key, c->text.part[CALL_BODY]);
	api_warn(c, key, c->text.part[CALL_BODY]);
	api_change(c, change);
}

void
api_rule_delete(struct api_call *c)
{
	enum native_kind kind;
	struct slice key = find_key(c, &kind);
	struct change *change;

	if (key.n == 0)
		return;
	change = api_new_change(c);
	change_delete(change, key);
	api_change(c, change);
}
