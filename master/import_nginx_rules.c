#include "import_nginx_own.h"

#include "lib/log.h"

#include <assert.h>

const struct nginx_block *
nginx_inside(const struct nginx *n)
{
	return n->depth ? &n->blocks[n->depth - 1] : NULL;
}

bool
nginx_is_inside(const struct nginx *n, const char *name)
{
	return nginx_inside(n) && nginx_inside(n)->count &&
	       slice_eq(nginx_inside(n)->words[0], slice_of(name));
}

void
nginx_tell(const struct nginx *n, struct slice what, const char *text)
{
	char quoted[200];

	if (n->upstreams != nginx_is_inside(n, "upstream"))
		return; /* the other time */
	buf_addf(n->report, "%s:%zu: %s: %s\n", n->file, n->text.at,
		 log_quote(what, quoted, sizeof quoted), text);
}

bool
nginx_is_word(const struct nginx *n, size_t i, const char *word)
{
	return i < n->text.count && slice_eq(n->text.words[i], slice_of(word));
}

/* ---- rules ---- */

static void
add_member(struct buf *json, const char *name, struct slice text)
{
	buf_addf(json, "%s\"%s\":", json->n > 1 ? "," : "", name);
	buf_add_json(json, text);
}

static void
put(struct nginx *n, enum native_kind kind, struct slice name, const struct buf *json)
{
	struct buf BUF_CLEAN key = { 0 };
	const struct rules_refusal *refusal;

	if (rules_set_native(n->rules, kind, name, buf_slice(json)) >= 0)
		return;
	buf_adds(&key, rules_native_prefix(kind));
	buf_adds(&key, name);
	refusal = rules_refusal_find(n->rules, buf_slice(&key));
	nginx_tell(n, name, refusal ? refusal->reason : "it cannot be stored");
}

/* To "http://up", "http://10.0.0.1:80", "up": an upstream of the file, or a server. */
static void
put_route(struct nginx *n, struct buf *json, struct slice to)
{
	bool tls = slice_starts(to, SLICE("https://")), plain = slice_starts(to, SLICE("http://"));
	size_t scheme = tls ? 8 : plain ? 7 : 0;
	struct slice server = slice_make(to.p + scheme, to.n - scheme);
	bool known = rules_native_find(n->rules, NATIVE_UPSTREAM, server) != NULL;
	struct buf BUF_CLEAN name = { 0 };

	if (known && tls) {
		nginx_tell(n, to,
			   "its upstream is spoken to over TLS; write it with https:// endpoints");
		return;
	}
	add_member(json, known ? "upstream" : "target", known ? server : to);
	buf_addc(json, '}');
	buf_addf(&name, "nginx-%zu", ++n->routes);
	put(n, NATIVE_ROUTE, buf_slice(&name), json);
}

/* ---- upstreams ---- */

static bool
is_number(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	}
	return s.n > 0 && s.n < 6 && s.p[0] != '0';
}

/* server HOST:PORT [weight=N]; of an upstream */
void
nginx_server(struct nginx *n)
{
	for (size_t i = 2; i < n->text.count; i++) {
		if (nginx_is_word(n, i, "backup") || nginx_is_word(n, i, "down")) {
			nginx_tell(n, n->text.words[1],
				   "a server that is backup or down is left out");
			return;
		}
	}
	buf_addf(&n->endpoints, "%s{\"address\":", n->endpoints.n ? "," : "");
	buf_add_json(&n->endpoints, n->text.words[1]);
	for (size_t i = 2; i < n->text.count; i++) {
		struct slice w = n->text.words[i];

		if (slice_starts(w, SLICE("weight=")) && is_number(slice_make(w.p + 7, w.n - 7)))
			buf_addf(&n->endpoints, ",\"weight\":%.*s", (int)w.n - 7, w.p + 7);
		else
			nginx_tell(n, w, "it is not taken over; see upstreams in yett.yaml(5)");
	}
	buf_addc(&n->endpoints, '}');
}

void
nginx_upstream(struct nginx *n)
{
	struct buf BUF_CLEAN json = { 0 };

	buf_addf(&json, "{\"endpoints\":[%.*s]%s}", SLICE_F(n->endpoints),
		 n->least ? ",\"balance\":\"least_connections\"" : "");
	put(n, NATIVE_UPSTREAM, nginx_inside(n)->words[1], &json);
	n->endpoints.n = 0;
	n->least = false;
}

/* ---- maps ---- */

static const char nginx_narrow_text[] =
    "what the map picks is asked for by a location that is not all of a server; write the route "
    "by hand";

enum nginx_key
nginx_map_key(struct slice variable)
{
	static const struct {
		struct slice variable;
		enum nginx_key key;
	} known[] = {
		{ { "$uri", 4 }, NGINX_URI },
		{ { "$host", 5 }, NGINX_HOST },
		{ { "$http_host", 10 }, NGINX_HOST },
		{ { "$host$uri", 9 }, NGINX_BOTH },
		{ { "$http_host$uri", 14 }, NGINX_BOTH },
	};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (slice_eq(variable, known[i].variable))
			return known[i].key;
	}
	return 0;
}

struct slice
nginx_below(struct nginx *n, struct slice name)
{
	char *p;

	if (name.n < 2 || name.p[0] != '.')
		return SLICE("");
	p = arena_alloc(&n->arena, name.n + 1);
	p[0] = '*';
	memcpy(p + 1, name.p, name.n);
	return slice_make(p, name.n + 1);
}

static void
put_mapped(struct nginx *n, struct slice host, struct slice path, struct slice to)
{
	struct buf BUF_CLEAN json = { 0 };

	buf_addc(&json, '{');
	if (host.n > 0)
		add_member(&json, "host", host);
	if (path.n > 0) {
		add_member(&json, "path", path);
		buf_adds(&json, SLICE(",\"exact\":true"));
	}
	put_route(n, &json, to);
}

/* A line of a map: of a path, a host, or one behind the other, the upstream. */
void
nginx_mapped(struct nginx *n)
{
	struct slice from = n->text.words[0], host = from, path = SLICE(""), below;
	enum nginx_key key =
	    n->depth ? nginx_map_key(nginx_inside(n)->words[1]) : NGINX_BOTH; /* 0: is_bare */
	bool narrow;
	const char *slash = key == NGINX_HOST ? NULL : memchr(from.p, '/', from.n);

	if (nginx_is_word(n, 0, "hostnames") || nginx_is_word(n, 0, "volatile"))
		return;
	narrow = n->depth && map_find(&n->narrow, nginx_inside(n)->words[2]);
	if (n->closed || n->shut || narrow) {
		nginx_tell(n, from, narrow ? nginx_narrow_text : nginx_closed_text);
		return;
	}
	if (slash) {
		host = slice_make(from.p, (size_t)(slash - from.p));
		path = slice_make(slash, from.n - host.n);
	}
	if (slice_eq(from, SLICE("default"))) {
		host = SLICE("");
	} else if (n->text.count != 2 || from.n == 0 || from.p[0] == '~' ||
		   (key == NGINX_URI && (!slash || host.n > 0)) ||
		   (key == NGINX_BOTH && !slash && n->depth)) {
		nginx_tell(n, from, "only names and whole paths are taken over; name the path");
		return;
	}
	below = nginx_below(n, host);
	put_mapped(n, below.n > 0 ? slice_make(host.p + 1, host.n - 1) : host, path,
		   n->text.words[1]);
	if (below.n > 0)
		put_mapped(n, below, path, n->text.words[1]);
}

/* ---- locations ---- */

/* What is behind the server: of "http://unix:/run/a:/b" what is behind the second colon. */
static struct slice
base_of(struct slice to)
{
	struct slice prefix = SLICE("http://unix:");
	bool local = slice_starts(to, prefix);
	const char *end = local      ? memchr(to.p + prefix.n, ':', to.n - prefix.n)
			  : to.n > 8 ? memchr(to.p + 8, '/', to.n - 8)
				     : NULL;

	return end ? slice_make(end, to.n - (size_t)(end - to.p)) : SLICE("");
}

static void
pass_host(struct nginx *n, struct slice host, struct slice server, struct slice base)
{
	const struct nginx_block *l = nginx_inside(n);
	struct buf BUF_CLEAN json = { 0 };
	struct slice path;
	bool exact;

	assert(l); /* a location: nothing else passes */
	path = l->words[l->count - 1];
	exact = l->count == 3 && slice_eq(l->words[1], SLICE("="));
	while (path.n > 1 && path.p[path.n - 1] == '/' && !exact)
		path.n--;
	buf_addc(&json, '{');
	if (host.n > 0)
		add_member(&json, "host", host);
	add_member(&json, "path", path);
	if (exact)
		buf_adds(&json, SLICE(",\"exact\":true"));
	if (base.n > 0 && !(base.n == 1 && path.n == 1))
		add_member(&json, "replace_prefix", base);
	put_route(n, &json, server);
}

/* What proxy_pass has behind the server takes the place of the location's path. */
void
nginx_pass(struct nginx *n)
{
	struct slice base = base_of(n->pass), server = slice_make(n->pass.p, n->pass.n - base.n);
	size_t hosts = n->hosts_count ? n->hosts_count : 1;
	bool open = true;

	if (slice_starts(server, SLICE("http://unix:")))
		server = slice_make(server.p + 7, server.n - 7);
	if (base.n > 0 && base.p[0] == ':')
		base = slice_make(base.p + 1, base.n - 1);
	for (size_t i = 0; i < hosts; i++) {
		struct slice host = n->hosts_count ? n->hosts[i] : SLICE("");

		if (nginx_is_closed(n, host))
			open = false;
		else
			pass_host(n, host, server, base);
	}
	if (!open)
		nginx_tell(n, n->pass, nginx_closed_text);
}
