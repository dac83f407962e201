/*
 * config_check_credentials: what routes tell their upstreams of who asks.
 */

#include "config_check_login.h"

#include "url.h"

#include "lib/map.h"
#include "shm/table.h"

#include <stdarg.h>
#include <stdio.h>

#define BASIC_USER "oauth2"

/* What belongs to each value. */
static const struct takes {
	const char *name;
	bool provider; /* one is needed */
	bool may_provider, login;
	bool schemes; /* it may stand in Authorization, behind Bearer or in Basic */
} takes[CREDENTIAL_VALUE_N] = {
	[CREDENTIAL_ACCESS_TOKEN] = { "access_token", true, true, true, true },
	[CREDENTIAL_REFRESH_TOKEN] = { "refresh_token", true, true, true, true },
	[CREDENTIAL_ID_TOKEN] = { "id_token", true, true, true, true },
	[CREDENTIAL_EXPIRES_AT] = { "expires_at", true, true, true, false },
	[CREDENTIAL_CLAIM] = { "claim", false, true, false, false },
	[CREDENTIAL_CLAIMS] = { "claims", false, true, false, false },
	[CREDENTIAL_GIT] = { "git", true, true, true, false },
	[CREDENTIAL_ANONYMOUS_ID] = { "anonymous_id", false, false, true, true },
	[CREDENTIAL_SECRET] = { "secret", false, false, false, true },
	[CREDENTIAL_EXCHANGED] = { "exchanged", true, true, true, true },
	[CREDENTIAL_ASSERTION] = { "assertion", false, false, true, true },
	[CREDENTIAL_SESSION_TOKEN] = { "session_token", false, false, false, true },
};

struct credential_check {
	struct config_reader *r;
	struct config_credential *c;
	const char *key; /* "routes[1].credentials[0]" */
};

static void tell(const struct credential_check *k, const char *below, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
tell(const struct credential_check *k, const char *below, const char *fmt, ...)
{
	char key[96];
	va_list args;

	snprintf(key, sizeof key, "%s.%s", k->key, below);
	va_start(args, fmt);
	mistakes_vadd(&k->r->mistakes, false, k->c->place.line, key, fmt, args);
	va_end(args);
}

/* ---- the field ---- */

void
config_fold_header(const char *name, struct buf *out)
{
	for (; *name; name++)
		buf_addc(out, *name == '_' || *name == '.' ? '-' : ascii_lower(*name));
}

/* What frames a message, belongs to one hop, or says who the client is (folded). */
static const char *const taken[] = {
	"connection",
	"keep-alive",
	"proxy-connection",
	"proxy-authenticate",
	"te",
	"trailer",
	"transfer-encoding",
	"content-length",
	"upgrade",
	"http2-settings",
	"expect",
	"max-forwards",
	"host",
	"via",
	"forwarded",
	"x-forwarded-for",
	"x-forwarded-host",
	"x-forwarded-port",
	"x-forwarded-proto",
	"x-real-ip",
	"x-request-id",
	"set-cookie",
};

static void
check_header(const struct credential_check *k)
{
	const struct config_gate *g = &k->r->c->gate;
	struct buf BUF_CLEAN name = { 0 }, other = { 0 };

	config_fold_header(k->c->header, &name);
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
		if (slice_eq(buf_slice(&name), slice_of(taken[i])))
			tell(k, "header", "the header %s has a meaning of its own; choose another",
			     k->c->header);
	}
	for (size_t i = 0; i < g->claims_count; i++) {
		if (!g->claims[i].header)
			continue;
		other.n = 0;
		config_fold_header(g->claims[i].header, &other);
		if (slice_eq(buf_slice(&name), buf_slice(&other)))
			tell(k, "header",
			     "gate.claims has this header for the claim %s already; choose another",
			     g->claims[i].claim);
	}
}

/* ---- what belongs to its value ---- */

static void
check_text(const struct credential_check *k, const char *key, const char *given, bool wanted,
	   bool allowed)
{
	const char *value = takes[k->c->value].name;

	if (wanted && !*given)
		tell(k, key, "value: %s needs it; give %s", value, key);
	else if (*given && !allowed)
		tell(k, key, "it says nothing with value: %s; remove it", value);
}

static void
check_fields(const struct credential_check *k)
{
	struct config_credential *c = k->c;
	bool exchanged = c->value == CREDENTIAL_EXCHANGED;
	bool assertion = c->value == CREDENTIAL_ASSERTION;

	check_text(k, "claim", c->claim, c->value == CREDENTIAL_CLAIM,
		   c->value == CREDENTIAL_CLAIM);
	check_text(k, "audience", c->audience, exchanged || assertion, exchanged || assertion);
	check_text(k, "scope", c->scope, false, exchanged);
	check_text(k, "url", c->url, false, c->value == CREDENTIAL_GIT);
	if (c->secret.bytes && c->value != CREDENTIAL_SECRET)
		tell(k, "secret", "it says nothing with value: %s; remove it",
		     takes[c->value].name);
	if (assertion && k->r->c->login.configured && k->r->c->login.assertion.keys_count == 0)
		tell(k, "value",
		     "there is no key to sign assertions with; give login.assertion.keys: "
		     "[{file: PATH}]");
}

/* A secret is put into a head as it is. */
static void
check_secret(const struct credential_check *k, const struct node *given)
{
	const struct config_secret *s = &k->c->secret;

	if (k->c->value != CREDENTIAL_SECRET)
		return;
	if (!s->bytes && !node_get(given, SLICE("secret")))
		tell(k, "secret", "value: secret needs it; give secret: {file: PATH}");
	if (s->bytes && s->n == 0)
		tell(k, "secret", "the secret is empty (%s); put it there", s->origin);
	for (size_t i = 0; s->bytes && i < s->n; i++) {
		if ((unsigned char)s->bytes[i] < ' ' || s->bytes[i] == 0x7f) {
			tell(k, "secret",
			     "it has bytes that no header can carry (%s), such as the end of a "
			     "line; put one line there",
			     s->origin);
			break;
		}
	}
}

static void
check_form(const struct credential_check *k, const struct node *given)
{
	struct config_credential *c = k->c;
	bool basic = c->form == CREDENTIAL_BASIC;

	if (c->value == CREDENTIAL_GIT && !node_get(given, SLICE("form")))
		c->form = CREDENTIAL_BASE64;
	if ((basic || c->form == CREDENTIAL_BEARER) && !takes[c->value].schemes)
		tell(k, "form", "%s is no token that could stand there; write plain or base64",
		     takes[c->value].name);
	if (*c->user && !basic)
		tell(k, "user", "it says nothing without form: basic; remove it");
	if (strchr(c->user, ':'))
		tell(k, "user", "the user of Basic has no colon (RFC 7617); remove it");
	if (basic && !*c->user)
		c->user = BASIC_USER;
}

static void
check_provider(const struct credential_check *k)
{
	const struct config_login *l = &k->r->c->login;
	struct config_credential *c = k->c;
	const struct takes *t = &takes[c->value];

	c->provider_at = TRIE_NONE;
	if (t->login && !l->configured) {
		tell(k, "value", "there are no sessions that %s could come of; configure login",
		     t->name);
		return;
	}
	if (!*c->provider && t->provider && l->providers_count == 1 && l->providers[0].name)
		c->provider = l->providers[0].name;
	check_text(k, "provider", c->provider, t->provider, t->may_provider);
	if (!*c->provider || !t->may_provider)
		return;
	c->provider_at = config_provider_find(l, c->provider);
	if (c->provider_at == TRIE_NONE)
		tell(k, "provider", "there is no provider %s; name one of login.providers",
		     c->provider);
}

/* Git finds credentials by the server that it speaks to. */
static void
check_url(const struct credential_check *k)
{
	struct config_credential *c = k->c;
	struct config_url url;
	const char *from = c->url, *why;

	if (c->value != CREDENTIAL_GIT || c->provider_at == TRIE_NONE)
		return;
	if (!*from)
		from = k->r->c->login.providers[c->provider_at].iss;
	why = from ? url_parse(&k->r->c->arena, slice_of(from), &url) : "it is not there";
	if (why)
		tell(k, "url", "%s is no URL: %s; write https://HOST", from ? from : "it", why);
	else
		c->url = config_origin_of(&k->r->c->arena, &url);
}

/* ---- all of them ---- */

static void
check_one(const struct credential_check *k, const struct node *given, uint32_t *secrets)
{
	struct config_credential *c = k->c;

	check_header(k);
	check_provider(k);
	check_fields(k);
	check_secret(k, given);
	check_form(k, given);
	check_url(k);
	if (c->value == CREDENTIAL_SECRET)
		c->number = (*secrets)++;
}

static const struct node *
written(const struct config_reader *r, size_t route, size_t i)
{
	const struct node *all = node_get(r->root, SLICE("routes"));
	const struct node *list = all && all->kind == NODE_LIST && route < all->count
				      ? node_get(all->items[route], SLICE("credentials"))
				      : NULL;

	return list && list->kind == NODE_LIST && i < list->count ? list->items[i] : NULL;
}

static void
check_route(struct config_reader *r, size_t at, uint32_t *secrets)
{
	struct config_route *route = &r->c->routes[at];
	struct map seen = MAP_INIT;

	for (size_t i = 0; i < route->credentials_count; i++) {
		struct config_credential *c = &route->credentials[i];
		struct buf BUF_CLEAN name = { 0 };
		char key[64];
		struct credential_check k = { r, c, key };
		void **place;

		snprintf(key, sizeof key, "routes[%zu].credentials[%zu]", at, i);
		c->provider_at = TRIE_NONE;
		if (!c->header || !node_get(written(r, at, i), SLICE("value")))
			continue; /* which is told */
		check_one(&k, written(r, at, i), secrets);
		config_fold_header(c->header, &name);
		place = map_put(&seen, buf_slice(&name));
		if (*place)
			tell(&k, "header",
			     "%s is told in line %d already, and a field stands in a head once; "
			     "remove one of the two",
			     c->header, ((struct config_credential *)*place)->place.line);
		*place = c;
	}
	map_deinit(&seen, NULL);
}

void
config_check_credentials(struct config_reader *r)
{
	uint32_t secrets = 0;

	for (size_t i = 0; i < r->c->routes_count; i++)
		check_route(r, i, &secrets);
}
