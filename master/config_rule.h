#pragma once

/*
 * config_rule: one entry of routes, upstreams, policies or api_keys that does not stand in the file
 * but in a store, as a JSON object. It is read by the same rows and judged by the same checks as
 * the file's. It may say beside them by which format it is written ("format": 1): one of a newer
 * format is refused, as it may mean what this version does not know.
 */

#include "config.h"

enum native_kind { NATIVE_ROUTE, NATIVE_UPSTREAM, NATIVE_POLICY, NATIVE_KEY, NATIVE_KINDS };

#define RULE_NAME_MAX 128 /* bytes of its name: that of the key */
#define RULE_MAX 65536    /* bytes of its text */
#define RULE_FORMAT 1     /* newest form of rules that is read; goes up when one gets a key */

/* Of a configuration that was loaded: makes what its entries begin with. */
void config_rule_defaults(struct config *c);
/* Into a struct config_route, config_upstream, config_policy or config_api_key, which lives in
 * `arena` (and, for what it inherits, as long as `c`). `c`: what it inherits from; NULL: nothing,
 * when only its correctness is of interest. 0; -EINVAL: it is refused, and `why` says where and
 * why. Even then *out is what could be read of it, if enough could to be on the safe side: of a
 * route its host and path, and of its conditions those that are whole; of a policy what it closes
 * (`unread`: there may be more). Else *out is NULL. */
int config_rule_read(enum native_kind kind, const struct config *c, struct slice name,
		     struct slice json, struct arena *arena, void **out, struct buf *why)
    __attribute__((warn_unused_result));
