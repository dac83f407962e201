#include "otlp.h"

#include "lib/forwarded.h"
#include "lib/json.h"
#include "lib/traceparent.h"
#include "shm/reason.h"

#include <stdio.h>

#define KIND_SERVER 2 /* of opentelemetry.proto.trace.v1.Span.SpanKind */
#define KIND_CLIENT 3
#define STATUS_ERROR 2
#define ANSWER_MAX (64u << 10)
#define ANSWER_DEPTH 8
/* Of Span.flags and Link.flags, beside those of W3C: the next bit says something; that is, whether
 * the parent, or the span that is linked to, is another process's. */
#define FLAG_SAMPLED 0x1
#define FLAG_KNOWN 0x100
#define FLAG_REMOTE 0x200

/* ---- attributes ---- */

/* `first`: no comma stands before it. */
static void
add_key(struct buf *out, const char *key, bool first)
{
	buf_addf(out, "%s{\"key\":\"%s\",\"value\":{", first ? "" : ",", key);
}

static void
add_string(struct buf *out, const char *key, struct slice value)
{
	if (value.n == 0)
		return;
	add_key(out, key, false);
	buf_adds(out, SLICE("\"stringValue\":"));
	buf_add_json(out, value);
	buf_adds(out, SLICE("}}"));
}

static void
add_number(struct buf *out, const char *key, unsigned value)
{
	if (value == 0)
		return;
	add_key(out, key, false);
	buf_addf(out, "\"intValue\":\"%u\"}}", value);
}

static void
add_address(struct buf *out, const char *key, const uint8_t ip[16])
{
	static const uint8_t none[16];
	char text[46];

	if (memcmp(ip, none, sizeof none) != 0)
		add_string(out, key, slice_make(text, forwarded_text(ip, text)));
}

/* "host", "host:port", "[v6]:port". */
static void
add_server(struct buf *out, struct slice host)
{
	bool bracket = host.n > 0 && host.p[0] == '[';
	struct slice rest, name = slice_cut(host, bracket ? ']' : ':', &rest);
	unsigned port = 0;

	if (bracket)
		name = slice_make(name.p + 1, name.n - 1);
	for (size_t i = 0; i < rest.n && port < 65536; i++) {
		if (rest.p[i] >= '0' && rest.p[i] <= '9')
			port = port * 10 + (unsigned)(rest.p[i] - '0');
	}
	add_string(out, "server.address", name);
	add_number(out, "server.port", port < 65536 ? port : 0);
}

static bool
is_error(const struct span *s)
{
	if (s->kind == SPAN_CLIENT)
		return s->status == 0 || s->status >= 400;
	return s->status == 0 || s->status >= 500;
}

/* Few values: what HTTP does not define, a client made up. */
static void
add_method(struct buf *out, const struct span *s, const struct slice text[SPAN_TEXTS])
{
	bool other = s->flags & SPAN_OTHER_METHOD;

	add_key(out, "http.request.method", true);
	buf_adds(out, SLICE("\"stringValue\":"));
	buf_add_json(out, other ? SLICE("_OTHER") : text[SPAN_METHOD]);
	buf_adds(out, SLICE("}}"));
	if (other)
		add_string(out, "http.request.method_original", text[SPAN_METHOD]);
}

static void
add_url(struct buf *out, const struct span *s, const struct slice text[SPAN_TEXTS])
{
	struct slice scheme = s->flags & SPAN_SECURE ? SLICE("https") : SLICE("http");
	struct buf BUF_CLEAN full = { 0 };

	add_string(out, "url.scheme", scheme);
	if (s->kind == SPAN_SERVER) {
		add_string(out, "url.path", text[SPAN_PATH]);
		add_string(out, "network.protocol.version",
			   s->flags & SPAN_HTTP_1_0 ? SLICE("1.0") : SLICE("1.1"));
	} else if (text[SPAN_PATH].n) {
		buf_addf(&full, "%.*s://%.*s%.*s", SLICE_F(scheme), SLICE_F(text[SPAN_HOST]),
			 SLICE_F(text[SPAN_PATH]));
		add_string(out, "url.full", buf_slice(&full));
	}
}

static void
add_attributes(struct buf *out, const struct span *s, const struct slice text[SPAN_TEXTS])
{
	struct slice reason = s->reason != REASON_none
				  ? slice_of(reason_info((enum reason)s->reason)->name)
				  : SLICE("");
	char status[8];
	size_t n = 0;

	for (unsigned of = 100; s->status && of > 0; of /= 10)
		status[n++] = (char)('0' + s->status / of % 10);
	add_method(out, s, text);
	add_url(out, s, text);
	add_string(out, "http.route", text[SPAN_ROUTE]);
	add_string(out, "yett.route", text[SPAN_ROUTE_ID]);
	add_server(out, text[SPAN_HOST]);
	add_address(out, "network.peer.address", s->peer);
	add_number(out, "network.peer.port", s->port);
	add_address(out, "client.address", s->client);
	add_number(out, "http.response.status_code", s->status);
	add_number(out, "http.request.resend_count", s->resend);
	if (is_error(s))
		add_string(out, "error.type",
			   reason.n    ? reason
			   : s->status ? slice_make(status, n)
				       : SLICE("_OTHER"));
	add_string(out, "yett.reason", reason);
	add_string(out, "yett.request_id", text[SPAN_REQUEST_ID]);
}

/* ---- spans ---- */

static void
add_id(struct buf *out, const char *name, const uint8_t *id, size_t n)
{
	char hex[32];

	traceparent_hex(id, n, hex);
	buf_addf(out, "\"%s\":\"%.*s\"", name, (int)(2 * n), hex);
}

/* Few names: never the path. */
static void
add_name(struct buf *out, const struct span *s, const struct slice text[SPAN_TEXTS])
{
	struct buf BUF_CLEAN name = { 0 };

	buf_adds(&name, s->flags & SPAN_OTHER_METHOD ? SLICE("HTTP") : text[SPAN_METHOD]);
	if (text[SPAN_ROUTE].n) {
		buf_addc(&name, ' ');
		buf_adds(&name, text[SPAN_ROUTE]);
	}
	buf_adds(out, SLICE("\"name\":"));
	buf_add_json(out, buf_slice(&name));
}

void
otlp_span(struct buf *out, const struct span *s, const struct slice text[SPAN_TEXTS])
{
	buf_addc(out, '{');
	add_id(out, "traceId", s->trace, sizeof s->trace);
	buf_addc(out, ',');
	add_id(out, "spanId", s->id, sizeof s->id);
	buf_addc(out, ',');
	if (s->flags & SPAN_PARENT) {
		add_id(out, "parentSpanId", s->parent, sizeof s->parent);
		buf_addc(out, ',');
	}
	if (text[SPAN_STATE].n) {
		buf_adds(out, SLICE("\"traceState\":"));
		buf_add_json(out, text[SPAN_STATE]);
		buf_addc(out, ',');
	}
	add_name(out, s, text);
	buf_addf(out, ",\"kind\":%d,\"flags\":%d",
		 s->kind == SPAN_CLIENT ? KIND_CLIENT : KIND_SERVER,
		 FLAG_SAMPLED | FLAG_KNOWN |
		     (s->kind == SPAN_SERVER && s->flags & SPAN_PARENT ? FLAG_REMOTE : 0));
	buf_addf(out, ",\"startTimeUnixNano\":\"%llu\",\"endTimeUnixNano\":\"%llu\"",
		 (unsigned long long)s->begin_ns, (unsigned long long)s->end_ns);
	buf_adds(out, SLICE(",\"attributes\":["));
	add_attributes(out, s, text);
	buf_addc(out, ']');
	if (s->flags & SPAN_LINK) {
		buf_adds(out, SLICE(",\"links\":[{"));
		add_id(out, "traceId", s->link_trace, sizeof s->link_trace);
		buf_addc(out, ',');
		add_id(out, "spanId", s->link_parent, sizeof s->link_parent);
		buf_addf(out, ",\"flags\":%d}]", FLAG_KNOWN | FLAG_REMOTE);
	}
	if (is_error(s))
		buf_addf(out, ",\"status\":{\"code\":%d}", STATUS_ERROR);
	buf_addc(out, '}');
}

void
otlp_begin(struct buf *out, struct slice service, struct slice version, struct slice host)
{
	buf_adds(out, SLICE("{\"resourceSpans\":[{\"resource\":{\"attributes\":["));
	add_key(out, "service.name", true);
	buf_adds(out, SLICE("\"stringValue\":"));
	buf_add_json(out, service);
	buf_adds(out, SLICE("}}"));
	add_string(out, "service.version", version);
	add_string(out, "host.name", host);
	buf_adds(out, SLICE("]},\"scopeSpans\":[{\"scope\":{\"name\":\"yett\",\"version\":"));
	buf_add_json(out, version);
	buf_adds(out, SLICE("},\"spans\":["));
}

void
otlp_end(struct buf *out)
{
	buf_adds(out, SLICE("]}]}]}"));
}

/* An int64, which the mapping writes as a string and takes as a number, too. */
static unsigned
count_of(const struct json *v, unsigned most)
{
	struct slice text = json_text(v);
	double number = 0;
	unsigned n = 0;

	if (json_number(v, &number))
		return number >= most ? most : number > 0 ? (unsigned)number : 0;
	for (size_t i = 0; i < text.n && text.p[i] >= '0' && text.p[i] <= '9'; i++) {
		if (n < most)
			n = n * 10 + (unsigned)(text.p[i] - '0');
	}
	return n < most ? n : most;
}

unsigned
otlp_rejected(struct slice answer, unsigned sent, char *words, size_t size)
{
	const struct json *part;
	struct slice text;
	struct json *tree;
	unsigned n;

	words[0] = '\0';
	if (answer.n == 0 || json_parse(answer, ANSWER_MAX, ANSWER_DEPTH, &tree) < 0)
		return 0;
	part = json_get(tree, "partialSuccess");
	n = count_of(json_get(part, "rejectedSpans"), sent);
	text = json_text(json_get(part, "errorMessage"));
	if (text.n > 0)
		snprintf(words, size, "%.*s", (int)(text.n < size ? text.n : size - 1), text.p);
	json_free(tree);
	return n;
}
