#pragma once

/*
 * trust: whose certificates are believed, of clients or of endpoints: roots and revocation lists,
 * as files say. Counted, as pairs are.
 */

#include "lib/buf.h"
#include "lib/sha256.h"

#include <time.h>

struct tls_trust;

struct trust {
	unsigned references;
	struct buf ca, crl; /* PEM; crl may be empty */
	struct tls_trust *parsed;
	uint8_t digest[SHA256_BYTES];
	time_t revoked_until; /* 0: no list, or one without an end */
	bool told;            /* that it has ended */
};

/* `crl` "" for none. As pair_read. */
int trust_read(const char *ca, const char *crl, struct trust **out, struct buf *why,
	       struct buf *warning) __attribute__((warn_unused_result));
struct trust *trust_ref(struct trust *t);
void trust_unref(struct trust *t); /* NULL is allowed */
/* NULL: all is well now. */
const char *trust_doubt(const struct trust *t, time_t now);
