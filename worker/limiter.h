#pragma once

/*
 * limiter: how often, how much and how many at a time. A request passes if all of its limits let
 * it, and is then counted by each of them; one that is refused is counted by none.
 */

#include "policies.h"

#include "shm/rate.h"

/* What one limit says of a request. Outlives the table. */
struct limit_use {
	const struct table_limit *limit; /* of r->table */
	struct rate_limit rate;
	struct rate_result result; /* of a rate */
	uint64_t key;
	uint32_t counts; /* enum limit_counts */
	uint32_t slot;   /* on the board */
	uint32_t row;    /* of LIMIT_UNDER_WAY, in our own rows */
	bool applies;    /* else it has nothing to count the request by */
	bool shadow;
	bool refuses;
	struct msg_lease *fleet; /* it holds for all gateways together (units.h); else NULL */
	bool waits;              /* it cannot say yet */
	bool owed;               /* it let the request pass without knowing */
};

struct limit_uses {
	uint32_t count;
	uint32_t rates;      /* that can refuse it */
	bool bytes;          /* some count bytes: */
	uint64_t in, out;    /* charged so far */
	const char *setting; /* of the one that refused it, as the file calls it */
	struct limit_use use[];
};

enum verdict limiter_policy(struct request *r);
/* Bytes went by: charges them, once there are enough to be worth it or it is the end. */
void limiter_passed(struct request *r, bool end);
/* The end of a request that is under limits. */
void limiter_end(struct request *r);

/* The limit that refused it: of several the one that does so longest; NULL: none did. */
const struct limit_use *limiter_refusing(const struct request *r);
/* Requests under way that have this key, over all workers. */
uint64_t limiter_under_way(const struct worker *w, uint64_t key);
/* Of a table_limit that holds for r: what it counts r with. False: r has no such thing. */
bool limit_key(struct request *r, const struct table_limit *l, uint64_t *out)
    __attribute__((warn_unused_result));

/* limit_fields.c: does the answer say what is left? Then upstreams' own fields of these names go.
 */
bool limiter_tell(const struct request *r);
bool limiter_field_is_ours(const struct request *r, struct slice name);
/* Their names, as a list in a field. */
struct slice limiter_names(const struct request *r);
size_t limiter_room(const struct request *r);
char *limiter_put(char *o, const struct request *r);
/* Whole seconds, rounded up, that a refused request is asked to wait. */
uint64_t limiter_retry_s(const struct request *r);
