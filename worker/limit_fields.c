/*
 * How clients hear of limits: draft-ietf-httpapi-ratelimit-headers-11, and X-RateLimit-* as many
 * send it.
 */

#include "limiter.h"
#include "put.h"
#include "worker.h"

#define SECOND UINT64_C(1000000000)
#define NUMBERS_ROOM 96 /* of one limit in both of the draft's fields, but for its label */
#define FIELDS_ROOM 192 /* of the names of all of them, and of X-RateLimit-* */

static uint64_t
seconds_up(uint64_t ns)
{
	return ns / SECOND + (ns % SECOND != 0);
}

uint64_t
limiter_retry_s(const struct request *r)
{
	const struct limit_use *u = limiter_refusing(r);
	uint64_t s = u ? seconds_up(u->result.retry_ns) : 0;

	return s > 0 ? s : 1;
}

/* ---- which ---- */

static const struct table_global *
global_of(const struct request *r)
{
	return table_global(r->table->segments[SEGMENT_RULES]);
}

static bool
is_told(const struct limit_use *u)
{
	return u->applies && u->counts != LIMIT_UNDER_WAY &&
	       !(u->limit->flags & (LIMIT_SHADOW | LIMIT_SILENT));
}

static const struct limit_use *
told_at(const struct request *r, uint32_t i)
{
	const struct limit_use *u = &r->limits->use[i];

	return is_told(u) ? u : NULL;
}

bool
limiter_tell(const struct request *r)
{
	const struct table_global *g;

	if (!r->limits || !r->table)
		return false;
	g = global_of(r);
	if (!g->limit_headers || (!g->limit_headers_always && !limiter_refusing(r)))
		return false;
	for (uint32_t i = 0; i < r->limits->count; i++) {
		if (told_at(r, i))
			return true;
	}
	return false;
}

bool
limiter_field_is_ours(const struct request *r, struct slice name)
{
	static const struct {
		struct slice name;
		uint32_t by;
	} ours[] = {
		{ { "RateLimit", 9 }, LIMIT_HEADERS_DRAFT },
		{ { "RateLimit-Policy", 16 }, LIMIT_HEADERS_DRAFT },
		{ { "X-RateLimit-Limit", 17 }, LIMIT_HEADERS_X },
		{ { "X-RateLimit-Remaining", 21 }, LIMIT_HEADERS_X },
		{ { "X-RateLimit-Reset", 17 }, LIMIT_HEADERS_X },
	};

	for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
		if (ours[i].by & global_of(r)->limit_headers && slice_ieq(name, ours[i].name))
			return true;
	}
	return false;
}

struct slice
limiter_names(const struct request *r)
{
	switch (global_of(r)->limit_headers) {
	case LIMIT_HEADERS_DRAFT:
		return SLICE("RateLimit, RateLimit-Policy");
	case LIMIT_HEADERS_X:
		return SLICE("X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset");
	default:
		return SLICE("RateLimit, RateLimit-Policy, X-RateLimit-Limit, "
			     "X-RateLimit-Remaining, X-RateLimit-Reset");
	}
}

/* ---- what ---- */

struct window {
	uint64_t units, seconds;
};

/* A burst, and the time in which it comes back; of one that does so within a second, what comes in
 * all of the time that the limit is written for: no client shall think that it may do less. */
static struct window
window_of(const struct rate_limit *l)
{
	if (l->burst_ns >= SECOND)
		return (struct window){ l->burst, seconds_up(l->burst_ns) };
	return (struct window){ l->count, seconds_up(l->period_ns) };
}

static char *
put_item(char *o, const struct request *r, const struct limit_use *u, bool first)
{
	o = first ? PUT(o, ": \"") : PUT(o, ", \"");
	o = put(o, seg_string(r->table->segments[SEGMENT_RULES], u->limit->label));
	return PUT(o, "\"");
}

static char *
put_number_after(char *o, struct slice before, uint64_t n)
{
	return put_number(put(o, before), n);
}

static char *
put_policies(char *o, const struct request *r)
{
	bool first = true;

	o = PUT(o, "RateLimit-Policy");
	for (uint32_t i = 0; i < r->limits->count; i++) {
		const struct limit_use *u = told_at(r, i);
		struct window w;

		if (!u)
			continue;
		w = window_of(&u->rate);
		o = put_item(o, r, u, first);
		o = put_number_after(o, SLICE(";q="), w.units);
		if (u->counts != LIMIT_REQUESTS)
			o = PUT(o, ";qu=\"content-bytes\"");
		o = put_number_after(o, SLICE(";w="), w.seconds);
		first = false;
	}
	return PUT(o, "\r\n");
}

static char *
put_left(char *o, const struct request *r)
{
	bool first = true;

	o = PUT(o, "RateLimit");
	for (uint32_t i = 0; i < r->limits->count; i++) {
		const struct limit_use *u = told_at(r, i);

		if (!u)
			continue;
		o = put_item(o, r, u, first);
		o = put_number_after(o, SLICE(";r="), u->result.remaining);
		o = put_number_after(o, SLICE(";t="), seconds_up(u->result.reset_ns));
		first = false;
	}
	return PUT(o, "\r\n");
}

/* The one that is nearest to its end, by its share of what it has. */
static const struct limit_use *
nearest(const struct request *r)
{
	const struct limit_use *best = NULL;

	for (uint32_t i = 0; i < r->limits->count; i++) {
		const struct limit_use *u = told_at(r, i);

		if (u && (!best || (double)u->result.remaining * (double)best->rate.burst <
				       (double)best->result.remaining * (double)u->rate.burst))
			best = u;
	}
	return best;
}

static char *
put_x(char *o, const struct request *r)
{
	const struct limit_use *u = nearest(r);

	o = put_number_after(o, SLICE("X-RateLimit-Limit: "), u->rate.burst);
	o = put_number_after(o, SLICE("\r\nX-RateLimit-Remaining: "), u->result.remaining);
	o = put_number_after(o, SLICE("\r\nX-RateLimit-Reset: "), seconds_up(u->result.reset_ns));
	return PUT(o, "\r\n");
}

size_t
limiter_room(const struct request *r)
{
	size_t room = FIELDS_ROOM;

	for (uint32_t i = 0; i < r->limits->count; i++)
		room += NUMBERS_ROOM + 2 * (size_t)r->limits->use[i].limit->label.size;
	return room;
}

char *
limiter_put(char *o, const struct request *r)
{
	uint32_t how = global_of(r)->limit_headers;

	if (how & LIMIT_HEADERS_DRAFT) {
		o = put_policies(o, r);
		o = put_left(o, r);
	}
	return how & LIMIT_HEADERS_X ? put_x(o, r) : o;
}
