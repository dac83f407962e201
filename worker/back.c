#include "back.h"

#include "put.h"

/* Is the path `prefix`, or below it? */
static bool
is_below(struct slice path, struct slice prefix)
{
	return slice_starts(path, prefix) &&
	       (path.n == prefix.n || memchr("/?#", path.p[prefix.n], 3));
}

/* A path as two parts that stand behind one another. */
struct mapped {
	struct slice before, rest;
};

static struct mapped
map_path(const struct back *b, struct slice path)
{
	struct mapped m = { .rest = path };

	if (b->upstream_prefix.n == 0) {
		if (b->client_prefix.n > 0 && !is_below(path, b->client_prefix))
			m.before = b->client_prefix;
	} else if (is_below(path, b->upstream_prefix)) {
		m.before = b->client_prefix;
		m.rest = slice_make(path.p + b->upstream_prefix.n, path.n - b->upstream_prefix.n);
	}
	if (m.before.n == 0 && (m.rest.n == 0 || m.rest.p[0] != '/'))
		m.before = SLICE("/");
	return m;
}

static char *
put_mapped(char *o, struct mapped m)
{
	return put(put(o, m.before), m.rest);
}

/* Without a port that says nothing. */
static struct slice
bare(struct slice host)
{
	if (host.n > 3 && memcmp(host.p + host.n - 3, ":80", 3) == 0)
		return slice_make(host.p, host.n - 3);
	if (host.n > 4 && memcmp(host.p + host.n - 4, ":443", 4) == 0)
		return slice_make(host.p, host.n - 4);
	return host;
}

static bool
is_host_of(const struct back *b, struct slice host)
{
	for (unsigned i = 0; i < BACK_HOSTS; i++) {
		if (b->hosts[i].n > 0 && slice_ieq(bare(b->hosts[i]), bare(host)))
			return true;
	}
	return false;
}

/* "http://" or "https://", its length; 0: neither. */
static size_t
scheme_of(struct slice url)
{
	if (url.n > 7 && slice_ieq(slice_make(url.p, 7), SLICE("http://")))
		return 7;
	return url.n > 8 && slice_ieq(slice_make(url.p, 8), SLICE("https://")) ? 8 : 0;
}

static char *
put_authority(char *o, const struct back *b)
{
	o = put(o, b->scheme);
	o = PUT(o, "://");
	return put(o, b->host);
}

static char *
back_url(char *o, const struct back *b, struct slice value, size_t scheme)
{
	struct slice path = slice_make(value.p + scheme, value.n - scheme), host = path;

	while (path.n > 0 && !memchr("/?#", *path.p, 3))
		path = slice_make(path.p + 1, path.n - 1);
	host.n -= path.n;
	if (b->host.n == 0 || !is_host_of(b, host))
		return put(o, value);
	if (slice_ieq(bare(host), bare(b->host))) /* it knows our name: the scheme is meant */
		o = put(o, slice_make(value.p, scheme + host.n));
	else
		o = put_authority(o, b);
	return put_mapped(o, map_path(b, path));
}

/* Would a client take it for "//host"? */
static bool
is_network_path(struct mapped m)
{
	struct slice s = m.before.n > 0 ? m.before : m.rest;

	if (m.before.n == 1 && m.rest.n > 0)
		return m.rest.p[0] == '/' || m.rest.p[0] == '\\';
	return s.n > 1 && (s.p[1] == '/' || s.p[1] == '\\');
}

char *
back_location(char *o, const struct back *b, struct slice value)
{
	size_t scheme = scheme_of(value);
	struct mapped m;

	if (scheme > 0)
		return back_url(o, b, value, scheme);
	if (value.n == 0 || value.p[0] != '/' || is_network_path((struct mapped){ .rest = value }))
		return put(o, value);
	m = map_path(b, value);
	if (is_network_path(m)) {
		if (b->host.n == 0)
			return put(o, value);
		o = put_authority(o, b);
	}
	return put_mapped(o, m);
}

static char *
put_cookie_path(char *o, const struct back *b, struct slice path)
{
	struct mapped m = { .rest = path };

	if (path.n > 0 && path.p[0] == '/')
		m = map_path(b, path);
	if (m.before.n > 1 && m.rest.n == 1) /* "/a/" would not be sent with "/a" */
		m.rest.n = 0;
	return put_mapped(o, m);
}

/* The next "; Name=value", as it came; p NULL at the end. *value: p NULL where there is none. */
static struct slice
attribute_next(struct slice *rest, struct slice *name, struct slice *value)
{
	struct slice part = { NULL, 0 };

	if (!rest->p)
		return part;
	part = slice_cut(*rest, ';', rest);
	*name = slice_trim(slice_cut(slice_trim(part), '=', value));
	*value = value->p ? slice_trim(*value) : *value;
	return part;
}

/* One that has two is not understood; and one whose name says so must have "/". */
static bool
has_path_of_its_own(struct slice pair, struct slice rest)
{
	struct slice name, value;
	unsigned paths = 0;

	while (attribute_next(&rest, &name, &value).p)
		paths += slice_ieq(name, SLICE("path"));
	return paths != 1 || slice_starts(slice_trim(pair), SLICE("__Host-"));
}

char *
back_cookie(char *o, const struct back *b, struct slice value, bool drop_domain)
{
	struct slice rest, pair = slice_cut(value, ';', &rest), part, name, path;
	bool fixed = !b || has_path_of_its_own(pair, rest);

	o = put(o, pair);
	while ((part = attribute_next(&rest, &name, &path)).p) {
		if (drop_domain && slice_ieq(name, SLICE("domain")))
			continue;
		if (fixed || !path.p || !slice_ieq(name, SLICE("path"))) {
			o = put(PUT(o, ";"), part);
			continue;
		}
		o = PUT(o, "; Path=");
		o = put_cookie_path(o, b, path);
	}
	return o;
}

size_t
back_room(const struct back *b)
{
	return b->client_prefix.n + b->scheme.n + b->host.n + 16;
}
