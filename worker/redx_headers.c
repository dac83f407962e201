#include "redx_headers.h"

#include "put.h"

struct told {
	struct slice frontend, backend, server; /* empty: there is none */
};

/* Of the upstream that the route means, even if the fallback gets the request. */
static struct told
told_of(const struct request *r)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	const struct segment *seg = r->table->segments[SEGMENT_ENDPOINTS];
	const struct table_upstream *up =
	    table_upstream(seg, r->fell ? r->fell_from : r->upstream_index);
	const struct table_endpoint *e =
	    table_endpoint(seg, r->fell ? r->fell_endpoint : r->endpoint);
	struct slice id = table_route_id(rules, table_route(rules, r->route));
	struct told t = { 0 };

	if (r->route == table_global(rules)->fallback)
		return t;
	slice_cut(id, ':', &t.frontend);
	if (up)
		t.backend = seg_string(seg, up->name);
	if (e)
		t.server = seg_string(seg, e->authority);
	return t;
}

size_t
redx_headers_room(const struct request *r)
{
	struct told t = told_of(r);

	return t.frontend.n + t.backend.n + t.server.n + 192;
}

static char *
put_told(char *o, struct slice name, struct slice value)
{
	return value.n ? put_field(o, name, value) : o;
}

char *
redx_headers_put(char *o, const struct request *r)
{
	static const struct slice hit[] = { { "false", 5 }, { "true", 4 } };
	struct told t = told_of(r);

	o = put_field(o, SLICE("X-Redx-Frontend-Cache-Hit"), hit[t.frontend.n > 0]);
	o = put_told(o, SLICE("X-Redx-Frontend-Name"), t.frontend);
	o = put_field(o, SLICE("X-Redx-Backend-Cache-Hit"), hit[t.backend.n > 0]);
	o = put_told(o, SLICE("X-Redx-Backend-Name"), t.backend);
	return put_told(o, SLICE("X-Redx-Backend-Server"), t.server);
}
