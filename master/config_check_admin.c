/*
 * Who may change rules is never left to a guess: an API without tokens is a mistake unless the file
 * says in so many words that it is meant.
 */

#include "config_check.h"

#include "shm/message.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>

#define TOKEN_ADVISED 16 /* bytes */

/* Digits are a number, so that one can name a user whom this host does not know. */
static bool
find_user(const char *name, uint32_t *uid)
{
	const struct passwd *known;
	char *end;
	unsigned long n = strtoul(name, &end, 10);

	if (*end == '\0' && *name >= '0' && *name <= '9') {
		*uid = (uint32_t)n;
		return n < UINT32_MAX;
	}
	known = getpwnam(name);
	if (known)
		*uid = known->pw_uid;
	return known != NULL;
}

static void
check_users(struct config_reader *r)
{
	struct config *c = r->c;

	for (size_t i = 0; i < c->admin_users_count; i++) {
		struct config_admin_user *u = &c->admin_users[i];
		char key[80];

		if (!u->name || find_user(u->name, &u->uid))
			continue;
		snprintf(key, sizeof key, "admin.users.%s", u->name);
		mistakes_add(&r->mistakes, false, u->place.line, key,
			     "there is no user %s on this system; create it, or give its number",
			     u->name);
	}
}

static void
check_token(struct config_reader *r, const struct config_api_token *t)
{
	const struct config *c = r->c;
	char key[80];

	if (!t->name || !t->secret.bytes) /* it is told already */
		return;
	snprintf(key, sizeof key, "admin.api.tokens.%s.secret", t->name);
	if (t->secret.n == 0)
		mistakes_add(&r->mistakes, false, t->place.line, key,
			     "the token is empty; make one, for example with openssl rand -hex 32");
	else if (t->secret.n < TOKEN_ADVISED)
		mistakes_add(&r->mistakes, true, t->place.line, key,
			     "the token has %zu bytes and can be guessed; use at least %d",
			     t->secret.n, TOKEN_ADVISED);
	for (size_t i = 0; t->secret.n > 0 && &c->api.tokens[i] < t; i++) {
		const struct config_api_token *other = &c->api.tokens[i];

		if (other->name && other->secret.n == t->secret.n &&
		    memcmp(other->secret.bytes, t->secret.bytes, t->secret.n) == 0)
			mistakes_add(&r->mistakes, false, t->place.line, key,
				     "it is the token of %s, too; give each its own", other->name);
	}
}

/* What reaches it may be anybody. */
static void
check_open(struct config_reader *r, const struct config_api_listener *l, size_t i)
{
	const struct config *c = r->c;
	char key[48];

	if (!l->address.text)
		return;
	snprintf(key, sizeof key, "admin.api.listen[%zu].address", i);
	if (c->api.unauthenticated)
		mistakes_add(
		    &r->mistakes, true, l->place.line, key,
		    "admin.api.allow_unauthenticated is set: WHOEVER REACHES %s MAY CHANGE "
		    "THE RULES; use tokens, or see to it that only operators reach it",
		    l->address.text);
	else if (c->api.tokens_count == 0)
		mistakes_add(&r->mistakes, false, l->place.line, key,
			     "there is no token in admin.api.tokens, so that nobody could use it; "
			     "add one, or write allow_unauthenticated: true if whoever reaches %s "
			     "may change the rules",
			     l->address.text);
	else if (!config_is_loopback(&l->address))
		mistakes_add(&r->mistakes, true, l->place.line, key,
			     "%s is not loopback, and tokens go over it in the clear; use "
			     "127.0.0.1 unless the network is yours alone",
			     l->address.text);
	if (l->address.unix_path)
		mistakes_add(&r->mistakes, false, l->place.line, key,
			     "this is for TCP; a Unix socket of the API is admin.socket");
}

/* They travel to the admin worker in one message. */
static void
check_sizes(struct config_reader *r)
{
	const struct config *c = r->c;
	size_t hosts = 0;

	for (size_t i = 0; i < c->api.hosts_count; i++)
		hosts += strlen(c->api.hosts[i]) + 1;
	for (size_t i = 0; i < c->api.listen_count; i++) {
		const char *host = c->api.listen[i].address.host;

		hosts += host ? strlen(host) + 1 : 0;
	}
	if (c->admin_users_count + c->api.tokens_count > ACCESS_MAX)
		mistakes_add(&r->mistakes, false, config_line(r, "admin"), "admin",
			     "users and tokens are more than %d; remove some", ACCESS_MAX);
	if (hosts >= sizeof((struct msg_access *)0)->hosts)
		mistakes_add(&r->mistakes, false, config_line(r, "admin.api"), "admin.api.hosts",
			     "the names have more than %zu bytes in all; remove some",
			     sizeof((struct msg_access *)0)->hosts);
}

void
config_check_admin(struct config_reader *r)
{
	const struct config *c = r->c;

	check_users(r);
	for (size_t i = 0; i < c->api.tokens_count; i++)
		check_token(r, &c->api.tokens[i]);
	for (size_t i = 0; i < c->api.listen_count; i++)
		check_open(r, &c->api.listen[i], i);
	check_sizes(r);
}
