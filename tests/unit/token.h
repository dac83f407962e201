#pragma once

/*
 * token: makes tokens for tests, good and bad ones, by other means than those under test
 * (libcrypto's one-shot HMAC).
 */

#include "lib/base64.h"
#include "lib/buf.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#define TOKEN_SECRET "0123456789abcdef0123456789abcdef"

static inline void
token_part(struct buf *b, struct slice bytes)
{
	buf_reserve(b, bytes.n * 4 / 3 + 4);
	b->n += base64url_encode(bytes, b->p + b->n);
}

/* Signs what is in `b` so far. `md`: NULL = SHA-256. */
static inline void
token_sign(struct buf *b, size_t from, struct slice secret, const EVP_MD *md)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	HMAC(md ? md : EVP_sha256(), secret.p, (int)secret.n, (const unsigned char *)b->p + from,
	     b->n - from, mac, &n);
	buf_addc(b, '.');
	token_part(b, slice_make((const char *)mac, n));
}

static inline void
token_add(struct buf *b, const char *header, const char *claims, const char *secret,
	  const EVP_MD *md)
{
	size_t from = b->n;

	token_part(b, slice_of(header));
	buf_addc(b, '.');
	token_part(b, slice_of(claims));
	token_sign(b, from, slice_of(secret), md);
}

/* HS256 with TOKEN_SECRET. */
static inline void
token_hs256(struct buf *b, const char *claims)
{
	token_add(b, "{\"alg\":\"HS256\",\"typ\":\"JWT\"}", claims, TOKEN_SECRET, NULL);
}
