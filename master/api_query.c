/*
 * The query of a call. One that says something else than its writer meant must not be taken for
 * nothing: a dry run that is none cannot be undone.
 */

#include "api.h"

#include "lib/uri.h"

static const struct slice flags[] = {
	{ "wait", 4 },    { "force", 5 }, { "dry_run", 7 },
	{ "refused", 7 }, { "all", 3 },   { "sticky", 6 },
};

bool
api_has_word(const char *words, struct slice word)
{
	struct slice rest = words ? slice_of(words) : SLICE("");

	while (rest.p && rest.n > 0) {
		if (slice_eq(slice_cut(rest, ' ', &rest), word))
			return true;
	}
	return false;
}

struct slice
api_unescape(struct api_call *c, struct slice s)
{
	return uri_unescape(s, arena_alloc(&c->arena, s.n + 1));
}

bool
api_flag(const struct api_call *c, struct slice flag)
{
	struct slice rest = c->text.part[CALL_QUERY];

	while (rest.p && rest.n > 0) {
		if (slice_eq(slice_cut(rest, '&', &rest), flag))
			return true;
	}
	return false;
}

struct slice
api_query(struct api_call *c, struct slice name)
{
	struct slice rest = c->text.part[CALL_QUERY];

	while (rest.p && rest.n > 0) {
		struct slice value, pair = slice_cut(rest, '&', &rest);

		if (slice_eq(slice_cut(pair, '=', &value), name))
			return value.p ? api_unescape(c, value) : SLICE("");
	}
	return (struct slice){ NULL, 0 };
}

static bool
is_one_of(struct slice name, const struct slice *names, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (slice_eq(names[i], name))
			return true;
	}
	return false;
}

bool
api_changes_rules(const struct api_row *row)
{
	return row->role == ACCESS_WRITE && row->run != api_suspend && row->run != api_resume &&
	       row->run != api_sessions_end;
}

/* What is wrong with a parameter; NULL: nothing. Paths that redx has take names that they do not
 * know, as they did there. */
static const char *
fault(const struct api_call *c, struct slice name, struct slice value)
{
	bool strict = c->row->run == api_apply || c->row->run == api_rollback ||
		      c->row->run == api_reload || c->row->run == api_drain_begin;

	if (slice_eq(name, SLICE("wait")) && value.p && slice_eq(value, SLICE("fleet")))
		return api_changes_rules(c->row) ? NULL
						 : "only a change of rules can wait for the fleet";
	if (is_one_of(name, flags, sizeof flags / sizeof flags[0]))
		return value.p && (slice_eq(value, SLICE("0")) || slice_eq(value, SLICE("1")))
			   ? NULL
			   : "it is 0 or 1";
	if (strict && name.n > 0 && !api_has_word(c->row->query, name))
		return "there is no such parameter";
	return NULL;
}

bool
api_query_check(struct api_call *c)
{
	struct slice rest = c->text.part[CALL_QUERY];

	while (rest.p && rest.n > 0) {
		struct slice value, name = slice_cut(slice_cut(rest, '&', &rest), '=', &value);
		const char *why = fault(c, name, value);
		BUF_CLEAN struct buf text = { 0 };

		if (!why)
			continue;
		buf_addf(&text, "%.*s in the query: %s; nothing was done", SLICE_F(name), why);
		buf_addc(&text, '\0');
		api_reply_message(c, 400, text.p, SLICE(""));
		return false;
	}
	return true;
}
