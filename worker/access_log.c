#include "access_log.h"

#include "blame.h"
#include "client.h"
#include "real_client.h"
#include "statistics.h"
#include "tls_front.h"
#include "worker.h"

#include "lib/tls_session.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOG_BATCH ((size_t)65536)
#define LOG_MAX ((size_t)1 << 20) /* what may wait for a sink that is stuck */

void
access_log_open(struct worker *w, int fd)
{
	struct stat st;

	if (w->log_fd > STDERR_FILENO)
		close(w->log_fd);
	w->log_fd = fd;
	w->log_is_socket = fd >= 0 && fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

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

static void
add_upstream(struct buf *b, const struct request *r)
{
	add_text(b, MEMBER("upstream"), r->authority);
	add_number(b, MEMBER("upstream_us"),
		   r->first_us && r->send_us ? r->first_us - r->send_us : 0);
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
	if (limit)
		add_plain(b, MEMBER("limit"), slice_of(limit));
	if (field.n)
		add_text(b, MEMBER("field"), field);
}

/* The query stays out: it is where people put tokens. */
static void
add_line(struct request *r)
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

void
access_log_request(struct request *r)
{
	struct worker *w = r->worker;
	const struct snapshot *s = r->table ? r->table : w->table;

	if (w->log_fd < 0 || !s || !table_global(s->segments[SEGMENT_RULES])->access_log)
		return;
	if (w->log.n > LOG_MAX) {
		board_add(&w->page->counts.counter[COUNTER_log_dropped], 1);
		return;
	}
	add_line(r);
	if (w->log.n >= LOG_BATCH)
		access_log_flush(w);
}

void
access_log_flush(struct worker *w)
{
	ssize_t n;

	if (w->log.n == 0 || w->log_fd < 0)
		return;
	n = w->log_is_socket ? send(w->log_fd, w->log.p, w->log.n, MSG_DONTWAIT | MSG_NOSIGNAL)
			     : write(w->log_fd, w->log.p, w->log.n);
	if (n < 0 && errno != EAGAIN &&
	    errno != EINTR) { /* the sink is gone or full: these lines are lost */
		for (size_t i = 0; i < w->log.n; i++)
			board_add(&w->page->counts.counter[COUNTER_log_dropped],
				  w->log.p[i] == '\n');
		n = (ssize_t)w->log.n;
	}
	if (n <= 0)
		return;
	memmove(w->log.p, w->log.p + n, w->log.n - (size_t)n);
	w->log.n -= (size_t)n;
}

static void
count_upstream(const struct request *r, struct board_counts *counts, unsigned class)
{
	struct board_endpoint *e = &counts->endpoint[r->endpoint_slot];
	struct board_upstream *up = &counts->upstream[r->upstream_slot];

	board_add(&up->by_class[class], 1);
	board_add(&e->requests, 1);
	board_add(&e->errors, class == 5 && r->reason == REASON_none);
	board_add(&e->bytes_in, r->bytes_in);
	board_add(&e->bytes_out, r->bytes_out);
	if (!r->first_us)
		return;
	board_add(&e->duration_us, r->first_us - r->send_us);
	board_add_duration(&up->first_byte, r->first_us - r->send_us);
}

static unsigned
method_of(const struct request *r)
{
	_Static_assert(METHOD_OTHER < BOARD_METHODS, "by_code has a row for every method");

	return r->in.head_done ? r->method : METHOD_OTHER;
}

static void
count(struct request *r)
{
	struct board_counts *counts = &r->worker->page->counts;
	struct board_route *route = &counts->route[r->route_slot];
	uint64_t us = worker_us(r->worker) - r->begin_us;
	unsigned class = r->status >= 100 && r->status < 600 ? (unsigned)r->status / 100 : 0;

	board_add(&counts->counter[COUNTER_requests], 1);
	board_add(&counts->counter[COUNTER_sent_bytes], r->bytes_out);
	board_add(&counts->by_code[method_of(r)][board_code(r->status)], 1);
	if (r->reason != REASON_none)
		board_add(&counts->by_reason[r->reason], 1);
	if (!r->tunnel) {
		board_add_duration(&counts->duration, us);
		board_add_size(&counts->request_size, r->bytes_in);
		board_add_size(&counts->response_size, r->bytes_out);
	}
	board_add(&route->by_class[class], 1);
	board_add(&route->bytes_in, r->bytes_in);
	board_add(&route->bytes_out, r->bytes_out);
	board_add(&route->duration_us, r->tunnel ? 0 : us);
	board_add(&route->shadow_refusals, r->shadow != REASON_none);
	if (r->pool && r->send_us)
		count_upstream(r, counts, class);
	if (r->identity.n && r->worker->hello.identities)
		statistics_count(r, r->identity, us);
}

/* For a replay. A request that was refused before there was a canonical path has no key. */
static void
note(struct request *r)
{
	const struct asked_key key = {
		.second = (uint32_t)r->worker->wall,
		.method = (uint8_t)r->method,
		.host = r->host_field,
		.path = r->match_path,
	};

	if (r->worker->hello.replay_keys && key.path.p)
		asked_note(&r->worker->page->asked, &key);
}

enum result
log_step(struct request *r)
{
	if (r->client->kind == LISTENER_HTTP) {
		count(r);
		note(r);
		access_log_request(r);
	}
	return STEP_DONE;
}
