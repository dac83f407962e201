/*
 * config_check_providers: who people log in with, and the issuers that they are.
 */

#include "config_check_login.h"

#include "url.h"

#include "lib/jwt.h"
#include "shm/table.h"

#include <stdarg.h>
static const char *const endpoint_names[ISSUER_ENDPOINTS] = {
	[ISSUER_AUTHORIZATION] = "authorization_endpoint",
	[ISSUER_TOKEN] = "token_endpoint",
	[ISSUER_END_SESSION] = "end_session_endpoint",
	[ISSUER_REVOCATION] = "revocation_endpoint",
};

static void tell(struct config_reader *r, const struct config_provider *p, bool warning,
		 const char *below, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

static void
tell(struct config_reader *r, const struct config_provider *p, bool warning, const char *below,
     const char *fmt, ...)
{
	struct buf BUF_CLEAN key = { 0 };
	va_list args;

	buf_addf(&key, "login.providers.%s%s%s", p->name, *below ? "." : "", below);
	buf_addc(&key, '\0');
	va_start(args, fmt);
	mistakes_vadd(&r->mistakes, warning, p->place.line, key.p, fmt, args);
	va_end(args);
}

uint32_t
config_provider_find(const struct config_login *l, const char *name)
{
	for (uint32_t i = 0; name && i < l->providers_count; i++) {
		if (l->providers[i].name && strcmp(l->providers[i].name, name) == 0)
			return i;
	}
	return TRIE_NONE;
}

/* ---- completion ---- */

static const char *
joined(struct arena *arena, const char *start, const char *end)
{
	struct buf BUF_CLEAN text = { 0 };
	size_t n = strlen(start);

	buf_add(&text, start, n > 0 && start[n - 1] == '/' && *end == '/' ? n - 1 : n);
	buf_addf(&text, "%s", end);
	return arena_string(arena, buf_slice(&text));
}

static void
complete(struct config *c, struct config_provider *p)
{
	bool whole = p->jwks_uri && p->endpoint[ISSUER_AUTHORIZATION] && p->endpoint[ISSUER_TOKEN];

	if (!p->discovery && !whole)
		p->discovery = joined(&c->arena, p->iss, "/.well-known/openid-configuration");
	if (!p->title || !*p->title)
		p->title = p->name;
	if (!p->redirect_uri && c->login.url && c->login.base_path)
		p->redirect_uri = joined(
		    &c->arena, joined(&c->arena, c->login.url, c->login.base_path), "/callback");
}

/* ---- URLs ---- */

static void
check_url(struct config_reader *r, const struct config_provider *p, const char *setting,
	  const char *text, struct config_url *out)
{
	const char *why = text ? url_parse(&r->c->arena, slice_of(text), out) : NULL;

	if (!text)
		return;
	if (why)
		tell(r, p, false, setting, "%s is no URL for this: %s; write https://HOST/PATH",
		     text, why);
	else if (!out->https && !p->allow_http)
		tell(r, p, false, setting,
		     "over http anybody on the way can log in as anybody; write https://, or "
		     "allow_http: true where there is nobody on the way");
}

/* The browser has to come back to where its cookie goes. */
static void
check_redirect_uri(struct config_reader *r, const struct config_provider *p)
{
	const struct config_login *l = &r->c->login;
	struct slice rest, path;
	struct config_url url;
	const char *why;

	if (!p->redirect_uri || !l->url || !l->base_path)
		return;
	why = url_parse(&r->c->arena, slice_of(p->redirect_uri), &url);
	if (why) {
		tell(r, p, false, "redirect_uri", "%s is no URL: %s; write %s%s/callback",
		     p->redirect_uri, why, l->url, l->base_path);
		return;
	}
	path = slice_of(url.path);
	rest = slice_make(path.p, path.n);
	if (slice_starts(path, slice_of(l->base_path)))
		rest = slice_make(path.p + strlen(l->base_path), path.n - strlen(l->base_path));
	if (strcmp(config_origin_of(&r->c->arena, &url), l->url) != 0)
		tell(r, p, false, "redirect_uri",
		     "it is not at login.url (%s), where the cookie of who comes back is; write "
		     "%s%s/callback",
		     l->url, l->url, l->base_path);
	else if (!slice_eq(rest, SLICE("/callback")) &&
		 !(l->oauth2_paths && slice_eq(path, SLICE("/oauth2/callback"))))
		tell(r, p, false, "redirect_uri",
		     "who comes back there is not understood; write %s%s/callback", l->url,
		     l->base_path);
}

static void
check_urls(struct config_reader *r, struct config_provider *p)
{
	struct config_url url;

	for (size_t i = 0; i < ISSUER_ENDPOINTS; i++)
		check_url(r, p, endpoint_names[i], p->endpoint[i], &p->url[i]);
	check_url(r, p, "discovery", p->discovery, &url);
	check_url(r, p, "jwks_uri", p->jwks_uri, &url);
	if (p->account_url && *p->account_url)
		check_url(r, p, "account_url", p->account_url, &url);
	check_redirect_uri(r, p);
	if (p->allow_http)
		tell(r, p, true, "allow_http",
		     "its tokens may come over http, so whoever is on the way can log in as "
		     "anybody; use https:// with tls: {ca: FILE}");
}

/* ---- the request ---- */

static bool
scope_is_token(const char *s)
{
	for (; *s; s++) {
		if (*s <= ' ' || *s > '~' || *s == '"' || *s == '\\')
			return false;
	}
	return true;
}

static void
check_scopes(struct config_reader *r, const struct config_provider *p)
{
	bool openid = false;

	for (size_t i = 0; i < p->scopes_count; i++) {
		if (!p->scopes[i])
			continue;
		openid |= strcmp(p->scopes[i], "openid") == 0;
		if (!scope_is_token(p->scopes[i]))
			tell(r, p, false, "scopes", "\"%s\" is no scope; write each one by itself",
			     p->scopes[i]);
	}
	if (p->scopes && !openid)
		tell(r, p, false, "scopes",
		     "without openid there is no ID token that says who somebody is; add it");
}

static void
check_parameters(struct config_reader *r, const struct config_provider *p)
{
	static const char *const own[] = {
		"response_type",
		"response_mode",
		"client_id",
		"redirect_uri",
		"scope",
		"state",
		"nonce",
		"request",
		"request_uri",
		"code_challenge",
		"code_challenge_method",
	};

	for (size_t i = 0; i < p->parameters_count; i++) {
		for (size_t k = 0; k < sizeof own / sizeof *own; k++) {
			if (p->parameters[i].name && strcmp(p->parameters[i].name, own[k]) == 0)
				tell(r, p, false, "parameters",
				     "%s is the gateway's own to say; remove it", own[k]);
		}
	}
}

static void
check_name(struct config_reader *r, const struct config_provider *p)
{
	const struct config_gate *g = &r->c->gate;

	if (strcmp(p->name, ISSUER_API_KEYS) == 0 || strcmp(p->name, ISSUER_DEFAULT) == 0)
		tell(r, p, false, "",
		     "this name stands for something else in routes[].issuers; choose another "
		     "one");
	for (size_t i = 0; i < g->issuers_count; i++) {
		if (g->issuers[i].name && strcmp(g->issuers[i].name, p->name) == 0)
			tell(r, p, false, "",
			     "an issuer of gate.issuers has this name (line %d), and "
			     "routes[].issuers could not tell them apart; choose another one",
			     g->issuers[i].place.line);
	}
}

static void
check_provider(struct config_reader *r, struct config_provider *p)
{
	struct buf BUF_CLEAN key = { 0 };

	complete(r->c, p);
	check_name(r, p);
	check_urls(r, p);
	check_scopes(r, p);
	check_parameters(r, p);
	if (p->client_secret.bytes && p->client_secret.n == 0)
		tell(r, p, false, "client_secret",
		     "the secret is empty (%s); put it there, or remove the key for a public "
		     "client",
		     p->client_secret.origin);
	buf_addf(&key, "login.providers.%s.tls.pin_sha256", p->name);
	buf_addc(&key, '\0');
	config_check_pins(r, &p->tls, p->place.line, key.p);
}

/* ---- all of them ---- */

/* What verifies its ID tokens. They are good in sessions alone, so that there may be an issuer of
 * the gate for the same `iss` beside it. */
static void
add_issuer(struct config_reader *r, struct config_provider *p)
{
	struct config_gate *g = &r->c->gate;
	struct config_issuer i = {
		.name = p->name,
		.iss = p->iss,
		.algorithms = JWT_ALGS_PUBLIC,
		.audience = &p->client_id,
		.audience_count = 1,
		.leeway_s = g->leeway_s,
		.require_exp = true,
		.jwks_uri = p->jwks_uri,
		.discovery = p->discovery,
		.client_id = p->client_id,
		.refresh_s = p->refresh_s,
		.allow_http = p->allow_http,
		.tls = p->tls,
		.provider = p,
		.place = p->place,
	};
	const char *first = p->discovery ? p->discovery : p->jwks_uri;

	/* What is wrong with it is told already. */
	if (!first || url_parse(&r->c->arena, slice_of(first), &i.url))
		return;
	p->issuer = g->all_count;
	g->all[g->all_count++] = i;
}

static void
check_sequence(struct config_reader *r)
{
	const struct config_login *l = &r->c->login;
	int line = config_line(r, "login.sequence");

	for (size_t i = 0; i < l->sequence_count; i++) {
		if (l->sequence[i] && config_provider_find(l, l->sequence[i]) == TRIE_NONE)
			mistakes_add(&r->mistakes, false, line, "login.sequence",
				     "there is no provider %s; name those of login.providers",
				     l->sequence[i]);
		for (size_t k = 0; k < i; k++) {
			if (l->sequence[i] && l->sequence[k] &&
			    strcmp(l->sequence[i], l->sequence[k]) == 0)
				mistakes_add(&r->mistakes, false, line, "login.sequence",
					     "%s is named twice; remove one of the two",
					     l->sequence[i]);
		}
	}
}

void
config_check_providers(struct config_reader *r)
{
	struct config_login *l = &r->c->login;
	struct config_gate *g = &r->c->gate;
	int line = config_line(r, "login.providers");

	if (l->providers_count == 0)
		mistakes_add(&r->mistakes, false, line ? line : config_line(r, "login"),
			     "login.providers",
			     "there is nobody to log in with; give {NAME: {issuer: URL, "
			     "client_id: ID}}");
	if (l->providers_count > PROVIDERS_MAX)
		mistakes_add(&r->mistakes, false, line, "login.providers",
			     "there are %zu, and a session has room for %u; remove some",
			     l->providers_count, PROVIDERS_MAX);
	for (size_t i = 0; i < l->providers_count; i++) {
		struct config_provider *p = &l->providers[i];

		if (!p->name || !p->iss || !p->client_id)
			continue; /* which is told */
		check_provider(r, p);
		add_issuer(r, p);
	}
	check_sequence(r);
	if (g->all_count > ISSUERS_MAX)
		mistakes_add(&r->mistakes, false, line, "login.providers",
			     "with gate.issuers there are %zu issuers, and no more than %d can be "
			     "told apart; remove some",
			     g->all_count, ISSUERS_MAX);
}
