#pragma once

/*
 * opaque: tokens that say nothing themselves, with what their issuer said of them. Of a token only
 * a digest with a key of this process is kept. Bounded: where there is no room the one that ends
 * first goes.
 */

#include "identity.h"

#include "lib/hmac.h"
#include "shm/reason.h"

#include <stdbool.h>

struct opaque;

struct opaque *opaque_new(void);
void opaque_free(struct opaque *o); /* NULL is allowed */
void opaque_clear(struct opaque *o);
/* What the token is known by. */
void opaque_name(const struct opaque *o, struct slice token, uint8_t name[HMAC_SIZE]);
/* What is known of it: REASON_none with *who, valid until the next opaque_put, or why it is
 * refused. False: nothing, or not any more. `now`: seconds since 1970. */
bool opaque_find(const struct opaque *o, const uint8_t name[HMAC_SIZE], int64_t now,
		 enum reason *reason, const struct identity **who);
/* `who` is copied, NULL but for REASON_none. */
void opaque_put(struct opaque *o, const uint8_t name[HMAC_SIZE], enum reason reason, int64_t until,
		const struct identity *who);
