#include "cors.h"

#include "answer.h"
#include "limiter.h"
#include "put.h"

#include "shm/origin.h"

static const struct segment *
rules_of(const struct request *r)
{
	return r->table->segments[SEGMENT_RULES];
}

/* The value of the one field of this name; p NULL: there is none, or several. */
static struct slice
only(const struct request *r, struct slice name)
{
	struct slice found = { NULL, 0 };
	unsigned n = 0;

	for (uint16_t i = 0; i < r->in.fields_n; i++) {
		const struct http_field *f = &r->in.fields[i];

		if (slice_ieq(http_name(&r->in, f), name)) {
			found = http_value(&r->in, f);
			n++;
		}
	}
	return n == 1 ? found : slice_make(NULL, 0);
}

/* The origin that may read the answer, as the client sent it; p NULL: none. *any: all may. */
static struct slice
origin_of(const struct request *r, bool *any)
{
	struct slice origin = only(r, SLICE("Origin"));
	const struct table_action *a = r->action;

	*any = false;
	for (uint32_t i = 0; i < a->origins_count; i++) {
		const struct seg_ref *ref =
		    seg_at(rules_of(r), RULES_ORIGINS, a->origins_first + i, sizeof *ref);
		struct slice pattern = ref ? seg_string(rules_of(r), *ref) : SLICE("");

		*any = *any || slice_eq(pattern, SLICE("*"));
		if (origin.n > 0 && pattern.n > 0 && origin_matches(pattern, origin))
			return origin;
	}
	return slice_make(NULL, 0);
}

enum table_method
cors_method(struct slice name)
{
	static const struct {
		struct slice name;
		enum table_method method;
	} methods[] = {
		{ { "GET", 3 }, METHOD_GET },         { { "HEAD", 4 }, METHOD_HEAD },
		{ { "POST", 4 }, METHOD_POST },       { { "PUT", 3 }, METHOD_PUT },
		{ { "DELETE", 6 }, METHOD_DELETE },   { { "PATCH", 5 }, METHOD_PATCH },
		{ { "OPTIONS", 7 }, METHOD_OPTIONS },
	};

	for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
		if (slice_eq(methods[i].name, name))
			return methods[i].method;
	}
	return METHOD_OTHER;
}

bool
cors_trusts(const struct request *r)
{
	bool any;

	return r->action->flags & ACTION_CREDENTIALS && origin_of(r, &any).p;
}

bool
cors_is_preflight(const struct request *r, enum table_method *asked)
{
	struct slice name;

	if (r->method != METHOD_OPTIONS || r->asterisk || !only(r, SLICE("Origin")).p)
		return false;
	name = only(r, SLICE("Access-Control-Request-Method"));
	*asked = cors_method(name);
	return name.n > 0;
}

bool
cors_drops(struct slice name)
{
	return name.n > 15 && slice_ieq(slice_make(name.p, 15), SLICE("Access-Control-"));
}

size_t
cors_room(const struct request *r)
{
	return only(r, SLICE("Origin")).n + r->action->expose.size + 512;
}

static char *
put_origin(char *o, const struct request *r, bool *allowed)
{
	bool any;
	struct slice origin = origin_of(r, &any);

	*allowed = origin.p != NULL;
	if (any && !(r->action->flags & ACTION_CREDENTIALS))
		return *allowed ? PUT(o, "Access-Control-Allow-Origin: *\r\n") : o;
	if (!*allowed)
		return o;
	o = put_field(o, SLICE("Access-Control-Allow-Origin"), origin);
	if (r->action->flags & ACTION_CREDENTIALS)
		o = PUT(o, "Access-Control-Allow-Credentials: true\r\n");
	return o;
}

/* What the route names, and what the gateway says of limits. */
static char *
put_exposed(char *o, const struct request *r)
{
	struct slice lists[] = {
		seg_string(rules_of(r), r->action->expose),
		limiter_tell(r) ? limiter_names(r) : SLICE(""),
		limiter_refusing(r) ? SLICE("Retry-After") : SLICE(""),
	};
	bool any = false;

	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		if (lists[i].n == 0)
			continue;
		o = any ? PUT(o, ", ") : PUT(o, "Access-Control-Expose-Headers: ");
		o = put(o, lists[i]);
		any = true;
	}
	return any ? PUT(o, "\r\n") : o;
}

char *
cors_put(char *o, const struct request *r)
{
	bool allowed;

	o = put_origin(o, r, &allowed);
	if (allowed)
		o = put_exposed(o, r);
	return PUT(o, "Vary: Origin\r\n");
}

/* What a preflight asks for, as it came: a list of names, which is all that is in it. */
static struct slice
asked_headers(const struct request *r)
{
	struct slice list = only(r, SLICE("Access-Control-Request-Headers"));

	for (size_t i = 0; i < list.n; i++) {
		char c = list.p[i];

		if (!(c >= '0' && c <= '9') && !(ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') &&
		    !strchr("!#$%&'*+-.^_`|~, ", c))
			return slice_make(NULL, 0);
	}
	return list;
}

void
cors_answer(struct request *r)
{
	const struct table_action *a = r->action;
	struct slice methods = seg_string(rules_of(r), a->methods);
	struct slice headers = seg_string(rules_of(r), a->headers);
	struct buf BUF_CLEAN extra = { 0 };
	bool any;

	if (a->flags & ACTION_ANY_HEADER)
		headers = asked_headers(r);
	if (origin_of(r, &any).p) {
		buf_addf(&extra, "Access-Control-Allow-Methods: %.*s\r\n", SLICE_F(methods));
		if (headers.n > 0)
			buf_addf(&extra, "Access-Control-Allow-Headers: %.*s\r\n",
				 SLICE_F(headers));
		buf_addf(&extra, "Access-Control-Max-Age: %u\r\n", a->max_age_s);
	}
	buf_adds(&extra, SLICE("Vary: Access-Control-Request-Method, "
			       "Access-Control-Request-Headers\r\n"));
	answer_body(r, 204, NULL, SLICE(""), buf_slice(&extra));
}
