/*
 * renku_check: what Renku's gateway refuses to start with, and keys that are none of its. Keys that
 * have no meaning here are told with what is in their place.
 */

#include "renku_own.h"

#include "number.h"

#include <stdio.h>

static const struct setting_word of_server[] = {
	{ "host", 0 }, { "port", 0 }, { "allowOrigin", 0 }, { "rateLimits", 0 }, { 0 }
};
static const struct setting_word of_sessions[] = {
	{ "idleSessionTTLSeconds", 0 },
	{ "maxSessionTTLSeconds", 0 },
	{ "cookieEncodingKey", 0 },
	{ "cookieHashKey", 0 },
	{ "authorizationVerifiers", 0 },
	{ "unsafeNoCookieHandler", 0 },
	{ 0 },
};
static const struct setting_word of_verifier[] = {
	{ "issuer", 0 }, { "audience", 0 }, { "authorizedParty", 0 }, { 0 }
};
static const struct setting_word of_redirects[] = { { "gitlab", 0 }, { 0 } };
static const struct setting_word of_gitlab[] = { { "enabled", 0 },
						 { "renkuBaseURL", 0 },
						 { "redirectedHost", 0 },
						 { "entryTtlSeconds", 0 },
						 { 0 } };
static const struct setting_word of_revproxy[] = {
	{ "enableInternalGitlab", 0 },
	{ "enableV1Services", 0 },
	{ "renkuBaseURL", 0 },
	{ "externalGitlabURL", 0 },
	{ "k8sNamespace", 0 },
	{ "renkuServices", 0 },
	{ 0 },
};
static const struct setting_word of_services[] = {
	{ "dataService", 0 }, { "keycloak", 0 }, { "uiServer", 0 }, { "notebooks", 0 },
	{ "noteboooks", 0 },  { "kg", 0 },       { "webhook", 0 },  { "webhoook", 0 },
	{ "core", 0 },        { "auth", 0 },     { "search", 0 },   { 0 },
};
static const struct setting_word of_login[] = {
	{ "enableInternalGitlab", 0 },
	{ "enableV1Services", 0 },
	{ "renkuBaseURL", 0 },
	{ "loginRoutesBasePath", 0 },
	{ "endpointsBasePath", 0 },
	{ "tokenEncryption", 0 },
	{ "providers", 0 },
	{ "oldGitLabLogout", 0 },
	{ "logoutGitLabUponRenkuLogout", 0 },
	{ 0 },
};
static const struct setting_word of_encryption[] = { { "enabled", 0 }, { "secretKey", 0 }, { 0 } };
static const struct setting_word of_provider[] = {
	{ "issuer", 0 },
	{ "clientID", 0 },
	{ "clientSecret", 0 },
	{ "scopes", 0 },
	{ "callbackURI", 0 },
	{ "usePKCE", 0 },
	{ "cookieHashKey", 0 },
	{ "cookieEncodingKey", 0 },
	{ "unsafeNoCookieHandler", 0 },
	{ 0 },
};
static const struct setting_word of_redis[] = {
	{ "type", 0 },
	{ "addresses", 0 },
	{ "isSentinel", 0 },
	{ "password", 0 },
	{ "masterName", 0 },
	{ "dbIndex", 0 },
	{ 0 },
};
static const struct setting_word of_posthog[] = {
	{ "enabled", 0 }, { "apiKey", 0 }, { "host", 0 }, { "environment", 0 }, { 0 }
};
static const struct setting_word of_monitoring[] = { { "sentry", 0 }, { "prometheus", 0 }, { 0 } };
static const struct setting_word of_sentry[] = {
	{ "enabled", 0 }, { "dsn", 0 }, { "environment", 0 }, { "sampleRate", 0 }, { 0 }
};
static const struct setting_word of_prometheus[] = { { "enabled", 0 }, { "port", 0 }, { 0 } };

static const struct {
	const char *path;
	const struct setting_word *known;
} mappings[] = {
	{ "server", of_server },
	{ "sessions", of_sessions },
	{ "redirects", of_redirects },
	{ "redirects.gitlab", of_gitlab },
	{ "revproxy", of_revproxy },
	{ "revproxy.renkuServices", of_services },
	{ "login", of_login },
	{ "login.tokenEncryption", of_encryption },
	{ "redis", of_redis },
	{ "posthog", of_posthog },
	{ "monitoring", of_monitoring },
	{ "monitoring.sentry", of_sentry },
	{ "monitoring.prometheus", of_prometheus },
};

/* What is not taken over, where it is given (or, with `on`, where it is true). */
static const struct {
	const char *path;
	bool on;
	const char *text;
} without[] = {
	{ "posthog.enabled", true,
	  "nothing is sent to PostHog; count logins by the access log, and write false" },
	{ "monitoring.sentry.enabled", true,
	  "nothing is sent to Sentry, errors stand in the log; write false" },
	{ "revproxy.k8sNamespace", false,
	  "Kubernetes is not asked for endpoints, names are resolved; remove it" },
	{ "revproxy.renkuServices.kg", false,
	  "the routes are those of the current gateway, which has none to it; remove it, or write "
	  "routes as in etc/examples/renku-external-gitlab.yaml" },
	{ "revproxy.renkuServices.webhook", false, "as kg; remove it" },
	{ "revproxy.renkuServices.core", false, "as kg; remove it" },
	{ "revproxy.renkuServices.notebooks", false, "as kg; remove it" },
	{ "revproxy.renkuServices.auth", false, "as kg; remove it" },
	{ "revproxy.renkuServices.search", false, "as kg; remove it" },
	{ "login.endpointsBasePath", false,
	  "Renku's gateway does not read it, either; write loginRoutesBasePath" },
	{ "login.oldGitLabLogout", true,
	  "a logout goes on to every provider that has an end_session_endpoint; remove it" },
	{ "sessions.cookieEncodingKey", false,
	  "the cookie holds a random number and its signature, so that there is nothing to "
	  "encrypt; "
	  "remove it" },
};

void
renku_tell(struct renku *k, bool warning, const struct node *at, const char *path, const char *text)
{
	mistakes_add(&k->r->mistakes, warning, at ? at->line : k->line, path, "%s", text);
}

struct slice
renku_text(struct renku *k, const char *path)
{
	const struct node *n = foreign_at(k->said, path);

	if (n && n->kind != NODE_SCALAR)
		renku_tell(k, false, n, path, "a text belongs here; write it behind the colon");
	return n && n->kind == NODE_SCALAR ? n->text : SLICE("");
}

bool
renku_true(struct renku *k, const char *path)
{
	struct slice text = renku_text(k, path);

	if (text.n > 0 && !slice_ieq(text, SLICE("true")) && !slice_ieq(text, SLICE("false")))
		renku_tell(k, false, foreign_at(k->said, path), path,
			   "it is true or false; write one of the two");
	return slice_ieq(text, SLICE("true"));
}

/* A text that has to be there; p NULL: it is not, which is told with `remedy`. */
static struct slice
renku_needed(struct renku *k, const char *path, const char *remedy)
{
	struct slice text = renku_text(k, path);

	if (text.n > 0)
		return text;
	if (!foreign_at(k->said, path) || foreign_at(k->said, path)->kind == NODE_SCALAR)
		renku_tell(k, false, foreign_at(k->said, path), path, remedy);
	return slice_make(NULL, 0);
}

static int64_t
number_of(struct renku *k, const char *path, int64_t initial)
{
	struct slice text = renku_text(k, path);
	int64_t number = initial;

	if (text.n == 0 || number_parse(SETTING_SIGNED, text, &number) == NUMBER_OK)
		return number;
	renku_tell(k, false, foreign_at(k->said, path), path,
		   "it is a number; write one, such as 14400");
	return initial;
}

static void
check_keys(struct renku *k)
{
	for (size_t i = 0; i < sizeof mappings / sizeof mappings[0]; i++) {
		const struct node *n = foreign_at(k->said, mappings[i].path);

		if (n)
			foreign_keys(k->r, n, RENKU, mappings[i].path, mappings[i].known);
	}
	for (size_t i = 0; i < sizeof without / sizeof without[0]; i++) {
		const struct node *n = foreign_at(k->said, without[i].path);

		if (n && !(n->kind == NODE_SCALAR && n->text.n == 0) &&
		    (!without[i].on || renku_true(k, without[i].path)))
			renku_tell(k, true, n, without[i].path, without[i].text);
	}
}

/* 0: it is not there. */
static void
check_length(struct renku *k, const char *path, size_t a, size_t b)
{
	size_t n = renku_text(k, path).n;
	char text[128];

	if (n == 0 || n == a || n == b)
		return;
	snprintf(text, sizeof text,
		 "it has %zu bytes, and must have %zu%s; make one by openssl "
		 "rand -hex %zu",
		 n, a, a != b ? " or 32" : "", a / 2);
	renku_tell(k, false, foreign_at(k->said, path), path, text);
}

static void
check_sessions(struct renku *k)
{
	int64_t idle = number_of(k, "sessions.idleSessionTTLSeconds", 14400);
	int64_t max = number_of(k, "sessions.maxSessionTTLSeconds", 86400);

	if (idle <= 0)
		renku_tell(k, false, foreign_at(k->said, "sessions.idleSessionTTLSeconds"),
			   "sessions.idleSessionTTLSeconds",
			   "a session has to last longer than 0s; write 14400");
	else if (max > 0 && max < idle)
		renku_tell(k, false, foreign_at(k->said, "sessions.maxSessionTTLSeconds"),
			   "sessions.maxSessionTTLSeconds",
			   "it is less than idleSessionTTLSeconds, which would then have no "
			   "meaning; write more, or 0 for no limit");
	check_length(k, "sessions.cookieHashKey", 32, 32);
	check_length(k, "sessions.cookieEncodingKey", 16, 32);
	if (renku_true(k, "sessions.unsafeNoCookieHandler"))
		renku_tell(k, false, foreign_at(k->said, "sessions.unsafeNoCookieHandler"),
			   "sessions.unsafeNoCookieHandler",
			   "cookies are always signed; remove it, and give cookieHashKey");
}

static void
check_verifiers(struct renku *k)
{
	const struct node *all = foreign_at(k->said, "sessions.authorizationVerifiers");

	if (all && all->kind != NODE_LIST)
		renku_tell(k, false, all, "sessions.authorizationVerifiers",
			   "a list belongs here; write one verifier a line behind \"- \"");
	for (size_t i = 0; all && all->kind == NODE_LIST && i < all->count; i++) {
		char where[64];

		snprintf(where, sizeof where, "sessions.authorizationVerifiers[%zu]", i);
		if (!foreign_keys(k->r, all->items[i], RENKU, where, of_verifier))
			continue;
		for (size_t f = 0; of_verifier[f].word; f++) {
			if (!foreign_get(all->items[i], of_verifier[f].word))
				mistakes_add(&k->r->mistakes, false, all->items[i]->line, where,
					     "%s is missing; give it", of_verifier[f].word);
		}
	}
}

static void
check_provider(struct renku *k, const struct node *name, const struct node *n)
{
	static const char *const lengths[] = { "cookieHashKey", "cookieEncodingKey" };
	char where[128], below[192];

	snprintf(where, sizeof where, "login.providers.%.64s", name->text.p);
	if (k->production && !slice_ieq(name->text, SLICE("renku")) &&
	    !slice_ieq(name->text, SLICE("gitlab")))
		renku_tell(k, false, name, where,
			   "in production a provider is renku or gitlab; rename it, or write "
			   "runningEnvironment: development");
	if (!foreign_keys(k->r, n, RENKU, where, of_provider))
		return;
	for (size_t i = 0; i < 2; i++) {
		snprintf(below, sizeof below, "%s.%s", where, lengths[i]);
		check_length(k, below, i ? 16 : 32, 32);
	}
	snprintf(below, sizeof below, "%s.unsafeNoCookieHandler", where);
	if (renku_true(k, below))
		renku_tell(k, false, foreign_at(k->said, below), below,
			   "without a cookie anybody could log a browser in as somebody else; "
			   "remove it");
}

static void
check_login(struct renku *k)
{
	const struct node *all = foreign_at(k->said, "login.providers");

	check_length(k, "login.tokenEncryption.secretKey", 32, 32);
	if (renku_text(k, "login.tokenEncryption.secretKey").n == 0)
		renku_tell(k, false, foreign_at(k->said, "login.tokenEncryption"),
			   "login.tokenEncryption.secretKey",
			   "tokens in Redis are always encrypted; give a key of 32 bytes");
	if (all && all->kind != NODE_MAPPING)
		renku_tell(k, false, all, "login.providers",
			   "a mapping belongs here; write its keys below it, indented");
	for (size_t i = 0; all && all->kind == NODE_MAPPING && i < all->count; i++) {
		if (all->pairs[i].key->kind == NODE_SCALAR)
			check_provider(k, all->pairs[i].key, all->pairs[i].value);
	}
}

static void
check_redis(struct renku *k)
{
	struct slice type = renku_text(k, "redis.type");

	if (type.n > 0 && !slice_eq(type, SLICE("redis")))
		renku_tell(k, false, foreign_at(k->said, "redis.type"), "redis.type",
			   "sessions are kept in a Redis server alone; write redis, and its "
			   "address");
}

static void
check_needed(struct renku *k)
{
	static const struct {
		const char *path, *remedy;
	} needed[] = {
		{ "server.port", "it is missing; give the port to listen on, such as 8080" },
		{ "revproxy.renkuBaseURL", "it is missing; give https://HOST" },
		{ "revproxy.renkuServices.dataService",
		  "it is missing; give the URL of the data service" },
		{ "revproxy.renkuServices.keycloak", "it is missing; give the URL of Keycloak" },
		{ "revproxy.renkuServices.uiServer",
		  "it is missing; give the URL of the UI server" },
		{ "login.renkuBaseURL", "it is missing; give https://HOST, as users call it" },
		{ "login.providers.renku.issuer",
		  "it is missing; give its URL, https://HOST/auth/realms/Renku" },
		{ "login.providers.renku.clientID", "it is missing; give it" },
	};

	const struct node *addresses = foreign_at(k->said, "redis.addresses");

	for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
		renku_needed(k, needed[i].path, needed[i].remedy);
	if (renku_text(k, "sessions.cookieHashKey").n == 0 &&
	    renku_text(k, "login.providers.renku.cookieHashKey").n == 0)
		renku_tell(k, false, foreign_get(k->said, "sessions"), "sessions.cookieHashKey",
			   "without it nobody could trust a cookie; give a key of 32 bytes");
	if (renku_true(k, "redirects.gitlab.enabled"))
		renku_needed(k, "redirects.gitlab.renkuBaseURL",
			     "it is missing; give https://HOST");
	if (!addresses || (addresses->kind == NODE_LIST && addresses->count == 0))
		renku_tell(k, false, foreign_get(k->said, "redis"), "redis.addresses",
			   "sessions need a Redis server; give [HOST:PORT]");
}

bool
renku_check(struct renku *k)
{
	struct slice environment = renku_text(k, "runningEnvironment");

	k->production = !slice_eq(environment, SLICE("development"));
	if (k->production && environment.n > 0 && !slice_eq(environment, SLICE("production")))
		renku_tell(k, false, foreign_get(k->said, "runningEnvironment"),
			   "runningEnvironment", "it is production or development; write one");
	check_keys(k);
	check_sessions(k);
	check_verifiers(k);
	check_login(k);
	check_redis(k);
	check_needed(k);
	return k->r->mistakes.errors == 0;
}
