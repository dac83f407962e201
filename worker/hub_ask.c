/*
 * hub_ask: the service, from the first of its addresses to its answer.
 */

#include "hub_own.h"

#include "hub_reply.h"
#include "outgoing.h"
#include "worker.h"

#include "lib/log.h"

#include <errno.h>

#define HUBS_MAX 256u          /* services that are asked at a time, by a worker */
#define TELL_MS UINT64_C(1000) /* between two lines of the log */

static const struct segment *
rules_of(const struct request *r)
{
	return r->table->segments[SEGMENT_RULES];
}

static void
count(struct request *r, enum board_counter counter)
{
	board_add(&r->worker->page->counts.counter[counter], 1);
}

static enum reason
reason_of(int status)
{
	switch (-status) {
	case ECONNREFUSED:
		return REASON_upstream_connect_refused;
	case ETIMEDOUT:
		return REASON_upstream_first_byte_timeout;
	case EKEYREJECTED:
		return REASON_upstream_certificate_refused;
	case EPROTO:
	case ECONNABORTED:
		return REASON_upstream_tls_failed;
	case ECONNRESET:
	case EPIPE:
		return REASON_upstream_closed;
	case EBADMSG:
		return REASON_upstream_malformed;
	case EMSGSIZE:
		return REASON_hub_answer;
	default:
		return REASON_upstream_connect_failed;
	}
}

/* Nothing of the request was sent to it. */
static bool
is_unreached(int status)
{
	return status == -ECONNREFUSED || status == -EHOSTUNREACH || status == -ENETUNREACH ||
	       status == -EADDRNOTAVAIL;
}

static void
tell(const struct hub *h, int status, struct slice why)
{
	struct worker *w = h->request->worker;
	char quoted[160];

	if (worker_now(w) < w->hub_log_at)
		return;
	w->hub_log_at = worker_now(w) + TELL_MS;
	log_words(why.n > 0 ? why : slice_of(strerror(-status)), quoted, sizeof quoted);
	log_warn("hub service=%.*s reason=%s error=\"%s\"", SLICE_F(h->request->authority),
		 reason_info(reason_of(status))->name, quoted);
}

/* The same of one that has waited. */
static void
finish(struct request *r)
{
	r->step = STEP_RELAY;
	request_advance(r);
}

static int send_to(struct hub *h);

static void
succeed(struct hub *h, int status, struct slice body)
{
	struct request *r = h->request;
	struct http_client_head head = outgoing_head(h->out);
	struct buf BUF_CLEAN text = { 0 };

	if ((body.n > 0 && hub_reply_is_coded(head.fields)) ||
	    !hub_reply_answer(status, head.reason, head.fields, body, &text)) {
		hub_refuse(r, REASON_hub_answer, NULL);
		return;
	}
	count(r, COUNTER_hub_answered);
	hub_answer(r, 200, buf_slice(&text), SLICE(""));
}

static void
on_done(void *userdata, int status, struct slice body)
{
	struct hub *h = userdata;
	struct request *r = h->request;

	if (is_unreached(status) && ++h->at < h->address.count) {
		outgoing_free(h->out);
		h->out = NULL;
		status = send_to(h);
		if (status == 0)
			return;
	}
	r->first_us = worker_us(r->worker);
	if (status > 0) {
		succeed(h, status, body);
	} else {
		tell(h, status, body);
		hub_refuse(r, reason_of(status), NULL);
	}
	outgoing_free(h->out);
	h->out = NULL;
	finish(r);
}

/* Whose certificate it has to be, where the table does not say it. */
static struct slice
peer_of(const struct hub *h)
{
	struct slice host = h->query.parts.host.host;

	if (!h->address.any)
		return (struct slice){ NULL, 0 };
	return host.p[0] == '[' ? slice_make(host.p + 1, host.n - 2) : host;
}

/* 0, or a negative errno: nothing is under way. */
static int
send_to(struct hub *h)
{
	struct request *r = h->request;
	const struct outgoing_ask ask = {
		.whole = buf_slice(&h->whole),
		.head = strcmp(h->query.verb, "HEAD") == 0,
		.keep = true,
		.keep_head = true,
		.timeout_ms = h->address.timeout_ms,
		.body_max = h->rules->response_bytes,
	};

	h->out = outgoing_new(r->worker, r->table, h->address.upstream);
	if (!h->out)
		return -EKEYREJECTED;
	outgoing_to(h->out, &h->address.all[h->at], peer_of(h));
	return outgoing_send(h->out, &ask, on_done, h);
}

static void
write_whole(struct hub *h, struct slice token)
{
	struct request *r = h->request;
	const struct hub_sender sender = {
		.token = token,
		.id = slice_make(r->id, r->id_n),
		.via = seg_string(rules_of(r), table_global(rules_of(r))->via),
		.version = r->worker->hello.version,
		.rules = rules_of(r),
	};

	hub_query_write(&h->query, &sender, &h->whole);
}

enum result
hub_ask(struct hub *h, struct slice token)
{
	struct request *r = h->request;
	const struct absolute *u = &h->query.parts;
	struct buf BUF_CLEAN authority = { 0 };
	int error;

	buf_addf(&authority, "%s%.*s:%u", u->https ? "https://" : "", SLICE_F(u->host.host),
		 u->port);
	r->authority = arena_copy(&r->arena, buf_slice(&authority));
	if (r->worker->hubs_count >= HUBS_MAX)
		return hub_refuse(r, REASON_hub_busy, NULL);
	write_whole(h, token);
	r->send_us = worker_us(r->worker);
	h->asked = true;
	r->worker->hubs_count++;
	error = send_to(h);
	if (error == 0)
		return STEP_WAIT;
	tell(h, error, SLICE(""));
	return hub_refuse(r, reason_of(error), NULL);
}
