/*
 * What nginx may refuse, of which no route is made: a route leads past whatever was asked there.
 * The first time through the file it is found out, the second time it is heeded.
 */

#include "import_nginx_own.h"

const char nginx_closed_text[] =
    "somewhere it is asked who may, or a server has a name that is not "
    "taken over; write the route by hand";

static bool
is_inside_server(const struct nginx *n)
{
	for (size_t i = 0; i < n->depth; i++) {
		if (slice_eq(n->blocks[i].words[0], SLICE("server")))
			return true;
	}
	return false;
}

/* Of a whole server, which sends everybody elsewhere: mostly from plain HTTP to TLS. */
static bool
is_redirect(const struct nginx *n)
{
	return n->ignored == 0 && nginx_is_inside(n, "server") && nginx_is_word(n, 0, "return") &&
	       n->text.count == 3 && slice_starts(n->text.words[1], SLICE("30"));
}

/* May it refuse a request, or say what else becomes of it? Without it the route would be open. */
static bool
is_closing(const struct nginx *n)
{
	static const char *const names[] = {
		"allow",   "deny",    "satisfy",           "internal", "return",
		"rewrite", "include", "ssl_verify_client", "if",       "limit_except"
	};

	if (is_redirect(n))
		return false;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (nginx_is_word(n, 0, names[i]))
			return true;
	}
	return n->text.count > 0 && (slice_starts(n->text.words[0], SLICE("auth_")) ||
				     slice_starts(n->text.words[0], SLICE("access_by")));
}

/* A file that is included there has other servers, or more lines of a list. */
static bool
is_beside(const struct nginx *n)
{
	return n->ignored == 0 && nginx_is_word(n, 0, "include") &&
	       (n->depth == 0 || nginx_is_inside(n, "http") || nginx_is_inside(n, "map") ||
		nginx_is_inside(n, "upstream"));
}

/* A name that stands for others. */
static bool
is_wide(struct slice host)
{
	return host.n == 0 || host.p[0] == '*';
}

static struct slice
lower(struct nginx *n, struct slice host)
{
	char *p = arena_alloc(&n->arena, host.n + 1);

	for (size_t i = 0; i < host.n; i++)
		p[i] = ascii_lower(host.p[i]);
	return slice_make(p, host.n);
}

/* What a map picks for some paths alone would be there for all of them. */
static void
look_picked(struct nginx *n)
{
	const struct nginx_block *l = nginx_inside(n);
	struct slice to = n->text.words[1], name;
	const char *dollar = memchr(to.p, '$', to.n);

	if (!dollar || (n->ignored == 0 && nginx_is_inside(n, "location") && l->count == 2 &&
			slice_eq(l->words[1], SLICE("/"))))
		return;
	name = slice_make(dollar, to.n - (size_t)(dollar - to.p));
	for (size_t i = 1; i < name.n; i++) {
		char c = ascii_lower(name.p[i]);

		if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_')
			name.n = i;
	}
	*map_put(&n->narrow, name) = n;
}

void
nginx_look_closed(struct nginx *n)
{
	if (nginx_is_word(n, 0, "proxy_pass") && n->text.count == 2)
		look_picked(n);
	if (is_closing(n) && !is_beside(n)) {
		if (is_inside_server(n))
			n->server_closed = true;
		else
			n->closed = true;
	}
	if (nginx_is_word(n, 0, "server_name") && nginx_is_inside(n, "server")) {
		n->server_closed |= n->located; /* its locations have no host yet */
		for (size_t i = 1; i < n->text.count; i++)
			n->server_odd |= n->text.words[i].n == 0 || n->text.words[i].p[0] == '~';
		n->closed |= n->text.count > HOSTS_MAX / 2;
	}
}

void
nginx_server_begins(struct nginx *n)
{
	n->hosts_count = 0;
	n->located = n->server_located = n->server_closed = n->server_odd = false;
}

/* A server that is closed has its names for itself; what stands for many names may be one of its
 * own. Without a location nothing of it would be asked for here: it is what another port says. */
void
nginx_server_ends(struct nginx *n)
{
	n->shut |= n->server_closed || n->server_odd;
	for (size_t i = 0; n->server_closed && n->server_located && i < n->hosts_count; i++) {
		if (!is_wide(n->hosts[i]))
			*map_put(&n->shut_names, lower(n, n->hosts[i])) = n;
	}
}

bool
nginx_is_closed(struct nginx *n, struct slice host)
{
	return n->closed ||
	       (is_wide(host) ? n->shut : map_find(&n->shut_names, lower(n, host)) != NULL);
}
