/*
 * config_check_tracing: whether spans can be sent, and to whom.
 */

#include "config_check.h"

#include "url.h"

static void
tell(struct config_reader *r, bool warning, const char *key, const char *what)
{
	mistakes_add(&r->mistakes, warning, config_line(r, key), key, "%s", what);
}

static void
check_secret(struct config_reader *r)
{
	const struct config_tracing *t = &r->c->tracing;
	static const char *const taken[] = {
		"host",   "content-length", "content-type",     "connection",
		"accept", "user-agent",     "transfer-encoding"
	};

	for (size_t i = 0; t->header && i < sizeof taken / sizeof taken[0]; i++) {
		if (slice_ieq(slice_of(t->header), slice_of(taken[i])))
			tell(r, false, "tracing.header",
			     "this header has a meaning of its own; choose another");
	}
	if (!t->secret.bytes)
		return;
	if (slice_has_control(slice_make(t->secret.bytes, t->secret.n)))
		tell(r, false, "tracing.secret",
		     "it has control characters, which no header can have; write it in one line");
	if (t->endpoint && !t->url.https)
		tell(r, true, "tracing.secret",
		     "over http anybody on the way can read it; write https:// in "
		     "tracing.endpoint");
}

void
config_check_tracing(struct config_reader *r)
{
	struct config_tracing *t = &r->c->tracing;
	const char *why;

	if (!t->endpoint) {
		if (config_line(r, "tracing") > 0)
			tell(r, true, "tracing",
			     "without tracing.endpoint it has no effect; name a collector there");
		return;
	}
	why = url_parse(&r->c->arena, slice_of(t->endpoint), &t->url);
	if (why) {
		mistakes_add(&r->mistakes, false, config_line(r, "tracing.endpoint"),
			     "tracing.endpoint",
			     "spans cannot be posted there: %s; write "
			     "http://HOST:4318/v1/traces, and a key in tracing.secret",
			     why);
		return;
	}
	if (strcmp(t->url.path, "/") == 0)
		tell(r, true, "tracing.endpoint",
		     "it has no path; collectors take spans at /v1/traces");
	if (strchr(t->url.path, '?'))
		tell(r, true, "tracing.endpoint",
		     "it has a query, which is shown where the configuration is; a key belongs in "
		     "tracing.secret");
	check_secret(r);
}
