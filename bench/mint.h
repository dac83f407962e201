#pragma once

/*
 * mint: signed tokens for loads (RFC 7519). HS256 with a shared secret, or RS256 with a private
 * key. Signs only: what checks tokens is never tested by itself.
 */

#include "lib/buf.h"

#include <stdint.h>

struct mint {
	void *context; /* of libcrypto, with the key in it */
	void *key;
	struct slice header; /* encoded, with its dot */
	struct buf claims;   /* members of the object; "{n}" stands where the number goes */
	struct buf text;     /* the latest token */
	int64_t ttl;         /* seconds */
	uint64_t next;       /* number of the next token */
};

void mint_init(struct mint *m);
void mint_deinit(struct mint *m);
/* "NAME=VALUE": a text claim; "{n}" in it is the token's number in eight digits, so that all tokens
 * have one length. 0 or -EINVAL. */
int mint_claim(struct mint *m, const char *text) __attribute__((warn_unused_result));
/* Reads the key: a private RSA key in PEM, or else a secret (one newline at its end is not part of
 * it). Adds the claim sub if no claim was given. 0 or a negative errno. */
int mint_key(struct mint *m, const char *file) __attribute__((warn_unused_result));
/* The next token; valid until the one after it. */
struct slice mint_next(struct mint *m);
