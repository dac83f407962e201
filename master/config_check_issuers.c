/*
 * config_check_issuers: do the issuers of tokens hold together: exactly one source of keys each,
 * algorithms that fit it, URLs that are safe to take keys from? Reads files of keys, as the gateway
 * would.
 */

#include "config_check.h"

#include "file.h"
#include "issuer_names.h"
#include "url.h"

#include "lib/jwks.h"
#include "lib/log.h"

#include <stdarg.h>
#define SECRET_ADVISED 32 /* bytes: RFC 7518 section 3.2 for HS256 */

static void tell(struct config_reader *r, const struct config_issuer *i, bool warning,
		 const char *below, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

static void
tell(struct config_reader *r, const struct config_issuer *i, bool warning, const char *below,
     const char *fmt, ...)
{
	struct buf BUF_CLEAN key = { 0 };
	va_list args;

	buf_addf(&key, "gate.issuers.%s%s%s", i->name, *below ? "." : "", below);
	buf_addc(&key, '\0');
	va_start(args, fmt);
	mistakes_vadd(&r->mistakes, warning, i->place.line, key.p, fmt, args);
	va_end(args);
}

static void
check_sources(struct config_reader *r, const struct config_issuer *i)
{
	static const char *const sources[] = { "secret", "public_key", "jwks", "jwks_uri",
					       "discovery" };
	const char *first = NULL;

	for (size_t k = 0; k < sizeof sources / sizeof *sources; k++) {
		if (!config_issuer_given(r, i, sources[k]))
			continue;
		if (first)
			tell(r, i, false, sources[k],
			     "its keys come from %s already, and of two sources nobody could say "
			     "which is right; remove one",
			     first);
		first = sources[k];
	}
	if (!first && !config_issuer_given(r, i, "introspection"))
		tell(r, i, false, "",
		     "nothing says where its keys are; give one of secret, public_key, jwks, "
		     "jwks_uri or discovery");
}

static void
check_algorithms(struct config_reader *r, const struct config_issuer *i)
{
	bool secret = config_issuer_given(r, i, "secret");

	if (i->algorithms & JWT_ALGS_SECRET && i->algorithms & JWT_ALGS_PUBLIC)
		tell(r, i, false, "algorithms",
		     "HS256, HS384 and HS512 take a secret and the others public keys, and a "
		     "public key must never be taken for a secret; make two issuers of it");
	else if (secret && i->algorithms & JWT_ALGS_PUBLIC)
		tell(r, i, false, "algorithms",
		     "a secret is for HS256, HS384 and HS512; name those, or give public_key");
	else if (!secret && !i->jwks && i->algorithms & JWT_ALGS_SECRET)
		tell(r, i, false, "algorithms",
		     "HS256, HS384 and HS512 take a secret; give secret: {file: PATH}, or name "
		     "algorithms of public keys");
}

static void
check_keys(struct config_reader *r, const struct config_issuer *i)
{
	struct slice pem = slice_make(i->public_key.bytes, i->public_key.n);
	const char *why = NULL;
	struct jwt_key *key = pem.p ? jwt_key_public(pem, i->algorithms, &why) : NULL;

	if (pem.p && !key)
		tell(r, i, false, "public_key",
		     "the key (%s) cannot be used: %s; give the issuer's public key in PEM, and "
		     "its algorithm in algorithms",
		     i->public_key.origin, why);
	jwt_key_free(key);
	if (i->secret.bytes && i->secret.n == 0)
		tell(r, i, false, "secret",
		     "the secret is empty (%s); without one everybody could sign tokens, put one "
		     "there",
		     i->secret.origin);
	else if (i->secret.bytes && i->secret.n < SECRET_ADVISED)
		tell(r, i, true, "secret",
		     "the secret has %zu bytes, which can be guessed; use at least %d random ones",
		     i->secret.n, SECRET_ADVISED);
}

static void
check_set(struct config_reader *r, const struct config_issuer *i, struct slice text)
{
	struct jwks set;

	if (jwks_parse(text, i->algorithms, &set) < 0)
		tell(r, i, false, "jwks",
		     "%s is no set of keys (RFC 7517); it must be {\"keys\": [...]}, with no more "
		     "than %d of them",
		     i->jwks, JWKS_KEYS_MAX);
	else if (set.count == 0)
		tell(r, i, false, "jwks", "%s has no key that can be used%s%s; fetch it anew",
		     i->jwks, set.refused_count > 0 ? ": the first is refused, " : "",
		     set.refused_count > 0 ? set.refused[0].why : "");
	for (size_t k = 0; set.count > 0 && k < set.refused_count; k++) {
		char kid[64];

		log_quote(set.refused[k].kid, kid, sizeof kid);
		tell(r, i, true, "jwks", "%s: key %zu (kid %s) is left out: %s", i->jwks,
		     set.refused[k].index + 1, kid, set.refused[k].why);
	}
	jwks_deinit(&set);
}

static void
read_set(struct config_reader *r, struct config_issuer *i)
{
	struct buf FILE_SECRET text = { 0 };
	struct stat st = { 0 };
	int error;

	if (!i->jwks)
		return;
	error = file_read(i->jwks, JWKS_BYTES_MAX, &text, &st);
	if (error < 0) {
		tell(r, i, false, "jwks", "%s cannot be read: %s", i->jwks, file_error(error));
		return;
	}
	if (i->algorithms & JWT_ALGS_SECRET && st.st_mode & (S_IRWXG | S_IRWXO))
		tell(r, i, true, "jwks",
		     "%s has mode %04o, so others than its owner can read the secrets; chmod 600 "
		     "%s",
		     i->jwks, (unsigned)st.st_mode & 07777, i->jwks);
	check_set(r, i, buf_slice(&text));
	i->jwks_text.bytes = arena_string(&r->c->arena, buf_slice(&text));
	i->jwks_text.n = text.n;
}

/* Keys that came over http are whoever's who is on the way. */
static void
check_url(struct config_reader *r, struct config_issuer *i, const char *setting, const char *url,
	  struct config_url *out)
{
	const char *why = url ? url_parse(&r->c->arena, slice_of(url), out) : NULL;

	if (!url)
		return;
	if (why)
		tell(r, i, false, setting, "it cannot be fetched: %s; write https://HOST/PATH",
		     why);
	else if (!out->https && !i->allow_http)
		tell(r, i, false, setting,
		     "over http anybody on the way can put keys of their own there; write "
		     "https://, or allow_http: true where there is nobody on the way");
	if (i->allow_http && !why)
		tell(r, i, true, "allow_http",
		     "keys may come over http, so whoever is on the way can make tokens; use "
		     "https:// with tls: {ca: FILE}");
}

static void
check_fetch(struct config_reader *r, struct config_issuer *i)
{
	struct buf BUF_CLEAN key = { 0 };

	check_url(r, i, "jwks_uri", i->jwks_uri, &i->url);
	check_url(r, i, "discovery", i->discovery, &i->url);
	check_url(r, i, "introspection", i->introspection, &i->introspect);
	if (i->discovery && !*i->iss)
		tell(r, i, false, "issuer",
		     "the document of its discovery is believed only where it names this issuer; "
		     "give issuer");
	buf_addf(&key, "gate.issuers.%s.tls.pin_sha256", i->name);
	buf_addc(&key, '\0');
	config_check_pins(r, &i->tls, i->place.line, key.p);
}

static void
check_required(struct config_reader *r, const struct config_issuer *i)
{
	for (size_t k = 0; k < i->required_count; k++) {
		const struct config_required *q = &i->required[k];

		if (q->claim && q->values && q->values_count == 0)
			tell(r, i, false, "required",
			     "no value of %s will do, so that no token is good; name at least one",
			     q->claim);
	}
}

static void
check_names(struct config_reader *r, const struct config_issuer *i)
{
	const struct config_gate *g = &r->c->gate;

	if (strcmp(i->name, ISSUER_API_KEYS) == 0)
		tell(r, i, false, "",
		     "this name stands for API keys in routes[].issuers; choose another one");
	if (strcmp(i->name, ISSUER_DEFAULT) == 0)
		tell(r, i, false, "",
		     "this name is that of the issuer that gate itself describes (gate.secret and "
		     "so on); choose another one");
	for (const struct config_issuer *k = g->all; k < i; k++) {
		if (*i->iss && k->iss && strcmp(k->iss, i->iss) == 0 && k->required_count == 0)
			tell(r, i, false, "issuer",
			     "%s is that of %s already, which takes all its tokens; let both "
			     "require a claim that tells them apart, such as azp, or remove one "
			     "of the two",
			     i->iss, k->name);
	}
}

/* A token that says nothing does not say whose it is, either. */
static void
check_introspection(struct config_reader *r)
{
	const struct config_gate *g = &r->c->gate;
	const char *first = NULL;

	for (size_t k = 0; k < g->all_count; k++) {
		const struct config_issuer *i = &g->all[k];

		if (!i->introspection)
			continue;
		if (first)
			tell(r, i, false, "introspection",
			     "%s is asked already, and nobody could say which of the two to ask; "
			     "remove one",
			     first);
		if (*i->client_id && !i->client_secret.bytes &&
		    !config_issuer_given(r, i, "client_secret"))
			tell(r, i, false, "client_secret",
			     "there is a client_id, but no secret for it; give client_secret: "
			     "{file: PATH}");
		first = i->name;
	}
}

void
config_check_issuers(struct config_reader *r)
{
	struct config_gate *g = &r->c->gate;

	config_list_issuers(r);
	for (size_t i = 0; i < g->all_count; i++) {
		struct config_issuer *issuer = &g->all[i];

		if (issuer->place.line == 0)
			continue; /* that of gate itself: check_gate's */
		check_names(r, issuer);
		check_sources(r, issuer);
		check_algorithms(r, issuer);
		check_keys(r, issuer);
		read_set(r, issuer);
		check_fetch(r, issuer);
		check_required(r, issuer);
	}
	check_introspection(r);
	if (g->all_count > ISSUERS_MAX)
		mistakes_add(&r->mistakes, false, config_line(r, "gate.issuers"), "gate.issuers",
			     "there are %zu issuers, and no more than %d can be told apart; remove "
			     "some",
			     g->all_count, ISSUERS_MAX);
}
