#include "mirror.h"

#include "connect.h"
#include "fields.h"
#include "forward.h"
#include "look.h"
#include "pool.h"
#include "proxied.h"

#include "lib/http_client.h"
#include "lib/proxy_protocol.h"
#include "lib/xalloc.h"

#include <stdlib.h>
#include <sys/un.h>

#define ANSWER_MAX ((size_t)1 << 20) /* of an answer that are read before the connection goes */

struct mirror {
	struct list link;
	struct worker *worker;
	struct http_client *client; /* NULL: the request's body is still coming */
	struct http_client_request ask;
	struct pool *pool; /* its TLS is that of the copy */
	struct sockaddr_storage address;
	char unix_path[sizeof((struct sockaddr_un *)0)->sun_path];
	char proxy[PROXY_WRITE_MAX];
	struct buf head, body;
	bool chunked;
};

static void
count(struct worker *w, enum board_counter counter)
{
	board_add(&w->page->counts.counter[counter], 1);
}

static void
mirror_free(struct mirror *m)
{
	list_remove(&m->link);
	m->worker->mirrors_count--;
	pool_unref(m->pool);
	buf_deinit(&m->head);
	buf_deinit(&m->body);
	free(m);
}

static void
mirror_done(void *userdata, int status, struct slice body)
{
	struct mirror *m = userdata;

	if (status < 0)
		count(m->worker, COUNTER_mirrors_failed);
	mirror_free(m);
}

/* The request is whole. */
static void
mirror_send(struct request *r)
{
	struct mirror *m = r->mirror;
	struct worker *w = m->worker;

	r->mirror = NULL;
	if (m->chunked && m->body.n > 0)
		buf_addf(&m->head, "%zx\r\n", m->body.n);
	buf_adds(&m->head, buf_slice(&m->body));
	if (m->chunked)
		buf_adds(&m->head, m->body.n > 0 ? SLICE("\r\n0\r\n\r\n") : SLICE("0\r\n\r\n"));
	buf_deinit(&m->body);
	m->body = (struct buf){ 0 };
	m->ask.whole = buf_slice(&m->head);
	if (http_client_send(&w->loop, &m->ask, mirror_done, m, &m->client) < 0) {
		count(w, COUNTER_mirrors_failed);
		mirror_free(m);
		return;
	}
	count(w, COUNTER_mirrored);
	buf_deinit(&m->head);
	m->head = (struct buf){ 0 };
}

void
mirror_drop(struct request *r)
{
	count(r->worker, COUNTER_mirrors_dropped);
	mirror_free(r->mirror);
	r->mirror = NULL;
}

/* False: it is too long, and there is no copy any more. */
static bool
take(struct request *r, struct slice bytes)
{
	if (bytes.n > MIRROR_BODY_MAX - r->mirror->body.n) {
		mirror_drop(r);
		return false;
	}
	buf_adds(&r->mirror->body, bytes);
	return true;
}

void
mirror_body(struct request *r)
{
	for (unsigned i = 0; i < r->in.spans_n; i++) {
		if (!take(r, r->in.spans[i]))
			return;
	}
	if (r->body_done)
		mirror_send(r);
}

/* Not a dead one: nobody would learn anything. */
static bool
find_endpoint(struct request *r, const struct table_upstream *up, uint32_t *out)
{
	uint32_t turn = look_random(r->worker);

	for (uint32_t i = 0; i < up->count; i++) {
		struct look l = look_at(r, up, up->first + (turn + i) % up->count);

		*out = l.at;
		if (look_serves(r->worker, &l))
			return true;
	}
	return false;
}

/* Not one whose TLS the table has not all of. */
static bool
can_be_asked(struct request *r, uint32_t endpoint)
{
	const struct pool *p = pool_get(r->table, endpoint);

	return !p->tls || p->behind;
}

static struct mirror *
mirror_new(struct request *r, const struct table_upstream *up, uint32_t endpoint)
{
	const struct segment *seg = r->table->segments[SEGMENT_ENDPOINTS];
	const struct table_address *a = table_address(seg, table_endpoint(seg, endpoint)->first);
	struct mirror *m = xcalloc(1, sizeof *m);

	m->worker = r->worker;
	m->chunked = r->body == FRAMING_CHUNKED;
	m->ask = (struct http_client_request){
		.head = r->method == METHOD_HEAD,
		.timeout_ms = MIRROR_MS,
		.body_max = ANSWER_MAX,
	};
	if (a->family == AF_UNIX) { /* the table knows no longer ones */
		memcpy(m->unix_path, seg_string(seg, a->path).p, a->path.size);
		m->ask.unix_path = m->unix_path;
	} else {
		connect_address(a, &m->address);
		m->ask.address = (struct sockaddr *)&m->address;
	}
	m->pool = pool_ref(pool_get(r->table, endpoint));
	if (m->pool->tls) {
		m->ask.tls = m->pool->behind->context;
		m->ask.peer = m->pool->peer;
	}
	if (up->proxy)
		m->ask.preface = proxied_header(r, up->proxy, m->proxy);
	list_push(&r->worker->mirrors, &m->link);
	r->worker->mirrors_count++;
	return m;
}

static bool
is_wanted(struct request *r)
{
	return !r->mirrored && !r->upgrade && !fields_header(r, SLICE(MIRRORED)).p &&
	       look_random(r->worker) % 100 < r->action->mirror_percent;
}

void
mirror_begin(struct request *r)
{
	const struct table_upstream *up =
	    table_upstream(r->table->segments[SEGMENT_ENDPOINTS], r->action->mirror);
	bool wanted = is_wanted(r);
	uint32_t endpoint;

	r->mirrored = true;
	if (!wanted)
		return;
	if (r->worker->mirrors_count >= MIRRORS_MAX || !up || !find_endpoint(r, up, &endpoint) ||
	    !can_be_asked(r, endpoint) ||
	    (r->body == FRAMING_LENGTH && r->in.length > MIRROR_BODY_MAX)) {
		count(r->worker, COUNTER_mirrors_dropped);
		return;
	}
	r->mirror = mirror_new(r, up, endpoint);
	forward_copy(r, endpoint);
	buf_adds(&r->mirror->head, buf_slice(&r->worker->head));
	if (!take(r, buf_slice(&r->held)))
		return;
	for (unsigned i = 0; r->spans_fresh && i < r->in.spans_n; i++) {
		if (!take(r, r->in.spans[i]))
			return;
	}
	if (r->body_done)
		mirror_send(r);
}

void
mirrors_cancel(struct worker *w)
{
	list_for_safe (pos, tmp, &w->mirrors) {
		struct mirror *m = container_of(pos, struct mirror, link);

		if (m->client)
			http_client_cancel(m->client);
		mirror_free(m);
	}
}
