#include "session_cookie.h"

#include "snapshot.h"

#include "lib/base64.h"
#include "lib/sha256.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#define NAME_MAX_BYTES 256
#define ID_BYTES 32

_Static_assert(HMAC_SIZE == SHA256_BYTES, "they are compared as digests");

static bool
decode_32(struct slice text, unsigned char out[32])
{
	char bytes[48];
	size_t n;

	if (text.n != SESSION_ID || base64url_decode(text, bytes, &n) < 0 || n != 32)
		return false;
	memcpy(out, bytes, 32);
	return true;
}

bool
session_id_is(struct slice id)
{
	unsigned char bytes[ID_BYTES];

	return decode_32(id, bytes);
}

bool
session_cookie_read(struct slice value, struct session_signed *out)
{
	if (value.n != SESSION_COOKIE || value.p[SESSION_ID] != '.')
		return false;
	out->id = slice_make(value.p, SESSION_ID);
	return session_id_is(out->id) &&
	       decode_32(slice_make(value.p + SESSION_ID + 1, SESSION_ID), out->mac);
}

/* The id has one length, so name and id cannot be cut otherwise. */
static bool
mac_of(struct slice key, struct slice name, struct slice id, unsigned char out[HMAC_SIZE])
{
	char text[NAME_MAX_BYTES + SESSION_ID];

	if (!key.p || name.n > NAME_MAX_BYTES || id.n != SESSION_ID)
		return false;
	memcpy(text, name.p, name.n);
	memcpy(text + name.n, id.p, id.n);
	hmac_sha256(key, slice_make(text, name.n + id.n), out);
	return true;
}

bool
session_cookie_good(const struct segment *keys, struct slice name, const struct session_signed *s)
{
	unsigned char mac[HMAC_SIZE];

	for (uint32_t i = 0; mac_of(table_secret(keys, SECRET_COOKIE, i), name, s->id, mac); i++) {
		if (sha256_equal(mac, s->mac))
			return true;
	}
	return false;
}

bool
session_cookie_write(const struct segment *keys, struct slice name, const char *id,
		     char out[SESSION_COOKIE])
{
	unsigned char mac[HMAC_SIZE];

	if (!mac_of(table_secret(keys, SECRET_COOKIE, 0), name, slice_of(id), mac))
		return false;
	memcpy(out, id, SESSION_ID);
	out[SESSION_ID] = '.';
	base64url_encode(slice_make((const char *)mac, sizeof mac), out + SESSION_ID + 1);
	return true;
}

void
session_id_new(char id[SESSION_ID + 1])
{
	char bytes[ID_BYTES];

	while (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes) {
		if (errno != EINTR)
			abort();
	}
	id[base64url_encode(slice_make(bytes, sizeof bytes), id)] = '\0';
}

void
session_cookie(const struct request *r, const char *id, struct buf *out)
{
	const struct snapshot *t = r->table;
	const struct segment *rules = t->segments[SEGMENT_RULES];
	const struct table_login *login = table_login(rules);
	struct slice name = seg_string(rules, login->cookie);
	char value[SESSION_COOKIE];

	if (!*id)
		buf_addf(out, "Set-Cookie: %.*s=; Path=/; Max-Age=0; HttpOnly", SLICE_F(name));
	else if (session_cookie_write(t->segments[SEGMENT_KEYS], name, id, value))
		buf_addf(out, "Set-Cookie: %.*s=%.*s; Path=/; HttpOnly", SLICE_F(name),
			 SESSION_COOKIE, value);
	else
		return;
	if (!(login->flags & LOGIN_COOKIE_INSECURE))
		buf_adds(out, SLICE("; Secure"));
	buf_adds(out, SLICE("; SameSite=Lax\r\n"));
}
