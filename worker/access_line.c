#include "access_line.h"

#include "blame.h"
#include "ending.h"
#include "real_client.h"
#include "tls_front.h"
#include "worker.h"

#include "lib/tls_session.h"

#include <time.h>

/* RFC 3339, in UTC. The text of a second is made once. */
static void
add_time(struct buf *b, struct worker *w)
{
	struct timespec ts;
	struct tm tm;
	long ms;

	clock_gettime(CLOCK_REALTIME_COARSE, &ts);
	if (ts.tv_sec != w->log_second) {
		w->log_second = ts.tv_sec;
		gmtime_r(&ts.tv_sec, &tm);
		strftime(w->log_time, sizeof w->log_time, "%Y-%m-%dT%H:%M:%S.", &tm);
	}
	ms = ts.tv_nsec / 1000000;
	buf_adds(b, slice_of(w->log_time));
	buf_add(b,
		(char[]){ (char)('0' + ms / 100), (char)('0' + ms / 10 % 10), (char)('0' + ms % 10),
			  'Z' },
		4);
}

/* `name`: with the comma, quotes and colon around it. */
static void
add_text(struct buf *b, struct slice name, struct slice value)
{
	buf_adds(b, name);
	buf_add_json(b, value);
}

/* The same for what holds nothing to escape. */
static void
add_plain(struct buf *b, struct slice name, struct slice value)
{
	buf_adds(b, name);
	buf_addc(b, '"');
	buf_adds(b, value);
	buf_addc(b, '"');
}

static void
add_number(struct buf *b, struct slice name, uint64_t value)
{
	buf_adds(b, name);
	buf_add_u64(b, value);
}

#define MEMBER(name) SLICE(",\"" name "\":")

static struct slice
field_value(const struct request *r, enum http_id id)
{
	const struct http_field *f = r->in.head_done ? http_find(&r->in, id) : NULL;

	return f ? http_value(&r->in, f) : SLICE("");
}

/* The last try came that far; an earlier one may have. */
static bool
is_sent(const struct request *r)
{
	return r->send_us && r->send_us >= r->connect_us;
}

static void
add_upstream(struct buf *b, const struct request *r)
{
	uint64_t now = worker_us(r->worker);

	add_text(b, MEMBER("upstream"), r->authority);
	if (r->connect_us)
		add_number(b, MEMBER("connect_us"),
			   (is_sent(r) ? r->send_us : now) - r->connect_us);
	add_number(b, MEMBER("upstream_us"),
		   is_sent(r) ? (r->first_us ? r->first_us : now) - r->send_us : 0);
	add_number(b, MEMBER("tries"), r->tries + 1u);
}

static void
add_tls(struct buf *b, const struct request *r, const struct tls_session *s)
{
	struct slice name = tls_front_name(r);

	add_plain(b, MEMBER("tls"), slice_of(tls_session_version(s)));
	add_plain(b, MEMBER("suite"), slice_of(tls_session_suite(s)));
	if (name.n)
		add_plain(b, MEMBER("sni"), name);
	if (tls_front_peer(r)) {
		add_plain(b, MEMBER("cert"), tls_front_fact(r, TLS_FACT_FINGERPRINT));
		add_text(b, MEMBER("cert_cn"), tls_front_fact(r, TLS_FACT_CN));
	}
	buf_adds(b,
		 tls_session_resumed(s) ? SLICE(",\"resumed\":true") : SLICE(",\"resumed\":false"));
}

static void
add_reason(struct buf *b, const struct request *r)
{
	const char *limit = blame_limit(r);
	struct slice field = blame_field(r);

	add_plain(b, MEMBER("reason"), slice_of(reason_info(r->reason)->name));
	add_plain(b, MEMBER("ended_by"), slice_of(ending_by(r)));
	add_plain(b, MEMBER("phase"), slice_of(ending_phase(r)));
	if (limit)
		add_plain(b, MEMBER("limit"), slice_of(limit));
	if (field.n)
		add_text(b, MEMBER("field"), field);
}

/* The query stays out: it is where people put tokens. */
void
access_line_add(struct request *r)
{
	struct worker *w = r->worker;
	struct buf *b = &w->log;

	buf_adds(b, SLICE("{\"time\":\""));
	add_time(b, w);
	add_plain(b, SLICE("\",\"id\":"), slice_make(r->id, r->id_n));
	add_plain(b, MEMBER("client"), real_client_text(r));
	add_plain(b, MEMBER("method"), r->in.head_done ? http_method(&r->in) : SLICE(""));
	add_text(b, MEMBER("host"), r->host.host);
	add_text(b, MEMBER("path"), r->path);
	add_number(b, MEMBER("status"), (uint64_t)r->status);
	add_number(b, MEMBER("bytes_in"), r->bytes_in);
	add_number(b, MEMBER("bytes_out"), r->bytes_out);
	add_number(b, MEMBER("duration_us"), worker_us(w) - r->begin_us);
	if (r->head_us > r->begin_us)
		add_number(b, MEMBER("head_us"), r->head_us - r->begin_us);
	if (r->route_id.n)
		add_text(b, MEMBER("route"), r->route_id);
	if (r->table && r->table->revision.n)
		add_plain(b, MEMBER("revision"), r->table->revision);
	if (r->arm.n)
		add_text(b, MEMBER("arm"), r->arm);
	if (r->authority.n)
		add_upstream(b, r);
	if (r->queue_us)
		add_number(b, MEMBER("queue_us"), r->queue_us);
	if (r->identity.n)
		add_text(b, MEMBER("user"), r->identity);
	if (r->ignored != REASON_none)
		add_plain(b, MEMBER("ignored"), slice_of(reason_info(r->ignored)->name));
	if (tls_front_session(r))
		add_tls(b, r, tls_front_session(r));
	if (r->shadow != REASON_none)
		add_plain(b, MEMBER("shadow"), slice_of(reason_info(r->shadow)->name));
	if (r->reason != REASON_none)
		add_reason(b, r);
	add_text(b, MEMBER("agent"), field_value(r, HTTP_USER_AGENT));
	buf_adds(b, SLICE("}\n"));
}
