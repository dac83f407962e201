#include "hub_query.h"

#include "lib/json.h"
#include "lib/json_raw.h"
#include "lib/json_scan.h"
#include "lib/xalloc.h"
#include "shm/fold.h"
#include "shm/table.h"

#include <stdlib.h>

static const struct verb {
	const char *name;
	bool has_content; /* data that is not given is an empty object, and is sent */
} verbs[] = {
	{ "GET", false },    { "HEAD", false },    { "POST", true },  { "PUT", true },
	{ "DELETE", false }, { "OPTIONS", false }, { "PATCH", true },
};

/* ---- reading ---- */

/* A member of an object by this name, as it was written. -1: it is there twice. */
static int
member(struct slice object, const char *is, struct slice *out)
{
	struct slice name, value;
	int found = 0;

	*out = (struct slice){ NULL, 0 };
	while (json_raw_next(&object, &name, &value)) {
		if (!json_raw_is(name, is))
			continue;
		*out = value;
		found++;
	}
	return found > 1 ? -1 : found;
}

/* Its text, into `out`. */
static bool
text_of(struct slice raw, struct buf *out)
{
	struct json *v = NULL;
	struct slice text = { NULL, 0 };

	if (raw.p && json_parse(raw, HUB_URL_MAX, 0, &v) == 0)
		text = json_text(v);
	if (text.p)
		buf_adds(out, text);
	json_free(v);
	return text.p != NULL;
}

const char *
hub_query_read(struct hub_query *q, struct slice body)
{
	static const char twice[] = "A name is there twice in query";
	struct slice query, url;
	int found;

	if (body.n > 0 && !json_scan(body, JSON_DEPTH_MAX))
		return "Invalid JSON in body of request";
	found = member(body, "query", &query);
	if (found < 0)
		return twice;
	if (found == 0)
		return "No query in payload";
	found = member(query, "method", &q->method);
	if (found <= 0)
		return found < 0 ? twice : "No method in query";
	found = member(query, "url", &url);
	if (found <= 0)
		return found < 0 ? twice : "No url in query";
	if (member(query, "headers", &q->headers) < 0 || member(query, "data", &q->data) < 0)
		return twice;
	text_of(url, &q->url);
	return NULL;
}

/* What a browser would write as a triplet where it may stand in a URL at all; in a host it is
 * refused in that form, too. */
static void
add_escaped(struct buf *out, struct slice text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c >= 0x80 || memchr(" \"<>`{|}^", c, 9))
			buf_addf(out, "%%%02X", c);
		else
			buf_addc(out, (char)c);
	}
}

bool
hub_query_url(struct hub_query *q)
{
	struct buf BUF_CLEAN given = q->url;

	q->url = (struct buf){ 0 };
	add_escaped(&q->url, buf_slice(&given));
	buf_reserve(&q->room, 2 * q->url.n + 2);
	return q->url.n > 0 && !absolute_parse(buf_slice(&q->url), q->room.p, &q->parts) &&
	       !q->parts.dotted;
}

static bool
is_token(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = ascii_lower(s.p[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    !memchr("!#$%&'*+-.^_`|~", c, 15))
			return false;
	}
	return s.n > 0;
}

static bool
fields_ok(const struct hub_query *q)
{
	unsigned n = 0;

	for (const struct json *f = json_first(q->fields); f; f = json_next(f)) {
		struct slice value = json_text(f);

		if (!is_token(json_name(f)) || !value.p || ++n > HUB_FIELDS_MAX)
			return false;
		for (size_t i = 0; i < value.n; i++) {
			unsigned char c = (unsigned char)value.p[i];

			if ((c < 0x20 && c != '\t') || c == 0x7f)
				return false;
		}
	}
	return true;
}

static bool
is_empty_object(struct slice raw)
{
	struct slice name, value, rest = raw;

	return raw.p && raw.p[0] == '{' && !json_raw_next(&rest, &name, &value);
}

const char *
hub_query_check(struct hub_query *q)
{
	struct buf BUF_CLEAN method = { 0 };
	const struct verb *verb = NULL;

	text_of(q->method, &method);
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
		if (slice_ieq(buf_slice(&method), slice_of(verbs[i].name)))
			verb = &verbs[i];
	}
	if (!verb)
		return "Method is not allowed";
	q->verb = verb->name;
	if (q->headers.p && !slice_eq(q->headers, SLICE("null")) &&
	    (json_parse(q->headers, HUB_HEADERS_MAX, 1, &q->fields) < 0 ||
	     json_kind(q->fields) != JSON_OBJECT || !fields_ok(q)))
		return "Headers are not well-formed";
	if (!q->data.p)
		q->data = SLICE("{}");
	if (!slice_eq(q->data, SLICE("null")) && (verb->has_content || !is_empty_object(q->data)))
		q->body = q->data;
	return NULL;
}

void
hub_query_deinit(struct hub_query *q)
{
	buf_deinit(&q->url);
	buf_deinit(&q->room);
	json_free(q->fields);
}

/* ---- writing ---- */

/* The gateway's own, what is between two hops, and what says who asks; folded as table_strip has
 * it. */
static const struct {
	const char *name;
	bool prefix;
} kept[] = {
	{ "accept-encoding", false },
	{ "authorization", false },
	{ "auth-id", false },
	{ "connection", false },
	{ "content-length", false },
	{ "cookie", true },
	{ "expect", false },
	{ "forwarded", false },
	{ "host", false },
	{ "http2-settings", false },
	{ "keep-alive", false },
	{ "max-forwards", false },
	{ "proxy-", true },
	{ "te", false },
	{ "trailer", false },
	{ "transfer-encoding", false },
	{ "upgrade", false },
	{ "via", false },
	{ "x-forwarded-", true },
	{ "x-real-ip", false },
	{ "x-request-id", false },
	{ "x-yett-", true },
};

static bool
is_kept(const struct hub_sender *s, struct slice name)
{
	for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
		struct slice own = slice_of(kept[i].name);
		bool same = kept[i].prefix ? name.n >= own.n : name.n == own.n;

		for (size_t k = 0; same && k < own.n; k++)
			same = fold_char(name.p[k]) == own.p[k];
		if (same)
			return true;
	}
	return s->rules && table_strips(s->rules, name);
}

static void
add_field(struct buf *out, struct slice name, struct slice value)
{
	buf_adds(out, name);
	buf_adds(out, SLICE(": "));
	buf_adds(out, slice_trim(value));
	buf_adds(out, SLICE("\r\n"));
}

/* Those that the page gives; `seen`: which of `defaults` are among them. */
static unsigned
add_fields(const struct hub_query *q, const struct hub_sender *s, const struct slice *defaults,
	   size_t count, struct buf *out)
{
	unsigned seen = 0;

	for (const struct json *f = json_first(q->fields); f; f = json_next(f)) {
		struct slice name = json_name(f);

		if (is_kept(s, name))
			continue;
		for (size_t i = 0; i < count; i++)
			seen |= slice_ieq(name, defaults[i]) ? 1u << i : 0;
		add_field(out, name, json_text(f));
	}
	return seen;
}

static struct slice
host_of(const struct absolute *u)
{
	return u->host.port < 0 || u->port == (u->https ? 443 : 80) ? u->host.host
								    : u->host.host_port;
}

void
hub_query_write(const struct hub_query *q, const struct hub_sender *s, struct buf *out)
{
	static const struct slice defaults[] = { { "user-agent", 10 },
						 { "accept", 6 },
						 { "content-type", 12 } };
	struct slice target = q->parts.target;
	bool rooted = target.n > 0 && target.p[0] == '/';
	unsigned seen;

	buf_reserve(out, q->body.n + target.n + 2 * s->token.n + 1024);
	buf_addf(out, "%s %s%.*s HTTP/1.1\r\n", q->verb, rooted ? "" : "/", SLICE_F(target));
	add_field(out, SLICE("Host"), host_of(&q->parts));
	seen = add_fields(q, s, defaults, 3, out);
	if (!(seen & 1u))
		buf_addf(out, "User-Agent: yett/%s\r\n", s->version);
	if (!(seen & 2u))
		buf_adds(out, SLICE("Accept: */*\r\n"));
	if (!(seen & 4u) && q->body.p)
		buf_adds(out, SLICE("Content-Type: application/json\r\n"));
	buf_adds(out, SLICE("Accept-Encoding: identity\r\nAuthorization: Bearer "));
	buf_adds(out, s->token);
	buf_adds(out, SLICE("\r\n"));
	if (q->body.p || q->verb[0] == 'P')
		buf_addf(out, "Content-Length: %zu\r\n", q->body.n);
	add_field(out, SLICE("X-Request-Id"), s->id);
	if (s->via.n > 0)
		buf_addf(out, "Via: 1.1 %.*s\r\n", SLICE_F(s->via));
	buf_adds(out, SLICE("Connection: close\r\n\r\n"));
	buf_adds(out, q->body);
}
