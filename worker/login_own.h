#pragma once

/*
 * login_own: between login.c, which walks a request through an endpoint, and the endpoints. Each is
 * a function that answers or waits; what comes of waiting is in struct login, and the function that
 * goes on with it in `next`.
 */

#include "exchange.h"
#include "login.h"
#include "login_page.h"
#include "login_state.h"
#include "session.h"
#include "store.h"
#include "token_answer.h"

struct login;
typedef enum result (*login_fn)(struct login *l);
typedef void (*login_take_fn)(struct login *l, const struct redis_reply *reply);

struct login_call { /* of the store */
	struct login *login;
	login_take_fn take;
	struct store_call *call; /* NULL: none is under way */
};

#define LOGIN_CALLS 4
#define LOGIN_DONE_MAX 8 /* logins that a browser's record has, the last ones */

struct login {
	struct worker *worker;
	struct request *request; /* NULL: it has ended, and this lives for who still calls back */
	const struct login_endpoint *endpoint;
	uint32_t provider; /* that the path names; TRIE_NONE: none */
	login_fn next;
	bool admitted; /* its limits let it pass */
	bool collects; /* the rest of the body is due */
	struct slice query;

	struct login_call calls[LOGIN_CALLS];
	unsigned waiting; /* of the store and of sessions */
	bool lost;        /* one of them does not know */
	struct exchange *exchange;

	char browser[SESSION_ID + 1]; /* login_browser.c */
	bool browser_new;
	int64_t done_at[LOGIN_DONE_MAX];     /* logins that are over, and */
	uint64_t done_place[LOGIN_DONE_MAX]; /* where they ended */
	unsigned done;

	char key[SESSION_ID + 1];
	struct login_state state;
	struct slice closed; /* in the request's arena; p NULL: it is not there */
	bool taken;          /* by this request, and by no other */

	enum token_outcome outcome; /* of the exchange of the code */
	struct token_answer answer;
	char session[SESSION_ID + 1];
	struct slice sub, sid; /* of an ID token or a logout token, in the request's arena */
	struct slice jti;      /* the key that says that a logout token was used, and */
	int64_t jti_s;         /* for how long */
	struct buf cookies;    /* lines for the answer */
};

static inline const struct segment *
login_rules(const struct login *l)
{
	return l->request->table->segments[SEGMENT_RULES];
}

static inline const struct segment *
login_keys(const struct login *l)
{
	return l->request->table->segments[SEGMENT_KEYS];
}

/* ---- login_wait.c, login_answer.c ---- */

/* Goes on with `next` once all that was asked is there. */
enum result login_await(struct login *l, login_fn next);
/* An answer, with the fields of all answers of a login. */
enum result login_answer(struct login *l, int status, const char *type, struct slice body,
			 struct slice extra);
/* 302, or 303 behind a POST. */
enum result login_go(struct login *l, struct slice location);
/* A page where the client takes one; else, for a reason, problem+json. */
enum result login_show(struct login *l, enum reason reason, struct login_page *page);
/* The same with the reason's own sentence, and "Try again" and home as ways on. */
enum result login_fail(struct login *l, enum reason reason);
/* `<base>/<name>`, in the request's arena; `query`: "" or with its '?'. */
struct slice login_link(const struct login *l, const char *name, struct slice query);
/* `<base>/login?redirect_url=...`, for this sequence. */
struct slice login_again(const struct login *l, const struct slice *providers, unsigned count,
			 struct slice place);
/* Text in the request's arena. */
struct slice login_text(const struct login *l, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Asks the store; `lost` where it cannot be. */
void login_ask(struct login *l, login_take_fn take, size_t argc, const struct slice *argv);
/* The same without waiting for it, or for what it says. */
void login_post(struct login *l, size_t argc, const struct slice *argv);
/* The session is about to end, and with it all that is under way for it: r is not, from here on. */
void login_let_go(struct login *l);
/* Something that cannot be forgotten is asked: login_told is due then, once. */
void login_expect(struct login *l);
/* False: the request has ended; nothing may be done but to forget. */
bool login_told(struct login *l, int error);
void login_resume(struct login *l);

/* ---- login_browser.c: the record of a browser ---- */

/* Whose cookie it is, or a new one. */
void login_browser(struct login *l);
/* Asks where the last logins ended: done is set. */
void login_browser_read(struct login *l);
/* Writes l->state under a new key, in the place of the oldest one where there are too many. False:
 * it cannot be sealed. */
bool login_browser_put(struct login *l) __attribute__((warn_unused_result));
/* Takes what stands under `key` out of the record: taken and closed are set. */
void login_browser_take(struct login *l, struct slice key);
/* Opens what was taken: False: it is nothing of ours, or too old. */
bool login_browser_open(struct login *l) __attribute__((warn_unused_result));
/* A login that ended at `place` is over: noted, and not waited for. */
void login_browser_done(struct login *l, struct slice place);
/* Was this browser sent back from there again and again? */
bool login_browser_loops(const struct login *l, struct slice place);
void login_browser_forget(struct login *l);

/* ---- the endpoints ---- */

enum result login_begin(struct login *l);
/* Whose is r->session? By provider and subject; false: nobody's. */
bool login_session_of(const struct login *l, struct slice *first, struct slice *sub);
/* On to the first of l->state.providers. */
enum result login_leave_to(struct login *l);
enum result login_callback(struct login *l);
enum result login_logout(struct login *l);
/* A session was ended (s NULL: there was none): its tokens are revoked; for `l` (NULL: nobody) it
 * is noted where to go on. */
void login_ended(struct worker *w, const struct session *s, struct login *l);
enum result login_logout_done(struct login *l);
enum result login_backchannel(struct login *l);
enum result login_userinfo(struct login *l);
enum result login_profile(struct login *l);
enum result login_exchange_of(struct login *l);
enum result login_logout_of(struct login *l);

/* ---- login_token.c ---- */

/* Is the ID token good for provider p? Sets sub. *waits: its key is being fetched. */
enum reason login_id_token(struct login *l, uint32_t p, bool *waits);
