#pragma once

/*
 * assertion: a token of the gateway's own that says who asks, for an upstream that trusts the
 * gateway and needs no provider to check it. Signed by the newest of the keys, short-lived, made
 * once for a user and an audience and used for half its time. The public parts of all keys are
 * published, so that a key may be replaced while what it signed is still good.
 */

#include "request.h"

struct assertions;

struct assertion_about {
	struct slice issuer, audience; /* iss, aud */
	struct slice sub, idp;         /* who, as whom knows them */
	struct slice session;          /* id; empty: none */
	struct slice claims;           /* JSON of the ID token, or empty */
	uint32_t ttl_s;
};

struct assertions *assertions_new(void);
void assertions_free(struct assertions *a);
/* The keys of a new table. What cannot be used is told to the log and left out. */
void assertions_load(struct assertions *a, const struct segment *keys);
/* `now`: seconds since 1970. Valid until the next call; p NULL: there is no key. */
struct slice assertion_make(struct assertions *a, const struct assertion_about *about, int64_t now);
/* The answer to a question for the keys: a JWKS (RFC 7517 section 5). */
enum result assertion_publish(struct request *r);
