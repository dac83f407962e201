#pragma once

/*
 * table_behind: TLS towards endpoints. What is asked of them stands in SEGMENT_ENDPOINTS, the PEM
 * that it needs in SEGMENT_KEYS, which changes less often and is for traffic workers alone. One
 * refers to the other by digest: a table whose halves do not fit leaves an endpoint without TLS,
 * and so unreached. Included by table.h.
 */

#include "segment.h"

#define UPSTREAM_TLS_UNVERIFIED 1u  /* whoever answers is taken for the endpoint, but for pins */
#define UPSTREAM_TLS_CERTIFICATE 2u /* a certificate of our own is shown to who asks */

struct table_upstream_tls {
	uint8_t identity[32];    /* of all that follows: connections and sessions are kept by it */
	uint8_t roots[32];       /* digest of a row of KEYS_ROOTS, but for UNVERIFIED */
	uint8_t certificate[32]; /* digest of a row of KEYS_CERTIFICATES, with CERTIFICATE */
	uint32_t flags;
	uint32_t pins_first, pins_count; /* of ENDPOINTS_PINS; 0: any key is taken */
	uint32_t pad;
	struct seg_ref server_name; /* "": the host of the endpoint */
};

struct table_pin { /* of SubjectPublicKeyInfo (RFC 7469 section 2.4) */
	uint8_t sha256[32];
};

struct table_roots {
	struct seg_ref pem;
	uint8_t digest[32];
};

const struct table_upstream_tls *table_upstream_tls(const struct segment *endpoints, uint32_t i);
const struct table_pin *table_pin(const struct segment *endpoints, uint32_t i);
/* The row with this digest; NULL: there is none. */
const struct table_roots *table_roots_find(const struct segment *keys, const uint8_t digest[32]);
const struct table_certificate *table_certificate_find(const struct segment *keys,
						       const uint8_t digest[32]);

/* For table_verify_endpoints and table_verify_keys. */
bool table_behind_endpoints_ok(const struct segment *s);
bool table_behind_keys_ok(const struct segment *s);
