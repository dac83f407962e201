#include "forward_auth.h"

#include "answer.h"
#include "client.h"
#include "cors.h"
#include "fields.h"
#include "identity.h"
#include "worker.h"

#include <assert.h>

bool
forward_auth_is(const struct request *r)
{
	const struct table_global *g = snapshot_global(r->table);

	return g->forward_auth.size > 0 &&
	       slice_eq(seg_string(r->table->segments[SEGMENT_RULES], g->forward_auth), r->path);
}

/* What the other proxy says of the request that it holds back; p NULL: nothing. */
struct told {
	struct slice uri, method, host;
	bool original; /* as nginx is told to say it: then Host is the request's */
};

static struct slice *
place_of(struct told *t, struct slice name)
{
	if (slice_ieq(name, SLICE("X-Forwarded-Uri")))
		return &t->uri;
	if (slice_ieq(name, SLICE("X-Forwarded-Method")))
		return &t->method;
	if (slice_ieq(name, SLICE("X-Forwarded-Host")))
		return &t->host;
	if (!slice_ieq(name, SLICE("X-Original-URI")) &&
	    !slice_ieq(name, SLICE("X-Original-Method")))
		return NULL;
	t->original = true;
	return name.n == 14 ? &t->uri : &t->method;
}

/* What is told twice and differs would be two requests: one of them is the client's own. */
static bool
listen_to(struct request *r, struct told *t)
{
	assert(r->in.base); /* what is told has a place, even where it is empty */
	for (uint16_t i = 0; i < r->in.fields_n; i++) {
		struct slice name = http_name(&r->in, &r->in.fields[i]);
		struct slice value = http_value(&r->in, &r->in.fields[i]);
		struct slice *place = place_of(t, name);

		if (place && place->p && !slice_eq(*place, value)) {
			r->field = arena_copy(&r->arena, name);
			return false;
		}
		if (place)
			*place = value;
	}
	return true;
}

/* A proxy passes on what its client sends, so that what it does not say itself the client could
 * say: half of a request is none. */
static bool
is_whole(struct request *r, const struct told *t)
{
	if (!t->method.p)
		r->field = SLICE("X-Forwarded-Method");
	else if (!t->uri.p)
		r->field = SLICE("X-Forwarded-Uri");
	else if (t->original && t->host.p && !slice_ieq(t->host, r->host_field))
		r->field = SLICE("X-Forwarded-Host");
	return r->field.n == 0;
}

static enum reason
take_uri(struct request *r, struct slice uri)
{
	struct slice query, path = slice_cut(uri, '?', &query);
	struct uri_path canonical;

	if (query.p && !uri_query_is_clean(query))
		return REASON_bad_path;
	if (uri_canonical(path, arena_alloc(&r->arena, URI_ROOM(path.n)), &canonical) != 0)
		return REASON_bad_path;
	r->path = arena_copy(&r->arena, canonical.path);
	r->path_flags = canonical.flags;
	r->query_own = query.p ? slice_make(query.p - 1, query.n + 1) : SLICE("");
	return REASON_none;
}

static enum reason
take_host(struct request *r, struct slice host)
{
	r->host_field = arena_copy(&r->arena, host);
	return uri_host_parse(r->host_field, arena_alloc(&r->arena, 2 * host.n + 2), &r->host) == 0
		   ? REASON_none
		   : REASON_bad_host;
}

enum reason
forward_auth_take(struct request *r)
{
	struct told told = { 0 };
	enum reason reason = REASON_none;

	r->asks = true;
	if (!listen_to(r, &told))
		return REASON_bad_request;
	if (!told.uri.p && !told.method.p)
		return REASON_none;
	if (!client_is_trusted(r->client, r->table))
		return REASON_proxy_untrusted;
	if (!is_whole(r, &told))
		return REASON_bad_request;
	r->route_method = cors_method(told.method);
	if (told.host.p)
		reason = take_host(r, told.host);
	return reason == REASON_none ? take_uri(r, told.uri) : reason;
}

enum result
forward_auth_answer(struct request *r)
{
	struct buf BUF_CLEAN extra = { 0 };

	buf_adds(&extra, SLICE("Cache-Control: no-store\r\n"));
	buf_adds(&extra, identity_headers(r->who));
	buf_adds(&extra, r->credentials);
	answer_body(r, 202, NULL, SLICE(""), buf_slice(&extra));
	r->step = STEP_RELAY - 1;
	return STEP_NEXT;
}
