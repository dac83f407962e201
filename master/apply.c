#include "apply.h"

#include "diff.h"
#include "rules.h"

#include "lib/json.h"
#include "lib/log.h"

#include <errno.h>

#define LOSS_MIN 4

static const struct family {
	struct slice name;
	const char *kind; /* of its rules */
} families[] = {
	{ { "routes", 6 }, "route" },     { { "upstreams", 9 }, "upstream" },
	{ { "policies", 8 }, "policy" },  { { "frontends", 9 }, "frontend" },
	{ { "backends", 8 }, "backend" }, { { "api_keys", 8 }, "key" },
};

#define FAMILIES (sizeof families / sizeof families[0])
#define FAMILIES_TEXT "routes, upstreams, policies, api_keys, frontends and backends"

struct reading {
	const struct rules *now;
	const struct config *config;
	struct rules *scratch; /* what is written down, in the form of the store */
	struct buf *report;
	bool failed;
};

static void
mistake(struct reading *r, struct slice place, const char *what)
{
	char quoted[200];

	r->failed = true;
	buf_addf(r->report, "%s: %s\n", log_quote(place, quoted, sizeof quoted), what);
}

/* ---- reading ---- */

/* A native rule's JSON is a string of the store; what redx has stands as it is. */
static void
write_value(const struct diff_kind *kind, const struct json *v, struct buf *out)
{
	struct buf text BUF_CLEAN = { 0 };

	if (!kind->native) {
		json_write(v, out);
		return;
	}
	json_write(v, &text);
	buf_add_json(out, buf_slice(&text));
}

static const char *
form_fault(const struct diff_kind *kind, const struct json *v)
{
	if (kind->native)
		return json_kind(v) == JSON_OBJECT ? NULL : "a rule is a mapping of its settings";
	if (strcmp(kind->name, "frontend") == 0)
		return json_kind(v) == JSON_STRING ? NULL : "a frontend is the name of its backend";
	if (json_kind(v) != JSON_OBJECT)
		return "a backend is a mapping of servers to scores, {\"10.0.0.1:80\": \"0\"}";
	for (const struct json *m = json_first(v); m; m = json_next(m)) {
		if (json_kind(m) != JSON_STRING)
			return "the values of a backend are texts; put them in quotes";
	}
	return json_first(v) ? NULL : "a backend has at least one server or setting";
}

/* What is wrong with what was read into this key, beside the configuration; NULL: nothing. */
static const char *
fault_beside(const struct reading *r, struct slice key)
{
	enum native_kind kind;
	struct slice name;

	return rules_native_key(key, &kind, &name)
		   ? rules_native_fault(rules_native_find(r->scratch, kind, name), r->config)
		   : NULL;
}

static void
read_rule(struct reading *r, const struct family *family, const struct json *v)
{
	const struct diff_kind *kind = diff_kind_named(family->kind);
	const struct rules_refusal *refusal;
	struct buf key BUF_CLEAN = { 0 }, place BUF_CLEAN = { 0 }, text BUF_CLEAN = { 0 };
	const char *fault = form_fault(kind, v);

	buf_addf(&place, "%.*s.%.*s", SLICE_F(family->name), SLICE_F(json_name(v)));
	if (fault) {
		mistake(r, buf_slice(&place), fault);
		return;
	}
	write_value(kind, v, &text);
	buf_adds(&key, kind->prefix);
	buf_adds(&key, json_name(v));
	if (rules_put(r->scratch, buf_slice(&key), buf_slice(&text)) >= 0) {
		fault = fault_beside(r, buf_slice(&key));
	} else {
		refusal = rules_refusal_find(r->scratch, buf_slice(&key));
		fault = refusal ? refusal->reason : "it cannot be stored";
	}
	if (fault)
		mistake(r, buf_slice(&place), fault);
}

static const struct family *
family_of(struct slice name)
{
	for (size_t i = 0; i < FAMILIES; i++) {
		if (slice_eq(families[i].name, name))
			return &families[i];
	}
	return NULL;
}

static void
read_root(struct reading *r, const struct json *root)
{
	if (json_kind(root) != JSON_OBJECT || !json_first(root))
		mistake(r, SLICE("rules"), "there are none; write an object with " FAMILIES_TEXT);
	for (const struct json *f = json_first(root); f && json_kind(root) == JSON_OBJECT;
	     f = json_next(f)) {
		const struct family *family = family_of(json_name(f));

		if (!family) {
			mistake(r, json_name(f), "unknown; rules are " FAMILIES_TEXT);
			continue;
		}
		if (json_kind(f) != JSON_OBJECT)
			mistake(r, family->name, "names and their rules; write {} for none");
		for (const struct json *v = json_first(f); v && json_kind(f) == JSON_OBJECT;
		     v = json_next(v))
			read_rule(r, family, v);
	}
}

/* ---- comparing ---- */

/* Native rules are the same if they say the same, whatever their blanks. */
static bool
value_same(const struct diff_kind *kind, struct slice before, struct slice after)
{
	struct delta d DELTA_CLEAN = { 0 };
	struct buf x BUF_CLEAN = { 0 };

	if (!kind->native || slice_eq(before, after))
		return slice_eq(before, after);
	delta_put(&d, kind->prefix, before, after);
	diff_write(&d, &x);
	buf_addc(&x, '\0');
	return strstr(x.p, "\"changes\":[]") != NULL;
}

static void
compare_key(const struct reading *r, struct slice key, struct delta *out)
{
	struct buf before BUF_CLEAN = { 0 }, after BUF_CLEAN = { 0 };
	struct slice name;
	const struct diff_kind *kind = diff_kind_of(key, &name);

	rules_value(r->now, key, &before);
	rules_value(r->scratch, key, &after);
	if (!value_same(kind, buf_slice(&before), buf_slice(&after)))
		delta_put(out, key, buf_slice(&before), buf_slice(&after));
}

/* Is the family of this key written down? */
static bool
is_named(const struct json *root, struct slice key)
{
	struct slice name;
	const struct diff_kind *kind = diff_kind_of(key, &name);

	for (size_t i = 0; i < FAMILIES; i++) {
		if (strcmp(families[i].kind, kind->name) == 0)
			return json_get(root, families[i].name.p) != NULL;
	}
	return false;
}

static void
compare(const struct reading *r, const struct json *root, struct delta *out)
{
	struct buf key BUF_CLEAN = { 0 };

	for (size_t i = 0; i < rules_keys(r->scratch); i++) {
		if (rules_key_at(r->scratch, i, &key))
			compare_key(r, buf_slice(&key), out);
	}
	for (size_t i = 0; i < rules_keys(r->now); i++) {
		if (rules_key_at(r->now, i, &key) && is_named(root, buf_slice(&key)))
			compare_key(r, buf_slice(&key), out);
	}
}

int
apply_read(const struct rules *now, const struct config *c, const struct json *root,
	   struct delta *out, struct buf *report)
{
	struct reading r = { .now = now, .config = c, .scratch = rules_new(), .report = report };

	read_root(&r, root);
	if (!r.failed)
		compare(&r, root, out);
	rules_free(r.scratch);
	return r.failed ? -EINVAL : 0;
}

bool
apply_is_loss(const struct rules *now, const struct delta *d)
{
	size_t lost = 0;

	for (size_t i = 0; i < d->items.count; i++) {
		const struct delta_item *item = d->items.entries[i].value;

		lost += strcmp(item->after, "null") == 0;
	}
	return lost >= LOSS_MIN && 2 * lost > rules_known(now);
}
