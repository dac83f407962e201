/*
 * session_write: sessions that begin, go on and end, in Redis. What belongs together is one
 * transaction.
 */

#include "session_write.h"

#include "snapshot.h"
#include "store.h"
#include "worker.h"

#include "lib/log.h"

#include <errno.h>
#include <stdlib.h>

/*
 * A session goes on, with all that belongs to it: KEYS are its record, its tokens, and the lists of
 * its users' sessions. Only where the record is: it may have been ended at this moment, and must
 * not stand up again as a piece of one. ARGV: its end as a time, when its keys go, how many keys
 * are no lists, its id, the present second.
 */
static const char touch_script[] =
    "if redis.call('EXISTS',KEYS[1])==0 then return 0 end\n"
    "redis.call('HSET',KEYS[1],'ExpiresAt',ARGV[1])\n"
    "local at,n=tonumber(ARGV[2]),tonumber(ARGV[3])\n"
    "for i,k in ipairs(KEYS) do\n"
    " if i<=n then\n"
    "  redis.call('EXPIREAT',k,ARGV[2])\n"
    " else\n"
    "  redis.call('ZADD',k,ARGV[2],ARGV[4])\n"
    "  redis.call('ZREMRANGEBYSCORE',k,'-inf','('..ARGV[5])\n"
    "  if redis.call('TTL',k)<at-tonumber(ARGV[5]) then redis.call('EXPIREAT',k,ARGV[2]) end\n"
    " end\n"
    "end\n"
    "return 1\n";

/* Of a session without end. */
#define FOREVER_S (400 * 86400)

void
session_user_key(struct slice provider, struct slice subject, struct buf *out)
{
	buf_adds(out, SLICE("userSessions:"));
	buf_adds(out, provider);
	buf_addc(out, ':');
	buf_adds(out, subject);
}

void
session_sid_key(struct slice provider, struct slice sid, struct buf *out)
{
	session_user_key(SLICE(""), provider, out);
	buf_addc(out, ':');
	buf_adds(out, sid);
}

static struct slice
take_buf(struct session_commands *c, struct buf *text)
{
	struct slice kept = arena_copy(&c->arena, buf_slice(text));

	buf_deinit(text);
	return kept;
}

struct slice
session_key(struct session_commands *c, const char *id)
{
	struct buf text = { 0 };

	buf_addf(&text, "session:%s", id);
	return take_buf(c, &text);
}

struct slice
session_key_of_token(struct session_commands *c, enum session_part part, struct slice tid)
{
	struct buf text = { 0 };

	session_token_key(part, tid, &text);
	return take_buf(c, &text);
}

/* The lists that a session stands in, by what one of its tokens says. */
static unsigned
lists_of(struct session_commands *c, const struct session_name *n, struct slice out[2])
{
	struct buf user = { 0 }, sid = { 0 };
	unsigned count = 0;

	if (n->subject.n > 0) {
		session_user_key(n->provider, n->subject, &user);
		out[count++] = take_buf(c, &user);
	}
	if (n->sid.n > 0) {
		session_sid_key(n->provider, n->sid, &sid);
		out[count++] = take_buf(c, &sid);
	}
	return count;
}

/* "EVAL script n key...", of which the keys follow in two rows. */
void
session_touch_command(struct session_commands *c, const char *id, int64_t expires, int64_t now,
		      const struct session_names *names)
{
	int64_t gone = expires == INT64_MAX ? now + FOREVER_S : expires + SESSION_GRACE_S;
	struct slice all[2 * PROVIDERS_MAX];
	size_t tokens = 0, lists = 0;

	for (unsigned i = 0; i < names->n; i++) {
		tokens += names->of[i].tid.n > 0 ? SESSION_PARTS : 0;
		lists += lists_of(c, &names->of[i], all + lists);
	}
	commands_begin(c, SLICE("EVAL"));
	commands_add(c, slice_of(touch_script));
	commands_add_number(c, (int64_t)(1 + tokens + lists));
	commands_add(c, session_key(c, id));
	for (unsigned i = 0; i < names->n; i++) {
		for (unsigned k = 0; names->of[i].tid.n > 0 && k < SESSION_PARTS; k++)
			commands_add(
			    c, session_key_of_token(c, (enum session_part)k, names->of[i].tid));
	}
	for (size_t i = 0; i < lists; i++)
		commands_add(c, all[i]);
	commands_add_moment(c, expires);
	commands_add_number(c, gone);
	commands_add_number(c, (int64_t)(1 + tokens));
	commands_add(c, arena_copy(&c->arena, slice_of(id)));
	commands_add_number(c, now);
}

void
session_names_of(const struct worker *w, const struct session *s, struct session_names *out)
{
	const struct segment *rules = w->table->segments[SEGMENT_RULES];

	out->n = 0;
	for (uint32_t i = 0; i < table_providers(rules) && i < PROVIDERS_MAX; i++) {
		if (s->tokens[i].tid.n == 0)
			continue;
		out->of[out->n++] = (struct session_name){
			.provider = seg_string(rules, table_provider(rules, i)->name),
			.tid = s->tokens[i].tid,
			.subject = s->tokens[i].subject,
			.sid = s->tokens[i].sid,
		};
	}
}

/* ---- it goes on ---- */

struct touched {
	struct sessions *all;
	char id[SESSION_ID + 1];
};

static void
on_touched(void *userdata, const struct redis_reply *r)
{
	struct touched *t = userdata;
	struct session_entry *e = session_find(t->all, slice_make(t->id, SESSION_ID));
	char text[160];

	if (r && r->type == REDIS_FAILED)
		log_error("sessions store=refuses reason=\"%s\"",
			  redis_fault(r, text, sizeof text));
	if (e && r && r->type == REDIS_INTEGER && r->integer == 0) {
		session_load_stale(e);
		session_ended(t->all, e);
	}
	free(t);
}

static void
touch(struct sessions *ss, struct session *s, int64_t until)
{
	struct worker *w = ss->worker;
	struct session_commands c = { 0 };
	struct session_names names;
	struct touched *t;

	session_names_of(w, s, &names);
	session_touch_command(&c, s->id, until, store_wall(w), &names);
	t = xcalloc(1, sizeof *t);
	t->all = ss;
	memcpy(t->id, s->id, sizeof t->id);
	if (store_ask(w, on_touched, t, c.all[0]->n, c.all[0]->words))
		s->expires = until;
	else
		free(t);
	arena_deinit(&c.arena);
}

void
session_touch(struct sessions *ss, struct session_entry *e, bool steady)
{
	struct worker *w = ss->worker;
	struct session *s = e->session;
	const struct table_login *login = table_login(w->table->segments[SEGMENT_RULES]);
	uint32_t every = login ? login->touch_s : 0;
	int64_t until = session_touched(store_wall(w), s->created, s->idle_s, s->max_s);

	if (steady && every < s->idle_s / 2)
		every = s->idle_s / 2;
	if (session_is_due(until, s->expires, s->created, s->max_s, every) && store_has_room(w, 1))
		touch(ss, s, until);
}

/* ---- it ends ---- */

void
session_delete_commands(struct session_commands *c, const struct worker *w, const struct session *s,
			uint64_t providers)
{
	struct session_names names;
	struct slice lists[2];

	commands_begin(c, SLICE("DEL"));
	commands_add(c, session_key(c, s->id));
	for (uint32_t i = 0; i < PROVIDERS_MAX; i++) {
		for (unsigned k = 0; k < SESSION_PARTS; k++) {
			if (s->tokens[i].tid.n > 0 && providers >> i & 1)
				commands_add(c, session_key_of_token(c, (enum session_part)k,
								     s->tokens[i].tid));
		}
	}
	session_names_of(w, s, &names);
	for (unsigned i = 0; i < names.n; i++) {
		unsigned n = lists_of(c, &names.of[i], lists);

		for (unsigned k = 0; k < n; k++) {
			commands_begin(c, SLICE("ZREM"));
			commands_add(c, lists[k]);
			commands_add(c, slice_of(s->id));
		}
	}
}

struct ending {
	struct worker *worker;
	session_ended_fn fn;
	void *userdata;
	struct session *session;
};

static void
ending_done(struct ending *end, int error)
{
	struct session *s = end->session;
	struct sessions *ss = end->worker->sessions;
	struct session_entry *e = s ? session_find(ss, slice_of(s->id)) : NULL;

	if (error == 0 && e) { /* at once, here; the others hear of it */
		session_load_stale(e);
		session_ended(ss, e);
	}
	end->fn(end->userdata, error, error == 0 ? s : NULL);
	session_put(s);
	free(end);
}

static void
on_deleted(void *userdata, int error)
{
	ending_done(userdata, error);
}

static void
on_found(void *userdata, int error, struct session *s)
{
	struct ending *end = userdata;
	struct session_commands c = { 0 };

	if (!s) {
		ending_done(end, error);
		return;
	}
	end->session = session_ref(s);
	session_delete_commands(&c, end->worker, s, UINT64_MAX);
	error = commands_run(&c, end->worker, on_deleted, end);
	if (error < 0)
		ending_done(end, error);
}

int
session_end(struct worker *w, struct slice id, session_ended_fn fn, void *userdata)
{
	struct ending *end;
	int error;

	if (!store_is_up(w))
		return -EAGAIN;
	end = xcalloc(1, sizeof *end);
	*end = (struct ending){ w, fn, userdata, NULL };
	error = session_get(w, id, on_found, end);
	if (error < 0)
		free(end);
	return error;
}
