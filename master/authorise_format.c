/*
 * A rule of authorisation as text.
 */

#include "authorise.h"

static const char *
key_of(enum authorise_kind kind)
{
	static const char *const names[] = {
		[AUTHORISE_ALL] = "all",
		[AUTHORISE_ANY] = "any",
		[AUTHORISE_NOT] = "not",
		[AUTHORISE_SCOPES] = "scopes",
		[AUTHORISE_ROLES] = "roles",
		[AUTHORISE_GROUPS] = "groups",
		[AUTHORISE_CLAIM] = "claims",
		[AUTHORISE_ISSUERS] = "issuers",
		[AUTHORISE_KINDS] = "kinds",
		[AUTHORISE_METHODS] = "methods",
		[AUTHORISE_ADDRESSES] = "addresses",
		[AUTHORISE_CERTIFICATE] = "certificate",
		[AUTHORISE_NEVER] = "never",
	};

	return names[kind];
}

/* ---- one after the other ---- */

typedef void put_fn(struct buf *out, struct slice value);

static void
put_bits(const struct authorise *a, put_fn *put, const char *between, struct buf *out)
{
	const struct setting_word *w = a->kind == AUTHORISE_KINDS
					   ? authorise_kinds
					   : setting_find(SLICE("gate.protect[].methods"))->words;
	size_t n = 0;

	for (; w->word; w++) {
		if (!(a->bits & w->value))
			continue;
		buf_adds(out, n++ > 0 ? slice_of(between) : SLICE(""));
		put(out, slice_of(w->word));
	}
}

static void
put_values(const struct authorise *a, put_fn *put, const char *between, struct buf *out)
{
	if (a->kind == AUTHORISE_KINDS || a->kind == AUTHORISE_METHODS) {
		put_bits(a, put, between, out);
		return;
	}
	for (size_t i = 0; i < a->values_count; i++) {
		buf_adds(out, i > 0 ? slice_of(between) : SLICE(""));
		put(out, slice_of(a->values[i]));
	}
}

void
authorise_text(const struct authorise *a, struct buf *out)
{
	bool named = a->kind == AUTHORISE_CLAIM || a->kind == AUTHORISE_CERTIFICATE;

	buf_adds(out, slice_of(a->kind == AUTHORISE_CLAIM ? "claim" : key_of(a->kind)));
	if (named)
		buf_addf(out, " %s", a->name);
	if (a->kind == AUTHORISE_NEVER)
		return;
	buf_adds(out, SLICE(": "));
	if (a->values_count == 0 && (named || a->kind == AUTHORISE_GROUPS))
		buf_adds(out, SLICE("any"));
	put_values(a, buf_adds, ", ", out);
}

/* ---- as it would be written ---- */

static void
put_key(const char *key, bool json, struct buf *out)
{
	buf_addf(out, json ? "\"%s\": " : "%s: ", key);
}

static void
put_leaf(const struct authorise *a, bool json, struct buf *out)
{
	bool named = a->kind == AUTHORISE_CLAIM || a->kind == AUTHORISE_CERTIFICATE;

	put_key(key_of(a->kind), json, out);
	if (named) {
		buf_addc(out, '{');
		buf_add_json(out, slice_of(a->name));
		buf_adds(out, SLICE(": "));
	}
	if (named && a->values_count == 0) {
		buf_addc(out, '{');
		put_key("present", json, out);
		buf_adds(out, SLICE("true}"));
	} else {
		buf_addc(out, '[');
		put_values(a, buf_add_json, ", ", out);
		buf_addc(out, ']');
	}
	if (named)
		buf_addc(out, '}');
}

/* One key and its value. A mapping of one key is that key. */
static void
put_tree(const struct authorise *a, bool json, struct buf *out)
{
	if (a->kind == AUTHORISE_ALL && a->children_count == 1) {
		put_tree(a->children, json, out);
		return;
	}
	if (a->kind > AUTHORISE_NOT) {
		put_leaf(a, json, out);
		return;
	}
	put_key(key_of(a->kind), json, out);
	buf_adds(out, a->kind == AUTHORISE_NOT ? SLICE("") : SLICE("["));
	for (size_t i = 0; i < a->children_count; i++) {
		buf_adds(out, i > 0 ? SLICE(", {") : SLICE("{"));
		put_tree(&a->children[i], json, out);
		buf_addc(out, '}');
	}
	buf_adds(out, a->kind == AUTHORISE_NOT ? SLICE("") : SLICE("]"));
}

void
authorise_format(const struct authorise *a, bool json, struct buf *out)
{
	if (!a) {
		buf_adds(out, json ? SLICE("null") : SLICE("none"));
		return;
	}
	buf_addc(out, '{');
	put_tree(a, json, out);
	if (a->shadow) {
		buf_adds(out, SLICE(", "));
		put_key("shadow", json, out);
		buf_adds(out, SLICE("true"));
	}
	buf_addc(out, '}');
}
