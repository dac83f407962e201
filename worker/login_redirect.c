#include "login_redirect.h"

#include "lib/absolute.h"
#include "shm/table.h"

#define ORIGINS_MAX 64u

/* Nobody changes these on the way, and nobody takes them for something else: visible ASCII, no
 * backslash, which browsers read as a slash. */
static bool
is_clean(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '\\')
			return false;
	}
	return true;
}

/* Neither leads it out of where it seems to lead, nor does whoever takes a triplet for what it
 * stands for see "//" or "/\\" at its beginning. */
static bool
segment_is_good(struct slice segment, bool first, bool last)
{
	char room[LOGIN_PLACE_MAX];
	struct slice s = uri_unescape(segment, room);

	if (first && (s.n == 0 ? !last : s.p[0] == '/' || s.p[0] == '\\'))
		return false;
	return !slice_eq(s, SLICE(".")) && !slice_eq(s, SLICE(".."));
}

static bool
path_is_good(struct slice path, struct slice base)
{
	char room[URI_ROOM(LOGIN_PLACE_MAX)];
	struct slice rest = slice_make(path.p + 1, path.n - 1), own;
	struct uri_path canonical;

	if (uri_canonical(path, room, &canonical) != 0)
		return false;
	for (bool first = true; rest.p; first = false) {
		struct slice segment = slice_cut(rest, '/', &rest);

		if (!segment_is_good(segment, first, !rest.p))
			return false;
	}
	own = canonical.path;
	return !slice_starts(own, base) || (own.n > base.n && own.p[base.n] != '/');
}

static bool
same_origin(const struct absolute *url, struct slice origin)
{
	char room[2 * (URI_HOST_MAX + 8) + 2];
	struct absolute o;

	return origin.n <= URI_HOST_MAX + 8 && absolute_parse(origin, room, &o) == NULL &&
	       o.https == url->https && o.port == url->port &&
	       slice_eq(o.host.host, url->host.host);
}

static struct slice
without_query(struct slice target)
{
	size_t n = 0;

	while (n < target.n && target.p[n] != '?' && target.p[n] != '#')
		n++;
	return slice_make(target.p, n);
}

bool
login_place_is_good(struct slice place, struct slice base, const struct slice *origins,
		    size_t count)
{
	char room[2 * LOGIN_PLACE_MAX + 2];
	struct absolute url;
	struct slice path;

	if (place.n == 0 || place.n > LOGIN_PLACE_MAX || !is_clean(place))
		return false;
	if (place.p[0] == '/')
		return path_is_good(without_query(place), base);
	if (absolute_parse(place, room, &url) != NULL || url.dotted)
		return false;
	path = without_query(url.target);
	if (path.n > 0 && !path_is_good(path, base))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (same_origin(&url, origins[i]))
			return true;
	}
	return false;
}

static size_t
origins_of(const struct segment *rules, const struct table_login *login,
	   struct slice out[ORIGINS_MAX])
{
	size_t n = 0;

	out[n++] = seg_string(rules, login->origin);
	for (uint32_t i = 0; i < login->redirects_count && n < ORIGINS_MAX; i++) {
		const struct seg_ref *ref =
		    seg_at(rules, RULES_REDIRECTS, login->redirects_first + i, sizeof *ref);

		if (ref)
			out[n++] = seg_string(rules, *ref);
	}
	return n;
}

struct slice
login_redirect(const struct segment *rules, struct slice place)
{
	const struct table_login *login = table_login(rules);
	struct slice origins[ORIGINS_MAX];
	size_t n = origins_of(rules, login, origins);

	return login_place_is_good(place, seg_string(rules, login->base), origins, n)
		   ? place
		   : seg_string(rules, login->home);
}

bool
login_origin_is_known(const struct segment *rules, struct slice origin)
{
	struct slice origins[ORIGINS_MAX];
	size_t n = origins_of(rules, table_login(rules), origins);
	char room[2 * (URI_HOST_MAX + 8) + 2];
	struct absolute url;

	if (origin.n > URI_HOST_MAX + 8 || absolute_parse(origin, room, &url) != NULL ||
	    url.target.n > 0 || url.fragment.n > 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (same_origin(&url, origins[i]))
			return true;
	}
	return false;
}
