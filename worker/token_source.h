#pragma once

/*
 * token_source: where in a request is the token? Looks at field values only; whether the token is
 * any good is the gate's business.
 */

#include "gate.h"

#define TOKEN_SCRATCH 12288 /* bytes that the credentials of Basic may decode to */

struct token_places {
	uint32_t sources;    /* TOKEN_FROM_* */
	struct slice cookie; /* its name */
	bool first_cookie;   /* of several that differ the first counts */
};

/* Authorization first, then cookies, then the other places (RFC 6750 section 2, RFC 7617).
 * `scratch`: TOKEN_SCRATCH bytes, where a token out of Basic credentials is put. REASON_none and
 * *token, not empty; or token_missing, token_repeated, token_malformed. */
enum reason token_find(const struct gate_input *in, const struct token_places *places,
		       char *scratch, struct slice *token);
