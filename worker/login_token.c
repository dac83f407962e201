/*
 * login_token: is an ID token meant for this login (OpenID Connect Core section 3.1.3.7)?
 */

#include "login_own.h"

#include "gate.h"
#include "keys_wait.h"
#include "verifiers.h"
#include "worker.h"

#include "lib/base64.h"
#include "lib/json.h"
#include "lib/sha256.h"

#define SUB_MAX 255 /* bytes (section 2) */

/* In a time that does not say where they differ. */
static bool
is_same(struct slice a, struct slice b)
{
	unsigned char differ = 0;

	for (size_t i = 0; a.n == b.n && i < a.n; i++)
		differ |= (unsigned char)(a.p[i] ^ b.p[i]);
	return a.n == b.n && a.n > 0 && differ == 0;
}

/* Section 3.1.3.7, 3 to 5: it is for us, and where for others as well, it was made for us. */
static bool
is_for(const struct json *claims, struct slice client)
{
	const struct json *aud = json_get(claims, "aud"), *azp = json_get(claims, "azp");
	struct slice one = json_text(aud);
	bool found = one.p && slice_eq(one, client), several = false;

	if (!one.p && aud && json_kind(aud) == JSON_ARRAY) {
		for (const struct json *v = json_first(aud); v; v = json_next(v)) {
			several |= v != json_first(aud);
			found |= slice_eq(json_text(v), client);
		}
	}
	return found && (azp ? slice_eq(json_text(azp), client) : !several);
}

/* at_hash: the left half of the access token's digest (section 3.1.3.6). Of algorithms with SHA-256
 * alone, which are all that providers use by default; others are told by the code's own binding. */
static bool
hash_fits(const struct jwt_token *t, struct slice access)
{
	struct slice said = json_text(json_get(t->claims, "at_hash"));
	uint8_t digest[SHA256_BYTES];
	char text[SHA256_BYTES];

	if (!json_get(t->claims, "at_hash"))
		return true;
	if (t->alg != JWT_RS256 && t->alg != JWT_PS256 && t->alg != JWT_ES256 &&
	    t->alg != JWT_HS256)
		return said.p != NULL;
	return sha256(access, digest) &&
	       slice_eq(said, slice_make(text, base64url_encode(slice_make((const char *)digest,
									   SHA256_BYTES / 2),
								text)));
}

static enum reason
claims_check(struct login *l, const struct table_provider *p, const struct jwt_token *t)
{
	struct slice sub = json_text(json_get(t->claims, "sub"));
	struct slice nonce = json_text(json_get(t->claims, "nonce"));

	if (!is_for(t->claims, seg_string(login_rules(l), p->client_id)))
		return REASON_token_audience;
	if (!is_same(nonce.p ? nonce : SLICE(""), l->state.nonce) || !sub.p || sub.n == 0 ||
	    sub.n > SUB_MAX || !hash_fits(t, l->answer.access))
		return REASON_token_claim;
	return REASON_none;
}

enum reason
login_id_token(struct login *l, uint32_t p, bool *waits)
{
	const struct table_provider *provider = table_provider(login_rules(l), p);
	struct jwt_token t;
	struct verified v;

	gate_verify(l->worker->gate, &t, l->answer.id_token, 1ull << provider->issuer,
		    l->worker->wall, false, &v);
	*waits = v.asked && keys_await(l->request, v.asked);
	if (v.reason == REASON_none)
		v.reason = claims_check(l, provider, &t);
	if (v.reason == REASON_none)
		l->sub = arena_copy(&l->request->arena, json_text(json_get(t.claims, "sub")));
	jwt_token_deinit(&t);
	return v.reason;
}
