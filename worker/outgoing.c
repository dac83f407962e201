#include "outgoing.h"

#include "connect.h"
#include "look.h"
#include "pool.h"

#include "lib/xalloc.h"

#include <stdlib.h>
#include <sys/un.h>

struct outgoing {
	struct worker *worker;
	uint32_t endpoint;
	struct pool *pool; /* its TLS is that of the connection */
	struct sockaddr_storage address;
	char unix_path[sizeof((struct sockaddr_un *)0)->sun_path]; /* "": by the address */
	struct http_client *client;                                /* under way; NULL: it is not */
	char *peer;                                                /* NULL: the pool's */
	struct http_client_head head;                              /* within `done` */
	http_client_fn done;
	void *userdata;
};

/* Not a dead one: it would only cost time. */
static bool
find_endpoint(struct worker *w, const struct snapshot *t, const struct table_upstream *up,
	      uint32_t *out)
{
	uint32_t turn = look_random(w);

	for (uint32_t i = 0; i < up->count; i++) {
		struct look l = look_of(w, t, up, up->first + (turn + i) % up->count);

		*out = l.at;
		if (look_serves(w, &l))
			return true;
	}
	return false;
}

struct outgoing *
outgoing_new(struct worker *w, struct snapshot *t, uint32_t upstream)
{
	const struct segment *seg = t->segments[SEGMENT_ENDPOINTS];
	const struct table_upstream *up = table_upstream(seg, upstream);
	const struct table_address *a;
	struct outgoing *o;
	struct pool *pool;
	uint32_t endpoint;

	if (!up || !find_endpoint(w, t, up, &endpoint))
		return NULL;
	pool = pool_get(t, endpoint);
	if (pool->tls && !pool->behind)
		return NULL;
	o = xcalloc(1, sizeof *o);
	o->worker = w;
	o->endpoint = endpoint;
	o->pool = pool_ref(pool);
	a = table_address(seg, table_endpoint(seg, endpoint)->first);
	if (a->family == AF_UNIX) /* the table knows no longer ones */
		memcpy(o->unix_path, seg_string(seg, a->path).p, a->path.size);
	else
		connect_address(a, &o->address);
	return o;
}

uint32_t
outgoing_endpoint(const struct outgoing *o)
{
	return o->endpoint;
}

void
outgoing_to(struct outgoing *o, const struct sockaddr_storage *address, struct slice peer)
{
	o->unix_path[0] = '\0';
	o->address = *address;
	o->peer = peer.p ? xstrndup(peer.p, peer.n) : NULL;
}

struct http_client_head
outgoing_head(const struct outgoing *o)
{
	return o->head;
}

static void
on_done(void *userdata, int status, struct slice body)
{
	struct outgoing *o = userdata;

	o->head = http_client_head(o->client);
	o->client = NULL;
	o->done(o->userdata, status, body);
}

int
outgoing_send(struct outgoing *o, const struct outgoing_ask *ask, http_client_fn done,
	      void *userdata)
{
	struct http_client_request q = {
		.whole = ask->whole,
		.preface = ask->preface,
		.head = ask->head,
		.keep = ask->keep,
		.keep_head = ask->keep_head,
		.timeout_ms = ask->timeout_ms,
		.body_max = ask->body_max,
	};

	if (*o->unix_path)
		q.unix_path = o->unix_path;
	else
		q.address = (struct sockaddr *)&o->address;
	if (o->pool->tls) {
		q.tls = o->pool->behind->context;
		q.peer = o->peer ? o->peer : o->pool->peer;
	}
	o->done = done;
	o->userdata = userdata;
	return http_client_send(&o->worker->loop, &q, on_done, o, &o->client);
}

void
outgoing_free(struct outgoing *o)
{
	if (!o)
		return;
	if (o->client)
		http_client_cancel(o->client);
	pool_unref(o->pool);
	free(o->peer);
	free(o);
}
