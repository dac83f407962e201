/*
 * Answers of Redis: what the reader makes of them is a whole tree, a connection ends once, and the
 * store that compares its rules with such a server keeps a set that holds together.
 *
 * The first byte says how long the pieces are, the second who listens: three commands, or the
 * store.
 */

#include "peer.h"

#include "lib/redis.h"
#include "master/store_sync.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct side {
	struct redis_conn *conn; /* NULL: it is down */
	struct store_sync *sync; /* NULL: three commands */
	unsigned answers, downs;
};

static void
walk(const struct redis_reply *r, unsigned depth)
{
	char text[64];

	assert(depth < 16);
	assert(r->type == REDIS_ARRAY || (r->count == 0 && !r->elements));
	assert(!r->text.p || r->text.p[r->text.n] == '\0');
	redis_fault(r, text, sizeof text);
	for (size_t i = 0; i < r->count; i++) {
		if (r->elements[i])
			walk(r->elements[i], depth + 1);
	}
}

static void
on_answer(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct side *s = userdata;

	assert(tag.n == 1 && tag.p[0] == (char)('a' + s->answers));
	s->answers++;
	walk(r, 0);
}

static void
on_up(void *userdata)
{
	struct side *s = userdata;
	const struct slice words[] = { SLICE("GET"), SLICE("key") };

	if (s->sync) {
		sync_attach(s->sync, s->conn);
		sync_compare(s->sync, false);
		return;
	}
	for (int i = 0; i < 3; i++)
		redis_conn_command(s->conn, on_answer, s, slice_make(&"abc"[i], 1), 2, words);
}

static void
on_message(void *userdata, const struct redis_reply *r)
{
	struct side *s = userdata;

	walk(r, 0);
	if (s->sync && r->elements[2]->type == REDIS_STRING)
		sync_announce(s->sync, r->elements[2]->text);
}

static void
on_turn(void *userdata)
{
	struct side *s = userdata;

	if (s->sync)
		sync_turn(s->sync);
}

static void
on_down(void *userdata, const char *reason)
{
	struct side *s = userdata;

	assert(reason[0] && s->downs++ == 0);
	if (s->sync && redis_conn_oversized(s->conn).n)
		sync_oversized(s->sync, redis_conn_oversized(s->conn));
	if (s->sync)
		sync_detach(s->sync);
	s->conn = NULL;
}

static const struct redis_conn_ops conn_ops = {
	.up = on_up,
	.message = on_message,
	.turn = on_turn,
	.down = on_down,
};

static void
on_failed(void *userdata, const char *reason)
{
	struct side *s = userdata;

	assert(reason[0]);
	sync_detach(s->sync);
	redis_conn_close(s->conn);
	s->conn = NULL;
}

static void
on_nothing(void *userdata)
{
}

static void
on_drafted(void *userdata, struct rules *draft)
{
}

static const struct store_sync_ops sync_ops = {
	.drafted = on_drafted,
	.changed = on_nothing,
	.compared = on_nothing,
	.withheld = on_nothing,
	.failed = on_failed,
};

/* Every rule is one that the store names, and none is in force that could not be written. */
static void
check_rules(const struct rules *rules)
{
	for (size_t i = 0; i < rules_frontends(rules); i++) {
		const struct rules_frontend *f = rules_frontend_at(rules, i);

		assert(f->url && f->backend && strlen(f->url) <= RULES_NAME_MAX);
	}
	for (size_t i = 0; i < rules_backends(rules); i++) {
		const struct rules_backend *b = rules_backend_at(rules, i);

		assert(rules_backend_find(rules, slice_of(b->name)) == b);
		assert(b->servers_count <= RULES_SERVERS_MAX);
	}
	for (size_t i = 0; i < rules_refusals(rules); i++)
		assert(rules_refusal_at(rules, i)->reason[0]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct side s = { 0 };
	struct rules *rules = NULL;

	if (size < 2)
		return 0;
	peer_open();
	if (data[1] & 1) {
		rules = rules_new();
		s.sync = sync_new(&peer.loop, rules, &sync_ops, &s);
	}
	if (redis_conn_new(&peer.loop, (struct sockaddr *)&peer.address, NULL, NULL, 60000, 60000,
			   &conn_ops, &s, &s.conn) < 0)
		abort();
	peer_say(data + 2, size - 2, data[0]);
	redis_conn_close(s.conn);
	if (s.sync) {
		sync_detach(s.sync);
		check_rules(rules);
		sync_free(s.sync);
	}
	uv_run(&peer.loop, UV_RUN_DEFAULT);
	rules_free(rules);
	return 0;
}
