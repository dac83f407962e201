#pragma once

/*
 * aead: AES-GCM and ChaCha20-Poly1305 by libcrypto's EVP. The key is set once; a record costs its
 * nonce, its additional data, its bytes and its tag. Part of mbedTLS's contexts, so it is copied by
 * nobody and zero is a valid state without a key.
 */

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AEAD_TAG_MAX 16
#define AEAD_FORGED 1 /* the tag does not fit */

struct aead {
	EVP_CIPHER_CTX *cipher;
	EVP_CIPHER_CTX *tagger; /* in pieces, decrypting: see aead.c */
	size_t nonce_n;
	enum { AEAD_IDLE, AEAD_STARTED, AEAD_RUNNING } state;
	bool encrypts;
};

/* One message. `in` and `out` are the same or do not overlap. */
struct aead_message {
	const uint8_t *nonce, *additional, *in;
	uint8_t *out;
	size_t nonce_n, additional_n, n;
};

/* False: libcrypto does not have the cipher (NULL), or no memory. */
bool aead_set_key(struct aead *a, const EVP_CIPHER *cipher, const uint8_t *key);
void aead_free(struct aead *a); /* NULL is allowed; may be used again with a new key */

/* Whole messages. 0, or -1 for arguments that libcrypto refuses; aead_open also AEAD_FORGED. What
 * could not be opened leaves zeros. */
int aead_seal(struct aead *a, const struct aead_message *m, uint8_t *tag, size_t tag_n);
int aead_open(struct aead *a, const struct aead_message *m, const uint8_t *tag, size_t tag_n);

/* The same in pieces: start, additional data, bytes, and the tag that it should have. */
bool aead_start(struct aead *a, bool encrypts, const uint8_t *nonce, size_t nonce_n);
bool aead_additional(struct aead *a, const uint8_t *p, size_t n);
bool aead_update(struct aead *a, const uint8_t *in, size_t n, uint8_t *out);
bool aead_finish(struct aead *a, uint8_t *tag, size_t tag_n);
