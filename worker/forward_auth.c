#include "forward_auth.h"

#include "answer.h"
#include "client.h"
#include "cors.h"
#include "fields.h"
#include "identity.h"
#include "worker.h"

bool
forward_auth_is(const struct request *r)
{
	const struct table_global *g = snapshot_global(r->table);

	return g->forward_auth.size > 0 &&
	       slice_eq(seg_string(r->table->segments[SEGMENT_RULES], g->forward_auth), r->path);
}

/* By whichever name it goes; several of one name would be two requests. */
static enum reason
told(struct request *r, struct slice name, struct slice other, struct slice *value)
{
	unsigned n = 0;

	for (uint16_t i = 0; i < r->in.fields_n; i++) {
		struct slice field = http_name(&r->in, &r->in.fields[i]);

		if (!slice_ieq(field, name) && (other.n == 0 || !slice_ieq(field, other)))
			continue;
		if (n++ == 0)
			*value = http_value(&r->in, &r->in.fields[i]);
		else if (!slice_eq(*value, http_value(&r->in, &r->in.fields[i])))
			r->field = arena_copy(&r->arena, field);
	}
	return r->field.n ? REASON_bad_request : REASON_none;
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
	struct slice uri = { NULL, 0 }, method = { NULL, 0 }, host = { NULL, 0 };
	enum reason reason;

	r->asks = true;
	if (!client_is_trusted(r->client, r->table))
		return REASON_none;
	reason = told(r, SLICE("X-Forwarded-Uri"), SLICE("X-Original-URI"), &uri);
	if (reason == REASON_none)
		reason = told(r, SLICE("X-Forwarded-Method"), SLICE("X-Original-Method"), &method);
	if (reason == REASON_none)
		reason = told(r, SLICE("X-Forwarded-Host"), SLICE(""), &host);
	if (reason != REASON_none || uri.n == 0)
		return reason;
	if (method.n)
		r->route_method = cors_method(method);
	if (host.n)
		reason = take_host(r, host);
	return reason == REASON_none ? take_uri(r, uri) : reason;
}

enum result
forward_auth_answer(struct request *r)
{
	struct buf BUF_CLEAN extra = { 0 };

	buf_adds(&extra, SLICE("Cache-Control: no-store\r\n"));
	buf_adds(&extra, identity_headers(r->who));
	answer_body(r, 202, NULL, SLICE(""), buf_slice(&extra));
	r->step = STEP_RELAY - 1;
	return STEP_NEXT;
}
