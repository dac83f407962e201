#pragma once

/*
 * table_host: the hosts of one layer, between table_find.c and table_builder.c.
 */

#include "table.h"

/* The root of a host's trie, or TRIE_NONE. `hash`: hash_bytes(kind, name). */
uint32_t table_host_root(const struct segment *layer, uint32_t kind, uint32_t hash,
			 struct slice name);
