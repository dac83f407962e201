#pragma once

/*
 * seal: a few bytes that others may keep for us, but neither read nor change: AES-256-GCM with a
 * nonce at random, under a key that is made of a secret for one purpose.
 */

#include "buf.h"

#define SEAL_OVERHEAD 28 /* bytes that the sealed form has more: nonce and tag */

/* `bound`: what the bytes belong to; to open them it must be the same. False when libcrypto fails;
 * `out` is as it was then. */
bool seal_close(struct slice secret, const char *purpose, struct slice bound, struct slice plain,
		struct buf *out) __attribute__((warn_unused_result));
/* False: it was sealed otherwise, or changed. Appends to `out`, which the caller wipes. */
bool seal_open(struct slice secret, const char *purpose, struct slice bound, struct slice sealed,
	       struct buf *out) __attribute__((warn_unused_result));
