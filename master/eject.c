#include "eject.h"

#include "lib/log.h"
#include "lib/xalloc.h"

#include <stdlib.h>

#define SETTLE_MS 1000
#define COUNT_MAX 1000u

struct ejectable {        /* by slot on the board */
	char *authority;  /* whose the words are; NULL: nobody's yet */
	bool named;       /* an upstream has it */
	uint64_t step_ms; /* ejection.time as it was */
	uint64_t fall_ms; /* when its count falls */
	uint64_t deaf_ms; /* it was not ejected: so long nobody asks again */
	bool out;
};

struct ejector {
	struct board_master *board;
	const struct resolver *resolver;
	const struct directory *directory;
	struct ejectable slots[BOARD_ENDPOINTS];
	uint64_t settle_ms;
	unsigned out;
	bool counted; /* some endpoint has a count */
};

/* Of any slot below BOARD_HEALTH. */
static struct board_health *
words_of(const struct ejector *e, uint32_t slot)
{
	return &e->board->health[slot];
}

static bool
on_board(uint32_t slot)
{
	return slot > 0 && slot < BOARD_ENDPOINTS;
}

/* ---- out and back ---- */

static void
eject(struct ejector *e, const struct directory_upstream *u, uint32_t slot, uint64_t now)
{
	struct ejectable *s = &e->slots[slot];
	struct board_health *w = words_of(e, slot);
	uint32_t count = w->ejected_count < COUNT_MAX ? w->ejected_count + 1 : COUNT_MAX;
	uint64_t ms = (uint64_t)u->balance.eject_time * count;
	char address[256];

	if (ms > u->balance.eject_max_time)
		ms = u->balance.eject_max_time;
	s->out = true;
	s->step_ms = u->balance.eject_time;
	e->out++;
	e->counted = true;
	board_set(&w->ejected_count, count);
	board_add(&w->ejections, 1);
	board_set(&w->up_since_ms, now + ms); /* it starts slowly as soon as it is back */
	board_set(&w->ejected_until_ms, now + ms);
	log_quote(slice_of(s->authority), address, sizeof address);
	log_warn("endpoint address=%s upstream=%s state=ejected for_ms=%llu count=%u", address,
		 u->name, (unsigned long long)ms, count);
}

static void
bring_back(struct ejector *e, uint32_t slot, uint64_t now)
{
	struct ejectable *s = &e->slots[slot];
	struct board_health *w = words_of(e, slot);
	char address[256];

	s->out = false;
	s->fall_ms = now + s->step_ms;
	e->out--;
	if (w->ejected_until_ms > now) {
		board_set(&w->up_since_ms, now);
		board_set(&w->ejected_until_ms, now);
	}
	log_quote(slice_of(s->authority), address, sizeof address);
	log_info("endpoint address=%s state=returned", address);
}

/* ---- who may go ---- */

static bool
resolves(const struct ejector *e, const struct directory_endpoint *d)
{
	const struct resolved *addresses;
	uint64_t generation;
	bool settled;

	return !e->resolver || !d->address.host ||
	       resolver_get(e->resolver, d->address.host, &addresses, &generation, &settled) > 0;
}

struct tally {
	size_t out;    /* ejected */
	size_t usable; /* neither ejected nor dead */
};

static struct tally
tally_of(const struct ejector *e, const struct directory_upstream *u, uint32_t slot)
{
	struct tally t = { 0 }; /* the endpoint in question counts as ejected */

	for (size_t i = 0; i < u->endpoints_count; i++) {
		const struct directory_endpoint *d = &u->endpoints[i];

		if (on_board(d->slot) && (e->slots[d->slot].out || d->slot == slot))
			t.out++;
		else if (d->slot < BOARD_HEALTH && words_of(e, d->slot)->drained)
			continue;
		else if (resolves(e, d) &&
			 (d->slot >= BOARD_HEALTH || words_of(e, d->slot)->state != HEALTH_DEAD))
			t.usable++;
	}
	return t;
}

/* Every upstream that has the endpoint and minds ejections can do without it. */
static bool
may_go(const struct ejector *e, uint32_t slot)
{
	for (const struct directory_endpoint *d = e->directory->by_slot[slot]; d; d = d->same) {
		struct tally t;

		if (!d->of->balance.eject_failures)
			continue;
		t = tally_of(e, d->of, slot);
		if (t.out > d->of->endpoints_count / 2 || t.usable == 0)
			return false;
	}
	return true;
}

static const struct directory_upstream *
upstream_of(const struct ejector *e, uint32_t index, uint32_t slot)
{
	const struct directory_endpoint *d = e->directory ? e->directory->by_slot[slot] : NULL;

	while (d && d->of->index != index)
		d = d->same;
	return d ? d->of : NULL;
}

void
ejector_failing(struct ejector *e, uint32_t upstream, uint32_t endpoint, uint64_t now_ms)
{
	const struct directory_upstream *u;
	struct ejectable *s;

	if (!on_board(endpoint))
		return;
	s = &e->slots[endpoint];
	if (s->out && now_ms >= words_of(e, endpoint)->ejected_until_ms)
		bring_back(e, endpoint, now_ms);
	if (s->out || now_ms < s->deaf_ms)
		return;
	u = upstream_of(e, upstream, endpoint);
	if (u && u->balance.eject_failures && words_of(e, endpoint)->state != HEALTH_DEAD &&
	    may_go(e, endpoint))
		eject(e, u, endpoint, now_ms);
	else
		s->deaf_ms = now_ms + SETTLE_MS;
}

/* ---- who comes back ---- */

/* Of the upstream's ejected ones the one whose time is over first; 0: there is none. */
static uint32_t
first_back(const struct ejector *e, const struct directory_upstream *u)
{
	uint32_t first = 0;

	for (size_t i = 0; i < u->endpoints_count; i++) {
		uint32_t slot = u->endpoints[i].slot;

		if (on_board(slot) && e->slots[slot].out &&
		    (!first ||
		     words_of(e, slot)->ejected_until_ms < words_of(e, first)->ejected_until_ms))
			first = slot;
	}
	return first;
}

/* Of the upstream so many as it cannot do without. */
static void
settle_one(struct ejector *e, const struct directory_upstream *u, uint64_t now)
{
	struct tally t = tally_of(e, u, 0);
	uint32_t slot;

	while (u->balance.eject_failures && t.out > 0 &&
	       (t.out > u->endpoints_count / 2 || t.usable == 0) && (slot = first_back(e, u))) {
		bring_back(e, slot, now);
		t = tally_of(e, u, 0);
	}
}

/* Endpoints die and leave: those that are out may be needed again. */
static void
settle(struct ejector *e, uint64_t now)
{
	for (uint32_t slot = 1; slot < BOARD_ENDPOINTS && e->out && e->directory; slot++) {
		const struct directory_endpoint *d = e->directory->by_slot[slot];

		for (; d && e->slots[slot].out; d = d->same)
			settle_one(e, d->of, now);
	}
	e->settle_ms = now + SETTLE_MS;
}

void
ejector_tick(struct ejector *e, uint64_t now_ms)
{
	if (!e->counted)
		return;
	e->counted = false;
	for (uint32_t slot = 1; slot < BOARD_ENDPOINTS; slot++) {
		struct ejectable *s = &e->slots[slot];
		struct board_health *w = words_of(e, slot);

		if (s->out && now_ms >= w->ejected_until_ms)
			bring_back(e, slot, now_ms);
		if (!s->out && w->ejected_count > 0 && now_ms >= s->fall_ms) {
			board_set(&w->ejected_count, w->ejected_count - 1);
			s->fall_ms = now_ms + s->step_ms;
		}
		e->counted |= w->ejected_count > 0;
	}
	if (e->out && now_ms >= e->settle_ms)
		settle(e, now_ms);
}

/* ---- which endpoints ---- */

static void
words_clear(struct ejector *e, uint32_t slot, uint64_t now)
{
	struct board_health *w = words_of(e, slot);

	board_set(&w->ejected_count, 0u);
	board_set(&w->ejections, 0u);
	board_set(&w->up_since_ms, 0u);
	board_set(&w->ejected_until_ms, now); /* what workers counted there was another's */
}

/* It had this slot with an earlier master. */
static void
endpoint_goes_on(struct ejector *e, const struct directory_endpoint *d, uint64_t now)
{
	struct ejectable *s = &e->slots[d->slot];
	const struct board_health *w = words_of(e, d->slot);

	s->step_ms = d->of->balance.eject_time;
	s->fall_ms = now + s->step_ms;
	s->out = w->ejected_until_ms > now;
	e->out += s->out;
	e->counted |= w->ejected_count > 0;
}

/* The slot belongs to another endpoint from here on. `first`: nobody had it with this master. */
static void
endpoint_begins(struct ejector *e, const struct directory_endpoint *d, bool first, uint64_t now)
{
	struct ejectable *s = &e->slots[d->slot];

	if (s->out)
		e->out--;
	free(s->authority);
	*s = (struct ejectable){ .authority = xstrdup(d->authority) };
	if (first)
		endpoint_goes_on(e, d, now);
	else
		words_clear(e, d->slot, now);
}

/* `joins`: its upstream was there before. */
static void
endpoint_watch(struct ejector *e, const struct directory_endpoint *d, bool joins, uint64_t now)
{
	struct ejectable *s;
	bool known;

	if (!on_board(d->slot))
		return;
	s = &e->slots[d->slot];
	known = s->authority && strcmp(s->authority, d->authority) == 0;
	if (known && s->named)
		return;
	if (!known)
		endpoint_begins(e, d, !e->directory, now);
	if (joins)
		board_set(&words_of(e, d->slot)->up_since_ms, now);
	s->named = true;
}

/* After what upstreams have is another: who is not to be found at all, and who is out of which no
 * upstream with ejection has. */
static void
slot_look(struct ejector *e, uint32_t slot, uint64_t now)
{
	const struct directory_endpoint *d = e->directory->by_slot[slot];

	e->slots[slot].named = d != NULL;
	while (d && !d->of->balance.eject_failures)
		d = d->same;
	if (!d && e->slots[slot].out)
		bring_back(e, slot, now);
}

void
ejector_watch(struct ejector *e, const struct directory *d, uint64_t now_ms)
{
	bool first = !e->directory;

	for (size_t i = 0; i < d->upstreams_count; i++) {
		const struct directory_upstream *u = d->upstreams[i];
		bool joins = e->directory && e->directory != d &&
			     directory_find(e->directory, u->source, slice_of(u->name));

		for (size_t k = 0; k < u->endpoints_count; k++)
			endpoint_watch(e, &u->endpoints[k], joins, now_ms);
	}
	e->directory = d;
	for (uint32_t slot = 1; slot < BOARD_ENDPOINTS; slot++) {
		slot_look(e, slot, now_ms);
		if (first && !e->slots[slot].named && slot < e->board->names.endpoint->high)
			words_clear(e, slot, now_ms); /* whose they were is gone */
	}
	if (e->out)
		settle(e, now_ms);
}

void
ejector_change(struct ejector *e, const struct directory_upstream *before,
	       const struct directory_upstream *next, uint64_t now_ms)
{
	for (size_t k = 0; next && k < next->endpoints_count; k++)
		endpoint_watch(e, &next->endpoints[k], before != NULL, now_ms);
	for (size_t k = 0; before && k < before->endpoints_count; k++) {
		if (on_board(before->endpoints[k].slot))
			slot_look(e, before->endpoints[k].slot, now_ms);
	}
	if (e->out)
		settle(e, now_ms);
}

struct ejector *
ejector_new(struct board_master *board, const struct resolver *resolver)
{
	struct ejector *e = xcalloc(1, sizeof *e);

	e->board = board;
	e->resolver = resolver;
	return e;
}

void
ejector_free(struct ejector *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < BOARD_ENDPOINTS; i++)
		free(e->slots[i].authority);
	free(e);
}
