/*
 * head: what comes of a head once judge.c has looked at it, or of what is none: its id, whether its
 * connection may go on, what the gateway answers without looking further. Decides nothing about who
 * may ask.
 */

#include "answer.h"
#include "client.h"
#include "fault_note.h"
#include "https.h"
#include "judge.h"
#include "request.h"
#include "tls_front.h"
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

/* 32 hex digits. */
static void
make_id(struct worker *w, char *out)
{
	static const char hex[] = "0123456789abcdef";

	for (int half = 0; half < 2; half++) {
		uint64_t x = worker_random(w);

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

/* Is this the last request that its connection may carry? */
static bool
is_last(const struct request *r)
{
	const struct worker *w = r->worker;
	const struct table_global *g = snapshot_global(w->table);

	return worker_leaves(w) ||
	       (g && g->keepalive_requests && r->client->served + 1 >= g->keepalive_requests);
}

/* Does Via say that this request has been here twice? Once may be meant: a route that leads through
 * us again. What stands in a comment counts for nothing but its sender. */
static bool
is_loop(const struct request *r)
{
	const struct snapshot *s = r->worker->table;
	const struct segment *rules = s ? s->segments[SEGMENT_RULES] : NULL;
	struct slice name = rules ? seg_string(rules, table_global(rules)->via) : SLICE("");
	unsigned times = 0;

	for (uint16_t i = 0; name.n > 0 && i < r->in.fields_n; i++) {
		struct slice list = http_value(&r->in, &r->in.fields[i]);

		if (r->in.fields[i].id != HTTP_VIA)
			continue;
		for (struct slice e = http_list_next(&list); e.p; e = http_list_next(&list))
			times += slice_ieq(http_via_by(e), name);
	}
	return times >= 2;
}

/* OPTIONS with Max-Forwards: 0 asks the gateway itself (RFC 9110 section 7.6.2). */
static enum result
answer_options(struct request *r)
{
	answer_body(r, 200, "text/plain", SLICE(""),
		    SLICE("Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"));
	r->step = STEP_RELAY - 1;
	return STEP_NEXT;
}

/* A verdict on a token must not be had by asking somebody else. */
static bool
is_question(const struct request *r)
{
	const struct snapshot *s = r->worker->table;
	const struct segment *rules = s ? s->segments[SEGMENT_RULES] : NULL;
	const struct table_global *g = snapshot_global(s);

	return g && r->path.n > 0 &&
	       (slice_eq(seg_string(rules, g->is_auth), r->path) ||
		slice_eq(seg_string(rules, g->forward_auth), r->path));
}

enum result
head_step(struct request *r)
{
	struct judged judged;
	enum reason reason = judge_head(r, &judged);

	take_id(r, judged.id);
	r->head_us = worker_us(r->worker);
	r->client_closes = judged.close || (http_minor(&r->in) == 0 && !judged.keep);
	r->keep_alive = !r->client_closes && !is_last(r) && !tls_front_outdated(r);
	if (r->client->tls == CLIENT_TLS_MISSING)
		reason = REASON_plain_http;
	else if (reason == REASON_none && !tls_front_admits(r))
		reason = REASON_misdirected_certificate;
	if (reason != REASON_none) {
		fault_note(r, reason);
		return refuse(r, reason);
	}
	if (judged.via && is_loop(r)) {
		r->field = SLICE("Via");
		return refuse(r, REASON_loop_detected);
	}
	timer_set(r->worker, &r->client->timer, 0);
	if (r->max_forwards == 0 && !is_question(r))
		return answer_options(r);
	if (!https_redirects(r))
		return STEP_NEXT;
	r->step = STEP_RELAY - 1;
	return STEP_NEXT;
}

void
request_head_ends(struct request *r, enum reason reason)
{
	take_id(r, (struct slice){ NULL, 0 });
	r->keep_alive = false;
	if (reason != REASON_overloaded) /* it is no fault of the client */
		fault_note(r, reason);
	request_refuse(r, reason);
}

enum reason
request_fault(struct request *r, enum http_outcome outcome)
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

	r->field = arena_copy(&r->arena, http_culprit(&r->in, outcome));
	return reasons[-outcome];
}

void
request_malformed(struct request *r, enum http_outcome outcome)
{
	enum reason reason = request_fault(r, outcome);

	fault_note(r, reason);
	if (r->id_n == 0)
		take_id(r, (struct slice){ NULL, 0 });
	r->keep_alive = false;
	/* A body that turns bad must not look whole to the upstream: request_refuse closes that
	 * connection. */
	request_refuse(r, reason);
}
