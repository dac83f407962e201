#pragma once

/*
 * resolve: names to addresses by c-ares on the master's loop, each refreshed when its TTL is over,
 * the old answer kept while a refresh fails. Literal addresses and Unix sockets need no resolver.
 * Blocks nothing.
 */

#include "directory.h"

#include <uv.h>

struct resolver;

struct resolved {        /* one address */
	uint16_t family; /* AF_INET or AF_INET6 */
	uint8_t ip[16];  /* IPv4 in the first four bytes */
};

/* `changed` runs when the addresses of some name are not what they were (also at the first answer,
 * and at a first failure). */
int resolver_new(uv_loop_t *loop, void (*changed)(void *userdata), void *userdata,
		 struct resolver **out) __attribute__((warn_unused_result));
/* Open one-offs fail (n == 0), and nothing may be asked from there. Closes its handles: run the
 * loop once more before it ends. Not to be called from a callback of its own. */
void resolver_free(struct resolver *r);
/* `dns_servers`: "host:port,host:port", empty = the system's (resolv.conf). /etc/hosts applies
 * either way. 0, or a negative errno with all as before: -EINVAL for what is no such list (names
 * are none). */
int resolver_servers(struct resolver *r, struct slice dns_servers);
/* The names that matter from now on: new ones are asked for at once, those not named are forgotten.
 */
void resolver_watch(struct resolver *r, const struct directory *d);
/* The same of one upstream, which directory_change has put in the place of `before`. */
void resolver_change(struct resolver *r, const struct directory_upstream *before,
		     const struct directory_upstream *next);
/* Is a name that was not noted being asked for, for the first time? A name delays one table, the
 * first that has it: what it resolves to later is a change of its own. */
bool resolver_awaited(const struct resolver *r);
void resolver_note(struct resolver *r); /* all that there are */
/* Nobody answers at the addresses of this host: they may be another one's by now, long before the
 * TTL is over (containers come back elsewhere), so the name is asked for again. Not within a second
 * of its last answer; as long as that changes nothing, ever more seldom, down to every 30 seconds.
 * NULL and literals are nothing. */
void resolver_doubt(struct resolver *r, const char *host);
/* The addresses now known for a host name or literal, sorted (IPv4 first), at most 16; 0 = none yet
 * or it does not resolve. They are the resolver's: valid until it runs again, those of a literal
 * until the next call. *generation changes with the set and never comes back, not even after the
 * name was forgotten; 0 = a literal, or nothing known. *settled: an answer (good or bad) has come
 * since the name was first watched. */
size_t resolver_get(const struct resolver *r, const char *host, const struct resolved **out,
		    uint64_t *generation, bool *settled);
/* All watched names have settled. */
bool resolver_settled(const struct resolver *r);
/* A walk over all of them. */
struct resolver_usage {
	uint64_t names, failing; /* watched; of them, those whose last question failed */
	int64_t oldest_wall;     /* the oldest of their last answers, seconds since 1970; 0: none */
};
void resolver_usage(const struct resolver *r, struct resolver_usage *out);
/* One-off: for the Redis connection; a name or a literal. `done` is called exactly once, never from
 * within this call, with n == 0 on failure; addresses valid during the call. */
void resolver_once(struct resolver *r, const char *host,
		   void (*done)(void *userdata, const struct resolved *a, size_t n),
		   void *userdata);
