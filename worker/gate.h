#pragma once

/*
 * gate: is this token good, and whose is it? One a worker: keys parsed once, and a
 * bounded cache of verified tokens, keyed by the whole token, checked for expiry at each hit,
 * voided when keys or rules change. Knows no request and no connection.
 */

#include "lib/hmac.h"
#include "shm/reason.h"
#include "shm/table.h"

#include <stdint.h>

#define GATE_COOKIES 8

struct gate;
struct identity;
struct jwt_token;
struct msg_token_told;
struct verified;

struct gate_input {
	struct slice authorization; /* value of the field; p == NULL: none */
	bool authorization_repeated;
	struct slice cookies[GATE_COOKIES]; /* values of the Cookie fields, in order */
	unsigned cookies_count;
	struct slice header, query; /* of the header and the parameter that hold tokens */
	bool header_repeated, query_repeated;
	struct slice api_key; /* value of the header for them; p == NULL: none */
	bool api_key_repeated;
	uint64_t issuers; /* bits: whose tokens are good, by index in RULES_ISSUERS */
};

struct gate_verdict {
	enum reason reason; /* REASON_none: passed */
	bool cached;
	uint64_t asked; /* its key is not there: whom to ask for it (shm/table.h); 0: nobody */
	struct slice unknown;    /* its issuer has to be asked; p == NULL: no. Valid as `who` is */
	uint8_t name[HMAC_SIZE]; /* what it is known by */
	const struct identity *who; /* of one that passed; valid until the next call */
	struct slice token;         /* the same: what was shown, empty where it is an API key */
};

struct gate *gate_new(void);
void gate_free(struct gate *g);
/* A new table. Parses keys when they changed. The segments must live until the next call. 0 or a
 * negative errno (then every token is refused with gate_no_keys). */
int gate_load(struct gate *g, const struct segment *rules, const struct segment *keys);
/* Fields to be looked at beside Authorization and Cookie; empty where none is. Valid until the next
 * gate_load. */
struct gate_headers {
	struct slice token, api_key;
};
const struct gate_headers *gate_headers(const struct gate *g);
/* What the issuer of an unknown one says. */
void gate_told(struct gate *g, const struct msg_token_told *told, int64_t now);
/* Of tokens that no request shows: an ID token, or a logout token (`logout`), by these issuers
 * alone. As verifiers_check; t->claims are there when it is good, and there is nothing but that. */
void gate_verify(struct gate *g, struct jwt_token *t, struct slice text, uint64_t issuers,
		 int64_t now, bool logout, struct verified *out);
/* `now`: seconds since 1970. */
void gate_check(struct gate *g, const struct gate_input *in, int64_t now, struct gate_verdict *out);
