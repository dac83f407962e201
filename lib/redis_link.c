#include "redis_link.h"

#include "buf.h"
#include "log.h"
#include "redis.h"
#include "redis_aside.h"
#include "redis_tag.h"
#include "tls.h"
#include "xalloc.h"

#include <stdio.h>
#include <stdlib.h>

#define CHANNEL "__redis__:invalidate"
#define CONNECT_MAX_MS 600 /* to a server that is away: it may be back while we wait */
#define PATIENCE 3         /* looks at a link that is to end, while something is under way */
#define TRACK_ROOM 1024    /* of all prefixes with their tags */

struct redis_link {
	const struct redis_login *login;
	const struct redis_link_wish *wish;
	const struct redis_link_ops *ops;
	void *userdata;
	struct redis_conn *ask, *hear; /* hear: NULL when it may not subscribe */
	bool ask_ready, hear_ready;
	bool tracking, untold; /* untold: it was refused */
	int64_t hear_id;       /* of the client, for REDIRECT */
	struct redis_aside aside;
	char moved[300];   /* all keys are over there: the link ends, once nothing is under way */
	unsigned patience; /* how often that was so */
};

/* Whoever calls one of these two returns at once: the link may be gone. */
static void
link_fail(struct redis_link *l, const char *reason)
{
	l->ops->failed(l->userdata, reason);
}

static void
link_fail_reply(struct redis_link *l, struct slice step, const struct redis_reply *r)
{
	char fault[160], text[200];

	redis_fault(r, fault, sizeof fault);
	/* A server that does not know AUTH repeats its arguments: the first word must do. */
	if (slice_eq(step, SLICE("AUTH")))
		snprintf(text, sizeof text, "the server refused the password or user (%.*s)",
			 (int)strcspn(fault, " "), fault);
	else
		snprintf(text, sizeof text, "%s", fault);
	link_fail(l, text);
}

/* ---- sending ---- */

static void
send_words(struct redis_link *l, struct redis_conn *c, redis_answer_fn answer, const char *tag,
	   size_t n, const char *const *words)
{
	struct slice argv[4];

	for (size_t i = 0; i < n; i++)
		argv[i] = slice_of(words[i]);
	redis_conn_command(c, answer, l, slice_of(tag), n, argv);
}

void
redis_login_send(const struct redis_login *login, struct redis_conn *c, redis_answer_fn answer,
		 void *userdata)
{
	struct slice argv[3] = { SLICE("AUTH") };
	size_t n = 1;

	if (!login->password.p)
		return;
	if (login->user.n > 0)
		argv[n++] = login->user;
	argv[n++] = login->password;
	redis_conn_command(c, answer, userdata, SLICE("AUTH"), n, argv);
}

/* ---- tracking ---- */

/* What comes over `hear` beside announcements goes on. */
static void
track_refused(struct redis_link *l)
{
	struct redis_conn *hear = l->hear;

	if (!l->untold)
		log_info("%s tracking=refused address=%s remedy=\"%s; with Redis 6 or newer, and a "
			 "user who may CLIENT and SUBSCRIBE, changes are announced\"",
			 l->wish->name, l->login->where, l->wish->instead);
	l->untold = true;
	if (!l->wish->channels) {
		l->hear = NULL;
		redis_conn_close(hear);
	}
}

static void
link_ready(struct redis_link *l)
{
	redis_conn_follow(l->ask, l->login->tag.n > 0);
	l->ops->ready(l->userdata, l->ask, l->tracking);
}

static void
on_tracked(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct redis_link *l = userdata;

	l->tracking = r->type != REDIS_FAILED;
	if (!l->tracking)
		track_refused(l);
	link_ready(l);
}

/* What stands behind PREFIX begins with the tag, as all keys do. */
static struct slice
track_word(struct redis_link *l, size_t i, struct buf *room)
{
	struct slice word = slice_of(l->wish->track[i]), tag = l->login->tag;
	size_t before = room->n;

	if (tag.n == 0 || i == 0 || strcmp(l->wish->track[i - 1], "PREFIX") != 0)
		return word;
	buf_adds(room, tag);
	buf_adds(room, word);
	return slice_make(room->p + before, room->n - before);
}

/* When both have greeted, or one alone and the other may not subscribe. */
static void
link_track(struct redis_link *l)
{
	char id[24];
	struct slice argv[5 + LINK_TRACK_MAX] = { SLICE("CLIENT"), SLICE("TRACKING"), SLICE("ON"),
						  SLICE("REDIRECT") };
	struct buf prefixes BUF_CLEAN = { 0 };
	size_t n = 5;

	if (!l->ask_ready || (l->hear && !l->hear_ready))
		return;
	if (l->untold) {
		link_ready(l);
		return;
	}
	snprintf(id, sizeof id, "%lld", (long long)l->hear_id);
	argv[4] = slice_of(id);
	buf_reserve(&prefixes, TRACK_ROOM); /* it stays where it is */
	for (size_t i = 0; i < LINK_TRACK_MAX && l->wish->track[i]; i++)
		argv[n++] = track_word(l, i, &prefixes);
	redis_conn_command(l->ask, on_tracked, l, SLICE(""), n, argv);
	redis_conn_flush(l->ask);
}

/* ---- greeting ---- */

/* The user may not, or the server cannot, do this one thing. Anything else that is refused while
 * greeting (NOAUTH, LOADING, too many clients) says that nothing will be answered. */
static bool
is_spare(const struct redis_reply *r)
{
	return r->text.n >= 11 && (slice_starts(r->text, SLICE("NOPERM")) ||
				   slice_ieq(slice_make(r->text.p, 11), SLICE("ERR unknown")));
}

/* The slot is still its own, and its keys are on their way: nothing of them would be announced. */
static bool
is_leaving(const struct redis_link *l, const struct redis_reply *r)
{
	return l->login->tag.n && slice_starts(r->text, SLICE("ASK "));
}

static bool
is_master(const struct redis_reply *role)
{
	return role->count > 0 && role->elements[0] &&
	       slice_eq(role->elements[0]->text, SLICE("master"));
}

static void
on_ask_greeted(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct redis_link *l = userdata;
	bool name = slice_eq(tag, SLICE("SETNAME")), role = slice_eq(tag, SLICE("ROLE"));

	/* A name is only a help for the operator. Whether it is a master shows at the first write,
	 * too. */
	if (r->type == REDIS_FAILED && is_leaving(l, r)) {
		l->untold = true;
	} else if (r->type == REDIS_FAILED && !((name || role) && is_spare(r))) {
		link_fail_reply(l, tag, r);
	} else if (role && r->type == REDIS_ARRAY && !is_master(r)) {
		link_fail(l, "it is a replica");
	} else if (name) {
		l->ask_ready = true;
		link_track(l);
	}
}

static void
on_hear_greeted(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct redis_link *l = userdata;

	if (r->type == REDIS_FAILED && (slice_eq(tag, SLICE("AUTH")) || !is_spare(r))) {
		link_fail_reply(l, tag, r);
	} else if (slice_eq(tag, SLICE("ID"))) {
		l->hear_id = r->integer;
		if (r->type != REDIS_INTEGER) {
			track_refused(l);
			if (!l->hear) /* else when it has subscribed */
				link_track(l);
		}
	} else if (slice_eq(tag, SLICE("SUBSCRIBE"))) {
		l->hear_ready = true;
		if (r->type != REDIS_ARRAY)
			track_refused(l);
		link_track(l);
	}
}

/* Is it the one? A node that has not the slot says who has. */
static void
link_verify(struct redis_link *l, redis_answer_fn answer)
{
	const struct slice exists[] = { SLICE("EXISTS"), SLICE("") };
	static const char *const role[] = { "ROLE" };

	if (l->login->tag.n)
		redis_conn_command(l->ask, answer, l, SLICE("EXISTS"), 2, exists);
	else if (l->login->found)
		send_words(l, l->ask, answer, "ROLE", 1, role);
}

static void
on_ask_up(void *userdata)
{
	struct redis_link *l = userdata;
	const char *const setname[] = { "CLIENT", "SETNAME", l->wish->client };
	char database[16];
	const char *const select[] = { "SELECT", database };

	redis_login_send(l->login, l->ask, on_ask_greeted, l);
	link_verify(l, on_ask_greeted);
	snprintf(database, sizeof database, "%u", l->login->database);
	if (l->login->database != 0)
		send_words(l, l->ask, on_ask_greeted, "SELECT", 2, select);
	send_words(l, l->ask, on_ask_greeted, "SETNAME", 3, setname);
}

static void
on_hear_up(void *userdata)
{
	static const char *const id[] = { "CLIENT", "ID" };
	static const char *const subscribe[] = { "SUBSCRIBE", CHANNEL };
	struct redis_link *l = userdata;
	const char *const setname[] = { "CLIENT", "SETNAME", l->wish->client };

	redis_login_send(l->login, l->hear, on_hear_greeted, l);
	send_words(l, l->hear, on_hear_greeted, "SETNAME", 3, setname);
	send_words(l, l->hear, on_hear_greeted, "ID", 2, id);
	send_words(l, l->hear, on_hear_greeted, "SUBSCRIBE", 2, subscribe);
}

/* ---- what the connections report ---- */

static void
on_turn(void *userdata)
{
	struct redis_link *l = userdata;

	if (l->ops->turn)
		l->ops->turn(l->userdata);
}

static void
on_ask_down(void *userdata, const char *reason)
{
	struct redis_link *l = userdata;
	struct slice tag = redis_conn_oversized(l->ask);

	if (tag.n && l->ops->oversized)
		l->ops->oversized(l->userdata, tag);
	l->ask = NULL;
	link_fail(l, reason);
}

static void
on_hear_down(void *userdata, const char *reason)
{
	struct redis_link *l = userdata;

	l->hear = NULL;
	link_fail(l, reason);
}

/* Names of keys; nothing for FLUSHALL and FLUSHDB. */
static void
on_message(void *userdata, const struct redis_reply *r)
{
	struct redis_link *l = userdata;
	const struct redis_reply *keys = r->elements[2];

	if (!slice_eq(r->elements[1]->text, SLICE(CHANNEL))) {
		if (l->ops->message)
			l->ops->message(l->userdata, r->elements[1]->text, keys->text);
		return;
	}
	if (!l->tracking)
		return;
	if (keys->type != REDIS_ARRAY)
		l->ops->flushed(l->userdata);
	for (size_t i = 0; i < keys->count; i++) {
		if (keys->elements[i])
			l->ops->announced(l->userdata,
					  redis_tag_cut(l->login->tag, keys->elements[i]->text));
	}
}

/* ---- keys on their way ---- */

static void
on_aside_answer(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct redis_link *l = userdata;

	redis_conn_resume(l->ask, r);
}

static void
on_aside_failed(void *userdata, const char *reason)
{
	link_fail(userdata, reason);
}

/* Of keys over there nothing is announced. */
static void
on_asked(void *userdata, struct slice where, struct slice bytes)
{
	struct redis_link *l = userdata;
	struct sockaddr_storage node = { 0 };
	struct slice host = SLICE("");
	uint16_t port = 0;
	int r;

	if (redis_where(where, SLICE("MOVED"), &host, &port))
		snprintf(l->moved, sizeof l->moved, "%.*s", SLICE_F(where));
	else
		(void)redis_where(where, SLICE("ASK"), &host, &port);
	if (!port || !(l->ops->node ? l->ops->node(l->userdata, host, port, &node)
				    : redis_numeric(host, port, &node))) {
		link_fail(l, "keys are moved to a node that is not known");
		return;
	}
	r = aside_ask(&l->aside, &node, host, bytes);
	if (r < 0) {
		link_fail(l, strerror(-r));
		return;
	}
	l->tracking = false;
	if (!l->untold && l->ops->untold)
		l->ops->untold(l->userdata);
	l->untold = true;
}

static const struct redis_conn_ops ask_ops = {
	.up = on_ask_up,
	.asked = on_asked,
	.turn = on_turn,
	.down = on_ask_down,
};
static const struct redis_conn_ops hear_ops = {
	.up = on_hear_up,
	.message = on_message,
	.turn = on_turn,
	.down = on_hear_down,
};

/* ---- channels ---- */

static void
on_channel(void *userdata, struct slice channel, const struct redis_reply *r)
{
	struct redis_link *l = userdata;
	char fault[160];

	if (r->type == REDIS_ARRAY)
		l->ops->subscribed(l->userdata, channel, "");
	else
		l->ops->subscribed(l->userdata, channel, redis_fault(r, fault, sizeof fault));
}

void
redis_link_subscribe(struct redis_link *l, struct slice channel)
{
	const struct slice argv[] = { SLICE("SUBSCRIBE"), channel };

	redis_conn_command(l->hear, on_channel, l, channel, 2, argv);
	redis_conn_flush(l->hear);
}

static void
on_unsubscribed(void *userdata, struct slice channel, const struct redis_reply *r)
{
}

void
redis_link_unsubscribe(struct redis_link *l, struct slice channel)
{
	const struct slice argv[] = { SLICE("UNSUBSCRIBE"), channel };

	redis_conn_command(l->hear, on_unsubscribed, l, SLICE(""), 2, argv);
	redis_conn_flush(l->hear);
}

/* ---- life ---- */

int
redis_link_new(uv_loop_t *loop, const struct sockaddr *address, struct tls_context *tls,
	       const struct redis_login *login, const struct redis_link_wish *wish,
	       const struct redis_link_ops *ops, void *userdata, struct redis_link **out)
{
	uint32_t answer_ms = login->answer_ms ? login->answer_ms : 5000;
	uint32_t connect_ms = answer_ms < CONNECT_MAX_MS ? answer_ms : CONNECT_MAX_MS;
	struct redis_link *l = xcalloc(1, sizeof *l);
	int r;

	l->login = login;
	l->wish = wish;
	l->ops = ops;
	l->userdata = userdata;
	l->aside = (struct redis_aside){ .loop = loop,
					 .tls = tls ? tls_context_ref(tls) : NULL,
					 .login = login,
					 .connect_ms = connect_ms,
					 .answer_ms = answer_ms,
					 .answer = on_aside_answer,
					 .failed = on_aside_failed,
					 .userdata = l };
	r = redis_conn_new(loop, address, tls, login->peer, connect_ms, answer_ms, &ask_ops, l,
			   &l->ask);
	if (r == 0)
		r = redis_conn_new(loop, address, tls, login->peer, connect_ms, answer_ms,
				   &hear_ops, l, &l->hear);
	if (r == 0 && login->found)
		redis_conn_found(l->ask, login->tag);
	if (r < 0)
		redis_link_free(l);
	else
		*out = l;
	return r;
}

void
redis_link_free(struct redis_link *l)
{
	if (!l)
		return;
	redis_conn_close(l->ask);
	redis_conn_close(l->hear);
	aside_close(&l->aside);
	tls_context_unref(l->aside.tls);
	free(l);
}

static void
on_pong(void *userdata, struct slice tag, const struct redis_reply *r)
{
	if (r->type == REDIS_FAILED)
		link_fail_reply(userdata, tag, r);
}

static void
on_looked(void *userdata, struct slice tag, const struct redis_reply *r)
{
	if (r->type == REDIS_ARRAY && !is_master(r))
		link_fail(userdata, "it is a replica");
}

/* Is it still the one? What says that it is not ends the link. */
static void
link_look(struct redis_link *l)
{
	if (redis_conn_pending(l->ask) > 0 && (!*l->moved || l->patience++ < PATIENCE))
		return;
	redis_conn_follow(l->ask, false);
	link_verify(l, on_looked);
	redis_conn_follow(l->ask, l->login->tag.n > 0);
	redis_conn_flush(l->ask);
}

static void
ping(struct redis_link *l, struct redis_conn *c)
{
	static const char *const word[] = { "PING" };

	if (!c || redis_conn_pending(c) > 0)
		return;
	send_words(l, c, on_pong, "PING", 1, word);
	redis_conn_flush(c);
}

void
redis_link_ping(struct redis_link *l)
{
	if (l->login->found)
		link_look(l);
	else
		ping(l, l->ask);
	ping(l, l->hear);
}
