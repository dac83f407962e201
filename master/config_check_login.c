/*
 * config_check_login: sessions, the keys that guard them, and the Redis that holds them.
 */

#include "config_check_login.h"

#include "url.h"

#include "lib/jwt_sign.h"
#include "shm/table.h"

#include <stdio.h>

#define KEY_MIN 32 /* bytes */
#define SHORT_COOKIE "yett"

static void
wrong(struct config_reader *r, const char *key, const char *text)
{
	mistakes_add(&r->mistakes, false, config_line(r, key), key, "%s", text);
}

/* ---- where it is ---- */

const char *
config_origin_of(struct arena *arena, const struct config_url *url)
{
	struct buf BUF_CLEAN text = { 0 };

	buf_addf(&text, "%s://%s", url->https ? "https" : "http", url->authority);
	return arena_string(arena, buf_slice(&text));
}

/* NULL with a mistake: it is none. */
static const char *
origin_read(struct config_reader *r, const char *key, const char *text, struct config_url *url)
{
	const char *why = url_parse(&r->c->arena, slice_of(text), url);

	if (!why && strcmp(url->path, "/") != 0)
		why = "there is a path or a query behind the host";
	if (!why)
		return config_origin_of(&r->c->arena, url);
	mistakes_add(&r->mistakes, false, config_line(r, key), key,
		     "%s is no origin: %s; write https://HOST", text, why);
	return NULL;
}

static void
check_url(struct config_reader *r)
{
	struct config_login *l = &r->c->login;
	struct config_url url;

	if (!l->url && !node_at(r->root, SLICE("login.url")))
		mistakes_add(&r->mistakes, false, config_line(r, "login"), "login.url",
			     "it is missing; say what browsers call this gateway by, such as "
			     "https://HOST, or remove login");
	if (!l->url)
		return;
	l->url = origin_read(r, "login.url", l->url, &url);
	if (!l->url || url.https)
		return;
	if (!l->insecure_cookie)
		wrong(r, "login.url",
		      "over http anybody on the way can take over sessions; write https://, or "
		      "login.session.insecure_cookie: true for development");
}

static void
check_redirects(struct config_reader *r)
{
	struct config_login *l = &r->c->login;
	struct config_url url;

	for (size_t i = 0; i < l->redirects_count; i++) {
		if (l->redirects[i])
			l->redirects[i] = origin_read(r, "login.redirects", l->redirects[i], &url);
	}
}

static bool
may_end_at(const struct config_login *l, const char *origin)
{
	for (size_t i = 0; i < l->redirects_count; i++) {
		if (l->redirects[i] && strcmp(l->redirects[i], origin) == 0)
			return true;
	}
	return l->url && strcmp(l->url, origin) == 0;
}

static void
check_paths(struct config_reader *r)
{
	struct config_login *l = &r->c->login;
	size_t n = l->base_path ? strlen(l->base_path) : 0;
	struct config_url url;
	const char *why;

	if (n > 1 && l->base_path[n - 1] == '/')
		l->base_path = arena_string(&r->c->arena, slice_make(l->base_path, n - 1));
	if (!l->home || (l->home[0] == '/' && l->home[1] != '/' && l->home[1] != '\\'))
		return;
	why = url_parse(&r->c->arena, slice_of(l->home), &url);
	if (why || !may_end_at(l, config_origin_of(&r->c->arena, &url)))
		wrong(r, "login.home",
		      "it is neither a path nor a URL at login.url or one of login.redirects; "
		      "write /PATH");
}

/* ---- the session ---- */

static bool
has_prefix(const char *cookie)
{
	return strncasecmp(cookie, "__Host-", 7) == 0 || strncasecmp(cookie, "__Secure-", 9) == 0;
}

/* Beside the one of sessions, its name with more behind a hyphen. */
static bool
is_own(const char *cookie, const char *name)
{
	size_t n = strlen(cookie);

	return strncmp(name, cookie, n) == 0 && (name[n] == '\0' || name[n] == '-');
}

static void
check_cookie(struct config_reader *r)
{
	struct config_login *l = &r->c->login;
	const struct config_gate *g = &r->c->gate;
	bool given = node_at(r->root, SLICE("login.session.cookie")) != NULL;

	if (!l->cookie)
		return;
	if (l->insecure_cookie && has_prefix(l->cookie) && given)
		wrong(r, "login.session.cookie",
		      "browsers take a cookie of this name only with Secure, which "
		      "insecure_cookie leaves out; choose a name without __Host- or __Secure-");
	if (l->insecure_cookie && has_prefix(l->cookie))
		l->cookie = SHORT_COOKIE;
	if (l->insecure_cookie)
		mistakes_add(&r->mistakes, true, config_line(r, "login.session.insecure_cookie"),
			     "login.session.insecure_cookie",
			     "SESSIONS ARE NOT SAFE: whoever is on the way of one request over "
			     "http can take over its session; remove it for anything but "
			     "development");
	if (g->sources & TOKEN_FROM_COOKIE && g->cookie && is_own(l->cookie, g->cookie))
		wrong(r, "login.session.cookie",
		      "tokens of the gate come in a cookie of this name, or of one that login uses "
		      "beside it (gate.cookie); choose another");
}

static void
check_times(struct config_reader *r)
{
	const struct config_login *l = &r->c->login;

	if (l->max_s > 0 && l->idle_s > l->max_s)
		wrong(r, "login.session.idle",
		      "it is longer than login.session.max, by when every session has ended; "
		      "shorten it, or raise max");
	if (l->idle_s > 0 && l->touch_s >= l->idle_s)
		wrong(r, "login.session.touch",
		      "a session that is in use would end before that is written; make it shorter "
		      "than login.session.idle");
}

/* ---- keys ---- */

static void
check_keys(struct config_reader *r, const char *setting, const struct config_login_key *keys,
	   size_t count, const char *what)
{
	if (count == 0)
		mistakes_add(
		    &r->mistakes, false,
		    config_line(r, setting) ? config_line(r, setting) : config_line(r, "login"),
		    setting,
		    "there is none to %s with; make one (head -c 48 /dev/urandom | base64) "
		    "and give [{file: PATH}]",
		    what);
	for (size_t i = 0; i < count; i++) {
		char key[48];

		snprintf(key, sizeof key, "%s[%zu]", setting, i);
		if (keys[i].secret.bytes && keys[i].secret.n < KEY_MIN)
			mistakes_add(&r->mistakes, false, keys[i].place.line, key,
				     "the key (%s) has %zu bytes, which can be guessed; use at "
				     "least %d random ones",
				     keys[i].secret.origin, keys[i].secret.n, KEY_MIN);
	}
}

static bool
key_same(const struct config_secret *a, const struct config_secret *b)
{
	return a->bytes && b->bytes && a->n == b->n && memcmp(a->bytes, b->bytes, a->n) == 0;
}

static void
check_apart(struct config_reader *r)
{
	const struct config_login *l = &r->c->login;

	for (size_t i = 0; i < l->token_keys_count; i++) {
		for (size_t k = 0; k < l->cookie_keys_count; k++) {
			if (key_same(&l->token_keys[i].secret, &l->cookie_keys[k].secret))
				mistakes_add(
				    &r->mistakes, true, l->token_keys[i].place.line,
				    "login.token_keys",
				    "one of them is one of login.cookie_keys, too; use "
				    "keys of their own, so that each can be changed alone");
		}
	}
}

/* ---- the Redis ---- */

/* What it does not say is as redis: says; but who may read rules is nobody to read sessions, unless
 * nothing at all is said of them. */
static void
complete_redis(struct config_reader *r, const struct node *given)
{
	struct config_sessions *s = &r->c->login.redis;
	const struct config_redis *rules = &r->c->redis;

	s->line = given ? given->line : config_line(r, "login");
	if (config_seeks(given) || !rules->address.text)
		return;
	s->address = rules->address;
	s->seek = rules->seek;
	if (!node_get(given, SLICE("tls"))) {
		s->secure = rules->secure;
		s->tls = rules->tls;
	}
	if (!node_get(given, SLICE("database")))
		s->database = rules->database;
	if (given)
		return;
	s->username = rules->username;
	s->password = rules->password;
}

static bool
same_text(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

/* One that is found has a text alone. */
static bool
same_place(const struct config_address *a, const struct config_address *b)
{
	if (!a->host && !a->unix_path && !same_text(a->text, b->text))
		return false;
	return b->text && a->port == b->port && same_text(a->host, b->host) &&
	       same_text(a->unix_path, b->unix_path);
}

static void
check_redis(struct config_reader *r)
{
	const struct node *given = node_at(r->root, SLICE("login.redis"));
	struct config_sessions *s = &r->c->login.redis;
	const struct config_redis *rules = &r->c->redis;

	config_check_seek(r, "login.redis", &s->seek, &s->address, s->database);
	complete_redis(r, given);
	if (!s->address.text && !config_seeks(given))
		mistakes_add(&r->mistakes, false, s->line, "login.redis.address",
			     "no Redis is configured that could hold sessions; give "
			     "login.redis.address, or redis.address (or how it is found: "
			     ".sentinel, .cluster)");
	config_check_pins(r, &s->tls, s->line, "login.redis.tls.pin_sha256");
	if (s->secure && s->tls.insecure_skip_verify)
		mistakes_add(&r->mistakes, true, s->line, "login.redis.tls.insecure_skip_verify",
			     "whoever answers in its place is taken for Redis, and can read and "
			     "make sessions; give login.redis.tls.ca instead");
	if (s->address.text && same_place(&s->address, &rules->address) &&
	    same_text(s->username, rules->username))
		mistakes_add(&r->mistakes, true, s->line, "login.redis.username",
			     "sessions and rules are read as the same user of Redis, so that who "
			     "can write the one can write the other; make it a user of its own "
			     "(yett(8) has the line)");
}

static void
check_assertion(struct config_reader *r)
{
	struct config_assertion *a = &r->c->login.assertion;

	if (!a->issuer || !*a->issuer)
		a->issuer = r->c->login.url;
	for (size_t i = 0; i < a->keys_count; i++) {
		const struct config_secret *s = &a->keys[i].secret;
		const char *why = NULL;
		struct jwt_signer *signer =
		    s->bytes ? jwt_signer_new(slice_make(s->bytes, s->n), &why) : NULL;

		if (s->bytes && !signer)
			mistakes_add(&r->mistakes, false, a->keys[i].place.line,
				     "login.assertion.keys",
				     "the key (%s) cannot be used: %s; give a private key in PEM, "
				     "RSA of 2048 bits or more or P-256",
				     s->origin, why);
		jwt_signer_free(signer);
	}
}

void
config_check_login(struct config_reader *r)
{
	struct config_login *l = &r->c->login;
	const struct node *n = node_get(r->root, SLICE("login"));

	l->configured = n && n->kind == NODE_MAPPING && n->count > 0;
	if (!l->configured)
		return;
	check_url(r);
	check_redirects(r);
	check_paths(r);
	check_cookie(r);
	check_times(r);
	check_keys(r, "login.cookie_keys", l->cookie_keys, l->cookie_keys_count, "sign cookies");
	check_keys(r, "login.token_keys", l->token_keys, l->token_keys_count, "seal tokens");
	check_apart(r);
	check_assertion(r);
	check_redis(r);
	config_check_providers(r);
}
