#include "aead.h"

#include <limits.h>
#include <string.h>

#define NONCE_DEFAULT 12

bool
aead_set_key(struct aead *a, const EVP_CIPHER *cipher, const uint8_t *key)
{
	if (!cipher)
		return false;
	if (!a->cipher)
		a->cipher = EVP_CIPHER_CTX_new();
	a->nonce_n = NONCE_DEFAULT;
	return a->cipher && EVP_CipherInit_ex(a->cipher, cipher, NULL, key, NULL, 1) == 1;
}

void
aead_free(struct aead *a)
{
	if (!a)
		return;
	EVP_CIPHER_CTX_free(a->cipher);
	EVP_CIPHER_CTX_free(a->tagger);
	memset(a, 0, sizeof *a);
}

static bool
aead_set_nonce(struct aead *a, bool encrypts, const uint8_t *nonce, size_t n)
{
	if (!a->cipher || n > INT_MAX)
		return false;
	if (n != a->nonce_n &&
	    EVP_CIPHER_CTX_ctrl(a->cipher, EVP_CTRL_AEAD_SET_IVLEN, (int)n, NULL) != 1)
		return false;
	a->nonce_n = n;
	return EVP_CipherInit_ex(a->cipher, NULL, NULL, NULL, nonce, encrypts) == 1;
}

/* `out` NULL: additional data. libcrypto takes no bytes for the end of the message. */
static bool
aead_pass(EVP_CIPHER_CTX *c, const uint8_t *in, size_t n, uint8_t *out)
{
	int did;

	return n == 0 || (n <= INT_MAX && EVP_CipherUpdate(c, out, &did, in, (int)n) == 1);
}

static bool
aead_end(EVP_CIPHER_CTX *c)
{
	uint8_t nothing[EVP_MAX_BLOCK_LENGTH];
	int did;

	return EVP_CipherFinal_ex(c, nothing, &did) == 1;
}

static bool
aead_tag(EVP_CIPHER_CTX *c, uint8_t *tag, size_t n)
{
	return n <= AEAD_TAG_MAX && EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, (int)n, tag) == 1;
}

int
aead_seal(struct aead *a, const struct aead_message *m, uint8_t *tag, size_t tag_n)
{
	if (!aead_set_nonce(a, true, m->nonce, m->nonce_n) ||
	    !aead_pass(a->cipher, m->additional, m->additional_n, NULL) ||
	    !aead_pass(a->cipher, m->in, m->n, m->out) || !aead_end(a->cipher) ||
	    !aead_tag(a->cipher, tag, tag_n))
		return -1;
	return 0;
}

static int
aead_try_open(struct aead *a, const struct aead_message *m, const uint8_t *tag, size_t tag_n)
{
	if (tag_n > AEAD_TAG_MAX || !aead_set_nonce(a, false, m->nonce, m->nonce_n) ||
	    EVP_CIPHER_CTX_ctrl(a->cipher, EVP_CTRL_AEAD_SET_TAG, (int)tag_n,
				(void *)(uintptr_t)tag) != 1 ||
	    !aead_pass(a->cipher, m->additional, m->additional_n, NULL) ||
	    !aead_pass(a->cipher, m->in, m->n, m->out))
		return -1;
	return aead_end(a->cipher) ? 0 : AEAD_FORGED;
}

int
aead_open(struct aead *a, const struct aead_message *m, const uint8_t *tag, size_t tag_n)
{
	int r = aead_try_open(a, m, tag, tag_n);

	if (r != 0 && m->n > 0)
		memset(m->out, 0, m->n);
	return r;
}

/*
 * In pieces mbedTLS asks for the tag that a message should have, also when it decrypts, and
 * libcrypto tells it only when it encrypts. So the cipher, set to encrypt, is used for its key
 * stream (a stream cipher decrypts by the same), and the tagger encrypts again what came out. TLS
 * never does this.
 */
bool
aead_start(struct aead *a, bool encrypts, const uint8_t *nonce, size_t nonce_n)
{
	a->encrypts = encrypts;
	a->state = AEAD_STARTED;
	if (!aead_set_nonce(a, true, nonce, nonce_n))
		return false;
	if (encrypts)
		return true;
	if (!a->tagger)
		a->tagger = EVP_CIPHER_CTX_new();
	return a->tagger && EVP_CIPHER_CTX_copy(a->tagger, a->cipher) == 1;
}

bool
aead_additional(struct aead *a, const uint8_t *p, size_t n)
{
	return a->state == AEAD_STARTED &&
	       aead_pass(a->encrypts ? a->cipher : a->tagger, p, n, NULL);
}

bool
aead_update(struct aead *a, const uint8_t *in, size_t n, uint8_t *out)
{
	uint8_t again[256];

	if (a->state == AEAD_IDLE || !aead_pass(a->cipher, in, n, out))
		return false;
	a->state = AEAD_RUNNING;
	for (size_t at = 0, piece; !a->encrypts && at < n; at += piece) {
		piece = n - at < sizeof again ? n - at : sizeof again;
		if (!aead_pass(a->tagger, out + at, piece, again))
			return false;
	}
	return true;
}

bool
aead_finish(struct aead *a, uint8_t *tag, size_t tag_n)
{
	EVP_CIPHER_CTX *c = a->encrypts ? a->cipher : a->tagger;

	if (a->state == AEAD_IDLE)
		return false;
	a->state = AEAD_IDLE;
	return aead_end(c) && aead_tag(c, tag, tag_n);
}
