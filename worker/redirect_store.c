#include "redirect_store.h"

#include "await.h"
#include "outgoing.h"

#include "lib/absolute.h"
#include "lib/json.h"
#include "lib/map.h"
#include "lib/xalloc.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define ENTRIES_MAX 1024u /* the one that was wanted longest ago goes */
#define ASKED_MAX 64u     /* at a time */
#define WAITING_MAX 1024u /* requests */
#define ASK_MS 5000u
#define ANSWER_MAX ((size_t)16384)
#define URL_MAX ((size_t)8192)
#define NONE_S 10u /* that there is none is good for so long at most */
#define FAULT_S 1u /* that it could not be asked */

struct entry {
	struct list link;
	struct worker *worker;
	struct outgoing *out; /* it is being asked; NULL: it was */
	uint64_t number;      /* what requests wait for */
	uint64_t until_ms;    /* once it was asked */
	uint32_t ttl_s;
	char *key, *target; /* target NULL: none */
};

struct redirect_store {
	struct map entries; /* by the upstream and what is asked of it */
	struct list recent; /* the one that was wanted longest ago is the first */
	uint64_t next;
	unsigned asked; /* under way */
};

static void
count(struct worker *w, enum board_counter counter)
{
	board_add(&w->page->counts.counter[counter], 1);
}

static void
entry_free(struct entry *e)
{
	struct redirect_store *s = e->worker->redirects;

	s->asked -= e->out != NULL;
	outgoing_free(e->out);
	map_take(&s->entries, slice_of(e->key));
	list_remove(&e->link);
	free(e->key);
	free(e->target);
	free(e);
}

/* ---- the answer ---- */

/* A URL that a browser may be sent to; NULL: there is none. */
static char *
read_target(struct slice body)
{
	struct json *root = NULL;
	struct absolute url;
	char *room, *target = NULL;
	struct slice text;

	if (json_parse(body, ANSWER_MAX, 8, &root) < 0)
		return NULL;
	text = json_text(json_get(root, "target_url"));
	room = xmalloc(2 * text.n + 2);
	if (text.p && text.n <= URL_MAX && !absolute_parse(text, room, &url))
		target = xstrndup(text.p, text.n);
	free(room);
	json_free(root);
	return target;
}

static void
entry_settle(struct entry *e, int status, struct slice body)
{
	struct worker *w = e->worker;
	uint32_t good_s = e->ttl_s;

	if (status == 200)
		e->target = read_target(body);
	if (!e->target)
		good_s = good_s < NONE_S ? good_s : NONE_S;
	if (status < 0 || status >= 500) {
		count(w, COUNTER_redirects_failed);
		good_s = FAULT_S;
	}
	e->until_ms = worker_now(w) + good_s * 1000u;
}

static void
on_done(void *userdata, int status, struct slice body)
{
	struct entry *e = userdata;

	entry_settle(e, status, body);
	outgoing_free(e->out);
	e->out = NULL;
	e->worker->redirects->asked--;
	await_done(e->worker, AWAIT_REDIRECT, e->number);
}

/* ---- the question ---- */

static void
write_ask(struct request *r, const struct table_store *row, struct slice source,
	  const struct outgoing *out, struct buf *whole)
{
	const struct segment *endpoints = r->table->segments[SEGMENT_ENDPOINTS];
	const struct table_endpoint *e = table_endpoint(endpoints, outgoing_endpoint(out));

	buf_adds(whole, SLICE("GET "));
	buf_adds(whole, seg_string(endpoints, e->base));
	buf_adds(whole, seg_string(r->table->segments[SEGMENT_RULES], row->path));
	/* As one segment: whatever was a triplet in the path is one of this. */
	buf_add_form(whole, uri_unescape(source, arena_alloc(&r->arena, source.n + 1)));
	buf_addf(whole,
		 " HTTP/1.1\r\nHost: %.*s\r\nAccept: application/json\r\nX-Request-Id: %s\r\n"
		 "Connection: close\r\n\r\n",
		 SLICE_F(seg_string(endpoints, e->host)), r->id);
}

/* False: nobody can be asked. */
static bool
ask(struct request *r, const struct table_store *row, struct slice source, struct entry *e)
{
	struct redirect_store *s = r->worker->redirects;
	struct buf BUF_CLEAN whole = { 0 };
	struct outgoing_ask q = { .keep = true, .timeout_ms = ASK_MS, .body_max = ANSWER_MAX };
	struct outgoing *out =
	    s->asked < ASKED_MAX ? outgoing_new(r->worker, r->table, row->upstream) : NULL;

	count(r->worker, COUNTER_redirects_asked);
	if (!out)
		return false;
	write_ask(r, row, source, out, &whole);
	q.whole = buf_slice(&whole);
	if (outgoing_send(out, &q, on_done, e) < 0) {
		outgoing_free(out);
		return false;
	}
	e->out = out;
	s->asked++;
	return true;
}

static struct redirect_store *
store_of(struct worker *w)
{
	if (!w->redirects) {
		w->redirects = xcalloc(1, sizeof *w->redirects);
		list_init(&w->redirects->recent);
	}
	return w->redirects;
}

/* What is known of this, or is going to be. */
static struct entry *
find(struct request *r, const struct table_store *row, struct slice source)
{
	struct worker *w = r->worker;
	struct redirect_store *s = store_of(w);
	struct slice name = seg_string(r->table->segments[SEGMENT_RULES], row->name);
	struct buf BUF_CLEAN key = { 0 };
	struct entry *e;

	buf_addf(&key, "%.*s %.*s", SLICE_F(name), SLICE_F(source));
	e = map_get(&s->entries, buf_slice(&key));
	if (e && !e->out && e->until_ms <= worker_now(w)) {
		entry_free(e);
		e = NULL;
	}
	if (e) {
		list_remove(&e->link);
		list_push(&s->recent, &e->link);
		return e;
	}
	if (s->entries.count >= ENTRIES_MAX) {
		assert(!list_empty(&s->recent));
		entry_free(container_of(s->recent.next, struct entry, link));
	}
	e = xcalloc(1, sizeof *e);
	e->worker = w;
	e->number = ++s->next;
	e->ttl_s = row->ttl_s;
	e->key = xstrndup(key.p, key.n);
	*map_put(&s->entries, buf_slice(&key)) = e;
	list_push(&s->recent, &e->link);
	if (!ask(r, row, source, e))
		entry_settle(e, -EAGAIN, SLICE(""));
	return e;
}

/* What the table allows now, whatever it did when this was asked. */
static bool
is_allowed(const struct segment *rules, const struct table_store *row, struct slice target)
{
	struct buf BUF_CLEAN room = { 0 };
	struct absolute url;

	buf_reserve(&room, 2 * target.n + 2);
	if (row->hosts_count == 0)
		return true;
	if (absolute_parse(target, room.p, &url))
		return false;
	for (uint32_t i = 0; i < row->hosts_count; i++) {
		const struct seg_ref *host =
		    seg_at(rules, RULES_ORIGINS, row->hosts_first + i, sizeof *host);

		if (host && slice_ieq(seg_string(rules, *host), url.host.host))
			return true;
	}
	return false;
}

enum result
redirect_store_find(struct request *r, struct slice source, struct slice *target)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	const struct table_store *row = table_store(rules, r->action->store);
	struct entry *e;

	r->reason = REASON_redirect_unknown;
	if (!row || source.n > URL_MAX || memchr(source.p, '\0', source.n))
		return STEP_REPLY;
	e = r->rehearsed ? NULL : find(r, row, source);
	if (e && e->out && !(r->awaited & 1u << AWAIT_REDIRECT) &&
	    await_begin(r, AWAIT_REDIRECT, e->number, ASK_MS, WAITING_MAX)) {
		r->reason = REASON_none;
		return STEP_WAIT;
	}
	if (!e || e->out || !e->target || !is_allowed(rules, row, slice_of(e->target)))
		return STEP_REPLY;
	r->reason = REASON_none;
	*target = slice_of(e->target);
	return STEP_NEXT;
}

void
redirect_store_free(struct worker *w)
{
	struct redirect_store *s = w->redirects;

	if (!s)
		return;
	list_for_safe (pos, tmp, &s->recent)
		entry_free(container_of(pos, struct entry, link));
	map_deinit(&s->entries, NULL);
	free(s);
	w->redirects = NULL;
}
