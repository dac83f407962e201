/*
 * head: is this a request that a gateway may pass on, and what does it ask for? RFC 9112 sections 3
 * and 6, RFC 9110 section 7. Decides nothing about who may ask.
 */

#include "client.h"
#include "request.h"
#include "worker.h"

#include <stdio.h>

/* Who sends such a head may mean something else by what follows: the connection ends with the
 * answer. */
static enum result
refuse(struct request *r, enum reason reason)
{
	r->reason = reason;
	r->keep_alive = false;
	return STEP_REPLY;
}

/* Names that one Connection field may hold; what it names beyond is passed on. */
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

/* 32 hex digits; unique, not secret (xoshiro256**, seeded from the kernel). */
static void
make_id(struct worker *w, char *out)
{
	static const char hex[] = "0123456789abcdef";
	uint64_t *s = w->random;

	for (int half = 0; half < 2; half++) {
		uint64_t x = s[1] * 5, t = s[1] << 17;

		x = ((x << 7) | (x >> 57)) * 9;
		s[2] ^= s[0];
		s[3] ^= s[1];
		s[1] ^= s[2];
		s[0] ^= s[3];
		s[2] ^= t;
		s[3] = (s[3] << 45) | (s[3] >> 19);
		for (int i = 0; i < 16; i++, x >>= 4)
			*out++ = hex[x & 15];
	}
	*out = '\0';
}

/* A client's id is taken when it can do no harm in a log or a header. */
static void
take_id(struct request *r, struct slice id)
{
	bool good = id.n > 0 && id.n <= REQUEST_ID_MAX;

	for (size_t i = 0; good && i < id.n; i++) {
		char c = id.p[i];

		good = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
		       memchr("-_.:+/=@", c, 8);
	}
	if (good) {
		memcpy(r->id, id.p, id.n);
		r->id[id.n] = '\0';
		r->id_n = (uint8_t)id.n;
	} else {
		make_id(r->worker, r->id);
		r->id_n = 32;
	}
}

/* Fields named by Connection go no further (RFC 9110 section 7.6.1), but for those that it must not
 * name. */
static void
nominate(struct request *r, struct slice list)
{
	unsigned names = 0;

	for (struct slice name = http_list_next(&list); name.p; name = http_list_next(&list)) {
		enum http_id id = http_identify(name);

		if (++names > NOMINATED_MAX)
			break;
		if (id == HTTP_HOST || id == HTTP_CONTENT_LENGTH || id == HTTP_AUTHORIZATION ||
		    id == HTTP_COOKIE)
			continue;
		for (uint16_t i = 0; i < r->in.fields_n; i++) {
			if (slice_ieq(http_name(&r->in, &r->in.fields[i]), name))
				r->in.fields[i].drop = 1;
		}
	}
}

struct seen {
	unsigned hosts, codings;
	struct slice host, coding, id;
	bool close, keep, upgrade_named;
	unsigned upgrades;
	struct slice upgrade, expect;
};

static void
look(struct request *r, struct seen *seen)
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
			seen->close = seen->close || http_list_has(value, SLICE("close"));
			seen->keep = seen->keep || http_list_has(value, SLICE("keep-alive"));
			seen->upgrade_named =
			    seen->upgrade_named || http_list_has(value, SLICE("upgrade"));
			nominate(r, value);
			break;
		case HTTP_TRANSFER_ENCODING:
			seen->codings++;
			seen->coding = value;
			break;
		case HTTP_UPGRADE:
			seen->upgrades++;
			seen->upgrade = value;
			break;
		case HTTP_EXPECT:
			seen->expect = value;
			break;
		case HTTP_X_REQUEST_ID:
			seen->id = value;
			break;
		default:
			break;
		}
	}
}

static enum reason
check_framing(struct request *r, const struct seen *seen)
{
	struct http_parser *in = &r->in;

	if (seen->codings > 0) {
		if (in->has_length || seen->codings > 1 || http_minor(in) == 0)
			return REASON_bad_framing;
		if (!slice_ieq(seen->coding, SLICE("chunked")))
			return in->chunked ? REASON_unsupported_coding : REASON_bad_framing;
		r->body = FRAMING_CHUNKED;
	} else if (in->has_length) {
		r->body = FRAMING_LENGTH;
	}
	r->body_done = in->done;
	return REASON_none;
}

static enum reason
check_host(struct request *r, const struct seen *seen, struct slice authority)
{
	struct slice host = authority.p ? authority : seen->host;

	if (seen->hosts > 1 || (seen->hosts == 0 && http_minor(&r->in) == 1))
		return REASON_bad_host;
	r->host_field = arena_copy(&r->arena, host);
	if (uri_host_parse(r->host_field, arena_alloc(&r->arena, 2 * host.n + 2), &r->host) < 0)
		return REASON_bad_host;
	return REASON_none;
}

/* Origin-form, absolute-form, or the asterisk of OPTIONS (RFC 9112 section 3.2). *authority: of the
 * absolute form. */
static enum reason
check_target(struct request *r, struct slice *authority)
{
	struct slice url = http_url(&r->in), query, path;
	struct uri_path canonical;

	*authority = (struct slice){ NULL, 0 };
	if (slice_eq(url, SLICE("*"))) {
		r->asterisk = true;
		r->path = SLICE("/");
		return r->method == METHOD_OPTIONS ? REASON_none : REASON_bad_request;
	}
	if (url.n >= 7 && slice_ieq(slice_make(url.p, 7), SLICE("http://"))) {
		struct slice rest = slice_make(url.p + 7, url.n - 7);
		size_t n = 0;

		while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?')
			n++;
		*authority = slice_make(rest.p, n);
		r->absolute = true;
		url = slice_make(rest.p + n, rest.n - n);
		if (n == 0)
			return REASON_bad_request;
	}
	path = slice_cut(url, '?', &query);
	if (r->absolute && path.n == 0)
		path = SLICE("/");
	if (query.p) {
		r->query = (uint32_t)(query.p - 1 - r->in.base);
		r->query_n = (uint32_t)query.n + 1;
		if (memchr(query.p, '#', query.n))
			return REASON_bad_path;
	}
	if (uri_canonical(path, arena_alloc(&r->arena, path.n + 1), &canonical) < 0)
		return REASON_bad_path;
	r->path = canonical.same ? arena_copy(&r->arena, canonical.path) : canonical.path;
	r->path_flags = canonical.flags;
	return REASON_none;
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

/* llhttp knows RTSP and ICE too. */
static bool
is_http(const struct http_parser *p)
{
	return memcmp(p->base + p->url + p->url_n, " HTTP/", 6) == 0;
}

/* Is this the last request that its connection may carry? */
static bool
is_last(const struct request *r)
{
	const struct worker *w = r->worker;
	const struct table_global *g =
	    w->table ? table_global(w->table->segments[SEGMENT_RULES]) : NULL;

	return w->draining ||
	       (g && g->keepalive_requests && r->client->served + 1 >= g->keepalive_requests);
}

enum result
head_step(struct request *r)
{
	struct http_parser *in = &r->in;
	struct seen seen = { 0 };
	struct slice authority;
	enum reason reason;

	look(r, &seen);
	take_id(r, seen.id);
	r->keep_alive = !seen.close && (http_minor(in) == 1 || seen.keep) && !is_last(r);
	if (!is_http(in) || in->llhttp.http_major != 1 || http_minor(in) > 1)
		return refuse(r, REASON_unsupported_version);
	r->method = method_of(in->llhttp.method);
	r->idempotent = is_idempotent(r->method);
	if (r->method == METHOD_CONNECT || r->method == METHOD_TRACE)
		return refuse(r, REASON_unsupported_method);
	reason = check_framing(r, &seen);
	if (reason == REASON_none)
		reason = check_target(r, &authority);
	if (reason == REASON_none)
		reason = check_host(r, &seen, authority);
	if (reason != REASON_none)
		return refuse(r, reason);
	if (seen.expect.p && http_minor(in) == 1) {
		if (!slice_ieq(seen.expect, SLICE("100-continue")))
			return refuse(r, REASON_expectation_failed);
		r->expect_continue = !r->body_done;
	}
	r->upgrade = seen.upgrades == 1 && seen.upgrade_named && http_minor(in) == 1 &&
		     r->body == FRAMING_NONE && !asks_for_http(seen.upgrade);
	timer_set(r->worker, &r->client->timer, 0);
	return STEP_NEXT;
}

void
request_head_timeout(struct request *r)
{
	take_id(r, (struct slice){ NULL, 0 });
	r->keep_alive = false;
	request_refuse(r, REASON_client_head_timeout);
}

void
request_malformed(struct request *r, enum http_outcome outcome)
{
	static const enum reason reasons[] = {
		[-HTTP_BAD] = REASON_bad_request,
		[-HTTP_BAD_METHOD] = REASON_unsupported_method,
		[-HTTP_BAD_VERSION] = REASON_unsupported_version,
		[-HTTP_BAD_FRAMING] = REASON_bad_framing,
		[-HTTP_URI_LONG] = REASON_uri_too_long,
		[-HTTP_HEAD_LONG] = REASON_header_too_large,
		[-HTTP_FIELDS_MANY] = REASON_too_many_headers,
		[-HTTP_BAD_BODY] = REASON_bad_body,
	};

	if (r->id_n == 0)
		take_id(r, (struct slice){ NULL, 0 });
	r->keep_alive = false;
	/* A body that turns bad must not look whole to the upstream: request_refuse closes that
	 * connection. */
	request_refuse(r, reasons[-outcome]);
}
