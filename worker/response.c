/*
 * response: an upstream's head has come, or its try failed. May it be passed on, is it the final
 * one, or does the request go back to `pick`?
 */

#include "client.h"
#include "forward.h"
#include "outcome.h"
#include "relay.h"
#include "retry.h"
#include "translate.h"
#include "tunnel.h"
#include "upstream.h"

/* What is not chunked alone we could not pass on under its name. */
static bool
is_coding_known(const struct http_parser *p)
{
	unsigned codings = 0;

	for (uint16_t i = 0; p->coded && i < p->fields_n; i++) {
		if (p->fields[i].id != HTTP_TRANSFER_ENCODING)
			continue;
		if (++codings > 1 || !slice_ieq(http_value(p, &p->fields[i]), SLICE("chunked")))
			return false;
	}
	return !p->coded || p->chunked;
}

/* What the parser lets pass, and a client might not. */
static bool
is_sound(const struct http_parser *p)
{
	bool clean = true;

	for (uint32_t i = 0; i < p->reason_n; i++) {
		unsigned char c = (unsigned char)p->base[p->reason + i];

		clean &= (c >= ' ' && c != 0x7f) || c == '\t';
	}
	/* It skips any CR and LF before the status line, too. */
	return clean && p->base[0] == 'H' && p->llhttp.http_major == 1 && http_minor(p) <= 1 &&
	       p->llhttp.status_code >= 100 && is_coding_known(p);
}

/* RFC 9110 section 7.8: a server switches to nothing that the client did not name. */
static bool
is_switch_asked(const struct request *r, const struct http_parser *p)
{
	const struct http_field *given = http_find(p, HTTP_UPGRADE);

	for (uint32_t i = 0; r->upgrade && given && i < r->in.fields_n; i++) {
		const struct http_field *f = &r->in.fields[i];

		if (f->id == HTTP_UPGRADE &&
		    http_list_has(http_value(&r->in, f), http_value(p, given)))
			return true;
	}
	return false;
}

/* It is passed on, and the final one waited for. */
static enum result
pass_interim(struct request *r)
{
	struct upstream *u = r->upstream;

	if (http_minor(&r->in) == 1) { /* an HTTP/1.0 client does not know them */
		forward_interim(r);
		relay_interim(r);
	}
	r->interim = true;
	r->first_us = 0; /* of the final answer nothing came yet */
	http_parser_reset(&u->parser);
	u->parser.head_request = r->method == METHOD_HEAD;
	return r->client_lost ? STEP_NEXT : STEP_WAIT;
}

enum result
response_step(struct request *r)
{
	struct upstream *u = r->upstream;
	int status;

	if (r->failure != REASON_none)
		return retry_or_fail(r);
	if (!u->parser.head_done)
		return STEP_WAIT;
	if (r->translating)
		return translate_answer(r);
	status = u->parser.llhttp.status_code;
	if ((status == 101 && !is_switch_asked(r, &u->parser)) || !is_sound(&u->parser)) {
		r->failure = REASON_upstream_malformed;
		upstream_close(u);
		return retry_or_fail(r);
	}
	if (status < 200 && status != 101)
		return pass_interim(r);
	outcome_answer(r, status);
	if (status >= 502 && status <= 504 && retry_answer(r, status))
		return STEP_NEXT;
	if (r->action && r->action->translation && translate_begin(r))
		return translate_answer(r);
	forward_response(r);
	relay_answer_head(r, SLICE(""));
	if (status == 101 && !r->client_lost)
		tunnel_start(r);
	return STEP_NEXT;
}
