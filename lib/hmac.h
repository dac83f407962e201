#pragma once

/*
 * hmac: RFC 2104 with SHA-256.
 */

#include "slice.h"

#define HMAC_SIZE 32

void hmac_sha256(struct slice key, struct slice text, unsigned char out[HMAC_SIZE]);
