#pragma once

/*
 * identity: who asks, as the gate found it out. One piece of memory, a head and bytes behind it, so
 * that it is made once when a token is verified, kept in the cache, and copied to each request as
 * it is. What rules ask about claims stands in it as values; nobody reads JSON for a request.
 */

#include "lib/buf.h"
#include "lib/slice.h"

#include <stdint.h>

enum identity_kind {
	IDENTITY_TOKEN,
	IDENTITY_API_KEY,
	IDENTITY_SESSION, /* made of the ID token of its first provider */
};

struct identity_part { /* bytes from the beginning of the identity; n == 0: there is none */
	uint32_t at, n;
};

struct identity_value {
	uint32_t fact;   /* index in RULES_FACTS */
	uint32_t opaque; /* 1: an object or the like: it is there, and has no text */
	struct identity_part text;
};

struct identity {
	uint32_t size;   /* of all of it */
	uint32_t kind;   /* enum identity_kind */
	uint32_t issuer; /* index in RULES_ISSUERS */
	uint32_t values_count;
	int64_t issued;               /* seconds since 1970; INT64_MIN: not told */
	int64_t until;                /* good before that, leeway in it; INT64_MAX: without end */
	struct identity_part headers; /* "auth_id: 42\r\n...", for the upstream */
	struct identity_part
	    name; /* the first mapped claim's value or sub: for the log and limits */
	struct identity_part sub, sid, jti; /* exactly as signed, of any bytes but NUL */
	struct identity_value values[];     /* rising by fact */
};

#define IDENTITY_MAX (64u << 10) /* bytes of one */
#define IDENTITY_SHOWN_MAX 256

/* Empty where there is none. `who`: NULL is nobody. */
struct slice identity_headers(const struct identity *who);
struct slice identity_name(const struct identity *who);
/* The name as a log shows it: cut to IDENTITY_SHOWN_MAX bytes, but not within a character. */
struct slice identity_shown(const struct identity *who);
struct slice identity_text(const struct identity *who, struct identity_part part);
/* The run of values of a fact; NULL and *n == 0 when it has none. */
const struct identity_value *identity_values(const struct identity *who, uint32_t fact, size_t *n);

/* Makes one after the other; zeroes are an empty one. */
struct identity_builder {
	struct identity head; /* its parts count from the beginning of `bytes` until the end */
	struct buf values, bytes, whole;
};

void identity_begin(struct identity_builder *b, enum identity_kind kind);
struct identity_part identity_add(struct identity_builder *b, struct slice text);
/* In the order of facts. */
void identity_add_value(struct identity_builder *b, uint32_t fact, struct slice text);
void identity_add_opaque(struct identity_builder *b, uint32_t fact);
/* Valid until the next identity_begin; NULL when it is larger than IDENTITY_MAX. */
const struct identity *identity_end(struct identity_builder *b);
void identity_builder_deinit(struct identity_builder *b);
