#pragma once

/*
 * store_read: how a key of Redis is read, and what its answer sets in the rules.
 */

#include "lib/slice.h"

struct redis_reply;
struct rules;

/* Is it read by HGETALL? Else by GET: all but redx's backends are strings. */
bool store_reads_hash(struct slice key);
/* Sets what the answer to that says of an existing key; another kind of key is refused in `rules`.
 * False when it is no answer for such a key. */
bool store_read(struct rules *rules, struct slice key, const struct redis_reply *r);
/* Does the answer say that there is no such key? */
bool store_reads_nothing(const struct redis_reply *r);
