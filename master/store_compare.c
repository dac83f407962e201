#include "store_compare.h"

#include "lib/redis.h"

#define SCAN_COUNT "1000"
#define WALK 4096 /* rules that are looked at in a turn of the loop */

static const char *const prefixes[] = { "frontend:",      "backend:",     "yett:route:",
					"yett:upstream:", "yett:policy:", "yett:key:" };

#define PREFIXES (sizeof prefixes / sizeof prefixes[0])

/* One pass over all keys of the server: a pattern of the first letters of all prefixes, which lets
 * few others through. */
#define PATTERN "[fby][rae][oct][nkt][te:][enrupk][ndoep]*"

static void
want(struct store_compare *c, struct slice key)
{
	const struct mark *m;

	if (rules_meet(c->draft->next, key, c->number))
		return;
	m = keys_find(&c->draft->keys, key);
	if (m && m->oversized) {
		rules_refuse(c->draft->next, key, "its value is too large to be read");
		keys_present(&c->draft->keys, key);
		keys_mark(&c->draft->keys, key)->oversized = true;
		c->present++;
		return;
	}
	fetch_want(c->fetch, FETCH_ORDINARY, key);
}

static void on_scanned(void *userdata, struct slice tag, const struct redis_reply *r);

static void
scan(struct store_compare *c)
{
	c->at = COMPARE_SCANNED;
	redis_conn_command(c->fetch->conn, on_scanned, c, SLICE(""), 6,
			   (struct slice[]){ SLICE("SCAN"), buf_slice(&c->cursor), SLICE("MATCH"),
					     SLICE(PATTERN), SLICE("COUNT"), SLICE(SCAN_COUNT) });
}

static bool
scan_read(struct store_compare *c, const struct redis_reply *r)
{
	const struct redis_reply *keys;

	if (r->type != REDIS_ARRAY || r->count != 2 || !r->elements[0] ||
	    r->elements[0]->type != REDIS_STRING || !r->elements[1] ||
	    r->elements[1]->type != REDIS_ARRAY)
		return false;
	keys = r->elements[1];
	for (size_t i = 0; i < keys->count; i++) {
		if (!keys->elements[i] || keys->elements[i]->type != REDIS_STRING)
			return false;
		if (compare_covers(keys->elements[i]->text))
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
	c->cursor.n = 0;
	buf_adds(&c->cursor, r->elements[0]->text);
	c->at = slice_eq(buf_slice(&c->cursor), SLICE("0")) ? COMPARE_WALKS : COMPARE_PAUSED;
	c->left = rules_keys(c->draft->rules);
	compare_go_on(c);
}

/* Keys that SCAN did not name are asked for by name, so that a deletion never rests on what SCAN
 * left out. From the last to the first, so that none is missed when one is taken out. */
static void
walk(struct store_compare *c)
{
	const struct rules *rules = c->draft->rules;
	struct buf key BUF_CLEAN = { 0 };

	if (c->left > rules_keys(rules))
		c->left = rules_keys(rules);
	for (size_t n = 0; n < WALK && c->left > 0 && !fetch_is_full(c->fetch); n++) {
		struct mark *m;

		if (!rules_unmet_at(rules, --c->left, c->number, &key))
			continue;
		m = keys_find(&c->draft->keys, buf_slice(&key));
		if (m)
			m->oversized = false;
		want(c, buf_slice(&key));
	}
	if (c->left == 0)
		c->at = COMPARE_NAMED;
}

void
compare_go_on(struct store_compare *c)
{
	if (!c->running || fetch_is_full(c->fetch))
		return;
	if (c->at == COMPARE_PAUSED)
		scan(c);
	else if (c->at == COMPARE_WALKS)
		walk(c);
}

bool
compare_walks(const struct store_compare *c)
{
	return c->running && c->at == COMPARE_WALKS && !fetch_is_full(c->fetch);
}

void
compare_deinit(struct store_compare *c)
{
	buf_deinit(&c->cursor);
}

void
compare_begin(struct store_compare *c, bool force)
{
	struct map *marks = &c->draft->keys.marks;

	c->running = true;
	c->force = force;
	c->again = c->again_force = c->stale = false;
	draft_open(c->draft);
	c->number += c->number == UINT32_MAX ? 2 : 1; /* what was never met has 0 */
	c->present = 0;
	for (size_t i = 0; i < marks->count; i++) {
		struct mark *m = marks->entries[i].value;

		m->missing = false;
		if (force)
			m->oversized = false;
	}
	c->cursor.n = 0;
	buf_addf(&c->cursor, "0");
	scan(c);
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
	return c->running && c->fetch->left[FETCH_ORDINARY] == 0 && c->at == COMPARE_NAMED;
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
