#include "access_value.h"

#include "access_line.h"
#include "blame.h"
#include "ending.h"
#include "real_client.h"
#include "tls_front.h"
#include "trace.h"
#include "worker.h"

#include "lib/tls_session.h"
#include "lib/uri.h"

static void
text(struct access_value *out, struct slice value)
{
	out->kind = VALUE_TEXT;
	out->text = value;
}

static void
text_if_any(struct access_value *out, struct slice value)
{
	if (value.n > 0)
		text(out, value);
}

static void
plain(struct access_value *out, const char *value)
{
	if (!value)
		return;
	out->kind = VALUE_PLAIN;
	out->text = slice_of(value);
}

static void
plain_slice(struct access_value *out, struct slice value)
{
	if (value.n == 0)
		return;
	out->kind = VALUE_PLAIN;
	out->text = value;
}

static void
number(struct access_value *out, uint64_t value)
{
	out->kind = VALUE_NUMBER;
	out->number = value;
}

static void
number_if_any(struct access_value *out, uint64_t value)
{
	if (value > 0)
		number(out, value);
}

static void
reason(struct access_value *out, enum reason value)
{
	if (value != REASON_none)
		plain(out, reason_info(value)->name);
}

static struct slice
field_value(const struct request *r, enum http_id id)
{
	const struct http_field *f = r->in.head_done ? http_find(&r->in, id) : NULL;

	return f ? http_value(&r->in, f) : SLICE("");
}

/* Without its query and fragment; what has user information is told by its scheme alone. */
static struct slice
referer(const struct request *r)
{
	struct slice v = field_value(r, HTTP_REFERER);
	size_t n = 0;

	while (n < v.n && v.p[n] != '?' && v.p[n] != '#')
		n++;
	v.n = n;
	return n > 0 && memchr(v.p, '@', n) ? slice_cut(v, ':', &(struct slice){ 0 }) : v;
}

static const char *
protocol(const struct request *r)
{
	if (!r->in.head_done)
		return NULL;
	return http_minor(&r->in) == 0 ? "HTTP/1.0" : "HTTP/1.1";
}

/* The last try came that far; an earlier one may have. */
static bool
is_sent(const struct request *r)
{
	return r->send_us && r->send_us >= r->connect_us;
}

static void
get_upstream(const struct request *r, enum log_field field, struct access_value *out)
{
	uint64_t now = worker_us(r->worker);

	if (r->authority.n == 0)
		return;
	if (field == LOG_FIELD_upstream)
		text(out, r->authority);
	else if (field == LOG_FIELD_tries)
		number(out, r->tries + 1u);
	else if (field == LOG_FIELD_upstream_us)
		number(out, is_sent(r) ? (r->first_us ? r->first_us : now) - r->send_us : 0);
	else if (r->connect_us)
		number(out, (is_sent(r) ? r->send_us : now) - r->connect_us);
}

static void
get_tls(const struct request *r, enum log_field field, struct access_value *out)
{
	const struct tls_session *s = tls_front_session(r);

	if (!s)
		return;
	if (field == LOG_FIELD_tls) {
		plain(out, tls_session_version(s));
	} else if (field == LOG_FIELD_suite) {
		plain(out, tls_session_suite(s));
	} else if (field == LOG_FIELD_sni) {
		plain_slice(out, tls_front_name(r));
	} else if (field == LOG_FIELD_resumed) {
		out->kind = VALUE_WORD;
		out->text = tls_session_resumed(s) ? SLICE("true") : SLICE("false");
	} else if (tls_front_peer(r)) {
		text(out, tls_front_fact(r, field == LOG_FIELD_cert ? TLS_FACT_FINGERPRINT
								    : TLS_FACT_CN));
	}
}

void
access_value_get(struct request *r, const struct table_global *g, enum log_field field,
		 struct access_value *out)
{
	out->kind = VALUE_NONE;
	switch (field) {
	case LOG_FIELD_time:
		out->kind = VALUE_TIME;
		break;
	case LOG_FIELD_time_common:
		out->kind = VALUE_TIME_COMMON;
		break;
	case LOG_FIELD_id:
		plain_slice(out, slice_make(r->id, r->id_n));
		break;
	case LOG_FIELD_trace:
		plain_slice(out, r->trace ? trace_text(r) : SLICE(""));
		break;
	case LOG_FIELD_client:
		plain_slice(out, real_client_text(r));
		break;
	case LOG_FIELD_method:
		text(out, r->in.head_done ? http_method(&r->in) : SLICE(""));
		break;
	case LOG_FIELD_host:
		text(out, r->host.host);
		break;
	case LOG_FIELD_path:
		text(out, uri_shown(r->path));
		break;
	case LOG_FIELD_protocol:
		plain(out, protocol(r));
		break;
	case LOG_FIELD_status:
		number(out, (uint64_t)r->status);
		break;
	case LOG_FIELD_bytes_in:
		number(out, r->bytes_in);
		break;
	case LOG_FIELD_bytes_out:
		number(out, r->bytes_out);
		break;
	case LOG_FIELD_duration_us:
		number(out, worker_us(r->worker) - r->begin_us);
		break;
	case LOG_FIELD_head_us:
		number_if_any(out, r->head_us ? r->head_us - r->begin_us : 0);
		break;
	case LOG_FIELD_queue_us:
		number_if_any(out, r->queue_us);
		break;
	case LOG_FIELD_route:
		text_if_any(out, r->route_id);
		break;
	case LOG_FIELD_revision:
		plain_slice(out, r->table ? r->table->revision : SLICE(""));
		break;
	case LOG_FIELD_arm:
		text_if_any(out, r->arm);
		break;
	case LOG_FIELD_upstream:
	case LOG_FIELD_connect_us:
	case LOG_FIELD_upstream_us:
	case LOG_FIELD_tries:
		get_upstream(r, field, out);
		break;
	case LOG_FIELD_user:
		text_if_any(out, r->identity);
		break;
	case LOG_FIELD_tls:
	case LOG_FIELD_suite:
	case LOG_FIELD_sni:
	case LOG_FIELD_cert:
	case LOG_FIELD_cert_cn:
	case LOG_FIELD_resumed:
		get_tls(r, field, out);
		break;
	case LOG_FIELD_ignored:
		reason(out, r->ignored);
		break;
	case LOG_FIELD_shadow:
		reason(out, r->shadow);
		break;
	case LOG_FIELD_reason:
		reason(out, r->reason);
		break;
	case LOG_FIELD_ended_by:
		plain(out, ending_by(r));
		break;
	case LOG_FIELD_phase:
		plain(out, ending_phase(r));
		break;
	case LOG_FIELD_limit:
		plain(out, r->reason != REASON_none ? blame_limit(r) : NULL);
		break;
	case LOG_FIELD_field:
		text_if_any(out, r->reason != REASON_none ? blame_field(r) : SLICE(""));
		break;
	case LOG_FIELD_sample:
		if (g->log_sample > 1 && access_line_is_ordinary(r))
			number(out, g->log_sample);
		break;
	case LOG_FIELD_agent:
		text(out, field_value(r, HTTP_USER_AGENT));
		break;
	case LOG_FIELD_referer:
		text_if_any(out, referer(r));
		break;
	case LOG_FIELD_N:
		break;
	}
}
