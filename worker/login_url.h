#pragma once

/*
 * login_url: parameters as they come, and as they are sent.
 */

#include "lib/arena.h"
#include "lib/buf.h"

struct segment;
struct table_provider;
struct login_state;

/* Of "a=1&b=2" (a query without its '?', or a form): how many are named so; the first one's value,
 * decoded, in the arena. */
unsigned login_parameter(struct arena *arena, struct slice all, const char *name,
			 struct slice *value);
/* All of them in their order, at most `most`; the same return value. */
unsigned login_parameters(struct arena *arena, struct slice all, const char *name,
			  struct slice *values, unsigned most);
/* Appends "&name=value"; the first one, behind '?', without '&'. */
void login_add_parameter(struct buf *out, const char *name, struct slice value);
/* The authorization request (RFC 6749 section 4.1.1, RFC 7636, OpenID Connect Core section
 * 3.1.2.1). False: libcrypto failed. */
bool login_authorization_url(const struct segment *rules, const struct table_provider *p,
			     const struct login_state *s, struct slice key, struct buf *out);
/* S256 of a verifier (RFC 7636 section 4.2), 43 bytes. */
bool login_challenge(struct slice verifier, char out[44]);
