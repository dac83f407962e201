#pragma once

/*
 * jwt: bytes in, verdict out. Compact JWS (RFC 7515 section 7.1) with claims (RFC 7519), read by
 * the rules of RFC 8725: the caller says which algorithms it takes, and what a token says about its
 * own keys is ignored. Keys are parsed once; the signature is checked before the claims are looked
 * at. Knows no gateway, no clock, no cache.
 */

#include "json.h"
#include "slice.h"

#include <stdint.h>

#define JWT_TOKEN_MAX 8192 /* bytes */

/* Bit numbers of a set of algorithms. */
enum jwt_alg {
	JWT_HS256,
	JWT_HS384,
	JWT_HS512,
	JWT_RS256,
	JWT_RS384,
	JWT_RS512,
	JWT_PS256,
	JWT_PS384,
	JWT_PS512,
	JWT_ES256,
	JWT_ES384,
	JWT_EDDSA,
	JWT_ALG_N,
};
#define JWT_HMAC_N 3 /* those that take a secret come first */
#define JWT_ALGS_SECRET ((1u << JWT_HMAC_N) - 1)
#define JWT_ALGS_PUBLIC (((1u << JWT_ALG_N) - 1) & ~JWT_ALGS_SECRET)

/* In the order in which they are found out: of two verdicts on one token the larger one knows more.
 * JWT_OK is apart. */
enum jwt_verdict {
	JWT_OK,
	JWT_MALFORMED, /* not a signed token in compact form, or its claims are no JSON object */
	JWT_ALGORITHM, /* not one of those that are taken */
	JWT_SIGNATURE,
	JWT_ISSUER,
	JWT_AUDIENCE,
	JWT_CLAIM, /* exp is missing though required, or a date is no date */
	JWT_NOT_YET_VALID,
	JWT_EXPIRED,
};

/* "HS256" as in the `alg` of a header (RFC 7518 section 3.1), case included; -1 for what is not
 * known here. */
int jwt_alg_parse(struct slice name);
const char *jwt_alg_name(enum jwt_alg alg);

struct jwt_key;

/* A shared secret, for those of `algorithms` (bits) that take one. NULL when the secret is empty,
 * when there is no such algorithm, or when libcrypto fails. Not for use by two threads at once. */
struct jwt_key *jwt_key_secret(struct slice secret, uint32_t algorithms);
/* A public key in PEM (RFC 7468: PUBLIC KEY or CERTIFICATE; dates and issuer of a certificate are
 * not looked at), for those of `algorithms` (bits) that fit its kind: RSA of 2048 bits or more RS*
 * and PS*, EC by its curve ES*, Ed25519 EdDSA. NULL when it is none or none fits, and *why, a
 * sentence without a subject's name. As above, one thread at a time. */
struct jwt_key *jwt_key_public(struct slice pem, uint32_t algorithms, const char **why);
/* The algorithms (bits) that a public key takes. */
uint32_t jwt_key_takes(const struct jwt_key *key);
void jwt_key_free(struct jwt_key *key); /* NULL is allowed */

/* A token taken apart. Large; made on the stack, and not copied: it points into itself. */
struct jwt_token {
	enum jwt_alg alg;
	struct slice kid;       /* p == NULL: none; lives as long as header */
	struct slice input;     /* what was signed: borrowed from the text */
	struct slice payload;   /* decoded */
	struct slice signature; /* decoded */
	struct json *header;
	struct json *claims; /* NULL before jwt_claims */
	char bytes[JWT_TOKEN_MAX / 4 * 3 + 8];
};

/* Beside the algorithms: `typ` may say that it is a logout token (OpenID Connect Back-Channel
 * Logout section 2.4). */
#define JWT_TYP_LOGOUT (1u << 31)

/* Exactly three parts, strict base64url, a header that is a JSON object with `alg` out of
 * `algorithms` (bits). `crit` is refused, as no extension is known; jwk, jku, x5u, x5c are ignored.
 * `typ` must be JWT or at+jwt when it is there. JWT_OK, JWT_MALFORMED or JWT_ALGORITHM. Whatever it
 * returns, jwt_token_deinit is due. */
enum jwt_verdict jwt_token_init(struct jwt_token *t, struct slice text, uint32_t algorithms);
void jwt_token_deinit(struct jwt_token *t);
/* JWT_OK, JWT_ALGORITHM when the key is not for the token's algorithm, or JWT_SIGNATURE. */
enum jwt_verdict jwt_verify(const struct jwt_token *t, struct jwt_key *key);
/* Parses the claims, once; only for tokens that jwt_verify passed. JWT_OK or JWT_MALFORMED. */
enum jwt_verdict jwt_claims(struct jwt_token *t);

struct jwt_rules {
	struct slice issuer;           /* empty: not checked */
	const struct slice *audiences; /* any of */
	size_t audiences_count;        /* 0: not checked */
	int64_t leeway;                /* seconds */
	bool require_exp;
};

struct jwt_span { /* good while from <= now < until; leeway is in it */
	int64_t from, until;
};

/* iss, aud, then the dates: now >= exp + leeway, now < nbf - leeway and now < iat - leeway are
 * refused. After jwt_claims. *span is set with JWT_OK. */
enum jwt_verdict jwt_check(const struct jwt_token *t, const struct jwt_rules *rules, int64_t now,
			   struct jwt_span *span);
