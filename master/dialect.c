#include "dialect.h"

#include "lib/uri.h"

struct key {
	struct slice host, path; /* path with its first slash; empty for a key of a host alone */
	struct uri_host parsed;
	struct slice canonical; /* path, in match form */
	bool path_same;
};

static int
unreachable(const char **reason, const char *text)
{
	*reason = text;
	return DIALECT_UNREACHABLE;
}

static int
refused(const char **reason, const char *text)
{
	*reason = text;
	return DIALECT_REFUSED;
}

static void
key_split(struct slice url, struct key *k)
{
	const char *slash = memchr(url.p, '/', url.n);

	k->host = slice_make(url.p, slash ? (size_t)(slash - url.p) : url.n);
	k->path = slice_make(url.p + k->host.n, url.n - k->host.n);
}

static bool
key_host(struct key *k, struct slice host, struct arena *arena)
{
	return uri_host_parse(host, arena_alloc(arena, 2 * host.n + 2), &k->parsed) == 0 &&
	       k->parsed.host.n > 0;
}

static bool
key_path(struct key *k, struct arena *arena)
{
	struct slice raw = k->path.n ? k->path : SLICE("/");
	struct uri_path path;

	if (uri_canonical(raw, arena_alloc(arena, URI_ROOM(raw.n)), &path) != 0)
		return false;
	k->path_same = path.same;
	k->canonical = uri_match_form(path.path, arena_alloc(arena, path.path.n));
	return true;
}

static uint32_t
segments(struct slice path)
{
	uint32_t n = 0;

	for (size_t i = 0; i + 1 < path.n; i++)
		n += path.p[i] == '/';
	return n;
}

static struct slice
without_slash(struct slice path)
{
	if (path.n > 1 && path.p[path.n - 1] == '/')
		path.n--;
	return path;
}

static int
read_redx(struct key *k, const char **reason)
{
	if (!slice_eq(k->host, k->parsed.host))
		return unreachable(
		    reason,
		    "the host of a request has no port and is in lower case; write the key so");
	if (k->path.n == 1)
		return unreachable(reason, "the key of a host alone has no slash at its end");
	if (k->path.n && k->path.p[k->path.n - 1] != '/')
		return unreachable(reason, "a key with a path needs a slash at its end");
	return DIALECT_MATCHES;
}

static int
read_riox(struct key *k, const char **reason)
{
	if (k->path.n && k->path.p[k->path.n - 1] == '/')
		return unreachable(reason, "a key must not have a slash at its end");
	return DIALECT_MATCHES;
}

static int
read_strict(enum dialect dialect, struct key *k, struct arena *arena, const char **reason)
{
	int r;

	if (!key_host(k, k->host, arena))
		return unreachable(reason, "no request has such a host");
	r = dialect == DIALECT_REDX ? read_redx(k, reason) : read_riox(k, reason);
	if (r)
		return r;
	if (!key_path(k, arena) || !k->path_same)
		return unreachable(
		    reason,
		    "the path is not canonical (empty or dot segments, or needless triplets)");
	return DIALECT_MATCHES;
}

static int
read_both(struct key *k, struct arena *arena, struct dialect_match *out, const char **reason)
{
	bool wildcard = slice_starts(k->host, SLICE("*."));
	struct slice host = wildcard ? slice_make(k->host.p + 2, k->host.n - 2) : k->host;

	if (k->host.n == 0)
		return refused(reason, "the key names no host");
	if (!key_host(k, host, arena) || (wildcard && host.p[0] == '['))
		return refused(reason, "the host is none; write host, host:port or *.domain");
	if (!key_path(k, arena))
		return refused(reason, "the path holds what no path may (RFC 3986 section 3.3)");
	out->host = k->parsed.host_port;
	if (wildcard) {
		char *text = arena_alloc(arena, out->host.n + 2);

		memcpy(text, "*.", 2);
		memcpy(text + 2, out->host.p, out->host.n);
		out->host = slice_make(text, out->host.n + 2);
	}
	return DIALECT_MATCHES;
}

int
dialect_read(enum dialect dialect, uint32_t max_path_length, struct slice url, struct arena *arena,
	     struct dialect_match *out, const char **reason)
{
	struct key k = { 0 };
	int r;

	*out = (struct dialect_match){ 0 };
	*reason = "";
	key_split(url, &k);
	r = dialect == DIALECT_BOTH ? read_both(&k, arena, out, reason)
				    : read_strict(dialect, &k, arena, reason);
	if (r)
		return r;
	if (segments(k.canonical) > max_path_length)
		return unreachable(reason, "the path has more segments than redis.max_path_length");
	if (dialect != DIALECT_BOTH)
		out->host = k.host;
	out->verbatim = dialect == DIALECT_RIOX;
	out->canonical = out->verbatim ? k.parsed.host_port : out->host;
	out->path = without_slash(k.canonical);
	out->slash = k.path.n && k.path.p[k.path.n - 1] == '/';
	out->plain =
	    slice_eq(k.host, out->host) && (k.path.n == 0 || slice_eq(k.path, k.canonical));
	return DIALECT_MATCHES;
}
