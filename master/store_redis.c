#include "store_redis.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/redis.h"
#include "lib/tls.h"
#include "lib/xalloc.h"
#include "rules_recover.h"
#include "store_dial.h"
#include "store_history.h"
#include "store_link.h"
#include "store_readback.h"
#include "store_sync.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

/*
 * A life of the store is a chain: resolve (store_dial), connect (store_link), compare, and then
 * listen (store_sync). Whatever goes wrong anywhere ends the connections and starts the chain again
 * after a pause; the rules stay as they are.
 */

#define PULSE_MS 1000
#define POLL_MS 1000 /* between comparisons when nothing announces changes */
#define RETRY_MIN_MS 100
#define RETRY_MAX_MS                                                                               \
	1600 /* with the comparison after it the rules are current 2 s after the server is back */

struct store_redis {
	uv_loop_t *loop;
	const struct store_redis_ops *ops;
	void *userdata;
	const struct config_redis *config; /* NULL: never configured */
	struct store_sync *sync;
	struct store_history *history;
	const struct history *revisions; /* what it reads into */
	struct store_writer *writer;
	struct store_readback write;
	struct store_dial dial;
	struct tls_context *tls;
	struct store_link *link; /* NULL: no connections */
	struct redis_conn *ask;  /* of the link, once it is ready */
	uv_timer_t retry, pulse;
	unsigned handles;
	uint32_t retry_ms;
	uint64_t compared_ms, asked_ms; /* last comparison begun, last sign of life asked for */
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
		log_info("redis state=up address=%s tracking=%s", s->config->address.text,
			 s->status.tracking ? "yes" : "no");
	else if (state == REDIS_DOWN || state == REDIS_LOADING)
		log_warn("redis state=%s address=%s reason=\"%s\" rules=kept",
			 state == REDIS_DOWN ? "down" : "loading", s->config->address.text,
			 s->error);
	if (s->ops->state)
		s->ops->state(s->userdata);
}

static void
store_disconnect(struct store_redis *s, const char *reason)
{
	struct store_link *link = s->link;

	dial_stop(&s->dial);
	s->link = NULL;
	s->status.tracking = false;
	s->ask = NULL;
	sync_detach(s->sync);
	store_history_detach(s->history);
	link_free(link);
	uv_timer_stop(&s->retry);
	readback_lost(&s->write, reason);
}

static void
on_retry(uv_timer_t *timer)
{
	struct store_redis *s = timer->data;

	dial_start(&s->dial, &s->config->address);
}

/* Three quarters to the whole of the pause, so that a fleet does not come back in step. */
static uint64_t
retry_pause(struct store_redis *s)
{
	uint32_t pause = s->retry_ms, random = 0;

	if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
		random = (uint32_t)clock_mono_ns();
	s->retry_ms = pause * 2 < RETRY_MAX_MS ? pause * 2 : RETRY_MAX_MS;
	return pause - random % (pause / 4 + 1);
}

static void
store_fail(struct store_redis *s, const char *reason)
{
	char copy[200];
	bool loading = strncmp(reason, "LOADING", 7) == 0;

	snprintf(copy, sizeof copy, "%s", reason);
	store_disconnect(s, copy);
	set_state(s, loading ? REDIS_LOADING : REDIS_DOWN, copy);
	uv_timer_start(&s->retry, on_retry, retry_pause(s), 0);
}

/* ---- comparing ---- */

static void
store_compare(struct store_redis *s, bool force)
{
	s->compared_ms = uv_now(s->loop);
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
	s->retry_ms = RETRY_MIN_MS;
	if (s->link)
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

	s->compared_ms = uv_now(s->loop);
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
on_link_failed(void *userdata, const char *reason)
{
	store_fail(userdata, reason);
}

static const struct store_link_ops link_ops = {
	on_link_ready, on_link_announced, on_link_flushed,
	on_link_turn,  on_link_oversized, on_link_failed,
};

/* ---- connecting ---- */

static void
on_found(void *userdata, const struct sockaddr *address)
{
	struct store_redis *s = userdata;
	struct tls_context *tls = s->config->secure ? s->tls : NULL;
	int r;

	if (s->config->secure && !tls) {
		store_fail(s, "a file that redis.tls names cannot be used");
		return;
	}
	r = link_new(s->loop, address, tls, s->config, &link_ops, s, &s->link);
	if (r < 0)
		store_fail(s, strerror(-r));
}

static void
on_not_found(void *userdata, const char *reason)
{
	store_fail(userdata, reason);
}

/* ---- the pulse ---- */

/* A peer that vanished without a word is only found by asking. */
static void
on_pulse(uv_timer_t *timer)
{
	struct store_redis *s = timer->data;
	uint64_t now = uv_now(s->loop);
	uint32_t every = s->status.tracking ? s->config->compare_interval : POLL_MS;

	if (s->status.state != REDIS_UP || !s->link)
		return;
	if (now - s->asked_ms >= s->config->timeout / 2) {
		s->asked_ms = now;
		link_ping(s->link);
	}
	if (every && now - s->compared_ms + PULSE_MS / 2 >= every && !sync_comparing(s->sync)) {
		store_compare(s, false);
		store_history_announce(s->history);
	}
}

/* ---- the interface ---- */

struct store_redis *
store_redis_new(uv_loop_t *loop, struct resolver *resolver, struct rules *rules,
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
	s->dial = (struct store_dial){ resolver, on_found, on_not_found, .userdata = s };
	s->revisions = history;
	s->history = store_history_new(history, on_history, s);
	s->status.since_wall = clock_wall();
	uv_timer_init(loop, &s->retry);
	uv_timer_init(loop, &s->pulse);
	s->retry.data = s->pulse.data = s;
	s->handles = 2;
	return s;
}

static void
on_closed(uv_handle_t *handle)
{
	struct store_redis *s = handle->data;

	if (--s->handles > 0)
		return;
	tls_context_unref(s->tls);
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
	uv_close((uv_handle_t *)&s->retry, on_closed);
	uv_close((uv_handle_t *)&s->pulse, on_closed);
}

void
store_redis_secure(struct store_redis *s, struct tls_context *tls)
{
	if (tls)
		tls_context_ref(tls);
	tls_context_unref(s->tls);
	s->tls = tls;
}

void
store_redis_configure(struct store_redis *s, const struct config_redis *c)
{
	bool anew = !s->config || dial_differs(s->config, c);

	s->config = c;
	if (!anew) {
		if (s->link)
			link_reconfigure(s->link, c);
		return;
	}
	store_disconnect(s, "Redis is another one now");
	s->retry_ms = RETRY_MIN_MS;
	if (!c->configured) {
		uv_timer_stop(&s->pulse);
		set_state(s, REDIS_OFF, "");
		return;
	}
	uv_timer_start(&s->pulse, on_pulse, PULSE_MS, PULSE_MS);
	set_state(s, REDIS_CONNECTING, "");
	dial_start(&s->dial, &s->config->address);
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
