#pragma once

/*
 * refresh_script: what a refresh asks of Redis, each one step there: who of a fleet may refresh a
 * token, and which result counts.
 *
 * refreshLock:<tid> has the owner's name for a while, or "!" and why the last try failed. Whoever
 * gets it gets a fence, a number that rises with each (field Fence of refreshToken:<tid>); Kept is
 * the fence of what is stored. A result is stored unless one of a later fence was: an owner that
 * stood still must not put its old one over a newer one, but what a provider has given it is not
 * thrown away while there is none.
 */

#include "token_answer.h"

#include "store.h"

struct redis_reply;
struct worker;

#define REFRESH_OWNER 32 /* hexadecimal digits: its pid, and at random */
#define REFRESH_KEPT_MAX 20

struct refresh_lock { /* what it takes to go on with it */
	struct slice tid;
	char owner[REFRESH_OWNER + 1];
	char kept[REFRESH_KEPT_MAX + 1]; /* when it was taken; "": nothing was stored yet */
	uint64_t fence;
};

struct refresh_seen {
	bool there;  /* there is a refresh token */
	bool gone;   /* the provider said that it is no more */
	char failed; /* the last try did: first letter of why; 0: no */
	bool locked; /* somebody is at it */
	char kept[REFRESH_KEPT_MAX + 1];
	int64_t wait_ms;                  /* until the lock ends, at the latest */
	struct slice refresh, access, id; /* sealed; empty: not there. Of the reply */
	int64_t expires, refresh_expires;
};

/* Each as store_ask: NULL, or fn runs later. */
struct store_call *refresh_look(struct worker *w, struct slice tid, store_fn fn, void *userdata);
/* False: it cannot be read. */
bool refresh_look_read(const struct redis_reply *r, struct refresh_seen *out);

/* For `ms`; unless somebody has it, or has stored another result than `kept`. */
struct store_call *refresh_take(struct worker *w, const struct refresh_lock *l, uint32_t ms,
				store_fn fn, void *userdata);
/* The fence, and the refresh token as it stands now; 0: it was not to be had. */
uint64_t refresh_take_read(const struct redis_reply *r, struct slice *refresh);

struct store_call *refresh_renew(struct worker *w, const struct refresh_lock *l, uint32_t ms,
				 store_fn fn, void *userdata);

struct refresh_result { /* sealed; empty: it did not come */
	struct slice access, refresh, id;
	struct slice subject; /* of the ID token */
	int64_t expires, refresh_expires;
	uint32_t life_s; /* of the access token; 0: it has no end */
};

/* Stores and gives the lock back. */
struct store_call *refresh_store(struct worker *w, const struct refresh_lock *l,
				 const struct refresh_result *result, store_fn fn, void *userdata);

enum refresh_stored {
	REFRESH_STORED,
	REFRESH_SURPASSED, /* there is a later one */
	REFRESH_ENDED,     /* the session has no such token any more */
	REFRESH_UNKNOWN,   /* Redis says something else */
};
enum refresh_stored refresh_store_read(const struct redis_reply *r);

/* It came to nothing. `why`: a word for the others, for `ms`; "": they may try themselves. */
struct store_call *refresh_fail(struct worker *w, const struct refresh_lock *l, const char *why,
				uint32_t ms, bool gone, store_fn fn, void *userdata);
