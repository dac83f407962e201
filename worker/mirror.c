#include "mirror.h"

#include "fields.h"
#include "forward.h"
#include "look.h"
#include "outgoing.h"
#include "proxied.h"

#include "lib/proxy_protocol.h"
#include "lib/xalloc.h"

#include <stdlib.h>

#define ANSWER_MAX ((size_t)1 << 20) /* of an answer that are read before the connection goes */

struct mirror {
	struct list link;
	struct worker *worker;
	struct outgoing *out;
	struct outgoing_ask ask;
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
	outgoing_free(m->out);
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
	if (outgoing_send(m->out, &m->ask, mirror_done, m) < 0) {
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

static struct mirror *
mirror_new(struct request *r, const struct table_upstream *up, struct outgoing *out)
{
	struct mirror *m = xcalloc(1, sizeof *m);

	m->worker = r->worker;
	m->out = out;
	m->chunked = r->body == FRAMING_CHUNKED;
	m->ask = (struct outgoing_ask){
		.head = r->method == METHOD_HEAD,
		.timeout_ms = MIRROR_MS,
		.body_max = ANSWER_MAX,
	};
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

/* NULL: there is to be none. */
static struct outgoing *
find_place(struct request *r, const struct table_upstream *up)
{
	if (r->worker->mirrors_count >= MIRRORS_MAX || !up ||
	    (r->body == FRAMING_LENGTH && r->in.length > MIRROR_BODY_MAX))
		return NULL;
	return outgoing_new(r->worker, r->table, r->action->mirror);
}

void
mirror_begin(struct request *r)
{
	const struct table_upstream *up =
	    table_upstream(r->table->segments[SEGMENT_ENDPOINTS], r->action->mirror);
	bool wanted = is_wanted(r);
	struct outgoing *out;

	r->mirrored = true;
	if (!wanted)
		return;
	out = find_place(r, up);
	if (!out) {
		count(r->worker, COUNTER_mirrors_dropped);
		return;
	}
	r->mirror = mirror_new(r, up, out);
	forward_copy(r, outgoing_endpoint(out));
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
	list_for_safe (pos, tmp, &w->mirrors)
		mirror_free(container_of(pos, struct mirror, link));
}
