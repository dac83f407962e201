#pragma once

/*
 * session_own: what the parts of session.c share.
 */

#include "session.h"
#include "session_record.h"

#include "lib/arena.h"
#include "lib/hmac.h"
#include "lib/map.h"
#include "lib/siphash.h"
#include "lib/list.h"

struct identity_maker;
struct redis_reply;
struct session_load;

#define SESSION_BUCKETS 16384u
#define SESSION_WAITING_MAX 4096 /* requests that wait for sessions */
#define SESSION_WAIT_MS 6000     /* the store's own deadlines come before it */

/* An id that was asked for: what is known of it, and who cares. It is there as long as there is any
 * of it. */
struct session_entry {
	struct session_entry *next; /* of its bucket */
	uint64_t hash;
	char id[SESSION_ID + 1];
	bool good;                    /* a cookie of it was verified: */
	unsigned char mac[HMAC_SIZE]; /* its signature */
	struct list lru;
	struct session *session; /* NULL: it is not known */
	uint64_t absent_ms;      /* until then it is known that there is none */
	struct session_load *load;
	struct list requests; /* under way for it */
	struct list busy;     /* of sessions.busy, while there are any */
	struct list waits;    /* struct session_wait */
	unsigned pins;
	char **tids; /* under these it is found when a token changes */
	unsigned tids_n;
};

struct session_wait {
	struct list link; /* of its entry, or of sessions.later, with what is told: */
	session_got_fn fn;
	void *userdata;
	int error;
	struct session *session;
};

struct sessions {
	struct worker *worker;
	uint8_t secret[SIPHASH_SECRET];
	struct session_entry *buckets[SESSION_BUCKETS];
	size_t entries, bytes; /* of sessions that are kept */
	struct list lru;       /* entries, the least recently used first */
	struct list busy;      /* those with requests under way */
	struct list later;     /* struct session_wait: told at the end of the loop turn */
	struct map tids;       /* to entries */
	struct map callers;    /* names of userSessions: keys to what they held */
	struct identity_maker *maker;
	struct buf image; /* what the table says that sessions depend on, and */
	uint64_t since;   /* the version since which it does */
	uint64_t told_ms; /* a record that cannot be read was logged */
};

/* ---- session.c ---- */

/* r has to wait for it. */
enum verdict session_await(struct request *r, struct session_entry *e);
/* It waits for one thing after the other, but not for ever: may it once more? */
bool session_tries(struct request *r);
/* REPLY: session_unavailable. */
enum verdict session_unavailable(struct request *r);

/* ---- session_cache.c ---- */

/* NULL: nothing is known of it. */
struct session_entry *session_find(struct sessions *ss, struct slice id);
/* Made where missing; goes with session_settle, unless something came of it. */
struct session_entry *session_entry(struct sessions *ss, struct slice id);
void session_settle(struct sessions *ss, struct session_entry *e);
/* What is kept of it is good no more. */
void session_drop(struct sessions *ss, struct session_entry *e);
/* Takes over the reference. */
void session_keep(struct sessions *ss, struct session_entry *e, struct session *s);
/* From now on a change of these tokens is one of the session. */
void session_watch(struct sessions *ss, struct session_entry *e, const struct session_record *r);
/* All of it: the link that would tell of changes is gone, or the table is another one. */
void session_drop_all(struct sessions *ss);
/* Is it known, and good at this moment? */
bool session_is_fresh(const struct sessions *ss, const struct session_entry *e);
bool session_is_absent(const struct sessions *ss, const struct session_entry *e);
/* It has ended: what is under way for it is closed. */
void session_ended(struct sessions *ss, struct session_entry *e);
/* r is under way for e's session. */
void session_hold(struct request *r, struct session_entry *e);

/* ---- session_load.c ---- */

/* Begins to read it, unless that is under way. False: the store is not there. */
bool session_load(struct sessions *ss, struct session_entry *e);
void session_load_stale(struct session_entry *e);

/* ---- session_build.c ---- */

struct session_loaded { /* a token as it was read */
	struct slice plain, subject;
	struct slice sid; /* of an ID token */
	int64_t expires;
	uint32_t life_s;
	uint64_t fence;
};

/* NULL: it is nobody's any more, and *why says the reason. The references are the caller's. */
struct session *session_build(struct sessions *ss, struct session_entry *e,
			      const struct session_record *r,
			      struct session_loaded tokens[][SESSION_PARTS], const char **why);
/* Without an entry, of `from` (NULL: of nothing). `shown` becomes the access token of the provider
 * (TRIE_NONE: of none). */
struct session *session_build_shown(const struct session *from, struct slice shown,
				    uint32_t provider, int64_t until);
/* Of an ID token: the provider's own session, copied; empty: it names none. */
struct slice session_sid(struct slice token, struct arena *arena);

/* ---- session_write.c ---- */

/* It was used: says so to the store, not too often. `steady`: by a stream that goes on. */
void session_touch(struct sessions *ss, struct session_entry *e, bool steady);
/* "userSessions:<provider>:<subject>", appended. */
void session_user_key(struct slice provider, struct slice subject, struct buf *out);
/* "userSessions::<provider>:<sid>", appended. */
void session_sid_key(struct slice provider, struct slice sid, struct buf *out);

/* ---- session_login.c ---- */

/* As session_login; its id, which nobody may use before fn says so. */
int session_login_as(struct worker *w, const struct session_draft *d, session_made_fn fn,
		     void *userdata, char id[SESSION_ID + 1]) __attribute__((warn_unused_result));

/* ---- session_caller.c ---- */

void session_callers_clear(struct sessions *ss);
void session_caller_changed(struct sessions *ss, struct slice key);
