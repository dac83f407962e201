#include "forward.h"

#include "action.h"
#include "client.h"
#include "client_certificate.h"
#include "fields.h"
#include "https.h"
#include "limiter.h"
#include "identity.h"
#include "inject.h"
#include "mirror.h"
#include "own_cookies.h"
#include "put.h"
#include "real_client.h"
#include "redx_headers.h"
#include "sticky.h"
#include "trace.h"
#include "upstream.h"
#include "worker.h"

#include "shm/rewrite.h"

#include <stdio.h>

#define STRICT SLICE("Strict-Transport-Security")
#define SET_COOKIE SLICE("Set-Cookie")

static bool
ends_with(struct slice s, struct slice end)
{
	return s.n >= end.n && memcmp(s.p + s.n - end.n, end.p, end.n) == 0;
}

/* Renku's UI marks what it sends again: that is no part of the first one's trace. */
static bool
is_repeated_trace(const struct request *r, const struct http_field *f)
{
	struct slice name = http_name(&r->in, f);

	return (name.n == 7 || name.n == 12) &&
	       table_global(r->table->segments[SEGMENT_RULES])->scrub & SCRUB_REPEATED_TRACE &&
	       (slice_ieq(name, SLICE("baggage")) || slice_ieq(name, SLICE("sentry-trace"))) &&
	       slice_ieq(fields_header(r, SLICE("Renku-Repeated-Request")), SLICE("true"));
}

/* What becomes of a field of the client: hop-by-hop and forged ones stay here. */
static bool
passes(const struct request *r, const struct http_field *f, bool trusted)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];

	switch (f->id) {
	case HTTP_HOST:
	case HTTP_CONNECTION:
	case HTTP_KEEP_ALIVE:
	case HTTP_PROXY_CONNECTION:
	case HTTP_PROXY_AUTHORIZATION:
	case HTTP_TE:
	case HTTP_TRANSFER_ENCODING:
	case HTTP_UPGRADE:
	case HTTP_HTTP2_SETTINGS:
	case HTTP_CONTENT_LENGTH:
	case HTTP_EXPECT:
	case HTTP_X_REQUEST_ID:
		return false;
	case HTTP_FORWARDED:
	case HTTP_X_FORWARDED_FOR:
	case HTTP_X_FORWARDED_HOST:
	case HTTP_X_FORWARDED_PORT:
	case HTTP_X_FORWARDED_PROTO:
	case HTTP_X_FORWARDED_PROTOCOL:
	case HTTP_X_REAL_IP:
		return real_client_passes(r, f, trusted);
	case HTTP_AUTHORIZATION:
	case HTTP_COOKIE:
		return !f->drop && !table_strips(rules, http_name(&r->in, f)) &&
		       !(r->injects && inject_replaces(r, http_name(&r->in, f)));
	case HTTP_TRAILER:
		return r->body == FRAMING_CHUNKED && !f->drop;
	case HTTP_MAX_FORWARDS:
		return r->max_forwards < 0;
	case HTTP_OTHER:
		if (is_repeated_trace(r, f) || (r->trace && trace_drops(r, http_name(&r->in, f))))
			return false;
		if (f->name_n == 2 && slice_ieq(http_name(&r->in, f), SLICE("id")) &&
		    table_global(rules)->scrub & SCRUB_USER_DELETE &&
		    ends_with(r->path, SLICE("/user-delete")))
			return false;
		return !f->drop && !table_strips(rules, http_name(&r->in, f));
	default:
		return !f->drop && !table_strips(rules, http_name(&r->in, f));
	}
}

static char *
put_target(char *o, struct request *r, const struct table_shape *shape,
	   const struct table_endpoint *e)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	struct slice path = r->path,
		     base = seg_string(r->table->segments[SEGMENT_ENDPOINTS], e->base);
	struct slice prefix = seg_string(rules, shape->add_prefix);

	if (r->asterisk)
		return PUT(o, "*");
	o = put(o, base);
	if (r->route_flags & ROUTE_REWRITE)
		return put(rewrite_put(o, prefix, path), request_query(r));
	if (r->route_flags & ROUTE_STRIP)
		path = r->path_rest;
	o = put(o, prefix);
	if (path.n == 0 && base.n + prefix.n == 0)
		path = SLICE("/");
	o = put(o, path);
	return put(o, request_query(r));
}

static char *
put_host(char *o, struct request *r, const struct table_shape *shape,
	 const struct table_endpoint *e)
{
	struct slice host = seg_string(r->table->segments[SEGMENT_RULES], shape->set_host);

	if (host.n == 0 && !(r->route_flags & ROUTE_UPSTREAM_HOST))
		host = r->host_field;
	if (host.n == 0) /* asked for, or an HTTP/1.0 client named none */
		host = seg_string(r->table->segments[SEGMENT_ENDPOINTS], e->host);
	return put_field(o, SLICE("Host"), host);
}

static char *
put_framing(char *o, struct request *r, bool copy)
{
	if (r->body == FRAMING_CHUNKED) {
		o = PUT(o, "Transfer-Encoding: chunked\r\n");
	} else if (r->body == FRAMING_LENGTH) {
		o = PUT(o, "Content-Length: ");
		o = put_number(o, r->in.length);
		o = PUT(o, "\r\n");
	}
	if (r->expect_continue && !copy)
		o = PUT(o, "Expect: 100-continue\r\n");
	return o;
}

static char *
put_upgrade(char *o, const struct http_parser *p)
{
	o = PUT(o, "Connection: Upgrade\r\n");
	for (uint32_t i = 0; i < p->fields_n; i++) {
		if (p->fields[i].id == HTTP_UPGRADE)
			o = put_field(o, SLICE("Upgrade"), http_value(p, &p->fields[i]));
	}
	return o;
}

/* RFC 9110 sections 7.6.1 to 7.6.3 and 10.1.4: what is between us and the endpoint. */
static char *
put_hop(char *o, struct request *r, struct slice via, bool copy)
{
	if (via.n > 0) {
		o = PUT(o, "Via: 1.");
		*o++ = (char)('0' + http_minor(&r->in));
		*o++ = ' ';
		o = put(o, via);
		o = PUT(o, "\r\n");
	}
	if (r->max_forwards > 0) {
		o = PUT(o, "Max-Forwards: ");
		o = put_number(o, (uint64_t)r->max_forwards - 1);
		o = PUT(o, "\r\n");
	}
	if (copy)
		return PUT(o, MIRRORED ": 1\r\nConnection: close\r\n");
	if (r->upgrade)
		return put_upgrade(o, &r->in);
	return r->te_trailers ? PUT(o, "TE: trailers\r\nConnection: TE\r\n") : o;
}

/* What was taken off, for links that the upstream writes. */
static char *
put_prefix(char *o, struct request *r)
{
	struct slice prefix = slice_make(r->path.p, r->path.n - r->path_rest.n);
	const struct table_global *g = table_global(r->table->segments[SEGMENT_RULES]);

	if (prefix.n == 0 || !(g->forwarded_send & FORWARDED_SEND_X))
		return o;
	return put_field(o, SLICE("X-Forwarded-Prefix"), prefix);
}

/* Of the path that is made by the route. */
static size_t
rewrite_room(const struct request *r, const struct table_shape *shape)
{
	if (!(r->route_flags & ROUTE_REWRITE))
		return 0;
	return rewrite_size(seg_string(r->table->segments[SEGMENT_RULES], shape->add_prefix),
			    r->path);
}

/* Of the request's head, but for what actions and redx add. */
static size_t
request_room(const struct request *r, const struct table_shape *shape,
	     const struct table_endpoint *e)
{
	return (size_t)r->in.head_n + 4 * (size_t)r->in.fields_n + 2 * r->path.n +
	       4 * r->host_field.n + identity_headers(r->who).n + r->credentials.n +
	       client_certificate_room(r) + e->base.size + e->host.size + shape->add_prefix.size +
	       shape->set_host.size + real_client_room(r) + rewrite_room(r, shape) + TRACE_ROOM +
	       1024;
}

/* What the client sent, but for what is not the upstream's. */
static char *
put_request_fields(char *o, struct request *r, const struct table_global *g, bool trusted)
{
	struct put_run run = { 0 };

	for (uint16_t i = 0; i < r->in.fields_n; i++) {
		const struct http_field *f = &r->in.fields[i];

		if (!passes(r, f, trusted) || (r->action && action_drops(r, http_name(&r->in, f))))
			continue;
		if (f->id == HTTP_ORIGIN && g->scrub & SCRUB_INTERNAL_ORIGIN &&
		    slice_ieq(http_value(&r->in, f), SLICE("__internal__")))
			o = PUT(o, "Origin: __unknown__\r\n");
		else if (f->id == HTTP_COOKIE)
			o = own_cookies_put(o, &run, r, f);
		else
			o = put_as_it_came(o, &run, &r->in, f);
	}
	return put_run_end(o, &run);
}

/* `copy`: it is for a mirror. */
static void
write_request(struct request *r, uint32_t endpoint, bool copy)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	const struct table_endpoint *e =
	    table_endpoint(r->table->segments[SEGMENT_ENDPOINTS], endpoint);
	const struct table_shape *shape = table_shape(rules, table_route(rules, r->route));
	const struct table_global *g = table_global(rules);
	struct buf *head = &r->worker->head;
	bool trusted = client_is_trusted(r->client, r->table);
	struct action_request action;
	char *o, *target;

	action.room = 0;
	if (r->action)
		action_request_begin(r, &action);
	head->n = 0;
	buf_reserve(head, request_room(r, shape, e) + action.room +
			      (g->redx_headers ? redx_headers_room(r) : 0));
	o = put(head->p, http_method(&r->in));
	target = o = PUT(o, " ");
	o = put_target(o, r, shape, e);
	if (r->trace && !copy)
		trace_target(r, slice_make(target, (size_t)(o - target)));
	o = PUT(o, " HTTP/1.1\r\n");
	o = put_host(o, r, shape, e);
	o = put_request_fields(o, r, g, trusted);
	o = put_framing(o, r, copy);
	o = real_client_put(o, r, trusted);
	o = client_certificate_put(o, r);
	if (r->route_flags & ROUTE_STRIP)
		o = put_prefix(o, r);
	if (r->action)
		o = action_put_request(o, r, &action);
	o = put_field(o, SLICE("X-Request-Id"), slice_make(r->id, r->id_n));
	if (r->trace)
		o = trace_put(o, r, copy);
	o = put(o, identity_headers(r->who));
	if (!copy) /* they are for the route's upstream */
		o = put(o, r->credentials);
	if (g->redx_headers)
		o = redx_headers_put(o, r);
	o = put_hop(o, r, seg_string(rules, g->via), copy);
	o = PUT(o, "\r\n");
	head->n = (size_t)(o - head->p);
}

void
forward_request(struct request *r)
{
	write_request(r, r->endpoint, false);
}

void
forward_copy(struct request *r, uint32_t endpoint)
{
	write_request(r, endpoint, true);
}

/* Fields of an answer that stay here. */
static bool
answer_passes(const struct request *r, const struct http_parser *p, const struct http_field *f)
{
	switch (f->id) {
	case HTTP_CONNECTION:
	case HTTP_KEEP_ALIVE:
	case HTTP_PROXY_CONNECTION:
	case HTTP_TRANSFER_ENCODING:
	case HTTP_CONTENT_LENGTH:
	case HTTP_UPGRADE:
	case HTTP_TE:
	case HTTP_X_REQUEST_ID:
		return false;
	case HTTP_TRAILER:
		return r->te_trailers && r->framing == FRAMING_CHUNKED && !f->drop;
	case HTTP_OTHER:
		/* An upstream cannot speak for the gateway. */
		if (f->name_n == SET_COOKIE.n && slice_ieq(http_name(p, f), SET_COOKIE) &&
		    own_cookies_are_set(r, http_value(p, f)))
			return false;
		return !f->drop && !(f->name_n > 7 &&
				     slice_ieq(slice_make(p->base + f->name, 7), SLICE("x-yett-")));
	default:
		return !f->drop;
	}
}

static void
drop_named(struct http_parser *p, struct slice name)
{
	for (uint16_t i = 0; i < p->fields_n; i++) {
		if (p->fields[i].id == HTTP_OTHER && slice_ieq(http_name(p, &p->fields[i]), name))
			p->fields[i].drop = 1;
	}
}

/* Connection of the answer: marks what it names, and says whether the connection may be used again
 * (Keep-Alive says for how long). */
static bool
answer_keeps(struct request *r, struct upstream *u)
{
	struct http_parser *p = &u->parser;
	bool close = false, keep = false;

	for (uint16_t i = 0; i < p->fields_n; i++) {
		struct slice list = http_value(p, &p->fields[i]);

		if (p->fields[i].id == HTTP_KEEP_ALIVE)
			idle_hear(&u->word, list);
		if (p->fields[i].id != HTTP_CONNECTION)
			continue;
		for (struct slice name = http_list_next(&list); name.p;
		     name = http_list_next(&list)) {
			if (slice_ieq(name, SLICE("close"))) {
				close = true;
			} else if (slice_ieq(name, SLICE("keep-alive"))) {
				keep = true;
			} else {
				r->answer_nominates = true;
				drop_named(p, name);
			}
		}
	}
	return http_minor(p) == 1 ? !close : keep;
}

static char *
put_status_line(char *o, const struct http_parser *p)
{
	int status = p->llhttp.status_code;

	o = PUT(o, "HTTP/1.1 ");
	*o++ = (char)('0' + status / 100 % 10);
	*o++ = (char)('0' + status / 10 % 10);
	*o++ = (char)('0' + status % 10);
	*o++ = ' ';
	o = put(o, http_at(p, p->reason, p->reason_n));
	return PUT(o, "\r\n");
}

static char *
put_answer_fields(char *o, struct request *r, const struct http_parser *p)
{
	struct slice strict = https_strict(r);
	struct put_run run = { 0 };
	bool date = false, limits = limiter_tell(r);

	for (uint16_t i = 0; i < p->fields_n; i++) {
		const struct http_field *f = &p->fields[i];

		date = date || f->id == HTTP_DATE;
		if (!answer_passes(r, p, f) ||
		    (strict.n > 0 && f->name_n == STRICT.n && slice_ieq(http_name(p, f), STRICT)))
			continue;
		if (limits && f->id == HTTP_OTHER && limiter_field_is_ours(r, http_name(p, f)))
			continue;
		o = r->action ? action_put_field(o, &run, r, p, f) : put_as_it_came(o, &run, p, f);
	}
	o = put_run_end(o, &run);
	if (r->action)
		o = action_put_answer(o, r);
	if (!date)
		o = put_field(o, SLICE("Date"), slice_of(r->worker->date));
	if (strict.n > 0)
		o = put_field(o, STRICT, strict);
	if (limits)
		o = limiter_put(o, r);
	return put_field(o, SLICE("X-Request-Id"), slice_make(r->id, r->id_n));
}

/* RFC 9112 section 6.3, for the client's side. */
static void
choose_framing(struct request *r, const struct http_parser *p)
{
	int status = p->llhttp.status_code;

	if (r->method == METHOD_HEAD || status == 204 || status == 304 || status < 200)
		r->framing = FRAMING_NONE;
	else if (p->has_length)
		r->framing = FRAMING_LENGTH;
	else
		r->framing = http_minor(&r->in) == 1 ? FRAMING_CHUNKED : FRAMING_CLOSE;
	/* An answer before the end of the request: what is left of its body will not be waited for.
	 */
	if (r->framing == FRAMING_CLOSE || worker_leaves(r->worker) || !r->body_done)
		r->keep_alive = false;
}

static char *
put_connection(char *o, const struct request *r, const struct http_parser *p)
{
	if (r->status == 101)
		return put_upgrade(o, p);
	if (r->status == 426 &&
	    http_find(p, HTTP_UPGRADE)) /* what it is about (RFC 9110 section 15.5.22) */
		o = put_upgrade(o, p);
	if (!r->keep_alive)
		return PUT(o, "Connection: close\r\n");
	return http_minor(&r->in) == 0 ? PUT(o, "Connection: keep-alive\r\n") : o;
}

static char *
reserve_answer(struct request *r, const struct http_parser *p)
{
	struct buf *head = &r->worker->head;

	head->n = 0;
	buf_reserve(head, (size_t)p->head_n + 4 * (size_t)p->fields_n +
			      (r->sticky_new ? sticky_room(r) : 0) +
			      (r->action ? action_answer_room(r, p) : 0) + https_strict(r).n +
			      (r->limits ? limiter_room(r) : 0) + r->set_cookie.n + 1024);
	return head->p;
}

void
forward_response(struct request *r)
{
	struct http_parser *p = &r->upstream->parser;
	char *o = reserve_answer(r, p);

	r->status = p->llhttp.status_code;
	/* RFC 9112 sections 6.1 and 6.3: HTTP/1.0 knows no chunks; who sends them all the same may
	 * not mean them. */
	if (!answer_keeps(r, r->upstream) || (!p->has_length && !p->chunked && !p->done) ||
	    (p->chunked && http_minor(p) == 0))
		r->upstream->last = true;
	choose_framing(r, p);
	o = put_status_line(o, p);
	o = put_answer_fields(o, r, p);
	if (r->sticky_new)
		o = sticky_put(o, r);
	o = put(o, r->set_cookie);
	if (r->framing == FRAMING_LENGTH ||
	    (r->framing == FRAMING_NONE && p->has_length && r->status >= 200 && r->status != 204)) {
		o = PUT(o, "Content-Length: ");
		o = put_number(o, p->length);
		o = PUT(o, "\r\n");
	} else if (r->framing == FRAMING_CHUNKED) {
		o = PUT(o, "Transfer-Encoding: chunked\r\n");
	}
	o = put_connection(o, r, p);
	if (table_global(r->table->segments[SEGMENT_RULES])->reveal_version) {
		o = PUT(o, "X-Yett-Table: ");
		o = put_number(o, r->table->version);
		o = PUT(o, "\r\n");
		if (r->table->revision.n)
			o = put_field(o, SLICE("X-Yett-Revision"), r->table->revision);
	}
	o = PUT(o, "\r\n");
	r->worker->head.n = (size_t)(o - r->worker->head.p);
}

void
forward_interim(struct request *r)
{
	struct http_parser *p = &r->upstream->parser;
	char *o = reserve_answer(r, p);

	answer_keeps(r, r->upstream);
	o = put_status_line(o, p);
	for (uint16_t i = 0; i < p->fields_n; i++) {
		if (answer_passes(r, p, &p->fields[i]))
			o = put_field(o, http_name(p, &p->fields[i]), http_value(p, &p->fields[i]));
	}
	o = PUT(o, "\r\n");
	r->worker->head.n = (size_t)(o - r->worker->head.p);
}
