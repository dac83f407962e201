#include "access_log.h"

#include "client.h"
#include "worker.h"

#include <errno.h>
#include <stdio.h>
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

static void
add_time(struct buf *b, struct worker *w)
{
	struct timespec ts;
	struct tm tm;
	char text[40];
	size_t n;

	clock_gettime(CLOCK_REALTIME_COARSE, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
	buf_add(b, text, n);
	buf_addf(b, ".%03ldZ", ts.tv_nsec / 1000000);
}

static void
add_member(struct buf *b, const char *name, struct slice value)
{
	buf_addf(b, ",\"%s\":", name);
	buf_add_json(b, value);
}

static struct slice
field_value(const struct request *r, enum http_id id)
{
	const struct http_field *f = r->in.head_done ? http_find(&r->in, id) : NULL;

	return f ? http_value(&r->in, f) : SLICE("");
}

/* The query stays out: it is where people put tokens. */
static void
add_line(struct request *r)
{
	struct worker *w = r->worker;
	struct buf *b = &w->log;
	uint64_t now = worker_us(w);

	buf_adds(b, SLICE("{\"time\":\""));
	add_time(b, w);
	buf_adds(b, SLICE("\",\"id\":"));
	buf_add_json(b, slice_make(r->id, r->id_n));
	add_member(b, "client", slice_make(r->client->ip_text, r->client->ip_text_n));
	add_member(b, "method", r->in.head_done ? http_method(&r->in) : SLICE(""));
	add_member(b, "host", r->host.host);
	add_member(b, "path", r->path);
	buf_addf(b, ",\"status\":%d,\"bytes_in\":%llu,\"bytes_out\":%llu,\"duration_us\":%llu",
		 r->status, (unsigned long long)r->bytes_in, (unsigned long long)r->bytes_out,
		 (unsigned long long)(now - r->begin_us));
	if (r->route_id.n)
		add_member(b, "route", r->route_id);
	if (r->authority.n) {
		add_member(b, "upstream", r->authority);
		buf_addf(
		    b, ",\"upstream_us\":%llu,\"tries\":%u",
		    (unsigned long long)(r->first_us && r->send_us ? r->first_us - r->send_us : 0),
		    r->tries + 1u);
	}
	if (r->identity.n)
		add_member(b, "user", r->identity);
	if (r->reason != REASON_none)
		add_member(b, "reason", slice_of(reason_info(r->reason)->name));
	add_member(b, "agent", field_value(r, HTTP_USER_AGENT));
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
count(struct request *r)
{
	struct board_counts *counts = &r->worker->page->counts;
	struct board_route *route = &counts->route[r->route_slot];
	uint64_t us = worker_us(r->worker) - r->begin_us;
	unsigned class = r->status >= 100 && r->status < 600 ? (unsigned)r->status / 100 : 0;

	board_add(&counts->counter[COUNTER_requests], 1);
	board_add(&counts->counter[COUNTER_bytes_out], r->bytes_out);
	board_add(&counts->by_class[class], 1);
	if (r->reason != REASON_none)
		board_add(&counts->by_reason[r->reason], 1);
	if (!r->tunnel) {
		board_add(&counts->duration[board_bucket(us)], 1);
		board_add(&counts->duration_us, us);
	}
	board_add(&route->by_class[class], 1);
	board_add(&route->bytes_in, r->bytes_in);
	board_add(&route->bytes_out, r->bytes_out);
	board_add(&route->duration_us, r->tunnel ? 0 : us);
	if (r->pool && r->send_us) {
		struct board_endpoint *e = &counts->endpoint[r->endpoint_slot];

		board_add(&e->requests, 1);
		board_add(&e->duration_us, r->first_us ? r->first_us - r->send_us : 0);
	}
}

enum result
log_step(struct request *r)
{
	if (r->client->kind == LISTENER_HTTP) {
		count(r);
		access_log_request(r);
	}
	return STEP_DONE;
}
