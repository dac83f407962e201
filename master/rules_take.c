/*
 * What stands in a text of rules (rules_text.h), a member of a section at a time, becomes rules;
 * and what stands beside the sections. What this version refuses is a refusal of that key alone.
 */

#include "rules_take.h"

#include "history.h"
#include "rules_backend.h"
#include "rules_own.h"

#include "lib/json.h"
#include "lib/xalloc.h"

#include <stdlib.h>

#define DEPTH 3 /* the rest, "refused", ...; a key, a backend */

/* ---- members ---- */

/* False when one of the members is of another kind. */
static bool
members_are(const struct json *object, enum json_kind kind)
{
	if (!object || json_kind(object) != JSON_OBJECT)
		return false;
	for (const struct json *i = json_first(object); i; i = json_next(i)) {
		if (json_kind(i) != kind)
			return false;
	}
	return true;
}

/* A string with nothing that stands for something else. */
static bool
is_plain(struct slice s)
{
	return s.n >= 2 && s.p[0] == '"' && !memchr(s.p, '\\', s.n);
}

static struct slice
unquoted(struct slice s)
{
	return slice_make(s.p + 1, s.n - 2);
}

static bool
take_frontend(struct rules *r, bool over, struct slice url, struct slice backend)
{
	if (!over && rules_frontend_find(r, url))
		return false;
	rules_set_frontend(r, url, backend);
	return true;
}

static bool
take_backend(struct rules *r, bool over, const struct json *backend)
{
	struct slice *fields;
	size_t count = 0;

	if (!members_are(backend, JSON_STRING) ||
	    (!over && rules_backend_find(r, json_name(backend))))
		return false;
	for (const struct json *i = json_first(backend); i; i = json_next(i))
		count += 2;
	fields = xcalloc(count, sizeof *fields);
	count = 0;
	for (const struct json *i = json_first(backend); i; i = json_next(i)) {
		fields[count++] = json_name(i);
		fields[count++] = json_text(i);
	}
	rules_set_backend(r, json_name(backend), fields, count);
	free(fields);
	return true;
}

/* By its key. */
static bool
take_native(struct rules *r, const struct json *text)
{
	enum native_kind kind;
	struct slice name;

	if (json_kind(text) != JSON_STRING)
		return false;
	if (rules_native_key(json_name(text), &kind, &name))
		rules_set_native(r, kind, name, json_text(text));
	return true;
}

static bool
take_json(struct rules *r, enum rules_section section, bool over, struct slice name,
	  struct slice value)
{
	struct buf member BUF_CLEAN = { 0 };
	struct json *root = NULL;
	const struct json *m;
	bool good;

	buf_addf(&member, "{%.*s:%.*s}", SLICE_F(name), SLICE_F(value));
	if (json_parse(buf_slice(&member), RULES_MEMBER_MAX, DEPTH, &root) < 0)
		return false;
	m = json_first(root);
	if (section == SECTION_FRONTENDS)
		good = json_kind(m) == JSON_STRING &&
		       take_frontend(r, over, json_name(m), json_text(m));
	else
		good = section == SECTION_BACKENDS ? take_backend(r, over, m) : take_native(r, m);
	json_free(root);
	return good;
}

bool
rules_take(struct rules *r, enum rules_section section, bool over, struct slice name,
	   struct slice value)
{
	if (section == SECTION_FRONTENDS && is_plain(name) && is_plain(value))
		return take_frontend(r, over, unquoted(name), unquoted(value));
	return take_json(r, section, over, name, value);
}

/* ---- the rest ---- */

static bool
take_natives(struct rules *r, const struct json *object)
{
	for (const struct json *i = object ? json_first(object) : NULL; i; i = json_next(i)) {
		if (!take_native(r, i))
			return false;
	}
	return !object || json_kind(object) == JSON_OBJECT;
}

static bool
take_refused(struct rules *r, const struct json *object)
{
	if (!members_are(object, JSON_STRING))
		return false;
	for (const struct json *i = json_first(object); i; i = json_next(i)) {
		const struct rules_refusal *f = rules_refusal_find(r, json_name(i));

		if (!f || !f->native) /* else this version has judged it by its value */
			rules_refuse(r, json_name(i), json_text(i).p);
	}
	return true;
}

/* Those that were refused when the file was written had no good version but that which stands in
 * it, unless it says so. A file of an older version does not. */
static bool
take_refusals(struct rules *r, const struct json *rest)
{
	const struct json *lost = json_get(rest, "lost");

	if (lost && !members_are(lost, JSON_STRING))
		return false;
	r->whole = lost != NULL;
	if (!take_natives(r, json_get(rest, "native_refused")) ||
	    !take_refused(r, json_get(rest, "refused")))
		return false;
	r->whole = false;
	for (const struct json *i = json_first(lost); i; i = json_next(i)) {
		struct rules_refusal *f = refusal_own(r, json_name(i));

		if (f)
			refusal_set_lost(r, f, !f->kept);
	}
	return true;
}

/* Of a part: keys that stand for nothing good any more. */
static void
take_gone(struct rules *r, const struct json *gone)
{
	for (const struct json *i = json_first(gone); i; i = json_next(i)) {
		if (json_kind(i) == JSON_STRING)
			rules_delete(r, json_text(i));
	}
}

bool
rules_take_rest(struct rules *r, struct slice text, int64_t *saved_at, struct revision **revision)
{
	struct json *rest = NULL;
	double saved;
	bool good;

	if (json_parse(text, RULES_MEMBER_MAX, DEPTH, &rest) < 0)
		return false;
	good = slice_eq(json_text(json_get(rest, "format")), SLICE(RULES_FORMAT)) &&
	       json_number(json_get(rest, "saved_at"), &saved) && saved >= 0 && saved < 1e15;
	if (good) {
		*saved_at = (int64_t)saved;
		take_gone(r, json_get(rest, "gone"));
		good = take_refusals(r, rest);
	}
	if (good)
		*revision = revision_load(json_get(rest, "revision"));
	json_free(rest);
	return good;
}
