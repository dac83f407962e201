/*
 * mbedTLS's modular exponentiation, which checks RSA signatures, and its RSA private operation.
 * Takes the place of mbedtls_mpi_exp_mod, mbedtls_mpi_exp_mod_unsafe and mbedtls_rsa_private
 * (libcrypto.h); contracts in mbedtls/bignum.h and mbedtls/rsa.h.
 */

#include "bignum.h"

#include <mbedtls/private_access.h>
#include <mbedtls/rsa.h>
#include <openssl/rsa.h>

#define KEYS_KEPT 8
#define PUBLIC_EXPONENT_BITS 64 /* what is longer is taken for a secret */

/* Of its bignum_internal.h. */
int mbedtls_mpi_exp_mod_unsafe(mbedtls_mpi *out, const mbedtls_mpi *a, const mbedtls_mpi *e,
			       const mbedtls_mpi *n, mbedtls_mpi *kept);

static bool
exp_mod_takes(const mbedtls_mpi *e, const mbedtls_mpi *n)
{
	return mbedtls_mpi_cmp_int(e, 0) >= 0 && mbedtls_mpi_cmp_int(n, 0) > 0 &&
	       mbedtls_mpi_get_bit(n, 0) == 1;
}

static int
exp_mod(mbedtls_mpi *out, const mbedtls_mpi *a, const mbedtls_mpi *e, const mbedtls_mpi *n)
{
	BIGNUM *base = bignum_from(a), *exponent = bignum_from(e), *modulus = bignum_from(n);
	BIGNUM *result = BN_new();
	BN_CTX *scratch = bignum_scratch();
	int r = MBEDTLS_ERR_MPI_ALLOC_FAILED;

	if (base && exponent && modulus && result && scratch) {
		if (BN_num_bits(exponent) > PUBLIC_EXPONENT_BITS)
			BN_set_flags(exponent, BN_FLG_CONSTTIME);
		BN_set_negative(base, mbedtls_mpi_cmp_int(a, 0) < 0);
		if (BN_nnmod(base, base, modulus, scratch) == 1 &&
		    BN_mod_exp_mont(result, base, exponent, modulus, scratch, NULL) == 1)
			r = bignum_to(result, out);
	}
	BN_clear_free(result);
	BN_free(modulus);
	BN_clear_free(exponent);
	BN_clear_free(base);
	return r;
}

int
mbedtls_mpi_exp_mod_unsafe(mbedtls_mpi *out, const mbedtls_mpi *a, const mbedtls_mpi *e,
			   const mbedtls_mpi *n, mbedtls_mpi *kept)
{
	return exp_mod_takes(e, n) ? exp_mod(out, a, e, n) : MBEDTLS_ERR_MPI_BAD_INPUT_DATA;
}

int
mbedtls_mpi_exp_mod(mbedtls_mpi *out, const mbedtls_mpi *a, const mbedtls_mpi *e,
		    const mbedtls_mpi *n, mbedtls_mpi *kept)
{
	return mbedtls_mpi_exp_mod_unsafe(out, a, e, n, kept);
}

/* Each number becomes the key's; those of no use to it are freed with it. */
static RSA *
rsa_new(const mbedtls_rsa_context *c)
{
	RSA *key = RSA_new();
	BIGNUM *n = bignum_from(&c->MBEDTLS_PRIVATE(N)), *e = bignum_from(&c->MBEDTLS_PRIVATE(E));
	BIGNUM *d = bignum_from(&c->MBEDTLS_PRIVATE(D));
	BIGNUM *p = bignum_from(&c->MBEDTLS_PRIVATE(P)), *q = bignum_from(&c->MBEDTLS_PRIVATE(Q));
	BIGNUM *dp = bignum_from(&c->MBEDTLS_PRIVATE(DP)),
	       *dq = bignum_from(&c->MBEDTLS_PRIVATE(DQ));
	BIGNUM *qp = bignum_from(&c->MBEDTLS_PRIVATE(QP));

	if (!key || !n || !e || !d || !p || !q || !dp || !dq || !qp)
		goto out;
	if (RSA_set0_key(key, n, e, d) == 1)
		n = e = d = NULL;
	if (RSA_set0_factors(key, p, q) == 1)
		p = q = NULL;
	if (RSA_set0_crt_params(key, dp, dq, qp) == 1)
		dp = dq = qp = NULL;
	if (!n && !p && !dp)
		return key;
out:
	RSA_free(key);
	BN_free(n);
	BN_free(e);
	BN_clear_free(d);
	BN_clear_free(p);
	BN_clear_free(q);
	BN_clear_free(dp);
	BN_clear_free(dq);
	BN_clear_free(qp);
	return NULL;
}

/* The keys used last, with what libcrypto prepares for each: Montgomery's form and the blinding. */
static RSA *
rsa_kept(const mbedtls_rsa_context *c)
{
	static struct {
		mbedtls_mpi n, d;
		RSA *key;
	} kept[KEYS_KEPT];
	static unsigned turn;
	unsigned i = turn % KEYS_KEPT;
	RSA *key;

	for (unsigned k = 0; k < KEYS_KEPT; k++) {
		if (kept[k].key && mbedtls_mpi_cmp_mpi(&kept[k].n, &c->MBEDTLS_PRIVATE(N)) == 0 &&
		    mbedtls_mpi_cmp_mpi(&kept[k].d, &c->MBEDTLS_PRIVATE(D)) == 0)
			return kept[k].key;
	}
	key = rsa_new(c);
	if (!key)
		return NULL;
	RSA_free(kept[i].key);
	kept[i].key = NULL;
	if (mbedtls_mpi_copy(&kept[i].n, &c->MBEDTLS_PRIVATE(N)) != 0 ||
	    mbedtls_mpi_copy(&kept[i].d, &c->MBEDTLS_PRIVATE(D)) != 0) {
		RSA_free(key);
		return NULL;
	}
	turn++;
	return kept[i].key = key;
}

int
mbedtls_rsa_private(mbedtls_rsa_context *c, int (*rng)(void *, unsigned char *, size_t),
		    void *rng_arg, const unsigned char *in, unsigned char *out)
{
	RSA *key = rsa_kept(c);
	int n = (int)mbedtls_rsa_get_len(c);

	if (!key || RSA_private_encrypt(n, in, out, key, RSA_NO_PADDING) != n)
		return MBEDTLS_ERR_RSA_PRIVATE_FAILED;
	return 0;
}
