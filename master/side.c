#include "side.h"

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/xalloc.h"
#include "store_line.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define PULSE_MS 1000

struct side_command {
	struct side *side;
	struct list link;
	side_answer_fn answer;
	void *userdata;
	size_t tag_n;
	char tag[];
};

struct side {
	struct store_line line;
	struct redis_conn *ask; /* NULL: it is not up */
	struct list users, channels, commands;
	size_t waiting;
	uv_timer_t pulse;
	uv_prepare_t flush; /* runs while something is to be sent */
	unsigned handles;
	bool started, tracking;
	int64_t since_wall;
	char error[200];
};

static const struct redis_link_wish link_wish = {
	.name = "redis_side",
	.client = "yett-side",
	.instead = "what was read is read again every second",
	.channels = true,
};

/* ---- loss ---- */

static void
commands_lose(struct side *s)
{
	struct list lost;

	list_take(&s->commands, &lost);
	s->waiting = 0;
	list_drain (pos, &lost) {
		struct side_command *c = container_of(pos, struct side_command, link);

		c->answer(c->userdata, slice_make(c->tag, c->tag_n), NULL);
		free(c);
	}
}

/* The line has no connections any more. */
static void
side_lose(struct side *s, const char *reason)
{
	bool was_up = s->ask != NULL;

	s->ask = NULL;
	s->tracking = false;
	uv_prepare_stop(&s->flush);
	if (was_up)
		s->since_wall = clock_wall();
	commands_lose(s);
	list_for_safe (pos, tmp, &s->users) {
		struct side_user *u = container_of(pos, struct side_user, link);

		if (was_up)
			u->down(u->userdata, reason);
	}
}

static void
on_failed(void *userdata, const char *reason)
{
	struct side *s = userdata;

	if (s->ask || strncmp(s->error, reason, sizeof s->error - 1) != 0)
		log_warn("redis_side state=down address=%s reason=\"%s\"", line_where(&s->line),
			 reason);
	snprintf(s->error, sizeof s->error, "%s", reason);
	line_again(&s->line, s->error);
	side_lose(s, s->error);
}

/* ---- what the link reports ---- */

static void
on_ready(void *userdata, struct redis_conn *ask, bool tracking)
{
	struct side *s = userdata;

	s->ask = ask;
	s->tracking = tracking;
	s->error[0] = '\0';
	s->since_wall = clock_wall();
	line_settled(&s->line);
	log_info("redis_side state=up address=%s tracking=%s", line_where(&s->line),
		 tracking ? "yes" : "no");
	list_for (pos, &s->channels)
		redis_link_subscribe(s->line.link,
				     container_of(pos, struct side_channel, link)->name);
	list_for_safe (pos, tmp, &s->users) {
		struct side_user *u = container_of(pos, struct side_user, link);

		u->up(u->userdata, tracking);
	}
}

static void
users_invalidate(struct side *s, struct slice key)
{
	list_for_safe (pos, tmp, &s->users) {
		struct side_user *u = container_of(pos, struct side_user, link);

		if (u->invalidated)
			u->invalidated(u->userdata, key);
	}
}

static void
on_announced(void *userdata, struct slice key)
{
	/* A key of no bytes is a key. */
	users_invalidate(userdata, slice_make(key.p ? key.p : "", key.n));
}

static void
on_flushed(void *userdata)
{
	users_invalidate(userdata, (struct slice){ 0 });
}

static struct side_channel *
channel_find(struct side *s, struct slice name)
{
	list_for (pos, &s->channels) {
		struct side_channel *c = container_of(pos, struct side_channel, link);

		if (slice_eq(c->name, name))
			return c;
	}
	return NULL;
}

static void
on_subscribed(void *userdata, struct slice name, const char *fault)
{
	struct side *s = userdata;
	struct side_channel *c = channel_find(s, name);

	if (*fault)
		log_warn("redis_side channel=%.*s error=\"%s\"", SLICE_F(name), fault);
	if (c)
		c->state(c->userdata, fault);
}

static void
on_message(void *userdata, struct slice name, struct slice text)
{
	struct side_channel *c = channel_find(userdata, name);

	if (c)
		c->message(c->userdata, text);
}

/* Who reads also looks again by itself. */
static void
on_untold(void *userdata)
{
	((struct side *)userdata)->tracking = false;
}

static const struct redis_link_ops link_ops = {
	.ready = on_ready,
	.announced = on_announced,
	.flushed = on_flushed,
	.subscribed = on_subscribed,
	.message = on_message,
	.untold = on_untold,
	.failed = on_failed,
};

/* ---- when it is wanted ---- */

static bool
side_wanted(const struct side *s)
{
	return s->line.config && s->line.config->configured &&
	       (!list_empty(&s->users) || !list_empty(&s->channels));
}

static void
on_pulse(uv_timer_t *timer)
{
	struct side *s = timer->data;

	if (s->ask)
		line_pulse(&s->line);
}

static void
side_stop(struct side *s, const char *reason)
{
	s->started = false;
	uv_timer_stop(&s->pulse);
	line_drop(&s->line);
	side_lose(s, reason);
}

static void
side_look(struct side *s)
{
	bool wanted = side_wanted(s);

	if (s->started && !wanted)
		side_stop(s, "nobody needs it");
	if (s->started || !wanted)
		return;
	s->started = true;
	s->since_wall = clock_wall();
	snprintf(s->error, sizeof s->error, "connecting");
	uv_timer_start(&s->pulse, on_pulse, PULSE_MS, PULSE_MS);
	line_start(&s->line);
}

/* ---- the interface ---- */

static void
on_flush(uv_prepare_t *turn)
{
	struct side *s = turn->data;

	uv_prepare_stop(turn);
	if (s->ask)
		redis_conn_flush(s->ask);
}

struct side *
side_new(uv_loop_t *loop, struct resolver *resolver, struct seek *seek)
{
	struct side *s = xcalloc(1, sizeof *s);

	line_init(&s->line, loop, resolver, seek, &link_wish, &link_ops, s);
	uv_timer_init(loop, &s->pulse);
	uv_prepare_init(loop, &s->flush);
	s->pulse.data = s->flush.data = s;
	s->handles = 3;
	list_init(&s->users);
	list_init(&s->channels);
	list_init(&s->commands);
	return s;
}

static void
on_closed(uv_handle_t *handle)
{
	struct side *s = handle->data;

	if (--s->handles == 0)
		free(s);
}

void
side_free(struct side *s)
{
	if (!s)
		return;
	side_stop(s, "the gateway ends");
	line_deinit(&s->line, on_closed, s);
	uv_close((uv_handle_t *)&s->pulse, on_closed);
	uv_close((uv_handle_t *)&s->flush, on_closed);
}

void
side_secure(struct side *s, struct tls_context *tls)
{
	line_secure(&s->line, tls);
}

void
side_configure(struct side *s, const struct config_redis *c)
{
	if (line_configure(&s->line, c) && s->started)
		side_stop(s, "Redis is another one now");
	side_look(s);
}

void
side_join(struct side *s, struct side_user *u)
{
	list_push(&s->users, &u->link);
	if (s->ask)
		u->up(u->userdata, s->tracking);
	side_look(s);
}

void
side_leave(struct side *s, struct side_user *u)
{
	list_remove(&u->link);
	side_look(s);
}

void
side_listen(struct side *s, struct side_channel *c)
{
	list_push(&s->channels, &c->link);
	if (s->ask)
		redis_link_subscribe(s->line.link, c->name);
	side_look(s);
}

void
side_unlisten(struct side *s, struct side_channel *c)
{
	list_remove(&c->link);
	if (s->ask)
		redis_link_unsubscribe(s->line.link, c->name);
	side_look(s);
}

static void
on_answer(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct side_command *c = userdata;

	list_remove(&c->link);
	c->side->waiting--;
	c->answer(c->userdata, slice_make(c->tag, c->tag_n), r);
	free(c);
}

bool
side_has_room(const struct side *s, size_t n)
{
	return s->ask && s->waiting + n <= SIDE_WAITING_MAX;
}

int
side_command(struct side *s, side_answer_fn answer, void *userdata, struct slice tag, size_t argc,
	     const struct slice *argv)
{
	struct side_command *c;

	if (!s->ask)
		return -ENOTCONN;
	if (s->waiting >= SIDE_WAITING_MAX)
		return -ENOBUFS;
	c = xmalloc(sizeof *c + tag.n);
	c->side = s;
	c->answer = answer;
	c->userdata = userdata;
	c->tag_n = tag.n;
	if (tag.n)
		memcpy(c->tag, tag.p, tag.n);
	list_push(&s->commands, &c->link);
	s->waiting++;
	redis_conn_command(s->ask, on_answer, c, SLICE(""), argc, argv);
	uv_prepare_start(&s->flush, on_flush);
	return 0;
}

void
side_get_status(const struct side *s, struct side_status *out)
{
	*out = (struct side_status){ .wanted = side_wanted(s),
				     .up = s->ask != NULL,
				     .tracking = s->tracking,
				     .error = s->error,
				     .since_wall = s->since_wall,
				     .waiting = s->waiting };
}
