#pragma once

/*
 * token_cache: verified tokens of one worker, with what became of them. Keyed by the whole token: a
 * keyed hash leads to it, all bytes are compared. Bounded, and an insertion costs a copy: entries
 * lie one behind the other in a ring, the oldest are overwritten, one that is still in use moves to
 * the front before it comes to that.
 *
 * Must not: judge. Whoever puts a token in has verified it, and whoever takes one out looks at its
 * dates.
 */

#include "lib/jwt.h"
#include "lib/slice.h"

#include <stdint.h>

struct identity;
struct token_cache;

struct token_entry {
	struct jwt_span span;
	const struct identity *who;
};

/* Memory is reserved at once and used as it fills: 16 MiB for entries, 256 KiB for finding them. */
struct token_cache *token_cache_new(void);
void token_cache_free(struct token_cache *c); /* NULL is allowed */
/* Forgets all; the memory is given back. */
void token_cache_clear(struct token_cache *c);
uint64_t token_cache_hash(const struct token_cache *c, struct slice token);
/* `hash`: token_cache_hash of the token. What it is led to is valid until the next call that is
 * given the cache. */
bool token_cache_get(struct token_cache *c, struct slice token, uint64_t hash,
		     struct token_entry *out);
/* Only for a token that is not there. One that is far larger than usual is not kept. */
void token_cache_put(struct token_cache *c, struct slice token, uint64_t hash,
		     const struct token_entry *entry);
