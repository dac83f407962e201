#pragma once

/*
 * look: what one endpoint can be to a request, by the words on the board: drained, dead, ejected,
 * full, on its way up, good.
 */

#include "request.h"

/* Of two the one that stands later is the better. */
enum standing {
	STANDING_UNFIT,   /* tried already, or without an address */
	STANDING_DRAINED, /* an operator has taken it out of service */
	STANDING_DEAD,
	STANDING_EJECTED,
	STANDING_FULL,   /* it has all the requests that it may have */
	STANDING_RISING, /* it gets a part of its share, which grows */
	STANDING_GOOD,
};

#define SHARE_WHOLE 1000u

struct look {
	uint32_t at; /* the endpoint's index */
	const struct table_endpoint *e;
	enum standing standing;
	bool kept;      /* a drained one that would serve, for those whom it has served */
	uint32_t share; /* in thousandths, of its own */
	uint64_t died;
};

struct look look_at(struct request *r, const struct table_upstream *up, uint32_t at);
/* The same to nobody's request: none was tried. */
struct look look_of(struct worker *w, const struct snapshot *t, const struct table_upstream *up,
		    uint32_t at);
/* May it serve now? One on its way up may as often as its share says. */
bool look_serves(struct worker *w, const struct look *l);
bool look_is_better(const struct look *a, const struct look *b);
bool look_is_full(const struct worker *w, const struct table_upstream *up,
		  const struct table_endpoint *e);
/* Does anybody know its load? The slot 0 belongs to many. */
bool look_is_counted(const struct table_endpoint *e);
/* Requests under way at it, over all workers. */
uint64_t look_load(struct worker *w, const struct table_endpoint *e);
/* 24 bits. It spreads, it protects nothing. */
uint32_t look_random(struct worker *w);
