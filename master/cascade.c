#include "cascade.h"

#include "cascade_own.h"
#include "master.h"
#include "own.h"

#include "lib/clock.h"
#include "lib/xalloc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PULSE_MS 1000
#define LEFT_EVERY 5   /* pulses: what a gateway took that ended */
#define TIDY_EVERY 600 /* pulses: dead ones that nobody looked at */

/* ---- what is due ---- */

/* From somewhere among them on: the first ones may be at another gateway, or at one that ended. */
static void
on_due(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct cascade *c = userdata;
	size_t count = r && r->type == REDIS_ARRAY ? r->count : 0;

	c->asked = false;
	cascade_fault(&c->jobs, r);
	for (size_t i = 0; c->up && i < count; i++) {
		const struct redis_reply *job = r->elements[(i + c->pulses) % count];

		if (job && job->type == REDIS_STRING)
			cascade_round_begin(c, job->text);
	}
}

void
cascade_look(struct cascade *c)
{
	BUF_CLEAN struct buf now = { 0 };

	/* Before the first directory we know no service. */
	if (!c->up || c->asked || c->end_ms || c->rounds_count == CASCADE_ROUNDS ||
	    !c->master->publisher.directory)
		return;
	cascade_number(clock_wall_ms(), &now);
	/* Of those that are due some may be another gateway's for a while. */
	c->asked = cascade_ask(c, on_due, SLICE(""), 7,
			       (struct slice[]){ SLICE("ZRANGEBYSCORE"), SLICE(CASCADE_DUE),
						 SLICE("-inf"), buf_slice(&now), SLICE("LIMIT"),
						 SLICE("0"), SLICE("64") });
}

static void
on_count(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct cascade *c = userdata;
	struct board_master *page = c->master->page;

	if (!r || r->type != REDIS_INTEGER)
		return;
	if (slice_eq(tag, SLICE("due")))
		c->waiting = r->integer;
	else
		c->dead = r->integer;
	board_set(&page->cascade_waiting, (uint64_t)c->waiting);
	board_set(&page->cascade_dead, (uint64_t)c->dead);
}

static void
ask_count(struct cascade *c, const char *tag, struct slice set)
{
	cascade_ask(c, on_count, slice_of(tag), 2, (struct slice[]){ SLICE("ZCARD"), set });
}

static void
tidy(struct cascade *c)
{
	BUF_CLEAN struct buf before = { 0 };

	cascade_number(clock_wall_ms() - CASCADE_KEPT_MS, &before);
	cascade_ask(c, NULL, SLICE(""), 4,
		    (struct slice[]){ SLICE("ZREMRANGEBYSCORE"), SLICE(CASCADE_DEAD_SET),
				      SLICE("-inf"), buf_slice(&before) });
}

static void
on_pulse(uv_timer_t *timer)
{
	struct cascade *c = timer->data;

	if (!c->up || c->end_ms)
		return;
	if (c->pulses % TIDY_EVERY == 0)
		tidy(c);
	ask_count(c, "due", SLICE(CASCADE_DUE));
	ask_count(c, "dead", SLICE(CASCADE_DEAD_SET));
	cascade_intake_read(c, c->pulses % LEFT_EVERY == 0);
	cascade_look(c);
	c->pulses++;
}

/* ---- the link ---- */

static void
on_up(void *userdata, bool tracking)
{
	struct cascade *c = userdata;

	c->up = true;
	cascade_intake_up(c);
	cascade_rounds_up(c);
	uv_timer_start(&c->pulse, on_pulse, 0, PULSE_MS);
}

static void
on_down(void *userdata, const char *reason)
{
	struct cascade *c = userdata;

	c->up = false;
	uv_timer_stop(&c->pulse);
	if (c->listening)
		snprintf(c->channel_fault, sizeof c->channel_fault, "Redis is away");
}

/* ---- from outside ---- */

struct cascade *
cascade_new(struct master *m)
{
	struct cascade *c = xcalloc(1, sizeof *c);

	c->master = m;
	c->user = (struct side_user){ .up = on_up, .down = on_down, .userdata = c };
	list_init(&c->rounds);
	uv_timer_init(&m->loop, &c->pulse);
	c->pulse.data = c;
	return c;
}

static void
unlisten(struct cascade *c)
{
	if (c->listening)
		side_unlisten(c->master->side, &c->channel);
	c->listening = false;
	free(c->channel_name);
	free(c->stream_name);
	c->channel_name = c->stream_name = NULL;
}

void
cascade_stop(struct cascade *c)
{
	unlisten(c);
	cascade_rounds_stop(c);
	uv_timer_stop(&c->pulse);
	if (c->joined)
		side_leave(c->master->side, &c->user);
	c->joined = c->up = false;
}

void
cascade_drain(struct cascade *c, uint32_t grace_ms)
{
	c->end_ms = clock_mono_ms() + grace_ms;
}

bool
cascade_is_over(const struct cascade *c)
{
	return c->rounds_count == 0 || !c->up || clock_mono_ms() >= c->end_ms;
}

static bool
is_same(const char *a, const char *b)
{
	return strcmp(a ? a : "", b) == 0;
}

void
cascade_configure(struct cascade *c)
{
	const struct config_cascade *config = &c->master->config->cascade;

	if (!config->enabled) {
		cascade_stop(c);
		return;
	}
	if (c->own)
		own_renew(c->own, c->master->config);
	else
		c->own = own_new(c->master->config);
	if (!is_same(c->channel_name, config->channel) ||
	    !is_same(c->stream_name, config->stream)) {
		unlisten(c);
		c->channel_name = *config->channel ? xstrdup(config->channel) : NULL;
		c->stream_name = *config->stream ? xstrdup(config->stream) : NULL;
		if (c->channel_name)
			cascade_intake_channel(c);
		if (c->up)
			cascade_intake_up(c);
	}
	if (!c->joined) {
		c->joined = true;
		side_join(c->master->side, &c->user);
	}
}

static void
on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void
cascade_free(struct cascade *c)
{
	if (!c)
		return;
	if (c->own)
		own_free(c->own);
	uv_close((uv_handle_t *)&c->pulse, on_closed);
}

void
cascade_write_status(const struct cascade *c, struct buf *out)
{
	const struct config_cascade *config = &c->master->config->cascade;
	const struct board_master *page = c->master->page;

	if (!config->enabled) {
		buf_adds(out, SLICE("null"));
		return;
	}
	buf_addf(out, "{\"state\":\"%s\",\"error\":", c->up ? "up" : "down");
	buf_add_json(out, slice_of(c->jobs.now));
	buf_adds(out, SLICE(",\"channel\":"));
	buf_add_json(out, slice_of(config->channel));
	buf_adds(out, SLICE(",\"channel_error\":"));
	buf_add_json(out, slice_of(c->channel_fault));
	buf_adds(out, SLICE(",\"stream\":"));
	buf_add_json(out, slice_of(config->stream));
	buf_adds(out, SLICE(",\"stream_error\":"));
	buf_add_json(out, slice_of(*c->stream.now ? c->stream.now : c->left.now));
	buf_adds(out, SLICE(",\"services\":["));
	for (size_t i = 0; i < config->services_count; i++) {
		buf_adds(out, i ? SLICE(",") : SLICE(""));
		buf_add_json(out, slice_of(config->services[i]));
	}
	buf_addf(out,
		 "],\"waiting\":%" PRId64 ",\"dead\":%" PRId64 ",\"heard\":%" PRIu64
		 ",\"done\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"given_up\":%" PRIu64
		 ",\"rejected\":%" PRIu64 "}",
		 c->waiting, c->dead, page->cascade_heard, page->cascade_done, page->cascade_failed,
		 page->cascade_given_up, page->cascade_rejected);
}
