#include "https.h"

#include "answer.h"
#include "client.h"

#define CHALLENGES SLICE("/.well-known/acme-challenge/")

static const struct snapshot *
table_of(const struct request *r)
{
	return r->table ? r->table : r->worker->table;
}

static const struct table_global *
global_of(const struct request *r)
{
	return snapshot_global(table_of(r));
}

struct slice
https_scheme(struct request *r)
{
	const struct http_field *f = http_find(&r->in, HTTP_X_FORWARDED_PROTO);
	bool told = f && table_of(r) && client_is_trusted(r->client, table_of(r));

	if (told && slice_ieq(http_value(&r->in, f), SLICE("https")))
		return SLICE("https");
	if (told && slice_ieq(http_value(&r->in, f), SLICE("http")))
		return SLICE("http");
	return r->secure ? SLICE("https") : SLICE("http");
}

bool
https_redirects(struct request *r)
{
	const struct table_global *g = global_of(r);
	struct buf BUF_CLEAN location = { 0 };

	if (r->secure || r->client->kind != LISTENER_HTTP || !g || !g->https_port ||
	    r->host.host.n == 0 || r->asterisk || slice_starts(r->path, CHALLENGES) ||
	    slice_eq(https_scheme(r), SLICE("https")))
		return false;
	buf_addf(&location, "Location: https://%.*s", SLICE_F(r->host.host));
	if (g->https_port != 443)
		buf_addf(&location, ":%u", g->https_port);
	buf_adds(&location, r->path);
	buf_adds(&location, http_at(&r->in, r->query, r->query_n));
	buf_adds(&location, SLICE("\r\n"));
	answer_body(r, 308, NULL, SLICE(""), buf_slice(&location));
	return true;
}

struct slice
https_strict(const struct request *r)
{
	const struct table_global *g = global_of(r);

	if (!r->secure || !g)
		return SLICE("");
	return seg_string(table_of(r)->segments[SEGMENT_RULES], g->hsts);
}
