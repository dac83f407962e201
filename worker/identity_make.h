#pragma once

/*
 * identity_make: claims become an identity: headers for the upstream, the name, and the facts that
 * rules ask about. One a worker; knows no token and no key.
 */

#include "identity.h"

#include "shm/reason.h"
#include "shm/table.h"

struct json;
struct identity_maker;

struct identity_maker *identity_maker_new(void);
void identity_maker_free(struct identity_maker *m); /* NULL is allowed */
/* What the rules map and ask for, copied. */
void identity_maker_load(struct identity_maker *m, const struct segment *rules);
/* `claims`: an object; `until`: seconds since 1970, INT64_MAX: without end. *out is valid until the
 * next call. REASON_none; REASON_token_claim: a mapped claim is missing or cannot stand in a
 * header, or there is too much of them. */
enum reason identity_make(struct identity_maker *m, const struct json *claims,
			  enum identity_kind kind, uint32_t issuer, int64_t until,
			  const struct identity **out);
