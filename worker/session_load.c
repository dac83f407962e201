/*
 * session_load: a session is read: first its record, then the tokens that it names, all of them at
 * once. Whatever of it changes meanwhile is announced, and then all is read again: what is kept is
 * never older than the last announcement.
 */

#include "session_own.h"

#include "await.h"
#include "snapshot.h"
#include "store.h"
#include "worker.h"

#include "lib/log.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <stdlib.h>

#define TRIES 5
#define TELL_MS 10000
#define UNTRACKED_MS 1000 /* a session is good for so long where changes are not announced */

struct part { /* of a token */
	struct session_load *load;
	unsigned held; /* index in load->record.held */
	enum session_part part;
};

struct session_load {
	struct sessions *all;
	struct session_entry *entry;
	struct session_record record;
	struct arena arena; /* of what the record points to */
	struct session_loaded tokens[PROVIDERS_MAX][SESSION_PARTS];
	struct part parts[PROVIDERS_MAX][SESSION_PARTS];
	unsigned pending, tries;
	bool stale, failed;
};

static void begin(struct session_load *l);

/* ---- the end ---- */

static void
load_clear(struct session_load *l)
{
	for (unsigned i = 0; i < PROVIDERS_MAX; i++) {
		for (unsigned k = 0; k < SESSION_PARTS; k++) {
			struct slice plain = l->tokens[i][k].plain;

			if (plain.p) {
				explicit_bzero((char *)plain.p, plain.n);
				free((char *)plain.p);
			}
		}
	}
	memset(l->tokens, 0, sizeof l->tokens);
	session_record_deinit(&l->record);
	arena_reset(&l->arena);
	l->stale = l->failed = false;
}

/* Everybody who waits for it goes on. */
static void
wake(struct sessions *ss, struct session_entry *e, int error)
{
	e->pins++;
	list_drain (pos, &e->waits) {
		struct session_wait *wait = container_of(pos, struct session_wait, link);
		session_got_fn fn = wait->fn;
		void *userdata = wait->userdata;

		free(wait);
		fn(userdata, error, e->session);
	}
	await_done(ss->worker, AWAIT_SESSION, e->hash);
	e->pins--;
	session_settle(ss, e);
}

static void
load_end(struct session_load *l)
{
	l->entry->load = NULL;
	load_clear(l);
	arena_deinit(&l->arena);
	free(l);
}

static void
fail(struct session_load *l)
{
	struct sessions *ss = l->all;
	struct session_entry *e = l->entry;

	board_add(&ss->worker->page->counts.counter[COUNTER_session_loads_failed], 1);
	load_end(l);
	wake(ss, e, -EAGAIN);
}

static void
end_absent(struct session_load *l, const char *why)
{
	struct sessions *ss = l->all;
	struct session_entry *e = l->entry;
	uint64_t now = worker_now(ss->worker);

	if (why && now - ss->told_ms >= TELL_MS) {
		log_warn("sessions record=unusable reason=\"%s\": who has it logs in again", why);
		ss->told_ms = now;
	}
	load_end(l);
	session_ended(ss, e);
	wake(ss, e, 0);
}

static void
end_loaded(struct session_load *l)
{
	struct sessions *ss = l->all;
	struct session_entry *e = l->entry;
	const char *why = NULL;
	struct session *s = session_build(ss, e, &l->record, l->tokens, &why);

	if (!s) {
		end_absent(l, why);
		return;
	}
	if (store_wall(ss->worker) >= s->expires) {
		session_put(s);
		end_absent(l, NULL);
		return;
	}
	if (!store_tracks(ss->worker))
		s->until_ms = worker_now(ss->worker) + UNTRACKED_MS;
	load_end(l);
	session_keep(ss, e, s);
	wake(ss, e, 0);
}

/* ---- what comes of the store ---- */

/* It said that something is not right with us, as against with what it has. */
static bool
is_refusal(const struct redis_reply *r)
{
	return r->type == REDIS_FAILED && !slice_starts(r->text, SLICE("WRONGTYPE"));
}

/* True: it has to be read again, or could not be. */
static bool
is_over(struct session_load *l)
{
	if (l->failed || (l->stale && ++l->tries >= TRIES)) {
		fail(l);
		return true;
	}
	if (!l->stale)
		return false;
	load_clear(l);
	begin(l);
	return true;
}

static void
take_token(struct session_load *l, const struct part *p, const struct redis_reply *r)
{
	struct slice tid = l->record.held[p->held].tid;
	struct session_loaded *to = &l->tokens[p->held][p->part];
	struct buf BUF_CLEAN key = { 0 };
	struct buf plain = { 0 };
	struct token_record token;

	if (token_record_read(r, tid, &token) < 0 || token.value.n > SESSION_TOKEN_MAX + 64)
		return;
	session_token_key(p->part, tid, &key);
	if (!session_unseal(l->all->worker, buf_slice(&key), token.value, &plain)) {
		buf_deinit(&plain);
		return;
	}
	to->plain = buf_slice(&plain);
	to->subject = arena_copy(&l->arena, token.subject);
	if (p->part == SESSION_ID_TOKEN)
		to->sid = session_sid(to->plain, &l->arena);
	to->expires = token.expires;
	to->life_s = token.life_s;
	to->fence = token.fence;
}

static void
on_token(void *userdata, const struct redis_reply *r)
{
	struct part *p = userdata;
	struct session_load *l = p->load;

	if (!r || is_refusal(r))
		l->failed = true;
	else
		take_token(l, p, r);
	if (--l->pending == 0 && !is_over(l))
		end_loaded(l);
}

static void
ask_token(struct session_load *l, unsigned held, enum session_part part)
{
	struct part *p = &l->parts[held][part];
	struct buf BUF_CLEAN key = { 0 };
	struct slice argv[2] = { SLICE("HGETALL") };

	*p = (struct part){ l, held, part };
	session_token_key(part, l->record.held[held].tid, &key);
	argv[1] = buf_slice(&key);
	if (store_ask(l->all->worker, on_token, p, 2, argv))
		l->pending++;
	else
		l->failed = true;
}

static void
ask_tokens(struct session_load *l)
{
	for (unsigned i = 0; i < l->record.held_n; i++) {
		for (unsigned k = 0; k < SESSION_PARTS; k++)
			ask_token(l, i, (enum session_part)k);
	}
	if (l->pending == 0 && !is_over(l))
		end_loaded(l);
}

static void
on_record(void *userdata, const struct redis_reply *r)
{
	struct session_load *l = userdata;
	struct slice id = slice_make(l->entry->id, SESSION_ID);
	int error;

	if (!r || is_refusal(r))
		l->failed = true;
	if (is_over(l))
		return;
	error = session_record_read(r, id, &l->record);
	if (error < 0) {
		end_absent(l, error == -ENOENT ? NULL : "it is none of ours");
		return;
	}
	l->record.user = arena_copy(&l->arena, l->record.user);
	session_watch(l->all, l->entry, &l->record);
	ask_tokens(l);
}

static void
begin(struct session_load *l)
{
	struct buf BUF_CLEAN key = { 0 };
	struct slice argv[2] = { SLICE("HGETALL") };

	buf_addf(&key, "session:%s", l->entry->id);
	argv[1] = buf_slice(&key);
	if (!store_ask(l->all->worker, on_record, l, 2, argv))
		fail(l);
}

/* ---- from outside ---- */

bool
session_load(struct sessions *ss, struct session_entry *e)
{
	struct session_load *l = e->load;

	if (l)
		return true;
	if (!store_has_room(ss->worker, 1))
		return false;
	board_add(&ss->worker->page->counts.counter[COUNTER_session_misses], 1);
	l = e->load = xcalloc(1, sizeof *l);
	l->all = ss;
	l->entry = e;
	begin(l);
	return true;
}

void
session_load_stale(struct session_entry *e)
{
	if (e->load)
		e->load->stale = true;
}
