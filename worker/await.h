#pragma once

/*
 * await: requests that wait for word from the master: for keys, for what Redis says of an identity,
 * for what an issuer says of a token. A policy that cannot decide begins one and returns WAIT; it
 * is called again when word has come or time is up, and finds the kind in r->awaited. Bounded in
 * number and time; one whose request ends before is forgotten with it.
 */

#include "request.h"

enum await_kind {
	AWAIT_KEYS,       /* of an issuer */
	AWAIT_SUSPENSION, /* of an id */
	AWAIT_UNITS,      /* of a limit of the fleet */
	AWAIT_TOKEN,      /* what its issuer says of one */
	AWAIT_SESSION,    /* of a session, by what it is known by */
	AWAIT_TOKENS,     /* of a session, while they are refreshed or exchanged */
	AWAIT_REDIRECT,   /* where something has gone (redirect_store.c) */
	AWAIT_NAME,       /* the addresses of one */
	AWAIT_N
};

void awaits_init(struct worker *w);
/* False when `most` requests wait for this kind already: it is not waited then. `key`: what exactly
 * it waits for. */
bool await_begin(struct request *r, enum await_kind kind, uint64_t key, uint32_t ms, unsigned most)
    __attribute__((warn_unused_result));
/* How many wait for that? */
unsigned await_count(const struct worker *w, enum await_kind kind, uint64_t key);
/* Word has come: all that wait for it go on. */
void await_done(struct worker *w, enum await_kind kind, uint64_t key);
/* r waits no more. */
void await_leave(struct request *r);
