#include "store_redis.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/redis.h"
#include "lib/xalloc.h"
#include "rules_recover.h"
#include "store_history.h"
#include "store_line.h"
#include "store_readback.h"
#include "store_sync.h"

#include <stdio.h>
#include <stdlib.h>

/*
 * A life of the store is a chain: connect (store_line), compare, and then listen (store_sync).
 * Whatever goes wrong anywhere ends the connections and starts the chain again after a pause; the
 * rules stay as they are.
 */

#define PULSE_MS 1000
#define POLL_MS 1000 /* between comparisons when nothing announces changes */

static const struct redis_link_wish link_wish = {
	.name = "redis",
	.client = "yett",
	.instead = "compared every second",
	.track = { "BCAST", "PREFIX", "frontend:", "PREFIX", "backend:", "PREFIX",
		   "yett:route:", "PREFIX", "yett:upstream:", "PREFIX", "yett:policy:", "PREFIX",
		   "yett:key:", "PREFIX", "yett:revisions" },
};

struct store_redis {
	uv_loop_t *loop;
	const struct store_redis_ops *ops;
	void *userdata;
	struct store_sync *sync;
	struct store_history *history;
	const struct history *revisions; /* what it reads into */
	struct store_writer *writer;
	struct store_readback write;
	struct store_line line;
	struct redis_conn *ask; /* of the link, once it is ready */
	uv_timer_t pulse;
	unsigned handles;
	uint64_t compared_ms;   /* last comparison begun */
	uint32_t compare_share; /* of compare_interval until the next, in thousandths */
	struct store_redis_status status;
	char error[200];
};

/* ---- state ---- */

static void
set_state(struct store_redis *s, int state, const char *error)
{
	bool same = (int)s->status.state == state && strcmp(s->error, error) == 0;

	if ((int)s->status.state != state)
		s->status.since_wall = clock_wall();
	s->status.state = (unsigned)state;
	snprintf(s->error, sizeof s->error, "%s", error);
	if (same)
		return;
	if (state == REDIS_UP)
		log_info("redis state=up address=%s tracking=%s", line_where(&s->line),
			 s->status.tracking ? "yes" : "no");
	else if (state == REDIS_DOWN || state == REDIS_LOADING)
		log_warn("redis state=%s address=%s reason=\"%s\" rules=kept",
			 state == REDIS_DOWN ? "down" : "loading", line_where(&s->line), s->error);
	if (s->ops->state)
		s->ops->state(s->userdata);
}

/* The line has no connections any more. */
static void
store_detach(struct store_redis *s, const char *reason)
{
	s->status.tracking = false;
	s->ask = NULL;
	sync_detach(s->sync);
	store_history_detach(s->history);
	readback_lost(&s->write, reason);
}

static void
store_disconnect(struct store_redis *s, const char *reason)
{
	line_drop(&s->line);
	store_detach(s, reason);
}

static void
store_fail(struct store_redis *s, const char *reason)
{
	char copy[200];
	bool loading = strncmp(reason, "LOADING", 7) == 0;

	snprintf(copy, sizeof copy, "%s", reason);
	store_disconnect(s, copy);
	set_state(s, loading ? REDIS_LOADING : REDIS_DOWN, copy);
	line_again(&s->line, copy);
}

/* ---- comparing ---- */

static void
compare_noted(struct store_redis *s)
{
	s->compared_ms = uv_now(s->loop);
	s->compare_share = line_spread(1000);
}

static void
store_compare(struct store_redis *s, bool force)
{
	compare_noted(s);
	sync_compare(s->sync, force);
}

static void
on_sync_drafted(void *userdata, struct rules *draft)
{
	struct store_redis *s = userdata;

	rules_recover(draft, s->revisions);
}

static void
on_sync_changed(void *userdata)
{
	struct store_redis *s = userdata;

	if (s->ops->changed)
		s->ops->changed(s->userdata);
}

static void
on_sync_compared(void *userdata)
{
	struct store_redis *s = userdata;

	s->status.loaded = true;
	s->status.compared_wall = clock_wall();
	line_settled(&s->line);
	if (s->line.link)
		set_state(s, REDIS_UP, "");
}

static void
on_sync_withheld(void *userdata)
{
	struct store_redis *s = userdata;

	if (s->ops->state)
		s->ops->state(s->userdata);
}

static void
on_sync_failed(void *userdata, const char *reason)
{
	store_fail(userdata, reason);
}

static void
on_history(void *userdata)
{
	struct store_redis *s = userdata;

	if (s->ops->history)
		s->ops->history(s->userdata);
}

static const struct store_sync_ops sync_ops = { on_sync_drafted, on_sync_changed, on_sync_compared,
						on_sync_withheld, on_sync_failed };

/* ---- the connections ---- */

static void
on_link_ready(void *userdata, struct redis_conn *ask, bool tracking)
{
	struct store_redis *s = userdata;

	s->status.tracking = tracking;
	s->ask = ask;
	sync_attach(s->sync, ask);
	store_compare(s, false);
	store_history_attach(s->history, ask);
	writer_attach(s->writer, ask);
}

static void
on_link_announced(void *userdata, struct slice key)
{
	struct store_redis *s = userdata;

	if (slice_eq(key, SLICE(HISTORY_KEY)))
		store_history_announce(s->history);
	else
		sync_announce(s->sync, key);
}

static void
on_link_flushed(void *userdata)
{
	struct store_redis *s = userdata;

	compare_noted(s);
	sync_flushed(s->sync);
	store_history_announce(s->history);
}

static void
on_link_turn(void *userdata)
{
	struct store_redis *s = userdata;

	sync_turn(s->sync);
}

static void
on_link_oversized(void *userdata, struct slice tag)
{
	struct store_redis *s = userdata;

	sync_oversized(s->sync, tag);
	store_history_oversized(s->history, tag);
}

static void
on_link_untold(void *userdata)
{
	struct store_redis *s = userdata;

	s->status.tracking = false;
}

static void
on_link_failed(void *userdata, const char *reason)
{
	store_fail(userdata, reason);
}

static const struct redis_link_ops link_ops = {
	.ready = on_link_ready,
	.announced = on_link_announced,
	.flushed = on_link_flushed,
	.turn = on_link_turn,
	.untold = on_link_untold,
	.oversized = on_link_oversized,
	.failed = on_link_failed,
};

/* ---- the pulse ---- */

static void
on_pulse(uv_timer_t *timer)
{
	struct store_redis *s = timer->data;
	uint64_t now = uv_now(s->loop);
	uint64_t every = s->status.tracking
			     ? (uint64_t)s->line.config->compare_interval * s->compare_share / 1000
			     : POLL_MS;

	if (s->status.state != REDIS_UP || !s->line.link)
		return;
	line_pulse(&s->line);
	if (every && now - s->compared_ms + PULSE_MS / 2 >= every && !sync_comparing(s->sync)) {
		store_compare(s, false);
		store_history_announce(s->history);
	}
}

/* ---- the interface ---- */

struct store_redis *
store_redis_new(uv_loop_t *loop, struct resolver *resolver, struct seek *seek, struct rules *rules,
		struct history *history, const struct store_redis_ops *ops, void *userdata)
{
	struct store_redis *s = xcalloc(1, sizeof *s);

	s->loop = loop;
	s->ops = ops;
	s->userdata = userdata;
	s->sync = sync_new(loop, rules, &sync_ops, s);
	s->writer = writer_new();
	s->write.sync = s->sync;
	s->write.writer = s->writer;
	line_init(&s->line, loop, resolver, seek, &link_wish, &link_ops, s);
	s->revisions = history;
	s->history = store_history_new(history, on_history, s);
	s->status.since_wall = clock_wall();
	uv_timer_init(loop, &s->pulse);
	s->pulse.data = s;
	s->handles = 2;
	return s;
}

static void
on_closed(uv_handle_t *handle)
{
	struct store_redis *s = handle->data;

	if (--s->handles == 0)
		free(s);
}

void
store_redis_stop(struct store_redis *s, const char *reason)
{
	store_disconnect(s, reason);
}

void
store_redis_free(struct store_redis *s)
{
	static const struct store_redis_ops silent;

	if (!s)
		return;
	s->ops = &silent;
	store_disconnect(s, "the gateway ends");
	writer_free(s->writer);
	sync_free(s->sync);
	store_history_free(s->history);
	line_deinit(&s->line, on_closed, s);
	uv_close((uv_handle_t *)&s->pulse, on_closed);
}

void
store_redis_secure(struct store_redis *s, struct tls_context *tls)
{
	line_secure(&s->line, tls);
}

void
store_redis_configure(struct store_redis *s, const struct config_redis *c)
{
	if (!line_configure(&s->line, c))
		return;
	store_disconnect(s, "Redis is another one now");
	if (!c->configured) {
		uv_timer_stop(&s->pulse);
		set_state(s, REDIS_OFF, "");
		return;
	}
	uv_timer_start(&s->pulse, on_pulse, PULSE_MS, PULSE_MS);
	set_state(s, REDIS_CONNECTING, "");
	line_start(&s->line);
}

void
store_redis_compare(struct store_redis *s, bool force)
{
	store_compare(s, force);
}

bool
store_redis_busy(const struct store_redis *s)
{
	return s->write.change || !writer_ready(s->writer);
}

void
store_redis_write(struct store_redis *s, const struct write_order *order, write_done_fn done,
		  void *userdata)
{
	readback_run(&s->write, order, done, userdata);
}

void
store_redis_probe(struct store_redis *s, write_done_fn done, void *userdata)
{
	writer_probe(s->writer, done, userdata);
}

void
store_redis_meant(struct store_redis *s, struct slice key)
{
	sync_meant(s->sync, key);
}

bool
store_redis_withholds(const struct store_redis *s, struct slice key)
{
	return sync_withholds(s->sync, key);
}

void
store_redis_catch_up(struct store_redis *s)
{
	store_history_announce(s->history);
}

void
store_redis_get_status(const struct store_redis *s, struct store_redis_status *out)
{
	*out = s->status;
	out->error = s->error;
	out->server = s->line.config ? line_where(&s->line) : "";
	out->withheld = sync_withheld(s->sync);
	out->history_error = store_history_fault(s->history);
	out->settled = s->status.state == REDIS_UP && s->status.loaded && out->withheld == 0 &&
		       sync_settled(s->sync) && store_history_settled(s->history);
}

bool
store_redis_is_up(const struct store_redis *s)
{
	return s->status.state == REDIS_UP && s->ask;
}

void
store_redis_command(struct store_redis *s, redis_answer_fn answer, void *userdata, struct slice tag,
		    size_t argc, const struct slice *argv)
{
	redis_conn_command(s->ask, answer, userdata, tag, argc, argv);
	redis_conn_flush(s->ask);
}
