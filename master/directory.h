#pragma once

/*
 * directory: every upstream in force with its endpoints, from the file and from Redis, each with
 * the slot that it keeps on the board and in the table as long as it exists. The resolver, the
 * prober and the compiler all read this one.
 *
 * There may be tens of thousands of endpoints, so a changed rule is changed in place: it costs what
 * it changes, and so do those who watch, which are told of each upstream before and after.
 *
 * A slot is a number for three things of different size. Its health words (BOARD_HEALTH) are what
 * probes write and workers pick by; they are cheap, and one who probes nothing of an endpoint must
 * take it for healthy, so there are 65 535. Its counters (BOARD_ENDPOINTS) are words on the page of
 * every worker, and lines of metrics: the first 4095 have them, and those behind are not ejected,
 * not capped by max_connections and alike in load. Beyond both, slot 0: neither. How many stand
 * where is counted here, and told by log, status and metrics.
 */

#include "config.h"
#include "rules.h"

#include "lib/map.h"

#define SOURCES (SOURCE_REDX + 1)

struct directory_endpoint {
	const char *authority; /* label: "host:port" (default port 80), "https://host:port",
				  "unix:/path"; identity, too, beside what TLS asks of it */
	struct config_address address;
	const char *base;
	const char *host; /* what Host says of it */
	bool tls;
	uint32_t weight;
	double score;  /* of redx */
	uint32_t slot; /* on the board; 0 = "other" when the board is full */
	const struct directory_upstream *of;
	const struct directory_endpoint *same; /* the next one with this slot, in the order of
						  upstreams; NULL: the last */
};

struct directory_upstream {
	const char *name;         /* as in the file, or the backend's name in Redis */
	enum rules_source source; /* the name spaces are apart */
	uint32_t index;           /* in ENDPOINTS_UPSTREAMS: stable while the upstream exists */
	uint32_t slot;            /* on the board; 0 = "other" when the board is full */
	struct directory_endpoint *endpoints;
	size_t endpoints_count;
	const char **own; /* authorities of those that are left out: listeners of this gateway */
	size_t own_count;
	struct config_health health;
	struct config_balance balance;
	struct config_sticky sticky;
	const char *fallback;                /* "": as the configuration says */
	const struct config_plugin *plugins; /* of redx; they decide in the place of balance */
	size_t plugins_count;
	const double *max_score; /* of the backend; NULL: it has none */
	bool all_down_fail;
	uint32_t proxy_protocol; /* enum proxy_version */
	struct config_upstream_tls tls;
	bool speaks_tls;      /* an endpoint is https */
	bool hidden;          /* no rule can name it */
	struct arena arena;   /* of all its texts */
	size_t targets_count; /* rules that have it as their target; 0: it has a name of its own */
};

struct directory {
	struct directory_upstream **upstreams; /* by source, then name */
	size_t upstreams_count, upstreams_cap;
	struct map by_name[SOURCES];               /* the same, but for those that are hidden */
	struct directory_upstream **by_index;      /* NULL: none has it */
	uint32_t index_end, index_cap;             /* one more than the largest index */
	const struct directory_endpoint **by_slot; /* the first with this slot, BOARD_HEALTH of
						      them; 0: none */
	struct map targets; /* of native routes: the upstream, by the name of the rule */
	uint32_t sessions; /* index of the one that is the Redis of sessions; no rule can name it */
	size_t tls_count;  /* upstreams that speak TLS */
	size_t endpoints;  /* in all; of them */
	size_t uncounted;  /* those without counters of workers, */
	size_t unprobed;   /* those that are to be probed and have no health words */
	bool lacking;      /* an upstream got no index */
};

/* Remembers slots by identity between directories, so that counters and health stay with their
 * endpoint. */
struct board_name;
struct seek_servers;
struct slots;
struct slots *slots_new(uint32_t limit); /* hands out 1..limit-1; 0 when full */
void slots_free(struct slots *s);
/* Before the first of them is handed out: takes over what `names`, one for each number below the
 * limit, says of an earlier master, and writes there from now on whose each is. `names` stays. What
 * it says may be anything. */
void slots_on_board(struct slots *s, struct board_name *names);
uint32_t slots_get(struct slots *s, struct slice identity); /* marks it as used in this round */
void slots_use(struct slots *s, uint32_t number);           /* so does this */
/* Ends a round in which only some were asked for. */
void slots_pass(struct slots *s);
/* Ends a round in which all that are needed were asked for: what was not, then and in the last such
 * round, and since then for `rounds_kept` rounds of any kind, is freed for others, so that no table
 * that still lives names a slot that means something else. */
void slots_sweep(struct slots *s, unsigned rounds_kept);

/* Somebody else may hand out what is free: new identities get 0 meanwhile. */
void slots_lend(struct slots *s, bool lent);
/* In the child that does so: nothing is written to the board any more. */
void slots_borrow(struct slots *s);
/* Which numbers were asked for in this round, or `all`: for the lender or the next master to do the
 * same. */
void slots_write(const struct slots *s, bool all, struct buf *out);
/* 0; -EBADMSG when it does not come out as it was written. */
int slots_read(struct slots *s, struct slice written) __attribute__((warn_unused_result));
/* The same of slots that were never asked for one: they have these numbers then. It does not come
 * out either when a few have numbers far beyond how many there are. */
int slots_restore(struct slots *s, struct slice written) __attribute__((warn_unused_result));

struct directory_slots { /* one for the life of the master */
	struct slots *upstreams, *endpoints, *routes, *limits;
	struct slots *seen_upstreams; /* on the board: fewer than there may be */
};

/* `rules` may be NULL; so may `sessions`: where the Redis of sessions is that has no address.
 * Endpoints that are listeners of our own are left out (a loop), with a line
 * in `warnings`. */
struct directory *directory_build(const struct config *c, const struct rules *rules,
				  const struct seek_servers *sessions,
				  struct directory_slots *slots, struct buf *warnings);
void directory_free(struct directory *d);
/* Of an upstream that stands otherwise now: `before` (NULL: it is new) is in the directory no more,
 * `next` (NULL: it is gone) is. */
typedef void directory_changed(void *userdata, const struct directory_upstream *before,
			       const struct directory_upstream *next);
/* Makes it what directory_build would with these rules, which are others by these keys at most;
 * the configuration is the same. */
void directory_change(struct directory *d, const struct config *c, const struct rules *rules,
		      const struct map *keys, struct directory_slots *slots, struct buf *warnings,
		      directory_changed *changed, void *userdata);
/* Marks the slots of all as used in this round. */
void directory_use(const struct directory *d, struct directory_slots *slots);
/* Makes all that stands by the side of `upstreams` and their endpoints anew. */
void directory_link(struct directory *d);
void directory_unlink(struct directory *d);
/* Is what routes are made from the same? NULL: an upstream that is not there. */
bool directory_leads_same(const struct directory_upstream *a, const struct directory_upstream *b);
/* Calls `moved` for each upstream, of either or of both, to which routes lead otherwise by `next`
 * than by `d`: it is there in one of them alone, or what a route is made from is another. */
void directory_compare(const struct directory *d, const struct directory *next,
		       void (*moved)(void *userdata, const struct directory_upstream *u),
		       void *userdata);
const struct directory_upstream *directory_find(const struct directory *d, enum rules_source source,
						struct slice name);
