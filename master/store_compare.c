#include "store_compare.h"

#include "lib/redis.h"

#define SCAN_COUNT "1000"

static const char *const prefixes[] = { "frontend:",      "backend:",     "yett:route:",
					"yett:upstream:", "yett:policy:", "yett:key:" };

#define PREFIXES (sizeof prefixes / sizeof prefixes[0])

static void
want(struct store_compare *c, struct slice key)
{
	struct mark *m = keys_mark(&c->draft->keys, key);

	if (m->seen == c->number)
		return;
	m->seen = c->number;
	if (m->oversized) {
		rules_refuse(c->draft->next, key, "its value is too large to be read");
		keys_present(&c->draft->keys, key);
		m->oversized = true;
		c->present++;
		return;
	}
	fetch_want(c->fetch, FETCH_ORDINARY, key);
}

/* Keys that SCAN did not name are asked for by name, so that a deletion never rests on what SCAN
 * left out. */
static void
want_known(struct store_compare *c)
{
	const struct rules *rules = c->draft->next;
	struct buf key BUF_CLEAN = { 0 };

	for (size_t i = 0; i < rules_keys(rules); i++) {
		struct mark *m;

		if (!rules_key_at(rules, i, &key))
			continue;
		m = keys_mark(&c->draft->keys, buf_slice(&key));
		if (m->seen != c->number)
			m->oversized = false;
		want(c, buf_slice(&key));
	}
}

static void on_scanned(void *userdata, struct slice tag, const struct redis_reply *r);

static void
scan(struct store_compare *c, struct slice cursor)
{
	struct buf pattern BUF_CLEAN = { 0 };

	buf_addf(&pattern, "%s*", prefixes[c->pattern]);
	redis_conn_command(c->fetch->conn, on_scanned, c, SLICE(""), 6,
			   (struct slice[]){ SLICE("SCAN"), cursor, SLICE("MATCH"),
					     buf_slice(&pattern), SLICE("COUNT"),
					     SLICE(SCAN_COUNT) });
}

static bool
scan_read(struct store_compare *c, const struct redis_reply *r)
{
	struct slice prefix = slice_of(prefixes[c->pattern]);
	const struct redis_reply *keys;

	if (r->type != REDIS_ARRAY || r->count != 2 || !r->elements[0] ||
	    r->elements[0]->type != REDIS_STRING || !r->elements[1] ||
	    r->elements[1]->type != REDIS_ARRAY)
		return false;
	keys = r->elements[1];
	for (size_t i = 0; i < keys->count; i++) {
		if (!keys->elements[i] || !slice_starts(keys->elements[i]->text, prefix))
			return false;
		want(c, keys->elements[i]->text);
	}
	return true;
}

static void
on_scanned(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct store_compare *c = userdata;

	if (!scan_read(c, r)) {
		c->failed(c->userdata, r);
		return;
	}
	if (!slice_eq(r->elements[0]->text, SLICE("0"))) {
		scan(c, r->elements[0]->text);
		return;
	}
	c->pattern++;
	if (c->pattern < PREFIXES)
		scan(c, SLICE("0"));
	else
		want_known(c);
}

void
compare_begin(struct store_compare *c, bool force)
{
	struct map *marks = &c->draft->keys.marks;

	c->running = true;
	c->force = force;
	c->again = c->again_force = c->stale = false;
	draft_open(c->draft);
	c->number++;
	c->pattern = 0;
	c->present = 0;
	for (size_t i = 0; i < marks->count; i++) {
		struct mark *m = marks->entries[i].value;

		m->missing = false;
		if (force)
			m->oversized = false;
	}
	scan(c, SLICE("0"));
	redis_conn_flush(c->fetch->conn);
}

void
compare_ask_again(struct store_compare *c, bool force)
{
	c->again = true;
	c->again_force |= force;
}

bool
compare_is_through(const struct store_compare *c)
{
	return c->running && c->fetch->left[FETCH_ORDINARY] == 0 && c->pattern == PREFIXES;
}

bool
compare_covers(struct slice key)
{
	for (size_t i = 0; i < PREFIXES; i++) {
		if (slice_starts(key, slice_of(prefixes[i])))
			return true;
	}
	return false;
}
