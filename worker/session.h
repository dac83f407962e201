#pragma once

/*
 * session: who asks by a cookie. What is known of a session stands in Redis, and is kept by each
 * worker that needed it until Redis announces that it changed.
 *
 * A session is immutable but for `expires`, which only session.c moves on: an update makes a new
 * one. Whoever holds a reference may read it as long as it likes.
 */

#include "policies.h"

#include "lib/buf.h"
#include "shm/table_login.h"

#define SESSION_ID 43                /* base64url of 256 bits */
#define SESSION_TOKEN_MAX (64 << 10) /* bytes of one token */

struct session_entry;

struct session_token { /* of one provider; what is empty is not there */
	struct slice access, refresh, id;
	struct slice tid;                 /* "<provider>:<random>", by which it stands in Redis */
	struct slice subject, sid;        /* as its ID token says */
	int64_t expires, refresh_expires; /* seconds since 1970; INT64_MAX: no end is known */
	uint32_t life_s;                  /* of the access token when it came; 0: not known */
	uint64_t fence;                   /* of refreshToken:<tid>, 0: none */
};

struct session {
	unsigned refs;
	uint32_t first;    /* provider whose user it is; TRIE_NONE: nobody's */
	enum reason fault; /* why `who` is NULL, though a user has it */
	bool ephemeral;    /* of a token that was shown: it stands nowhere, and has no id */
	char id[SESSION_ID + 1];
	struct session_entry *entry; /* NULL: ephemeral */
	const struct identity *who;  /* NULL: nobody */
	struct slice user;           /* its subject; empty: nobody */
	struct slice claims;         /* JSON: the first provider's ID token */
	struct slice shown;          /* of an ephemeral one: the token */
	int64_t created, expires;    /* seconds since 1970; INT64_MAX: without end */
	uint32_t idle_s, max_s;      /* 0: no limit */
	uint64_t until_ms;           /* looked at again then; 0: changes are announced */
	struct session_token tokens[PROVIDERS_MAX]; /* by index in RULES_PROVIDERS */
	size_t size;                                /* bytes behind it */
	char bytes[];
};

/* Sets r->session by the request's cookie, or not: then there is none, or it is dead
 * (r->session_dead; the answer deletes the cookie). WAIT, or REPLY: the store is not there. */
enum verdict session_policy(struct request *r);
/* Behind the gate, for a route that tells its upstream of who asks: r->who showed `token`. Sets
 * r->session to an ephemeral one, with the tokens of the newest session of that user. */
enum verdict session_caller(struct request *r, struct slice token);
/* There is a session afterwards: one of nobody is made where there was none. */
enum verdict session_anonymous(struct request *r);
/* What upstreams may know a session of nobody by, with the configured prefix: appended. */
void session_anonymous_id(const struct request *r, const struct session *s, struct buf *out);

/* Sessions are kept by a newer table than r's, which has other providers: an index of one is not
 * one of the other. */
bool session_is_ahead(const struct request *r);

struct session *session_ref(struct session *s);
void session_put(struct session *s);
/* r is not under way for r->session any more: it has ended, or ends that session itself. What still
 * is under way for a session when it ends is closed. */
void session_leave(struct request *r);

/* A Set-Cookie line; id "": one that deletes it. */
void session_cookie(const struct request *r, const char *id, struct buf *out);

/* ---- reading and writing, for login and refresh ---- */

/* s NULL: there is none (error 0), or it cannot be read (error -EAGAIN). s is borrowed. */
typedef void (*session_got_fn)(void *userdata, int error, struct session *s);
/* fn runs once, later, or not at all: -EAGAIN, there is no login. */
int session_get(struct worker *w, struct slice id, session_got_fn fn, void *userdata)
    __attribute__((warn_unused_result));

/* Of one login; copied. */
struct session_draft {
	struct slice replaces; /* id of the browser's session so far, or empty */
	uint32_t provider;     /* TRIE_NONE: a session of nobody */
	struct slice subject;  /* of the ID token, verified */
	struct slice access, refresh, id_token;
	int64_t expires, refresh_expires; /* INT64_MAX: no end is known */
	struct slice token_url;           /* may be empty */
};

/* id: of the new session, "" with an error. */
typedef void (*session_made_fn)(void *userdata, int error, const char *id);
/* A new session with a new id, at once in place of the old one, which is no more. Tokens of other
 * providers go along where the user stays the same. fn runs once, later, or not at all: -EAGAIN,
 * the store is not there. */
int session_login(struct worker *w, const struct session_draft *d, session_made_fn fn,
		  void *userdata) __attribute__((warn_unused_result));

/* s: as it was, with its tokens, to be revoked; NULL: there was none, or with an error. */
typedef void (*session_ended_fn)(void *userdata, int error, const struct session *s);
/* Ends it everywhere: streams, too. As session_login. */
int session_end(struct worker *w, struct slice id, session_ended_fn fn, void *userdata)
    __attribute__((warn_unused_result));

struct session_users {     /* which sessions of a user */
	uint32_t provider; /* TRIE_NONE: of any */
	struct slice subject; /* empty: whoever `sid` is of */
	struct slice sid;     /* of the provider's session; empty: all of the subject */
};
/* One call for each session that was found; then once with s NULL: the end, or an error. With
 * `end` each is ended before it is told. */
typedef void (*session_each_fn)(void *userdata, int error, const struct session *s);
int session_of_user(struct worker *w, const struct session_users *u, bool end, session_each_fn fn,
		    void *userdata) __attribute__((warn_unused_result));

/* ---- how tokens stand in Redis ---- */

enum session_part { SESSION_ACCESS, SESSION_REFRESH, SESSION_ID_TOKEN, SESSION_PARTS };

/* "accessToken:<tid>", appended. */
void session_token_key(enum session_part part, struct slice tid, struct buf *out);
/* Sealed under the newest key, bound to the name of the Redis key. False: there is no key, or
 * libcrypto fails. */
bool session_seal(struct worker *w, struct slice key, struct slice plain, struct buf *out)
    __attribute__((warn_unused_result));
/* By any of the keys; appended to out, which the caller wipes. */
bool session_unseal(struct worker *w, struct slice key, struct slice sealed, struct buf *out)
    __attribute__((warn_unused_result));

/* ---- the worker's own ---- */

/* A new table. */
void sessions_load(struct worker *w);
void sessions_turn(struct worker *w); /* the end of the loop turn */
void sessions_tick(struct worker *w); /* once a second */
void sessions_free(struct worker *w);
/* What store.c hears. */
void sessions_store_lost(struct worker *w);
void sessions_changed(struct worker *w, struct slice key);
void sessions_flushed(struct worker *w);
