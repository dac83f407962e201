#include "own_cookies.h"

#include "lib/cookie.h"

/* Is it login.session.cookie, or does it begin with that and a '-'? */
static bool
own_cookies_is(const struct segment *rules, struct slice name)
{
	const struct table_login *login = table_login(rules);
	struct slice own;

	if (!login)
		return false;
	own = seg_string(rules, login->cookie);
	return own.n > 0 && slice_starts(name, own) && (name.n == own.n || name.p[own.n] == '-');
}

static bool
goes(const void *userdata, struct slice name)
{
	return own_cookies_is(userdata, name);
}

/* In the head or in the arena. */
static struct slice
filter(struct request *r, struct slice field)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];

	if (r->route_flags & ROUTE_COOKIES_NONE)
		return SLICE("");
	if (r->route_flags & ROUTE_COOKIES_ALL || !table_login(rules))
		return field;
	return cookie_without(field, goes, rules, arena_alloc(&r->arena, field.n));
}

char *
own_cookies_put(char *o, struct put_run *run, struct request *r, const struct http_field *f)
{
	struct slice value = http_value(&r->in, f), left = filter(r, value);

	if (left.n == value.n)
		return put_as_it_came(o, run, &r->in, f);
	o = put_run_end(o, run);
	return left.n > 0 ? put_field(o, http_name(&r->in, f), left) : o;
}

/* A client sends a cookie without a name as its value alone: "=name=x" comes back as "name=x". */
bool
own_cookies_are_set(const struct request *r, struct slice field)
{
	const struct segment *rules = r->table->segments[SEGMENT_RULES];
	struct slice rest, value, pair = slice_cut(field, ';', &rest);
	struct slice name = slice_trim(slice_cut(pair, '=', &value));

	if (name.n == 0 && value.p)
		name = slice_trim(slice_cut(value, '=', &rest));
	return own_cookies_is(rules, name);
}
