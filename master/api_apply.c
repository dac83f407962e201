/*
 * The two writes that are made out of what is known of the rules: apply makes them like what
 * somebody wrote down, rollback like what they were. Both are changes like any other, and so make
 * a revision of their own.
 */

#include "api.h"

#include "apply.h"
#include "change.h"
#include "diff.h"
#include "master.h"
#include "point.h"

#include "lib/json.h"

#define APPLY_MAX ((size_t)16 << 20)

/* The ops that make what is `before` into what is `after`, both in source form. */
static void
change_hash(struct change *change, struct slice key, const struct json *before,
	    const struct json *after)
{
	for (const struct json *f = json_first(after); f; f = json_next(f)) {
		struct slice was = json_text(json_get(before, json_name(f).p));

		if (!was.p || !slice_eq(was, json_text(f)))
			change_set_field(change, key, json_name(f), json_text(f));
	}
	for (const struct json *f = json_first(before); f; f = json_next(f)) {
		if (!json_get(after, json_name(f).p))
			change_delete_field(change, key, json_name(f));
	}
}

/* False when the value is not known. */
static bool
change_key_to(struct api_call *c, struct change *change, struct slice key,
	      const struct delta_item *i)
{
	struct json *before = NULL, *after = NULL;
	bool good = json_parse(slice_of(i->before), DELTA_MAX, 1, &before) == 0 &&
		    json_parse(slice_of(i->after), DELTA_MAX, 1, &after) == 0;
	enum json_kind kind = good ? json_kind(after) : JSON_FALSE;

	if (good && kind == JSON_STRING) {
		change_set(change, key, json_text(after));
		api_warn(c, key, json_text(after));
	} else if (good && kind == JSON_NULL) {
		change_delete(change, key);
	} else if (good && kind == JSON_OBJECT) {
		if (json_kind(before) == JSON_FALSE) /* whatever it is */
			change_delete(change, key);
		change_hash(change, key, json_kind(before) == JSON_OBJECT ? before : NULL, after);
	} else {
		good = false;
	}
	json_free(before);
	json_free(after);
	return good;
}

/* The change that `d` is; NULL when it goes back to what nobody knows, and *why says so. */
static struct change *
make_change(struct api_call *c, const struct delta *d, struct slice why, struct buf *report)
{
	struct change *change = api_new_change(c);

	if (c->text.part[CALL_WHY].n == 0)
		change->why = arena_copy(&change->arena, why);
	/* What it was made from must be what it meets. */
	if (change->expected.n == 0)
		change_expect(change, slice_of(store_revision(c->master)));
	for (size_t i = 0; i < d->items.count; i++) {
		const struct map_entry *e = &d->items.entries[i];

		if (change_key_to(c, change, map_name(e), e->value))
			continue;
		buf_addf(report,
			 "%.*s had a value that was refused, nobody knows which; --force (force=1) "
			 "leaves such keys as they are",
			 SLICE_F(map_name(e)));
		change_free(change);
		return NULL;
	}
	return change;
}

static void
reply(struct api_call *c, int status, const char *text)
{
	api_reply_message(c, status, text, buf_slice(&c->data));
}

static void
reply_text(struct api_call *c, int status, struct buf *text)
{
	buf_addc(text, '\0');
	reply(c, status, text->p);
}

/* Only says what would become of it. */
static void
try_change(struct api_call *c, struct change *change)
{
	struct rules *draft = NULL;
	BUF_CLEAN struct buf why = { 0 };
	int r = change_draft(change, c->master->rules, &draft, &why);

	rules_free(draft);
	change_free(change);
	if (r < 0)
		reply_text(c, 400, &why);
	else
		reply(c, 200, "Nothing was changed");
}

/* What would go back to a value that nobody knows is no part of it, and named. */
static void
leave_unknown(struct delta *d, struct buf *left)
{
	for (size_t i = d->items.count; i-- > 0;) { /* the last one takes the place of what goes */
		const struct map_entry *e = &d->items.entries[i];
		const struct delta_item *item = e->value;
		BUF_CLEAN struct buf key = { 0 }, before = { 0 };

		if (strcmp(item->after, "false") != 0)
			continue;
		buf_adds(left, left->n ? SLICE(",") : SLICE(""));
		buf_add_json(left, map_name(e));
		buf_adds(&key, map_name(e));
		buf_adds(&before, slice_of(item->before));
		delta_put(d, buf_slice(&key), SLICE("false"), buf_slice(&before));
	}
}

static void
write_delta(struct api_call *c, struct delta *d, struct slice why)
{
	BUF_CLEAN struct buf report = { 0 }, left = { 0 };
	struct change *change;

	if (api_flag(c, SLICE("force=1")))
		leave_unknown(d, &left);
	buf_adds(&c->data, SLICE("{\"diff\":"));
	diff_write(d, &c->data);
	if (left.n)
		buf_addf(&c->data, ",\"left\":[%.*s]", SLICE_F(buf_slice(&left)));
	buf_addc(&c->data, '}');
	if (d->items.count == 0) {
		reply(c, 200, "Nothing differs");
	} else if (apply_is_loss(c->master->rules, d) && !api_flag(c, SLICE("force=1"))) {
		reply(c, 409,
		      "More than half of the rules would go; confirm it by --force (force=1)");
	} else if (!(change = make_change(c, d, why, &report))) {
		reply_text(c, 409, &report);
	} else if (api_flag(c, SLICE("dry_run=1"))) {
		try_change(c, change);
	} else {
		api_change(c, change);
	}
}

static void
reply_mismatch(struct api_call *c)
{
	reply(c, 409, "another revision is in force");
}

/* A line each. */
static void
reply_mistakes(struct api_call *c, struct slice report)
{
	BUF_CLEAN struct buf json = { 0 };
	bool first = true;

	buf_adds(&json, SLICE("{\"mistakes\":["));
	while (report.p && report.n > 0) {
		struct slice line = slice_cut(report, '\n', &report);

		if (line.n == 0)
			continue;
		buf_adds(&json, first ? SLICE("") : SLICE(","));
		first = false;
		buf_add_json(&json, line);
	}
	buf_adds(&json, SLICE("]}"));
	api_reply_message(c, 400, "The rules have mistakes; nothing was changed", buf_slice(&json));
}

/* What the store has lost and the rules have not is written again where it is named: it does not
 * differ from what is in force. */
static int
add_lost(struct api_call *c, const struct json *root, struct delta *d, struct buf *report)
{
	struct rules *held;
	struct delta all DELTA_CLEAN = { 0 };
	BUF_CLEAN struct buf key = { 0 };
	struct store_redis_status st;
	int r;

	store_redis_get_status(c->master->store, &st);
	if (!c->master->config->redis.configured || st.withheld == 0)
		return 0;
	held = rules_copy(c->master->rules);
	for (size_t i = 0; i < rules_keys(c->master->rules); i++) {
		if (rules_key_at(c->master->rules, i, &key) &&
		    store_redis_withholds(c->master->store, buf_slice(&key)))
			rules_delete(held, buf_slice(&key));
	}
	r = apply_read(held, c->master->config, root, &all, report);
	for (size_t i = 0; i < all.items.count; i++) {
		const struct map_entry *e = &all.items.entries[i];
		const struct delta_item *item = e->value;

		if (!map_get(&d->items, map_name(e)))
			delta_put(d, map_name(e), slice_of(item->before), slice_of(item->after));
	}
	rules_free(held);
	return r;
}

void
api_apply(struct api_call *c)
{
	struct delta d DELTA_CLEAN = { 0 };
	BUF_CLEAN struct buf report = { 0 };
	struct json *root = NULL;

	if (!api_matches(c))
		reply_mismatch(c);
	else if (c->text.part[CALL_BODY].n > APPLY_MAX)
		api_reply_message(c, 413,
				  "The body is larger than 16 MiB, whatever admin.body_limit is",
				  SLICE(""));
	else if (json_parse_exact(c->text.part[CALL_BODY], APPLY_MAX, JSON_DEPTH_MAX, &root) < 0)
		api_reply_message(c, 400, "The body is no JSON", SLICE(""));
	else if (apply_read(c->master->rules, c->master->config, root, &d, &report) < 0 ||
		 add_lost(c, root, &d, &report) < 0)
		reply_mistakes(c, buf_slice(&report));
	else
		write_delta(c, &d, SLICE("apply"));
	json_free(root);
}

/* Where the history was so many revisions ago, or at that one. */
static struct point
rollback_point(struct api_call *c, struct slice *name)
{
	const struct history *h = &c->master->revisions.history;
	struct slice steps = api_query(c, SLICE("steps"));
	struct point p = { POINT_REVISION, NULL };
	size_t n = 0;

	*name = api_query(c, SLICE("to"));
	if (name->n > 0)
		return point_find(c->master, *name);
	*name = steps.n ? steps : SLICE("1");
	for (size_t i = 0; i < name->n && n <= HISTORY_MAX; i++)
		n = name->p[i] >= '0' && name->p[i] <= '9' ? 10 * n + (size_t)(name->p[i] - '0')
							   : HISTORY_MAX + 1;
	if (n > h->count)
		p.kind = POINT_UNKNOWN;
	else if (n < h->count)
		p.revision = h->at[h->count - 1 - n];
	return p;
}

void
api_rollback(struct api_call *c)
{
	const struct revision *newest = history_newest(&c->master->revisions.history);
	struct delta d DELTA_CLEAN = { 0 };
	BUF_CLEAN struct buf why = { 0 };
	struct slice name;
	struct point to = rollback_point(c, &name);

	if (!api_matches(c)) {
		reply_mismatch(c);
	} else if (to.kind == POINT_UNKNOWN) {
		api_reply_no_revision(c, name);
	} else if (!newest || newest != revisions_in_force(c->master)) {
		buf_adds(&why, SLICE("the rules changed just now, or are no revision that is "
				     "known; look at the history and try again"));
		reply_text(c, 409, &why);
	} else if (point_difference(c->master, (struct point){ POINT_NOW, NULL }, to, &d, &why) <
		   0) {
		reply_text(c, 409, &why);
	} else {
		buf_addf(&why, "rollback to %s", to.revision ? to.revision->id : "the beginning");
		write_delta(c, &d, buf_slice(&why));
	}
}
