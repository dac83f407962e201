/*
 * judge: is this a head that a gateway may pass on, and what does it ask for? RFC 9112 sections 3
 * and 6, RFC 9110 section 7. Looks at the head alone: no client, no table, no worker.
 */

#include "judge.h"

#include "target.h"

/* Names that Connection may hold; nobody needs more, and each costs a look at every field. */
#define NOMINATED_MAX 64

static enum table_method
method_of(uint8_t method)
{
	switch (method) {
	case HTTP_GET:
		return METHOD_GET;
	case HTTP_HEAD:
		return METHOD_HEAD;
	case HTTP_POST:
		return METHOD_POST;
	case HTTP_PUT:
		return METHOD_PUT;
	case HTTP_DELETE:
		return METHOD_DELETE;
	case HTTP_PATCH:
		return METHOD_PATCH;
	case HTTP_OPTIONS:
		return METHOD_OPTIONS;
	case HTTP_CONNECT:
		return METHOD_CONNECT;
	case HTTP_TRACE:
		return METHOD_TRACE;
	default:
		return METHOD_OTHER;
	}
}

/* RFC 9110 section 9.2.2. */
static bool
is_idempotent(enum table_method m)
{
	return m == METHOD_GET || m == METHOD_HEAD || m == METHOD_PUT || m == METHOD_DELETE ||
	       m == METHOD_OPTIONS;
}

/* Fields that Connection must not name: each would take away what the gateway or the upstream has
 * to rely on. */
static bool
is_nominable(enum http_id id)
{
	switch (id) {
	case HTTP_HOST:
	case HTTP_CONTENT_LENGTH:
	case HTTP_AUTHORIZATION:
	case HTTP_COOKIE:
	case HTTP_FORWARDED:
	case HTTP_MAX_FORWARDS:
	case HTTP_VIA:
	case HTTP_X_FORWARDED_FOR:
	case HTTP_X_FORWARDED_HOST:
	case HTTP_X_FORWARDED_PORT:
	case HTTP_X_FORWARDED_PROTO:
	case HTTP_X_FORWARDED_PROTOCOL:
	case HTTP_X_REAL_IP:
	case HTTP_X_REQUEST_ID:
		return false;
	default:
		return true;
	}
}

/* h2c or another HTTP is not passed on: what follows it would not be judged. */
static bool
asks_for_http(struct slice list)
{
	for (struct slice e = http_list_next(&list); e.p; e = http_list_next(&list)) {
		size_t n = 0;

		while (n < e.n && e.p[n] != '/' && e.p[n] != ';' && e.p[n] != ' ' && e.p[n] != '\t')
			n++;
		e.n = n;
		if (slice_ieq(e, SLICE("h2c")) || slice_ieq(e, SLICE("h2")) ||
		    slice_ieq(e, SLICE("http")))
			return true;
	}
	return false;
}

struct seen {
	unsigned hosts, codings, expects, named, max_forwards;
	struct slice host, coding, expect, forwards;
	bool upgrade, upgrade_named, upgrade_to_http;
};

/* What Connection names goes no further (RFC 9110 section 7.6.1). */
static void
look_connection(struct request *r, struct slice list, struct seen *seen, struct judged *out)
{
	for (struct slice name = http_list_next(&list); name.p; name = http_list_next(&list)) {
		enum http_id id = http_identify(name);

		if (++seen->named > NOMINATED_MAX)
			return;
		out->close = out->close || slice_ieq(name, SLICE("close"));
		out->keep = out->keep || id == HTTP_KEEP_ALIVE;
		seen->upgrade_named = seen->upgrade_named || id == HTTP_UPGRADE;
		r->nominates =
		    r->nominates || (id == HTTP_OTHER && !slice_ieq(name, SLICE("close")));
		if (!is_nominable(id))
			continue;
		for (uint16_t i = 0; i < r->in.fields_n; i++) {
			if (slice_ieq(http_name(&r->in, &r->in.fields[i]), name))
				r->in.fields[i].drop = 1;
		}
	}
}

static void
look(struct request *r, struct seen *seen, struct judged *out)
{
	for (uint16_t i = 0; i < r->in.fields_n; i++) {
		const struct http_field *f = &r->in.fields[i];
		struct slice value;

		if (f->id == HTTP_OTHER)
			continue;
		value = http_value(&r->in, f);
		switch (f->id) {
		case HTTP_HOST:
			seen->hosts++;
			seen->host = value;
			break;
		case HTTP_CONNECTION:
			look_connection(r, value, seen, out);
			break;
		case HTTP_TRANSFER_ENCODING:
			seen->codings++;
			seen->coding = value;
			break;
		case HTTP_UPGRADE:
			seen->upgrade = true;
			seen->upgrade_to_http = seen->upgrade_to_http || asks_for_http(value);
			break;
		case HTTP_EXPECT:
			seen->expects++;
			seen->expect = value;
			break;
		case HTTP_TE:
			r->te_trailers =
			    http_minor(&r->in) == 1 &&
			    (r->te_trailers || http_list_has(value, SLICE("trailers")));
			break;
		case HTTP_MAX_FORWARDS:
			seen->max_forwards++;
			seen->forwards = value;
			break;
		case HTTP_VIA:
			out->via = true;
			break;
		case HTTP_X_REQUEST_ID:
			out->id = value;
			break;
		default:
			break;
		}
	}
}

static enum reason
blame(struct request *r, enum reason reason, struct slice field)
{
	r->field = field;
	return reason;
}

/* A body that only the end of the connection would end (RFC 1945 section 7.2.2): it would be lost.
 */
static bool
lacks_length(const struct request *r)
{
	return http_minor(&r->in) == 0 &&
	       (r->method == METHOD_POST || r->method == METHOD_PUT || r->method == METHOD_PATCH);
}

/* A recipient may ignore it (RFC 9110 section 5.6.1.2), but not all do. */
static bool
has_empty_element(struct slice list)
{
	do {
		if (slice_trim(slice_cut(list, ',', &list)).n == 0)
			return true;
	} while (list.p);
	return false;
}

static enum reason
judge_framing(struct request *r, const struct seen *seen)
{
	struct http_parser *in = &r->in;

	if (seen->codings > 0) {
		if (in->has_length || seen->codings > 1 || http_minor(in) == 0 ||
		    has_empty_element(seen->coding))
			return blame(r, REASON_bad_framing, SLICE("Transfer-Encoding"));
		if (!slice_ieq(seen->coding, SLICE("chunked")))
			return blame(r,
				     in->chunked ? REASON_unsupported_coding : REASON_bad_framing,
				     SLICE("Transfer-Encoding"));
		r->body = FRAMING_CHUNKED;
	} else if (in->has_length) {
		r->body = FRAMING_LENGTH;
	} else if (lacks_length(r)) {
		return blame(r, REASON_length_required, SLICE("Content-Length"));
	}
	r->body_done = in->done;
	return REASON_none;
}

/* A Host that is overruled by the absolute form must be one all the same (RFC 9112 section 3.2). */
static enum reason
judge_host(struct request *r, const struct seen *seen, struct slice authority)
{
	struct slice host = authority.p ? authority : seen->host;
	char *room = arena_alloc(&r->arena, 2 * (host.n + seen->host.n) + 2);

	if (seen->hosts > 1 || (seen->hosts == 0 && http_minor(&r->in) == 1))
		return blame(r, REASON_bad_host, SLICE("Host"));
	if (authority.p && uri_host_parse(seen->host, room, &r->host) < 0)
		return blame(r, REASON_bad_host, SLICE("Host"));
	r->host_field = arena_copy(&r->arena, host);
	if (uri_host_parse(r->host_field, room, &r->host) < 0)
		return blame(r, REASON_bad_host, authority.p ? SLICE("") : SLICE("Host"));
	return REASON_none;
}

/* RFC 9110 section 7.6.2. A number that we cannot hold is taken down to one that we can. */
static enum reason
judge_max_forwards(struct request *r, const struct seen *seen)
{
	uint32_t n = 0;

	r->max_forwards = -1;
	if (seen->max_forwards == 0 || r->method != METHOD_OPTIONS)
		return REASON_none;
	for (size_t i = 0; i < seen->forwards.n; i++) {
		char c = seen->forwards.p[i];

		if (c < '0' || c > '9')
			return blame(r, REASON_bad_request, SLICE("Max-Forwards"));
		n = n * 10 + (uint32_t)(c - '0');
		n = n < 1000000 ? n : 1000000;
	}
	if (seen->max_forwards > 1 || seen->forwards.n == 0)
		return blame(r, REASON_bad_request, SLICE("Max-Forwards"));
	r->max_forwards = (int32_t)n;
	return REASON_none;
}

/* The parser skips any CR and LF before the request line, and spaces around the target; empty lines
 * and one space are the rule (RFC 9112 sections 2.2 and 3). */
static bool
is_tidy(const struct http_parser *p)
{
	const char *at = p->base, *behind = p->base + p->url + p->url_n;

	while (at[0] == '\r' && at[1] == '\n')
		at += 2;
	return *at != '\r' && *at != '\n' && p->url >= 2 && p->base[p->url - 2] != ' ' &&
	       (behind[0] != ' ' || behind[1] != ' ');
}

/* llhttp knows RTSP and ICE too, and HTTP/0.9, in which nothing stands behind the target. */
static bool
is_http_1(const struct http_parser *p)
{
	return p->llhttp.http_major == 1 && http_minor(p) <= 1 &&
	       memcmp(p->base + p->url + p->url_n, " HTTP/", 6) == 0;
}

static enum reason
judge_expect(struct request *r, const struct seen *seen)
{
	if (seen->expects == 0 || http_minor(&r->in) == 0)
		return REASON_none;
	if (seen->expects > 1 || !slice_ieq(seen->expect, SLICE("100-continue")))
		return blame(r, REASON_expectation_failed, SLICE("Expect"));
	r->expect_continue = !r->body_done;
	return REASON_none;
}

enum reason
judge_head(struct request *r, struct judged *out)
{
	struct http_parser *in = &r->in;
	struct seen seen = { 0 };
	struct slice authority;
	enum reason reason;

	*out = (struct judged){ 0 };
	look(r, &seen, out);
	if (!is_tidy(in))
		return REASON_bad_request;
	if (!is_http_1(in))
		return REASON_unsupported_version;
	r->method = method_of(in->llhttp.method);
	r->idempotent = is_idempotent(r->method);
	if (r->method == METHOD_CONNECT || r->method == METHOD_TRACE)
		return REASON_unsupported_method;
	if (seen.named > NOMINATED_MAX)
		return blame(r, REASON_bad_request, SLICE("Connection"));
	reason = judge_framing(r, &seen);
	if (reason == REASON_none)
		reason = target_judge(r, &authority);
	if (reason == REASON_none)
		reason = judge_host(r, &seen, authority);
	if (reason == REASON_none)
		reason = judge_expect(r, &seen);
	if (reason == REASON_none)
		reason = judge_max_forwards(r, &seen);
	r->upgrade = seen.upgrade && seen.upgrade_named && http_minor(in) == 1 &&
		     (r->body == FRAMING_NONE || (r->body == FRAMING_LENGTH && in->length == 0)) &&
		     !seen.upgrade_to_http;
	return reason;
}
