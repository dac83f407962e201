#pragma once

/*
 * client_auth: how the gateway says to an authorization server which client it is (RFC 6749 section
 * 2.3.1).
 */

#include "lib/buf.h"

/* A whole Authorization field. `out` is to be wiped, as after the next one. */
void client_auth_basic(struct buf *out, struct slice id, struct slice secret);
/* "&client_id=..&client_secret=.."; without a secret the id alone, as a public client has it. */
void client_auth_post(struct buf *out, struct slice id, struct slice secret);
/* Room for either. */
size_t client_auth_size(struct slice id, struct slice secret);
