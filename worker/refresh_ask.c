/*
 * refresh_ask: the owner of the lock asks the provider, and stores what it says; here, or in the
 * place of a worker that died over it. The lock is renewed as long as that takes, and the answer is
 * kept (here, and by the master) until Redis has it.
 */

#include "refresh_own.h"

#include "exchange.h"
#include "gate.h"
#include "snapshot.h"
#include "verifiers.h"
#include "worker.h"

#include "lib/failpoint.h"
#include "lib/json.h"
#include "lib/log.h"
#include "lib/redis.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <stdlib.h>

#define LOCK_MS 15000u
#define FIRST_MS 8000u /* if we die over it, who waits (REFRESH_WAIT_MS) still gets one */
#define RENEW_MS 4000u
#define BEGIN_MS 2500u /* less than an unused lock lasts: the master does not send it later */
#define STORE_AGAIN_MS 250u
#define CROWDED_MS 1000u
#define GRANTED_MS 5000u /* what came is at hand for those that had seen the session before */

static void
on_nothing(void *userdata, const struct redis_reply *r)
{
}

void
refresh_hold(struct refresh *f)
{
	struct worker *w = f->of->worker;

	(void)refresh_renew(w, &f->lock, LOCK_MS, on_nothing, NULL);
	timer_set(w, &f->timer, RENEW_MS);
}

static void
done_with(struct refresh *f)
{
	if (f->exchange)
		exchange_kept(f->exchange);
	f->exchange = NULL;
}

/* `why`: the others hear it, for `ms`. */
static void
give_up(struct refresh *f, enum token_outcome outcome, const char *why, uint64_t ms)
{
	(void)refresh_fail(f->of->worker, &f->lock, why, (uint32_t)ms, outcome == TOKEN_GONE,
			   on_nothing, NULL);
	done_with(f);
	/* Whoever had the lock before may have stored something after all. */
	if (outcome == TOKEN_GONE)
		refresh_look_again(f, 1);
	else
		refresh_settle(f, outcome, ms);
}

/* ---- storing ---- */

/* An ID token that comes along is as good as that of the login, or is left out (OpenID Connect Core
 * section 12.2). The subject is appended to *subject. */
static bool
is_good(struct refresh *f, struct buf *subject)
{
	struct worker *w = f->of->worker;
	const struct segment *rules = w->table->segments[SEGMENT_RULES];
	const struct table_provider *p =
	    table_provider(rules, table_provider_find(rules, slice_of(f->name)));
	struct verified v = { .reason = REASON_token_issuer };
	struct jwt_token t;

	if (!p || f->answer.id_token.n == 0)
		return false;
	gate_verify(w->gate, &t, f->answer.id_token, 1ull << p->issuer, w->wall, false, &v);
	if (v.reason == REASON_none)
		buf_adds(subject, json_text(json_get(t.claims, "sub")));
	jwt_token_deinit(&t);
	return v.reason == REASON_none && subject->n > 0;
}

static bool
seal(struct refresh *f, enum session_part part, struct slice plain, struct buf *out)
{
	struct buf BUF_CLEAN key = { 0 };

	session_token_key(part, f->lock.tid, &key);
	return plain.n == 0 || session_seal(f->of->worker, buf_slice(&key), plain, out);
}

static struct slice
take_token(struct refresh *f, struct slice plain)
{
	char *to = f->bytes.p + f->bytes.n;

	buf_adds(&f->bytes, plain);
	return slice_make(to, plain.n);
}

/* For the requests that wait here. */
static void
settle_granted(struct refresh *f)
{
	struct token_answer *a = &f->answer;

	buf_wipe(&f->bytes);
	buf_reserve(&f->bytes, a->access.n + a->refresh.n + a->id_token.n);
	f->token = (struct session_token){
		.access = take_token(f, a->access),
		.refresh = take_token(f, a->refresh),
		.id = take_token(f, a->id_token),
		.tid = f->lock.tid,
		.expires = a->expires,
		.refresh_expires = a->refresh_expires,
	};
	token_answer_deinit(a);
	board_add(&f->of->worker->page->counts.counter[COUNTER_refreshes], 1);
	refresh_settle(f, TOKEN_GRANTED, GRANTED_MS);
}

/* The session was ended meanwhile: nobody is to have this token. */
static void
settle_ended(struct refresh *f)
{
	refresh_revoke(f->of->worker, slice_of(f->name),
		       f->answer.refresh.n > 0 ? f->answer.refresh : f->answer.access);
	refresh_settle(f, TOKEN_GONE, GRANTED_MS);
}

/* Once: it is tried again until it is stored. */
static void
tell(struct refresh *f, const char *why)
{
	if (!f->told)
		log_error("refresh provider=%s error=\"Redis does not store it: %s\" action=again",
			  f->name, why);
	f->told = true;
}

static void
on_stored(void *userdata, const struct redis_reply *r)
{
	struct refresh *f = userdata;
	char why[160];

	f->call = NULL;
	switch (refresh_store_read(r)) {
	case REFRESH_STORED:
		FAILPOINT("refresh-stored");
		done_with(f);
		FAILPOINT("refresh-unlocked");
		settle_granted(f);
		break;
	case REFRESH_SURPASSED:
		done_with(f);
		refresh_look_again(f, 1);
		break;
	case REFRESH_ENDED:
		done_with(f);
		settle_ended(f);
		break;
	case REFRESH_UNKNOWN:
		if (r)
			tell(f, redis_fault(r, why, sizeof why));
		timer_set(f->of->worker, &f->timer, STORE_AGAIN_MS);
		break;
	}
}

static void
store(struct refresh *f)
{
	struct buf BUF_CLEAN access = { 0 }, refresh = { 0 }, id = { 0 }, subject = { 0 };
	struct token_answer *a = &f->answer;
	struct refresh_result result;
	bool sealed;

	if (!is_good(f, &subject))
		a->id_token = SLICE("");
	sealed = seal(f, SESSION_ACCESS, a->access, &access) &&
		 seal(f, SESSION_REFRESH, a->refresh, &refresh) &&
		 seal(f, SESSION_ID_TOKEN, a->id_token, &id);
	result = (struct refresh_result){
		.access = buf_slice(&access),
		.refresh = buf_slice(&refresh),
		.id = buf_slice(&id),
		.subject = buf_slice(&subject),
		.expires = a->expires,
		.refresh_expires = a->refresh_expires,
		.life_s = token_life(a->expires, store_wall(f->of->worker)),
	};
	if (!sealed)
		tell(f, "it cannot be sealed by login.token_keys");
	f->call = sealed ? refresh_store(f->of->worker, &f->lock, &result, on_stored, f) : NULL;
	timer_set(f->of->worker, &f->timer, f->call ? RENEW_MS : STORE_AGAIN_MS);
	FAILPOINT("refresh-storing");
}

/* ---- asking ---- */

void
refresh_answered(void *userdata, const struct exchange_answer *answer)
{
	struct refresh *f = userdata;
	struct refreshes *all = f->of;
	enum token_outcome outcome;
	uint64_t ms;

	if (answer->status == -EOWNERDEAD || answer->status == -ETIME ||
	    answer->status == -EAGAIN) { /* another one has it, or nobody has sent it */
		if (answer->status != -EOWNERDEAD)
			(void)refresh_fail(all->worker, &f->lock, "", 0, false, on_nothing, NULL);
		done_with(f);
		refresh_look_again(f, CROWDED_MS);
		return;
	}
	FAILPOINT("refresh-answered");
	outcome =
	    token_answer_read(answer->status, answer->body, store_wall(all->worker), &f->answer);
	if (outcome == TOKEN_GRANTED) {
		refresh_granted(all, f->provider);
		f->phase = REFRESH_STORING;
		store(f);
		return;
	}
	board_add(&all->worker->page->counts
		       .counter[outcome == TOKEN_GONE      ? COUNTER_refreshes_gone
				: outcome == TOKEN_REFUSED ? COUNTER_refreshes_refused
							   : COUNTER_refreshes_unavailable],
		  1);
	ms = refresh_failed(all, f->provider, f->name, outcome, &f->answer, answer->retry_s);
	token_answer_deinit(&f->answer);
	give_up(f, outcome,
		outcome == TOKEN_GONE      ? ""
		: outcome == TOKEN_REFUSED ? "refused"
					   : "unavailable",
		ms);
}

static void
ask(struct refresh *f)
{
	struct worker *w = f->of->worker;
	struct slice token = buf_slice(&f->sealed);
	struct buf BUF_CLEAN key = { 0 }, context = { 0 };
	struct buf plain = { 0 }, form = { 0 };

	session_token_key(SESSION_REFRESH, f->lock.tid, &key);
	buf_reserve(&plain, token.n);
	buf_reserve(&form, 3 * token.n + 64);
	if (session_unseal(w, buf_slice(&key), token, &plain)) {
		buf_adds(&form, SLICE("grant_type=refresh_token&refresh_token="));
		buf_add_form(&form, buf_slice(&plain));
		refresh_context(f, &context);
		f->exchange =
		    exchange_refresh(w, slice_of(f->name), buf_slice(&form), buf_slice(&context),
				     f->taken_ms + BEGIN_MS, refresh_answered, f);
	}
	buf_wipe(&plain);
	buf_wipe(&form);
	f->phase = REFRESH_ASKING;
	FAILPOINT("refresh-asked");
	if (f->exchange)
		refresh_hold(f);
	else
		give_up(f, TOKEN_UNAVAILABLE, "", CROWDED_MS);
}

static void
on_held(void *userdata, const struct redis_reply *r)
{
	struct refresh *f = userdata;

	f->call = NULL;
	FAILPOINT("refresh-held");
	if (r && r->type == REDIS_INTEGER && r->integer == 1)
		ask(f);
	else
		refresh_look_again(f, CROWDED_MS);
}

/* The provider sees the token only once the lock lasts: who is cut off from Redis just then would
 * leave it to others too soon. */
void
refresh_ask(struct refresh *f, struct slice token)
{
	f->sealed.n = 0;
	buf_adds(&f->sealed, token);
	f->call = refresh_renew(f->of->worker, &f->lock, FIRST_MS, on_held, f);
	if (!f->call)
		refresh_settle(f, TOKEN_UNAVAILABLE, CROWDED_MS);
}

void
refresh_ask_tick(struct refresh *f)
{
	refresh_hold(f);
	if (f->phase == REFRESH_STORING && !f->call)
		store(f);
}
