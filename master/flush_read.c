/*
 * What Redis has of an hour, for GET /statistics?hour=.
 */

#include "flush.h"

#include "api.h"
#include "master.h"
#include "statistics.h"

#include "lib/xalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct hour {
	struct top_list list; /* sums by name */
	uint64_t total, slack;
};

static uint64_t
number_of(struct slice s)
{
	char text[32];

	snprintf(text, sizeof text, "%.*s", (int)(s.n < 31 ? s.n : 31), s.n ? s.p : "");
	return strtoull(text, NULL, 10);
}

static uint64_t *
word_of(struct top_sums *s, char kind)
{
	switch (kind) {
	case 'n':
		return &s->requests;
	case 'e':
		return &s->errors;
	case 'd':
		return &s->denied;
	case 'b':
		return &s->bytes;
	case 't':
		return &s->duration_us;
	default:
		return NULL;
	}
}

/* "n:NAME" and the like, or what is of the hour. */
static void
hour_add(struct hour *h, struct slice field, struct slice value)
{
	uint64_t n = number_of(value), *word;

	if (slice_eq(field, SLICE("total"))) {
		h->total += n;
	} else if (slice_eq(field, SLICE("left")) ||
		   (field.n > 2 && memcmp(field.p, "s:", 2) == 0)) {
		h->slack += n;
	} else if (field.n > 2 && field.p[1] == ':') {
		struct top_sums none = { 0 };

		if (!word_of(&none, field.p[0]))
			return;
		word = word_of(top_list_sums(&h->list, slice_make(field.p + 2, field.n - 2)),
			       field.p[0]);
		*word += n;
	}
}

static void
reply(struct api_call *c, struct slice hour, const struct redis_reply *r)
{
	struct hour h = { .list = TOP_LIST_INIT };
	BUF_CLEAN struct buf json = { 0 };

	for (size_t i = 0; i + 1 < r->count; i += 2) {
		if (r->elements[i] && r->elements[i + 1])
			hour_add(&h, r->elements[i]->text, r->elements[i + 1]->text);
	}
	h.list.total = h.total;
	h.list.slack = h.slack;
	buf_adds(&json, SLICE("{\"hour\":"));
	buf_add_json(&json, hour);
	buf_adds(&json, SLICE(",\"identities\":"));
	statistics_write_list(&h.list, &json);
	buf_adds(&json, SLICE(",\"identities_counted\":true}\n"));
	api_reply(c, 200, buf_slice(&json), NULL);
	top_list_deinit(&h.list);
}

static void
on_hour(void *userdata, struct slice tag, const struct redis_reply *r)
{
	struct api_call *c = userdata;
	char fault[64];

	if (!r)
		api_reply_message(c, 503, "Redis went away", SLICE(""));
	else if (r->type != REDIS_ARRAY)
		api_reply_message(c, 503, redis_fault(r, fault, sizeof fault), SLICE(""));
	else
		reply(c, tag, r);
}

static bool
is_hour(struct slice s)
{
	static const char form[] = "0000-00-00T00";

	if (s.n != sizeof form - 1)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (form[i] == '0' ? s.p[i] < '0' || s.p[i] > '9' : s.p[i] != form[i])
			return false;
	}
	return true;
}

void
flush_read(struct api_call *c, struct slice hour)
{
	char key[64];
	struct slice argv[] = { SLICE("HGETALL"), { 0 } };

	if (c->text.role < ACCESS_OPERATE) {
		api_reply_more(c, 403, "This takes the role operate", SLICE(""), SLICE(""),
			       "X-Yett-Reason: admin_forbidden\r\n");
		return;
	}
	if (!is_hour(hour)) {
		api_reply_message(c, 400, "An hour is written as 2026-11-27T10, in UTC", SLICE(""));
		return;
	}
	if (!c->master->flusher.joined) {
		api_reply_message(c, 409, "Hours are not kept: statistics.flush is none",
				  SLICE(""));
		return;
	}
	flush_key(hour, key);
	argv[1] = slice_of(key);
	if (side_command(c->master->side, on_hour, c, hour, 2, argv) < 0)
		api_reply_message(c, 503, "Redis is away", SLICE(""));
}
