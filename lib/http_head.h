#pragma once

/*
 * http_head: HTTP/1 messages by llhttp, which is never made lenient. Bytes in, a head and runs of
 * body out; knows no socket. The only file that includes <llhttp.h> on the path of a request.
 *
 * A head is parsed where it lies, its fields stand in a scratch that all parsers of a loop share.
 * One that is not whole yet is kept by the parser (http_parser_keep), and the rest is parsed behind
 * it. All places in a head are offsets from `base`, so that a head can move.
 */

#include "slice.h"

#include <llhttp.h>
#include <stdint.h>

#define HTTP_FIELDS_MAX 256
#define HTTP_SPANS_MAX 32

enum http_id { /* fields that the gateway itself looks at */
	       HTTP_OTHER,
	       HTTP_ACCEPT,
	       HTTP_AUTHORIZATION,
	       HTTP_CONNECTION,
	       HTTP_CONTENT_LENGTH,
	       HTTP_COOKIE,
	       HTTP_DATE,
	       HTTP_EXPECT,
	       HTTP_FORWARDED,
	       HTTP_HOST,
	       HTTP_HTTP2_SETTINGS,
	       HTTP_KEEP_ALIVE,
	       HTTP_MAX_FORWARDS,
	       HTTP_ORIGIN,
	       HTTP_PROXY_AUTHENTICATE,
	       HTTP_PROXY_AUTHORIZATION,
	       HTTP_PROXY_CONNECTION,
	       HTTP_REFERER,
	       HTTP_TE,
	       HTTP_TRAILER,
	       HTTP_TRANSFER_ENCODING,
	       HTTP_UPGRADE,
	       HTTP_USER_AGENT,
	       HTTP_VIA,
	       HTTP_X_FORWARDED_FOR,
	       HTTP_X_FORWARDED_HOST,
	       HTTP_X_FORWARDED_PORT,
	       HTTP_X_FORWARDED_PROTO,
	       HTTP_X_FORWARDED_PROTOCOL,
	       HTTP_X_REAL_IP,
	       HTTP_X_REQUEST_ID,
};

enum http_id http_identify(struct slice name);

struct http_field {
	uint32_t name, value; /* offsets */
	uint32_t value_n;
	uint16_t name_n;
	uint8_t id;   /* enum http_id */
	uint8_t drop; /* for the caller: nominated by Connection */
};

struct http_limits {
	uint32_t head_bytes, uri_bytes, fields;
};

/* Outcomes of http_parse. */
enum http_outcome {
	HTTP_OK,     /* all bytes were taken; look at head_done and done, and at spans */
	HTTP_PAUSED, /* spans are full, or the message is done and bytes are left: look, then parse
			the rest */
	HTTP_BAD = -1, /* not HTTP */
	HTTP_BAD_METHOD = -2,
	HTTP_BAD_VERSION = -3,
	HTTP_BAD_FRAMING = -4, /* Content-Length or Transfer-Encoding ambiguous or malformed */
	HTTP_URI_LONG = -5,
	HTTP_HEAD_LONG = -6,
	HTTP_FIELDS_MANY = -7,
	HTTP_BAD_BODY = -8, /* after the head: a malformed chunk, or one that is all extension */
};

/* What a parser needs only while it looks at one read; one a loop, for all of its parsers. */
struct http_scratch {
	struct slice spans[HTTP_SPANS_MAX];
	struct http_field fields[HTTP_FIELDS_MAX];
};

struct http_parser {
	llhttp_t llhttp;
	const struct http_limits *limits;
	struct http_scratch *scratch;
	const char *base; /* where the head starts */
	char *kept;       /* own copy of an unfinished or retained head */
	uint32_t kept_n, kept_cap;
	uint32_t head_n; /* bytes of the head up to its last field; before it is done: all given */
	uint32_t url, url_n;
	uint32_t reason, reason_n;
	uint16_t fields_n;
	uint16_t spans_n;
	uint8_t head_done, done, in_value, url_open;
	uint8_t head_request; /* this answer is to a HEAD: it has no body */
	uint16_t trailers_n;  /* fields behind the last chunk */
	char *trailers;       /* "name: value\r\n" each, own copy; NULL: none came */
	uint32_t trailers_size, trailers_cap;
	uint32_t overhead; /* of the chunks, beyond what chunks need */
	int8_t error;
	uint8_t chunked, has_length, coded; /* coded: there is a Transfer-Encoding */
	uint64_t length;                    /* Content-Length as sent */
	const struct slice *spans; /* body bytes of the last http_parse, in the caller's buffer */
	struct http_field *fields; /* in the scratch, or in own once they are kept */
	struct http_field *own;
	uint32_t own_cap;
};

void http_parser_init(struct http_parser *p, llhttp_type_t type, const struct http_limits *limits,
		      struct http_scratch *scratch);
void http_parser_deinit(struct http_parser *p);
/* Ready for the next message; keeps memory. */
void http_parser_reset(struct http_parser *p);

/* Parses on. Before the head is done the bytes must follow those given before: where that is not so
 * (a new read), http_parser_keep has copied the earlier ones. *used: bytes taken, less than given
 * only with HTTP_PAUSED or an error. A span points into `in` (or into `kept`, when the head was
 * kept). */
enum http_outcome http_parse(struct http_parser *p, struct slice in, size_t *used);
/* The peer ended. HTTP_OK with done set when that completes an answer without a length; else
 * HTTP_BAD_BODY or HTTP_BAD. */
enum http_outcome http_parse_end(struct http_parser *p);
/* The caller's buffer goes away, or another parser of the same scratch is due: copies what is still
 * needed of the head and its fields. Without it they are lost. */
void http_parser_keep(struct http_parser *p);
/* Right after http_parse failed: the name of the field that is to blame (where the parser stopped,
 * or the largest one of a head that is too large); empty when it is none. Lies in the head or is
 * static. */
struct slice http_culprit(const struct http_parser *p, enum http_outcome outcome);

static inline struct slice
http_at(const struct http_parser *p, uint32_t off, uint32_t n)
{
	return (struct slice){ p->base + off, n };
}

static inline struct slice
http_name(const struct http_parser *p, const struct http_field *f)
{
	return http_at(p, f->name, f->name_n);
}

static inline struct slice
http_value(const struct http_parser *p, const struct http_field *f)
{
	return http_at(p, f->value, f->value_n);
}

static inline struct slice
http_url(const struct http_parser *p)
{
	return http_at(p, p->url, p->url_n);
}

static inline int
http_minor(const struct http_parser *p)
{
	return p->llhttp.http_minor;
}

/* The first field of this kind, or NULL. */
const struct http_field *http_find(const struct http_parser *p, enum http_id id);
/* Method name of a request. */
struct slice http_method(const struct http_parser *p);
/* Is `token` an element of the comma-separated list (case-insensitive)? RFC 9110 section 5.6.1. */
bool http_list_has(struct slice list, struct slice token);
/* The next element of a comma-separated list, trimmed; p == NULL at the end. */
struct slice http_list_next(struct slice *rest);
/* Who is named in one element of Via; empty: nobody. */
struct slice http_via_by(struct slice element);
/* http_list.c: the weight of a media range in an Accept field, in thousandths; -1 when it is not
 * named there (RFC 9110 section 12.5.1). */
int http_accept_weight(struct slice list, struct slice type);
