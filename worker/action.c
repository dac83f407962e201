#include "action.h"

#include "answer.h"
#include "back.h"
#include "changes.h"
#include "client.h"
#include "cors.h"
#include "hub.h"
#include "https.h"
#include "real_client.h"
#include "redirect_store.h"
#include "split.h"
#include "tls_front.h"
#include "translate.h"

#include "lib/tls_session.h"

static const struct segment *
rules_of(const struct request *r)
{
	return r->table->segments[SEGMENT_RULES];
}

static void
tls_values(const struct request *r, struct slice values[TEMPLATE_N])
{
	const struct tls_session *s = tls_front_session(r);

	values[TEMPLATE_TLS_VERSION] = s ? slice_of(tls_session_version(s)) : SLICE("");
	values[TEMPLATE_TLS_SUITE] = s ? slice_of(tls_session_suite(s)) : SLICE("");
	values[TEMPLATE_TLS_NAME] = tls_front_name(r);
	values[TEMPLATE_TLS_RESUMED] = s && tls_session_resumed(s) ? SLICE("1") : SLICE("");
	values[TEMPLATE_CLIENT_CERT_SUBJECT] = tls_front_fact(r, TLS_FACT_SUBJECT);
	values[TEMPLATE_CLIENT_CERT_FINGERPRINT] = tls_front_fact(r, TLS_FACT_FINGERPRINT);
}

static void
values_of(struct request *r, struct slice values[TEMPLATE_N])
{
	const struct table_route *route = table_route(rules_of(r), r->route);

	values[TEMPLATE_SCHEME] = https_scheme(r);
	values[TEMPLATE_HOST] = r->host.host;
	values[TEMPLATE_PATH] = r->path;
	values[TEMPLATE_REST] = r->path_rest;
	values[TEMPLATE_QUERY] = request_query(r);
	values[TEMPLATE_REMOTE_ADDR] = real_client_text(r);
	values[TEMPLATE_REQUEST_ID] = slice_make(r->id, r->id_n);
	values[TEMPLATE_ROUTE] = table_route_id(rules_of(r), route);
	tls_values(r, values);
}

static struct changes
changes_of(const struct request *r, bool answer)
{
	const struct table_action *a = r->action;

	if (answer)
		return (struct changes){ rules_of(r), a->response_first, a->response_count };
	return (struct changes){ rules_of(r), a->request_first, a->request_count };
}

/* ---- answers of the route's own ---- */

static void
add_changes(struct request *r, const struct slice *values, struct buf *extra)
{
	struct changes c = changes_of(r, true);

	buf_reserve(extra, changes_size(&c, values));
	extra->n = (size_t)(changes_put(extra->p + extra->n, &c, values) - extra->p);
}

static enum result
redirect(struct request *r)
{
	struct slice to = seg_string(rules_of(r), r->action->text), values[TEMPLATE_N];
	struct buf BUF_CLEAN extra = { 0 };

	values_of(r, values);
	if (values[TEMPLATE_HOST].n == 0 && (template_names(to) & 1u << TEMPLATE_HOST)) {
		r->reason = REASON_bad_host;
		return STEP_REPLY;
	}
	buf_adds(&extra, SLICE("Location: "));
	buf_reserve(&extra, template_size(to, values));
	extra.n = (size_t)(template_put(extra.p + extra.n, to, values) - extra.p);
	buf_adds(&extra, SLICE("\r\n"));
	add_changes(r, values, &extra);
	answer_body(r, (int)r->action->status, NULL, SLICE(""), buf_slice(&extra));
	r->step = STEP_RELAY - 1;
	return STEP_NEXT;
}

static enum result
respond(struct request *r)
{
	const struct table_action *a = r->action;
	struct slice body = seg_string(rules_of(r), a->text), values[TEMPLATE_N];
	struct buf BUF_CLEAN extra = { 0 };

	values_of(r, values);
	if (body.n > 0)
		buf_addf(&extra, "Content-Type: %.*s\r\n",
			 SLICE_F(seg_string(rules_of(r), a->type)));
	add_changes(r, values, &extra);
	answer_body(r, (int)a->status, NULL, body, buf_slice(&extra));
	r->step = STEP_RELAY - 1;
	return STEP_NEXT;
}

/* Where an upstream says. */
static enum result
ask_store(struct request *r)
{
	struct slice source = seg_string(rules_of(r), r->action->text), values[TEMPLATE_N];
	struct buf BUF_CLEAN asked = { 0 }, extra = { 0 };
	struct slice target;
	enum result result;

	values_of(r, values);
	buf_reserve(&asked, template_size(source, values));
	asked.n = (size_t)(template_put(asked.p, source, values) - asked.p);
	result = redirect_store_find(r, buf_slice(&asked), &target);
	if (result != STEP_NEXT)
		return result;
	buf_addf(&extra, "Location: %.*s\r\n", SLICE_F(target));
	add_changes(r, values, &extra);
	answer_body(r, 301, NULL, SLICE(""), buf_slice(&extra));
	r->step = STEP_RELAY - 1;
	return STEP_NEXT;
}

enum result
action_step(struct request *r)
{
	if (r->action->flags & ACTION_STORE)
		return ask_store(r);
	if (r->action->flags & ACTION_REDIRECT)
		return redirect(r);
	if (r->action->flags & ACTION_RESPOND)
		return respond(r);
	if (r->action->hub)
		return hub_step(r);
	if (r->action->translation) {
		enum result result = translate_request(r);

		if (result != STEP_NEXT)
			return result;
	}
	if (r->action->arms_count > 0)
		split_choose(r);
	return STEP_NEXT;
}

/* ---- the request ---- */

void
action_request_begin(struct request *r, struct action_request *a)
{
	struct changes c = changes_of(r, false);

	values_of(r, a->values);
	a->room = changes_size(&c, a->values) + TRANSLATE_ROOM;
}

bool
action_drops(const struct request *r, struct slice name)
{
	struct changes c = changes_of(r, false);

	return changes_drop(&c, name);
}

char *
action_put_request(char *o, const struct request *r, const struct action_request *a)
{
	struct changes c = changes_of(r, false);

	if (r->action->translation)
		o = translate_put_request(o, r);
	return changes_put(o, &c, a->values);
}

/* ---- the answer ---- */

static const struct table_shape *
shape_of(const struct request *r)
{
	return table_shape(rules_of(r), table_route(rules_of(r), r->route));
}

/* What the upstream saw, and what the client asked. `space`: for the upstream's prefix. */
static struct back
back_of(struct request *r, char *space)
{
	const struct segment *endpoints = r->table->segments[SEGMENT_ENDPOINTS];
	const struct table_endpoint *e = table_endpoint(endpoints, r->endpoint);
	const struct table_shape *shape = shape_of(r);
	struct slice prefix = r->route_flags & ROUTE_REWRITE
				  ? SLICE("") /* there is no way back */
				  : seg_string(rules_of(r), shape->add_prefix);
	char *o = put(put(space, seg_string(endpoints, e->base)), prefix);
	struct back b = {
		.upstream_prefix = slice_make(space, (size_t)(o - space)),
		.hosts = { seg_string(endpoints, e->host), seg_string(rules_of(r), shape->set_host),
			   r->host_field },
		.scheme = https_scheme(r),
		.host = r->host_field,
	};

	if (r->route_flags & ROUTE_STRIP)
		b.client_prefix = slice_make(r->path.p, r->path.n - r->path_rest.n);
	return b;
}

static size_t
prefix_room(const struct request *r)
{
	return table_endpoint(r->table->segments[SEGMENT_ENDPOINTS], r->endpoint)->base.size +
	       shape_of(r)->add_prefix.size + 1;
}

size_t
action_answer_room(struct request *r, const struct http_parser *p)
{
	struct changes c = changes_of(r, true);
	struct slice values[TEMPLATE_N];

	values_of(r, values);
	return changes_size(&c, values) + cors_room(r) +
	       (size_t)p->fields_n * (r->path.n + r->host_field.n + 32);
}

static char *
put_back(char *o, struct put_run *run, struct request *r, const struct http_parser *p,
	 const struct http_field *f)
{
	struct slice name = http_name(p, f), value = http_value(p, f);
	bool domain = r->action->flags & ACTION_COOKIE_DOMAIN,
	     paths = r->action->flags & ACTION_BACK;
	bool cookie = slice_ieq(name, SLICE("Set-Cookie"));
	struct back b;

	if (!cookie && (!paths || (!slice_ieq(name, SLICE("Location")) &&
				   !slice_ieq(name, SLICE("Content-Location")))))
		return put_as_it_came(o, run, p, f);
	b = back_of(r, arena_alloc(&r->arena, prefix_room(r)));
	o = put(put_run_end(o, run), name);
	o = PUT(o, ": ");
	o = cookie ? back_cookie(o, paths ? &b : NULL, value, domain) : back_location(o, &b, value);
	return PUT(o, "\r\n");
}

char *
action_put_field(char *o, struct put_run *run, struct request *r, const struct http_parser *p,
		 const struct http_field *f)
{
	struct changes c = changes_of(r, true);

	if (changes_drop(&c, http_name(p, f)) ||
	    (r->action->origins_count > 0 && cors_drops(http_name(p, f))))
		return o;
	if (f->id == HTTP_OTHER && (r->action->flags & (ACTION_BACK | ACTION_COOKIE_DOMAIN)))
		return put_back(o, run, r, p, f);
	return put_as_it_came(o, run, p, f);
}

char *
action_put_answer(char *o, struct request *r)
{
	struct changes c = changes_of(r, true);
	struct slice values[TEMPLATE_N];

	values_of(r, values);
	o = changes_put(o, &c, values);
	return r->action->origins_count > 0 ? cors_put(o, r) : o;
}
