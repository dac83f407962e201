#include "answer.h"

#include "blame.h"
#include "client.h"
#include "cors.h"
#include "https.h"
#include "inject.h"
#include "limiter.h"
#include "login.h"
#include "worker.h"

#include <stdio.h>

static const char *
status_text(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 201:
		return "Created";
	case 202:
		return "Accepted";
	case 204:
		return "No Content";
	case 301:
		return "Moved Permanently";
	case 302:
		return "Found";
	case 303:
		return "See Other";
	case 304:
		return "Not Modified";
	case 307:
		return "Temporary Redirect";
	case 308:
		return "Permanent Redirect";
	case 400:
		return "Bad Request";
	case 401:
		return "Unauthorized";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 409:
		return "Conflict";
	case 405:
		return "Method Not Allowed";
	case 408:
		return "Request Timeout";
	case 410:
		return "Gone";
	case 411:
		return "Length Required";
	case 413:
		return "Content Too Large";
	case 414:
		return "URI Too Long";
	case 415:
		return "Unsupported Media Type";
	case 417:
		return "Expectation Failed";
	case 421:
		return "Misdirected Request";
	case 422:
		return "Unprocessable Content";
	case 429:
		return "Too Many Requests";
	case 431:
		return "Request Header Fields Too Large";
	case 451:
		return "Unavailable For Legal Reasons";
	case 500:
		return "Internal Server Error";
	case 501:
		return "Not Implemented";
	case 502:
		return "Bad Gateway";
	case 503:
		return "Service Unavailable";
	case 504:
		return "Gateway Timeout";
	case 505:
		return "HTTP Version Not Supported";
	case 508:
		return "Loop Detected";
	default:
		return status < 400 ? "OK" : "Error";
	}
}

static void
add_cors(const struct request *r, struct buf *head)
{
	buf_reserve(head, cors_room(r));
	head->n = (size_t)(cors_put(head->p + head->n, r) - head->p);
}

static void
add_limits(const struct request *r, struct buf *head)
{
	buf_reserve(head, limiter_room(r));
	head->n = (size_t)(limiter_put(head->p + head->n, r) - head->p);
}

/* Which version of the rules decided; the admin listener decides by none. */
static void
add_versions(const struct request *r, struct buf *head)
{
	const struct snapshot *t = r->table ? r->table : r->worker->table;

	if (!t || r->client->kind != LISTENER_HTTP ||
	    !table_global(t->segments[SEGMENT_RULES])->reveal_version)
		return;
	buf_addf(head, "X-Yett-Table: %llu\r\n", (unsigned long long)t->version);
	if (t->revision.n)
		buf_addf(head, "X-Yett-Revision: %.*s\r\n", SLICE_F(t->revision));
}

void
answer_body(struct request *r, int status, const char *content_type, struct slice body,
	    struct slice extra)
{
	struct buf *head = &r->worker->head;
	struct slice parts[2], strict;
	int error;

	/* The rest of the body would be taken for the next request. */
	if (!r->body_done || worker_leaves(r->worker))
		r->keep_alive = false;
	head->n = 0;
	buf_addf(head, "HTTP/1.1 %d %s\r\nServer: yett\r\nDate: %s\r\n", status,
		 status_text(status), r->worker->date);
	if (content_type)
		buf_addf(head, "Content-Type: %s\r\n", content_type);
	if (status != 204 && status != 304) /* RFC 9110 section 8.6 */
		buf_addf(head, "Content-Length: %zu\r\n", body.n);
	buf_addf(head, "X-Request-Id: %s\r\n", r->id);
	strict = https_strict(r);
	if (strict.n > 0)
		buf_addf(head, "Strict-Transport-Security: %.*s\r\n", SLICE_F(strict));
	buf_adds(head, extra);
	buf_adds(head, r->set_cookie);
	if (r->action && r->action->origins_count > 0)
		add_cors(r, head);
	if (limiter_tell(r))
		add_limits(r, head);
	add_versions(r, head);
	if (!r->keep_alive)
		buf_adds(head, SLICE("Connection: close\r\n"));
	else if (http_minor(&r->in) == 0)
		buf_adds(head, SLICE("Connection: keep-alive\r\n"));
	buf_adds(head, SLICE("\r\n"));
	r->status = status;
	r->framing = FRAMING_LENGTH;
	r->started = true;
	if (r->client->stream.closing) {
		r->client_lost = true;
		return;
	}
	parts[0] = buf_slice(head);
	parts[1] = r->method == METHOD_HEAD && r->in.head_done ? SLICE("") : body;
	error = stream_write(&r->client->stream, parts, 2);
	r->bytes_out += parts[0].n + parts[1].n;
	r->answered = error >= 0;
	r->client_lost = error < 0;
	if (error == STREAM_FULL)
		timer_set(r->worker, &r->client->timer,
			  r->policy.idle_ms ? r->policy.idle_ms : 60000);
}

/* Of all Accept fields together (RFC 9110 section 5.3). */
static int
accept_weight(const struct request *r, struct slice type)
{
	int best = -1;

	for (uint16_t i = 0; i < r->in.fields_n; i++) {
		int weight = -1;

		if (r->in.fields[i].id == HTTP_ACCEPT)
			weight = http_accept_weight(http_value(&r->in, &r->in.fields[i]), type);
		best = weight > best ? weight : best;
	}
	return best;
}

bool
answer_accepts(const struct request *r, struct slice type)
{
	return accept_weight(r, type) > 0;
}

/* A page for who asks for pages, else JSON. */
bool
answer_wants_html(const struct request *r)
{
	int html = accept_weight(r, SLICE("text/html")),
	    json = accept_weight(r, SLICE("application/json"));
	int problem = accept_weight(r, SLICE("application/problem+json"));

	return html > 0 && html >= json && html >= problem;
}

/* The reason's sentence, and what one has to know to mend it. */
static void
add_detail(const struct request *r, const struct reason_info *info, struct buf *out)
{
	const char *limit = blame_limit(r);
	struct slice field = blame_field(r);

	buf_adds(out, slice_of(info->text));
	if (limit)
		buf_addf(out, " The limit is %s.", limit);
	if (field.n)
		buf_addf(out, " The field is %.*s.", SLICE_F(field));
}

static void
page_html(struct request *r, int status, const struct reason_info *info, struct buf *out)
{
	struct buf BUF_CLEAN detail = { 0 };

	add_detail(r, info, &detail);
	buf_addf(
	    out,
	    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>%d %s</title>"
	    "<meta name=\"viewport\" content=\"width=device-width\"><style>body{font:1rem/1.5 "
	    "sans-serif;"
	    "max-width:34rem;margin:15vh auto;padding:0 1rem;color:#222;background:#fff}"
	    "@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}}"
	    "small{color:#777}</style></head>\n<body><h1>%s</h1><p>",
	    status, status_text(status), status_text(status));
	buf_add_html(out, buf_slice(&detail));
	buf_addf(out, "</p><p><small>%d &middot; %s &middot; request ", status, info->name);
	buf_add_html(out, slice_of(r->id));
	buf_adds(out, SLICE("</small></p></body></html>\n"));
}

/* `message` is what clients of the older gateways read. */
void
answer_problem(struct request *r, int status, const struct reason_info *info, struct buf *out)
{
	struct buf BUF_CLEAN detail = { 0 };
	struct buf BUF_CLEAN login = { 0 };
	struct slice field = blame_field(r);

	add_detail(r, info, &detail);
	buf_addf(out, "{\"type\":\"urn:yett:reason:%s\",\"title\":\"%s\",\"status\":%d,\"detail\":",
		 info->name, status_text(status), status);
	buf_add_json(out, buf_slice(&detail));
	buf_addf(out, ",\"reason\":\"%s\",\"message\":\"%s\"", info->name, info->text);
	if (blame_limit(r))
		buf_addf(out, ",\"limit\":\"%s\"", blame_limit(r));
	if (field.n) {
		buf_adds(out, SLICE(",\"field\":"));
		buf_add_json(out, field);
	}
	if (login_offer(r, &login)) {
		buf_adds(out, SLICE(",\"login_url\":"));
		buf_add_json(out, buf_slice(&login));
	}
	buf_adds(out, SLICE(",\"request_id\":"));
	buf_add_json(out, slice_of(r->id));
	buf_adds(out, SLICE("}\n"));
}

static const struct segment *
rules_of(const struct request *r)
{
	const struct snapshot *s = r->table ? r->table : r->worker->table;

	return s ? s->segments[SEGMENT_RULES] : NULL;
}

static void
add_challenge(struct request *r, const struct reason_info *info, const struct segment *rules,
	      struct buf *extra)
{
	struct slice realm = rules ? seg_string(rules, table_global(rules)->realm) : SLICE("yett");

	buf_addf(extra, "WWW-Authenticate: Bearer realm=\"%.*s\"", SLICE_F(realm));
	if (r->challenge[0])
		buf_addf(extra, ", error=\"%s\", error_description=\"%s\"", r->challenge,
			 info->text);
	if (r->scope.n > 0)
		buf_addf(extra, ", scope=\"%.*s\"", SLICE_F(r->scope));
	buf_adds(extra, SLICE("\r\n"));
	if (r->injects && inject_takes_basic(r))
		buf_addf(extra, "WWW-Authenticate: Basic realm=\"%.*s\"\r\n", SLICE_F(realm));
}

static void
add_allow(uint32_t methods, struct buf *extra)
{
	static const char *const names[] = {
		[METHOD_GET] = "GET",         [METHOD_HEAD] = "HEAD",
		[METHOD_POST] = "POST",       [METHOD_PUT] = "PUT",
		[METHOD_DELETE] = "DELETE",   [METHOD_PATCH] = "PATCH",
		[METHOD_OPTIONS] = "OPTIONS", [METHOD_CONNECT] = "CONNECT",
		[METHOD_TRACE] = "TRACE",
	};
	const char *before = "Allow: ";

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (!(methods & 1u << i))
			continue;
		buf_addf(extra, "%s%s", before, names[i]);
		before = ", ";
	}
	buf_adds(extra, SLICE("\r\n"));
}

static bool
is_ashine(const struct segment *rules)
{
	return rules && table_global(rules)->token_profile == TOKEN_REPLY_ASHINE;
}

static void
say_as_ashine(enum reason reason, struct reason_info *info)
{
	if (reason == REASON_token_missing)
		info->text = "No token cookie";
	if (reason == REASON_token_malformed)
		info->status = 400;
	if (reason == REASON_token_not_yet_valid)
		info->text = reason_info(REASON_token_expired)->text;
	if (reason == REASON_scope_insufficient || reason == REASON_not_authorised)
		info->text = "User is not authorised to access this resource";
	if (reason == REASON_suspension_unknown) {
		info->status = 500;
		info->text = "Failed to check user authorisation";
	}
}

/* The wording and the statuses of the gateways before this one, where the profile asks for them. */
struct reason_info
answer_info(const struct request *r)
{
	const struct segment *rules = rules_of(r);
	const struct table_global *g = rules ? table_global(rules) : NULL;
	struct reason_info info = *reason_info(r->reason);

	if (g && r->reason == REASON_no_route)
		info.status = (int)g->no_route_status;
	if (g && g->redx_headers &&
	    (r->reason == REASON_no_endpoint || r->reason == REASON_rules_not_loaded))
		info.status = 502;
	if (is_ashine(rules))
		say_as_ashine(r->reason, &info);
	return info;
}

/* Who would only have to log in, and is not sent there, is told where: a page would not say it to
 * the program that most likely asks. */
static bool
says_html(const struct request *r)
{
	struct buf BUF_CLEAN login = { 0 };

	return r->in.head_done && answer_wants_html(r) && !login_offer(r, &login);
}

/* The gateway's goes before the route's. */
static uint64_t
maintenance_s(const struct request *r)
{
	const struct board_master *m = r->worker->master_page;
	uint64_t all = m ? board_get(&m->maintenance_s) : 0;

	return all ? all : r->policy.maintenance_s;
}

void
answer_reason(struct request *r)
{
	const struct segment *rules = rules_of(r);
	struct reason_info info = answer_info(r);
	struct buf BUF_CLEAN body = { 0 };
	struct buf BUF_CLEAN extra = { 0 };
	bool traffic = r->client->kind == LISTENER_HTTP;
	bool html = traffic && says_html(r);

	if (r->client->stream.closing || info.status == 0) {
		r->client_lost = true;
		return;
	}
	buf_addf(&extra, "X-Yett-Reason: %s\r\nCache-Control: no-store\r\n", info.name);
	if (r->challenge)
		add_challenge(r, &info, rules, &extra);
	if (r->reason == REASON_method_not_allowed)
		add_allow(r->allowed, &extra);
	if (r->reason == REASON_maintenance)
		buf_addf(&extra, "Retry-After: %llu\r\n", (unsigned long long)maintenance_s(r));
	else if (info.status == 503)
		buf_adds(&extra, SLICE("Retry-After: 1\r\n"));
	if (r->reason == REASON_rate_limited || r->reason == REASON_concurrency_limited)
		buf_addf(&extra, "Retry-After: %llu\r\n", (unsigned long long)limiter_retry_s(r));
	if (r->reason == REASON_rate_limited && table_global(rules)->profile_renku) {
		answer_body(r, info.status, "application/json; charset=UTF-8",
			    SLICE("{\"message\":\"rate limit exceeded\"}\n"), buf_slice(&extra));
		return;
	}
	if (html && rules)
		buf_adds(&body, table_page(rules, info.status));
	if (html && body.n == 0)
		page_html(r, info.status, &info, &body);
	else if (!html)
		answer_problem(r, info.status, &info, &body);
	/* Clients of the management API know one type and one envelope, whose `message` this has;
	 * so do those of a-shine. */
	answer_body(r, info.status,
		    html                           ? "text/html; charset=utf-8"
		    : traffic && !is_ashine(rules) ? "application/problem+json"
						   : "application/json",
		    buf_slice(&body), buf_slice(&extra));
}
