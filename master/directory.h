#pragma once

/*
 * directory: every upstream in force with its endpoints, from the file and from Redis, each with
 * the slot that it keeps on the board and in the table as long as it exists. The resolver, the
 * prober and the compiler all read this one.
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
};

struct directory_upstream {
	const char *name;         /* as in the file, or the backend's name in Redis */
	enum rules_source source; /* the name spaces are apart */
	uint32_t index;           /* in ENDPOINTS_UPSTREAMS: stable while the upstream exists */
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
	bool speaks_tls; /* an endpoint is https */
	bool hidden;     /* no rule can name it */
};

struct directory {
	struct arena arena;
	struct directory_upstream *upstreams;
	size_t upstreams_count;
	struct map by_name[SOURCES]; /* the same */
	uint32_t sessions; /* index of the one that is the Redis of sessions; no rule can name it */
	uint32_t index_end; /* one more than the largest index */
	bool speaks_tls;    /* an upstream does */
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
/* The same of slots that were never asked for one: they have these numbers then. */
int slots_restore(struct slots *s, struct slice written) __attribute__((warn_unused_result));

struct directory_slots { /* one for the life of the master */
	struct slots *upstreams, *endpoints, *routes, *limits;
};

/* `rules` may be NULL; so may `sessions`: where the Redis of sessions is that has no address.
 * Endpoints that are listeners of our own are left out (a loop), with a line
 * in `warnings`. */
struct directory *directory_build(const struct config *c, const struct rules *rules,
				  const struct seek_servers *sessions,
				  struct directory_slots *slots, struct buf *warnings);
void directory_free(struct directory *d);
/* Calls `moved` for each upstream, of either or of both, to which routes lead otherwise by `next`
 * than by `d`: it is there in one of them alone, or what a route is made from is another. */
void directory_compare(const struct directory *d, const struct directory *next,
		       void (*moved)(void *userdata, const struct directory_upstream *u),
		       void *userdata);
const struct directory_upstream *directory_find(const struct directory *d, enum rules_source source,
						struct slice name);
