#pragma once

/*
 * session_cookie: "<id>.<signature>", where the signature is base64url of HMAC-SHA256 over the
 * cookie's name and the id: who has no key makes none, and the cookie of one name is no good as
 * another's. Bytes in, bytes out.
 */

#include "session.h"

#include "lib/hmac.h"

#define SESSION_COOKIE (SESSION_ID + 1 + 43)

struct session_signed {
	struct slice id;              /* SESSION_ID bytes, within the value */
	unsigned char mac[HMAC_SIZE]; /* as it came */
};

/* False: it has not this form, in which one id and one signature have one spelling. */
bool session_cookie_read(struct slice value, struct session_signed *out);
/* By any of the keys? */
bool session_cookie_good(const struct segment *keys, struct slice name,
			 const struct session_signed *s);
/* Signed by the first key. False: there is none. */
bool session_cookie_write(const struct segment *keys, struct slice name, const char *id,
			  char out[SESSION_COOKIE]);
/* Has it the form of an id? */
bool session_id_is(struct slice id);
/* A new one, and a NUL behind. */
void session_id_new(char id[SESSION_ID + 1]);
