#include "status_redis.h"

#include "master.h"

#include <stdio.h>

/* Of the rules, or of the sessions. */
static const char *
found_by(const struct seek *s)
{
	return seek_used(s) ? seek_by(s) : "address";
}

void
status_write_redis(const struct master *m, const struct store_redis_status *st, struct buf *out)
{
	static const char *const name[] = {
		[REDIS_OFF] = "off",         [REDIS_CONNECTING] = "connecting",
		[REDIS_LOADING] = "loading", [REDIS_UP] = "up",
		[REDIS_DOWN] = "down",
	};
	const struct config *c = m->config;
	struct seek_servers servers = { { &c->login.redis.address }, 1 };

	buf_addf(out, "\"redis\":{\"state\":\"%s\",\"tls\":%s,\"address\":", name[st->state],
		 c->redis.secure ? "true" : "false");
	buf_add_json(out, slice_of(c->redis.configured ? c->redis.address.text : ""));
	buf_adds(out, SLICE(",\"server\":"));
	buf_add_json(out, slice_of(c->redis.configured ? st->server : ""));
	buf_adds(out, SLICE(",\"found_by\":"));
	buf_add_json(out, slice_of(c->redis.configured ? found_by(m->seek) : ""));
	buf_adds(out, SLICE(",\"error\":"));
	buf_add_json(out, slice_of(st->error));
	buf_addf(out, ",\"tracking\":%s,\"since\":", st->tracking ? "true" : "false");
	buf_add_json_time(out, st->since_wall);
	buf_adds(out, SLICE("},\"sessions_redis\":"));
	if (!c->login.configured) {
		buf_adds(out, SLICE("null"));
		return;
	}
	if (seek_used(m->seek_sessions))
		seek_servers(m->seek_sessions, &servers);
	buf_adds(out, SLICE("{\"address\":"));
	buf_add_json(out, slice_of(c->login.redis.address.text));
	buf_adds(out, SLICE(",\"servers\":["));
	for (size_t i = 0; i < servers.count; i++) {
		buf_adds(out, i ? SLICE(",") : SLICE(""));
		buf_add_json(out, slice_of(servers.at[i]->text));
	}
	buf_adds(out, SLICE("],\"found_by\":"));
	buf_add_json(out, slice_of(found_by(m->seek_sessions)));
	buf_adds(out, SLICE(",\"error\":"));
	buf_add_json(out, slice_of(seek_fault(m->seek_sessions)));
	buf_addc(out, '}');
}

/* ---- the board ---- */

static void
row_put(struct master *m, enum board_redis_of of, const struct seek *s, const char *server)
{
	const struct board_master *before = m->takeover.page;
	struct board_redis *row = &m->page->redis[of];

	board_set(&row->changes, seek_changes(s) + (before ? before->redis[of].changes : 0));
	snprintf(row->server, sizeof row->server, "%s", server ? server : "");
	snprintf(row->by, sizeof row->by, "%s", found_by(s));
}

void
status_board_redis(struct master *m, const struct store_redis_status *st)
{
	const struct config *c = m->config;
	struct seek_servers servers = { { &c->login.redis.address }, 1 };
	struct board_master *b = m->page;

	if (seek_used(m->seek_sessions))
		seek_servers(m->seek_sessions, &servers);
	board_set(&b->redis_seq, b->redis_seq + 1);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	row_put(m, BOARD_REDIS_RULES, m->seek, c->redis.configured ? st->server : "");
	row_put(m, BOARD_REDIS_SESSIONS, m->seek_sessions,
		c->login.configured && servers.count ? servers.at[0]->text : "");
	__atomic_thread_fence(__ATOMIC_RELEASE);
	board_set(&b->redis_seq, b->redis_seq + 1);
}
