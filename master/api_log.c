/*
 * GET /log: lines of the access log as they come; after=PLACE: since that answer.
 */

#include "api.h"

#include "master.h"
#include "takeover.h"

#include "lib/clock.h"

#include <stdio.h>

#define LINES_MOST ((size_t)1 << 20) /* bytes of an answer, of all workers */

/* "1f:230:17,": a worker's instance, and what of it was read; each in hexadecimal. */
static bool
place_of(struct slice places, uint64_t instance, struct tail_place *out)
{
	while (places.p && places.n > 0) {
		struct slice one = slice_cut(places, ',', &places);
		unsigned long long i = 0, at = 0, line = 0;
		char text[64];

		if (one.n >= sizeof text)
			continue;
		memcpy(text, one.p, one.n);
		text[one.n] = '\0';
		if (sscanf(text, "%llx:%llx:%llx", &i, &at, &line) == 3 && i == instance) {
			*out = (struct tail_place){ at, line };
			return true;
		}
	}
	return false;
}

struct lines {
	struct buf text, places;
	uint64_t missed;
	bool more;
};

/* A worker that is new since then is read from its beginning. */
static void
read_page(struct lines *l, const struct board_worker *page, struct slice after, size_t most)
{
	struct tail_place place = { 0 };
	bool more = false;

	if (!after.p) {
		place.at = board_get(&page->tail.written);
		place.line = board_get(&page->counts.counter[COUNTER_requests]);
	} else {
		place_of(after, page->instance, &place);
		l->missed += tail_read(&page->tail, &place, most, &l->text, &more);
		l->more |= more;
	}
	buf_addf(&l->places, "%s%llx:%llx:%llx", l->places.n ? "," : "",
		 (unsigned long long)page->instance, (unsigned long long)place.at,
		 (unsigned long long)place.line);
}

void
api_log(struct api_call *c)
{
	const struct supervisor *s = &c->master->supervisor;
	const struct takeover *t = &c->master->takeover;
	size_t most = LINES_MOST / (s->slots_count + t->old_count);
	struct slice after = api_query(c, SLICE("after"));
	struct slice rest;
	BUF_CLEAN struct buf json = { 0 };
	struct lines l = { 0 };

	board_set(&c->master->page->tail_ms, clock_mono_ms());
	for (uint32_t i = 0; i < s->slots_count; i++) {
		if (s->slots[i].role == ROLE_TRAFFIC && s->slots[i].page)
			read_page(&l, s->slots[i].page, after, most);
	}
	for (size_t i = 0; i < t->old_count; i++) { /* they finish what they have */
		const struct board_worker *page = takeover_living(t, i);

		if (page)
			read_page(&l, page, after, most);
	}
	buf_addf(&json, "{\"place\":\"%.*s\",\"missed\":%llu,\"more\":%s,\"lines\":[",
		 SLICE_F(buf_slice(&l.places)), (unsigned long long)l.missed,
		 l.more ? "true" : "false");
	rest = buf_slice(&l.text);
	for (bool first = true; rest.p && rest.n > 0; first = false) {
		if (!first)
			buf_addc(&json, ',');
		buf_adds(&json, slice_cut(rest, '\n', &rest));
	}
	buf_adds(&json, SLICE("]}\n"));
	buf_deinit(&l.text);
	buf_deinit(&l.places);
	api_reply(c, 200, buf_slice(&json), NULL);
}
