#pragma once

/*
 * api_key: whose is this API key? Looks it up by its digest in the keys segment. Keeps nothing.
 */

#include "identity_make.h"
#include "token_cache.h"

/* REASON_none and *entry, valid until the maker's next call; api_key_invalid for one that is not
 * known or has expired, token_claim as identity_make. */
enum reason api_key_check(const struct segment *keys, struct slice key, int64_t now,
			  struct identity_maker *maker, struct token_entry *entry);
