#include "target.h"

/* "http://authority/path", with so many bytes before the authority: takes *url down to the path. */
static enum reason
target_absolute(struct request *r, size_t scheme, struct slice *url, struct slice *authority)
{
	struct slice rest = slice_make(url->p + scheme, url->n - scheme);
	size_t n = 0;

	while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?')
		n++;
	*authority = slice_make(rest.p, n);
	*url = slice_make(rest.p + n, rest.n - n);
	r->absolute = true;
	return n == 0 ? REASON_bad_request : REASON_none;
}

static bool
starts_with(struct slice s, struct slice start)
{
	return s.n >= start.n && slice_ieq(slice_make(s.p, start.n), start);
}

static enum reason
target_path(struct request *r, struct slice url)
{
	struct slice query, path = slice_cut(url, '?', &query);
	struct uri_path canonical;
	int error;

	if (r->absolute && path.n == 0)
		path = SLICE("/");
	if (query.p) {
		r->query = (uint32_t)(query.p - 1 - r->in.base);
		r->query_n = (uint32_t)query.n + 1;
		if (!uri_query_is_clean(query))
			return REASON_bad_path;
	}
	error = uri_canonical(path, NULL, &canonical);
	if (error > 0)
		error = uri_canonical(path, arena_alloc(&r->arena, URI_ROOM(path.n)), &canonical);
	if (error < 0)
		return REASON_bad_path;
	r->path = canonical.same ? arena_copy(&r->arena, canonical.path) : canonical.path;
	r->path_flags = canonical.flags;
	return REASON_none;
}

static enum reason
target_asterisk(struct request *r)
{
	r->asterisk = true;
	r->path = SLICE("/");
	return r->method == METHOD_OPTIONS ? REASON_none : REASON_bad_request;
}

enum reason
target_judge(struct request *r, struct slice *authority)
{
	struct slice url = http_url(&r->in);
	enum reason reason;
	size_t scheme;

	*authority = (struct slice){ NULL, 0 };
	if (url.n > 0 && url.p[0] == '/')
		return target_path(r, url);
	if (slice_eq(url, SLICE("*")))
		return target_asterisk(r);
	scheme = starts_with(url, SLICE("https://"))  ? 8
		 : starts_with(url, SLICE("http://")) ? 7
						      : 0;
	if (scheme == 0)
		return REASON_bad_request;
	if (scheme != (r->secure ? 8 : 7)) /* RFC 9110 section 7.4 */
		return REASON_misdirected;
	reason = target_absolute(r, scheme, &url, authority);
	/* RFC 9112 section 3.2.4: without a path it means the server, as the asterisk does. */
	if (reason == REASON_none && url.n == 0 && r->method == METHOD_OPTIONS)
		return target_asterisk(r);
	return reason == REASON_none ? target_path(r, url) : reason;
}
