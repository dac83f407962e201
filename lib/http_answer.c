#include "http_answer.h"

#include <errno.h>

#define HEAD_MAX 32768u

/* Of several heads the last one counts; what comes behind it is trailers. */
static bool
is_kept(const struct http_answer *a)
{
	return a->keep_head && !a->head_done;
}

static int
parser_on_begin(llhttp_t *parser)
{
	struct http_answer *a = parser->data;

	a->reason.n = a->fields.n = 0;
	return 0;
}

static int
parser_on_status(llhttp_t *parser, const char *p, size_t n)
{
	struct http_answer *a = parser->data;

	if (is_kept(a))
		buf_add(&a->reason, p, n);
	return 0;
}

static int
parser_on_field(llhttp_t *parser, const char *p, size_t n)
{
	struct http_answer *a = parser->data;

	if (is_kept(a))
		buf_add(&a->fields, p, n);
	return 0;
}

static int
parser_on_field_complete(llhttp_t *parser)
{
	struct http_answer *a = parser->data;

	if (is_kept(a))
		buf_adds(&a->fields, SLICE(": "));
	return 0;
}

static int
parser_on_value_complete(llhttp_t *parser)
{
	struct http_answer *a = parser->data;

	if (is_kept(a))
		buf_adds(&a->fields, SLICE("\r\n"));
	return 0;
}

static int
parser_on_headers_complete(llhttp_t *parser)
{
	struct http_answer *a = parser->data;

	if (parser->status_code < 100) /* three digits are all that llhttp asks for */
		return -1;
	a->head_done = parser->status_code >= 200 || parser->status_code == 101;
	return a->head;
}

static int
parser_on_body(llhttp_t *parser, const char *p, size_t n)
{
	struct http_answer *a = parser->data;
	bool fits = n <= a->body_max - a->body_n;

	if (fits && a->keep)
		buf_add(&a->body, p, n);
	if (fits) {
		a->body_n += n;
		return 0;
	}
	a->too_large = a->keep;
	a->done = true;
	return HPE_PAUSED;
}

static int
parser_on_message_complete(llhttp_t *parser)
{
	struct http_answer *a = parser->data;

	if (!a->head_done)
		return 0; /* the final answer follows (RFC 9110 section 15.2) */
	a->done = true;
	return HPE_PAUSED;
}

static const llhttp_settings_t parser_settings = {
	.on_message_begin = parser_on_begin,
	.on_status = parser_on_status,
	.on_header_field = parser_on_field,
	.on_header_field_complete = parser_on_field_complete,
	.on_header_value = parser_on_field,
	.on_header_value_complete = parser_on_value_complete,
	.on_headers_complete = parser_on_headers_complete,
	.on_body = parser_on_body,
	.on_message_complete = parser_on_message_complete,
};

void
http_answer_init(struct http_answer *a)
{
	llhttp_init(&a->parser, HTTP_RESPONSE, &parser_settings);
	a->parser.data = a;
}

void
http_answer_deinit(struct http_answer *a)
{
	buf_wipe(&a->body); /* it may be tokens */
	buf_deinit(&a->reason);
	buf_deinit(&a->fields);
}

static int
answer_outcome(const struct http_answer *a)
{
	return a->too_large ? -EMSGSIZE : a->parser.status_code;
}

int
http_answer_feed(struct http_answer *a, struct slice bytes)
{
	llhttp_errno_t e;

	if (!a->head_done)
		a->head_n += bytes.n;
	e = llhttp_execute(&a->parser, bytes.p, bytes.n);
	if (a->done)
		return answer_outcome(a);
	if (e != HPE_OK)
		return -EBADMSG;
	return !a->head_done && a->head_n > HEAD_MAX ? -EMSGSIZE : 0;
}

int
http_answer_end(struct http_answer *a)
{
	if (a->head_done)
		llhttp_finish(&a->parser); /* the body may be one that ends with the connection */
	return a->done ? answer_outcome(a) : -ECONNRESET;
}
