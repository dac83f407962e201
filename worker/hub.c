#include "hub.h"

#include "answer.h"
#include "collect.h"
#include "cors.h"
#include "fields.h"
#include "hub_own.h"
#include "hub_reply.h"
#include "identity.h"
#include "login_redirect.h"
#include "outgoing.h"
#include "refresh.h"
#include "session.h"
#include "worker.h"

#include "lib/xalloc.h"

#include <stdlib.h>

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

/* ---- answers ---- */

enum result
hub_answer(struct request *r, int status, struct slice body, struct slice extra)
{
	struct buf BUF_CLEAN fields = { 0 };

	buf_adds(&fields, SLICE("Cache-Control: no-store\r\n"));
	buf_adds(&fields, extra);
	answer_body(r, status, "application/json", body, buf_slice(&fields));
	r->step = STEP_RELAY - 1;
	return STEP_NEXT;
}

enum result
hub_refuse(struct request *r, enum reason reason, const char *message)
{
	const struct reason_info *info = reason_info(reason);
	struct buf BUF_CLEAN body = { 0 }, extra = { 0 };

	r->reason = reason;
	hub_reply_message(message ? message : info->text, &body);
	buf_addf(&extra, "X-Yett-Reason: %s\r\n", info->name);
	if (info->status == 503)
		buf_adds(&extra, SLICE("Retry-After: 1\r\n"));
	if (reason == REASON_method_not_allowed)
		buf_addf(&extra, "Allow: %s\r\n",
			 slice_eq(r->path_rest, SLICE("/me")) ? "GET, HEAD" : "POST");
	count(r, info->status >= 500 ? COUNTER_hub_failed : COUNTER_hub_refused);
	return hub_answer(r, info->status, buf_slice(&body), buf_slice(&extra));
}

/* ---- who asks ---- */

/* Did a page of another site make a browser ask, which sends the cookie along? A site below the
 * same domain is another one, too, and SameSite does not tell it apart. */
static bool
is_foreign(const struct request *r)
{
	struct slice site = fields_header(r, SLICE("Sec-Fetch-Site"));
	struct slice origin = fields_header(r, SLICE("Origin"));

	if (!r->session || r->session->ephemeral || slice_eq(site, SLICE("same-origin")))
		return false;
	if (origin.p)
		return !login_origin_is_known(rules_of(r), origin) && !cors_trusts(r);
	return site.p && !slice_eq(site, SLICE("none"));
}

/* The first value of a fact about who asks; p == NULL: there is none that has a text. */
static struct slice
fact(const struct request *r, uint32_t number)
{
	size_t n = 0;
	const struct identity_value *v = identity_values(r->who, number, &n);

	if (number == TRIE_NONE || n == 0 || v->opaque)
		return (struct slice){ NULL, 0 };
	return identity_text(r->who, v->text);
}

static enum result
me(struct request *r, const struct table_hub *hub)
{
	struct slice sub = identity_text(r->who, r->who->sub);
	struct buf BUF_CLEAN body = { 0 };

	hub_reply_me(r->who->sub.n > 0 ? sub : (struct slice){ NULL, 0 },
		     fact(r, hub->preferred_username), fact(r, hub->name), &body);
	return hub_answer(r, 200, buf_slice(&body), SLICE(""));
}

/* The token that goes along: PASS, WAIT for another one, or REPLY and *why. */
static enum verdict
token_of(struct request *r, const struct table_hub *hub, struct slice *out, enum reason *why)
{
	const struct session *s = r->session;
	const struct session_token *t = NULL;
	uint32_t provider = hub->provider;
	enum verdict verdict = PASS;

	*out = (struct slice){ NULL, 0 };
	*why = REASON_hub_token;
	if (provider == TRIE_NONE && s && !s->ephemeral)
		provider = s->first;
	if (s && provider < PROVIDERS_MAX)
		verdict = refresh_token(r, provider, hub->refresh_s, &t, why);
	else if (provider == TRIE_NONE)
		*out = r->shown;
	if (t)
		*out = t->access;
	if (verdict == REPLY)
		*why = r->reason;
	if (verdict == PASS && (out->n == 0 || slice_has_control(*out))) {
		*why = REASON_hub_token;
		return REPLY;
	}
	return verdict;
}

/* ---- the request ---- */

static void
hub_begin(struct request *r, const struct table_hub *rules)
{
	r->hub = xcalloc(1, sizeof *r->hub);
	r->hub->request = r;
	r->hub->rules = rules;
	if (rules->request_bytes < r->policy.body_bytes)
		r->policy.body_bytes = rules->request_bytes;
}

/* NULL, or the message; *reason says which. */
static const char *
judge(struct hub *h, enum reason *reason)
{
	struct request *r = h->request;
	const struct absolute *u = &h->query.parts;
	const char *fault = hub_query_read(&h->query, buf_slice(&r->held));

	*reason = REASON_hub_query;
	if (fault)
		return fault;
	if (!hub_query_url(&h->query) ||
	    !table_hub_find(rules_of(r), h->rules, u->https, u->host.host, u->port)) {
		*reason = REASON_hub_domain;
		return reason_info(*reason)->text;
	}
	return hub_query_check(&h->query);
}

static enum result
external_service(struct request *r, const struct table_hub *rules)
{
	struct slice token;
	enum reason reason;
	enum verdict verdict;
	const char *fault;
	struct hub *h;

	if (!r->hub)
		hub_begin(r, rules);
	h = r->hub;
	if (r->in.length > r->policy.body_bytes || r->body_bytes > r->policy.body_bytes) {
		r->reason = REASON_body_too_large;
		return STEP_REPLY;
	}
	if (h->asked || (!h->read && !collect_body(r)))
		return STEP_WAIT;
	fault = h->read ? NULL : judge(h, &reason);
	h->read = true;
	if (fault)
		return hub_refuse(r, reason, fault);
	verdict = token_of(r, rules, &token, &reason);
	if (verdict == PASS)
		verdict = hub_address_find(r, rules, &h->query.parts, &h->address, &reason);
	if (verdict == REPLY)
		return hub_refuse(r, reason, NULL);
	return verdict == WAIT ? STEP_WAIT : hub_ask(h, token);
}

enum result
hub_step(struct request *r)
{
	const struct table_hub *rules = table_hub(rules_of(r), r->action->hub);
	bool service = slice_eq(r->path_rest, SLICE("/external-service"));
	bool is_me = slice_eq(r->path_rest, SLICE("/me"));

	if (!r->who) { /* an exception of the gate opens what needs a name */
		r->reason = REASON_token_missing;
		r->challenge = policy_challenge(r->reason);
		return STEP_REPLY;
	}
	if (r->rehearsed) {
		r->started = true;
		r->step = STEP_RELAY - 1;
		return STEP_NEXT;
	}
	if (!service && !is_me)
		return hub_refuse(r, REASON_hub_path, NULL);
	if (service ? r->method != METHOD_POST
		    : r->method != METHOD_GET && r->method != METHOD_HEAD)
		return hub_refuse(r, REASON_method_not_allowed, "Method Not Allowed");
	if (service && is_foreign(r))
		return hub_refuse(r, REASON_hub_cross_site, NULL);
	return service ? external_service(r, rules) : me(r, rules);
}

void
hub_leave(struct request *r)
{
	struct hub *h = r->hub;

	r->hub = NULL;
	if (h->asked)
		r->worker->hubs_count--;
	outgoing_free(h->out);
	if (h->whole.p)
		explicit_bzero(h->whole.p, h->whole.cap);
	buf_deinit(&h->whole);
	hub_query_deinit(&h->query);
	free(h);
}
