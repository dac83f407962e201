#pragma once

/*
 * token_source: where in a request is the token? Looks at field values only; whether the token is
 * any good is the gate's business.
 */

#include "gate.h"

#define TOKEN_SCRATCH 12288 /* bytes that the credentials of Basic may decode to */

/* Authorization first, then the cookie (RFC 6750 section 2.1, RFC 7617). `sources`: TOKEN_FROM_*;
 * `cookie`: its name; `scratch`: TOKEN_SCRATCH bytes, where a token out of Basic credentials is
 * put. REASON_none and *token, not empty; or token_missing, token_repeated, token_malformed. */
enum reason token_find(const struct gate_input *in, uint32_t sources, struct slice cookie,
		       char *scratch, struct slice *token);
