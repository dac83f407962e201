#pragma once

/*
 * token_answer: what the token endpoint of an authorization server answers (RFC 6749 sections 5.1
 * and 5.2, RFC 8693 section 2.2): bytes in, tokens or what went wrong out. The bytes are hostile:
 * tokens become values of fields, so they are visible ASCII and no longer than they may be.
 */

#include "lib/slice.h"

#include <stdint.h>

struct json;

#define TOKEN_ANSWER_MAX ((size_t)64 << 10)

enum token_outcome {
	TOKEN_GRANTED,
	TOKEN_GONE,        /* the grant is no more: nobody has to try again */
	TOKEN_REFUSED,     /* who we are, or what we ask: an operator has to look at it */
	TOKEN_UNAVAILABLE, /* nobody answers, or not now, or not what it should */
};

struct token_answer {
	struct slice access;              /* never empty when it is granted */
	struct slice refresh, id_token;   /* empty: none came */
	int64_t expires, refresh_expires; /* seconds since 1970; INT64_MAX: no end is told */
	char why[96];                     /* what went wrong, fit for a quoted value in a log */
	struct json *root;                /* what the slices point into */
};

/* `status`: of HTTP, or a negative errno. For token_answer_deinit, whatever the outcome. */
enum token_outcome token_answer_read(int status, struct slice body, int64_t now,
				     struct token_answer *out);
/* In seconds; 0: no end is known. */
uint32_t token_life(int64_t expires, int64_t now);
void token_answer_deinit(struct token_answer *a);
