#pragma once

/*
 * compile_api_keys: the rows of API keys in the secret segment, out of the file and the store.
 */

#include "config.h"

struct rules;
struct seg_builder;

/* Bytes of strings that they need at most: reserved before there is a secret among them. */
size_t compile_api_keys_size(const struct config *c, const struct rules *rules);
/* Of two of one name that of the file counts, and of two with one digest the first. `rules`: NULL
 * for none. Nothing where the gate takes no API keys. */
void compile_api_keys(struct seg_builder *b, const struct config *c, const struct rules *rules);
