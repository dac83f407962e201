/*
 * renku_login: what Renku's gateway says of sessions, providers, Redis and verifiers of tokens, as
 * settings of ours.
 */

#include "renku_own.h"

#include <stdio.h>

#define DISCOVERY "/.well-known/openid-configuration"

static struct node *
mapping(struct renku *k, size_t room)
{
	return node_new(k->r->env.arena, NODE_MAPPING, k->line, room);
}

static struct node *
list(struct renku *k, size_t room)
{
	return node_new(k->r->env.arena, NODE_LIST, k->line, room);
}

static void
put(struct renku *k, struct node *to, const char *key, const struct node *value)
{
	node_put(k->r->env.arena, to, key, value);
}

/* The value of a key of theirs under a name of ours, where it is given. */
static void
move(struct renku *k, struct node *to, const char *key, const char *path)
{
	const struct node *n = foreign_at(k->said, path);

	if (n && (n->kind != NODE_SCALAR || n->text.n > 0))
		put(k, to, key, n);
}

/* A secret as our reader takes it: where a variable says it, by its name. */
static const struct node *
renku_secret(struct renku *k, const struct node *given)
{
	const char *variable = renku_variable(k->r, given);
	struct node *n;

	if (!variable)
		return given;
	n = node_new(k->r->env.arena, NODE_MAPPING, given->line, 1);
	node_put(k->r->env.arena, n, "env",
		 node_scalar(k->r->env.arena, slice_of(variable), given->line));
	return n;
}

/* Is it there, and not empty? */
static const struct node *
secret_at(struct renku *k, const char *path)
{
	const struct node *n = foreign_at(k->said, path);

	return n && n->kind == NODE_SCALAR && n->text.n > 0 ? renku_secret(k, n) : NULL;
}

static void
put_secret(struct renku *k, struct node *to, const char *key, const char *path)
{
	const struct node *n = secret_at(k, path);

	if (n)
		put(k, to, key, n);
}

/* ---- providers ---- */

/* A variable holds a list with commas, or blanks. */
static const struct node *
list_of(struct renku *k, const struct node *given)
{
	struct node *out;
	struct slice rest;

	if (given->kind != NODE_SCALAR)
		return given;
	out = list(k, given->text.n + 1);
	for (rest = given->text; rest.n > 0;) {
		size_t n = 0;

		while (n < rest.n && rest.p[n] != ',' && rest.p[n] != ' ')
			n++;
		if (n > 0)
			node_push(out,
				  node_scalar(k->r->env.arena, slice_make(rest.p, n), given->line));
		n += n < rest.n;
		rest = slice_make(rest.p + n, rest.n - n);
	}
	return out;
}

static struct node *
provider(struct renku *k, const char *name, const struct node *said)
{
	struct node *out = node_new(k->r->env.arena, NODE_MAPPING, said->line, 10);
	const struct node *scopes = foreign_get(said, "scopes");
	char path[160];
	struct slice issuer;

	snprintf(path, sizeof path, "login.providers.%.64s.issuer", name);
	issuer = renku_text(k, path);
	move(k, out, "issuer", path);
	if (slice_starts(issuer, SLICE("http://")) && !k->production)
		foreign_put(k->r, out, "allow_http", SLICE("true"), said->line);
	snprintf(path, sizeof path, "login.providers.%.64s.clientID", name);
	move(k, out, "client_id", path);
	snprintf(path, sizeof path, "login.providers.%.64s.clientSecret", name);
	put_secret(k, out, "client_secret", path);
	if (scopes && (scopes->kind != NODE_LIST || scopes->count > 0))
		put(k, out, "scopes", list_of(k, scopes));
	snprintf(path, sizeof path, "login.providers.%.64s.callbackURI", name);
	move(k, out, "redirect_uri", path);
	if (strcmp(name, "gitlab") == 0) {
		foreign_put(k->r, out, "title", SLICE("GitLab"), said->line);
		if (!renku_true(k, "login.logoutGitLabUponRenkuLogout"))
			foreign_put(k->r, out, "end_session", SLICE("false"), said->line);
	} else {
		struct buf BUF_CLEAN account = { 0 };

		buf_addf(&account, "%.*s/account?referrer=renku", SLICE_F(issuer));
		foreign_put(k->r, out, "account_url", buf_slice(&account), said->line);
	}
	return out;
}

static struct node *
providers(struct renku *k)
{
	const struct node *said = foreign_at(k->said, "login.providers");
	struct node *out = node_new(k->r->env.arena, NODE_MAPPING, said->line, said->count);

	for (size_t i = 0; i < said->count; i++) {
		struct buf BUF_CLEAN name = { 0 };

		for (size_t c = 0; c < said->pairs[i].key->text.n; c++)
			buf_addc(&name, ascii_lower(said->pairs[i].key->text.p[c]));
		buf_addc(&name, '\0');
		put(k, out, name.p, provider(k, name.p, said->pairs[i].value));
	}
	return out;
}

/* ---- sessions and their Redis ---- */

static void
put_seconds(struct renku *k, struct node *to, const char *key, const char *path)
{
	struct slice text = renku_text(k, path);
	struct buf BUF_CLEAN seconds = { 0 };

	if (text.n == 0)
		return;
	if (slice_eq(text, SLICE("0")))
		buf_adds(&seconds, SLICE("off"));
	else
		buf_addf(&seconds, "%.*ss", SLICE_F(text));
	foreign_put(k->r, to, key, buf_slice(&seconds), foreign_at(k->said, path)->line);
}

static struct node *
session(struct renku *k)
{
	struct node *out = mapping(k, 4);

	put_seconds(k, out, "idle", "sessions.idleSessionTTLSeconds");
	put_seconds(k, out, "max", "sessions.maxSessionTTLSeconds");
	if (!k->production && slice_starts(renku_text(k, "login.renkuBaseURL"), SLICE("http://")))
		foreign_put(k->r, out, "insecure_cookie", SLICE("true"), k->line);
	return out;
}

/* One password is that of the sentinels, too. */
static struct node *
sentinel(struct renku *k, const struct node *addresses)
{
	struct node *out = mapping(k, 3);

	put(k, out, "addresses", list_of(k, addresses));
	move(k, out, "master", "redis.masterName");
	put_secret(k, out, "password", "redis.password");
	return out;
}

static struct node *
redis(struct renku *k)
{
	const struct node *addresses = foreign_at(k->said, "redis.addresses");
	const struct node *first = addresses;
	struct node *out = mapping(k, 4);

	if (renku_true(k, "redis.isSentinel")) {
		put(k, out, "sentinel", sentinel(k, addresses));
	} else {
		if (addresses->kind == NODE_LIST && addresses->count > 0)
			first = addresses->items[0];
		if (first != addresses && addresses->count > 1)
			renku_tell(k, false, addresses, "redis.addresses",
				   "sessions are kept in one server; name one, HOST:PORT, or "
				   "sentinels, and write isSentinel: true");
		put(k, out, "address", first);
	}
	put_secret(k, out, "password", "redis.password");
	move(k, out, "database", "redis.dbIndex");
	return out;
}

static const struct node *
one_secret(struct renku *k, const char *path, const char *other)
{
	struct node *out = list(k, 1), *one = mapping(k, 1);
	const struct node *n = secret_at(k, path);

	put(k, one, "key", n ? n : secret_at(k, other));
	node_push(out, one);
	return out;
}

static const struct node *
sequence(struct renku *k)
{
	struct node *out = list(k, 2);

	node_push(out, node_scalar(k->r->env.arena, SLICE("renku"), k->line));
	if (foreign_at(k->said, "login.providers.gitlab"))
		node_push(out, node_scalar(k->r->env.arena, SLICE("gitlab"), k->line));
	return out;
}

/* ---- tokens that are shown ---- */

static struct node *
verifier(struct renku *k, const struct node *said)
{
	struct node *out = node_new(k->r->env.arena, NODE_MAPPING, said->line, 7);
	struct node *required = node_new(k->r->env.arena, NODE_MAPPING, said->line, 1);
	const struct node *issuer = foreign_get(said, "issuer");
	struct node *algorithms = list(k, 3);
	struct buf BUF_CLEAN url = { 0 };

	buf_addf(&url, "%.*s" DISCOVERY, SLICE_F(issuer->text));
	put(k, out, "issuer", issuer);
	foreign_put(k->r, out, "discovery", buf_slice(&url), said->line);
	put(k, out, "audience", foreign_get(said, "audience"));
	put(k, required, "azp", foreign_get(said, "authorizedParty"));
	put(k, out, "required", required);
	node_push(algorithms, node_scalar(k->r->env.arena, SLICE("RS256"), said->line));
	node_push(algorithms, node_scalar(k->r->env.arena, SLICE("ES256"), said->line));
	node_push(algorithms, node_scalar(k->r->env.arena, SLICE("PS256"), said->line));
	put(k, out, "algorithms", algorithms);
	foreign_put(k->r, out, "leeway", SLICE("1s"), said->line);
	if (!k->production && slice_starts(issuer->text, SLICE("http://")))
		foreign_put(k->r, out, "allow_http", SLICE("true"), said->line);
	return out;
}

/* By who they are for, "bearer-renku-cli", as far as a name can say it. */
static void
name_issuer(const struct node *all, size_t i, struct slice party, struct buf *name)
{
	buf_adds(name, SLICE("bearer-"));
	for (size_t c = 0; c < party.n; c++) {
		char lower = ascii_lower(party.p[c]);
		bool plain = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9') ||
			     lower == '.' || lower == '_';

		buf_addc(name, plain ? party.p[c] : '-');
	}
	if (node_get(all, buf_slice(name)))
		buf_addf(name, ".%zu", i + 1);
	buf_addc(name, '\0');
}

static struct node *
issuers(struct renku *k, const struct node *said)
{
	struct node *out = node_new(k->r->env.arena, NODE_MAPPING, said->line, said->count);

	for (size_t i = 0; i < said->count; i++) {
		const struct node *party = foreign_get(said->items[i], "authorizedParty");
		struct buf BUF_CLEAN name = { 0 };

		name_issuer(out, i, party->text, &name);
		put(k, out, name.p, verifier(k, said->items[i]));
	}
	return out;
}

static void
put_gate(struct renku *k)
{
	const struct node *said = foreign_at(k->said, "sessions.authorizationVerifiers");
	struct node *gate;

	if (!said || said->count == 0 || node_get(k->out, SLICE("gate")))
		return;
	gate = mapping(k, 1);
	put(k, gate, "issuers", issuers(k, said));
	put(k, k->out, "gate", gate);
}

void
renku_login(struct renku *k)
{
	struct node *login = mapping(k, 9);
	struct slice host, origin = renku_origin(k, "login.renkuBaseURL", &host);

	if (origin.n > 0)
		foreign_put(k->r, login, "url", origin, k->line);
	move(k, login, "base_path", "login.loginRoutesBasePath");
	put(k, login, "providers", providers(k));
	put(k, login, "sequence", sequence(k));
	put(k, login, "session", session(k));
	put(k, login, "cookie_keys",
	    one_secret(k, "sessions.cookieHashKey", "login.providers.renku.cookieHashKey"));
	put(k, login, "token_keys", one_secret(k, "login.tokenEncryption.secretKey", ""));
	put(k, login, "redis", redis(k));
	put(k, k->out, "login", login);
	put_gate(k);
}
