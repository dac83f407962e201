#pragma once

/*
 * config_check_login: do login and what routes tell of who is logged in hold together? Completes
 * both. Between its files.
 */

#include "config_check.h"

/* config_check_providers.c: the providers, and the issuers that they are. */
void config_check_providers(struct config_reader *r);
/* "https://host" or "https://host:port": what browsers call the origin of it (RFC 6454). */
const char *config_origin_of(struct arena *arena, const struct config_url *url);
/* The number of a provider; TRIE_NONE: there is none of that name. */
uint32_t config_provider_find(const struct config_login *l, const char *name);
/* Case, '-', '_' and '.' make no difference where spellings of a header are removed. */
void config_fold_header(const char *name, struct buf *out);
