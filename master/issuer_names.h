#pragma once

/*
 * issuer_names: what names of issuers mean: places in config_gate.all, which are those in the table
 * (RULES_ISSUERS).
 */

#include "config.h"

/* Does the master fetch its keys? */
bool config_issuers_fetched(const struct config_issuer *i);
/* The bits of these; of all without any names. *unknown: the first that there is not, or NULL. */
uint64_t config_issuers_mask(const struct config_gate *g, const char *const *names, size_t count,
			     const char **unknown);
