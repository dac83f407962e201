#include "real_client.h"

#include "client.h"
#include "put.h"
#include "worker.h"

#include "lib/forwarded.h"

/* ---- who is it? ---- */

static void
walk(struct request *r, const struct segment *rules, enum http_id id)
{
	for (uint16_t i = r->in.fields_n; i-- > 0;) {
		struct slice list = http_value(&r->in, &r->in.fields[i]);
		uint8_t ip[16];

		if (r->in.fields[i].id != id)
			continue;
		do {
			bool rfc7239 = id == HTTP_FORWARDED;
			struct slice last = forwarded_last(&list, rfc7239);

			if (rfc7239 ? !forwarded_for(last, ip) : !forwarded_address(last, ip))
				return;
			memcpy(r->real_ip, ip, sizeof ip);
			if (!table_trusts(rules, ip))
				return;
		} while (list.p); /* NULL: that was the first of them */
	}
}

static bool
is_peer(const struct request *r)
{
	return memcmp(r->real_ip, r->client->ip, sizeof r->real_ip) == 0;
}

static void
find_out(struct request *r)
{
	const struct snapshot *table = r->table ? r->table : r->worker->table;
	struct client *c = r->client;
	char *text;

	memcpy(r->real_ip, c->ip, sizeof r->real_ip);
	r->real = slice_make(c->ip_text, c->ip_text_n);
	if (!table || !r->in.head_done || !client_is_trusted(c, table))
		return;
	walk(r, table->segments[SEGMENT_RULES],
	     http_find(&r->in, HTTP_X_FORWARDED_FOR) ? HTTP_X_FORWARDED_FOR : HTTP_FORWARDED);
	if (is_peer(r))
		return;
	text = arena_alloc(&r->arena, sizeof c->ip_text);
	r->real = slice_make(text, forwarded_text(r->real_ip, text));
}

struct slice
real_client_text(struct request *r)
{
	if (!r->real.p)
		find_out(r);
	return r->real;
}

const uint8_t *
real_client_ip(struct request *r)
{
	if (!r->real.p)
		find_out(r);
	return r->real_ip;
}

/* ---- what upstreams hear ---- */

static const struct table_global *
global_of(const struct request *r)
{
	return table_global(r->table->segments[SEGMENT_RULES]);
}

bool
real_client_passes(const struct request *r, const struct http_field *f, bool trusted)
{
	switch (f->id) {
	case HTTP_X_FORWARDED_HOST:
	case HTTP_X_FORWARDED_PORT:
	case HTTP_X_FORWARDED_PROTO:
	case HTTP_X_FORWARDED_PROTOCOL:
		return trusted && !f->drop && (global_of(r)->forwarded_send & FORWARDED_SEND_X);
	default: /* these are written anew */
		return false;
	}
}

size_t
real_client_room(const struct request *r)
{
	/* Elements of both kinds are copied once, and what goes between quotes may double. */
	return global_of(r)->forwarded_send == FORWARDED_SEND_X ? 0 : 3 * (size_t)r->in.head_n;
}

/* Is there one that was passed on? */
static bool
was_passed(const struct request *r, enum http_id id, bool trusted)
{
	const struct http_field *f = trusted ? http_find(&r->in, id) : NULL;

	return f && !f->drop;
}

static char *
put_x_forwarded_for(char *o, struct request *r, bool trusted, bool append)
{
	bool any = false;

	o = PUT(o, "X-Forwarded-For: ");
	for (uint16_t i = 0; (trusted || append) && i < r->in.fields_n; i++) {
		const struct http_field *f = &r->in.fields[i];

		if (f->id != HTTP_X_FORWARDED_FOR || f->value_n == 0)
			continue;
		o = put(o, http_value(&r->in, f));
		o = PUT(o, ", ");
		any = true;
	}
	if (trusted && !any && !is_peer(r)) { /* only Forwarded told it */
		o = put(o, r->real);
		o = PUT(o, ", ");
	}
	o = put(o, slice_make(r->client->ip_text, r->client->ip_text_n));
	return PUT(o, "\r\n");
}

/* Between the last hop and us. */
static struct slice
scheme_of(const struct request *r)
{
	return r->secure ? SLICE("https") : SLICE("http");
}

static char *
put_x_forwarded(char *o, struct request *r, bool trusted)
{
	bool append = global_of(r)->forwarded == FORWARDED_APPEND;

	o = put_x_forwarded_for(o, r, trusted, append);
	o = put_field(o, SLICE("X-Real-IP"), r->real);
	if (!was_passed(r, HTTP_X_FORWARDED_PROTO, trusted))
		o = put_field(o, SLICE("X-Forwarded-Proto"), scheme_of(r));
	if (append && !was_passed(r, HTTP_X_FORWARDED_PROTOCOL, trusted))
		o = put_field(o, SLICE("X-Forwarded-Protocol"), scheme_of(r));
	if (r->host_field.n > 0 && !was_passed(r, HTTP_X_FORWARDED_HOST, trusted))
		o = put_field(o, SLICE("X-Forwarded-Host"), r->host_field);
	if (was_passed(r, HTTP_X_FORWARDED_PORT, trusted))
		return o;
	o = PUT(o, "X-Forwarded-Port: ");
	o = put_number(o, r->client->port);
	return PUT(o, "\r\n");
}

/* RFC 7239 section 6: an IPv6 address stands in brackets and between quotes. */
static char *
put_node(char *o, struct slice address)
{
	bool v6 = memchr(address.p, ':', address.n) != NULL;

	o = v6 ? PUT(o, "for=\"[") : PUT(o, "for=");
	o = put(o, address);
	return v6 ? PUT(o, "]\"") : o;
}

/* A quoted-string (RFC 9110 section 5.6.4). */
static char *
put_quoted(char *o, struct slice name, struct slice value)
{
	if (value.n == 0)
		return o;
	o = PUT(o, ";");
	o = put(o, name);
	o = PUT(o, "=\"");
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] == '"' || value.p[i] == '\\')
			*o++ = '\\';
		*o++ = value.p[i];
	}
	return PUT(o, "\"");
}

static struct slice
value_of(const struct request *r, enum http_id id)
{
	const struct http_field *f = http_find(&r->in, id);

	return f && !f->drop ? http_value(&r->in, f) : SLICE("");
}

/* A quote that is left open would swallow what stands behind it. */
static bool
is_balanced(struct slice s)
{
	bool inside = false;

	for (size_t i = 0; i < s.n; i++) {
		if (inside && s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			inside = !inside;
	}
	return !inside;
}

/* What a trusted proxy says: its own elements, or one that is made of its X-Forwarded-*. */
static char *
put_forwarded_before(char *o, struct request *r)
{
	bool any = false;

	for (uint16_t i = 0; i < r->in.fields_n; i++) {
		struct slice value = http_value(&r->in, &r->in.fields[i]);

		if (r->in.fields[i].id != HTTP_FORWARDED || value.n == 0 || !is_balanced(value))
			continue;
		o = put(o, value);
		o = PUT(o, ", ");
		any = true;
	}
	if (any || is_peer(r))
		return o;
	o = put_node(o, r->real);
	o = put_quoted(o, SLICE("host"), value_of(r, HTTP_X_FORWARDED_HOST));
	o = put_quoted(o, SLICE("proto"), value_of(r, HTTP_X_FORWARDED_PROTO));
	return PUT(o, ", ");
}

static char *
put_forwarded(char *o, struct request *r, bool trusted)
{
	o = PUT(o, "Forwarded: ");
	if (trusted)
		o = put_forwarded_before(o, r);
	o = put_node(o, slice_make(r->client->ip_text, r->client->ip_text_n));
	o = put_quoted(o, SLICE("host"), r->host_field);
	o = PUT(o, ";proto=");
	o = put(o, scheme_of(r));
	return PUT(o, "\r\n");
}

char *
real_client_put(char *o, struct request *r, bool trusted)
{
	uint32_t send = global_of(r)->forwarded_send;

	real_client_text(r);
	if (send & FORWARDED_SEND_X)
		o = put_x_forwarded(o, r, trusted);
	if (send & FORWARDED_SEND_RFC7239)
		o = put_forwarded(o, r, trusted);
	return o;
}
