/*
 * A part of nginx' configuration as rules: upstream blocks, maps of paths or hosts to upstreams,
 * and locations of a server that pass on by proxy_pass. All else is told, with its line.
 */

#include "import.h"

#include "import_nginx_own.h"

static bool
is_location(const struct nginx *n)
{
	const struct nginx_block *l = nginx_inside(n);
	struct slice how = l->count == 3 ? l->words[1] : SLICE("=");

	return nginx_is_inside(n, "location") && l->count >= 2 && l->words[l->count - 1].n > 0 &&
	       l->words[l->count - 1].p[0] == '/' &&
	       (slice_eq(how, SLICE("=")) || slice_eq(how, SLICE("^~")));
}

static bool
is_picked(const struct nginx *n, struct slice to)
{
	for (size_t i = 0; i < n->picked_count; i++) {
		if (to.n == n->picked[i].n + 7 && slice_starts(to, SLICE("http://")) &&
		    slice_eq(slice_make(to.p + 7, to.n - 7), n->picked[i]))
			return true;
	}
	return false;
}

static void
take_location(struct nginx *n)
{
	if (nginx_is_word(n, 0, "proxy_http_version"))
		return;
	if (nginx_is_word(n, 0, "proxy_pass") && n->text.count == 2) {
		n->pass = n->text.words[1];
		return;
	}
	nginx_tell(n, n->text.words[0], "it is not taken over; see routes in yett.yaml(5)");
}

static void
finish_location(struct nginx *n)
{
	if (n->pass.n == 0 || is_picked(n, n->pass)) /* what the map has is taken from there */
		return;
	if (memchr(n->pass.p, '$', n->pass.n))
		nginx_tell(n, n->pass, "only a map of $uri or $host picks here; name the server");
	else
		nginx_pass(n);
}

static void
add_host(struct nginx *n, struct slice host)
{
	if (n->hosts_count < HOSTS_MAX)
		n->hosts[n->hosts_count++] = host;
}

static void
take_names(struct nginx *n)
{
	for (size_t i = 1; i < n->text.count; i++) {
		struct slice name = n->text.words[i], below;

		if (name.n == 0 || name.p[0] == '~' || nginx_is_word(n, i, "_"))
			continue; /* of those nothing is open that is not known */
		below = nginx_below(n, name);
		if (below.n > 0)
			add_host(n, slice_make(name.p + 1, name.n - 1));
		add_host(n, below.n > 0 ? below : name);
	}
}

/* A line of a file that a map includes. No directive is called like a path or a host. */
static bool
is_bare(const struct nginx *n)
{
	struct slice key = n->text.words[0];

	return n->depth == 0 && n->text.count == 2 &&
	       (memchr(key.p, '/', key.n) || memchr(key.p, '.', key.n) ||
		nginx_is_word(n, 0, "default"));
}

static void
take_line(struct nginx *n)
{
	if (n->upstreams)
		nginx_look_closed(n);
	if (n->ignored > 0 || n->text.count == 0)
		return;
	if (nginx_is_inside(n, "server") && nginx_is_word(n, 0, "server_name")) {
		take_names(n);
	} else if (nginx_is_inside(n, "upstream")) {
		if (n->upstreams && nginx_is_word(n, 0, "server") && n->text.count >= 2)
			nginx_server(n);
		else if (n->upstreams && nginx_is_word(n, 0, "least_conn"))
			n->least = true;
		else
			nginx_tell(n, n->text.words[0],
				   "it is not taken over; see upstreams in yett.yaml(5)");
	} else if (n->upstreams) {
		return;
	} else if (nginx_is_inside(n, "map") || is_bare(n)) {
		nginx_mapped(n);
	} else if (nginx_is_inside(n, "location")) {
		take_location(n);
	} else {
		nginx_tell(n, n->text.words[0],
			   "it is no rule; see yett.yaml(5) for what does it there");
	}
}

/* ---- blocks ---- */

static bool
is_known(struct nginx *n)
{
	if (nginx_is_inside(n, "map") || nginx_is_inside(n, "upstream") ||
	    nginx_is_inside(n, "location"))
		return false;
	if (nginx_is_word(n, 0, "map") && n->text.count == 3)
		return nginx_map_key(n->text.words[1]) != 0;
	if (nginx_is_word(n, 0, "upstream"))
		return n->text.count == 2;
	if (nginx_is_word(n, 0, "location"))
		return n->text.count == 2 || n->text.count == 3;
	return n->text.count == 1 && (nginx_is_word(n, 0, "http") || nginx_is_word(n, 0, "server"));
}

static void
begin_block(struct nginx *n)
{
	struct nginx_block *b = &n->blocks[n->depth];

	if (n->upstreams)
		nginx_look_closed(n);
	if (n->ignored > 0 || n->depth == DEPTH_MAX || !is_known(n)) {
		if (n->ignored++ == 0)
			nginx_tell(n, n->text.count ? n->text.words[0] : SLICE("{"),
				   "the block is not taken over");
		return;
	}
	*b = (struct nginx_block){ .count = n->text.count };
	memcpy(b->words, n->text.words, n->text.count * sizeof *b->words);
	n->depth++;
	n->pass = SLICE("");
	n->located = nginx_is_word(n, 0, "location");
	n->server_located |= n->located;
	if (nginx_is_word(n, 0, "server"))
		nginx_server_begins(n);
	if (n->upstreams && nginx_is_word(n, 0, "map") && n->picked_count < HOSTS_MAX)
		n->picked[n->picked_count++] = n->text.words[2];
	if (nginx_is_inside(n, "location") && !is_location(n)) {
		n->depth--;
		n->ignored++;
		nginx_tell(n, n->text.words[n->text.count - 1],
			   "regular expressions and names are not taken over");
	}
}

static void
end_block(struct nginx *n)
{
	if (n->ignored > 0) {
		n->ignored--;
		return;
	}
	if (n->upstreams && nginx_is_inside(n, "upstream"))
		nginx_upstream(n);
	else if (n->upstreams && nginx_is_inside(n, "server"))
		nginx_server_ends(n);
	else if (!n->upstreams && nginx_is_inside(n, "location"))
		finish_location(n);
	n->depth -= n->depth > 0;
}

static void
go(struct nginx *n, struct slice text)
{
	char end;

	n->text.rest = text;
	n->text.line = 1;
	n->depth = n->ignored = 0;
	while ((end = nginx_directive(&n->text))) {
		if (end == ';')
			take_line(n);
		else if (end == '{')
			begin_block(n);
		else
			end_block(n);
	}
	if (!n->upstreams &&
	    (n->depth > 0 || n->ignored > 0 || n->text.rest.n > 0 || n->text.count > 0))
		nginx_tell(n, SLICE("the end"), "a block or a line is not closed; close it");
}

void
import_nginx(struct slice text, const char *file, struct rules *rules, struct buf *report)
{
	struct nginx n = { .rules = rules, .report = report, .file = file, .upstreams = true };

	go(&n, text);
	n.upstreams = false;
	go(&n, text);
	buf_deinit(&n.endpoints);
	map_deinit(&n.shut_names, NULL);
	map_deinit(&n.narrow, NULL);
	arena_deinit(&n.arena);
}
