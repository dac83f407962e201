/*
 * /batch of redx: many frontends and backends as one change, all of them or none. The body is JSON
 * whatever its Content-Type:
 *
 *     {"frontends": [{"url": "a/b", "backend_name": "x"}],
 *      "backends": [{"name": "x", "servers": ["s", ["t", 5]], "config": {"k": "v"}}]}
 */

#include "api.h"

#include "change.h"
#include "master.h"

#include "lib/json.h"

#include <stdio.h>
#include <stdlib.h>

#define BATCH_MAX ((size_t)1 << 30) /* admin.body_limit was kept already */
#define BATCH_DEPTH 5
#define BACKEND SLICE("backend:")

enum batch { BATCH_ADD, BATCH_REPLACE, BATCH_DELETE };

struct batching {
	enum batch what;
	int32_t default_score; /* of a server that is named without one */
	struct change *change;
	struct buf fault; /* what is wrong, and where */
};

static bool
fault(struct batching *b, const char *list, size_t i, const char *member, const char *wanted)
{
	buf_addf(&b->fault, "%s[%zu].%s: %s", list, i, member, wanted);
	return false;
}

/* Texts as they are, numbers in their shortest form, true and false as words. p == NULL for
 * anything else. `space` is of 32 bytes. */
static struct slice
scalar(const struct json *v, char *space)
{
	double number;

	if (!v)
		return (struct slice){ NULL, 0 };
	if (json_kind(v) == JSON_TRUE || json_kind(v) == JSON_FALSE)
		return json_kind(v) == JSON_TRUE ? SLICE("true") : SLICE("false");
	if (!json_number(v, &number))
		return json_text(v);
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(space, 32, "%.*g", digits, number);
		if (strtod(space, NULL) - number == 0)
			break;
	}
	return slice_of(space);
}

/* Lua writes an empty list as an empty object. */
static bool
is_list(const struct json *v)
{
	return json_kind(v) == JSON_ARRAY || (json_kind(v) == JSON_OBJECT && !json_first(v));
}

/* ---- frontends ---- */

static bool
frontend(struct batching *b, size_t i, const struct json *v)
{
	struct slice url = json_text(json_get(v, "url"));
	struct slice backend = json_text(json_get(v, "backend_name"));
	struct slice key;

	if (!url.p)
		return fault(b, "frontends", i, "url", "a text is missing");
	key = change_key(b->change, SLICE("frontend:"), url);
	if (b->what == BATCH_DELETE) {
		change_delete(b->change, key);
		return true;
	}
	if (!backend.p)
		return fault(b, "frontends", i, "backend_name", "a text is missing");
	change_set(b->change, key, backend);
	return true;
}

/* ---- backends ---- */

/* "s", or ["s", score]. */
static bool
server(struct batching *b, size_t i, struct slice key, const struct json *v)
{
	bool pair = json_kind(v) == JSON_ARRAY;
	const struct json *first = pair ? json_first(v) : v;
	const struct json *second = pair && first ? json_next(first) : NULL;
	struct slice name = first ? json_text(first) : SLICE(""), score;
	char space[32];

	snprintf(space, sizeof space, "%d", b->default_score);
	score = second ? scalar(second, space) : slice_of(space);
	if (!name.p || name.n == 0 || !score.p || (second && json_next(second)))
		return fault(b, "backends", i, "servers",
			     "a server is a text, or a list of a text and a score");
	if (b->what == BATCH_DELETE)
		change_delete_field(b->change, key, name);
	else
		change_set_field(b->change, key, name, score);
	return true;
}

static bool
servers(struct batching *b, size_t i, struct slice key, const struct json *v)
{
	if (json_kind(v) == JSON_STRING)
		return server(b, i, key, v);
	if (!is_list(v))
		return fault(b, "backends", i, "servers", "it is no list");
	for (const struct json *s = json_first(v); s; s = json_next(s)) {
		if (!server(b, i, key, s))
			return false;
	}
	return true;
}

static void
setting(struct batching *b, struct slice key, struct slice name, struct slice value)
{
	struct slice field = change_key(b->change, SLICE("_"), name);

	if (b->what == BATCH_DELETE)
		change_delete_field(b->change, key, field);
	else
		change_set_field(b->change, key, field, value);
}

/* {"k": "v"}; to delete, also ["k"]. Else a list can only be an empty object of Lua. */
static bool
settings_of(struct batching *b, size_t i, struct slice key, const struct json *v)
{
	bool names = json_kind(v) == JSON_ARRAY && b->what == BATCH_DELETE;
	char space[32];

	if (json_kind(v) != JSON_OBJECT && json_kind(v) != JSON_ARRAY)
		return fault(b, "backends", i, "config", "it is no object");
	for (const struct json *s = json_first(v); s; s = json_next(s)) {
		struct slice name = names ? json_text(s) : json_name(s);
		struct slice value = scalar(s, space);

		if (!name.p || !value.p)
			return fault(b, "backends", i, "config", "names and values are texts");
		setting(b, key, name, value);
	}
	return true;
}

static bool
backend(struct batching *b, size_t i, const struct json *v)
{
	const struct json *list = json_get(v, "servers"), *config = json_get(v, "config");
	struct slice key, name = json_text(json_get(v, "name"));

	if (!name.p)
		return fault(b, "backends", i, "name", "a text is missing");
	key = change_key(b->change, BACKEND, name);
	if (list && json_kind(list) == JSON_NULL)
		list = NULL;
	if (config && json_kind(config) == JSON_NULL)
		config = NULL;
	if (b->what == BATCH_REPLACE || (b->what == BATCH_DELETE && !list && !config))
		change_delete(b->change, key);
	return (!list || servers(b, i, key, list)) && (!config || settings_of(b, i, key, config));
}

/* ---- the body ---- */

static bool
each(struct batching *b, const struct json *body, const char *name,
     bool (*one)(struct batching *b, size_t i, const struct json *v))
{
	const struct json *list = json_get(body, name);
	size_t i = 0;

	if (!list || json_kind(list) == JSON_NULL)
		return true;
	if (!is_list(list)) {
		buf_addf(&b->fault, "%s: it is no list", name);
		return false;
	}
	for (const struct json *v = json_first(list); v; v = json_next(v)) {
		if (!one(b, i++, v))
			return false;
	}
	return true;
}

static void
batch(struct api_call *c, enum batch what)
{
	struct batching b = { .what = what,
			      .default_score = c->master->config->redis.default_score };
	struct json *body = NULL;
	bool good;

	if (json_parse(c->text.part[CALL_BODY], BATCH_MAX, BATCH_DEPTH, &body) < 0 ||
	    json_kind(body) != JSON_OBJECT) {
		json_free(body);
		api_reply_message(c, 400, "Missing json body", SLICE(""));
		return;
	}
	b.change = api_new_change(c);
	good = each(&b, body, "frontends", frontend) && each(&b, body, "backends", backend);
	json_free(body);
	if (good) {
		api_change(c, b.change);
	} else {
		change_free(b.change);
		buf_addc(&b.fault, '\0');
		api_reply_message(c, 400, b.fault.p, SLICE(""));
	}
	buf_deinit(&b.fault);
}

void
api_batch_add(struct api_call *c)
{
	batch(c, BATCH_ADD);
}

void
api_batch_replace(struct api_call *c)
{
	batch(c, BATCH_REPLACE);
}

void
api_batch_delete(struct api_call *c)
{
	batch(c, BATCH_DELETE);
}
