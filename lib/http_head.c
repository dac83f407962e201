#include "http_head.h"

#include "xalloc.h"

#include <stdlib.h>

static struct http_parser *
parser_of(llhttp_t *l)
{
	return (struct http_parser *)l; /* llhttp is its first member */
}

static uint32_t
offset(const struct http_parser *p, const char *at)
{
	return (uint32_t)(at - p->base);
}

static int
fail(struct http_parser *p, enum http_outcome error)
{
	p->error = (int8_t)error;
	return HPE_USER;
}

static int
on_url(llhttp_t *l, const char *at, size_t n)
{
	struct http_parser *p = parser_of(l);

	if (!p->url_open) {
		p->url_open = 1;
		p->url = offset(p, at);
	}
	p->url_n += (uint32_t)n;
	return p->url_n > p->limits->uri_bytes ? fail(p, HTTP_URI_LONG) : 0;
}

static int
on_status(llhttp_t *l, const char *at, size_t n)
{
	struct http_parser *p = parser_of(l);

	if (p->reason_n == 0)
		p->reason = offset(p, at);
	p->reason_n += (uint32_t)n;
	return 0;
}

/* RFC 9112 section 7.1.2. Seldom, so they have memory of their own; held to the limits of a head.
 */
static int
trailer_add(struct http_parser *p, const char *at, size_t n)
{
	if (p->trailers_size + n > p->limits->head_bytes)
		return fail(p, HTTP_HEAD_LONG);
	if (p->trailers_size + n > p->trailers_cap) {
		p->trailers_cap = (uint32_t)(p->trailers_size + n) * 2;
		p->trailers = xrealloc(p->trailers, p->trailers_cap);
	}
	memcpy(p->trailers + p->trailers_size, at, n);
	p->trailers_size += (uint32_t)n;
	return 0;
}

static int
trailer_name(struct http_parser *p, const char *at, size_t n)
{
	if (p->in_value || p->trailers_n == 0) {
		if (p->trailers_n >= p->limits->fields)
			return fail(p, HTTP_FIELDS_MANY);
		p->trailers_n++;
		p->in_value = 0;
	}
	return trailer_add(p, at, n);
}

static int
trailer_value(struct http_parser *p, const char *at, size_t n)
{
	if (!p->in_value && trailer_add(p, ": ", 2) != 0)
		return HPE_USER;
	p->in_value = 1;
	return trailer_add(p, at, n);
}

static int
on_header_field(llhttp_t *l, const char *at, size_t n)
{
	struct http_parser *p = parser_of(l);
	struct http_field *f;

	if (p->head_done)
		return trailer_name(p, at, n);
	if (p->in_value || p->fields_n == 0) {
		if (p->fields_n >= p->limits->fields)
			return fail(p, HTTP_FIELDS_MANY);
		p->fields[p->fields_n++] = (struct http_field){ .name = offset(p, at) };
		p->in_value = 0;
	}
	f = &p->fields[p->fields_n - 1];
	if (f->name_n + n > UINT16_MAX) {
		f->name_n = UINT16_MAX; /* so that http_culprit finds it */
		return fail(p, HTTP_HEAD_LONG);
	}
	f->name_n = (uint16_t)(f->name_n + n);
	return 0;
}

static int
on_header_value(llhttp_t *l, const char *at, size_t n)
{
	struct http_parser *p = parser_of(l);
	struct http_field *f;

	if (p->head_done)
		return trailer_value(p, at, n);
	f = &p->fields[p->fields_n - 1];
	if (!p->in_value) {
		p->in_value = 1;
		f->value = offset(p, at);
	}
	f->value_n = (uint32_t)(offset(p, at) + n - f->value);
	return 0;
}

/* A field without a value gets no on_header_value with bytes. */
static int
on_value_complete(llhttp_t *l)
{
	struct http_parser *p = parser_of(l);

	if (p->head_done)
		return trailer_value(p, "\r\n", 2);
	p->in_value = 1;
	return 0;
}

static int
on_headers_complete(llhttp_t *l)
{
	struct http_parser *p = parser_of(l);

	p->head_n = p->url_n ? p->url + p->url_n : p->reason + p->reason_n;
	for (uint16_t i = 0; i < p->fields_n; i++) {
		struct http_field *f = &p->fields[i];
		struct slice value = slice_trim(http_value(p, f));

		p->head_n = f->value_n ? f->value + f->value_n : f->name + f->name_n;
		f->value = offset(p, value.p);
		f->value_n = (uint32_t)value.n;
		f->id = (uint8_t)http_identify(http_name(p, f));
	}
	p->head_done = 1;
	p->has_length = (l->flags & F_CONTENT_LENGTH) != 0;
	p->chunked = (l->flags & F_CHUNKED) != 0;
	p->coded = (l->flags & F_TRANSFER_ENCODING) != 0;
	p->length = p->has_length ? l->content_length : 0;
	/* An interim answer has no body, whatever it says (RFC 9112 section 6.3). */
	return p->head_request ||
	       (l->type == HTTP_RESPONSE && l->status_code < 200 && l->status_code != 101);
}

static int
on_body(llhttp_t *l, const char *at, size_t n)
{
	struct http_parser *p = parser_of(l);

	p->scratch->spans[p->spans_n++] = slice_make(at, n);
	return p->spans_n == HTTP_SPANS_MAX ? HPE_PAUSED : 0;
}

static int
on_message_complete(llhttp_t *l)
{
	parser_of(l)->done = 1;
	return HPE_PAUSED;
}

static const llhttp_settings_t *
settings(void)
{
	static const llhttp_settings_t s = {
		.on_url = on_url,
		.on_status = on_status,
		.on_header_field = on_header_field,
		.on_header_value = on_header_value,
		.on_header_value_complete = on_value_complete,
		.on_headers_complete = on_headers_complete,
		.on_body = on_body,
		.on_message_complete = on_message_complete,
	};

	return &s;
}

void
http_parser_init(struct http_parser *p, llhttp_type_t type, const struct http_limits *limits,
		 struct http_scratch *scratch)
{
	llhttp_init(&p->llhttp, type, settings());
	p->limits = limits;
	p->scratch = scratch;
	p->spans = scratch->spans;
	p->own = NULL;
	p->kept = p->trailers = NULL;
	p->kept_cap = p->own_cap = 0;
	http_parser_reset(p);
}

void
http_parser_deinit(struct http_parser *p)
{
	free(p->kept);
	free(p->own);
	free(p->trailers);
	p->own = NULL;
	p->kept = p->trailers = NULL;
	p->kept_cap = p->own_cap = 0;
}

void
http_parser_reset(struct http_parser *p)
{
	llhttp_reset(&p->llhttp);
	if (p->kept_cap > 4096) { /* one large head does not cost its memory for ever */
		free(p->kept);
		p->kept = NULL;
		p->kept_cap = 0;
	}
	free(p->trailers);
	p->trailers = NULL;
	p->trailers_n = 0;
	p->trailers_size = p->trailers_cap = p->overhead = 0;
	p->base = NULL;
	p->fields = p->scratch->fields;
	p->kept_n = p->head_n = 0;
	p->url = p->url_n = p->reason = p->reason_n = 0;
	p->fields_n = p->spans_n = 0;
	p->head_done = p->done = p->in_value = p->url_open = p->head_request = 0;
	p->error = 0;
	p->chunked = p->has_length = p->coded = 0;
	p->length = 0;
}

static void
keep(struct http_parser *p, const char *bytes, size_t n)
{
	if (!p->kept || p->kept_n + n > p->kept_cap) {
		p->kept_cap = (uint32_t)(p->kept_n + n < 1024 ? 1024 : (p->kept_n + n) * 2);
		p->kept = xrealloc(p->kept, p->kept_cap);
	}
	memcpy(p->kept + p->kept_n, bytes, n);
	p->kept_n += (uint32_t)n;
	p->base = p->kept;
}

static void
keep_fields(struct http_parser *p)
{
	if (p->fields_n > p->own_cap) {
		p->own_cap = p->fields_n < 16 ? 16 : p->fields_n;
		p->own = xrealloc(p->own, p->own_cap * sizeof *p->own);
	}
	if (p->fields_n == 0) /* nothing to keep, and perhaps no room to keep it in */
		return;
	memcpy(p->own, p->fields, p->fields_n * sizeof *p->own);
	p->fields = p->own;
}

void
http_parser_keep(struct http_parser *p)
{
	if (!p->base)
		return;
	if (p->base != p->kept)
		keep(p, p->base, p->head_n);
	if (p->fields != p->own)
		keep_fields(p);
}

static enum http_outcome
outcome_of(const struct http_parser *p, llhttp_errno_t e)
{
	if (p->error)
		return p->error;
	switch (e) {
	case HPE_INVALID_METHOD:
		return HTTP_BAD_METHOD;
	case HPE_INVALID_VERSION: /* also what llhttp says of a bare LF behind a good version */
		return p->llhttp.http_major == 1 && p->llhttp.http_minor <= 1 ? HTTP_BAD
									      : HTTP_BAD_VERSION;
	case HPE_UNEXPECTED_CONTENT_LENGTH:
	case HPE_INVALID_CONTENT_LENGTH:
	case HPE_INVALID_TRANSFER_ENCODING:
		return HTTP_BAD_FRAMING;
	default:
		return p->head_done ? HTTP_BAD_BODY : HTTP_BAD;
	}
}

/* Runs llhttp; a pause is an outcome, not an error. */
static enum http_outcome
execute(struct http_parser *p, struct slice in, size_t *used)
{
	llhttp_errno_t e = llhttp_execute(&p->llhttp, in.p, in.n);

	*used = in.n;
	if (e == HPE_OK)
		return HTTP_OK;
	if (e != HPE_PAUSED && e != HPE_PAUSED_UPGRADE) {
		*used = 0;
		return outcome_of(p, e);
	}
	*used = (size_t)(llhttp_get_error_pos(&p->llhttp) - in.p);
	if (e == HPE_PAUSED_UPGRADE) {
		p->done = 1;
		llhttp_resume_after_upgrade(&p->llhttp);
	} else {
		llhttp_resume(&p->llhttp);
	}
	return *used < in.n ? HTTP_PAUSED : HTTP_OK;
}

/* Capitals up to a space: a method that we do not know. Anything else is no HTTP at all. */
static bool
looks_like_method(struct slice s)
{
	size_t n = 0;

	while (n < s.n && ((s.p[n] >= 'A' && s.p[n] <= 'Z') || s.p[n] == '-'))
		n++;
	return n > 0 && (n == s.n || s.p[n] == ' ');
}

/* A chunk has a line and an end, and some sign it; bytes that carry no data beyond that are an
 * attack (RFC 9112 section 7.1.1). Trailers have limits of their own. */
static bool
is_lean(struct http_parser *p, size_t used)
{
	size_t data = 0, due;

	for (unsigned i = 0; i < p->spans_n; i++)
		data += p->spans[i].n;
	due = 128 * (size_t)p->spans_n + 2 * data;
	p->overhead += (uint32_t)(used - data);
	p->overhead -= (uint32_t)(due < p->overhead ? due : p->overhead);
	return p->overhead <= p->limits->head_bytes;
}

enum http_outcome
http_parse(struct http_parser *p, struct slice in, size_t *used)
{
	bool in_head = !p->head_done;
	enum http_outcome r;
	struct slice part = in;

	p->spans_n = 0;
	if (in_head && p->base == NULL) {
		p->base = in.p;
	} else if (in_head) { /* the first part was kept: the rest goes behind it */
		if (p->fields == p->own && p->fields_n > 0)
			memcpy(p->scratch->fields, p->own, p->fields_n * sizeof *p->own);
		p->fields = p->scratch->fields;
		size_t at = p->kept_n;
		size_t room =
		    (size_t)p->limits->head_bytes + 1 > at ? p->limits->head_bytes + 1 - at : 0;

		keep(p, in.p, in.n < room ? in.n : room);
		part = slice_make(p->kept + at, p->kept_n - at);
	}
	r = execute(p, part, used);
	if (r == HTTP_BAD_METHOD &&
	    !looks_like_method(slice_make(p->base, (size_t)(part.p + part.n - p->base))))
		r = HTTP_BAD;
	if (in_head && !p->head_done)
		p->head_n = offset(p, part.p + part.n);
	if (in_head && r >= 0) {
		if (p->head_n > p->limits->head_bytes)
			return HTTP_HEAD_LONG;
		if (part.n < in.n &&
		    *used == part.n) /* what did not fit behind a kept head comes next */
			r = HTTP_PAUSED;
	}
	if (!in_head && p->chunked && p->trailers_n == 0 && r >= 0 && !is_lean(p, *used))
		return HTTP_BAD_BODY;
	return r;
}

enum http_outcome
http_parse_end(struct http_parser *p)
{
	llhttp_errno_t e = llhttp_finish(&p->llhttp);

	p->spans_n = 0;
	if (p->done && (e == HPE_OK || e == HPE_PAUSED))
		return HTTP_OK;
	return p->head_done ? HTTP_BAD_BODY : HTTP_BAD;
}

struct slice
http_method(const struct http_parser *p)
{
	return slice_of(llhttp_method_name(p->llhttp.method));
}
