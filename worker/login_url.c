#include "login_url.h"

#include "login_state.h"

#include "lib/base64.h"
#include "lib/sha256.h"
#include "lib/uri.h"
#include "shm/table.h"

unsigned
login_parameters(struct arena *arena, struct slice all, const char *name, struct slice *values,
		 unsigned most)
{
	struct slice wanted = slice_of(name);
	unsigned n = 0;

	while (all.n > 0) {
		struct slice value, one = slice_cut(all, '&', &all);
		struct slice key = slice_cut(one, '=', &value);

		if (!slice_eq(key, wanted))
			continue;
		if (n < most)
			values[n] = uri_unescape_form(value, arena_alloc(arena, value.n + 1));
		n++;
	}
	return n;
}

unsigned
login_parameter(struct arena *arena, struct slice all, const char *name, struct slice *value)
{
	*value = (struct slice){ NULL, 0 };
	return login_parameters(arena, all, name, value, 1);
}

void
login_add_parameter(struct buf *out, const char *name, struct slice value)
{
	if (out->n > 0 && out->p[out->n - 1] != '?')
		buf_addc(out, '&');
	buf_adds(out, slice_of(name));
	buf_addc(out, '=');
	buf_add_form(out, value);
}

bool
login_challenge(struct slice verifier, char out[44])
{
	uint8_t digest[SHA256_BYTES];

	if (!sha256(verifier, digest))
		return false;
	out[base64url_encode(slice_make((const char *)digest, sizeof digest), out)] = '\0';
	return true;
}

bool
login_authorization_url(const struct segment *rules, const struct table_provider *p,
			const struct login_state *s, struct slice key, struct buf *out)
{
	struct slice endpoint = seg_string(rules, p->authorization);
	char challenge[44];

	if (!login_challenge(s->verifier, challenge))
		return false;
	buf_adds(out, endpoint);
	if (!memchr(endpoint.p, '?', endpoint.n))
		buf_addc(out, '?');
	login_add_parameter(out, "response_type", SLICE("code"));
	login_add_parameter(out, "client_id", seg_string(rules, p->client_id));
	login_add_parameter(out, "redirect_uri", seg_string(rules, p->redirect_uri));
	login_add_parameter(out, "scope", seg_string(rules, p->scope));
	login_add_parameter(out, "state", key);
	login_add_parameter(out, "nonce", s->nonce);
	login_add_parameter(out, "code_challenge", slice_of(challenge));
	login_add_parameter(out, "code_challenge_method", SLICE("S256"));
	buf_adds(out, seg_string(rules, p->parameters));
	return true;
}
