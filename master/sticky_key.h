#pragma once

/*
 * sticky_key: signs what sticky cookies say, so that a client can tell one endpoint from another
 * but make up none. The key never leaves the master: workers are given the signed names.
 */

#include "lib/buf.h"
#include "lib/slice.h"

#define STICKY_KEY_SIZE 32
#define STICKY_NAME_SIZE 22 /* bytes of a signed name, of base64url */

struct sticky_key {
	unsigned char bytes[STICKY_KEY_SIZE];
};

/* The key in the folder, made there (mode 0600, written through) if it is missing. Where the folder
 * cannot keep it, one for this process alone: a negative errno, reason in `error`. May block. */
int sticky_key_load(struct sticky_key *k, const char *folder, struct buf *error)
    __attribute__((warn_unused_result));
/* The name of an endpoint of an upstream under this key of any length, into `out`. */
void sticky_key_sign(struct slice key, struct slice upstream, struct slice authority,
		     char out[STICKY_NAME_SIZE]);
