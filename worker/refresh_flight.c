/*
 * refresh_flight: what a worker does for one token that is about to end, for all of its requests:
 * it looks at what Redis has, until that is a newer token, or the lock is free and becomes ours
 * (refresh_ask.c goes on with it).
 */

#include "refresh_own.h"

#include "await.h"
#include "exchange.h"
#include "worker.h"

#include "lib/failpoint.h"
#include "lib/redis.h"
#include "lib/xalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#define POLL_MS 250u
#define AGAIN_MS 1000u /* after Redis did not answer */
#define TAKE_MS 3000u  /* a lock whose owner asks nobody: it has died */
#define GONE_MS 30000u
#define GRANTED_MAX_S 30 /* what came is at hand for those that had seen the session before */
#define GRANTED_MIN_S 2

/* ---- its life ---- */

static void on_time(struct timer *t);
static void look(struct refresh *f);

struct refresh *
refresh_new(struct refreshes *all)
{
	struct refresh *f = xcalloc(1, sizeof *f);

	f->of = all;
	timer_init(&f->timer, on_time);
	list_push(&all->all, &f->link);
	return f;
}

struct refresh *
refresh_begin(struct refreshes *all, const struct session_token *t, uint32_t provider,
	      struct slice name, uint32_t margin_s)
{
	struct refresh *f = map_get(&all->flights, t->tid);

	if (f)
		return f;
	f = refresh_new(all);
	f->provider = provider;
	if (name.n < sizeof f->name)
		memcpy(f->name, name.p, name.n);
	f->tid = xstrndup(t->tid.p, t->tid.n);
	f->lock.tid = slice_make(f->tid, t->tid.n);
	f->had = t->access.n > 0 ? t->expires : 0;
	f->margin_s = margin_s;
	f->until_ms = worker_now(all->worker) + REFRESH_WAIT_MS + TAKE_MS;
	*map_put(&all->flights, f->lock.tid) = f;
	look(f);
	return f;
}

void
refresh_free(struct refresh *f)
{
	timer_clear(&f->timer);
	list_remove(&f->link);
	if (!f->adopted)
		map_take(&f->of->flights, f->lock.tid);
	if (f->call)
		store_forget(f->call);
	if (f->exchange)
		exchange_forget(f->exchange);
	token_answer_deinit(&f->answer);
	buf_wipe(&f->bytes);
	explicit_bzero(&f->lock, sizeof f->lock);
	buf_deinit(&f->sealed);
	free(f->tid);
	free(f);
}

/* The requests that wait for it go on; none of them ends the flight. */
static void
settle(struct refresh *f, enum token_outcome outcome, uint64_t ms)
{
	struct worker *w = f->of->worker;

	f->phase = REFRESH_SETTLED;
	f->outcome = outcome;
	timer_set(w, &f->timer, ms > 0 ? (uint32_t)ms : 1);
	await_done(w, AWAIT_TOKENS, (uint64_t)(uintptr_t)f);
}

void
refresh_settle(struct refresh *f, enum token_outcome outcome, uint64_t ms)
{
	if (f->adopted) /* nobody waits for it */
		refresh_free(f);
	else
		settle(f, outcome, ms);
}

/* ---- what Redis has ---- */

static struct slice
open_token(struct refresh *f, enum session_part part, struct slice sealed)
{
	struct buf BUF_CLEAN key = { 0 };
	size_t at = f->bytes.n;

	session_token_key(part, f->lock.tid, &key);
	if (sealed.n == 0 || !session_unseal(f->of->worker, buf_slice(&key), sealed, &f->bytes))
		return SLICE("");
	return slice_make(f->bytes.p + at, f->bytes.n - at);
}

/* Somebody has refreshed it. False: with keys that are not ours. */
static bool
take_seen(struct refresh *f, const struct refresh_seen *seen)
{
	struct session_token *t = &f->token;

	/* at once: growing would leave a copy, and move what was opened */
	buf_wipe(&f->bytes);
	buf_reserve(&f->bytes, seen->access.n + seen->id.n + seen->refresh.n);
	t->access = open_token(f, SESSION_ACCESS, seen->access);
	t->id = open_token(f, SESSION_ID_TOKEN, seen->id);
	t->refresh = open_token(f, SESSION_REFRESH, seen->refresh);
	t->tid = f->lock.tid;
	t->expires = seen->expires;
	t->refresh_expires = seen->refresh_expires;
	return t->access.n > 0;
}

static bool
is_newer(const struct refresh *f, const struct refresh_seen *seen)
{
	int64_t left = seen->expires - store_wall(f->of->worker);

	return seen->access.n > 0 && left > 0 &&
	       (left > (int64_t)f->margin_s || seen->expires > f->had);
}

static uint64_t
granted_ms(const struct refresh *f, int64_t expires)
{
	int64_t left =
	    expires == INT64_MAX ? GRANTED_MAX_S : (expires - store_wall(f->of->worker)) / 2;

	if (left > GRANTED_MAX_S)
		left = GRANTED_MAX_S;
	return (uint64_t)(left < GRANTED_MIN_S ? GRANTED_MIN_S : left) * 1000;
}

static void
on_taken(void *userdata, const struct redis_reply *r)
{
	struct refresh *f = userdata;
	struct slice token;

	f->call = NULL;
	f->lock.fence = refresh_take_read(r, &token);
	FAILPOINT("refresh-taken");
	if (f->lock.fence)
		refresh_ask(f, token);
	else
		refresh_look_again(f, POLL_MS);
}

static void
take(struct refresh *f, const struct refresh_seen *seen)
{
	struct worker *w = f->of->worker;
	uint8_t random[(REFRESH_OWNER - 8) / 2];
	int at = snprintf(f->lock.owner, sizeof f->lock.owner, "%08x", (unsigned)getpid());

	memcpy(f->lock.kept, seen->kept, sizeof f->lock.kept);
	if (getrandom(random, sizeof random, 0) != sizeof random) {
		refresh_settle(f, TOKEN_UNAVAILABLE, AGAIN_MS);
		return;
	}
	for (size_t i = 0; i < sizeof random; i++)
		at += snprintf(f->lock.owner + at, 3, "%02x", random[i]);
	f->phase = REFRESH_TAKING;
	f->taken_ms = uv_hrtime() / 1000000;
	f->call = refresh_take(w, &f->lock, TAKE_MS, on_taken, f);
	FAILPOINT("refresh-taking");
	if (!f->call)
		refresh_settle(f, TOKEN_UNAVAILABLE, AGAIN_MS);
}

static void
act(struct refresh *f, const struct refresh_seen *seen)
{
	struct worker *w = f->of->worker;

	if (is_newer(f, seen) && take_seen(f, seen))
		refresh_settle(f, TOKEN_GRANTED, granted_ms(f, seen->expires));
	else if (!seen->there || seen->gone)
		refresh_settle(f, TOKEN_GONE, GONE_MS);
	else if (seen->failed)
		refresh_settle(f, seen->failed == 'r' ? TOKEN_REFUSED : TOKEN_UNAVAILABLE,
			       (uint64_t)(seen->wait_ms > 0 ? seen->wait_ms : 1));
	else if (worker_now(w) >= f->until_ms)
		refresh_settle(f, TOKEN_UNAVAILABLE, AGAIN_MS);
	else if (seen->locked)
		refresh_look_again(f, POLL_MS);
	else
		take(f, seen);
}

static void
on_seen(void *userdata, const struct redis_reply *r)
{
	struct refresh *f = userdata;
	struct refresh_seen seen;
	char why[160];

	f->call = NULL;
	if (refresh_look_read(r, &seen)) {
		act(f, &seen);
		return;
	}
	if (r) /* of a link that is lost store.c tells */
		refresh_tell(f->of, f->provider, "refresh", f->name, TOKEN_UNAVAILABLE,
			     redis_fault(r, why, sizeof why));
	refresh_settle(f, TOKEN_UNAVAILABLE, AGAIN_MS);
}

static void
look(struct refresh *f) /* which is not adopted */
{
	f->phase = REFRESH_LOOKING;
	f->call = refresh_look(f->of->worker, f->lock.tid, on_seen, f);
	if (!f->call)
		settle(f, TOKEN_UNAVAILABLE, AGAIN_MS);
}

void
refresh_look_again(struct refresh *f, uint32_t ms)
{
	if (f->adopted) { /* others look for themselves */
		refresh_settle(f, TOKEN_UNAVAILABLE, 0);
		return;
	}
	f->phase = REFRESH_PAUSING;
	timer_set(f->of->worker, &f->timer, ms ? refresh_jitter(f->of->worker, ms) : 1);
}

static void
on_time(struct timer *t)
{
	struct refresh *f = container_of(t, struct refresh, timer);

	switch (f->phase) {
	case REFRESH_PAUSING:
		look(f);
		break;
	case REFRESH_ASKING:
	case REFRESH_STORING:
		refresh_ask_tick(f);
		break;
	case REFRESH_SETTLED:
		refresh_free(f);
		break;
	case REFRESH_LOOKING:
	case REFRESH_TAKING:
		break;
	}
}
