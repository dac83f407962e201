#include "config_check.h"

#include "address.h"
#include "authorise.h"
#include "config_check_authorise.h"
#include "config_check_limits.h"
#include "file.h"

#include "lib/jwt.h"
#include "lib/map.h"
#include "shm/table.h"

#include <arpa/inet.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#define SECRET_ADVISED 32 /* bytes: RFC 7518 section 3.2 for HS256 */
#define PAGE_MAX ((size_t)1 << 20)
#define WORKERS_MAX 255

static void
count_workers(struct config *c)
{
	cpu_set_t cpus;
	int n = 1;

	if (c->workers != 0)
		return;
	if (sched_getaffinity(0, sizeof cpus, &cpus) == 0)
		n = CPU_COUNT(&cpus);
	c->workers = n > WORKERS_MAX ? WORKERS_MAX : (uint32_t)n;
}

bool
config_is_loopback(const struct config_address *a)
{
	return a->unix_path ||
	       (a->host && (strncmp(a->host, "127.", 4) == 0 || strcmp(a->host, "::1") == 0 ||
			    strcmp(a->host, "localhost") == 0));
}

static void
listener_identity(const struct config_address *a, struct buf *out)
{
	if (a->unix_path)
		buf_addf(out, "unix:%s", a->unix_path);
	else
		buf_addf(out, "%s:%u", a->host ? a->host : "", a->port);
}

/* Port 0 is another one each time. */
static void
check_listener(struct config_reader *r, struct map *seen, const struct config_address *a, int line,
	       const char *key)
{
	struct buf BUF_CLEAN identity = { 0 };
	void **place;

	if (!a->text || (!a->unix_path && a->port == 0))
		return;
	listener_identity(a, &identity);
	place = map_put(seen, buf_slice(&identity));
	if (*place)
		mistakes_add(&r->mistakes, false, line, key,
			     "%s is listened on already (%s); remove one of the two", a->text,
			     (const char *)*place);
	else
		*place = arena_string(&r->c->arena, slice_of(key));
}

/* Without a proxy to trust nobody could connect; and whom to trust cannot be guessed. */
static void
check_proxied(struct config_reader *r)
{
	const struct config *c = r->c;

	for (size_t i = 0; i < c->listeners_count && c->trusted_proxies_count == 0; i++) {
		char key[48];

		if (!c->listeners[i].proxy_protocol)
			continue;
		snprintf(key, sizeof key, "listeners[%zu].proxy_protocol", i);
		mistakes_add(&r->mistakes, false, c->listeners[i].place.line, key,
			     "only peers in trusted_proxies may send PROXY headers, and there are "
			     "none; write trusted_proxies: [ADDRESS OF THE PROXY]");
	}
}

static void
check_listeners(struct config_reader *r)
{
	struct config *c = r->c;
	struct map seen = MAP_INIT;

	if (c->listeners_count == 0 && c->listeners)
		mistakes_add(&r->mistakes, false, config_line(r, "listeners"), "listeners",
			     "there is no listener; name at least one, such as \":8080\"");
	for (size_t i = 0; i < c->listeners_count; i++) {
		char key[48];

		snprintf(key, sizeof key, "listeners[%zu].address", i);
		check_listener(r, &seen, &c->listeners[i].address, c->listeners[i].place.line, key);
	}
	check_proxied(r);
	check_listener(r, &seen, &c->admin_socket, config_line(r, "admin.socket"), "admin.socket");
	check_listener(r, &seen, &c->admin_listen, config_line(r, "admin.listen"), "admin.listen");
	for (size_t i = 0; i < c->api.listen_count; i++) {
		char key[48];

		snprintf(key, sizeof key, "admin.api.listen[%zu].address", i);
		check_listener(r, &seen, &c->api.listen[i].address, c->api.listen[i].place.line,
			       key);
	}
	if (c->admin_listen.text && !config_is_loopback(&c->admin_listen))
		mistakes_add(&r->mistakes, true, config_line(r, "admin.listen"), "admin.listen",
			     "%s is not loopback: whoever reaches it sees the upstreams; use "
			     "127.0.0.1 unless a firewall guards it",
			     c->admin_listen.text);
	map_deinit(&seen, NULL);
}

static void
finish_admin_socket(struct config_reader *r)
{
	struct buf BUF_CLEAN why = { 0 };
	struct config *c = r->c;
	const char *path;

	if (c->admin_socket.text || !c->run_dir)
		return;
	path = address_path(&c->arena, SLICE("admin.sock"), c->run_dir);
	if (!address_unix(&c->arena, slice_of(path), "/", &c->admin_socket, &why))
		mistakes_add(&r->mistakes, false, config_line(r, "run_dir"), "run_dir", "%.*s",
			     SLICE_F(why));
}

/* Only where it would be used: asking for a user may ask a directory service, and may block. */
static void
check_user(struct config_reader *r)
{
	if (r->c->user && *r->c->user && geteuid() == 0 && !getpwnam(r->c->user))
		mistakes_add(&r->mistakes, false, config_line(r, "user"), "user",
			     "there is no user %s on this system; create it, or name another",
			     r->c->user);
}

static void
check_secret(struct config_reader *r, const struct config_gate *g, int line)
{
	if (g->secret.bytes && g->secret.n == 0)
		mistakes_add(&r->mistakes, false, line, "gate.secret",
			     "the secret is empty (%s); without one everybody could sign tokens, "
			     "put one there",
			     g->secret.origin);
	else if (g->secret.bytes && g->secret.n < SECRET_ADVISED)
		mistakes_add(
		    &r->mistakes, true, line, "gate.secret",
		    "the secret has %zu bytes, which can be guessed; use at least %d random ones",
		    g->secret.n, SECRET_ADVISED);
}

static void
check_public_key(struct config_reader *r, const struct config_gate *g, int line)
{
	struct slice pem = slice_make(g->public_key.bytes, g->public_key.n);
	const char *why = NULL;
	struct jwt_key *key = pem.p ? jwt_key_public(pem, g->algorithms, &why) : NULL;

	if (pem.p && !key)
		mistakes_add(&r->mistakes, false, line, "gate.public_key",
			     "the key (%s) cannot be used: %s; give the issuer's public key in "
			     "PEM, and its algorithm in gate.algorithms",
			     g->public_key.origin, why);
	jwt_key_free(key);
}

/* NULL: nothing is. */
static const struct config_gate_entry *
first_protected(const struct config *c)
{
	if (c->gate.protect_count > 0)
		return c->gate.protect;
	for (size_t i = 0; i < c->policies_count; i++) {
		if (c->policies[i].protect_count > 0)
			return c->policies[i].protect;
	}
	return NULL;
}

/* `given`: also one that could not be read, which is told already. */
static void
check_key_is_given(struct config_reader *r, const char *setting, const char *what,
		   uint32_t algorithms, bool given)
{
	const struct config_gate_entry *protected = first_protected(r->c);

	if (r->c->gate.issuers_count + r->c->login.providers_count > 0)
		return; /* others verify them, or whoever is let in has a session */
	if ((r->c->gate.algorithms & algorithms) && !given)
		mistakes_add(&r->mistakes, false, protected->place.line, setting,
			     "something is protected%s, but there is no %s to verify tokens "
			     "with; give %s: {file: PATH}",
			     protected->place.line == 0 ? " by the profile" : "", what, setting);
}

static bool
some_route_asks(const struct config *c)
{
	if (c->gate.is_auth && *c->gate.is_auth)
		return true;
	for (size_t i = 0; i < c->routes_count; i++) {
		const struct authorise *a = c->routes[i].action.authorise;

		if (c->routes[i].action.auth == AUTH_REQUIRED || (a && authorise_asks_who(a)))
			return true;
	}
	return false;
}

static void
warn_unused(struct config_reader *r, int line, const char *setting, const char *what)
{
	mistakes_add(&r->mistakes, true, line, setting,
		     "nothing in this file is protected, so that only rules of the store can need "
		     "the %s; name paths in gate.protect",
		     what);
}

static void
check_gate(struct config_reader *r)
{
	struct config_gate *g = &r->c->gate;
	int secret = config_line(r, "gate.secret"), public = config_line(r, "gate.public_key");

	if (first_protected(r->c) && !(g->sources & ~TOKEN_FROM_API_KEY)) {
		; /* no token is looked at */
	} else if (first_protected(r->c)) {
		check_key_is_given(r, "gate.secret", "secret", JWT_ALGS_SECRET,
				   g->secret.bytes || secret > 0);
		check_key_is_given(r, "gate.public_key", "public key", JWT_ALGS_PUBLIC,
				   g->public_key.bytes || public > 0);
	} else if (!some_route_asks(r->c)) {
		if (g->secret.bytes)
			warn_unused(r, secret, "gate.secret", "secret");
		if (g->public_key.bytes)
			warn_unused(r, public, "gate.public_key", "key");
	}
	check_secret(r, g, secret);
	check_public_key(r, g, public);
}

/* '/a' and '/a/' are one to the gate. */
static void
trim_slash(struct arena *arena, const char **path)
{
	size_t n = *path ? strlen(*path) : 0;

	if (n > 1 && (*path)[n - 1] == '/')
		*path = arena_string(arena, slice_make(*path, n - 1));
}

static void
finish_entries(struct arena *arena, struct config_gate_entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++)
		trim_slash(arena, &entries[i].path);
}

void
config_check_policy(struct arena *arena, struct config_policy *p)
{
	finish_entries(arena, p->protect, p->protect_count);
	finish_entries(arena, p->except, p->except_count);
}

static void
finish_gate_paths(struct config *c)
{
	finish_entries(&c->arena, c->gate.protect, c->gate.protect_count);
	finish_entries(&c->arena, c->gate.except, c->gate.except_count);
	for (size_t i = 0; i < c->gate.delegate_count; i++)
		trim_slash(&c->arena, &c->gate.delegate[i].path);
	for (size_t i = 0; i < c->policies_count; i++)
		config_check_policy(&c->arena, &c->policies[i]);
}

static void
read_pages(struct config_reader *r)
{
	for (size_t i = 0; i < r->c->pages_count; i++) {
		struct config_page *p = &r->c->pages[i];
		struct buf BUF_CLEAN text = { 0 };
		char key[32];
		int error;

		if (!p->file || p->status == 0)
			continue;
		snprintf(key, sizeof key, "error_pages.%u", p->status);
		error = file_read(p->file, PAGE_MAX, &text, NULL);
		if (error < 0)
			mistakes_add(&r->mistakes, false, p->place.line, key,
				     "%s cannot be read: %s", p->file, file_error(error));
		else if (text.n == 0)
			mistakes_add(&r->mistakes, false, p->place.line, key,
				     "%s is empty; put a page there, or remove the key", p->file);
		else
			p->html = arena_copy(&r->c->arena, buf_slice(&text));
		for (size_t k = 0; k < i; k++) {
			if (r->c->pages[k].status == p->status)
				mistakes_add(&r->mistakes, false, p->place.line, key,
					     "there is a page for this status in line %d already; "
					     "remove one",
					     r->c->pages[k].place.line);
		}
	}
}

static void
check_statistics(struct config_reader *r)
{
	const struct config_statistics *s = &r->c->statistics;

	if (s->flush && !r->c->redis.address.text)
		mistakes_add(&r->mistakes, false, config_line(r, "statistics.flush"),
			     "statistics.flush",
			     "no Redis is configured to write to; give redis.address, or write "
			     "none");
	if (s->flush && !s->identities)
		mistakes_add(&r->mistakes, true, config_line(r, "statistics.flush"),
			     "statistics.flush",
			     "it writes nothing, as statistics.identities is false");
}

static void
check_limits(struct config_reader *r)
{
	struct config *c = r->c;
	const struct node *redis = node_get(r->root, SLICE("redis"));

	if (c->limit_uri > c->limit_head)
		mistakes_add(
		    &r->mistakes, false, config_line(r, "limits.uri"), "limits.uri",
		    "it is larger than limits.head, which it is a part of; raise limits.head");
	if (c->health.enabled && c->health.timeout > c->health.interval)
		mistakes_add(&r->mistakes, true, config_line(r, "health"), "health.timeout",
			     "it is longer than health.interval; a slow probe delays the next one");
	if (c->balance.eject_max_time < c->balance.eject_time)
		mistakes_add(&r->mistakes, true, config_line(r, "ejection"), "ejection.max_time",
			     "it is shorter than ejection.time; no ejection lasts longer");
	if (redis && redis->kind == NODE_MAPPING && redis->count > 0 && !c->redis.configured &&
	    !config_seeks(redis))
		mistakes_add(
		    &r->mistakes, true, redis->line, "redis",
		    "without redis.address no Redis is used; give it, or remove the section");
}

void
config_check(struct config_reader *r)
{
	count_workers(r->c);
	finish_admin_socket(r);
	finish_gate_paths(r->c);
	check_listeners(r);
	config_check_admin(r);
	check_user(r);
	config_development(r);
	config_check_redis(r);
	config_check_issuers(r);
	config_check_login(r);
	check_gate(r);
	config_check_identity(r);
	config_check_authorise_gate(r);
	read_pages(r);
	config_check_log(r);
	check_limits(r);
	check_statistics(r);
	config_check_tracing(r);
	config_check_limits(r);
	config_check_upstreams(r);
	config_check_balance(r);
	config_check_own(r); /* before targets of routes become upstreams */
	config_check_routes(r);
	config_check_credentials(r);
	config_check_cascade(r);
	config_check_tls(r); /* targets may be https */
}
