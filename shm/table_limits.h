#pragma once

/*
 * table_limits: how often, how much, and how many at a time. Limits stand in RULES_LIMITS, what
 * they count apart by in RULES_LIMIT_KEYS, and which of them a request is under as a run of
 * RULES_LIMITED that its policy names. Included by table.h.
 */

#include "rate.h"
#include "segment.h"

enum limit_counts { /* what one unit is */
		    LIMIT_REQUESTS,
		    LIMIT_BYTES_IN,  /* of requests, with their heads */
		    LIMIT_BYTES_OUT, /* of answers */
		    LIMIT_BYTES,     /* of both */
		    LIMIT_UNDER_WAY, /* requests at a time: `rate.burst` of them */
		    LIMIT_COUNTS_N
};

enum limit_by {
	LIMIT_BY_ADDRESS, /* of the client; IPv6 by table_global.limit_ipv6_bits */
	LIMIT_BY_IDENTITY,
	LIMIT_BY_API_KEY, /* an identity that came by one */
	LIMIT_BY_CLAIM,
	LIMIT_BY_HEADER,
	LIMIT_BY_HOST,
	LIMIT_BY_ROUTE,
	LIMIT_BY_N
};

enum limit_missing {                        /* of a request that has no such thing */
		     LIMIT_MISSING_ADDRESS, /* the address takes its place */
		     LIMIT_MISSING_SKIP,    /* the limit does not count it */
		     LIMIT_MISSING_N
};

enum limit_window {                    /* in which a LIMIT_FLEET counts */
		    LIMIT_WINDOW_NONE, /* at any time: units come back one by one */
		    LIMIT_WINDOW_DAY,  /* of the calendar, in UTC; so is the next */
		    LIMIT_WINDOW_MONTH,
		    LIMIT_WINDOW_N
};

#define LIMIT_SHADOW 1u /* counts, and refuses nobody */
#define LIMIT_FLEET 4u  /* holds for all gateways together (lease.h) */
#define LIMIT_SILENT 2u /* clients hear nothing of it before they are refused */

struct table_limit {
	uint32_t counts;  /* enum limit_counts */
	uint32_t flags;   /* LIMIT_SHADOW, LIMIT_SILENT */
	uint32_t missing; /* enum limit_missing */
	uint32_t slot;    /* on the board */
	uint32_t keys_first, keys_count;
	uint32_t seconds; /* of `rate`, which rate_limit_init made of them */
	uint32_t window;  /* enum limit_window */
	struct rate_limit rate;
	struct seg_ref name; /* "rates.api", "file:users.rates[0]": what was spent is kept by it */
	struct seg_ref setting; /* "rates.api", "routes[].rates": where the file has it */
	struct seg_ref label;   /* how clients hear of it: what may stand between quotes */
};

struct table_limit_key {
	uint32_t by;         /* enum limit_by */
	uint32_t fact;       /* index in RULES_FACTS of a LIMIT_BY_CLAIM */
	struct seg_ref name; /* of the header, the path of the claim */
};

#define LIMITS_MAX 16u /* that one request is under */
#define LIMIT_KEYS_MAX 8u
#define LIMIT_UNDER_WAY_MAX ((1u << 20) - 1) /* what busy.h counts to */

#define LIMIT_HEADERS_DRAFT 1u /* RateLimit, RateLimit-Policy */
#define LIMIT_HEADERS_X 2u     /* X-RateLimit-Limit, -Remaining, -Reset */

/* NULL outside. */
const struct table_limit *table_limit(const struct segment *rules, uint32_t i);
const struct table_limit_key *table_limit_key(const struct segment *rules, uint32_t i);
/* The limit that stands at this place of RULES_LIMITED. */
const struct table_limit *table_limited(const struct segment *rules, uint32_t at);

/* For table_verify_rules. */
bool table_limits_ok(const struct segment *s);
