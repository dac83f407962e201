#include "sticky.h"

#include "client.h"
#include "fields.h"
#include "https.h"
#include "put.h"

#include <assert.h>

#define VALUE_MAX 2048 /* bytes of the cookie's value; a longer one names nothing */

static const struct table_sticky *
sticky_of(const struct request *r, const struct table_upstream *up)
{
	return up->sticky ? table_sticky(r->table->segments[SEGMENT_ENDPOINTS], up->sticky - 1)
			  : NULL;
}

/* redx writes the value of a cookie as the text of a URL. */
static struct slice
unescape(struct request *r, struct slice in)
{
	return uri_unescape(in, arena_alloc(&r->arena, in.n + 1));
}

/* What the client's cookie says, read once for an upstream. */
static struct slice
value_of(struct request *r, const struct table_upstream *up)
{
	const struct table_sticky *s = sticky_of(r, up);
	struct slice value;

	if (!s || r->sticky_value.p)
		return r->sticky_value;
	value = fields_cookie(r, seg_string(r->table->segments[SEGMENT_ENDPOINTS], s->cookie));
	r->sticky_value = value.n > 0 && value.n <= VALUE_MAX ? unescape(r, value) : SLICE("");
	return r->sticky_value;
}

bool
sticky_is_named(struct request *r, const struct table_upstream *up, const struct table_endpoint *e)
{
	struct slice value = value_of(r, up),
		     own = seg_string(r->table->segments[SEGMENT_ENDPOINTS], e->sticky);

	return own.n > 0 && slice_eq(value, own);
}

struct choice
sticky_choose(struct request *r, const struct table_upstream *up)
{
	const struct segment *seg = r->table->segments[SEGMENT_ENDPOINTS];

	if (value_of(r, up).n == 0)
		return (struct choice){ 0 };
	for (uint32_t i = 0; i < up->count; i++) {
		const struct table_endpoint *e = table_endpoint(seg, up->first + i);
		struct look l;

		if (!e || !sticky_is_named(r, up, e))
			continue;
		l = look_at(r, up, up->first + i);
		if (l.standing >= STANDING_RISING || l.kept)
			return (struct choice){ up->first + i, true, true };
	}
	return (struct choice){ 0 };
}

void
sticky_settle(struct request *r, const struct table_upstream *up)
{
	const struct table_endpoint *e =
	    table_endpoint(r->table->segments[SEGMENT_ENDPOINTS], r->endpoint);

	r->sticky_new = up->sticky && e->sticky.size > 0 && !sticky_is_named(r, up, e);
}

/* Letters and digits and "-_.~" as they are (RFC 3986 section 2.3), all else as triplets. */
static char *
put_escaped(char *o, struct slice s)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		char lower = ascii_lower((char)c);

		if ((lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') ||
		    memchr("-_.~", c, 4)) {
			*o++ = (char)c;
			continue;
		}
		*o++ = '%';
		*o++ = digits[c >> 4];
		*o++ = digits[c & 15];
	}
	return o;
}

/* The route's own, unless it could not stand in a cookie. */
static struct slice
path_of(const struct request *r, const struct table_sticky *s)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	const struct table_route *route = table_route(rules, r->route);
	struct slice path = seg_string(r->table->segments[SEGMENT_ENDPOINTS], s->path);

	if (path.n == 0 && route)
		path = table_route_path(rules, route);
	return path.n == 0 || memchr(path.p, ';', path.n) ? SLICE("/") : path;
}

static bool
is_secure(struct request *r, const struct table_sticky *s)
{
	if (s->secure != STICKY_SECURE_AUTO)
		return s->secure == STICKY_SECURE_ON;
	return slice_eq(https_scheme(r), SLICE("https"));
}

size_t
sticky_room(const struct request *r)
{
	const struct segment *seg = r->table->segments[SEGMENT_ENDPOINTS];
	const struct table_upstream *up = table_upstream(seg, r->upstream_index);
	const struct table_sticky *s = sticky_of(r, up);

	assert(s); /* or no cookie would be due */
	return s->cookie.size + 3 * (size_t)table_endpoint(seg, r->endpoint)->sticky.size +
	       path_of(r, s).n + 128;
}

char *
sticky_put(char *o, struct request *r)
{
	static const char *const same_site[] = {
		[SAME_SITE_LAX] = "Lax",
		[SAME_SITE_STRICT] = "Strict",
		[SAME_SITE_NONE] = "None",
	};
	const struct segment *seg = r->table->segments[SEGMENT_ENDPOINTS];
	const struct table_sticky *s = sticky_of(r, table_upstream(seg, r->upstream_index));

	assert(s);
	o = PUT(o, "Set-Cookie: ");
	o = put(o, seg_string(seg, s->cookie));
	o = PUT(o, "=");
	o = put_escaped(o, seg_string(seg, table_endpoint(seg, r->endpoint)->sticky));
	o = PUT(o, "; Path=");
	o = put(o, path_of(r, s));
	if (s->max_age_s) {
		o = PUT(o, "; Max-Age=");
		o = put_number(o, s->max_age_s);
	}
	o = PUT(o, "; HttpOnly; SameSite=");
	o = put(o, slice_of(same_site[s->same_site]));
	if (is_secure(r, s))
		o = PUT(o, "; Secure");
	return PUT(o, "\r\n");
}
