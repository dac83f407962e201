/*
 * config_check_tls: does what the TLS listeners are given hold together, and can it be read? Reads
 * the files of certificates, as the gateway would.
 */

#include "config_check.h"

#include "certificates.h"

#include "lib/tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SECRET_MIN 32 /* bytes */

/* ---- where the keys are ---- */

static const char *
credential_path(struct config_reader *r, const struct config_certificate *c, const char *key)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	struct buf BUF_CLEAN path = { 0 };

	if (!folder || !*folder) {
		mistakes_add(&r->mistakes, false, c->place.line, key,
			     "there are no credentials (CREDENTIALS_DIRECTORY is not set); put "
			     "LoadCredential=%s:PATH into the unit",
			     c->key_credential);
		return NULL;
	}
	buf_addf(&path, "%s/%s", folder, c->key_credential);
	return arena_string(&r->c->arena, buf_slice(&path));
}

static void
finish_certificate(struct config_reader *r, size_t i)
{
	struct config_certificate *c = &r->c->tls.certificates[i];
	bool alone = c->key || c->key_credential || c->file;
	char key[48];

	snprintf(key, sizeof key, "tls.certificates[%zu]", i);
	if (!c->file && !c->directory)
		mistakes_add(&r->mistakes, false, c->place.line, key,
			     "it names no file; write {certificate: FILE, key: FILE} or "
			     "{directory: FOLDER}");
	if (c->directory && alone)
		mistakes_add(&r->mistakes, false, c->place.line, key,
			     "a directory stands alone, its keys are in it; remove certificate and "
			     "key, or make them an entry of their own");
	if (c->key && c->key_credential)
		mistakes_add(&r->mistakes, false, c->place.line, key,
			     "key and key_credential are two places of one key; remove one");
	c->key_path = c->key_credential ? credential_path(r, c, key) : c->key;
	if (c->key_credential && !c->key_path)
		c->file = NULL; /* it is told already */
}

static bool
has_listener(const struct config *c)
{
	for (size_t i = 0; i < c->listeners_count; i++) {
		if (c->listeners[i].tls)
			return true;
	}
	return false;
}

/* Names of certificates are kept in lower case. */
static void
finish_default(struct config *c)
{
	char *lower = arena_string(&c->arena, slice_of(c->tls.default_certificate));

	c->tls.default_certificate = lower;
	for (; *lower; lower++)
		*lower = ascii_lower(*lower);
}

/* ---- tickets ---- */

static void
check_tickets(struct config_reader *r)
{
	const struct config_secret *secret = &r->c->tls.ticket_secret;
	int line = config_line(r, "tls.ticket_secret");

	if (r->c->tls.tickets == TICKETS_REDIS && !r->c->redis.address.text)
		mistakes_add(&r->mistakes, false, config_line(r, "tls.tickets"), "tls.tickets",
			     "no Redis is configured to keep them; give redis.address, or write "
			     "true");
	if (r->c->tls.tickets == TICKETS_REDIS && !secret->bytes && line == 0)
		mistakes_add(&r->mistakes, false, config_line(r, "tls.tickets"), "tls.tickets",
			     "nothing seals the keys in Redis; give tls.ticket_secret: {file: "
			     "PATH}, the same to all gateways");
	if (secret->bytes && secret->n < SECRET_MIN)
		mistakes_add(&r->mistakes, false, line, "tls.ticket_secret",
			     "it has %zu bytes, which can be guessed; give at least %d at random",
			     secret->n, SECRET_MIN);
}

/* ---- clients ---- */

static void
check_clients(struct config_reader *r, const struct config_clients *c, int line, const char *key)
{
	if (c->verify != CLIENTS_NONE && !c->ca)
		mistakes_add(&r->mistakes, false, line, key,
			     "certificates of clients are asked for, but nothing says who signs "
			     "them; give ca: FILE");
	if (c->verify == CLIENTS_NONE && r->c->tls.clients.verify == CLIENTS_NONE && c->ca)
		mistakes_add(&r->mistakes, true, line, key,
			     "no certificate is asked for, so ca is not used; write verify: "
			     "required");
}

static void
check_hosts(struct config_reader *r)
{
	struct config_tls *tls = &r->c->tls;
	struct map seen = MAP_INIT;

	for (size_t i = 0; i < tls->hosts_count; i++) {
		struct config_tls_host *h = &tls->hosts[i];
		char key[48];
		void **place;

		snprintf(key, sizeof key, "tls.hosts[%zu]", i);
		check_clients(r, &h->clients, h->place.line, key);
		if (!h->host)
			continue;
		if (!*h->host)
			mistakes_add(&r->mistakes, false, h->place.line, key,
				     "the host is empty; what is for all stands in tls.clients");
		if (strchr(h->host, ':'))
			mistakes_add(&r->mistakes, false, h->place.line, key,
				     "a handshake knows no port; write the name alone");
		place = map_put(&seen, slice_of(h->host));
		if (*place)
			mistakes_add(&r->mistakes, false, h->place.line, key,
				     "%s stands in line %d already; remove one of the two", h->host,
				     ((struct config_tls_host *)*place)->place.line);
		*place = h;
	}
	map_deinit(&seen, NULL);
}

/* ---- what the files say ---- */

/* A file in a folder fails alone; and what the gateway that runs has read goes on, where it may
 * only not be read again. */
static bool
is_mistake(bool listed, bool stale, int error)
{
	return listed && error < 0 && !(stale && (error == -EACCES || error == -EPERM));
}

static void
tell(struct config_reader *r, bool mistake, int line, const char *key, const char *text,
     const char *rest)
{
	if (*text)
		mistakes_add(&r->mistakes, !mistake, line, key, "%s%s", text, rest);
}

/* Root reads what the user that the gateway becomes may not: the first time goes well, the renewal
 * does not. */
static void
check_user_reads(struct config_reader *r, int line, const char *key, const char *path)
{
	const char *user = r->c->user;

	if (geteuid() != 0 || !user || !*user || file_readable_by(path, user))
		return;
	mistakes_add(&r->mistakes, true, line, key,
		     "%s is not readable for user %s: it is read at the start, by root, but when "
		     "it is renewed it cannot be; let %s's group read it and its folders, or use "
		     "LoadCredential= and key_credential",
		     path, user, user);
}

static void
check_pair(struct config_reader *r, const struct certificate_source *s)
{
	bool mistake = is_mistake(s->listed, s->stale, s->error);
	const char *rest = mistake    ? ""
			   : s->stale ? "; the one of before stays"
			   : !s->pair ? "; it is left out"
				      : "";

	tell(r, mistake, s->line, s->setting, s->trouble, rest);
	tell(r, false, s->line, s->setting, s->warning, "");
	if (!s->pair)
		return;
	if (s->front && s->pair->names.count == 0)
		mistakes_add(&r->mistakes, true, s->line, s->setting,
			     "%s is for no name of a host (subjectAltName); only who asks for "
			     "nothing else gets it",
			     s->file);
	check_user_reads(r, s->line, s->setting, s->key);
	if (strcmp(s->key, s->file) != 0)
		check_user_reads(r, s->line, s->setting, s->file);
}

static bool
has_name(const struct certificates *c, const char *name)
{
	for (size_t i = 0; i < c->pairs_count; i++) {
		if (c->pairs[i].pair && c->pairs[i].front &&
		    tls_certificate_fits(c->pairs[i].pair->certificate, slice_of(name)))
			return true;
	}
	return false;
}

/* `told`: so many mistakes were there before what is of TLS was looked at. */
static void
check_loaded(struct config_reader *r, const struct certificates *loaded, size_t told)
{
	const char *name = r->c->tls.default_certificate;
	size_t usable = 0;

	for (size_t i = 0; i < loaded->pairs_count; i++) {
		usable += loaded->pairs[i].pair && loaded->pairs[i].front;
		check_pair(r, &loaded->pairs[i]);
	}
	for (size_t i = 0; i < loaded->trusts_count; i++) {
		const struct trust_source *s = &loaded->trusts[i];

		tell(r, is_mistake(true, s->stale, s->error), s->line, s->setting, s->trouble,
		     s->stale ? "; the one of before stays" : "");
		tell(r, false, s->line, s->setting, s->warning, "");
	}
	if (usable == 0 && has_listener(r->c) && r->mistakes.errors == told)
		mistakes_add(&r->mistakes, false, config_line(r, "listeners"), "listeners",
			     "a listener speaks TLS, but there is no certificate; write tls: "
			     "{certificates: [{certificate: FILE, key: FILE}]}");
	if (usable > 0 && *name && !has_name(loaded, name))
		mistakes_add(&r->mistakes, false, config_line(r, "tls.default_certificate"),
			     "tls.default_certificate",
			     "no certificate is for %s; write a name that one is for", name);
}

static void
check_behind(struct config_reader *r)
{
	const struct config_upstream_tls *t = &r->c->upstream_tls;
	int line = config_line(r, "upstream_tls");

	r->c->upstream_tls_line = line;
	r->c->redis_tls_line = config_line(r, "redis.tls");
	config_check_pins(r, t, line, "upstream_tls.pin_sha256");
	config_check_pins(r, &r->c->redis.tls, r->c->redis_tls_line, "redis.tls.pin_sha256");
	if (r->c->redis.secure && r->c->redis.tls.insecure_skip_verify)
		mistakes_add(&r->mistakes, true, r->c->redis_tls_line,
			     "redis.tls.insecure_skip_verify",
			     "whoever answers in the place of Redis is taken for it, gets the "
			     "password, and makes the rules; give redis.tls.ca instead");
	if (t->insecure_skip_verify)
		mistakes_add(
		    &r->mistakes, true, line, "upstream_tls.insecure_skip_verify",
		    "whoever answers in the place of any https endpoint is taken for it, and "
		    "can read and change all that passes; give upstream_tls.ca instead");
}

/* What is said of https needs some. */
static void
check_https(struct config_reader *r)
{
	const struct config_tls *tls = &r->c->tls;
	bool any = false;

	for (size_t i = 0; i < r->c->listeners_count; i++)
		any |= r->c->listeners[i].tls && r->c->listeners[i].address.port > 0;
	if (tls->redirect_http && tls->redirect_port == 0 && !any)
		mistakes_add(&r->mistakes, false, config_line(r, "tls.redirect_http"),
			     "tls.redirect_http",
			     "no listener speaks TLS on a port; name the one that https is at: "
			     "tls.redirect_port");
	if (tls->hsts_subdomains && tls->hsts_s == 0)
		mistakes_add(&r->mistakes, true, config_line(r, "tls.hsts_subdomains"),
			     "tls.hsts_subdomains",
			     "tls.hsts is off, so it says nothing; write hsts: 365d");
}

/* A route that asks for what nobody is asked for is never taken. */
static void
check_routes(struct config_reader *r)
{
	const struct config *c = r->c;
	bool asked = c->tls.clients.verify != CLIENTS_NONE;

	for (size_t i = 0; i < c->tls.hosts_count; i++)
		asked |= c->tls.hosts[i].clients.verify != CLIENTS_NONE;
	for (size_t i = 0; !asked && i < c->routes_count; i++) {
		char key[64];

		snprintf(key, sizeof key, "routes[%zu].client_certificate", i);
		if (c->routes[i].certificate_count > 0)
			mistakes_add(&r->mistakes, true, c->routes[i].place.line, key,
				     "no client is asked for a certificate, so nothing is known of "
				     "any; write tls: {clients: {verify: optional, ca: FILE}}");
	}
}

void
config_check_tls(struct config_reader *r)
{
	struct config_tls *tls = &r->c->tls;
	size_t told = r->mistakes.errors;

	tls->clients_line = config_line(r, "tls.clients");
	for (size_t i = 0; i < tls->certificates_count; i++)
		finish_certificate(r, i);
	finish_default(r->c);
	config_check_suites(r);
	check_tickets(r);
	check_clients(r, &tls->clients, tls->clients_line, "tls.clients");
	check_hosts(r);
	check_behind(r);
	check_https(r);
	check_routes(r);
	tls->loaded = certificates_load(r->c, r->held);
	check_loaded(r, tls->loaded, told);
	if (tls->certificates_count > 0 && !has_listener(r->c))
		mistakes_add(&r->mistakes, true, config_line(r, "tls.certificates"),
			     "tls.certificates",
			     "no listener speaks TLS, so they are not used; write listeners: "
			     "[{address: \":8443\", tls: true}]");
}
