#include "import_nginx_own.h"

#include "lib/log.h"

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

/* ---- directives ---- */

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

	buf_addf(&json, "{\"endpoints\":[%.*s]}", SLICE_F(n->endpoints));
	put(n, NATIVE_UPSTREAM, nginx_inside(n)->words[1], &json);
	n->endpoints.n = 0;
}

const char nginx_closed_text[] =
    "somewhere it is asked who may, or a server has a name that is not "
    "taken over; write the route by hand";

/* A line of a map: of a path, or a host, the upstream. */
void
nginx_mapped(struct nginx *n)
{
	struct slice from = n->text.words[0], of = nginx_inside(n)->words[1];
	bool host = slice_eq(of, SLICE("$host")), fallback = slice_eq(from, SLICE("default"));
	struct buf BUF_CLEAN json = { 0 };

	if (host && slice_eq(from, SLICE("hostnames")))
		return;
	if (n->closed) {
		nginx_tell(n, from, nginx_closed_text);
		return;
	}
	if (n->text.count != 2 || from.p[0] == '~' || (!host && !fallback && from.p[0] != '/')) {
		nginx_tell(n, from, "only names and whole paths are taken over; name the path");
		return;
	}
	buf_addc(&json, '{');
	if (host && !fallback)
		add_member(&json, "host", from);
	else if (!fallback)
		add_member(&json, "path", from);
	if (!host && !fallback)
		buf_adds(&json, SLICE(",\"exact\":true"));
	put_route(n, &json, n->text.words[1]);
}

/* What proxy_pass has behind the server takes the place of the location's path. */
void
nginx_pass(struct nginx *n)
{
	const struct nginx_block *l = nginx_inside(n);
	struct slice to = n->pass, path = l->words[l->count - 1], base, server = to;
	bool exact = l->count == 3 && slice_eq(l->words[1], SLICE("="));
	size_t hosts = n->hosts_count ? n->hosts_count : 1;
	const char *slash = to.n > 8 ? memchr(to.p + 8, '/', to.n - 8) : NULL;

	base = slash ? slice_make(slash, to.n - (size_t)(slash - to.p)) : SLICE("");
	server.n -= base.n;
	while (path.n > 1 && path.p[path.n - 1] == '/' && !exact)
		path.n--;
	for (size_t i = 0; i < hosts; i++) {
		struct buf BUF_CLEAN json = { 0 };

		buf_addc(&json, '{');
		if (n->hosts_count)
			add_member(&json, "host", n->hosts[i]);
		add_member(&json, "path", path);
		if (exact)
			buf_adds(&json, SLICE(",\"exact\":true"));
		if (base.n > 0 && !(base.n == 1 && path.n == 1))
			add_member(&json, "replace_prefix", base);
		put_route(n, &json, server);
	}
}
