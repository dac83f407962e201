#include "store_clock.h"

#include "store.h"
#include "worker.h"

#include "lib/log.h"

#include <stdlib.h>

#define SLOW_MS 1000 /* an answer that says too little, unless it is the first */

static bool
number_of(const struct redis_reply *r, int64_t *out)
{
	char digits[13];

	if (!r || r->type != REDIS_STRING || r->text.n == 0 || r->text.n >= sizeof digits)
		return false;
	memcpy(digits, r->text.p, r->text.n);
	digits[r->text.n] = '\0';
	*out = strtoll(digits, NULL, 10);
	return *out >= 0;
}

/* Other errors pass: it is busy, loads, or has lost its master. */
static void
on_failed(struct store_clock *c, const struct redis_reply *r)
{
	char text[160];

	if (!slice_starts(r->text, SLICE("NOPERM")) && !slice_starts(r->text, SLICE("ERR")))
		return;
	log_warn("sessions clock=refused reason=\"%s\": when they end is judged by the clock of "
		 "this host",
		 redis_fault(r, text, sizeof text));
	c->refused = true;
	c->known = false;
}

static void
on_time(void *userdata, const struct redis_reply *r)
{
	struct worker *w = userdata;
	struct store_clock *c = &w->store_clock;
	int64_t s, us, took = (int64_t)(worker_now(w) - c->asked_ms);

	c->asked = false;
	if (r && r->type == REDIS_FAILED)
		on_failed(c, r);
	if (!r || r->type != REDIS_ARRAY || r->count != 2 || !number_of(r->elements[0], &s) ||
	    !number_of(r->elements[1], &us) || (c->known && took > SLOW_MS))
		return;
	c->known = true;
	c->ahead_ms = s * 1000 + us / 1000 + took / 2 - (int64_t)worker_now(w);
}

void
store_clock_begin(struct worker *w)
{
	w->store_clock.refused = false;
	store_clock_ask(w);
}

void
store_clock_ask(struct worker *w)
{
	const struct slice word = SLICE("TIME");
	struct store_clock *c = &w->store_clock;

	if (c->asked || c->refused)
		return;
	c->asked_ms = worker_now(w);
	c->asked = store_ask(w, on_time, w, 1, &word) != NULL;
}

int64_t
store_wall(const struct worker *w)
{
	const struct store_clock *c = &w->store_clock;

	return c->known ? ((int64_t)uv_now(&w->loop) + c->ahead_ms) / 1000 : w->wall;
}
