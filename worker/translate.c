#include "translate.h"

#include "collect.h"
#include "forward.h"
#include "put.h"
#include "relay.h"
#include "translation.h"
#include "upstream.h"
#include "worker.h"

static const struct table_translation *
translation_of(const struct request *r)
{
	return table_translation(r->table->segments[SEGMENT_RULES], r->action->translation - 1);
}

/* ---- heads ---- */

/* The digest of a body that is another one now. An ETag would say of two translations that they are
 * one. */
static const struct slice digests[] = {
	{ "Content-MD5", 11 }, { "Content-Digest", 14 }, { "Repr-Digest", 11 }, { "Digest", 6 },
	{ "ETag", 4 },         { "Accept-Ranges", 13 },
};
/* What asks for a part of an answer, or for one in a coding. */
static const struct slice asking[] = {
	{ "Accept-Encoding", 15 },
	{ "Range", 5 },
	{ "If-Range", 8 },
};

static void
drop(struct http_parser *p, const struct slice *names, size_t count)
{
	for (uint16_t i = 0; i < p->fields_n; i++) {
		for (size_t k = 0; k < count; k++) {
			if (slice_ieq(http_name(p, &p->fields[i]), names[k]))
				p->fields[i].drop = 1;
		}
	}
}

/* Of the first such field; p NULL: there is none. */
static struct slice
value_of(const struct http_parser *p, struct slice name)
{
	for (uint16_t i = 0; i < p->fields_n; i++) {
		if (slice_ieq(http_name(p, &p->fields[i]), name))
			return http_value(p, &p->fields[i]);
	}
	return slice_make(NULL, 0);
}

/* RFC 6839 section 3.1. */
static bool
is_json(const struct http_parser *p)
{
	struct slice rest, type = value_of(p, SLICE("Content-Type"));

	type = slice_trim(slice_cut(type, ';', &rest));
	return slice_ieq(type, SLICE("application/json")) ||
	       (type.n > 5 && slice_ieq(slice_make(type.p + type.n - 5, 5), SLICE("+json")));
}

static bool
is_coded(const struct http_parser *p)
{
	struct slice coding = value_of(p, SLICE("Content-Encoding"));

	return coding.p && !slice_ieq(coding, SLICE("identity"));
}

/* ---- the translation ---- */

/* What is to blame, for r->field. */
static struct slice
blame(struct request *r, enum translation_outcome outcome, const struct buf *pointer)
{
	switch (outcome) {
	case TRANSLATION_POINTER:
		return arena_copy(&r->arena, buf_slice(pointer));
	case TRANSLATION_LARGE:
		return SLICE("translate.max");
	case TRANSLATION_NO_JSON:
	case TRANSLATION_OK:
		break;
	}
	return SLICE("body");
}

static enum result
fail(struct request *r, enum reason reason, struct slice field)
{
	r->reason = reason;
	r->field = field;
	if (r->upstream) {
		upstream_release(r->upstream, false);
		r->upstream = NULL;
	}
	return STEP_REPLY;
}

/* r->held becomes another text. */
static enum result
translate(struct request *r, uint32_t first, uint32_t count, enum reason reason)
{
	struct buf BUF_CLEAN out = { 0 };
	struct buf BUF_CLEAN pointer = { 0 };
	enum translation_outcome outcome =
	    translation_run(r->table->segments[SEGMENT_RULES], first, count, buf_slice(&r->held),
			    translation_of(r)->max, &out, &pointer);
	struct buf was = r->held;

	if (outcome != TRANSLATION_OK)
		return fail(r, reason, blame(r, outcome, &pointer));
	r->held = out;
	out = was;
	return STEP_NEXT;
}

/* ---- the request ---- */

/* Of a body that comes: is it to be translated (*wanted), and which field keeps it from that? p
 * NULL: none does. */
static struct slice
judge(const struct request *r, const struct table_translation *t, bool *wanted)
{
	const struct slice none = { NULL, 0 };

	*wanted = false;
	if (t->request_count == 0 || r->body == FRAMING_NONE ||
	    (r->body == FRAMING_LENGTH && r->in.length == 0))
		return none;
	if (!is_json(&r->in))
		return t->flags & TRANSLATION_REQUIRED ? SLICE("Content-Type") : none;
	*wanted = true;
	return is_coded(&r->in) ? SLICE("Content-Encoding") : none;
}

/* False: it is too long. */
static bool
limit(struct request *r, const struct table_translation *t)
{
	if (t->max < r->policy.body_bytes)
		r->policy.body_bytes = t->max;
	if ((r->body == FRAMING_LENGTH ? r->in.length : r->body_bytes) <= r->policy.body_bytes)
		return true;
	r->reason = REASON_body_too_large;
	return false;
}

bool
translate_limits(const struct request *r)
{
	return r->policy.body_bytes == translation_of(r)->max;
}

static enum result
translate_body(struct request *r, const struct table_translation *t)
{
	enum result result;

	if (r->held.n == 0) /* there was none */
		return STEP_NEXT;
	result = translate(r, t->request_first, t->request_count, REASON_translation_request);
	if (result != STEP_NEXT)
		return result;
	drop(&r->in, digests, sizeof digests / sizeof digests[0]);
	r->body = FRAMING_LENGTH;
	r->in.length = r->body_bytes = r->held.n;
	return STEP_NEXT;
}

enum result
translate_request(struct request *r)
{
	const struct table_translation *t = translation_of(r);
	bool wanted;
	struct slice fault = judge(r, t, &wanted);

	if (t->response_count > 0)
		drop(&r->in, asking, sizeof asking / sizeof asking[0]);
	if (fault.p)
		return fail(r, REASON_translation_type, fault);
	if (!wanted || r->rehearsed)
		return STEP_NEXT;
	if (!r->collecting && !limit(r, t))
		return STEP_REPLY;
	return collect_body(r) ? translate_body(r, t) : STEP_WAIT;
}

char *
translate_put_request(char *o, const struct request *r)
{
	return translation_of(r)->response_count > 0 ? PUT(o, "Accept-Encoding: identity\r\n") : o;
}

/* ---- the answer ---- */

/* Is the answer's body to be translated, and what keeps it from that? p NULL: nothing does. */
static bool
is_wanted(const struct request *r, const struct table_translation *t, const struct http_parser *p,
	  struct slice *fault)
{
	int status = p->llhttp.status_code;

	*fault = slice_make(NULL, 0);
	if (t->response_count == 0 || r->method == METHOD_HEAD || status < 200 || status > 299 ||
	    status == 204 || (p->has_length && p->length == 0))
		return false;
	if (!is_json(p)) {
		*fault = SLICE("Content-Type");
		return t->flags & TRANSLATION_REQUIRED;
	}
	if (is_coded(p))
		*fault = SLICE("Content-Encoding");
	else if (status == 206)
		*fault = SLICE("Content-Range");
	else if (p->has_length && p->length > t->max)
		*fault = SLICE("translate.max");
	return true;
}

bool
translate_begin(struct request *r)
{
	struct http_parser *p = &r->upstream->parser;
	struct slice fault;

	r->translating = is_wanted(r, translation_of(r), p, &fault);
	if (!r->translating)
		return false;
	if (fault.p) {
		r->reason = REASON_translation_response;
		r->field = fault;
		return true;
	}
	r->body_lost = true; /* `held` is the answer's from here on */
	r->held.n = 0;
	drop(p, digests, sizeof digests / sizeof digests[0]);
	http_parser_keep(p);
	return true;
}

static enum result
send_answer(struct request *r)
{
	struct http_parser *p = &r->upstream->parser;

	p->has_length = 1;
	p->length = r->held.n;
	forward_response(r);
	relay_answer_head(r, buf_slice(&r->held));
	return STEP_NEXT;
}

enum result
translate_answer(struct request *r)
{
	const struct table_translation *t = translation_of(r);
	struct upstream *u = r->upstream;

	if (r->reason != REASON_none)
		return fail(r, r->reason, r->field);
	for (uint16_t i = 0; i < u->parser.spans_n; i++) {
		if (u->parser.spans[i].n > t->max - r->held.n)
			return fail(r, REASON_translation_response, SLICE("translate.max"));
		buf_adds(&r->held, u->parser.spans[i]);
	}
	u->parser.spans_n = 0;
	if (!u->parser.done) {
		timer_set(r->worker, &u->timer, r->policy.idle_ms);
		return STEP_WAIT;
	}
	if (translate(r, t->response_first, t->response_count, REASON_translation_response) !=
	    STEP_NEXT)
		return STEP_REPLY;
	return send_answer(r);
}
