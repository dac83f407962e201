#include "mint.h"

#include "lib/base64.h"
#include "lib/clock.h"

#include <assert.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>

#define KEY_MAX 16384
#define SIGNATURE_MAX 1024

void
mint_init(struct mint *m)
{
	*m = (struct mint){ .ttl = 86400 };
}

void
mint_deinit(struct mint *m)
{
	EVP_MD_CTX_free(m->context);
	EVP_PKEY_free(m->key);
	buf_deinit(&m->claims);
	buf_deinit(&m->text);
}

int
mint_claim(struct mint *m, const char *text)
{
	struct slice value, name = slice_cut(slice_of(text), '=', &value);

	if (!value.p || name.n == 0)
		return -EINVAL;
	buf_add_json(&m->claims, name);
	buf_addc(&m->claims, ':');
	buf_add_json(&m->claims, value);
	buf_addc(&m->claims, ',');
	return 0;
}

static int
file_read(const char *file, struct buf *out)
{
	FILE *f = fopen(file, "re");

	if (!f)
		return -errno;
	buf_reserve(out, KEY_MAX);
	out->n = fread(out->p, 1, KEY_MAX, f);
	fclose(f);
	if (out->n > 0 && out->p[out->n - 1] == '\n')
		out->n--;
	return out->n > 0 && out->n < KEY_MAX ? 0 : -EINVAL;
}

int
mint_key(struct mint *m, const char *file)
{
	BUF_CLEAN struct buf bytes = { 0 };
	int r = file_read(file, &bytes);
	bool pem = r == 0 && slice_starts(buf_slice(&bytes), SLICE("-----BEGIN"));

	if (r < 0)
		return r;
	if (pem) {
		BIO *bio = BIO_new_mem_buf(bytes.p, (int)bytes.n);

		m->key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
		BIO_free(bio);
		if (!m->key || !EVP_PKEY_is_a(m->key, "RSA") ||
		    EVP_PKEY_get_size(m->key) > SIGNATURE_MAX)
			return -EINVAL;
	} else {
		m->key = EVP_PKEY_new_raw_private_key(EVP_PKEY_HMAC, NULL, (unsigned char *)bytes.p,
						      bytes.n);
	}
	/* {"alg":"HS256","typ":"JWT"} */
	m->header = pem ? SLICE("eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.")
			: SLICE("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.");
	m->context = EVP_MD_CTX_new();
	if (m->claims.n == 0)
		r = mint_claim(m, "sub=user-{n}");
	return m->key && m->context ? r : -ENOMEM;
}

static void
encode(struct buf *out, struct slice bytes)
{
	buf_reserve(out, bytes.n * 4 / 3 + 4);
	out->n += base64url_encode(bytes, out->p + out->n);
}

static void
add_claims(struct mint *m, struct buf *out)
{
	struct slice rest = buf_slice(&m->claims);
	const char *hole;

	buf_addc(out, '{');
	while ((hole = memmem(rest.p, rest.n, "{n}", 3)) != NULL) {
		buf_add(out, rest.p, (size_t)(hole - rest.p));
		buf_addf(out, "%08llu", (unsigned long long)m->next);
		rest = slice_make(hole + 3, rest.n - (size_t)(hole - rest.p) - 3);
	}
	buf_adds(out, rest);
	buf_addf(out, "\"exp\":%lld}", (long long)(clock_wall() + m->ttl));
	m->next++;
}

struct slice
mint_next(struct mint *m)
{
	BUF_CLEAN struct buf claims = { 0 };
	unsigned char signature[SIGNATURE_MAX];
	size_t n = sizeof signature;
	int ok;

	m->text.n = 0;
	buf_adds(&m->text, m->header);
	add_claims(m, &claims);
	encode(&m->text, buf_slice(&claims));
	ok = EVP_MD_CTX_reset(m->context) &&
	     EVP_DigestSignInit(m->context, NULL, EVP_sha256(), NULL, m->key) &&
	     EVP_DigestSign(m->context, signature, &n, (unsigned char *)m->text.p, m->text.n);
	assert(ok == 1);
	buf_addc(&m->text, '.');
	encode(&m->text, slice_make((char *)signature, n));
	return buf_slice(&m->text);
}
