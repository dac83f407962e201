#include "behind.h"

#include "pool.h"
#include "snapshot.h"
#include "upstream.h"
#include "worker.h"

#include "lib/log.h"
#include "lib/tls_session.h"
#include "lib/xalloc.h"

#include <errno.h>
#include <stdlib.h>

#define TELL_MS 1000
#define PEER_MAX 255 /* RFC 1035 section 2.3.4 */

static const char *const protocols[] = { "http/1.1", NULL };

/* ---- ways ---- */

static struct behind *
way_find(struct worker *w, const uint8_t identity[32])
{
	list_for (pos, &w->behinds) {
		struct behind *b = container_of(pos, struct behind, link);

		if (memcmp(b->identity, identity, sizeof b->identity) == 0)
			return b;
	}
	return NULL;
}

struct behind **
behind_take(struct worker *w, const struct segment *endpoints)
{
	uint32_t n = seg_count(endpoints, ENDPOINTS_TLS);
	struct behind **ways = n > 0 ? xcalloc(n, sizeof *ways) : NULL;

	for (uint32_t i = 0; i < n; i++) {
		struct behind *b = way_find(w, table_upstream_tls(endpoints, i)->identity);

		ways[i] = b ? behind_ref(b) : NULL;
	}
	return ways;
}

void
behind_give(const struct segment *endpoints, struct behind **ways)
{
	for (uint32_t i = 0; i < seg_count(endpoints, ENDPOINTS_TLS); i++)
		behind_unref(ways[i]);
	free(ways);
}

struct behind *
behind_ref(struct behind *b)
{
	b->refs++;
	return b;
}

void
behind_unref(struct behind *b)
{
	if (!b || --b->refs > 0)
		return;
	list_remove(&b->link);
	tls_context_unref(b->context);
	tls_trust_unref(b->trust);
	free(b);
}

/* The roots of another way, if they are the same: hundreds of certificates take milliseconds. */
static struct tls_trust *
way_trust(struct worker *w, const struct segment *keys, const struct table_upstream_tls *row)
{
	const struct table_roots *roots;
	unsigned left_out;
	const char *why;

	list_for (pos, &w->behinds) {
		struct behind *b = container_of(pos, struct behind, link);

		if (b->trust && memcmp(b->roots, row->roots, sizeof b->roots) == 0)
			return tls_trust_ref(b->trust);
	}
	roots = table_roots_find(keys, row->roots);
	return roots ? tls_trust_new(seg_string(keys, roots->pem), slice_make(NULL, 0), &left_out,
				     &why)
		     : NULL;
}

static struct tls_certificate *
way_certificate(const struct segment *keys, const struct table_upstream_tls *row)
{
	const struct table_certificate *c = table_certificate_find(keys, row->certificate);
	const char *why;

	return c ? tls_certificate_new(seg_string(keys, c->chain), seg_string(keys, c->key), &why)
		 : NULL;
}

static struct tls_context *
way_context(const struct segment *endpoints, const struct table_upstream_tls *row,
	    struct tls_trust *trust, struct tls_certificate *own)
{
	const struct table_pin *pins = table_pin(endpoints, row->pins_first);
	struct tls_settings settings = {
		.oldest = TLS_1_2,
		.newest = TLS_1_3,
		.alpn = protocols,
		.trust = trust,
		.own = own,
		.pins = (const uint8_t(*)[32])pins,
		.pins_n = pins ? row->pins_count : 0,
	};

	return tls_client_new(&settings);
}

static struct behind *
way_new(struct snapshot *s, const struct table_upstream_tls *row)
{
	const struct segment *keys = s->segments[SEGMENT_KEYS];
	bool verify = !(row->flags & UPSTREAM_TLS_UNVERIFIED);
	bool shows = row->flags & UPSTREAM_TLS_CERTIFICATE;
	struct tls_trust *trust = verify ? way_trust(s->worker, keys, row) : NULL;
	struct tls_certificate *own = shows ? way_certificate(keys, row) : NULL;
	struct behind *b = NULL;

	if ((!verify || trust) && (!shows || own)) {
		b = xcalloc(1, sizeof *b);
		b->worker = s->worker;
		b->refs = 1;
		memcpy(b->identity, row->identity, sizeof b->identity);
		memcpy(b->roots, row->roots, sizeof b->roots);
		b->trust = trust ? tls_trust_ref(trust) : NULL;
		b->context = way_context(s->segments[SEGMENT_ENDPOINTS], row, trust, own);
		list_push(&s->worker->behinds, &b->link);
	}
	tls_trust_unref(trust);
	tls_certificate_unref(own);
	return b;
}

struct behind *
behind_get(struct snapshot *s, uint32_t tls)
{
	const struct table_upstream_tls *row =
	    table_upstream_tls(s->segments[SEGMENT_ENDPOINTS], tls - 1);

	if (!s->behinds[tls - 1]) {
		struct behind *b = way_find(s->worker, row->identity);

		s->behinds[tls - 1] = b ? behind_ref(b) : way_new(s, row);
	}
	return s->behinds[tls - 1];
}

struct slice
behind_host(struct slice host)
{
	const char *end = memrchr(host.p, ']', host.n);
	const char *colon = memrchr(host.p, ':', host.n);

	if (host.n > 0 && host.p[0] == '[' && end)
		return slice_make(host.p + 1, (size_t)(end - host.p) - 1);
	return colon ? slice_make(host.p, (size_t)(colon - host.p)) : host;
}

char *
behind_peer(const struct segment *endpoints, uint32_t tls, struct slice host)
{
	struct slice name =
	    seg_string(endpoints, table_upstream_tls(endpoints, tls - 1)->server_name);

	if (name.n == 0)
		name = behind_host(host);
	return xstrndup(name.p, name.n <= PEER_MAX ? name.n : 0);
}

/* ---- a connection ---- */

int
behind_start(struct upstream *u)
{
	struct pool *p = u->pool;
	struct behind_sessions *kept = &p->sessions;
	struct tls_session *s = tls_session_new(p->behind->context);
	struct tls_resumption *last;

	if (!*p->peer || tls_session_set_peer(s, p->peer) < 0) {
		tls_session_free(s);
		return -EINVAL;
	}
	if (kept->n > 0) { /* once only: that is told of tickets of TLS 1.3, and does the others no
			      harm */
		last = kept->all[--kept->n];
		tls_session_offer(s, last);
		tls_resumption_free(last);
	}
	return stream_connect_tls(&u->stream, s);
}

void
behind_remember(struct upstream *u)
{
	struct tls_session *s = u->pool->behind ? stream_tls(&u->stream) : NULL;
	struct tls_resumption *r = s ? tls_session_take_resumption(s) : NULL;
	struct behind_sessions *kept = &u->pool->sessions;

	if (!r)
		return;
	if (kept->n == BEHIND_SESSIONS) {
		tls_resumption_free(kept->all[0]);
		memmove(kept->all, kept->all + 1, --kept->n * sizeof(struct tls_resumption *));
	}
	kept->all[kept->n++] = r;
}

void
behind_forget(struct behind_sessions *s)
{
	while (s->n > 0)
		tls_resumption_free(s->all[--s->n]);
}

bool
behind_broke(const struct upstream *u)
{
	const struct tls_session *s = stream_tls(&u->stream);

	return s && *tls_session_why(s);
}

void
behind_tell(struct upstream *u, int error)
{
	struct worker *w = u->worker;
	struct tls_session *s = stream_tls(&u->stream);
	const char *why = s ? tls_session_why(s) : "";
	char address[256];

	if (worker_now(w) < w->behind_log_at) {
		w->behind_unlogged++;
		return;
	}
	log_quote(slice_of(u->pool->authority), address, sizeof address);
	log_warn("upstream endpoint=%s error=\"TLS: %s\" unlogged=%llu", address,
		 *why        ? why
		 : error < 0 ? strerror(-error)
			     : "the connection was cut off",
		 (unsigned long long)w->behind_unlogged);
	w->behind_log_at = worker_now(w) + TELL_MS;
	w->behind_unlogged = 0;
}
