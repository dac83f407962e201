#pragma once

/*
 * verifiers: whose tokens are good, and by which keys: the issuers of a table with their keys,
 * parsed once. A token is verified by the issuer that its iss names, else by those that are not
 * told by theirs; a key of one is nothing to another.
 */

#include "shm/reason.h"
#include "shm/table.h"

#include "lib/buf.h"
#include "lib/jwt.h"

struct verifiers;

struct verified {
	enum reason reason;   /* REASON_none: it is good */
	struct jwt_span span; /* then; so is issuer */
	uint32_t issuer;      /* index in RULES_ISSUERS */
	uint64_t asked;       /* it is signed with a key that is not there: whom to ask for it (see
				 table_issuer); 0: nobody */
};

struct verifiers *verifiers_new(void);
void verifiers_free(struct verifiers *v); /* NULL is allowed */
/* All that is taken out of the rules, for who wants to know whether it changed. */
void verifiers_image(const struct segment *rules, struct buf *image);
/* Copies what it needs, and parses what it has not parsed before; `keys` may be NULL. 0 or a
 * negative errno: then there are none. */
int verifiers_load(struct verifiers *v, const struct segment *rules, const struct segment *keys);
/* Does what the issuer says of a token (RFC 7662 section 2.2) fit its rules? That it does not say
 * who it is itself is no fault. */
enum reason verifiers_judge(const struct verifiers *v, uint32_t issuer, struct json *claims,
			    int64_t now, struct jwt_span *span);
/* Can there be a good token at all, now or once keys are fetched? */
bool verifiers_any(const struct verifiers *v);
/* `issuers`: bits of those that are accepted; `t` is inited here, and its claims are read; deinit
 * is the caller's in any case. `now`: seconds since 1970. */
void verifiers_check(struct verifiers *v, struct jwt_token *t, struct slice text, uint64_t issuers,
		     int64_t now, struct verified *out);
/* The same of a logout token. */
void verifiers_check_logout(struct verifiers *v, struct jwt_token *t, struct slice text,
			    uint64_t issuers, int64_t now, struct verified *out);
